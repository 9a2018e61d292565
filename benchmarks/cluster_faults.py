"""What dies on a cluster, and what is left: a job for each fault, its files compared byte for byte.

Run as ``python -m benchmarks.cluster_faults [N] [FAULT ...]`` from the folder of a clone: N simulated scans
(24 if none is given), a real scheduler, three real workers and the job as processes
of their own on this machine. The undisturbed job is that of this machine's processes. Prints what the job
said and whether files differ.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from napari_stmml.batch.job_file import JobFile
from tests.batch.test_dask_engine import members
from tests.batch.test_run import FILTERS, TINY, assert_same_results, write_scans

BAD = "s--1_7.Z_mtrx"
WORKERS, SECONDS = 3, 300
# Read by Python itself when it starts. It acts in processes that another one has started: workers and pools.
CUSTOMIZE = f"""
import errno, multiprocessing, os, signal, sys, time

def hook(event, args, fault=os.environ.get("STMML_FAULT")):
    if event != "open" or multiprocessing.parent_process() is None:
        return
    path, mode = str(args[0]), str(args[1])
    if path.endswith({BAD!r}) and fault == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if path.endswith({BAD!r}) and fault == "memory":
        taken = []
        while True:
            taken.append(bytearray(os.urandom(1 << 20) * 16))
            time.sleep(0.02)
    if fault == "disk" and "/job/" in path and not path.endswith(".lock") and set(mode) & set("wxa+"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

if os.environ.get("STMML_FAULT"):
    sys.addaudithook(hook)
"""


class Disturbed:
    """A job on a cluster of this machine, in a folder of its own."""

    def __init__(self, base: Path, scans: Path, fault: str = "") -> None:
        base.mkdir()
        (base / "site").mkdir()
        (base / "site/sitecustomize.py").write_text(CUSTOMIZE)
        self.base, self.fault, self.started = base, fault, []
        values = {**TINY, **FILTERS, "train_path": [str(scans)], "structures.find": True, "job_name": "job"}
        self.job = JobFile(values, base)
        self.path = self.job.write(base / "job.toml")
        self.file = base / "scheduler.json"

    def start_cluster(self, faults: tuple[str, ...] = ("",) * WORKERS, memory: str = "0") -> None:
        """Start scheduler and workers, each worker with a fault or none."""
        here = ["--host", "127.0.0.1"]
        self.file.unlink(missing_ok=True)
        self.scheduler = self._start(
            "dask_scheduler", *here, "--port", "0", "--no-dashboard", "--scheduler-file", self.file
        )
        own = ["--nthreads", "1", "--no-dashboard", "--memory-limit", memory, "--death-timeout", "60"]
        while not self.file.is_file():
            time.sleep(0.05)
        self.workers = [
            self._start(
                "dask_worker",
                *("--scheduler-file", self.file, *here, *own),
                *("--local-directory", self.base / f"worker{number}"),
                STMML_FAULT=fault,
            )
            for number, fault in enumerate(faults)
        ]

    def run(self, on_cluster: bool = True, **env: str) -> subprocess.Popen:
        """Start the job."""
        where = ["--scheduler-file", self.file] if on_cluster else ["--processes", "2"]
        return self._start("run", self.path, *where, module="napari_stmml.cli", keep=True, **env)

    def _start(
        self, program: str, *more: object, module: str = "", keep: bool = False, **env: str
    ) -> subprocess.Popen:
        call = [module, program] if module else [f"distributed.cli.{program}"]
        path = os.pathsep.join([str(self.base / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
        settings = {**os.environ, "PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        out = subprocess.PIPE if keep else subprocess.DEVNULL
        command = [sys.executable, "-m", *map(str, [*call, *more])]
        process = subprocess.Popen(
            command, env={**settings, **env}, stdout=out, stderr=out and subprocess.STDOUT, text=True
        )
        self.started.append(process)
        return process

    def wait_for_records(self, least: int, process: subprocess.Popen) -> None:
        """Wait until some scans are done."""
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            if len(list((self.job.folder / "state/process").glob("[!.]*.json"))) >= least:
                return
            time.sleep(0.002)
        raise RuntimeError(f"the job was over before there were {least} records")

    def close(self) -> None:
        """End all that was started."""
        for process in self.started:
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kill a process and all that it has started."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    process.wait()


def finish(process: subprocess.Popen) -> tuple[int, str]:
    """Wait for a job; return how it ended and what it said that a person has to know."""
    said, _ = process.communicate(timeout=SECONDS)
    marks = ("left out", "gone", "has no workers", "error", "Error", "could not", "s--1_7", "done already")
    lines = [" ".join(line.split()) for line in said.splitlines() if any(mark in line for mark in marks)]
    return process.returncode, " | ".join(dict.fromkeys(lines))


def kill_workers(number: int) -> Callable[[Disturbed], str]:
    """Return what kills so many of the workers, with what watches over them."""

    def disturb(one: Disturbed) -> str:
        one.start_cluster()
        job = one.run()
        one.wait_for_records(8, job)
        for worker in one.workers[:number]:
            kill(worker)
        return str(finish(job))

    return disturb


def kill_scheduler(one: Disturbed) -> str:
    """Kill the scheduler; start all anew."""
    one.start_cluster()
    job = one.run()
    one.wait_for_records(8, job)
    kill(one.scheduler)
    first = finish(job)
    for worker in one.workers:
        kill(worker)
    one.start_cluster()
    return f"{first} THEN {finish(one.run())}"


def kill_client(one: Disturbed) -> str:
    """Kill the job; start it again on the same cluster."""
    one.start_cluster()
    job = one.run()
    one.wait_for_records(8, job)
    kill(job)
    return f"killed THEN {finish(one.run())}"


def no_memory(one: Disturbed) -> str:
    """Let a scan take more memory than any worker has; do the job again on workers that have enough."""
    one.start_cluster(("memory",) * WORKERS, memory="600MiB")
    first = finish(one.run())
    for process in (*one.workers, one.scheduler):
        kill(process)
    one.start_cluster()
    return f"{first} THEN {finish(one.run())}"


def crash(one: Disturbed) -> str:
    """Let a scan crash each process that reads it."""
    one.start_cluster(("crash",) * WORKERS)
    return str(finish(one.run()))


def full_disk(one: Disturbed) -> str:
    """Let one of three workers have no room."""
    one.start_cluster(("disk", "", ""))
    return str(finish(one.run()))


def nothing(one: Disturbed) -> str:
    """Let nothing die."""
    one.start_cluster()
    return str(finish(one.run()))


FAULTS = {
    "none": nothing,
    "a worker killed": kill_workers(1),
    "two of three workers killed": kill_workers(2),
    "the scheduler killed": kill_scheduler,
    "the job killed": kill_client,
    "no memory": no_memory,
    "a scan that crashes": crash,
    "a full disk": full_disk,
}


def compared(folder: Path, undisturbed: Path) -> str:
    """Say whether two folders of jobs hold the same.

    A zip has a date, so what is in it is compared; what a job put aside, to do it again with a scan more, is
    left out.
    """
    shutil.rmtree(folder / "older", ignore_errors=True)
    types = [one / "structures/types.stmml" for one in (folder, undisturbed)]
    try:
        assert members(types[0]) == members(types[1]), "types.stmml"
        with tempfile.TemporaryDirectory() as aside:
            kept = shutil.move(types[1], aside)
            types[0].unlink()
            try:
                assert_same_results(folder, undisturbed)
            finally:
                shutil.move(kept, types[1])
    except (AssertionError, OSError) as error:
        return f"DIFFERENT: {str(error)[:600]}"
    return "the same bytes"


def main() -> None:
    """Print what came of each fault."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    base = Path(tempfile.mkdtemp(prefix="stmml-faults-"))
    write_scans(base / "scans", number)
    undisturbed = {}
    for name, env in {"": {}, "a scan that crashes": {"STMML_FAULT": "crash"}}.items():
        one = Disturbed(base / f"here{len(undisturbed)}", base / "scans")
        print("on this machine", name, finish(one.run(on_cluster=False, **env)), flush=True)
        undisturbed[name] = one.job.folder
    for name in sys.argv[2:] or FAULTS:
        one = Disturbed(base / name.replace(" ", "-"), base / "scans")
        began = time.monotonic()
        try:
            said = FAULTS[name](one)
        finally:
            one.close()
        same = compared(one.job.folder, undisturbed.get(name, undisturbed[""]))
        print(f"{name}: {time.monotonic() - began:.0f} s; {same}\n    {said}", flush=True)


if __name__ == "__main__":
    main()
