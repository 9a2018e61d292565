"""A whole job on N simulated files: seconds of each step, scans a second, and peak memory of every process.

Run as ``python benchmarks/batch.py [N …]`` (20 and 200 if none is given); prints a markdown table. Files
are made once, in ``--folder`` or a temporary folder, 128 px on 8.5 nm in four directions each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

JOB = """
job_name = "job{n}"
train_path = ["scans{n}"]
window_pitch = 16
epochs = 2
num_clusters = 8
predict_window_pitch = 8
cluster_batch_size = 1024
"""


def main() -> None:
    """Measure every N in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=int, default=[20, 200])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="stmml-bench-"))
    print("| files | step | s | scans/s | peak MB, main process | peak MB, all processes |")
    print("|---|---|---|---|---|---|")
    for n in options.files:
        simulate(n, folder / f"scans{n}")
        job = folder / f"job{n}.toml"
        job.write_text(JOB.format(n=n))
        for step in ("process", "train", "cluster", "predict"):
            seconds, main_peak, all_peak = measured(
                [sys.executable, "-m", "napari_stmml.cli", step, str(job)]
            )
            rate = f"{n / seconds:.2f}" if step in ("process", "predict") else ""
            print(f"| {n} | {step} | {seconds:.1f} | {rate} | {main_peak} | {all_peak} |", flush=True)
    print(f"\nfiles in {folder}")


def simulate(n: int, folder: Path) -> None:
    """Write n files of Si(001) and hexagonal surfaces, ten surfaces over and over with other noise."""
    from napari_stmml.io.matrix.writer import Frame, write_session
    from napari_stmml.scan import DIRECTIONS
    from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001, with_artefacts

    if folder.exists():
        return
    makes = [simulate_si001, simulate_hexagonal]
    surfaces = [makes[i % 2]((128, 128), 8.5, seed=i) for i in range(10)]
    frames = []
    for i in range(n):
        noisy = (
            with_artefacts(surfaces[i % 10], tilt_nm=0.3, bow_nm=0.02, seed=4 * i + k).heights
            for k in range(4)
        )
        heights = dict(zip(DIRECTIONS, noisy, strict=True))
        frames.append(Frame(heights, width_nm=8.5, height_nm=8.5, bias=-1.7, setpoint=0.05))
    write_session(folder, frames)


def measured(command: list[str]) -> tuple[float, int, int]:
    """Run a command; return seconds, and the peak memory in MB of itself and of it with its children."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peaks = [0, 0]

    def watch() -> None:
        while process.poll() is None:
            own = resident(process.pid)
            peaks[0] = max(peaks[0], own)
            peaks[1] = max(peaks[1], own + sum(resident(child) for child in children(process.pid)))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, said = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(said)
    return time.perf_counter() - began, peaks[0] // 1024, peaks[1] // 1024


def resident(pid: int) -> int:
    """Return the memory of a process in kB; 0 if it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def children(pid: int) -> list[int]:
    """List the processes below a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found + [below for child in found for below in children(child) if os.path.exists(f"/proc/{child}")]


if __name__ == "__main__":
    main()
