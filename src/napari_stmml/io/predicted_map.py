"""The label map of a prediction: marked as one, and moved aside once a person has edited it."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import replace
from napari_stmml.system.files import free_path


def predicted_map(
    labels: np.ndarray,
    scan: Scan,
    names: Mapping[int, str],
    colours: Mapping[int, str],
    model: str,
    painted: int = 0,
    background: Collection[int] = (),
) -> LabelMap:
    """Make the label map of a prediction, marked as one.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        On the scan's own pixels.
    scan : Scan
    names, colours : mapping of int to str
        Class name and ``#rrggbb`` of a label.
    model : str
        Name of the model file.
    painted : int
        How many pixels a person has painted.
    background : collection of int
        Labels that are no structure, and are shown faintly.

    Returns
    -------
    LabelMap
    """
    own: dict[str, Any] = {"painted by a person": painted} if painted else {}
    own |= {BACKGROUND: sorted(background)} if background else {}
    return LabelMap(
        labels,
        scan.pixel_size,
        names=dict(names),
        colours=dict(colours),
        name=f"labels {scan.short_name}",
        scan={**scan.settings(), "model": model, "predicted": label_digest(labels), **own},
    )


def put_aside_if_edited(path: Path) -> Path | None:
    """Rename a map that is not as a prediction wrote it, so that a person's work is never overwritten.

    Returns
    -------
    Path or None
        Its new name; None where there is no map, or one that a prediction wrote.
    """
    if not path.exists():
        return None
    try:
        old = LabelMap.read(path)
        if old.scan.get("predicted") == label_digest(old.labels):
            return None
    except ValueError:
        pass  # no map of ours, so not ours to overwrite
    return replace(path, free_path(path.with_name(f"{path.stem}_edited.tif")))


def label_digest(labels: np.ndarray) -> str:
    """Return the SHA-256 of labels, (rows, cols), whatever the type of their numbers."""
    return hashlib.sha256(labels.astype("<u4").tobytes()).hexdigest()
