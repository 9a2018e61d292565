"""Seconds and memory of finding structures, each in a process of its own.

python -m benchmarks.structures.cost 0.1     # 512 x 512 px of 0.1 nm: seconds, GB more than before
python -m benchmarks.structures.cost slider  # 1024 x 1024 px: median ms of another sensitivity
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.structures.surfaces import EASY, make
from napari_stmml import Scan, find_structures

PIXELS_NM = (0.04, 0.1, 0.25)
KIND, CALLS = "rows", 5


def _scan(side: int, pixel_nm: float) -> Scan:
    return make(KIND, 200, settings=replace(EASY, pixel_nm=pixel_nm, size_nm=side * pixel_nm)).scan


def _median_s(call: Callable[[int], object]) -> tuple[float, float]:
    """Return the seconds of a call on the clock, and those of the processor."""
    taken = []
    for number in range(CALLS):
        started = time.perf_counter(), time.process_time()
        call(number)
        taken.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    clock, cpu = np.median(taken, axis=0)
    return float(clock), float(cpu)


def _peak_gb() -> float:
    """Return the largest memory that this process has had, without that of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024**2


def find(pixel_nm: float) -> dict[str, float]:
    """Measure finding and typing; the first call, on a small scan, imports what is needed."""
    scan = _scan(512, pixel_nm)
    find_structures(_scan(128, 0.1))
    before = _peak_gb()
    found = find_structures(scan)
    growth = _peak_gb() - before
    clock, cpu = _median_s(lambda _: find_structures(scan))
    return {"s": clock, "cpu": cpu, "GB": growth, "objects": len(found.table)}


def slider() -> dict[str, float]:
    """Measure another sensitivity, until the labels of what then counts are there."""
    found = find_structures(_scan(1024, 0.08))
    clock, _ = _median_s(lambda number: found.at(0.5 + 0.3 * number).labels(0))
    return {"ms": 1000 * clock}


def measured(what: str) -> dict[str, float]:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.structures.cost", what]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def lines() -> list[str]:
    """Return the tables of seconds and memory, in markdown."""
    rows = [(pixel, measured(str(pixel))) for pixel in PIXELS_NM]
    return [
        "| 512 x 512 px of | objects | s, median | s of CPU | memory, GB more than before |",
        "|---|---|---|---|---|",
        *(
            f"| {nm} nm | {one['objects']} | {one['s']:.2f} | {one['cpu']:.2f} | {one['GB']:.2f} |"
            for nm, one in rows
        ),
        "",
        f"Another sensitivity and its labels, 1024 x 1024 px: {measured('slider')['ms']:.0f} ms.",
    ]


if __name__ == "__main__":
    asked = sys.argv[1]
    print(json.dumps(slider() if asked == "slider" else find(float(asked))))
