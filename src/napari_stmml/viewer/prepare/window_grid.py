"""Show which windows a grid cuts out of a scan: their number, their size, and where they lie."""

from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, Label
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_stmml.heights.prepare import MOST_PIXELS
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.parameters import parameters_of
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.viewer.shared import overlays
from napari_stmml.viewer.shared.overlays import GRID, PASSING
from napari_stmml.viewer.shared.panel import form_of, place_of, scan_of
from napari_stmml.viewer.shared.parameter_form import field_for

MOST_LINES = 4000


class WindowGridForm(QWidget):
    """Density, window and pitch to try; a passing layer shows the tiles that labels will fill."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._layer: Any = None
        known = parameters_of(Recipe)
        self.density, self.window, self.pitch = (
            field_for(known[name]) for name in ("pixel_density", "window_size", "window_pitch")
        )
        self.shown = CheckBox(text="Show the grid of windows", value=False)
        self.count = Label(value="")
        self.count.native.setWordWrap(True)
        self.count.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(form_of(self.density, self.window, self.pitch, self.shown))
        column.addWidget(self.count.native)
        for field in (self.density, self.window, self.pitch, self.shown):
            field.changed.connect(self._show)

    def show_on(self, layer: Any) -> None:
        """Lay the grid over a layer; over none, with None."""
        self._layer = layer
        self._show()

    def remove(self) -> None:
        """Take the passing layer away."""
        overlays.remove(self.viewer, GRID)

    def _show(self) -> None:
        """Draw the tiles that labels will fill, and the first and the last window."""
        self.remove()
        self.count.value = ""
        if self._layer is None:
            return
        try:
            grid = WindowGrid(self.window.value, self.pitch.value)
            scan = scan_of(self._layer)
            shape, lines, windows = grid_lines(scan, grid, self.density.value)
        except ValueError as error:
            self.count.value = str(error)
            return
        side = grid.window / self.density.value
        size = f"{side:.3g} nm wide" if scan.pixel_size else f"{grid.window} px wide (no scale in nm)"
        self.count.value = f"{shape[0]} x {shape[1]} = {shape[0] * shape[1]} windows, {size}"
        if not self.shown.value or not self.isVisible():
            return
        if len(lines) > MOST_LINES:
            self.count.value += "; too fine to draw"
            return
        self._draw(lines, windows)

    def _draw(self, lines: np.ndarray, windows: np.ndarray) -> None:
        colours = np.array([[0.2, 0.95, 1, 0.8]] * len(lines) + [[1, 0.2, 0.6, 1]] * len(windows))
        width = 0.15 * max(1.0, max(self._layer.data.shape) / 400)
        active = self.viewer.layers.selection.active
        self.viewer.add_vectors(
            np.concatenate([lines, windows]),
            name=GRID,
            edge_color=colours,
            edge_width=width * 4,
            vector_style="line",
            opacity=1,
            metadata={PASSING: GRID},
            **place_of(self._layer),
        )
        self.viewer.layers.selection.active = active


def grid_lines(
    scan: Scan, grid: WindowGrid, density: float
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Lay a grid of windows, which live on resampled pixels, over a scan's own.

    Returns
    -------
    shape : (int, int)
        Windows down and across.
    lines, windows : ndarray, shape (n, 2, 2)
        Start and direction, in the scan's pixels, of the edges of the labels' tiles, and of the
        outlines of the first and the last window.
    """
    own = scan.heights.shape
    size = scan.pixel_size
    factors = (1.0, 1.0) if size is None else (size[0] * density, size[1] * density)
    resampled = (max(1, round(own[0] * factors[0])), max(1, round(own[1] * factors[1])))
    if max(resampled) > MOST_PIXELS:
        raise ValueError(f"{resampled[0]} x {resampled[1]} px at {density:g} px/nm are too many")
    shape = grid.shape(resampled)
    if not shape[0] * shape[1]:
        smaller = f"{resampled[0]} x {resampled[1]} px at {density:g} px/nm"
        raise ValueError(f"the scan, {smaller}, is smaller than one window of {grid.window} px")
    edges, outlines = [], []
    for axis in (0, 1):
        starts = grid.starts(resampled[axis])
        centres = starts + grid.window / 2
        between = (centres[1:] + centres[:-1]) / 2
        tiles = np.r_[centres[0] - grid.pitch / 2, between, centres[-1] + grid.pitch / 2]
        edges.append(tiles * own[axis] / resampled[axis] - 0.5)  # napari: pixel 0 is centred on 0
        ends = np.array([starts[0], starts[0] + grid.window, starts[-1], starts[-1] + grid.window])
        outlines.append(ends * own[axis] / resampled[axis] - 0.5)
    rows, cols = edges
    across = [[[row, cols[0]], [0, cols[-1] - cols[0]]] for row in rows]
    down = [[[rows[0], col], [rows[-1] - rows[0], 0]] for col in cols]
    (top, bottom, last_top, last_bottom), (left, right, last_left, last_right) = outlines
    boxes = [(top, left, bottom, right), (last_top, last_left, last_bottom, last_right)]
    sides = [side for box in boxes for side in _outline(*box)]
    return shape, np.array(across + down), np.array(sides)


def _outline(top: float, left: float, bottom: float, right: float) -> list[list[list[float]]]:
    height, width = bottom - top, right - left
    return [
        [[top, left], [0, width]],
        [[bottom, left], [0, width]],
        [[top, left], [height, 0]],
        [[top, right], [height, 0]],
    ]
