"""ScanGallery: thumbnails of scans in rows, painted when they are seen."""

from typing import Any

from qtpy.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QPalette, QPen
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate

from napari_stmml.viewer.browse.library import Item
from napari_stmml.viewer.browse.scan_model import ScanModel
from napari_stmml.viewer.browse.thumbnails import SIDE
from napari_stmml.viewer.shared.slots import slot

GAP, LINES = 8, 3
DOT = 9  # px of the dot of a class
OPEN, CORRECTED, LEFT_OUT = "#4aa3ff", "#57d163", QColor(0, 0, 0, 150)
_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class ScanGallery(QListView):
    """The gallery; signals say what a person wants to open."""

    opened = Signal(int)  # row that was double-clicked, or Return pressed on
    visited = Signal(int)  # row that an arrow has reached
    selection_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.scans = ScanModel()
        self.scans.setParent(self)
        self.setModel(self.scans)
        self.setItemDelegate(_Scan(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.SinglePass)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAccessibleName("scans")
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(self._selected)

    def sizeHint(self) -> QSize:
        """Ask for two columns and some rows: it scrolls, and gets what is left."""
        size = item_size(QFontMetrics(self.font()))
        return QSize(2 * size.width() + 24, 2 * size.height())

    def minimumSizeHint(self) -> QSize:
        """Ask for one row at least."""
        return QSize(200, item_size(QFontMetrics(self.font())).height())

    @property
    def chosen(self) -> list[Item]:
        """The items that are selected, in the order of the gallery."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [self.scans.item(row) for row in rows]

    def go_to(self, row: int) -> None:
        """Select a row alone, and scroll to it."""
        index = self.scans.index(row)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    @slot
    def keyPressEvent(self, event: Any) -> None:
        """Open with Return; go on with arrows."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
            return
        super().keyPressEvent(event)
        if event.key() in _ARROWS and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            self.visited.emit(self.currentIndex().row())

    @slot
    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(index.row())

    @slot
    def _selected(self, *_: Any) -> None:
        self.selection_changed.emit()


def item_size(letters: QFontMetrics) -> QSize:
    """Return the size of a picture with its lines."""
    return QSize(SIDE + 2 * GAP, SIDE + 2 * GAP + LINES * letters.height())


class _Scan(QStyledItemDelegate):
    """Draws the picture of a scan, and what it says below."""

    def sizeHint(self, option: Any, index: Any) -> QSize:
        """Return the same size for all."""
        return item_size(option.fontMetrics)

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw a scan: a frame if it is chosen or open, dots for classes, a tick where it was corrected."""
        scans: ScanModel = index.model()
        item, (picture, colours) = scans.item(index.row()), scans.picture(index.row())
        outcome, whole = item.outcome(scans.direction), option.rect
        if option.state & option.state.State_Selected:
            painter.fillRect(whole.adjusted(1, 1, -1, -1), option.palette.color(QPalette.ColorRole.Highlight))
        place = QRect(whole.x() + GAP, whole.y() + GAP, SIDE, SIDE)
        if picture is None:
            painter.fillRect(place, QColor(128, 128, 128, 60))
        else:
            place = QRect(
                place.x() + (SIDE - picture.width()) // 2,
                place.y() + (SIDE - picture.height()) // 2,
                picture.width(),
                picture.height(),
            )
            painter.drawPixmap(place, picture)
        if outcome.left_out:
            painter.fillRect(place, LEFT_OUT)
            _say(painter, place, "left out")
        _dots(painter, place, colours)
        if outcome.corrected:
            _tick(painter, place)
        if item.file == scans.open_file:
            painter.setPen(QPen(QColor(OPEN), 3))
            painter.drawRect(place.adjusted(-2, -2, 1, 1))
        _write(painter, option, item.lines(scans.direction), whole)


def _write(painter: Any, option: Any, lines: tuple[str, ...], whole: QRect) -> None:
    """Write lines below a picture, the first bright, and what is too long with dots in its middle."""
    letters, top = option.fontMetrics, whole.y() + GAP + SIDE + 2
    for number, line in enumerate(lines):
        colour = option.palette.color(QPalette.ColorRole.Text)
        colour.setAlpha(255 if number == 0 else 170)
        painter.setPen(colour)
        where = QRect(whole.x() + 2, top + number * letters.height(), whole.width() - 4, letters.height())
        short = letters.elidedText(line, Qt.TextElideMode.ElideMiddle, where.width())
        painter.drawText(where, Qt.AlignmentFlag.AlignHCenter, short)


def _dots(painter: Any, place: QRect, colours: tuple[str, ...]) -> None:
    """Draw a dot for each class at the lower left."""
    painter.setPen(QPen(QColor("black")))
    for number, colour in enumerate(colours):
        painter.setBrush(QColor(colour))
        painter.drawEllipse(place.x() + 3 + number * (DOT + 2), place.bottom() - DOT - 2, DOT, DOT)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _tick(painter: Any, place: QRect) -> None:
    """Draw the sign of what a person has corrected at the upper right."""
    corner = QRect(place.right() - 19, place.y() + 2, 18, 18)
    painter.fillRect(corner, QColor(0, 0, 0, 190))
    painter.setPen(QPen(QColor(CORRECTED), 3))
    left, top = corner.x(), corner.y()
    painter.drawPolyline([QPoint(left + 4, top + 9), QPoint(left + 8, top + 13), QPoint(left + 14, top + 4)])


def _say(painter: Any, place: QRect, words: str) -> None:
    painter.setPen(QColor("white"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
