"""A SLURM of one node on this machine alone, for as long as a test needs it."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
_CONF = """ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:2
"""


def is_there():
    """Say whether SLURM can be started: its programs, and root."""
    return all(map(shutil.which, PROGRAMS)) and os.getuid() == 0


@contextmanager
def slurm(folder, port):
    """Start it; yield the environment of its commands."""
    host = os.uname().nodename.partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o600)
    conf = folder / "slurm.conf"
    conf.write_text(_CONF.format(folder=folder, host=host, port=port, node_port=port + 1))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    names = {"key": "key-file", "munge.socket": "socket", "pid": "pid-file", "log": "log-file"}
    munge = [f"--{option}={folder / name}" for name, option in (names | {"seed": "seed-file"}).items()]
    commands = (
        ["munged", "--foreground", "--force", *munge],
        ["slurmctld", "-D", "-f", str(conf)],
        ["slurmd", "-D", "-f", str(conf), "-N", host],
    )
    started = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("w") as out:
                started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
            if command[0] == "munged":
                wait_until(lambda: (folder / "munge.socket").exists(), 10)
        asked = ["sinfo", "--noheader", "--format=%T"]
        wait_until(lambda: "idle" in said(asked, environment), 30)
        yield environment
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(20)


def said(command, environment):
    """Run a command and return what it printed."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def wait_until(is_so, seconds):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited for {seconds} s in vain"
        time.sleep(0.2)
