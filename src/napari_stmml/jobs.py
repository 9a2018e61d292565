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
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar

from napari_stmml.classifier import Stopped, SurfaceClassifier
from napari_stmml.ingestlog import IngestLog
from napari_stmml.labelmap import predicted_map, put_aside_if_edited
from napari_stmml.mtrx import MtrxError, find_scans, read_mtrx
from napari_stmml.progress import throttled, with_time_left
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan, load_scans
from napari_stmml.training import Event, train_classifier

Report = Callable[[Event], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class TrainJob:
    """Train a model on the scans below ``paths`` and in the ``.npz`` file ``scans``; write it to ``out``."""

    kind: ClassVar[str] = "train"
    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def run(self, report: Report, should_stop: ShouldStop) -> None:
        """Train; a usable model so far stands at ``checkpoint`` after the first batch and every epoch."""
        if Path(self.out).is_dir():
            raise ValueError(f"{self.out} is a folder; name a file for the model")
        started = time.monotonic()
        out = Path(self.out)
        recipe = Recipe.from_dict(self.recipe)
        log = IngestLog(out.with_name(f"{out.stem}_report"), "train")
        told = _telling(report, log)
        try:
            classifier = train_classifier(
                log.watch(scans_of(self.paths, self.scans, told, should_stop)),
                recipe=recipe,
                seed=self.seed,
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
        return Path(f"{self.out}.checkpoint")

    def settle(self) -> Path | None:
        """After the process has gone: put the model so far in its place; return it, if there is one."""
        if not self.checkpoint.is_file():
            return None
        self.checkpoint.replace(self.out)
        return Path(self.out)


@dataclass(frozen=True)
class PredictJob:
    """Label the scans below ``paths`` and in the ``.npz`` file ``scans``; write maps to folder ``out``."""

    kind: ClassVar[str] = "predict"
    model: str
    out: str
    paths: tuple[str, ...] = ()
    scans: str = ""
    pitch: int | None = None
    figures: bool = True

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
        labels = range(1, len(classifier.class_names) + 1)
        taken: set[str] = set()
        for number, scan in enumerate(watch(scans_of(self.paths, self.scans, report, should_stop))):
            started = time.monotonic()
            tick = throttled(report)
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
                why = {"why": str(error), "reason": getattr(error, "reason", "cannot be prepared")}
                report({"event": "skipped", "scan": scan.name, "number": number, **why})
                continue
            look = (classifier.class_names, classifier.class_colours, Path(self.model).name)
            labelled = predicted_map(painted, scan, *look)
            stem = _free_name(scan, taken)
            path = Path(self.out) / f"{stem}_labels.tif"
            done = {"event": "predicted", "scan": scan.name, "number": number, "labels": str(path)}
            if edited := put_aside_if_edited(path):
                done["edited"] = str(edited)
            labelled.write(path)
            if self.figures:
                from napari_stmml.export import labels_figure, save_figure

                figure = save_figure(labels_figure(scan, labelled), Path(self.out) / f"{stem}_labels.png")
                done["figure"] = str(figure)
            values = painted.ravel()
            sizes = {int(label): int((values == label).sum()) for label in labels}
            report({**done, "pixels": sizes, "seconds": round(time.monotonic() - started, 2)})


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
        from napari_stmml.jobfile import JobFile
        from napari_stmml.pipeline import Pipeline

        job = JobFile.read(self.job)
        if self.include:
            job = JobFile({**job.values, "include": (*job.values["include"], *self.include)}, job.base)
        Pipeline(job, report, should_stop, self.processes).run(self.steps)


Job = TrainJob | PredictJob | RunJob
_KINDS: dict[str, Any] = {job.kind: job for job in (TrainJob, PredictJob, RunJob)}


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
        except (MtrxError, OSError) as error:
            report({"event": "skipped", "scan": str(path), "why": str(error)})
            continue
        for file in files:
            if should_stop():
                raise Stopped("stopped while scans were read")
            try:
                yield from read_mtrx(file)
            except (ValueError, OSError) as error:
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


def _keep(classifier: SurfaceClassifier, path: Path, report: Report) -> None:
    classifier.save(path)
    report({"event": "kept", "model": str(path), "epochs": len(classifier.training["history"])})


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
