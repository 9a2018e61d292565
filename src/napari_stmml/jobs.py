"""Long work, in this process for the command line and in one of its own for the viewer; no Qt here.

A worker process is told its jobs as JSON lines on standard input and tells its progress as JSON
lines on standard output, so that TensorFlow can neither block nor take down a viewer.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from napari_stmml.classifier import Event, Stopped, SurfaceClassifier, train_classifier
from napari_stmml.labelmap import LabelMap
from napari_stmml.mtrx import MtrxError, find_scans, read_mtrx
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan, load_scans, save_scans

Report = Callable[[Event], None]
ShouldStop = Callable[[], bool]
SECONDS_TO_STOP = 1.8  # a cancelled job that has not ended by then is ended
SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True)
class TrainJob:
    """Train a model on the scans below ``paths`` and in the ``.npz`` file ``scans``; write it to ``out``."""

    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Train; a usable model so far stands at ``checkpoint`` after the first batch and every epoch."""
        started = time.monotonic()
        classifier = train_classifier(
            _scans(self.paths, self.scans, report, should_stop),
            recipe=Recipe.from_dict(self.recipe),
            seed=self.seed,
            on_event=_with_time_left(report, self.recipe.get("epochs", Recipe.epochs)),
            keep=lambda so_far: _keep(so_far, self.checkpoint, report),
            should_stop=should_stop,
        )
        classifier.save(self.out)
        self.checkpoint.unlink(missing_ok=True)
        report(
            {
                "event": "trained",
                "model": self.out,
                "epochs": len(classifier.training["history"]),
                "stopped": should_stop(),
                "cluster_sizes": classifier.training["cluster_sizes"],
                "seconds": round(time.monotonic() - started, 1),
            }
        )

    @property
    def checkpoint(self) -> Path:
        """Where the model so far stands while training runs."""
        out = Path(self.out)
        return out.with_name(f"{out.stem}-checkpoint.stmml")

    def settle(self) -> Path | None:
        """After the process has gone: put the model so far in its place; return it, if there is one."""
        if not self.checkpoint.is_file():
            return None
        self.checkpoint.replace(self.out)
        return Path(self.out)


@dataclass(frozen=True)
class PredictJob:
    """Label the scans below ``paths`` and in the ``.npz`` file ``scans``; write maps to folder ``out``."""

    model: str
    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    pitch: int | None = None
    figures: bool = True

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Predict scan by scan; a scan that cannot be labelled is reported and the others go on."""
        classifier = SurfaceClassifier.load(self.model)
        labels = range(1, len(classifier.class_names) + 1)
        taken: set[str] = set()
        for number, scan in enumerate(_scans(self.paths, self.scans, report, should_stop)):
            started = time.monotonic()
            tick = _throttled(report)
            try:
                painted = classifier.predict(
                    scan,
                    pitch=self.pitch,
                    on_progress=lambda done, total, name=scan.name, tick=tick: tick(  # type: ignore[misc]
                        {"event": "progress", "scan": name, "done": done, "total": total}, done == total
                    ),
                    should_stop=should_stop,
                )
            except Stopped:
                raise
            except ValueError as error:
                report({"event": "skipped", "scan": scan.name, "number": number, "why": str(error)})
                continue
            labelled = LabelMap(
                painted,
                scan.pixel_size,
                names=dict(zip(labels, classifier.class_names, strict=True)),
                colours=dict(zip(labels, classifier.class_colours, strict=True)),
                name=f"labels {scan.short_name}",
                scan={**scan.settings(), "model": Path(self.model).name, "predicted": _digest(painted)},
            )
            stem = _free_name(scan, taken)
            path = Path(self.out) / f"{stem}_labels.tif"
            done = {"event": "predicted", "scan": scan.name, "number": number, "labels": str(path)}
            if edited := _put_aside_if_edited(path):
                done["edited"] = str(edited)
            labelled.write(path)
            if self.figures:
                from napari_stmml.export import labels_figure, save_figure

                figure = save_figure(labels_figure(scan, labelled), Path(self.out) / f"{stem}_labels.png")
                done["figure"] = str(figure)
            values = painted.ravel()
            sizes = {int(label): int((values == label).sum()) for label in labels}
            report({**done, "pixels": sizes, "seconds": round(time.monotonic() - started, 2)})


Job = TrainJob | PredictJob
_KINDS: dict[str, type[TrainJob] | type[PredictJob]] = {"train": TrainJob, "predict": PredictJob}


def _scans(paths: Iterable[str], npz: str, report: Report, should_stop: ShouldStop) -> Iterator[Scan]:
    """Read scans one file at a time; a file that gives none is reported, and the rest goes on."""
    if npz:
        yield from load_scans(npz)
    for path in paths:
        try:
            files = find_scans(path)
        except MtrxError as error:
            report({"event": "skipped", "scan": str(path), "why": str(error)})
            continue
        for file in files:
            if should_stop():
                raise Stopped("stopped while scans were read")
            try:
                yield from read_mtrx(file)
            except MtrxError as error:
                report({"event": "skipped", "scan": str(file), "why": str(error)})


def _free_name(scan: Scan, taken: set[str]) -> str:
    """Name a scan's files: its stem, the channel unless it is Z, the direction, a number if that is taken."""
    parts = [scan.stem, "" if scan.channel == "Z" else scan.channel, scan.short_direction]
    name = plain = "_".join(part for part in parts if part)
    number = 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name


def _digest(labels: np.ndarray) -> str:
    """Tell label maps apart, whatever the type of their numbers."""
    return hashlib.sha256(labels.astype("<u4").tobytes()).hexdigest()


def _put_aside_if_edited(path: Path) -> Path | None:
    """Rename a map that is not as a prediction wrote it: what a person painted is never overwritten."""
    if not path.exists():
        return None
    try:
        old = LabelMap.read(path)
        if old.scan.get("predicted") == _digest(old.labels):
            return None
    except ValueError:
        pass  # not even a map of ours: all the more not ours to overwrite
    number, aside = 1, path.with_name(f"{path.stem}_edited.tif")
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}_edited_{number}.tif")
    return path.rename(aside)


def _keep(classifier: SurfaceClassifier, path: Path, report: Report) -> None:
    classifier.save(path)
    report({"event": "kept", "model": str(path), "epochs": len(classifier.training["history"])})


def _throttled(report: Report) -> Callable[[Event, bool], None]:
    """Pass on at most five events a second, and those that are the last of their kind."""
    last = [0.0]

    def tick(event: Event, always: bool) -> None:
        now = time.monotonic()
        if always or now - last[0] >= SECONDS_BETWEEN_REPORTS:
            last[0] = now
            report(event)

    return tick


def _with_time_left(report: Report, epochs: int) -> Report:
    """Add ``fraction`` and ``seconds_left`` of the training to every event of a batch."""
    first: list[tuple[float, float]] = []
    tick = _throttled(report)

    def add(event: Event) -> None:
        if event["event"] != "batch":
            report(event)
            return
        fraction = (event["epoch"] - 1 + event["batch"] / event["batches"]) / epochs
        now = time.monotonic()
        # The first batch compiles the network; the pace is taken from the second on.
        first.append((now, fraction)) if not first else None
        began, share = first[0]
        left = (now - began) / (fraction - share) * (1 - fraction) if fraction > share else None
        left = None if left is None else round(left, 1)
        tick(
            {**event, "epochs": epochs, "fraction": fraction, "seconds_left": left},
            event["batch"] == event["batches"],
        )

    return add


class Worker:
    """A process of its own that runs one job after the other, and stays for the next.

    Everything it has to say arrives in ``events``, a queue of dicts; every job ends with one of
    ``finished``, ``failed`` (``why``) or ``died`` (``why``). A process that dies takes nothing with it.
    """

    def __init__(self) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.job: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="stmml-")
        self._cancelled = False
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """A folder for this worker's files; it goes with the worker."""
        return Path(self._folder.name)

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return None if self._process is None else self._process.pid

    def submit(self, job: Job, scans: Iterable[Scan] = ()) -> None:
        """Start a job and return at once; ``scans`` travel to it through a file.

        Raises
        ------
        RuntimeError
            If a job is still running.
        """
        if self.job is not None:
            raise RuntimeError("a job is still running")
        self.job, self._cancelled = job, False
        # Writing scans and starting Python takes a while: not in the thread that asks.
        threading.Thread(target=self._deliver, args=(job, list(scans)), daemon=True).start()

    def cancel(self) -> None:
        """Ask the job to stop and keep what it has; if it has not within 1.8 s, end the process."""
        job = self.job
        if job is None or self._cancelled:
            return
        self._cancelled = True
        self._tell({"stop": True})
        timer = threading.Timer(SECONDS_TO_STOP, lambda: self.kill() if self.job is job else None)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End the process now."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._cancelled = True  # on purpose: what ends now is no failure
        self.kill()
        if self._process is not None:
            self._process.wait(5)
        self._folder.cleanup()

    def _deliver(self, job: Job, scans: list[Scan]) -> None:
        try:
            values = asdict(job)
            if scans:
                values["scans"] = str(self.folder / "scans.npz")
                save_scans(values["scans"], scans)
            with self._lock:
                if self._process is None or self._process.poll() is not None:
                    self._process = self._start()
            kind = "train" if isinstance(job, TrainJob) else "predict"
            self._tell({"job": kind, "values": values})
            if self._cancelled:  # asked for while all this went on
                self._tell({"stop": True})
        except OSError as error:
            self._end({"event": "failed", "why": f"the job could not be started: {error}"})

    def _start(self) -> subprocess.Popen[str]:
        with (self.folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "napari_stmml.jobs"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would open a console
                text=True,
                encoding="utf-8",
            )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _tell(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            return  # it has gone; _listen says so

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue  # the process was ended in the middle of a line
            if event["event"] in ("finished", "failed"):
                self._end(event)
            else:
                self.events.put(event)
        code = process.wait()
        process.stdout.close()
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # what it was told last, it did not hear
                process.stdin.close()
        if self.job is not None and process is self._process:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._end({"event": "died", "why": f"its process ended before its work was done ({how})"})

    def _end(self, event: Event) -> None:
        job, self.job = self.job, None
        event = {**event, "cancelled": self._cancelled}
        if event["event"] == "died" and isinstance(job, TrainJob) and (model := job.settle()):
            event["model"] = str(model)
        self.events.put(event)


def main() -> None:
    """Run jobs as they come on standard input, until it is closed."""
    # Whatever a library prints goes to the log: standard output is for events alone.
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)  # the viewer goes first
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    stop = threading.Event()

    def hear() -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "job" in message:
                stop.clear()
                jobs.put(_KINDS[message["job"]](**message["values"]))
            else:
                stop.set()
        stop.set()  # the viewer has gone: keep the model so far and go as well
        jobs.put(None)

    def report(event: Event) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the work is finished all the same
            wire.write(json.dumps(event) + "\n")
            wire.flush()

    threading.Thread(target=hear, daemon=True).start()
    while (job := jobs.get()) is not None:
        report(_outcome(job, report, stop.is_set))


def _outcome(job: Job, report: Report, should_stop: ShouldStop) -> Event:
    """Run a job and say how it ended."""
    try:
        job.run(report, should_stop)
    except (ValueError, OSError, Stopped) as error:
        return {"event": "failed", "why": str(error)}
    except Exception as error:  # noqa: BLE001 - the edge of a process: said there, traced in its log
        traceback.print_exc()
        return {"event": "failed", "why": f"an unexpected {type(error).__name__}: {error}"}
    return {"event": "finished"}


if __name__ == "__main__":
    main()
