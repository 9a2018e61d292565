"""The files of a labelled scan: label map, confidence, figure, overlay, log of its windows, record."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_stmml.batch.job_folder import one_name
from napari_stmml.batch.records import LabelRecord, write_record
from napari_stmml.batch.scan_files import density_of, starts_of
from napari_stmml.classes import Classes
from napari_stmml.events import ScanLabelled
from napari_stmml.features.painting import paint_scan
from napari_stmml.heights.flatten import flatten
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.label_tiff import LabelMap, write_values
from napari_stmml.io.predicted_map import predicted_map, put_aside_if_edited
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.truth.overlay import with_truth


@dataclass(frozen=True, eq=False)
class LabelTask:
    """A scan to label.

    Parameters
    ----------
    scan : Scan
        With ``other`` where the recipe takes both biases, unless it is prepared.
    stem : str
        How the names of its files begin, below ``Wanted.out``.
    name : str
        What it is called in events.
    number : int or None
        Which scan of a request it is, from 0.
    prepared : str
        The file of its prepared map; empty if it is to be prepared.
    fingerprint : str
        What its record says that its files depend on.
    """

    scan: Scan = field(repr=False)
    stem: str
    name: str
    number: int | None = None
    prepared: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which files are made of every labelled scan, and where they go.

    Parameters
    ----------
    model, out : str
        The model's file, and the folder of the files.
    pitch : int or None
        Step between windows in px; the recipe's, if there is none.
    confidence, figure, exemplars : bool
        A map of the confidence; a figure of scan and labels, with the most typical place of each class.
    job : WantedByJob or None
        What a job asks for on top.
    """

    model: str
    out: str
    pitch: int | None = None
    confidence: bool = False
    figure: bool = False
    exemplars: bool = False
    job: "WantedByJob | None" = None


@dataclass(frozen=True)
class WantedByJob:
    """What a job makes of every labelled scan: an overlay, a log of the windows, and a record in ``folder``.

    Parameters
    ----------
    folder : str
        The job's, which the record's paths are relative to.
    recipe : Recipe
    alpha : float
        Opacity of the classes in the overlay.
    cmap : str
        Colours of its heights.
    """

    folder: str
    recipe: Recipe
    alpha: float
    cmap: str


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of a scan.

    Parameters
    ----------
    labels, confidence : ndarray, shape (rows, cols) of the grid
        Of every window or cell, 0 = no label.
    grid : WindowGrid
    shape : (int, int)
        px of the prepared map.
    classes : Classes
        Of the model.
    lineage : str
        What tells its labels from those of other models.
    exemplars : ndarray or None
        Of its clusters, for the figure.
    seconds : float
        How long it took.
    doubt : str
        Why the labels may mean little; empty where there is no reason.
    borders : ndarray of uint8, shape ``shape``, or None
        Which cell each pixel has its label from: `features.borders`.
    """

    labels: np.ndarray = field(repr=False)
    confidence: np.ndarray = field(repr=False)
    grid: WindowGrid
    shape: tuple[int, int]
    classes: Classes
    lineage: str
    exemplars: np.ndarray | None = field(default=None, repr=False)
    seconds: float = 0.0
    doubt: str = ""
    borders: np.ndarray | None = field(default=None, repr=False)


def write_labels(task: LabelTask, answer: Answer, wanted: Wanted) -> ScanLabelled:
    """Write the files of a labelled scan; a label map that a person edited is put aside first.

    What a person painted on the scan wins over what the model says.

    Parameters
    ----------
    task : LabelTask
    answer : Answer
    wanted : Wanted

    Returns
    -------
    ScanLabelled
    """
    started, scan = time.monotonic(), task.scan
    about = (answer.grid, answer.shape, scan, True, answer.borders)
    labels, confidence = paint_scan(answer.labels, answer.confidence, *about)
    shown = with_truth(labels, scan, answer.classes, answer.lineage)
    model = Path(wanted.model).name
    legend, background = shown.classes.legend, shown.classes.background
    labelled = predicted_map(shown.labels, scan, *legend, model, shown.painted, background=background)
    path = _path(task, wanted, "labels.tif")
    edited = put_aside_if_edited(path)
    labelled.write(path)
    sure = figure = overlay = log = None
    if wanted.confidence:
        sure = write_values(_path(task, wanted, "confidence.tif"), confidence, scan.pixel_size)
    if wanted.figure:
        from napari_stmml.figures.drawing import save_figure
        from napari_stmml.figures.labels_figure import labels_figure

        picture = labels_figure(scan, labelled, answer.exemplars)
        figure = save_figure(picture, _path(task, wanted, "labels.png"))
    if wanted.job:
        overlay = _write_overlay(task, wanted, wanted.job, labelled)
        log = _write_log(task, answer, wanted, wanted.job)
        made = [path, *(one for one in (figure, overlay, log) if one)]
        outputs = tuple(one.relative_to(wanted.job.folder).as_posix() for one in made)
        record = LabelRecord(task.fingerprint, outputs, scan.source)
        write_record(record_path(Path(wanted.job.folder), task.stem), record)
    sizes = np.bincount(shown.labels.ravel(), minlength=shown.classes.n + 1)
    unlike = int(np.count_nonzero(np.nan_to_num(confidence) < 0))
    files = {"confidence": sure, "figure": figure, "overlay": overlay, "log": log, "edited": edited}
    return ScanLabelled(
        task.name,
        str(path),
        task.number,
        scan.source or None,
        painted=shown.painted or None,
        problem=shown.problem or None,
        doubt=answer.doubt or None,
        pixels={label: int(sizes[label]) for label in sorted(shown.classes.order)},
        unlike=unlike,
        seconds=round(answer.seconds + time.monotonic() - started, 2),
        **{kind: str(file) for kind, file in files.items() if file},
    )


def record_path(folder: Path, name: str) -> Path:
    """Return the path of the record of a direction's labels, which is written after their files."""
    return folder / "state" / "predict" / f"{one_name(name, '~')}.json"


def _path(task: LabelTask, wanted: Wanted, end: str) -> Path:
    return Path(wanted.out) / f"{task.stem}_{end}"


def _write_overlay(task: LabelTask, wanted: Wanted, job: WantedByJob, labelled: LabelMap) -> Path:
    """Draw the classes over the scan, flattened as the recipe does it."""
    from napari_stmml.figures.pictures import save_overlay

    heights = np.where(np.isfinite(task.scan.heights), task.scan.heights, np.nan)
    flat = flatten(heights, job.recipe.flatten_method)
    cmap = "gray" if job.cmap == "stm" else job.cmap
    path = _path(task, wanted, "overlay.png")
    return save_overlay(path, task.scan, flat, labelled, alpha=job.alpha, cmap=cmap)


def _write_log(task: LabelTask, answer: Answer, wanted: Wanted, job: WantedByJob) -> Path:
    """Write the windows that the model labelled; nothing that a person painted is in it."""
    from napari_stmml.io.tables import save_window_log

    windows = np.argwhere(answer.labels)
    return save_window_log(
        _path(task, wanted, "windows.txt"),
        starts_of(windows, answer.grid, answer.shape),
        answer.labels[tuple(windows.T)],
        answer.confidence[tuple(windows.T)],
        window=answer.grid.window,
        pixel_density=density_of(task.scan, job.recipe),
    )
