"""The Prepare widget: flatten with a live preview, and see which windows a grid cuts."""

from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, Label, PushButton
from qtpy.QtCore import QTimer
from superqt.utils import create_worker

from napari_stmml.flattening import flatten
from napari_stmml.preprocess import MOST_PIXELS
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.viewer.layers import robust_limits, scan_to_layer
from napari_stmml.viewer.panel import Panel, brief_name, place_of, scan_of
from napari_stmml.viewer.recipe_form import field_for
from napari_stmml.windows import WindowGrid

PREVIEW, GRID = "preview", "window grid"
PASSING = "stmml_passing"  # in the metadata of layers that go when the panel goes: which of the two it is
DEBOUNCE_MS = 60
MOST_LINES = 4000


class PrepareWidget(Panel):
    """Flatten a scan into a new layer that remembers how it was made; show the grid of windows."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        recipe = Recipe()
        self.layer = self.one_scan("Scan")
        self.method = field_for("flatten_method", recipe)
        self.preview = CheckBox(text="Live preview", value=True, tooltip="a passing layer over the scan")
        self.apply = PushButton(text="Make a flattened layer")
        self.density, self.window, self.pitch = (
            field_for(name, recipe) for name in ("pixel_density", "window_size", "window_pitch")
        )
        self.grid = CheckBox(text="Show the grid of windows", value=False)
        self.count = Label(value="")
        self.count.native.setWordWrap(True)
        self.count.native.setSizePolicy(self.status.sizePolicy())  # magicgui's is of a fixed width
        flattening = (self.layer, self.method, self.preview, self.apply)
        self.form(*flattening, self.density, self.window, self.pitch, self.grid)
        self.column.addWidget(self.count.native)
        self.column.addWidget(self.status)
        self.column.addStretch()
        self._flat: tuple[Any, str, Any, np.ndarray] | None = None  # layer, method, data, what came of them
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._flatten)
        for widget in (self.layer, self.method, self.preview):
            widget.changed.connect(self._flatten_soon)
        for widget in (self.layer, self.density, self.window, self.pitch, self.grid):
            widget.changed.connect(self._show_grid)
        self.apply.changed.connect(self.make_layer)
        self.reset_choices()

    def make_layer(self) -> None:
        """Add the flattened scan as a layer of its own, under the name of scan and method."""
        layer, method = self.layer.value, self.method.value
        if layer is None:
            self.say("Choose a scan first: drop a .Z_mtrx file on the window.", wrong=True)
            return
        known = self._flat
        if known is not None and known[:2] == (layer, method) and known[2] is layer.data:
            self._add(layer, method, known[3])
        else:
            self._start(layer, method, lambda flat: self._add(layer, method, flat), wanted=True)

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; with the last scan goes what was shown of it."""
        super().reset_choices(event)
        if self.layer.value is None:  # a ComboBox does not tell when its last choice goes
            self._flatten()
            self._show_grid()

    def showEvent(self, event: Any) -> None:
        """Show what is to be seen while the panel is."""
        super().showEvent(event)
        self._timer.start()
        self._show_grid()

    def hideEvent(self, event: Any) -> None:
        """Take the passing layers away with the panel."""
        super().hideEvent(event)
        self._timer.stop()
        self._remove(PREVIEW)
        self._remove(GRID)

    def _flatten_soon(self) -> None:
        self._timer.start()

    def _flatten(self) -> None:
        """Flatten for the preview, in a thread: iterate_mask takes seconds on large scans."""
        layer, method = self.layer.value, self.method.value
        if layer is None or not self.preview.value:
            self._remove(PREVIEW)
            return
        self._start(layer, method, lambda flat: self._show_preview(layer, flat))

    def _start(self, layer: Any, method: str, show: Any, wanted: bool = False) -> None:
        """Flatten in a thread, then show what came of it, unless it was not ``wanted`` and is overtaken."""
        self._asked += 1
        asked, data = self._asked, layer.data

        def done(flat: np.ndarray) -> None:
            if wanted or asked == self._asked:
                self._flat = (layer, method, data, flat)
                show(flat)

        def failed(error: Exception) -> None:
            if wanted or asked == self._asked:
                self._remove(PREVIEW)
                self.say(f"{layer.name}: {error}", wrong=True)

        self.say(f"flattening with {method} …")
        create_worker(flatten, np.asarray(data), method, _connect={"returned": done, "errored": failed})

    def _show_preview(self, layer: Any, flat: np.ndarray) -> None:
        self.say("")
        if layer not in self.viewer.layers or not self.isVisible():  # gone or hidden meanwhile
            return
        limits = robust_limits(flat)
        preview = self._passing(PREVIEW)
        if preview is not None and preview.data.shape == flat.shape:
            preview.data, preview.contrast_limits = flat, limits
            for key, value in place_of(layer).items():
                setattr(preview, key, value)
            return
        self._remove(PREVIEW)
        active = self.viewer.layers.selection.active
        look = {"colormap": layer.colormap, "contrast_limits": limits, "metadata": {PASSING: PREVIEW}}
        self.viewer.add_image(flat, name=PREVIEW, **look, **place_of(layer))
        self._put_over(layer)
        self.viewer.layers.selection.active = active

    def _add(self, layer: Any, method: str, flat: np.ndarray) -> None:
        if layer not in self.viewer.layers:
            return
        scan = scan_of(layer)
        made = scan.with_heights(flat, f"flatten {method}", scan.pixel_size)
        _, meta, _ = scan_to_layer(made)
        meta |= place_of(layer) | {"name": f"{brief_name(layer)} · {method}", "colormap": layer.colormap}
        self._remove(PREVIEW)
        self.viewer.add_image(flat, **meta)
        self._put_over(layer)
        self.say(f"added {meta['name']}")

    def _put_over(self, layer: Any) -> None:
        """Move the newest layer from the top to right over ``layer``, so that labels stay in sight."""
        layers = self.viewer.layers
        layers.move(len(layers) - 1, layers.index(layer) + 1)

    def _show_grid(self) -> None:
        """Draw the tiles that labels will fill, and the first and the last window."""
        self._remove(GRID)
        self.count.value = ""
        if self.layer.value is None:
            return
        try:
            grid = WindowGrid(self.window.value, self.pitch.value)
            scan = scan_of(self.layer.value)
            shape, lines, windows = grid_lines(scan, grid, self.density.value)
        except ValueError as error:
            self.count.value = str(error)
            return
        side = grid.window / self.density.value
        size = f"{side:.3g} nm wide" if scan.pixel_size else f"{grid.window} px wide (no scale in nm)"
        self.count.value = f"{shape[0]} x {shape[1]} = {shape[0] * shape[1]} windows, {size}"
        if not self.grid.value or not self.isVisible():
            return
        if len(lines) > MOST_LINES:
            self.count.value += "; too fine to draw"
            return
        vectors = np.concatenate([lines, windows])
        colours = np.array([[0.2, 0.95, 1, 0.8]] * len(lines) + [[1, 0.2, 0.6, 1]] * len(windows))
        width = 0.15 * max(1.0, max(self.layer.value.data.shape) / 400)
        active = self.viewer.layers.selection.active
        self.viewer.add_vectors(
            vectors,
            name=GRID,
            edge_color=colours,
            edge_width=width * 4,
            vector_style="line",
            opacity=1,
            metadata={PASSING: GRID},
            **place_of(self.layer.value),
        )
        self.viewer.layers.selection.active = active

    def _remove(self, name: str) -> None:
        layer = self._passing(name)
        if layer is not None:
            self.viewer.layers.remove(layer)

    def _passing(self, name: str) -> Any:
        """Find the layer of ours that passes, whatever other layers are called; None if there is none."""
        return next((layer for layer in self.viewer.layers if layer.metadata.get(PASSING) == name), None)


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
