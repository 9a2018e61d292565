"""TypeList: the types with their mean images, names, numbers and densities; members are dropped on them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QTableWidget,
    QTableWidgetItem,
)

from napari_stmml.colours import type_colour
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.text import number, with_error
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.table import width_of
from napari_stmml.viewer.structures.pictures import framed

EYE, PICTURE, NAME, COUNT, DENSITY = range(5)
SIDE = 44  # px on the screen of a mean image
COLUMNS = (  # heading, width in px, tooltip
    ("", 24, "tick: shown; double-click: show only this type, and again: all"),
    ("", SIDE + 6, "mean image; the number is the key that moves selected objects to this type"),
    ("Type", 90, "double-click or F2 to rename"),
    ("n", 42, "number of objects on all open scans"),
    ("per nm²", 108, "density on all open scans, with the error of counting"),
)
MEMBERS = "application/x-stmml-members"  # what is dragged from the gallery of members
_SPOKEN = Qt.ItemDataRole.AccessibleTextRole


@dataclass(frozen=True)
class _Row:
    kind: int  # number of the type, 0: unlike any other
    name: str
    count: int
    density: str


class TypeList(QTableWidget):
    """One row a type, the last one for objects unlike any other; signals say what a person does."""

    chosen_changed = Signal()
    renamed = Signal(int, str)
    eyes_changed = Signal()
    dropped = Signal(int)  # type that members were dropped on

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.kinds: tuple[int, ...] = ()  # types of the rows
        self.hidden: set[int] = set()
        self.pictures: dict[int, QPixmap] = {}
        for column, (heading, width, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(column, item)
            self.setColumnWidth(column, width)
        self.horizontalHeader().setMinimumSectionSize(20)
        self.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setMinimumWidth(width_of(self, [width for _, width, _ in COLUMNS]))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(SIDE + 4)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        edit = QAbstractItemView.EditTrigger
        self.setEditTriggers(edit.DoubleClicked | edit.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(True)
        self.setShowGrid(False)
        self.setMinimumHeight(3 * (SIDE + 4) + 26)
        self.setAccessibleName("types of structures")
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DropOnly)
        self.setItemDelegateForColumn(PICTURE, _Picture(self))
        self.cellClicked.connect(self._click)
        self.cellDoubleClicked.connect(self._double_click)
        self.itemChanged.connect(self._changed)
        self.itemSelectionChanged.connect(self._selected)

    def sizeHint(self) -> QSize:
        """Ask for little: it scrolls, and gets what is left."""
        return QSize(300, self.minimumHeight())

    @property
    def chosen(self) -> list[int]:
        """Types of the rows that are selected, in the order of the list."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self.kinds[row] for row in rows if row < len(self.kinds)]

    def show_types(self, found: Structures | None) -> None:
        """Show the types; what was selected stays so."""
        rows = [] if found is None else _rows(found)
        chosen, kinds = self.chosen, tuple(row.kind for row in rows)
        self.hidden &= set(kinds)
        with QSignalBlocker(self):
            self.setRowCount(len(rows))
            if kinds != self.kinds:
                self.clearSelection()
            self.kinds = kinds
            for at, row in enumerate(rows):
                self._show_row(at, row)
            self._show_eyes()
            self._show_pictures()
            self.select(chosen)
        if self.chosen != chosen:
            self.chosen_changed.emit()

    @slot
    def show_pictures(self, pictures: dict[int, QPixmap]) -> None:
        """Show the mean images of types, by their numbers."""
        self.pictures = pictures
        with QSignalBlocker(self):
            self._show_pictures()
        self.viewport().update()

    def choose(self, kind: int) -> None:
        """Select the row of a type, and scroll to it."""
        if kind in self.kinds and self.chosen != [kind]:
            with QSignalBlocker(self):
                self.select([kind])
            self.chosen_changed.emit()

    def edit_name(self, kind: int) -> None:
        """Let a person type another name for a type."""
        self.editItem(self.item(self.kinds.index(kind), NAME))

    def choose_none(self) -> None:
        """Select no row, without a signal."""
        with QSignalBlocker(self):
            self.clearSelection()

    def show_only(self, kind: int | None) -> None:
        """Hide all types but one; None: show all."""
        self._hide(set() if kind is None else set(self.kinds) - {kind})

    # ---- drops

    def dragEnterEvent(self, event: Any) -> None:
        """Take what comes from the gallery of members."""
        self._consider(event)

    def dragMoveEvent(self, event: Any) -> None:
        """Show which row the members would be dropped on."""
        self._consider(event)

    @slot
    def dropEvent(self, event: Any) -> None:
        """Say which type members were dropped on."""
        at = self.rowAt(int(event.position().y()))
        if event.mimeData().hasFormat(MEMBERS) and 0 <= at < len(self.kinds):
            event.acceptProposedAction()
            self.dropped.emit(self.kinds[at])

    def _consider(self, event: Any) -> None:
        there = 0 <= self.rowAt(int(event.position().y())) < len(self.kinds)
        event.setAccepted(event.mimeData().hasFormat(MEMBERS) and there)

    # ---- inside

    def _show_row(self, at: int, row: _Row) -> None:
        if self.item(at, NAME) is None:
            for column in range(len(COLUMNS)):
                self.setItem(at, column, QTableWidgetItem())
        for column in range(len(COLUMNS)):
            item = self.item(at, column)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDropEnabled
            item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if column == NAME and row.kind else flags)
            key = f"key {_key(at, row.kind)}: move the selected objects here"
            item.setToolTip(
                plain_tip(f"{row.name}: {row.count} objects" + (f"\n{key}" if _key(at, row.kind) else ""))
            )
        self.item(at, NAME).setText(row.name)
        for column, text in ((COUNT, number(row.count)), (DENSITY, row.density)):
            self.item(at, column).setText(text)
            self.item(at, column).setTextAlignment(
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )

    def _show_eyes(self) -> None:
        for row, kind in enumerate(self.kinds):
            state = Qt.CheckState.Unchecked if kind in self.hidden else Qt.CheckState.Checked
            self.item(row, EYE).setCheckState(state)
            self.item(row, EYE).setData(_SPOKEN, "hidden" if kind in self.hidden else "shown")

    def _show_pictures(self) -> None:
        for row, kind in enumerate(self.kinds):
            made = framed(self.pictures.get(kind), SIDE, type_colour(kind), _key(row, kind))
            self.item(row, PICTURE).setData(Qt.ItemDataRole.UserRole, made)
            self.item(row, PICTURE).setData(_SPOKEN, f"mean image, colour {type_colour(kind)}")

    def select(self, kinds: Collection[int]) -> None:
        """Select the rows of types, and scroll to the first."""
        flags = QItemSelectionModel.SelectionFlag
        self.clearSelection()
        items = [self.item(self.kinds.index(kind), NAME) for kind in kinds if kind in self.kinds]
        for item in items:
            self.selectionModel().select(self.indexFromItem(item), flags.Select | flags.Rows)
        if items:
            self.scrollToItem(items[0])

    def _hide(self, kinds: set[int]) -> None:
        self.hidden = kinds
        with QSignalBlocker(self):
            self._show_eyes()
        self.viewport().update()
        self.eyes_changed.emit()

    @slot
    def _click(self, row: int, column: int) -> None:
        if column == EYE:
            self._hide(self.hidden ^ {self.kinds[row]})

    @slot
    def _double_click(self, row: int, column: int) -> None:
        if column == EYE:
            kind = self.kinds[row]
            alone = set(self.kinds) - self.hidden <= {kind}
            self.show_only(None if alone else kind)

    @slot
    def _changed(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self.renamed.emit(self.kinds[item.row()], item.text().strip())

    @slot
    def _selected(self) -> None:
        self.chosen_changed.emit()


class _Picture(QStyledItemDelegate):
    """Draws a mean image in its frame, the same in rows that are selected."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw the cell."""
        super().paint(painter, option, index)
        made = index.data(Qt.ItemDataRole.UserRole)
        if made is not None:
            at = option.rect.center() - made.rect().center()
            painter.drawPixmap(at, made)


def _key(row: int, kind: int) -> str:
    """Return the key that stands for a row: 1 to 9, and 0 for the last one."""
    if not kind:
        return "0"
    return str(row + 1) if row < 9 else ""


def _rows(found: Structures) -> list[_Row]:
    rows = [
        _Row(one.number, one.name, one.count, with_error(one.density_per_nm2, one.error_per_nm2))
        for one in found.types
    ]
    unlike = int((found.table.type == 0).sum())
    return [*rows, _Row(0, UNLIKE, unlike, "")]
