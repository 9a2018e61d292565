"""Debian's Grid Engine of one node on this machine alone, for as long as a test needs it."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tests.slurm import said, wait_until

ROOT = Path("/var/lib/gridengine")
PROGRAMS = ("sge_qmaster", "sge_execd", "qconf", "qsub", "qstat")
_MASTER = ROOT / "default/common/act_qmaster"
_ENVIRONMENT = {"SGE_ROOT": str(ROOT), "SGE_CELL": "default", "EDITOR": "true"}
_HOST = """hostname localhost
load_scaling NONE
complex_values NONE
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
"""
_PLACES = """pe_name smp
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
"""
_QUEUE = {
    "qname": "stmml.q",
    "hostlist": "localhost",
    "slots": "4",
    "pe_list": "smp",
    "load_thresholds": "NONE",
}


def is_there():
    """Say whether it can be started: root, its programs as Debian leaves them, and no master in use."""
    fresh = _MASTER.is_file() and not _MASTER.read_text().strip()
    return fresh and all(map(shutil.which, PROGRAMS)) and os.getuid() == 0


@contextmanager
def grid_engine(folder):
    """Start it; yield the environment of its commands."""
    environment = os.environ | _ENVIRONMENT
    host = os.uname().nodename
    _MASTER.write_text("localhost\n")
    _MASTER.with_name("host_aliases").write_text(f"localhost {host} {host.partition('.')[0]}\n")
    try:
        subprocess.run(["sge_qmaster"], env=environment, check=True, timeout=30)
        wait_until(lambda: "localhost" in said(["qconf", "-sh"], environment), 30)
        _configure(folder, environment)
        subprocess.run(["sge_execd"], env=environment, check=True, timeout=30)
        wait_until(lambda: "lx-" in said(["qhost", "-h", "localhost"], environment), 60)
        yield environment
    finally:
        for what in ("-ke", "localhost"), ("-km",):
            subprocess.run(["qconf", *what], env=environment, check=False, capture_output=True, timeout=30)
        _MASTER.write_text("\n")


def _configure(folder, environment):
    """Add a host, places and a queue, unless an earlier test has; let root submit, and look often."""

    def changed(asked, **values):
        text = said(["qconf", asked], environment)
        for name, value in values.items():
            text = re.sub(rf"^{name}\s.*$", f"{name} {value}", text, flags=re.MULTILINE)
        return text

    files = {
        "-Ae": ("host", _HOST),
        "-Ap": ("places", _PLACES),
        "-Aq": ("queue", changed("-sq", **_QUEUE)),
        "-Mconf": ("global", changed("-sconf", min_uid="0", min_gid="0")),
        "-Msconf": ("scheduler", changed("-ssconf", schedule_interval="0:0:2")),
    }
    subprocess.run(["qconf", "-as", "localhost"], env=environment, check=False, timeout=30)
    for option, (name, text) in files.items():
        (folder / name).write_text(text)
        command = ["qconf", option, str(folder / name)]
        subprocess.run(command, env=environment, check=False, timeout=30, cwd=folder)
