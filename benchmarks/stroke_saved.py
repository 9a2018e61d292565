"""What it costs to save a stroke, and how much of it is waiting for the disk.

Run as ``python -m benchmarks.stroke_saved [SIDE …]`` (256 512 1024 px if none is given), with ``--folder`` on
the disk in question; prints a markdown table. 200 strokes, 12 px wide, are saved one after the other as
*Correct* saves them. Waiting is the time in ``os.fsync``, of the file and of its folder.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_stmml import Scan
from napari_stmml.truth.truth_file import TruthFile

STROKES, WIDTH = 200, 12
NAMES = {label: f"class {label}" for label in range(1, 13)}


def main() -> None:
    """Measure every size in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", nargs="*", type=int, default=[256, 512, 1024])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    print("| px | a stroke saved, ms: median | largest | of this, waiting for the disk: median | largest |")
    print("|---|---|---|---|---|")
    for side in options.side:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            os.environ["NAPARI_STMML_HOME"] = f"{name}/home"
            times = 1e3 * measured(side, Path(name))
        cells = " | ".join(f"{np.median(one):.1f} | {one.max():.1f}" for one in times)
        print(f"| {side} x {side} | {cells} |", flush=True)


def measured(side: int, folder: Path) -> np.ndarray:
    """Save strokes on a scan; return seconds of each save, and of the waiting in it, (2, strokes)."""
    rng, sync, waited = np.random.default_rng(0), os.fsync, [0.0]

    def timed(handle: int) -> None:
        began = time.perf_counter()
        sync(handle)
        waited[-1] += time.perf_counter() - began

    (folder / "a.Z_mtrx").write_bytes(rng.bytes(side * side * 4))
    scan = Scan(rng.normal(size=(side, side)), (0.1, 0.1), source=str(folder / "a.Z_mtrx"))
    file, labels, took = TruthFile(scan), np.zeros((side, side), np.uint8), []
    file.save(labels, NAMES, {})  # the first imports and finds out where to write
    os.fsync = timed
    try:
        for number in range(STROKES):
            row, col = rng.integers(0, side - WIDTH, 2)
            labels = labels.copy()
            labels[row : row + WIDTH, col : col + WIDTH] = 1 + number % len(NAMES)
            waited.append(0.0)
            began = time.perf_counter()
            file.save(labels, NAMES, {})
            took.append(time.perf_counter() - began)
    finally:
        os.fsync = sync
    return np.array([took, waited[1:]])


if __name__ == "__main__":
    main()
