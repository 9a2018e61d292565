"""Layers that Predict makes: which scan and model each is of; what is painted on one is kept as truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.classes import MOST, is_numbered
from napari_stmml.scan import Scan
from napari_stmml.text import counted
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.io.layers import labels_from_layer

PREDICTION = "stmml_prediction"  # of layer.metadata


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a layer shows.

    Parameters
    ----------
    scan : Scan
        The one that was labelled.
    model : Path
        The file of the model then.
    lineage : str
        What tells labels of the model from those of others.
    labels : ndarray of int, shape (rows, cols)
        As predicted, or as they were when they were last kept.
    """

    scan: Scan
    model: Path
    lineage: str
    labels: np.ndarray = field(repr=False)

    def is_of(self, scan: Scan) -> bool:
        """Whether it is of a scan, whatever was done to its heights since."""
        return _identity(self.scan) == _identity(scan)


def prediction_of(layer: Any) -> Prediction | None:
    """Return what Predict noted on a layer; None if it is none of its maps, or has another size now."""
    made = layer.metadata.get(PREDICTION)
    known = isinstance(made, Prediction) and made.labels.shape == np.shape(layer.data)
    return made if known else None


def shown_map(viewer: Any, scans: Sequence[Scan]) -> Any:
    """Return the map of Predict that is seen on some scans.

    Parameters
    ----------
    viewer : napari.Viewer
    scans : sequence of Scan

    Returns
    -------
    napari layer or None
        The active one, or else the topmost that is visible, or else the topmost.
    """

    def seen(layer: Any) -> tuple[bool, bool]:
        return layer == viewer.layers.selection.active, bool(layer.visible)

    return max(reversed(maps_of(viewer.layers, scans)), key=seen, default=None)


def maps_of(layers: Iterable[Any], scans: Sequence[Scan]) -> list[Any]:
    """List the maps of Predict among layers that are of some scans."""
    made = ((layer, prediction_of(layer)) for layer in layers)
    return [layer for layer, known in made if known and any(known.is_of(scan) for scan in scans)]


def note_model(layers: Iterable[Any], lineage: str, path: Path) -> None:
    """Note on the maps of a model where its file is now; it is told by its lineage."""
    for layer in layers:
        made = prediction_of(layer)
        if made is not None and made.lineage == lineage:
            layer.metadata[PREDICTION] = replace(made, model=path)


def keep_strokes(layers: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Keep what was painted on maps of Predict as truth of their scans; other layers are passed over.

    Parameters
    ----------
    layers : iterable of napari layers

    Returns
    -------
    kept : list of str
        A sentence for each map on which somebody has painted.
    lost : list of str
        A sentence for each map whose strokes could not be kept: they are on their layer alone.
    """
    kept: list[str] = []
    lost: list[str] = []
    for layer in layers:
        made = prediction_of(layer)
        if made is None or np.array_equal(layer.data, made.labels):
            continue
        try:
            kept.append(_keep(layer, made))
        except (ValueError, OSError) as error:
            lost.append(f"What was painted on “{layer.name}” is on that layer alone: {error}")
        else:
            now = np.array(layer.data)
            layer.metadata[PREDICTION] = replace(made, labels=now)
    return kept, lost


def _keep(layer: Any, made: Prediction) -> str:
    """Join what was painted on a map with the truth of its scan; say so."""
    data, meta, _ = layer.as_layer_data_tuple()
    painted = np.where(data != made.labels, data, 0)
    if painted.max(initial=0) > MOST:
        raise ValueError(f"label {painted.max()} is above {MOST}, the highest that a truth can hold")
    if not painted.any():
        return f"What was erased on “{layer.name}” comes back: the truth of a scan holds classes alone."
    found = labels_from_layer(data, meta)
    names = {label: _lasting(name) for label, name in found.names.items()}
    TruthFile(made.scan).save(painted.astype(np.uint8), names, dict(found.colours), made.lineage)
    pixels = int(np.count_nonzero(painted))
    verb = "is" if pixels == 1 else "are"
    return f"{counted(pixels, 'pixel')} painted on “{layer.name}” {verb} kept as truth of the scan."


def _lasting(name: str) -> str:
    """Return a name that no other model has for something else, as each has a cluster 1.

    >>> _lasting("cluster 3"), _lasting("step edge")
    ('cluster 3 as painted', 'step edge')
    """
    return f"{name} as painted" if is_numbered(name) else name


def _identity(scan: Scan) -> tuple[Any, ...]:
    return scan.source, scan.channel, scan.direction, scan.heights.shape
