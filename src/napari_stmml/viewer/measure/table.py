"""A table of measurements: sorted by any column, fluid with thousands of rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QModelIndex, Qt, Signal

from napari_stmml.measuring.quantities import QUANTITIES, heading
from napari_stmml.text import number
from napari_stmml.viewer.io.layers import categories
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.table import TableModel, TableView


class MeasurementModel(TableModel):
    """Some columns of a table, in the order of one of them; the index keeps the rows' own numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table = pd.DataFrame()
        self._sorted: tuple[int, bool] = (-1, True)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.table)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell."""
        value = self.table.iat[index.row(), index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text_of(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def show(self, table: pd.DataFrame, unit: str) -> None:
        """Show another table, its rows in the order that was chosen last."""
        self.beginResetModel()
        self.table = table
        self.HEADINGS = tuple(heading(name, unit) for name in table)
        self.TIPS = tuple(QUANTITIES[name].help if name in QUANTITIES else "" for name in table)
        self._arrange()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows by a column; empty cells come last."""
        self._sorted = (column, order == Qt.SortOrder.AscendingOrder)
        self.layoutAboutToBeChanged.emit()
        self._arrange()
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, ascending = self._sorted
        if 0 <= column < self.table.shape[1]:
            by = self.table.columns[column]
            self.table = self.table.sort_values(by, ascending=ascending, kind="stable")


class MeasurementTable(TableView):
    """The view; ``picked`` emits the number (from 0) of the row that is clicked or reached with a key."""

    picked = Signal(int)

    def __init__(self, name: str) -> None:
        self.rows = MeasurementModel()
        super().__init__(self.rows, name)
        self.setSelectionMode(MeasurementTable.SelectionMode.SingleSelection)
        self.setMinimumHeight(120)
        self.selectionModel().currentRowChanged.connect(self._pick)

    def show_columns(self, table: pd.DataFrame, columns: Sequence[str], unit: str) -> None:
        """Show some columns of a table whose lengths are in ``unit``."""
        self.rows.show(table.reset_index(drop=True)[list(columns)], unit)
        self.resizeColumnsToContents()

    def choose(self, number: int) -> None:
        """Select a row by its number, wherever it is now; ``picked`` is not emitted."""
        self.selectionModel().currentRowChanged.disconnect(self._pick)
        self.selectRow(self.rows.table.index.get_loc(number))
        self.scrollTo(self.currentIndex())
        self.selectionModel().currentRowChanged.connect(self._pick)

    @slot
    def _pick(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self.picked.emit(int(self.rows.table.index[index.row()]))


def text_of(value: Any) -> str:
    """Write a value for people.

    >>> text_of(0.123456), text_of(float("nan")), text_of(True), text_of(12), text_of("vacancy")
    ('0.1235', '', 'yes', '12', 'vacancy')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else ""
    if value is None:
        return ""
    return value if isinstance(value, str) else number(value)


def with_statistics(features: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Put the statistics of classes beside their names in a layer's features, for other plugins.

    Parameters
    ----------
    features : DataFrame
        Of a Labels layer; kept are its columns ``index`` and ``class``. Where another plugin has given the
        layer features without these, they are made anew.
    classes : DataFrame
        Of `measuring.measurements.Measurements`, its columns named with their units.
    """
    known = features.filter(["index", "class"])
    if len(known.columns) < 2:
        names = categories(["unlabelled", *classes.name])
        known = pd.DataFrame({"index": [0, *classes.label], "class": names})
    statistics = classes.drop(columns=["name", "background"]).rename(columns={"label": "index"})
    return known.merge(statistics, on="index", how="left")
