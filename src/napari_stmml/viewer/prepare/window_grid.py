"""Show which windows a grid has on a scan: their number, their size, and where they lie."""

from typing import Any

import numpy as np
from magicgui.widgets import CheckBox
from qtpy.QtWidgets import QWidget

from napari_stmml.heights.resample import MOST_PIXELS
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.text import counted, number
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.shared.panel import column_of, form_of, wrapped
from napari_stmml.viewer.shared.parameter_form import field_for
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY, active_kept, remove

GRID = "window grid"
MOST_LINES = 4000
TILES, WINDOWS = [0.2, 0.95, 1, 0.8], [1, 0.2, 0.6, 1]  # colours


class WindowGridForm(QWidget):
    """Density, window and pitch to try; a temporary layer shows the tiles that labels will fill."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._layer: Any = None
        known = parameters_of(Recipe)
        self.density, self.window, self.pitch = (
            field_for(known[name]) for name in ("pixel_density", "window_size", "window_pitch")
        )
        self.shown = CheckBox(text="Show the grid of windows", value=False)
        self.count = wrapped("number of windows")
        fields = (self.density, self.window, self.pitch, self.shown)
        column_of(self, form_of(*fields), self.count)
        for field in fields:
            field.changed.connect(self._show)

    def show_on(self, layer: Any) -> None:
        """Show the grid on a layer; on none, with None."""
        self._layer = layer
        self._show()

    def remove(self) -> None:
        """Remove the temporary layer."""
        remove(self.viewer, GRID)

    @slot
    def _show(self) -> None:
        """Count the windows, and draw the tiles that labels will fill and the first and the last window."""
        self.remove()
        self.count.setText("")
        if self._layer is None:
            return
        try:
            grid = WindowGrid(self.window.value, self.pitch.value)
            scan = recorded_scan(self._layer)
            (rows, cols), tiles, windows = grid_lines(scan, grid, self.density.value)
        except ValueError as error:
            self.count.setText(str(error))
            return
        side = grid.window / self.density.value
        size = f"{number(side, 3)} nm wide" if scan.pixel_size else f"{grid.window} px wide (no scale in nm)"
        text = f"{rows} x {cols} = {counted(rows * cols, 'window')}, {size}"
        if self.shown.value and self.isVisible():
            if len(tiles) > MOST_LINES:
                text += "; too fine to draw"
            else:
                self._draw(tiles, windows)
        self.count.setText(text)

    def _draw(self, tiles: np.ndarray, windows: np.ndarray) -> None:
        with active_kept(self.viewer):
            self.viewer.add_vectors(
                np.concatenate([tiles, windows]),
                name=GRID,
                edge_color=np.array([TILES] * len(tiles) + [WINDOWS] * len(windows)),
                edge_width=0.6 * max(1.0, max(self._layer.data.shape) / 400),
                vector_style="line",
                opacity=1,
                metadata={TEMPORARY: GRID},
                **place_of(self._layer),
            )


def grid_lines(
    scan: Scan, grid: WindowGrid, density: float
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Return where the windows of a grid lie on a scan's own pixels; they are cut from the resampled scan.

    Parameters
    ----------
    scan : Scan
    grid : WindowGrid
        In resampled px.
    density : float
        Pixel density after resampling, px/nm.

    Returns
    -------
    shape : (int, int)
        Windows down and across.
    tiles, windows : ndarray, shape (n, 2, 2)
        Start and direction, in the scan's pixels, of the edges of the labels' tiles, and of the
        outlines of the first and the last window.

    Raises
    ------
    ValueError
        If the resampled scan is too large, or smaller than one window.
    """
    own = scan.heights.shape
    factors = (1.0, 1.0) if scan.pixel_size is None else tuple(size * density for size in scan.pixel_size)
    rows, cols = (max(1, round(n * factor)) for n, factor in zip(own, factors, strict=True))
    size = f"{rows} x {cols} px at {number(density)} px/nm"
    if max(rows, cols) > MOST_PIXELS:
        raise ValueError(f"{size} are too many")
    shape = grid.shape((rows, cols))
    if not shape[0] * shape[1]:
        raise ValueError(f"the scan, {size}, is smaller than one window of {grid.window} px")
    tiles, first, last = found = [list[np.ndarray]() for _ in range(3)]
    for n, resampled in zip(own, (rows, cols), strict=True):
        starts = grid.starts(resampled)
        centres = starts + grid.window / 2
        between = (centres[1:] + centres[:-1]) / 2
        edges = np.r_[centres[0] - grid.pitch / 2, between, centres[-1] + grid.pitch / 2]
        ends = (edges, starts[0] + np.array([0, grid.window]), starts[-1] + np.array([0, grid.window]))
        for lines, one in zip(found, ends, strict=True):
            lines.append(one * n / resampled - 0.5)  # napari: pixel 0 is centred on 0
    return shape, _mesh(*tiles), np.concatenate([_mesh(*first), _mesh(*last)])


def _mesh(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Return start and direction of horizontal lines at ``rows`` and vertical ones at ``cols``."""
    across = [[[row, cols[0]], [0, cols[-1] - cols[0]]] for row in rows]
    down = [[[rows[0], col], [rows[-1] - rows[0], 0]] for col in cols]
    return np.array(across + down)
