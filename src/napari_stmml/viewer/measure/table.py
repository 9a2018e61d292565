"""Rows of numbers, sorted by any column, fluid with thousands: the regions of a map, or its classes."""

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

_EMPTY = QModelIndex()


class ColumnsModel(QAbstractTableModel):
    """Columns of one length, by name, in the order of one of them."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.columns: dict[str, list[Any]] = {}
        self.order: np.ndarray = np.zeros(0, int)
        self._sorted: tuple[int, bool] = (-1, False)

    def rowCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.order)

    def columnCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell."""
        value = list(self.columns.values())[index.column()][self.order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            return text_of(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column: its quantity, and its unit below."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return heading(list(self.columns)[section]).replace(" (", "\n(")
        return None

    def show(self, columns: dict[str, list[Any]]) -> None:
        """Show other columns, in the order that was chosen last."""
        self.beginResetModel()
        self.columns = columns
        self.order = np.arange(len(next(iter(columns.values()), ())))
        self._arrange()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in the order of a column; what is not known comes last."""
        self._sorted = (column, order == Qt.SortOrder.DescendingOrder)
        self.layoutAboutToBeChanged.emit()
        self._arrange()
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, down = self._sorted
        if not 0 <= column < len(self.columns):
            return
        values = np.array(list(self.columns.values())[column])
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), -np.inf if down else np.inf, values)
        order = np.argsort(values, kind="stable")
        self.order = order[::-1] if down else order


class RegionTable(QTableView):
    """The table; ``picked`` tells which row of the columns was clicked, or reached with a key."""

    picked = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.rows = ColumnsModel(self)
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAccessibleName(name)
        self.setMinimumHeight(120)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self._telling = True
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_columns(self, columns: dict[str, list[Any]]) -> None:
        """Show other columns."""
        self._telling = False
        self.rows.show(columns)
        self.resizeColumnsToContents()
        self._telling = True

    def choose(self, row: int) -> None:
        """Select a row of the columns, wherever it stands now, without telling."""
        self._telling = False
        self.selectRow(int(np.flatnonzero(self.rows.order == row)[0]))
        self.scrollTo(self.currentIndex())
        self._telling = True

    def _tell(self, index: QModelIndex, before: QModelIndex) -> None:
        if self._telling and index.isValid():
            self.picked.emit(int(self.rows.order[index.row()]))


def text_of(value: Any) -> str:
    """Write a value for people.

    >>> text_of(0.123456), text_of(float("nan")), text_of(True), text_of(12)
    ('0.1235', '', 'yes', '12')
    """
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def heading(name: str) -> str:
    """Write the name of a column for people.

    >>> heading("area_mean_nm2"), heading("density_per_nm2"), heading("touches_border"), heading("x_nm")
    ('area mean (nm²)', 'density (nm⁻²)', 'touches border', 'x (nm)')
    """
    for ending, unit in (
        *(("_per_nm2", "nm⁻²"), ("_per_px2", "px⁻²"), ("_nm2", "nm²"), ("_px2", "px²")),
        *(("_nm", "nm"), ("_px", "px"), ("_deg", "°")),
    ):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")
