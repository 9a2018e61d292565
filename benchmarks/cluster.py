"""What a Dask cluster costs: processor time and time a scan of the step process, against this machine's pool.

Run as ``python benchmarks/cluster.py [N] [ROUNDS]`` (150 and 3 if none is given): N simulated scans of 64 px
on two workers of this machine and on two processes, in turn. What starting takes, measured on four scans, is
left out.
"""

import logging
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import distributed
import numpy as np
import psutil

from napari_stmml.batch.engine import HERE, Cluster
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

FEW = 4
VALUES = {"recipe": "instant", "save_windows": False, "pixel_density": 8.0, "window_size": 16}


def main() -> None:
    """Print milliseconds a scan, of the clock and of all processes, round by round."""
    n, rounds = [*map(int, sys.argv[1:]), *(150, 3)[len(sys.argv) - 1 :]]
    base = Path(tempfile.mkdtemp(prefix="stmml-bench-"))
    write_scans(base / "few", FEW)
    write_scans(base / "many", n)
    logging.disable(logging.CRITICAL)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as two:
        with distributed.Client(two) as client:
            workers = list(client.run(os.getpid).values())
        places = {"pool": (HERE, []), "dask": (Cluster(two.scheduler_address), workers)}
        few = {}
        for name, place in places.items():
            run(base, "few", f"{name}-first", *place)
            few[name] = run(base, "few", f"{name}-few", *place)
        for number in range(rounds):
            for name, place in places.items():
                made = run(base, "many", f"{name}{number}", *place)
                wall, cpu = (
                    1e3 * (one - some) / (n - FEW) for one, some in zip(made, few[name], strict=True)
                )
                print(f"{name}: {wall:.1f} ms, {cpu:.1f} ms of processors; load {os.getloadavg()[0]:.1f}")


def write_scans(folder: Path, n: int) -> None:
    """Write a session of one surface with different noise, two directions a file."""
    heights = simulate_si001((64, 64), 6.0, seed=0).heights
    rng = np.random.default_rng(0)
    frames = [
        Frame(
            {one: heights + rng.normal(0, 0.002, heights.shape) for one in DIRECTIONS[:2]},
            width_nm=6.0,
            height_nm=6.0,
        )
        for _ in range(n)
    ]
    write_session(folder, frames, session="s")


def run(base: Path, which: str, name: str, cluster: Cluster, workers: list[int]) -> tuple[float, float]:
    """Do the step process; return s of the clock and of the processors of all processes."""
    job = JobFile({**VALUES, "job_name": name, "train_path": [str(base / which)]}, base)
    began, used = time.monotonic(), seconds(workers)
    run_job(job, ("process",), processes=2, on_cluster=cluster)
    return time.monotonic() - began, seconds(workers) - used


def seconds(workers: list[int]) -> float:
    """Return s of processors that this process, those that it has ended, and workers have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    return own + sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in workers)


if __name__ == "__main__":
    main()
