"""Label one scan and write what comes of it: label map, figure, map of confidence; here or in any process."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.events import Event, Listener, ScanLabelled, ScanProgress, Skipped, ignore
from napari_stmml.io.label_tiff import write_values
from napari_stmml.io.predicted_map import predicted_map, put_aside_if_edited
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.system.progress import throttled
from napari_stmml.truth.overlay import CorrectedMap, with_truth


@dataclass(frozen=True, eq=False)
class ScanTask:
    """A scan to label with the model of a file; ``stem`` is the beginning of the names of its files."""

    scan: Scan = field(repr=False)
    number: int
    stem: str
    model: str
    out: str
    pitch: int | None = None
    figure: bool = False
    confidence: bool = False


def scan_tasks(scans: Iterable[Scan], **known: Any) -> Iterator[ScanTask]:
    """Make a task of each scan, with a name of its own for its files; ``known`` is the same for all."""
    taken: set[str] = set()
    for number, scan in enumerate(scans):
        yield ScanTask(scan, number, free_name(scan, taken), **known)


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model said of a scan, with what a person painted over it; it travels."""

    task: ScanTask
    shown: CorrectedMap
    confidence: np.ndarray = field(repr=False)
    exemplars: np.ndarray | None = field(repr=False)
    seconds: float


def label_scan(
    task: ScanTask,
    classifier: SurfaceClassifier | None = None,
    report: Listener = ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Event]:
    """Label a scan and write its files; return the events that say so, or why it was left out.

    What a person painted on the scan wins over what the model says.

    Parameters
    ----------
    task : ScanTask
    classifier : SurfaceClassifier, optional
        That of the task's model; without it, it is read once a process.
    report : callable
        Gets `ScanProgress`.
    should_stop : callable

    Raises
    ------
    Stopped
        If ``should_stop`` said so.
    """
    predicted = predict_scan(task, classifier or _loaded(task.model), report, should_stop)
    return [write_predicted(predicted) if isinstance(predicted, Predicted) else predicted]


def predict_scan(
    task: ScanTask,
    classifier: SurfaceClassifier,
    report: Listener = ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> Predicted | Skipped:
    """Label a scan, and write nothing yet; or return the event that says why it was left out.

    Raises
    ------
    Stopped
        If ``should_stop`` said so.
    """
    started = time.monotonic()
    scan, tick = task.scan, throttled(report)
    try:
        labels, confidence = classifier.predict(
            scan,
            pitch=task.pitch,
            return_confidence=True,
            on_progress=lambda done, total: tick(ScanProgress(scan.name, done, total), done == total),
            should_stop=should_stop,
        )
    except ValueError as error:
        reason = getattr(error, "reason", "cannot be prepared")
        return Skipped(scan.name, str(error), reason, task.number)
    shown = with_truth(labels, scan, classifier.classes, lineage(classifier.training))
    exemplars = classifier.exemplars if task.figure else None
    return Predicted(task, shown, confidence, exemplars, time.monotonic() - started)


def write_predicted(predicted: Predicted) -> ScanLabelled:
    """Write the files of a labelled scan; return the event that says so."""
    started = time.monotonic()
    task, scan, shown = predicted.task, predicted.task.scan, predicted.shown
    labelled = predicted_map(shown.labels, scan, *shown.classes.legend, Path(task.model).name, shown.painted)
    path = Path(task.out) / f"{task.stem}_labels.tif"
    edited, sure, figure = put_aside_if_edited(path), None, None
    labelled.write(path)
    if task.confidence:
        sure = Path(task.out) / f"{task.stem}_confidence.tif"
        write_values(sure, predicted.confidence, scan.pixel_size)
    if task.figure:
        from napari_stmml.figures.drawing import save_figure
        from napari_stmml.figures.labels_figure import labels_figure

        picture = labels_figure(scan, labelled, predicted.exemplars)
        figure = save_figure(picture, Path(task.out) / f"{task.stem}_labels.png")
    sizes = np.bincount(shown.labels.ravel(), minlength=shown.classes.n + 1)
    with np.errstate(invalid="ignore"):
        unlike = int((predicted.confidence < 0).sum())
    return ScanLabelled(
        scan.name,
        str(path),
        task.number,
        confidence=None if sure is None else str(sure),
        figure=None if figure is None else str(figure),
        edited=None if edited is None else str(edited),
        painted=shown.painted or None,
        problem=shown.problem or None,
        pixels={label: int(sizes[label]) for label in sorted(shown.classes.order)},
        unlike=unlike,
        seconds=round(predicted.seconds + time.monotonic() - started, 2),
    )


@lru_cache(maxsize=1)
def _loaded(model: str) -> SurfaceClassifier:
    return SurfaceClassifier.load(model)


def free_name(scan: Scan, taken: set[str]) -> str:
    """Name a scan's files: its stem, the channel unless it is Z, the direction, a number if that is taken."""
    parts = [scan.stem, "" if scan.channel == TOPOGRAPHY else scan.channel, scan.short_direction]
    name = plain = "_".join(part for part in parts if part)
    number = 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name
