"""Layers that Predict makes: which scan and model each is of; what is painted on one is kept as truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.truth.map_strokes import MapTruth
from napari_stmml.viewer.io.layers import NAMES, labels_from_layer

PREDICTION = "stmml_prediction"  # of layer.metadata
_TRUTHS: "WeakKeyDictionary[Any, MapTruth]" = (
    WeakKeyDictionary()
)  # of layers: a copy of one is painted by itself


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
        As predicted.
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
        if (truth := truth_of(layer)) is None or truth.is_kept(layer.data):
            continue
        try:
            kept.append(truth.keep(*painted_state(layer), str(layer.name)))
        except (ValueError, OSError) as error:
            lost.append(lost_sentence(str(layer.name), error))
    return [sentence for sentence in kept if sentence], lost


def truth_of(layer: Any) -> MapTruth | None:
    """Return the truth that a map of Predict is painted into; None for other layers."""
    made = prediction_of(layer)
    if made is None:
        return None
    if layer not in _TRUTHS:
        _TRUTHS[layer] = MapTruth(made.scan, made.lineage, made.labels, layer.metadata.get(NAMES) or ())
    return _TRUTHS[layer]


def painted_state(layer: Any) -> tuple[np.ndarray, dict[int, str], dict[int, str]]:
    """Return labels, names and colours of a map as they are now, which a thread can keep."""
    data, meta, _ = layer.as_layer_data_tuple()
    found = labels_from_layer(data, meta)
    return np.array(data), dict(found.names), dict(found.colours)


def lost_sentence(name: str, error: Exception) -> str:
    """Say that what is painted on a map of this name could not be kept."""
    return f"What was painted on “{name}” is on that layer alone: {error}"


def _identity(scan: Scan) -> tuple[Any, ...]:
    return scan.source, scan.channel, scan.direction, scan.heights.shape
