"""A small picture of heights before and after: how often each occurs, or how they go along a line."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_stmml.viewer.io.layers import robust_limits

MOST_SAMPLES = 1 << 16  # heights that a histogram counts
BINS = 120
WIDEST = 6.0  # times as wide as the heights after may those before be drawn
BEFORE, AFTER = "#8c8f99", "#ff9d2e"


@dataclass(frozen=True)
class Curve:
    """Points (n,), (n,) to join, gaps where NaN, and what stands above them in their colour."""

    x: np.ndarray
    y: np.ndarray
    note: str


@dataclass(frozen=True)
class Picture:
    """Curves before and after (either may be missing) over one axis; each has a scale of its own."""

    before: Curve | None
    after: Curve | None
    label: str
    filled: bool = False  # from 0 up, and no ticks at the sides: counts


def histogram(before: np.ndarray | None, after: np.ndarray | None, unit: str = "nm") -> Picture:
    """Count the heights before and after, each from its own median on, each to its own highest count."""
    maps = [None if heights is None else _sample(heights) for heights in (before, after)]
    limits = [robust_limits(found[0]) for found in maps if found is not None and found[0].size]
    widths = [high - low for low, high in limits]
    half = 0.6 * min(max(widths, default=1.0), WIDEST * (widths[-1] if widths else 1.0))
    curves = [None if found is None else _counts(*found, half, unit) for found in maps]
    return Picture(curves[0], curves[1], f"height from the median ({unit or 'values'})", filled=True)


def profile(
    before: np.ndarray | None,
    after: np.ndarray | None,
    line: np.ndarray,
    pixel_size: tuple[float, float] | None,
    unit: str = "nm",
) -> Picture:
    """Follow the heights along ``line``, start and end (2, 2) in pixels; distances in nm."""
    curves = [
        None if heights is None else _along(heights, line, pixel_size, unit) for heights in (before, after)
    ]
    return Picture(curves[0], curves[1], f"distance ({'px' if pixel_size is None else 'nm'})")


def heights_along(heights: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Interpolate heights on ``line``, one about every pixel; NaN where the nearest pixel has none.

    >>> heights_along(np.arange(12.0).reshape(3, 4), np.array([[1, 0], [1, 3]]))
    array([4., 5., 6., 7.])
    """
    from scipy.ndimage import map_coordinates

    start, end = np.asarray(line, dtype=float)
    steps = int(min(4096, max(1, np.ceil(np.hypot(*(end - start))))))
    points = start[:, None] + (end - start)[:, None] * np.linspace(0, 1, steps + 1)
    heights = np.asarray(heights)
    options = {"output": float, "mode": "constant", "cval": np.nan}
    smooth, nearest = (map_coordinates(heights, points, order=order, **options) for order in (1, 0))
    return np.where(np.isnan(smooth), nearest, smooth)


def _sample(heights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the finite ones of evenly spread heights, and which share of all is missing."""
    step = max(1, int(np.ceil(np.sqrt(heights.size / MOST_SAMPLES))))
    some = np.asarray(heights[::step, ::step], dtype=float)
    finite = some[np.isfinite(some)]
    return finite, 1 - finite.size / some.size


def _counts(finite: np.ndarray, missing: float, half: float, unit: str) -> Curve:
    if not finite.size:
        return Curve(np.zeros(0), np.zeros(0), "no heights")
    low, high = robust_limits(finite)
    counts, edges = np.histogram(finite - np.median(finite), BINS, (-half, half))
    note = f"{high - low:.3g} {unit}" + (f", {missing:.0%} missing" if missing else "")
    return Curve((edges[1:] + edges[:-1]) / 2, counts / max(1, counts.max()), note)


def _along(heights: np.ndarray, line: np.ndarray, size: tuple[float, float] | None, unit: str) -> Curve:
    found = heights_along(heights, line)
    length = float(np.hypot(*((line[1] - line[0]) * np.array(size or (1, 1)))))
    finite = found[np.isfinite(found)]
    note = f"{np.ptp(finite):.3g} {unit}" if finite.size else "no heights here"
    return Curve(np.linspace(0, length, len(found)), found, note)


def ticks(low: float, high: float, about: int) -> np.ndarray:
    """Return round numbers between two, ``about`` so many.

    >>> ticks(0, 10, 5)
    array([ 0.,  2.,  4.,  6.,  8., 10.])
    """
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step + 0.0


class HeightPlot(QWidget):
    """Draws a picture: before in grey, its scale at the left; after in colour, its scale at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.instead = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("heights before and after")

    def sizeHint(self) -> QSize:
        """Ask for little room."""
        return QSize(260, 128)

    def minimumSizeHint(self) -> QSize:
        """Ask for the height, and for what is readable."""
        return QSize(180, 128)

    def show_picture(self, picture: Picture | None, instead: str = "") -> None:
        """Draw another picture, or a sentence instead of one."""
        self.picture, self.instead = picture, instead
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Draw axes, curves and notes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        ink = QColor(get_theme(get_settings().appearance.theme).text.as_hex())
        if self.picture is not None:
            self._draw(painter, self.picture, ink)
        else:
            painter.setPen(ink)
            where = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()), where, self.instead)
        painter.end()

    def _draw(self, painter: QPainter, picture: Picture, ink: QColor) -> None:
        side = 6 if picture.filled else 44
        box = QRectF(side, 18, self.width() - 2 * side, self.height() - 18 - 30)
        painter.setPen(QPen(ink, 0.6))
        painter.drawRect(box)
        drawn = [curve for curve in (picture.before, picture.after) if curve is not None and curve.x.size]
        if drawn:
            low, high = (float(drawn[-1].x[i]) for i in (0, -1))
            self._x_axis(painter, box, low, high, picture.label)
        for curve, colour, right in ((picture.before, BEFORE, False), (picture.after, AFTER, True)):
            if curve is None:
                continue
            painter.setPen(QColor(colour))
            place = QRectF(6, 0, self.width() - 12, 16)
            where = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            painter.drawText(place, where, f"{'after' if right else 'before'}: {curve.note}")
            if np.isfinite(curve.y).any():
                self._curve(painter, box, curve, colour, picture.filled, right)

    def _x_axis(self, painter: QPainter, box: QRectF, low: float, high: float, label: str) -> None:
        bottom = box.bottom()
        at = ticks(low, high, 5) if high > low else np.zeros(0)
        for tick, text in zip(at, _texts(at), strict=True):
            x = box.left() + (tick - low) / (high - low) * box.width()
            painter.drawLine(QPointF(x, bottom), QPointF(x, bottom + 3))
            place = QRectF(x - 30, bottom + 2, 60, 13)
            if place.left() >= 0 and place.right() <= self.width() + 24:
                painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, text)
        painter.drawText(QRectF(0, bottom + 15, self.width(), 14), Qt.AlignmentFlag.AlignHCenter, label)

    def _curve(
        self, painter: QPainter, box: QRectF, curve: Curve, colour: str, filled: bool, right: bool
    ) -> None:
        low, high = (0.0, 1.05) if filled else _padded(curve.y)
        span = float(curve.x[-1] - curve.x[0]) or 1.0
        xs = box.left() + (curve.x - curve.x[0]) / span * box.width()
        ys = box.bottom() - (curve.y - low) / (high - low) * box.height()
        painter.setPen(QPen(QColor(colour), 1.6 if right else 1.2))
        for run in _runs(np.isfinite(ys)):
            points = [QPointF(float(x), float(y)) for x, y in zip(xs[run], ys[run], strict=True)]
            painter.drawPolyline(QPolygonF(points))
            if filled and not right:
                shade = QColor(colour)
                shade.setAlpha(110)
                closed = [
                    QPointF(points[0].x(), box.bottom()),
                    *points,
                    QPointF(points[-1].x(), box.bottom()),
                ]
                painter.save()
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(shade)
                painter.drawPolygon(QPolygonF(closed))
                painter.restore()
        if not filled:
            self._y_axis(painter, box, low, high, right)

    def _y_axis(self, painter: QPainter, box: QRectF, low: float, high: float, right: bool) -> None:
        align = Qt.AlignmentFlag.AlignLeft if right else Qt.AlignmentFlag.AlignRight
        at = ticks(low, high, 4)
        for tick, text in zip(at, _texts(at), strict=True):
            y = box.bottom() - (tick - low) / (high - low) * box.height()
            left = box.right() + 4 if right else 0.0
            place = QRectF(left, y - 7, 40, 14)
            painter.drawText(place, align | Qt.AlignmentFlag.AlignVCenter, text)


def _texts(at: np.ndarray) -> list[str]:
    """Write ticks with as many decimals as tell them apart."""
    step = float(np.diff(at).min()) if len(at) > 1 else 1.0
    decimals = max(0, int(-np.floor(np.log10(step) + 1e-9)))
    return [f"{tick + 0.0:.{decimals}f}" if decimals < 5 else f"{tick:.3g}" for tick in at]


def _padded(y: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(y)), float(np.nanmax(y))
    pad = 0.06 * (high - low) or max(abs(high), 1.0) * 1e-3
    return low - pad, high + pad


def _runs(there: np.ndarray) -> list[slice]:
    """Return the runs of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, there, False].astype(np.int8)))
    return [slice(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
