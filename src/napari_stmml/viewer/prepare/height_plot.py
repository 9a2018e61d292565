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
    curves = [None if one is None else _counts(one, half, unit) for one in samples]
    return Curves(*curves, f"height from the median ({unit or 'values'})", filled=True)


def profile(
    before: np.ndarray | None,
    after: np.ndarray | None,
    line: np.ndarray,
    pixel_size: tuple[float, float] | None,
    unit: str = "nm",
) -> Curves:
    """Follow the heights along ``line``, start and end (2, 2) in pixels; distances in nm."""
    length = float(np.hypot(*((line[1] - line[0]) * np.array(pixel_size or (1, 1)))))
    curves = [None if one is None else _along(one, line, length, unit) for one in (before, after)]
    return Curves(*curves, f"distance ({'px' if pixel_size is None else 'nm'})")


def heights_along(heights: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Interpolate heights on ``line``, one about every pixel; NaN where the nearest pixel has none.

    >>> heights_along(np.arange(12.0).reshape(3, 4), np.array([[1, 0], [1, 3]]))
    array([4., 5., 6., 7.])
    """
    from scipy.ndimage import map_coordinates

    start, end = np.asarray(line, dtype=float)
    steps = int(min(4096, max(1, np.ceil(np.hypot(*(end - start))))))
    points = start[:, None] + (end - start)[:, None] * np.linspace(0, 1, steps + 1)
    options = {"output": float, "mode": "constant", "cval": np.nan}
    smooth, nearest = (map_coordinates(np.asarray(heights), points, order=one, **options) for one in (1, 0))
    return np.where(np.isnan(smooth), nearest, smooth)


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
    note = f"{high - low:.3g} {unit}" + (f", {missing:.0%} missing" if missing else "")
    return Curve((edges[1:] + edges[:-1]) / 2, counts / max(1, counts.max()), note)


def _along(heights: np.ndarray, line: np.ndarray, length: float, unit: str) -> Curve:
    found = heights_along(heights, line)
    finite = found[np.isfinite(found)]
    note = f"{np.ptp(finite):.3g} {unit}" if finite.size else "no heights here"
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

    def paintEvent(self, event: Any) -> None:
        """Draw axes, curves and notes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        ink = QColor(get_theme(get_settings().appearance.theme).text.as_hex())
        painter.setPen(QPen(ink, 0.6))
        if self.curves is None:
            painter.drawText(QRectF(self.rect()), _ALIGN.AlignCenter | Qt.TextFlag.TextWordWrap, self.instead)
        else:
            self._draw(painter, self.curves)
        painter.end()

    def _draw(self, painter: QPainter, curves: Curves) -> None:
        side = 6 if curves.filled else 44
        box = QRectF(side, 18, self.width() - 2 * side, self.height() - 48)
        painter.drawRect(box)
        drawn = [one for one in (curves.before, curves.after) if one is not None and one.x.size]
        if drawn:
            self._draw_x_axis(painter, box, drawn[-1].x, curves.label)
        for one, colour, right in ((curves.before, BEFORE, False), (curves.after, AFTER, True)):
            if one is None:
                continue
            painter.setPen(QPen(QColor(colour), 1.6 if right else 1.2))
            where = _ALIGN.AlignRight if right else _ALIGN.AlignLeft
            text = f"{'after' if right else 'before'}: {one.note}"
            painter.drawText(QRectF(6, 0, self.width() - 12, 16), where, text)
            if np.isfinite(one.y).any():
                low, high = (0.0, 1.05) if curves.filled else _padded(one.y)
                _draw_curve(painter, box, one, (low, high), curves.filled and not right)
                for tick, text in () if curves.filled else ticks(low, high, 4):
                    y = box.bottom() - (tick - low) / (high - low) * box.height()
                    place = QRectF(box.right() + 4 if right else 0.0, y - 7, 40, 14)
                    away = _ALIGN.AlignLeft if right else _ALIGN.AlignRight
                    painter.drawText(place, _ALIGN.AlignVCenter | away, text)

    def _draw_x_axis(self, painter: QPainter, box: QRectF, x: np.ndarray, label: str) -> None:
        bottom = box.bottom()
        for tick, text in ticks(x[0], x[-1], 5):
            at = box.left() + (tick - x[0]) / (x[-1] - x[0]) * box.width()
            painter.drawLine(QPointF(at, bottom), QPointF(at, bottom + 3))
            place = QRectF(at - 30, bottom + 2, 60, 13)
            if place.left() >= 0 and place.right() <= self.width() + 24:
                painter.drawText(place, _ALIGN.AlignHCenter, text)
        painter.drawText(QRectF(0, bottom + 15, self.width(), 14), _ALIGN.AlignHCenter, label)


def _draw_curve(
    painter: QPainter, box: QRectF, curve: Curve, limits: tuple[float, float], shaded: bool
) -> None:
    """Join the points of a curve, with gaps; shade what lies below it."""
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
    low, high = float(np.nanmin(y)), float(np.nanmax(y))
    pad = 0.06 * (high - low) or max(abs(high), 1.0) * 1e-3
    return low - pad, high + pad
