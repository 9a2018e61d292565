"""The plot of heights in a panel: choose histogram or a line, and keep it up to date."""

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.prepare.height_plot import HeightPlot, histogram, profile
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import button, column_of, delayed, form_of, row_of
from napari_stmml.viewer.shared.slots import slot

HISTOGRAM, ROW, COLUMN, LINE = "Histogram", "Middle row", "Middle column", "Drawn line"
AFTER_PREVIEW_MS = 100  # the preview is drawn first
POLL_MS = 150  # between two looks at a line that somebody may be dragging


class HeightsView(QWidget):
    """Heights of a layer before and after flattening."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._layer: Any = None
        self._after: np.ndarray | None = None  # heights
        self._line: Any = None  # start and end of the line that was drawn last, (2, 2)
        tip = "heights of the scan (grey, left) and of the preview (colour, right); the number above is the"
        tip += " height range: of 99 % of all pixels, or along the line. Drawn line: of a Shapes layer"
        choices = [HISTOGRAM, ROW, COLUMN, LINE]
        self.what = ComboBox(label="Heights", choices=choices, value=HISTOGRAM, tooltip=tip)
        self.plot = HeightPlot()
        tip = "a figure and a table of the heights along lines that are drawn on the scan"
        figure = button("Save figure…", tip, self._open_figure)
        column_of(self, form_of(self.what), self.plot, row_of(figure, None))
        self._soon = delayed(self, AFTER_PREVIEW_MS, self.draw)
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._follow_line)
        self.what.changed.connect(self._on_what)

    def show_heights(self, layer: Any, after: np.ndarray | None) -> None:
        """Draw a layer's heights and the flattened ones, as soon as there is time."""
        self._layer, self._after = layer, after
        self._soon.start()

    @slot
    def draw(self) -> None:
        """Draw what is chosen."""
        if self._layer is None:
            self.plot.show_curves(None)
            return
        scan = recorded_scan(self._layer)
        self._line = self._chosen_line()
        if self.what.value == HISTOGRAM:
            self.plot.show_curves(histogram(scan.heights, self._after, scan.unit))
        elif self._line is None:
            self.plot.show_curves(None, "Draw a line in a Shapes layer to see the heights along it.")
        else:
            curves = profile(scan.heights, self._after, self._line, scan.pixel_size, scan.unit)
            self.plot.show_curves(curves)

    @slot
    def showEvent(self, event: Any) -> None:
        """Follow the drawn line again."""
        super().showEvent(event)
        self._on_what()

    @slot
    def hideEvent(self, event: Any) -> None:
        """Follow no line that nobody sees."""
        super().hideEvent(event)
        self._poll.stop()

    @slot
    def _on_what(self, _value: Any = None) -> None:
        self._soon.start()
        if self.what.value == LINE and self.isVisible():
            self._poll.start()
        else:
            self._poll.stop()

    @slot
    def _follow_line(self) -> None:
        line: Any = self._chosen_line()
        if not np.array_equal(line, self._line):
            self.draw()

    def _open_figure(self) -> None:
        panel = open_figure(self.viewer, "profile", self._layer)
        if self.what.value in (ROW, COLUMN) and (line := self._chosen_line()) is not None:
            panel.add_line(line)

    def _chosen_line(self) -> np.ndarray | None:
        """Return start and end (2, 2) of the line to follow, in the layer's pixels; None without one."""
        if self._layer is None or self.what.value == HISTOGRAM:
            return None
        rows, cols = self._layer.data.shape
        if self.what.value == ROW:
            return np.array([[rows // 2, 0], [rows // 2, cols - 1]], dtype=float)
        if self.what.value == COLUMN:
            return np.array([[0, cols // 2], [rows - 1, cols // 2]], dtype=float)
        return drawn_line(self.viewer, self._layer)


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
