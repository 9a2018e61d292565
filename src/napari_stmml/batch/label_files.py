"""What a job leaves of every labelled direction: label map, figures, and the log of its windows."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.batch.job_folder import one_name
from napari_stmml.batch.scan_files import density_of, starts_of
from napari_stmml.classes import Classes
from napari_stmml.features.painting import paint_scan
from napari_stmml.heights.two_biases import first_map, paired
from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.predicted_map import predicted_map, put_aside_if_edited
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.system.files import write_text
from napari_stmml.truth.overlay import with_truth


@dataclass(frozen=True, eq=False)
class Prepared:
    """One direction, ready to be labelled: heights flattened, float32 in nm, and prepared.

    ``heights`` are (rows, cols), or (2, rows, cols) of both biases.
    """

    scan: Scan
    name: str
    flat: np.ndarray = field(repr=False)
    heights: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """A file to read for labelling: which of its directions were taken in, and how to prepare them."""

    source: str
    place: str
    directions: tuple[str, ...]
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Writing:
    """A labelled direction to write: labels and confidence of its windows, and where everything goes.

    ``fingerprint`` is what its record says that its files depend on.
    """

    prepared: Prepared
    nearest: np.ndarray = field(repr=False)
    margin: np.ndarray = field(repr=False)
    recipe: Recipe
    fingerprint: str
    classes: Classes
    lineage: str
    model: str
    folder: str
    alpha: float
    cmap: str


@dataclass(frozen=True)
class Labelled:
    """What was written of one direction, relative to the job's folder, and where an edited map went.

    Of its labels ``painted`` px are a person's; ``problem`` says why some may be missing.
    """

    outputs: tuple[str, ...]
    edited: str = ""
    painted: int = 0
    problem: str = ""


def record_of(folder: Path, name: str) -> Path:
    """Return the file that says what was made of a direction; written last, so that it vouches for it."""
    return folder / "state" / "predict" / f"{one_name(name, '~')}.json"


def read_prepared(reading: Reading) -> list[Prepared]:
    """Read a file and prepare those of its directions that the job took in."""
    preparing = reading.recipe.preprocessing
    ready = []
    scans = read_scan_file(reading.source)
    for scan in paired(scans, preparing):
        if scan.short_direction in reading.directions:
            flat = preparing.flat(scan, force=True)  # limits were looked at when it was taken in
            name = f"{reading.place}_{scan.short_direction}"
            heights = preparing.normalised(flat, scan, force=True)
            # It travels between processes.
            small = replace(scan, heights=scan.heights.astype(np.float32), other=None)
            ready.append(Prepared(small, name, flat.astype(np.float32), heights))
    return ready


def write_labelled(writing: Writing) -> Labelled:
    """Write all files of one labelled direction; a label map that was edited is put aside first.

    What a person painted on the scan wins over what the model says; the log is of the model's windows.
    """
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.figures.labels_figure import labels_figure
    from napari_stmml.figures.pictures import save_overlay
    from napari_stmml.io.tables import save_window_log

    scan, prepared = writing.prepared.scan, writing.prepared.heights
    grid = writing.recipe.prediction_grid
    labels = paint_scan(writing.nearest, writing.margin, grid, first_map(prepared).shape, scan)
    shown = with_truth(labels, scan, writing.classes, writing.lineage)
    labelled = predicted_map(shown.labels, scan, *shown.classes.legend, writing.model, shown.painted)
    outputs = [f"predictions/{writing.prepared.name}_{end}" for end in _ENDS]
    tif, png, overlay, log = (Path(writing.folder) / output for output in outputs)
    edited = put_aside_if_edited(tif)
    labelled.write(tif)
    save_figure(labels_figure(scan, labelled), png)
    look: dict[str, Any] = {"alpha": writing.alpha}
    if writing.cmap != "stm":
        look["cmap"] = writing.cmap
    save_overlay(overlay, scan, writing.prepared.flat, labelled, **look)
    places = np.argwhere(writing.nearest)
    save_window_log(
        log,
        starts_of(first_map(prepared), places, grid),
        writing.nearest[tuple(places.T)],
        writing.margin[tuple(places.T)],
        window=grid.window,
        pixel_density=density_of(scan, writing.recipe),
    )
    record = {"fingerprint": writing.fingerprint, "outputs": outputs, "source": scan.source}
    write_text(record_of(Path(writing.folder), writing.prepared.name), json.dumps(record, indent=1))
    return Labelled(tuple(outputs), "" if edited is None else str(edited), shown.painted, shown.problem)


_ENDS = ("labels.tif", "labels.png", "overlay.png", "windows.txt")
