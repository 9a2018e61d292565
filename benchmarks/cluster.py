"""What a Dask cluster costs: time a scan of the step process on its workers, against this machine's pool.

Run as ``python benchmarks/cluster.py [N] [ROUNDS] [PX]`` (300, 3, 64 if none is given): N simulated scans
of PX, in turn on two processes of this machine, on two workers and on one worker; each worker has one thread
and the settings of `batch.queue_script`. What starting takes, measured on four scans, is left out. Also
printed: the memory of the scheduler, a process of its own, while the scans are worked on.
"""

import contextlib
import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from napari_stmml.batch.engine import HERE, Cluster
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.queue_script import WORKER_SETTINGS
from napari_stmml.batch.run import run_job
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

FEW = 4
VALUES = {"recipe": "instant", "save_windows": False, "pixel_density": 8.0, "window_size": 16}


def main() -> None:
    """Print milliseconds a scan, of the clock and of processors, round by round."""
    n, rounds, px = [*map(int, sys.argv[1:]), *(300, 3, 64)[len(sys.argv) - 1 :]]
    base = Path(tempfile.mkdtemp(prefix="stmml-bench-"))
    write_scans(base / "few", FEW, px)
    write_scans(base / "many", n, px)
    logging.disable(logging.CRITICAL)
    with cluster(base, 2) as two, cluster(base, 1) as one:
        places = {"pool": (HERE, []), "2 workers": two, "1 worker": one}
        few = {}
        for name, place in places.items():
            run(base, "few", f"{name}-first", *place)
            few[name] = run(base, "few", f"{name}-few", *place)
        for number in range(rounds):
            for name, place in places.items():
                with memory(place[1][:1]) as seen:
                    made = run(base, "many", f"{name}{number}", *place)
                each = [1e3 * (one - some) / (n - FEW) for one, some in zip(made, few[name], strict=True)]
                text = "{:.2f} ms; of processors: all {:.2f}, this process {:.2f}, scheduler {:.2f}"
                mib = f"; scheduler {seen[0]:.0f}, {min(seen):.0f} to {max(seen):.0f} MiB" if seen else ""
                print(f"{name}: {text.format(*each)}; load {os.getloadavg()[0]:.1f}{mib}", flush=True)


@contextlib.contextmanager
def cluster(base: Path, workers: int) -> Iterator[tuple[Cluster, list[int]]]:
    """Start a scheduler and workers; yield where they are, and ids of their processes, its own first."""
    file = base / f"scheduler-{workers}.json"
    dask, here = [sys.executable, "-m", "distributed.cli.dask_scheduler"], ["--host", "127.0.0.1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    settings = dict(line.split("=") for line in WORKER_SETTINGS)
    started = [
        subprocess.Popen([*dask, *here, "--port", "0", "--no-dashboard", "--scheduler-file", file], **quiet)
    ]
    for number in range(workers):
        dask = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--scheduler-file",
            str(file),
            "--no-nanny",
        ]
        own = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(base / f"{workers}-{number}")]
        started.append(subprocess.Popen([*dask, *own], env={**os.environ, **settings}, **quiet))
    while not file.is_file():
        time.sleep(0.1)
    try:
        yield Cluster(scheduler_file=str(file)), [process.pid for process in started]
    finally:
        for process in reversed(started):
            process.terminate()


@contextlib.contextmanager
def memory(pids: list[int]) -> Iterator[list[float]]:
    """Look at the memory of a process, in MiB, every second."""
    seen: list[float] = []
    done = threading.Event()

    def look() -> None:
        while pids and not done.is_set():
            seen.append(psutil.Process(pids[0]).memory_info().rss / 2**20)
            done.wait(1)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def write_scans(folder: Path, n: int, px: int) -> None:
    """Write a session of one surface with different noise, two directions a file."""
    nm = px * 6 / 64
    heights = simulate_si001((px, px), nm, seed=0).heights
    rng = np.random.default_rng(0)
    frames = (
        Frame(
            {one: heights + rng.normal(0, 0.002, heights.shape) for one in DIRECTIONS[:2]},
            width_nm=nm,
            height_nm=nm,
        )
        for _ in range(n)
    )
    write_session(folder, list(frames), session="s")


def run(base: Path, which: str, name: str, cluster: Cluster, pids: list[int]) -> list[float]:
    """Do the step process; return s of the clock, and of the processors of all, this and the scheduler."""
    job = JobFile({**VALUES, "job_name": name, "train_path": [str(base / which)]}, base)
    before = seconds(pids)
    run_job(job, ("process",), processes=2, on_cluster=cluster)
    return [after - one for one, after in zip(before, seconds(pids), strict=True)]


def seconds(pids: list[int]) -> list[float]:
    """Return s of the clock, and of the processors that all, this process and the first of pids have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own, others = time.process_time(), [sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids]
    every = own + children.ru_utime + children.ru_stime + sum(others)
    return [time.monotonic(), every, own, others[0] if others else 0.0]


if __name__ == "__main__":
    main()
