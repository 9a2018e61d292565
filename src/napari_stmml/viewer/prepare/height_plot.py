"""A small plot of heights before and after flattening: how often each occurs, or how they go along a line.

It is painted by Qt: in about a millisecond, where matplotlib takes twenty and half a second to import.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_stmml.colours import robust_limits
from napari_stmml.measuring.line_profile import heights_along
from napari_stmml.text import number
from napari_stmml.viewer.shared.painting import painting
from napari_stmml.viewer.shared.slots import slot

MOST_SAMPLES = 1 << 16  # heights that a histogram counts
BINS = 120
WIDEST = 6.0  # times the width of the heights after, at which those before are cut off
BEFORE, AFTER = "#8c8f99", "#ff9d2e"
_ALIGN = Qt.AlignmentFlag


@dataclass(frozen=True)
class Curve:
    """Points (n,), (n,) to join, gaps where NaN, and the text above them in their colour."""

    x: np.ndarray
    y: np.ndarray
    note: str


@dataclass(frozen=True)
class Curves:
    """Curves before and after (either may be missing) over one axis; each has a scale of its own."""

    before: Curve | None
    after: Curve | None
    label: str
    filled: bool = False  # counts: from 0 up, and no ticks at the sides


def histogram(before: np.ndarray | None, after: np.ndarray | None, unit: str = "nm") -> Curves:
    """Count the heights before and after, measured from their median, relative to the highest count."""
    samples = [None if heights is None else _sample(heights) for heights in (before, after)]
    limits = [robust_limits(one[np.isfinite(one)]) for one in samples if one is not None]
    widths = [high - low for low, high in limits]
    half = 0.6 * min(max(widths, default=1.0), WIDEST * (widths[-1] if widths else 1.0))
    old, new = (None if one is None else _counts(one, half, unit) for one in samples)
    return Curves(old, new, f"height from the median ({unit or 'values'})", filled=True)


def profile(
    before: np.ndarray | None,
    after: np.ndarray | None,
    line: np.ndarray,
    pixel_size: tuple[float, float] | None,
    unit: str = "nm",
) -> Curves:
    """Follow the heights along ``line``, start and end (2, 2) in pixels; distances in nm."""
    length = float(np.hypot(*((line[1] - line[0]) * np.array(pixel_size or (1, 1)))))
    old, new = (None if one is None else _along(one, line, length, unit) for one in (before, after))
    return Curves(old, new, f"distance ({'px' if pixel_size is None else 'nm'})")


def _sample(heights: np.ndarray) -> np.ndarray:
    step = max(1, int(np.ceil(np.sqrt(heights.size / MOST_SAMPLES))))
    return np.asarray(heights[::step, ::step], dtype=float)


def _counts(sample: np.ndarray, half: float, unit: str) -> Curve:
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return Curve(np.zeros(0), np.zeros(0), "no heights")
    low, high = robust_limits(finite)
    counts, edges = np.histogram(finite - np.median(finite), BINS, (-half, half))
    missing = 1 - finite.size / sample.size
    note = f"{number(high - low, 3)} {unit}" + (f", {missing:.0%} missing" if missing else "")
    return Curve((edges[1:] + edges[:-1]) / 2, counts / max(1, counts.max()), note)


def _along(heights: np.ndarray, line: np.ndarray, length: float, unit: str) -> Curve:
    found = heights_along(heights, line)
    finite = found[np.isfinite(found)]
    note = f"{number(float(np.ptp(finite)), 3)} {unit}" if finite.size else "no heights here"
    return Curve(np.linspace(0, length, len(found)), found, note)


def ticks(low: float, high: float, about: int) -> list[tuple[float, str]]:
    """Return round numbers between two, ``about`` so many, and the text of each.

    >>> ticks(0, 2, 4)
    [(0.0, '0.0'), (0.5, '0.5'), (1.0, '1.0'), (1.5, '1.5'), (2.0, '2.0')]
    """
    if not high > low:
        return []
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    decimals = max(0, int(-np.floor(np.log10(step) + 1e-9)))
    found = range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1)
    style = f".{decimals}f" if decimals < 5 else ".3g"
    return [(float(at * step), format(at * step, style)) for at in found]


class HeightPlot(QWidget):
    """Draws curves: before in grey, its scale at the left; after in colour, its scale at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.curves: Curves | None = None
        self.instead = ""
        self.setFixedHeight(128)
        self.setMinimumWidth(180)
        self.setAccessibleName("heights before and after")

    def show_curves(self, curves: Curves | None, instead: str = "") -> None:
        """Draw other curves, or a sentence instead."""
        self.curves, self.instead = curves, instead
        self.update()

    @slot
    def paintEvent(self, event: Any) -> None:
        """Draw axes, curves and notes."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            font = self.font()
            font.setPixelSize(11)
            painter.setFont(font)
            ink = QColor(get_theme(get_settings().appearance.theme).text.as_hex())
            painter.setPen(QPen(ink, 0.6))
            if self.curves is None:
                painter.drawText(
                    QRectF(self.rect()), _ALIGN.AlignCenter | Qt.TextFlag.TextWordWrap, self.instead
                )
            else:
                self._draw(painter, self.curves)

    def _draw(self, painter: QPainter, curves: Curves) -> None:
        side = 6 if curves.filled else 44
        box = QRectF(side, 18, self.width() - 2 * side, self.height() - 48)
        painter.drawRect(box)
        both = (("before", curves.before, BEFORE), ("after", curves.after, AFTER))
        known = [(name, one, colour) for name, one, colour in both if one is not None]
        xs = [one.x for _, one, _ in known if one.x.size]
        if xs:
            self._draw_x_axis(painter, box, xs[-1], curves.label)
        for name, one, colour in known:
            painter.setPen(QPen(QColor(colour), 1.4))
            where = _ALIGN.AlignLeft if colour == BEFORE else _ALIGN.AlignRight
            painter.drawText(QRectF(6, 0, self.width() - 12, 16), where, f"{name}: {one.note}")
            limits = (0.0, 1.05) if curves.filled else _padded(one.y)
            _draw_curve(painter, box, one, limits, shaded=curves.filled and colour == BEFORE)
            if not curves.filled:
                _draw_y_axis(painter, box, limits, right=colour == AFTER)

    def _draw_x_axis(self, painter: QPainter, box: QRectF, x: np.ndarray, label: str) -> None:
        bottom = box.bottom()
        for tick, text in ticks(x[0], x[-1], 5):
            at = box.left() + (tick - x[0]) / (x[-1] - x[0]) * box.width()
            painter.drawLine(QPointF(at, bottom), QPointF(at, bottom + 3))
            place = QRectF(at - 30, bottom + 2, 60, 13)
            if place.left() >= 0 and place.right() <= self.width() + 24:
                painter.drawText(place, _ALIGN.AlignHCenter, text)
        painter.drawText(QRectF(0, bottom + 15, self.width(), 14), _ALIGN.AlignHCenter, label)


def _draw_y_axis(painter: QPainter, box: QRectF, limits: tuple[float, float], right: bool) -> None:
    """Write round heights beside the box, from its edge outwards."""
    low, high = limits
    align = _ALIGN.AlignVCenter | (_ALIGN.AlignLeft if right else _ALIGN.AlignRight)
    for tick, text in ticks(low, high, 4):
        y = box.bottom() - (tick - low) / (high - low) * box.height()
        painter.drawText(QRectF(box.right() + 4 if right else 0.0, y - 7, 40, 14), align, text)


def _draw_curve(
    painter: QPainter, box: QRectF, curve: Curve, limits: tuple[float, float], shaded: bool
) -> None:
    """Join the points of a curve, with gaps; shade what lies below it."""
    if not np.isfinite(curve.y).any():
        return
    low, high = limits
    xs = box.left() + (curve.x - curve.x[0]) / (float(curve.x[-1] - curve.x[0]) or 1.0) * box.width()
    ys = box.bottom() - (curve.y - low) / (high - low) * box.height()
    edges = np.flatnonzero(np.diff(np.r_[False, np.isfinite(ys), False].astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        points = [QPointF(*at) for at in np.column_stack([xs, ys])[start:end].tolist()]
        painter.drawPolyline(QPolygonF(points))
        if shaded:
            foot = [QPointF(points[i].x(), box.bottom()) for i in (-1, 0)]
            shade = QColor(painter.pen().color())
            shade.setAlpha(110)
            painter.save()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawPolygon(QPolygonF([*points, *foot]))
            painter.restore()


def _padded(y: np.ndarray) -> tuple[float, float]:
    """Return limits that leave a little room around the known heights; none are 0 to 0."""
    known = y[np.isfinite(y)]
    if not known.size:
        return 0.0, 0.0
    low, high = float(known.min()), float(known.max())
    pad = 0.06 * (high - low) or max(abs(high), 1.0) * 1e-3
    return low - pad, high + pad
