"""The work that `benchmarks.kills` kills: run as ``python -m benchmarks.kills_work FOLDER WHAT``."""

import sys
from pathlib import Path

import numpy as np

from benchmarks.kills import INSTANT, SAID, STROKES
from napari_stmml.io.formats import read_scan_file
from napari_stmml.recipe import get_recipe
from napari_stmml.truth.truth_file import TruthFile

RECIPE = get_recipe("instant", num_clusters=INSTANT["num_clusters"]).as_dict()


def say(what: str) -> None:
    """Tell the process that kills this one."""
    print(what, flush=True)


def step(case: Path, name: str) -> None:
    """Do a step of the job."""
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.run import run_job

    job = JobFile.read(case / "job.toml")
    say(SAID)
    run_job(job, [name], processes=2)


def train(case: Path) -> None:
    """Train a model as the command line does."""
    from napari_stmml.events import ignore
    from napari_stmml.jobs.requests import TrainModel
    from napari_stmml.jobs.run_request import run

    say(SAID)
    run(TrainModel(str(case / "m.stmml"), (str(case / "scans"),), RECIPE), ignore, lambda: False)


def viewer(case: Path) -> None:
    """Train a model in a worker, as a panel of the viewer does."""
    from napari_stmml.events import Ended
    from napari_stmml.jobs.requests import TrainModel
    from napari_stmml.jobs.worker_process import Worker
    from napari_stmml.system.temporary import TemporaryFolder

    scans = [scan for file in sorted((case / "scans").glob("*.Z_mtrx")) for scan in read_scan_file(file)]
    features = TemporaryFolder()
    worker = Worker(features.path)
    say(SAID)
    worker.submit(TrainModel(str(case / "m.stmml"), recipe=RECIPE), scans)
    while not isinstance(worker.events.get(), Ended):
        pass
    worker.close()
    features.cleanup()


def strokes(case: Path) -> None:
    """Paint a row after the other, and save each at once."""
    file = truth_of(case)
    found = file.load()
    labels = np.zeros(file.key.shape, np.uint8) if found is None else found.labels.astype(np.uint8)
    say(SAID)
    for row in range(strokes_in(file), STROKES):
        labels = labels.copy()
        labels[row] = 1 + row
        file.save(labels, {1 + row: f"row {row}"}, {})
        say(f"saved {row + 1}")


def truth_of(case: Path) -> TruthFile:
    """Return the truth of the first scan, as a window that has just been opened has it."""
    file = next(iter(sorted((case / "scans").glob("*.Z_mtrx"))))
    return TruthFile(read_scan_file(file)[0], folder=case / "home" / "truth")


def strokes_in(file: TruthFile) -> int:
    """Count the strokes in a truth."""
    found = file.load()
    if found is None:
        return 0
    rows = found.labels[:, 0]
    count = int((rows > 0).sum())
    if not (
        found.labels == np.where(np.arange(len(rows)) < count, np.arange(len(rows)) + 1, 0)[:, None]
    ).all():
        raise ValueError("a stroke is there in part")
    return count


if __name__ == "__main__":
    {"step": step, "train": train, "viewer": viewer, "strokes": strokes}[sys.argv[2]](
        Path(sys.argv[1]), *sys.argv[3:]
    )
