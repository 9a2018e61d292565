"""Cells of open scans that a person selects: those of a class, or of the region under a click."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.viewer.correct.session_layers import SessionLayers

Masks = list[np.ndarray]  # (cells,) bool for each scan
MODIFIER = "Control"  # Shift and Alt have a use already


def of_class(scans: Sequence[CorrectedScan], classes: Classes, label: int) -> Masks:
    """Find the cells that are shown as a class."""
    return [one.shown_cells(classes).ravel() == label for one in scans]


def of_region(
    scans: Sequence[CorrectedScan], classes: Classes, one: CorrectedScan, row: float, col: float
) -> tuple[Masks, int]:
    """Find the cells of the region that is shown at a position in px, and its label; 0: no region."""
    from skimage.morphology import flood

    shown, cell = one.shown_cells(classes), one.to_cell(row, col)
    label = int(shown[cell])
    region = flood(shown, cell, connectivity=2).ravel() & (label > 0)
    return [region if other is one else np.zeros(other.labels.size, bool) for other in scans], label


def area_nm2(scans: Sequence[CorrectedScan], masks: Masks) -> float | None:
    """Return the area of the cells in nm²; None where a scan has no scale."""
    areas = [mask.sum() * one.cell_nm**2 for one, mask in zip(scans, masks, strict=True) if one.cell_nm]
    return float(sum(areas)) if len(areas) == len(scans) else None


def on_click(
    correction: SessionLayers, do: Callable[[CorrectedScan, float, float], None]
) -> Callable[..., Iterator[None]]:
    """Make a callback of the mouse: a click with Control on the current scan does something at that position.

    Meanwhile the layer is in no mode that paints: a click is no stroke.
    """

    def clicked(viewer: Any, event: Any) -> Iterator[None]:
        one = correction.session.current
        if one is None or MODIFIER not in event.modifiers:
            return
        truth = correction.of(one).truth
        position = truth.world_to_data(event.position)
        if not all(-0.5 <= at < size - 0.5 for at, size in zip(position, one.truth.shape, strict=True)):
            return
        mode, truth.mode = truth.mode, "pan_zoom"
        do(one, *position)
        yield
        while event.type == "mouse_move":
            yield
        truth.mode = mode

    return clicked
