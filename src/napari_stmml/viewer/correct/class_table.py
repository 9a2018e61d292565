"""ClassTable: the classes of a model, with their visibility, colour, name, and share of the surface."""

from collections.abc import Collection, Mapping
from typing import Any

from qtpy.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHeaderView,
    QStyledItemDelegate,
    QTableWidget,
    QTableWidgetItem,
)

from napari_stmml.classes import Classes, SurfaceClass
from napari_stmml.measuring.class_statistics import Share
from napari_stmml.text import number
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.table import width_of

EYE, COLOUR, NAME, REGIONS, AREA, SHARE, EXAMPLES = range(7)
COLUMNS = (  # heading, width in px, tooltip
    ("", 24, "tick: shown; double-click: show only this class, and again: all"),
    ("", 24, "double-click to choose another colour"),
    (
        "Class",
        104,
        "double-click or F2 to rename; Ctrl+1 to Ctrl+9 choose the first nine; italics: background",
    ),
    ("n", 36, "number of connected regions on the chosen scan"),
    ("nm²", 50, "area on the chosen scan"),
    ("%", 44, "share of the labelled area of the chosen scan"),
    ("learnt", 50, "painted cells that the model has learnt from"),
)
GREY = "#808080"  # of a class that is not on the map
_SPOKEN = Qt.ItemDataRole.AccessibleTextRole


class _Swatch(QStyledItemDelegate):
    """Fills a cell with its colour, in rows that are selected too."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw the cell."""
        painter.fillRect(option.rect.adjusted(1, 1, -1, -1), index.data(Qt.ItemDataRole.BackgroundRole))


class ClassTable(QTableWidget):
    """The classes; signals say what a person does to them, which changes nothing here."""

    picked = Signal(int)  # label of the row that was clicked
    renamed = Signal(int, str)
    recoloured = Signal(int, str)
    eyes_changed = Signal()

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.labels: tuple[int, ...] = ()  # of the rows
        self.hidden: set[int] = set()  # labels
        self._shares: Mapping[int, Share] = {}
        for column, (heading, width, tip) in enumerate(COLUMNS):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(column, item)
            self.setColumnWidth(column, width)
        self.horizontalHeader().setMinimumSectionSize(20)
        self.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setMinimumWidth(width_of(self, [width for _, width, _ in COLUMNS]))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        edit = QAbstractItemView.EditTrigger
        self.setEditTriggers(edit.DoubleClicked | edit.EditKeyPressed)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setMinimumHeight(190)
        self.setAccessibleName("classes")
        self.setItemDelegateForColumn(COLOUR, _Swatch(self))
        self.cellClicked.connect(self._click)
        self.cellDoubleClicked.connect(self._double_click)
        self.itemChanged.connect(self._changed)

    @property
    def chosen(self) -> list[int]:
        """Labels of the rows that are selected, in the order of the table."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self.labels[row] for row in rows]

    def show_classes(
        self, classes: Classes | None, examples: Mapping[int, int], left_out: Collection[int] = ()
    ) -> None:
        """Show the classes of a model, and its painted examples by label; what was selected stays so.

        Classes that the model leaves out of its maps are grey.
        """
        chosen = self.chosen
        entries = {} if classes is None else {label: classes.entries[label - 1] for label in classes.order}
        self.labels = tuple(entries)
        self.hidden &= set(self.labels)
        with QSignalBlocker(self):
            self.setRowCount(len(self.labels))
            for row, (label, entry) in enumerate(entries.items()):
                self._show_class(row, label, entry, examples.get(label, 0), label in left_out)
            self._show_eyes()
        self.show_shares(self._shares)
        self.select(chosen)

    def show_shares(self, shares: Mapping[int, Share]) -> None:
        """Show how much of a scan each class has."""
        self._shares = shares
        with QSignalBlocker(self):
            for row, label in enumerate(self.labels):
                share = shares.get(label, Share())
                self.item(row, REGIONS).setText(str(share.regions))
                self.item(row, AREA).setText(number(share.area))
                self.item(row, SHARE).setText(f"{100 * share.share:.1f}")

    def select(self, labels: Collection[int]) -> None:
        """Select rows, and scroll to the first."""
        flags = QItemSelectionModel.SelectionFlag
        self.clearSelection()
        items = [self.item(self.labels.index(label), NAME) for label in labels if label in self.labels]
        for item in items:
            self.selectionModel().select(self.indexFromItem(item), flags.Select | flags.Rows)
        if items:
            self.scrollToItem(items[0])

    def show_only(self, label: int | None) -> None:
        """Hide all classes but one; None: show all."""
        self._hide(set() if label is None else set(self.labels) - {label})

    def _show_class(self, row: int, label: int, entry: SurfaceClass, examples: int, left_out: bool) -> None:
        if self.item(row, NAME) is None:
            for column in range(len(COLUMNS)):
                self.setItem(row, column, _new_item(column))
        notes = f"{', background' if entry.background else ''}{', not on the map' if left_out else ''}"
        key = f", Ctrl+{row + 1}" if row < 9 else ""
        for column in range(len(COLUMNS)):
            self.item(row, column).setToolTip(plain_tip(f"{entry.name}: label {label}{key}{notes}"))
            self.item(row, column).setData(Qt.ItemDataRole.ForegroundRole, QColor(GREY) if left_out else None)
        self.item(row, COLOUR).setBackground(QColor(entry.colour))
        self.item(row, COLOUR).setData(_SPOKEN, f"colour {entry.colour}")
        name, font = self.item(row, NAME), self.font()
        font.setItalic(entry.background)
        name.setFont(font)
        name.setText(entry.name)
        name.setData(_SPOKEN, f"{entry.name}{notes}")
        self.item(row, EXAMPLES).setText(str(examples or ""))

    def _show_eyes(self) -> None:
        states = {False: Qt.CheckState.Checked, True: Qt.CheckState.Unchecked}
        for row, label in enumerate(self.labels):
            self.item(row, EYE).setCheckState(states[label in self.hidden])

    def _hide(self, labels: set[int]) -> None:
        self.hidden = labels
        with QSignalBlocker(self):
            self._show_eyes()
        self.viewport().update()
        self.eyes_changed.emit()

    @slot
    def _click(self, row: int, column: int) -> None:
        if column == EYE:
            self._hide(self.hidden ^ {self.labels[row]})
        else:
            self.picked.emit(self.labels[row])

    @slot
    def _double_click(self, row: int, column: int) -> None:
        label = self.labels[row]
        if column == EYE:
            alone = set(self.labels) - self.hidden <= {label}
            self.show_only(None if alone else label)
        elif column == COLOUR:
            old = self.item(row, COLOUR).background().color()
            colour = QColorDialog.getColor(old, self, "Colour of the class")
            if colour.isValid():
                self.recoloured.emit(label, colour.name())

    @slot
    def _changed(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self.renamed.emit(self.labels[item.row()], item.text().strip())


def _new_item(column: int) -> QTableWidgetItem:
    item = QTableWidgetItem()
    if column == NAME:
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    else:  # a click on an eye is seen in any part of its cell
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
    if column >= REGIONS:
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
