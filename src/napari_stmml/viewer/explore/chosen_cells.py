"""Cells of open scans that a person means: those of a class, or of the region under a click."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.session import Session

Masks = list[np.ndarray]  # (cells,) bool for each scan
MODIFIER = "Control"  # Shift and Alt have a use already


def shown_on_cells(one: OpenScan, classes: Classes) -> np.ndarray:
    """Return the labels of a scan's cells as they are shown, (cells,): a person's over the model's."""
    if not one.truth.data.any():
        return one.labels.ravel()
    painted = classes.of_painted(one.painted_cells())
    return np.where(painted > 0, painted, one.labels).astype(np.uint8).ravel()


def of_class(scans: Sequence[OpenScan], classes: Classes, label: int) -> Masks:
    """Find the cells that are shown as a class."""
    return [shown_on_cells(one, classes) == label for one in scans]


def of_region(
    scans: Sequence[OpenScan], classes: Classes, one: OpenScan, row: float, col: float
) -> tuple[Masks, int]:
    """Find the cells of the region that is shown at a place of a scan, in px, and its label; 0: no region."""
    from skimage.morphology import flood

    shown, cell = shown_on_cells(one, classes).reshape(one.labels.shape), one.to_cell(row, col)
    label = int(shown[cell])
    region = flood(shown, cell, connectivity=2).ravel() & (label > 0)
    return [region if other is one else np.zeros(other.labels.size, bool) for other in scans], label


def area_nm2(scans: Sequence[OpenScan], masks: Masks) -> float | None:
    """Return how large the cells are in nm²; None where a scan has no scale."""
    sides = [one.cell_nm for one in scans]
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        return None
    return float(sum(mask.sum() * side**2 for mask, side in zip(masks, known, strict=True)))


def listen(session: Session, do: Callable[[OpenScan, float, float], None]) -> Callable[..., Iterator[None]]:
    """Make a callback of the mouse: a click with Control on the current scan does something at that place.

    Meanwhile the layer is in no mode that paints: a click is no stroke.
    """

    def clicked(viewer: Any, event: Any) -> Iterator[None]:
        one = session.current
        if one is None or MODIFIER not in event.modifiers:
            return
        row, col = one.truth.world_to_data(event.position)
        rows, cols = one.truth.data.shape
        if not (-0.5 <= row < rows - 0.5 and -0.5 <= col < cols - 0.5):
            return
        mode, one.truth.mode = one.truth.mode, "pan_zoom"
        do(one, row, col)
        yield
        while event.type == "mouse_move":
            yield
        one.truth.mode = mode

    return clicked
