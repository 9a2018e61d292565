"""MemberGallery: pictures of many objects, painted when they are seen, to select and to drag to a type."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QPen, QPolygon
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate

from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.structures.member_model import SIDE, MemberModel
from napari_stmml.viewer.structures.objects import Identity
from napari_stmml.viewer.structures.pictures import framed

GAP = 4  # px on the screen between two pictures
SELECTED, MOVED = "#ffffff", "#ffff40"


class MemberGallery(QListView):
    """The gallery; signals say what a person does."""

    selection_changed = Signal()
    visited = Signal(int)  # row of the table that was clicked alone, or reached with an arrow
    key_pressed = Signal(str)
    menu_wanted = Signal(object)  # QPoint on the screen

    def __init__(self) -> None:
        super().__init__()
        self.members = MemberModel()
        self.members.setParent(self)
        self.setModel(self.members)
        self.setItemDelegate(_Member(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMinimumHeight(2 * (SIDE + GAP) + 6)
        self.setAccessibleName("objects of the chosen type")
        self.customContextMenuRequested.connect(self._ask_menu)
        self.clicked.connect(self._click)
        self.selectionModel().selectionChanged.connect(self._selected)

    def sizeHint(self) -> QSize:
        """Ask for little: it scrolls, and gets what is left."""
        return QSize(300, self.minimumHeight())

    @property
    def chosen(self) -> list[int]:
        """Rows of the table that are selected, in the order of the gallery."""
        places = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [self.members.rows[at] for at in places]

    @property
    def objects_chosen(self) -> list[Identity]:
        """Objects that are selected, as they are known from one state to the next."""
        return self.members.objects([index.row() for index in self.selectionModel().selectedIndexes()])

    def choose(self, rows: Sequence[int]) -> None:
        """Select objects that are shown, and scroll to the first of them."""
        place = {row: at for at, row in enumerate(self.members.rows)}
        places = sorted(place[row] for row in rows if row in place)
        selection = QItemSelection()
        for start, end in _runs(places):
            selection.select(self.members.index(start), self.members.index(end))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if places:
            first = self.members.index(places[0])
            self.selectionModel().setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(first)

    @slot
    def keyPressEvent(self, event: Any) -> None:
        """Let keys move what is selected; arrows visit objects."""
        text = {
            Qt.Key.Key_Delete: "Delete",
            Qt.Key.Key_Backspace: "Delete",
            Qt.Key.Key_Escape: "Escape",
        }.get(event.key(), event.text().upper())
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if plain and text and text in (*"0123456789NA", "Delete", "Escape"):
            self.key_pressed.emit(text)
            return
        super().keyPressEvent(event)
        arrows = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
        if plain and event.key() in arrows and len(self.chosen) == 1:
            self.visited.emit(self.chosen[0])

    @slot
    def _click(self, index: QModelIndex) -> None:
        if len(self.selectionModel().selectedIndexes()) == 1:
            self.visited.emit(self.members.rows[index.row()])

    @slot
    def _selected(self, *_: Any) -> None:
        self.selection_changed.emit()

    @slot
    def _ask_menu(self, at: Any) -> None:
        self.menu_wanted.emit(self.viewport().mapToGlobal(at))


class _Member(QStyledItemDelegate):
    """Draws the picture of an object in the colour of its type."""

    def sizeHint(self, option: Any, index: Any) -> QSize:
        """Return the size of a picture and the gap around it."""
        return QSize(SIDE + GAP, SIDE + GAP)

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw the object; one that a person typed has a mark in its corner."""
        members: MemberModel = index.model()
        at = index.row()
        where = QRect(option.rect.x() + GAP // 2, option.rect.y() + GAP // 2, SIDE, SIDE)
        painter.drawPixmap(where, framed(members.picture(at), SIDE, members.colour(at)))
        if members.moved(at):
            right, top = where.right() - 1, where.top() + 2
            corner = QPolygon([QPoint(right - 13, top), QPoint(right, top), QPoint(right, top + 13)])
            painter.setPen(QPen(QColor("black")))
            painter.setBrush(QColor(MOVED))
            painter.drawPolygon(corner)
        if option.state & option.state.State_Selected:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(SELECTED), 2))
            painter.drawRect(where.adjusted(-1, -1, 1, 1))  # around the colour of the type


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Join numbers that follow each other: first and last of each run.

    >>> _runs([0, 1, 2, 5, 7, 8])
    [(0, 2), (5, 5), (7, 8)]
    """
    if not places:
        return []
    breaks = [at for at in range(1, len(places)) if places[at] != places[at - 1] + 1]
    starts, ends = [0, *breaks], [*breaks, len(places)]
    return [(places[start], places[end - 1]) for start, end in zip(starts, ends, strict=True)]
