"""The classes of a model as a table: eye, colour, name, and how much of the surface each has."""

from collections.abc import Collection, Mapping
from typing import Any

from qtpy.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QFont
from qtpy.QtWidgets import QAbstractItemView, QColorDialog, QHeaderView, QStyledItemDelegate, QTableView

from napari_stmml.classes import Classes
from napari_stmml.measuring.class_statistics import Share
from napari_stmml.viewer.shared.table_model import HeadedModel

EYE, COLOUR, NAME, REGIONS, AREA, SHARE, STROKES = range(7)
HEADINGS = ("", "", "Class", "n", "nm²", "%", "taught")
TIPS = (
    "in sight or not; double-click: only this one, and again: all",
    "double-click to choose another colour",
    "double-click or F2 to rename; Ctrl+1 to Ctrl+9 choose the first nine; slanted: background",
    "regions: parts that hang together, on the scan that is chosen",
    "area on the scan that is chosen",
    "share of what has a label there",
    "cells that a person painted, from which the model has learnt",
)
WIDTHS = (24, 24, 104, 36, 50, 44, 50)


class ClassModel(HeadedModel):
    """What the table shows; edits are passed on, never made here."""

    HEADINGS, TIPS = HEADINGS, TIPS
    renamed = Signal(int, str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.classes: Classes | None = None
        self.hidden: set[int] = set()
        self.shares: Mapping[int, Share] = {}
        self.strokes: Mapping[int, int] = {}

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of the rows."""
        return () if self.classes is None else self.classes.order

    @property
    def n_rows(self) -> int:
        """How many classes there are."""
        return len(self.labels)

    def flags(self, index: QModelIndex) -> Any:
        """Let names be edited and eyes be ticked."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        more = {EYE: Qt.ItemFlag.ItemIsUserCheckable, NAME: Qt.ItemFlag.ItemIsEditable}
        return flags | more[index.column()] if index.column() in more else flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        assert self.classes is not None
        label, column = self.labels[index.row()], index.column()
        entry = self.classes.entries[label - 1]
        if role == Qt.ItemDataRole.CheckStateRole and column == EYE:
            return Qt.CheckState.Unchecked if label in self.hidden else Qt.CheckState.Checked
        if role == Qt.ItemDataRole.BackgroundRole and column == COLOUR:
            return QColor(entry.colour)
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= REGIONS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(label, column)
        if role == Qt.ItemDataRole.FontRole and entry.background:
            font = QFont()
            font.setItalic(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            key = f", Ctrl+{index.row() + 1}" if index.row() < 9 else ""
            return f"{entry.name}: label {label}{key}{', background' if entry.background else ''}"
        if role == Qt.ItemDataRole.AccessibleTextRole and column == COLOUR:
            return f"colour {entry.colour}"
        if role == Qt.ItemDataRole.AccessibleTextRole and column == NAME:
            return f"{entry.name}, background" if entry.background else entry.name
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass a new name on."""
        if role == Qt.ItemDataRole.EditRole and index.column() == NAME:
            self.renamed.emit(self.labels[index.row()], str(value).strip())
            return True
        return False

    def _text(self, label: int, column: int) -> Any:
        assert self.classes is not None
        entry, share = self.classes.entries[label - 1], self.shares.get(label, Share())
        if column == NAME:
            return entry.name
        if column == STROKES:
            return str(self.strokes.get(label, "") or "")
        numbers = {REGIONS: f"{share.regions}", AREA: f"{share.area:.4g}", SHARE: f"{100 * share.share:.1f}"}
        return numbers.get(column)


class _Swatch(QStyledItemDelegate):
    """Fills a cell with its colour, in rows that are selected too."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw the cell."""
        painter.fillRect(option.rect.adjusted(1, 1, -1, -1), index.data(Qt.ItemDataRole.BackgroundRole))


class ClassTable(QTableView):
    """The table itself; what a person does to it is told by signals, and changes nothing here."""

    picked = Signal(int)  # label of the row that was clicked
    renamed = Signal(int, str)
    recoloured = Signal(int, str)
    eyes_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model_ = ClassModel(self)
        self.setModel(self.model_)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        edit = QAbstractItemView.EditTrigger
        self.setEditTriggers(edit.DoubleClicked | edit.EditKeyPressed)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setMinimumHeight(190)
        self.setAccessibleName("classes")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        for column, width in enumerate(WIDTHS):
            self.setColumnWidth(column, width)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setItemDelegateForColumn(COLOUR, _Swatch(self))
        self.clicked.connect(self._click)
        self.doubleClicked.connect(self._double_click)
        self.model_.renamed.connect(self.renamed)

    @property
    def hidden(self) -> set[int]:
        """Labels that are out of sight."""
        return self.model_.hidden

    @property
    def chosen(self) -> list[int]:
        """Labels of the rows that are selected, in the order of the table."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self.model_.labels[row] for row in rows]

    def show_classes(self, classes: Classes | None, strokes: Mapping[int, int] | None = None) -> None:
        """Show the classes of a model; what was selected stays so."""
        chosen = self.chosen
        self.model_.beginResetModel()
        self.model_.classes, self.model_.strokes = classes, strokes or {}
        self.model_.hidden &= set(self.model_.labels)
        self.model_.endResetModel()
        self.select(chosen)

    def show_shares(self, shares: Mapping[int, Share]) -> None:
        """Show how much of a scan each class has."""
        self.model_.shares = shares
        if self.model_.labels:
            first = self.model_.index(0, REGIONS)
            self.model_.dataChanged.emit(first, self.model_.index(len(self.model_.labels) - 1, SHARE))

    def select(self, labels: Collection[int]) -> None:
        """Select rows, and bring the first into sight."""
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().clearSelection()
        rows = [self.model_.labels.index(label) for label in labels if label in self.model_.labels]
        for row in rows:
            index = self.model_.index(row, NAME)
            self.selectionModel().select(index, flags.Select | flags.Rows)
        if rows:
            self.scrollTo(self.model_.index(rows[0], NAME))

    def show_only(self, label: int | None) -> None:
        """Put all classes but one out of sight; None: all in sight."""
        self.model_.hidden = set() if label is None else set(self.model_.labels) - {label}
        self._eyes()

    def _click(self, index: QModelIndex) -> None:
        label = self.model_.labels[index.row()]
        if index.column() == EYE:
            self.model_.hidden ^= {label}
            self._eyes()
        else:
            self.picked.emit(label)

    def _double_click(self, index: QModelIndex) -> None:
        label = self.model_.labels[index.row()]
        if index.column() == EYE:
            alone = set(self.model_.labels) - self.model_.hidden <= {label}
            self.show_only(None if alone else label)
        elif index.column() == COLOUR and self.model_.classes is not None:
            old = QColor(self.model_.classes.entries[label - 1].colour)
            colour = QColorDialog.getColor(old, self, "Colour of the class")
            if colour.isValid():
                self.recoloured.emit(label, colour.name())

    def _eyes(self) -> None:
        if self.model_.labels:
            last = self.model_.index(len(self.model_.labels) - 1, EYE)
            self.model_.dataChanged.emit(self.model_.index(0, EYE), last)
        self.eyes_changed.emit()
