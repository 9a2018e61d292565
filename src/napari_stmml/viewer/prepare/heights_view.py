"""The picture of heights in a panel: choose histogram or a line, and keep it up to date."""

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stmml.viewer.prepare.plot import HeightPlot, histogram, profile
from napari_stmml.viewer.shared.panel import form_of, scan_of

HISTOGRAM, ROW, COLUMN, LINE = "Histogram", "Middle row", "Middle column", "Drawn line"
AFTER_PREVIEW_MS = 100  # the preview is drawn first
LOOK_MS = 150  # how often a line is looked at that somebody may be dragging


class HeightsView(QWidget):
    """Heights of a layer before and after flattening."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._shown: tuple[Any, np.ndarray | None] = (None, None)  # layer, and its heights after
        self._line: np.ndarray | None = None  # that was drawn last
        tip = "heights of the scan (grey, left) and of the preview (colour, right); the number above is the"
        tip += " height range: of 99 % of all pixels, or along the line. Drawn line: of a Shapes layer"
        choices = [HISTOGRAM, ROW, COLUMN, LINE]
        self.what = ComboBox(label="Heights", choices=choices, value=HISTOGRAM, tooltip=tip)
        self.plot = HeightPlot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(form_of(self.what))
        column.addWidget(self.plot)
        self._soon, self._look = QTimer(self), QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_PREVIEW_MS)
        self._soon.timeout.connect(self.draw)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._look_at_line)
        self.what.changed.connect(self._on_what)

    def show_heights(self, layer: Any, after: np.ndarray | None) -> None:
        """Draw a layer's heights and what came of them, as soon as there is time."""
        self._shown = (layer, after)
        self._soon.start()

    def draw(self) -> None:
        """Draw what is chosen."""
        layer, after = self._shown
        if layer is None:
            self.plot.show_picture(None)
            return
        scan = scan_of(layer)
        if self.what.value == HISTOGRAM:
            self.plot.show_picture(histogram(scan.heights, after, scan.unit))
            return
        self._line = self._chosen_line(layer)
        if self._line is None:
            self.plot.show_picture(None, "Draw a line in a Shapes layer to see the heights along it.")
        else:
            self.plot.show_picture(profile(scan.heights, after, self._line, scan.pixel_size, scan.unit))

    def showEvent(self, event: Any) -> None:
        """Look at the drawn line again."""
        super().showEvent(event)
        self._on_what()

    def hideEvent(self, event: Any) -> None:
        """Look at nothing that nobody sees."""
        super().hideEvent(event)
        self._look.stop()

    def _on_what(self, _value: Any = None) -> None:
        self._soon.start()
        if self.what.value == LINE and self.isVisible():
            self._look.start()
        else:
            self._look.stop()

    def _look_at_line(self) -> None:
        layer = self._shown[0]
        line = None if layer is None else self._chosen_line(layer)
        last = self._line
        same = line is last if line is None or last is None else np.array_equal(line, last)
        if not same:
            self.draw()

    def _chosen_line(self, layer: Any) -> np.ndarray | None:
        """Return start and end (2, 2) of the line to follow, in the layer's pixels; None without one."""
        rows, cols = layer.data.shape
        if self.what.value == ROW:
            return np.array([[rows // 2, 0], [rows // 2, cols - 1]], dtype=float)
        if self.what.value == COLUMN:
            return np.array([[0, cols // 2], [rows - 1, cols // 2]], dtype=float)
        return drawn_line(self.viewer, layer)


def drawn_line(viewer: Any, layer: Any) -> np.ndarray | None:
    """Return the line that is selected, or drawn last, in the active or else the topmost Shapes layer."""
    from napari.layers import Shapes

    active = viewer.layers.selection.active
    for shapes in (active, *reversed(viewer.layers)):
        if not isinstance(shapes, Shapes) or shapes.ndim != 2:
            continue
        lines = [i for i, kind in enumerate(shapes.shape_type) if kind == "line"]
        chosen = [i for i in lines if i in shapes.selected_data] or lines
        if chosen:
            ends = shapes.data[chosen[-1]]
            return np.array([layer.world_to_data(shapes.data_to_world(end)) for end in ends], dtype=float)
    return None
