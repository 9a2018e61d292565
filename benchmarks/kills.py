"""Kill jobs, trainings, viewers, workers and savers at random moments, let them go on, compare the results.

Run as ``python -m benchmarks.kills 60``; prints a markdown table. Each kill is a SIGKILL at a random moment
between the first and the last line of the work, which is then started again, at once, and does all that is
left. What it ends with is compared with what an undisturbed run leaves. In between, every file that has its
final name must be whole; in the end, nothing that is half written or temporary may be left.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.batch import children

STROKES = 60
SECONDS_TO_GO = 90  # for a worker whose viewer was killed
NETWORK = {
    "recipe": "srsml24",
    "pixel_density": 8.0,
    "window_size": 16,
    "window_pitch": 8,
    "epochs": 6,
    "batch_size": 32,
    "num_clusters": 3,
    "predict_window_pitch": 8,
}
INSTANT = {"recipe": "instant", "num_clusters": 3, "save_latent": True, "save_windows": True}
SAID = "begun"


@dataclass
class Subject:
    """Work that is killed.

    Parameters
    ----------
    name : str
        As the table has it.
    what : tuple of str
        What ``do`` does.
    before : tuple of str
        Steps of a job that are done first, undisturbed.
    job : dict
        The job's values, if it is one.
    worker : bool
        Kill the process that it has started, not the one that started that.
    """

    name: str
    what: tuple[str, ...]
    before: tuple[str, ...] = ()
    job: dict = field(default_factory=dict)
    worker: bool = False
    kills: int = 0
    same: int = 0
    complaints: list[str] = field(default_factory=list)


def subjects() -> list[Subject]:
    """List what is killed."""
    return [
        Subject("a job, step process", ("step", "process"), job=INSTANT),
        Subject("a job, step cluster", ("step", "cluster"), ("process", "train"), INSTANT),
        Subject("a job, step predict", ("step", "predict"), ("process", "train", "cluster"), INSTANT),
        Subject("a job, step train (a network)", ("step", "train"), ("process",), NETWORK),
        Subject("a training (`stmml train`)", ("train",)),
        Subject("a viewer; its worker trains", ("viewer",)),
        Subject("the worker of a viewer", ("viewer",), worker=True),
        Subject(f"a truth being saved, {STROKES} strokes", ("strokes",)),
    ]


def main() -> None:
    """Kill as often as asked, each subject in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=60)
    parser.add_argument("--only", default="", help="subjects whose name has this in it")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [one for one in subjects() if options.only in one.name]
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        write_scans(folder / "scans")
        for number, subject in enumerate(chosen):
            share = options.kills * (number + 1) // len(chosen) - options.kills * number // len(chosen)
            kill_often(subject, share, folder, random.Random(f"{options.seed} {subject.name}"))
    print("| killed | kills | ended as undisturbed | anything else |\n|---|---|---|---|")
    for one in chosen:
        print(f"| {one.name} | {one.kills} | {one.same} | {'; '.join(one.complaints) or 'none'} |")
    kills, same = (sum(getattr(one, of) for one in chosen) for of in ("kills", "same"))
    print(f"| all | {kills} | {same} | {sum(len(one.complaints) for one in chosen)} |")
    sys.exit(same < kills)


def write_scans(folder: Path) -> None:
    """Write four scans of 64 px on 6 nm, two directions each."""
    from napari_stmml.io.matrix.writer import Frame, write_session
    from napari_stmml.simulate.surfaces import simulate_si001

    surfaces = [simulate_si001((64, 64), 6.0, seed=seed).heights for seed in range(4)]
    frames = [Frame(dict.fromkeys(("forward/up", "backward/up"), one), 6.0, 6.0) for one in surfaces]
    write_session(folder, frames)


def kill_often(subject: Subject, kills: int, folder: Path, rng: random.Random) -> None:
    """Do the work undisturbed, then kill it as often as asked and let it go on."""
    case, start = folder / "case", folder / "start"
    make(subject, case, folder / "scans")
    for step in subject.before:
        finish(case, "step", step)
    shutil.rmtree(start, ignore_errors=True)
    case.rename(start)
    again(start, case)
    seconds, wrong = finish(case, *subject.what)
    if wrong:
        raise SystemExit(f"{subject.name}: {wrong[0]}")
    expected = contents(case)
    while subject.kills < kills:
        again(start, case)
        killed, said, left = kill(subject, case, rng, seconds)
        if not killed:  # it had ended
            seconds *= 0.9
            continue
        subject.kills += 1
        wrong = [*faults(case, said), *left, *finish(case, *subject.what)[1]]
        found = contents(case)
        wrong += [
            f"differs: {one}" for one in sorted(expected | found) if expected.get(one) != found.get(one)
        ]
        wrong += [f"left: {one.relative_to(case)}" for one in leftovers(case)]
        subject.same += not wrong
        subject.complaints += wrong
        print(
            f"{subject.name}: {subject.kills} of {kills}, {wrong or 'the same'}", file=sys.stderr, flush=True
        )


def make(subject: Subject, case: Path, scans: Path) -> None:
    """Make the folder that the work is done in: its scans, its home, and its own temporary folder."""
    from napari_stmml.batch.job_file import JobFile

    shutil.rmtree(case, ignore_errors=True)
    for name in ("home", "tmp"):
        (case / name).mkdir(parents=True)
    shutil.copytree(scans, case / "scans")
    if subject.job:
        values = {**subject.job, "job_name": "job", "train_path": [str(case / "scans")]}
        JobFile(values, case).write(case / "job.toml")


def again(start: Path, case: Path) -> None:
    """Put the work back to its start, dates of files included."""
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(start, case)


def started(case: Path, what: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start the work in a process of its own, with a home and a temporary folder of its own."""
    own = {"TMPDIR": str(case / "tmp"), "NAPARI_STMML_HOME": str(case / "home"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    command = [sys.executable, "-m", "benchmarks.kills_work", str(case), *what]
    with (case / "log.txt").open("a") as log:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **dict.fromkeys(threads, "1"), **own},
        )


def finish(case: Path, *what: str) -> tuple[float, list[str]]:
    """Do the work to its end; return how many seconds it took after its first line, and what went wrong."""
    process = started(case, what)
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    process.communicate()
    log = (case / "log.txt").read_text()[-300:]
    wrong = [f"a start ended with {process.returncode}: {log!r}"] if process.returncode else []
    return time.monotonic() - began, wrong


def kill(subject: Subject, case: Path, rng: random.Random, seconds: float) -> tuple[bool, str, list[str]]:
    """Start the work and kill it; return whether that hit it, what it had said, and what did not end."""
    process = started(case, subject.what)
    assert process.stdout is not None
    process.stdout.readline()  # that it has begun
    until = time.monotonic() + rng.uniform(0, seconds)
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.002)
    below = children(process.pid)
    if subject.worker:
        for pid in below[:1]:
            os.kill(pid, 9)
        said, hit = process.communicate()[0], bool(below)
    else:
        process.kill()
        said, hit = process.communicate()[0], process.returncode == -9
    until = time.monotonic() + (SECONDS_TO_GO if "viewer" in subject.what else 0)
    while any(alive(pid) for pid in below) and time.monotonic() < until:
        time.sleep(0.05)
    left = [pid for pid in below if alive(pid)] if "viewer" in subject.what else []
    return hit, said, [f"process {pid} did not end" for pid in left]


def alive(pid: int) -> bool:
    """Say whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def leftovers(case: Path) -> list[Path]:
    """List what is half written or temporary."""
    return [*case.rglob(".stmml-*"), *(case / "tmp").iterdir()]


def files_of(case: Path) -> Iterator[tuple[str, Path]]:
    """List the files that matter, with their names: no reports, which have dates, no locks and no log."""
    for path in sorted(case.rglob("*")):
        name = path.relative_to(case).as_posix()
        skipped = name.startswith(("tmp/", "scans/default", "home/locks")) or "report/" in name
        if path.is_file() and not skipped and path.suffix not in (".bak", ".lock") and name != "log.txt":
            yield name, path


def contents(case: Path) -> dict[str, str]:
    """Return a hash of every file that matters; dates of models and truths are left out."""
    found = {}
    for name, path in files_of(case):
        if path.name.startswith("."):
            continue
        known = READERS.get(path.suffix, Path.read_bytes)(path)
        found[name] = hashlib.sha256(known if isinstance(known, bytes) else repr(known).encode()).hexdigest()
    return found


def faults(case: Path, said: str) -> list[str]:
    """Read every file that has its final name; return what is not whole, and strokes that were lost."""
    wrong = []
    for name, path in files_of(case):
        if path.name.startswith("."):
            continue
        try:
            READERS.get(path.suffix, Path.read_bytes)(path)
            if path.suffix != ".txt" and path.stat().st_size == 0:
                raise ValueError("it is empty")
        except (ValueError, OSError) as error:
            wrong.append(f"half written: {name}: {error}")
    saved = [int(line.split()[1]) for line in said.splitlines() if line.startswith("saved")]
    if saved:
        from benchmarks.kills_work import strokes_in, truth_of

        there = strokes_in(truth_of(case))
        if there < saved[-1]:
            wrong.append(f"{saved[-1]} strokes were called saved, and {there} are there")
    return wrong


def _model(path: Path) -> object:
    from napari_stmml.model.model_file import read

    about, arrays = read(path)
    training = {name: value for name, value in about.get("training", {}).items() if name != "created"}
    return {**about, "training": training}, {name: array.tobytes() for name, array in arrays.items()}


def _map(path: Path) -> object:
    from napari_stmml.io.label_tiff import LabelMap

    found = LabelMap.read(path)
    settings = {name: value for name, value in found.scan.items() if name != "truth"}
    return found.labels.tobytes(), dict(found.names), settings


READERS: dict[str, Callable[[Path], object]] = {
    ".stmml": _model,
    ".tif": _map,
    ".npy": lambda path: np.load(path, allow_pickle=False).tobytes(),
    ".json": lambda path: json.loads(path.read_text("utf-8")),
}

if __name__ == "__main__":
    main()
