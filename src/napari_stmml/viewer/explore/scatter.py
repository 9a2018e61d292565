"""Scatter: a canvas of very many points, as a density, some of them in colour, with a lasso."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_stmml.colours import as_rgb
from napari_stmml.viewer.explore.points import Limits, density, limits_of, on_grid
from napari_stmml.viewer.shared.painting import painting, picture_of
from napari_stmml.viewer.shared.slots import slot

BIN = 2  # px on the screen of a bin of the density image
INK = 0.5  # how much of the text's colour is in the densest bin
DIM = 0.75  # how much of the background's colour is in points, while others are marked
DOTS = ((12_000, 1), (3_000, 2), (0, 3))  # px of a dot where so many pixels or more have one
MARK = 2  # px that a mark is wider than a dot
EDGE = 18  # px below and at the left, for the labels of the axes
STEP = 3  # px that the mouse moves between two corners of the lasso
ZOOM = 1.2  # a step of the wheel
TIP = "drag: lasso · wheel: zoom · drag with the right button: move · double-click: see everything"

_NOBODY = np.zeros((0, 2), np.float32)


def packed(colours: Sequence[str]) -> np.ndarray:
    """Pack ``#rrggbb`` into one number each, (n,) uint32, as a picture of Qt's holds them."""
    rgb = np.array([as_rgb(colour) for colour in colours], np.uint32).reshape(-1, 3)
    return 0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]


def mixed(colours: Any, other: np.uint32, share: Any) -> np.ndarray:
    """Mix packed colours with another one, of which ``share``, 0 to 1, is in the mixture."""
    found = np.full(np.broadcast_shapes(np.shape(colours), np.shape(share)), 0xFF000000, np.uint32)
    for shift in (16, 8, 0):
        own, its = (np.asarray(one) >> shift & 0xFF for one in (colours, other))
        found |= np.rint(own * (1 - share) + its * share).astype(np.uint32) << shift
    return found


class Scatter(QWidget):
    """Points, (n, 2), over the density of all of them; ``lassoed`` reports a lasso."""

    lassoed = Signal(object)  # corners in units of the axes, (k, 2)

    def __init__(self) -> None:
        super().__init__()
        self.limits: Limits = ((-1.0, 1.0), (-1.0, 1.0))
        self.axes = ("", "")
        self._every, self._points, self._marked = _NOBODY, _NOBODY, _NOBODY
        self._colours, self._mark = np.zeros(0, np.uint32), np.uint32(0)
        self._image: QImage | None = None
        self._lasso: list[QPointF] = []
        self._held: QPointF | None = None  # where the mouse holds the picture
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 220)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("feature space")
        self.setToolTip(TIP)

    def sizeHint(self) -> QSize:
        """Ask for a square."""
        return QSize(310, 300)

    # ---- what is shown

    def show_points(
        self, every: np.ndarray, points: np.ndarray, colours: np.ndarray, axes: tuple[str, str]
    ) -> None:
        """Show other points.

        Parameters
        ----------
        every : ndarray of float32, shape (n, 2)
            Whose density lies below; NaN is not shown.
        points : ndarray of float32, shape (m, 2)
            In colour.
        colours : ndarray of uint32, shape (m,)
            As ``packed`` makes them.
        axes : (str, str)
            Labels of the axes, below and at the left.
        """
        self._every, self._points, self._colours, self.axes = every, points, colours, axes
        self._marked = _NOBODY
        self.whole()

    def recolour(self, colours: np.ndarray) -> None:
        """Give the points other colours."""
        self._colours = colours
        self._renew()

    def mark(self, points: np.ndarray, colour: str) -> None:
        """Mark points, (k, 2), and dim all others; none, and nothing is dim."""
        self._marked, self._mark = points, packed([colour])[0]
        self._renew()

    def whole(self) -> None:
        """Show everything but the farthest points."""
        self.limits = limits_of(self._points)
        self._renew()

    def picture(self, shape: tuple[int, int], ratio: float = 1.0) -> np.ndarray:
        """Draw the points, packed uint32, on (rows, cols) px of a screen, ``ratio`` for one px of Qt."""
        paper, ink = _theme()
        step = max(1, round(BIN * ratio))
        bins = (-(-shape[0] // step), -(-shape[1] // step))
        shades = mixed(paper, ink, INK * np.linspace(0, 1, 256))
        dense = shades[(255 * density(self._every, bins, self.limits)).astype(np.uint8)]
        image = np.ascontiguousarray(dense.repeat(step, 0).repeat(step, 1)[: shape[0], : shape[1]])
        colours = mixed(self._colours, paper, DIM) if len(self._marked) else self._colours
        flat, seen = on_grid(self._points, shape, self.limits)
        _dots(image, flat, colours[seen], _side(flat, image.size, ratio))
        flat, _ = on_grid(self._marked, shape, self.limits)
        flat = np.flatnonzero(np.bincount(flat, minlength=image.size))  # of one colour: each pixel once
        side = _side(flat, image.size, ratio)
        _dots(image, flat, np.full(len(flat), self._mark), side + (MARK if side > ratio else 0))
        return image

    # ---- Qt

    @slot
    def paintEvent(self, event: Any) -> None:
        """Draw the picture, which is kept until something changes, and the lasso."""
        with painting(self) as painter:
            box, ratio = self._box(), self.devicePixelRatioF()
            shape = (max(1, round(box.height() * ratio)), max(1, round(box.width() * ratio)))
            if self._image is None or (self._image.height(), self._image.width()) != shape:
                image = self.picture(shape, ratio)
                self._image = picture_of(image, QImage.Format.Format_RGB32)
            painter.drawImage(box, self._image)
            ink = QColor.fromRgb(int(_theme()[1]))
            painter.setPen(QPen(ink, 0.6))
            painter.drawRect(box)
            self._name_axes(painter, box)
            if self._lasso:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(QPen(ink, 1.5))
                shade = QColor(ink)
                shade.setAlpha(40)
                painter.setBrush(shade)
                painter.drawPolygon(QPolygonF(self._lasso))

    @slot
    def wheelEvent(self, event: Any) -> None:
        """Zoom about the point under the mouse."""
        factor = ZOOM ** (-event.angleDelta().y() / 120)
        middle = self._place(event.position())
        first, second = (
            (at + (low - at) * factor, at + (high - at) * factor)
            for at, (low, high) in zip(middle, self.limits, strict=True)
        )
        self.limits = (first, second)
        self._renew()
        event.accept()

    @slot
    def mousePressEvent(self, event: Any) -> None:
        """Begin a lasso, or begin to move the picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._lasso = [event.position()]
        else:
            self._held = event.position()

    @slot
    def mouseMoveEvent(self, event: Any) -> None:
        """Go on with the lasso, or move the picture."""
        at = event.position()
        if self._held is not None:
            (x0, y0), (x1, y1) = self._place(self._held), self._place(at)
            (left, right), (low, high) = self.limits
            self.limits = (left + x0 - x1, right + x0 - x1), (low + y0 - y1, high + y0 - y1)
            self._held = at
            self._renew()
        elif self._lasso and (at - self._lasso[-1]).manhattanLength() >= STEP:
            self._lasso.append(at)
            self.update()

    @slot
    def mouseReleaseEvent(self, event: Any) -> None:
        """Close the lasso; a click alone is none."""
        corners = [self._place(at) for at in self._lasso]
        self._lasso, self._held = [], None
        self.update()
        if len(corners) > 2:
            self.lassoed.emit(np.array(corners))

    @slot
    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show everything."""
        self._lasso = []
        self.whole()

    @slot
    def changeEvent(self, event: Any) -> None:
        """Draw again when the theme has changed."""
        super().changeEvent(event)
        self._renew()

    # ---- inside

    def _renew(self) -> None:
        self._image = None
        self.update()

    def _box(self) -> QRectF:
        return QRectF(EDGE, 0.5, max(self.width() - EDGE - 1, 1), max(self.height() - EDGE - 1, 1))

    def _place(self, at: QPointF) -> tuple[float, float]:
        """Return a position on the screen in units of the axes."""
        box, ((x0, x1), (y0, y1)) = self._box(), self.limits
        x = x0 + (at.x() - box.left()) / box.width() * (x1 - x0)
        return x, y1 - (at.y() - box.top()) / box.height() * (y1 - y0)

    def _name_axes(self, painter: QPainter, box: QRectF) -> None:
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignCenter
        painter.drawText(QRectF(box.left(), box.bottom() + 1, box.width(), EDGE - 2), middle, self.axes[0])
        painter.save()
        painter.rotate(-90)
        painter.drawText(QRectF(-box.bottom(), 0, box.height(), EDGE - 2), middle, self.axes[1])
        painter.restore()


def _theme() -> tuple[np.uint32, np.uint32]:
    """Return the colours of background and text, packed."""
    theme = get_theme(get_settings().appearance.theme)
    paper, ink = packed([theme.background.as_hex(), theme.text.as_hex()])
    return paper, ink


def _side(flat: np.ndarray, size: int, ratio: float) -> int:
    """Return how wide dots are, in px of the screen: the fewer pixels have one, the wider."""
    taken = np.count_nonzero(np.bincount(flat, minlength=size))
    return max(1, round(ratio * next(side for most, side in DOTS if taken >= most)))


def _dots(image: np.ndarray, flat: np.ndarray, colours: np.ndarray, side: int) -> None:
    """Draw square dots around pixels, (n,), of a picture, (rows, cols); later ones lie above."""
    rows, cols = np.divmod(flat, image.shape[1])
    for down in range(-(side // 2), side - side // 2):
        for right in range(-(side // 2), side - side // 2):
            row = np.clip(rows + down, 0, image.shape[0] - 1)
            col = np.clip(cols + right, 0, image.shape[1] - 1)
            image[row, col] = colours
