"""Long work as jobs: run here by the command line, or by a process of its own for the viewer; no Qt here.

Run as a program, this is that process: it is told its jobs as JSON lines on standard input and
tells its progress as JSON lines on standard output. Its other side is ``worker.py``.
"""

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar
from uuid import uuid4

from napari_stmml.events import (
    CellsReady,
    Event,
    Failed,
    FilesDone,
    Finished,
    Listener,
    ModelKept,
    ModelTrained,
    ScanProgress,
    Skipped,
    UncertainFound,
    ignore,
    to_json,
)
from napari_stmml.heights.two_biases import paired
from napari_stmml.io.formats import find_scans, read_scan_file
from napari_stmml.jobs.ingest_log import IngestLog
from napari_stmml.jobs.predict_scans import (
    Predicted,
    ScanTask,
    label_scan,
    predict_scan,
    scan_tasks,
    write_predicted,
)
from napari_stmml.model.cell_store import write_cells
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.training import train_classifier
from napari_stmml.recipe import CELL, Recipe, get_recipe
from napari_stmml.scan import Scan, ScanFileError, load_scans
from napari_stmml.system.pool import Outcome, Pool
from napari_stmml.system.progress import Stopped, throttled, until_stopped, with_time_left
from napari_stmml.truth.doubts import answers_of, doubts

Report = Listener
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class TrainJob:
    """Train a model on the scans below ``paths`` and in the ``.npz`` file ``scans``; write it to ``out``.

    With ``auto``, it has the number of clusters that is proposed; clusters that it shares with the model
    ``like`` keep their names.
    """

    kind: ClassVar[str] = "train"
    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    auto: bool = False
    like: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Train; a usable model so far stands at ``checkpoint`` after the first batch and every epoch."""
        if Path(self.out).is_dir():
            raise ValueError(f"{self.out} is a folder; name a file for the model")
        started = time.monotonic()
        out = Path(self.out)
        recipe = Recipe.from_dict(self.recipe)
        like = SurfaceClassifier.load(self.like) if self.like else None
        log = IngestLog(out.with_name(f"{out.stem}_report"), "train")
        told = _telling(report, log)
        try:
            classifier = train_classifier(
                log.watch(scans_of(self.paths, self.scans, told, should_stop)),
                recipe=recipe,
                n_clusters="auto" if self.auto else None,
                seed=self.seed,
                like=like,
                on_event=with_time_left(told, recipe.epochs),
                keep=lambda so_far: _keep(so_far, self.checkpoint, report),
                should_stop=should_stop,
            )
        finally:
            about = {name: str(value) for name, value in recipe.as_dict().items()}
            if event := log.write(f"{out.name}: what it was trained on", self.paths, about):
                report(event)
        classifier.save(self.out)
        self.checkpoint.unlink(missing_ok=True)
        report(_trained(classifier, self.out, started, should_stop()))

    @property
    def checkpoint(self) -> Path:
        """Where the model so far stands while training runs."""
        return Path(f"{self.out}.checkpoint")

    def settle(self) -> Path | None:
        """After the process has gone: put the model so far in its place; return it, if there is one."""
        if not self.checkpoint.is_file():
            return None
        self.checkpoint.replace(self.out)
        return Path(self.out)


@dataclass(frozen=True)
class PredictJob:
    """Label the scans below ``paths`` and in the ``.npz`` file ``scans``; write maps to folder ``out``.

    With ``confidence``, a map of it is written beside each. ``figures`` is for folders of scans: pictures,
    the ingest report, and all cores.
    """

    kind: ClassVar[str] = "predict"
    model: str
    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    pitch: int | None = None
    figures: bool = True
    confidence: bool = False
    processes: int = 0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Predict scan by scan; a scan that cannot be labelled is reported and the others go on.

        With ``figures``, the folder gets the ingest report too.
        """
        if not self.figures:
            self._label(report, should_stop, lambda scans: scans)
            return
        log = IngestLog(Path(self.out) / "report", "predict")
        try:
            self._label(_telling(report, log), should_stop, log.watch)
        finally:
            about = {"model": self.model, "pitch": str(self.pitch or "the recipe's")}
            if event := log.write(f"{Path(self.out).name}: what was labelled", self.paths, about):
                report(event)

    def _label(
        self,
        report: Report,
        should_stop: ShouldStop,
        watch: Callable[[Iterable[Scan]], Iterable[Scan]],
    ) -> None:
        classifier = SurfaceClassifier.load(self.model)
        if self.pitch is not None and not classifier.encoder.has_pitch:
            raise ValueError(
                f"recipe {classifier.recipe.name} labels every cell of {CELL} px; a pitch is for windows"
            )
        scans = scans_of(self.paths, self.scans, report, should_stop)
        tasks = scan_tasks(
            watch(paired(scans, classifier.recipe.preprocessing)),
            model=self.model,
            out=self.out,
            pitch=self.pitch,
            figure=self.figures,
            confidence=self.confidence,
        )
        total, sources = _count_files(self.paths), set[str]()
        if not self.figures or (classifier.encoder.has_network and total < 2):  # other processes take a while
            for task in tasks:
                _report_labelled(report, label_scan(task, classifier, report, should_stop))
            return
        with Pool(self.processes) as pool:
            for name, source, outcome in self._outcomes(pool, tasks, classifier, report, should_stop):
                if outcome.error:
                    why = f"{name} could not be labelled: {outcome.error}"
                    report(Skipped(name, why))
                else:
                    _report_labelled(report, outcome.result)
                sources.add(source)
                report(FilesDone("predict", len(sources), total))
        if should_stop():
            raise Stopped("prediction was stopped")

    def _outcomes(
        self,
        pool: Any,
        tasks: Iterator[ScanTask],
        classifier: SurfaceClassifier,
        report: Report,
        should_stop: ShouldStop,
    ) -> Iterator[tuple[str, str, Outcome]]:
        """Yield what came of each scan: labelled in any process, or, by a network, here and written there."""
        going = until_stopped(tasks, should_stop)
        if not classifier.encoder.has_network:
            for outcome in pool.map(label_scan, going):
                yield outcome.task.scan.name, outcome.task.scan.source, outcome
            return
        left_out: list[tuple[str, str, Outcome]] = []

        def predicted() -> Iterator[Predicted]:
            for task in going:
                try:
                    made = predict_scan(task, classifier, report, should_stop)
                except Stopped:
                    return  # what is labelled is written all the same
                if isinstance(made, Predicted):
                    yield made
                else:
                    left_out.append((task.scan.name, task.scan.source, Outcome(task, [made])))

        for outcome in pool.map(write_predicted, predicted()):
            while left_out:
                yield left_out.pop(0)
            scan = outcome.task.task.scan
            yield scan.name, scan.source, replace(outcome, result=[outcome.result])
        yield from left_out


@dataclass(frozen=True)
class InstantJob:
    """Cluster the scans in the ``.npz`` file ``scans`` at once, and label them: no model is needed.

    The model that is made on the way stands at ``out``/instant.stmml.
    """

    kind: ClassVar[str] = "instant"
    out: str
    scans: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Cluster and label; a scan that cannot be used is reported."""
        started = time.monotonic()
        scans = load_scans(self.scans)
        recipe = Recipe.from_dict(self.recipe)
        ready = list(paired(scans, recipe.preprocessing))
        classifier = train_classifier(
            ready, recipe=recipe, seed=self.seed, on_event=report, should_stop=should_stop
        )
        model = Path(self.out) / "instant.stmml"
        model.parent.mkdir(parents=True, exist_ok=True)
        classifier.save(model)
        report(_trained(classifier, str(model), started, False))
        for task in scan_tasks(ready, model=str(model), out=self.out, confidence=True):
            _report_labelled(report, label_scan(task, classifier, ignore, should_stop))


@dataclass(frozen=True)
class ProposeJob:
    """Propose how many clusters to take, from the filters of recipe ``instant``: nothing is trained."""

    kind: ClassVar[str] = "propose"
    paths: tuple[str, ...] = ()
    scans: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Report `ClustersProposed`."""
        asked = Recipe.from_dict(self.recipe)
        quick = get_recipe("instant", pixel_density=asked.pixel_density, resample=asked.resample)
        train_classifier(
            scans_of(self.paths, self.scans, report, should_stop),
            recipe=quick,
            n_clusters="auto",
            seed=self.seed,
            on_event=report,
            should_stop=should_stop,
        )


@dataclass(frozen=True)
class CellsJob:
    """Write what a model makes of the cells of the scans in the ``.npz`` file ``scans``, to folder ``out``.

    The viewer corrects with it: labels follow from it in a moment, whatever is painted or merged.
    """

    kind: ClassVar[str] = "cells"
    model: str
    out: str
    scans: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Report `CellsReady` of each scan, or why it is left out."""
        classifier = SurfaceClassifier.load(self.model)
        tick = throttled(report)
        for number, scan in enumerate(load_scans(self.scans)):
            path = Path(self.out) / f"cells-{uuid4().hex}.npy"  # what is open already may be in use

            def progress(done: int, total: int, name: str = scan.name) -> None:
                tick(ScanProgress(name, done, total), done >= total)

            try:
                file = write_cells(classifier, scan, path, on_progress=progress, should_stop=should_stop)
            except ValueError as error:
                report(Skipped(scan.name, str(error), number=number))
                continue
            report(CellsReady(number, file.path, file.kind, file.shape))


@dataclass(frozen=True)
class LookJob:
    """Find the places that a model is least sure of, in the scans below ``paths``; nothing is written."""

    kind: ClassVar[str] = "look"
    model: str
    paths: tuple[str, ...]
    most: int = 30
    scans: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Report `UncertainFound` of each direction, with at most ``most`` places."""
        classifier = SurfaceClassifier.load(self.model)
        scans = scans_of(self.paths, self.scans, report, should_stop)
        total, sources = _count_files(self.paths), set[str]()
        for scan in paired(scans, classifier.recipe.preprocessing):
            try:
                found = doubts([answers_of(classifier, scan, should_stop=should_stop)], most=self.most)
            except ValueError as error:
                report(Skipped(scan.name, str(error)))
                continue
            where = (scan.name, scan.source, scan.channel, scan.direction)
            report(UncertainFound(*where, tuple(found)))
            sources.add(scan.source)
            report(FilesDone("look", len(sources), total))


@dataclass(frozen=True)
class RunJob:
    """Do steps of the job in a TOML file; what is done already is left as it is."""

    kind: ClassVar[str] = "run"
    job: str
    steps: tuple[str, ...] = ("process", "train", "cluster", "predict")
    include: tuple[str, ...] = ()
    processes: int = 0
    scans: str = ""

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Run the steps; started again after a stop of any kind, they go on where they were."""
        from napari_stmml.batch.job_file import JobFile
        from napari_stmml.batch.pipeline import Pipeline

        job = JobFile.read(self.job)
        if self.include:
            job = JobFile({**job.values, "include": (*job.values["include"], *self.include)}, job.base)
        Pipeline(job, report, should_stop, self.processes).run(self.steps)


Job = TrainJob | PredictJob | InstantJob | ProposeJob | CellsJob | LookJob | RunJob
_KINDS: dict[str, Any] = {
    job.kind: job for job in (TrainJob, PredictJob, InstantJob, ProposeJob, CellsJob, LookJob, RunJob)
}


def _trained(classifier: SurfaceClassifier, model: str, started: float, stopped: bool) -> ModelTrained:
    """Say in an event that there is a model."""
    return ModelTrained(
        model,
        classifier.recipe.name,
        epochs=len(classifier.training["history"]),
        stopped=stopped,
        cluster_sizes=tuple(classifier.training["cluster_sizes"]),
        seconds=round(time.monotonic() - started, 1),
    )


def _count_files(paths: Iterable[str]) -> int:
    """Count the data files below paths, for progress."""
    total = 0
    for path in paths:
        with contextlib.suppress(ScanFileError, OSError):  # said when it is read
            total += len(find_scans(path))
    return total


def _report_labelled(report: Report, events: Iterable[Event]) -> None:
    for event in events:
        report(event)


def _telling(report: Report, log: IngestLog) -> Report:
    """Return a listener that tells the ingest log as well."""

    def tell(event: Event) -> None:
        log.hear(event)
        report(event)

    return tell


def scans_of(paths: Iterable[str], npz: str, report: Report, should_stop: ShouldStop) -> Iterator[Scan]:
    """Read scans one file at a time; a file that gives none is reported, and the rest goes on."""
    if npz:
        yield from load_scans(npz)
    for path in paths:
        try:
            files = find_scans(path)
        except (ScanFileError, OSError) as error:
            report(Skipped(str(path), str(error)))
            continue
        for file in files:
            if should_stop():
                raise Stopped("stopped while scans were read")
            try:
                yield from read_scan_file(file)
            except (ValueError, OSError) as error:
                report(Skipped(str(file), str(error)))


def _keep(classifier: SurfaceClassifier, path: Path, report: Report) -> None:
    classifier.save(path)
    report(ModelKept(str(path), len(classifier.training["history"])))


class Warm:
    """Import what clustering and filters need, before anybody waits for it; no TensorFlow."""

    def run(self) -> None:
        """Cluster next to nothing."""
        import numpy as np

        scan = Scan(np.random.default_rng(0).normal(size=(96, 96)), (0.1, 0.1))
        with contextlib.suppress(Exception):  # it is only to be faster
            train_classifier([scan], recipe="instant", n_clusters=2, on_event=ignore)


def main() -> None:
    """Run jobs as they come on standard input, until it is closed."""
    # Whatever a library prints goes to the log: standard output is for events alone.
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)  # the viewer goes first
    jobs: SimpleQueue[Job | Warm | None] = SimpleQueue()
    stop = threading.Event()

    def hear() -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "ready" in message:  # a panel was opened: its first job is to find everything imported
                jobs.put(Warm())
            elif "job" in message:
                stop.clear()
                jobs.put(_KINDS[message["job"]](**message["values"]))
            else:
                stop.set()
        stop.set()  # the viewer has gone: keep the model so far and go as well
        jobs.put(None)

    def report(event: Event) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the work is finished all the same
            wire.write(to_json(event) + "\n")
            wire.flush()

    threading.Thread(target=hear, daemon=True).start()
    while (job := jobs.get()) is not None:
        if isinstance(job, Warm):
            job.run()
            continue
        report(_outcome(job, report, stop.is_set))


def _outcome(job: Job, report: Report, should_stop: ShouldStop) -> Event:
    """Run a job and say how it ended."""
    try:
        job.run(report, should_stop)
    except (ValueError, OSError, Stopped) as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - the edge of a process: said there, traced in its log
        traceback.print_exc()
        return Failed(f"an unexpected {type(error).__name__}: {error}")
    return Finished()


if __name__ == "__main__":
    main()
