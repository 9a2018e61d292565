"""A plot of curves, painted by Qt: each in grey, their mean in colour, axes with units."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_stmml.io.curves import Curve
from napari_stmml.viewer.prepare.height_plot import ticks
from napari_stmml.viewer.shared.painting import painting
from napari_stmml.viewer.shared.slots import slot

SINGLE, MEAN = "#8c8f99", "#ff9d2e"
MOST_POINTS = 4096  # of a curve that are drawn
_ALIGN = Qt.AlignmentFlag
Range = tuple[float, float]


class CurvePlot(QWidget):
    """Draws curves of one quantity and their mean, or a sentence instead."""

    def __init__(self) -> None:
        super().__init__()
        self.curves: tuple[Curve, ...] = ()
        self.mean: Curve | None = None
        self.instead = ""
        self.setMinimumSize(260, 220)
        self.setAccessibleName("curves")

    def show_curves(self, curves: Sequence[Curve], mean: Curve | None, instead: str = "") -> None:
        """Draw other curves, or a sentence where there is no mean."""
        self.curves, self.mean, self.instead = tuple(curves), mean, instead
        self.update()

    @slot
    def paintEvent(self, event: Any) -> None:
        """Draw axes and curves."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            font = self.font()
            font.setPixelSize(11)
            painter.setFont(font)
            painter.setPen(QPen(QColor(get_theme(get_settings().appearance.theme).text.as_hex()), 0.6))
            if self.mean is None:
                wrap = _ALIGN.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(QRectF(self.rect()), wrap, self.instead)
            else:
                self._draw(painter, self.mean)

    def _draw(self, painter: QPainter, mean: Curve) -> None:
        box = QRectF(58, 20, self.width() - 70, self.height() - 58)
        across = _range(np.concatenate([one.x for one in (*self.curves, mean)]), 0.0)
        up = _range(np.concatenate([one.y for one in (*self.curves, mean)]), 0.06)
        x_label, y_label = mean.axis_labels
        painter.drawRect(box)
        painter.drawText(QRectF(6, 2, self.width() - 12, 16), _ALIGN.AlignLeft, y_label)
        place = QRectF(0, box.bottom() + 18, self.width(), 16)
        painter.drawText(place, _ALIGN.AlignHCenter, x_label)
        _draw_ticks(painter, box, across, up)
        for one in self.curves if len(self.curves) > 1 else ():
            painter.setPen(QPen(QColor(SINGLE), 0.8))
            _join(painter, box, one, across, up)
        painter.setPen(QPen(QColor(MEAN), 1.6))
        _join(painter, box, mean, across, up)


def _draw_ticks(painter: QPainter, box: QRectF, across: Range, up: Range) -> None:
    """Write round numbers along both axes, and a faint line where they are 0."""
    for tick, text in ticks(*across, 5):
        x = box.left() + (tick - across[0]) / (across[1] - across[0]) * box.width()
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x, box.bottom() + 3))
        painter.drawText(QRectF(x - 30, box.bottom() + 4, 60, 13), _ALIGN.AlignHCenter, text)
        if tick == 0:
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
    right = _ALIGN.AlignVCenter | _ALIGN.AlignRight
    for tick, text in ticks(*up, 5):
        y = box.bottom() - (tick - up[0]) / (up[1] - up[0]) * box.height()
        painter.drawLine(QPointF(box.left() - 3, y), QPointF(box.left(), y))
        painter.drawText(QRectF(0, y - 7, box.left() - 5, 14), right, text)
        if tick == 0:
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))


def _join(painter: QPainter, box: QRectF, curve: Curve, across: Range, up: Range) -> None:
    """Join the points of a curve, with gaps where it has no value."""
    step = max(1, len(curve.x) // MOST_POINTS)
    x, y = curve.x[::step], curve.y[::step]
    right = box.left() + (x - across[0]) / (across[1] - across[0]) * box.width()
    down = box.bottom() - (y - up[0]) / (up[1] - up[0]) * box.height()
    edges = np.flatnonzero(np.diff(np.r_[False, np.isfinite(down), False].astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        at = np.column_stack([right, down])[start:end].tolist()
        painter.drawPolyline(QPolygonF([QPointF(*one) for one in at]))


def _range(values: np.ndarray, margin: float) -> Range:
    """Return limits that hold all known values, with a margin; never two equal ones."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    pad = margin * (high - low) if high > low else max(abs(high), 1.0) * 1e-3
    return low - pad, high + pad
