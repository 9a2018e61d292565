"""What tables of many rows have in common: headings with tooltips, rows that are selected whole."""

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QHeaderView, QTableView

_EMPTY = QModelIndex()


class TableModel(QAbstractTableModel):
    """A model of this kind says which columns and how many rows it has, and what is in a cell."""

    HEADINGS: tuple[str, ...] = ()
    TIPS: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def rowCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else self.n_rows

    def columnCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.HEADINGS)

    def headerData(self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column, and what is in it."""
        texts = {Qt.ItemDataRole.DisplayRole: self.HEADINGS, Qt.ItemDataRole.ToolTipRole: self.TIPS}
        return texts[role][section] if orientation == Qt.Orientation.Horizontal and role in texts else None


class TableView(QTableView):
    """Rows of one line, sorted by a click on a heading; at first by column ``sorted_by``, -1 for none."""

    def __init__(self, model: TableModel, name: str, sorted_by: int = -1) -> None:
        super().__init__()
        self.setModel(model)
        model.setParent(self)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.horizontalHeader().setSortIndicator(sorted_by, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)


def width_of(table: QTableView, columns: Iterable[int]) -> int:
    """Return the width of a table that shows its columns whole, beside its scroll bar.

    Parameters
    ----------
    table : QTableView
    columns : iterable of int
        Their least widths, px on the screen.

    Returns
    -------
    int
    """
    return sum(columns) + 2 * table.frameWidth() + table.verticalScrollBar().sizeHint().width()
