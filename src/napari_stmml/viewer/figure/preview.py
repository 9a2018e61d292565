"""Preview: a small picture of a figure, drawn in a thread; the one that was asked for last counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QObject, QRect, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QWidget
from superqt.utils import create_worker

from napari_stmml.figures.drawing import pixels_of
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.viewer.shared.painting import painting, picture_of
from napari_stmml.viewer.shared.slots import guarded, slot

HIGH = 300  # px
_SHARP = 2.0  # px drawn for each px that is shown


class Preview(QWidget):
    """Shows a figure as large as there is room, or a sentence in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HIGH)  # one that depends on its width would let the panel's scroll bar flicker
        self.setAccessibleName("preview of the figure")
        self.picture: QPixmap | None = None
        self.instead = ""

    def show_pixels(self, pixels: np.ndarray) -> None:
        """Show a figure that was drawn, (rows, cols, 4) uint8."""
        self.picture, self.instead = QPixmap.fromImage(picture_of(pixels)), ""
        self.update()

    def show_nothing(self, why: str) -> None:
        """Show a sentence in place of a figure."""
        self.picture, self.instead = None, why
        self.update()

    @slot
    def paintEvent(self, event: Any) -> None:
        """Draw the figure in the middle."""
        with painting(self) as painter:
            if self.picture is None:
                wrap = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.setPen(QColor(get_theme(get_settings().appearance.theme).text.as_hex()))
                painter.drawText(QRectF(self.rect()), wrap, self.instead)
                return
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self.picture.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
            painter.drawPixmap(QRect(left, top, size.width(), size.height()), self.picture)


class Drawer(QObject):
    """Does one thing after the other in a thread; a preview that waits gives way to the next one."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._running = False
        self._number = 0  # of the preview that was asked for last
        self._waiting: list[tuple[str, Callable[[], Any], Callable[[Any], None]]] = []

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        return self._running or bool(self._waiting)

    def preview(
        self, asked: PaperFigure, options: FigureOptions, width: int, done: Callable[[Any], None]
    ) -> None:
        """Draw a figure so many px wide; ``done`` gets its pixels, or what was raised."""
        dpi = _SHARP * width / (options.mm / 25.4)
        self.forget_preview()
        number = self._number

        def show(result: Any) -> None:
            if number == self._number:
                done(result)

        self.do("preview", lambda: pixels_of(asked.draw(options), min(dpi, 300.0)), show)

    def forget_preview(self) -> None:
        """Show no preview that was asked for before."""
        self._number += 1
        self._waiting = [one for one in self._waiting if one[0] != "preview"]

    def do(self, what: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do some work in the thread, after what was asked for before; ``done`` gets its result."""
        self._waiting.append((what, work, done))
        self._next()

    def forget(self) -> None:
        """Do nothing more that has not begun, and show no preview."""
        self._number += 1
        self._waiting.clear()

    @slot
    def _next(self) -> None:
        if self._running or not self._waiting:
            return
        _, work, done = self._waiting.pop(0)
        self._running = True
        connect = {
            "returned": guarded(lambda result: done(result)),
            "errored": guarded(lambda error: done(error)),
            "finished": guarded(self._end),
        }
        create_worker(work, _connect=connect)

    @slot
    def _end(self) -> None:
        self._running = False
        self._next()
