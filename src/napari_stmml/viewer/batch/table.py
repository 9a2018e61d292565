"""A table of the directions of a job, sorted and filtered, fluid with tens of thousands of rows."""

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal

from napari_stmml.viewer.batch.results import Result
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.table import TableModel, TableView

HEADINGS = ("Scan", "Dir.", "Status", "Labels", "Why")
TIPS = (
    "the file of the scan; its whole path is in the tip of the row",
    "FU forward/up, BU backward/up, FD forward/down, BD backward/down",
    "kept; skipped; or waiting, until the job has come to it",
    "whether there is a label map, which opens with the scan",
    "why it was left out; the whole sentence is in the tip of the row",
)
WIDTHS = (86, 32, 56, 52)


class ResultsModel(TableModel):
    """Results, those that match the words of a filter, in the order of a column."""

    HEADINGS, TIPS = HEADINGS, TIPS

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.every: list[Result] = []
        self.shown: list[Result] = []
        self._words: list[str] = []
        self._column, self._down = 0, False

    @property
    def n_rows(self) -> int:
        """How many results are shown."""
        return len(self.shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tip of a cell."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.shown[index.row()].cells[index.column()]
        return plain_tip(self.shown[index.row()].tip) if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the results in the order of a column, and those that are alike there in that of their names."""
        self._column, self._down = column, order == Qt.SortOrder.DescendingOrder
        self.show(self.every)

    def filter(self, words: str) -> None:
        """Show those results alone in which all these words stand."""
        self._words = words.lower().split()
        self.show(self.every)

    def show(self, results: Iterable[Result]) -> None:
        """Show other results."""
        self.beginResetModel()
        self.every = list(results)
        found = [one for one in self.every if all(word in one.text for word in self._words)]
        found.sort(key=lambda one: one.order, reverse=self._down and self._column == 0)
        if self._column:
            found.sort(key=lambda one: one.cells[self._column], reverse=self._down)
        self.shown = found
        self.endResetModel()


class ResultsTable(TableView):
    """The table itself; ``opened`` tells which result was double-clicked, or chosen with Enter."""

    opened = Signal(object)

    def __init__(self) -> None:
        self.rows = ResultsModel()
        super().__init__(self.rows, "scans of the job", sorted_by=0)
        self.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names of one session differ in their ends
        self.setMinimumHeight(200)
        for column, width in enumerate(WIDTHS):
            self.setColumnWidth(column, width)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.doubleClicked.connect(guarded(lambda index: self.opened.emit(self.rows.shown[index.row()])))

    @property
    def chosen(self) -> list[Result]:
        """The results whose rows are selected."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self.rows.shown[row] for row in rows]

    def show_results(self, results: Iterable[Result]) -> None:
        """Show other results; what was selected stays so, and nothing scrolls."""
        self._keeping_selection(lambda: self.rows.show(results))

    @slot
    def filter(self, words: str) -> None:
        """Show those results alone in which all these words stand."""
        self._keeping_selection(lambda: self.rows.filter(words))

    @slot
    def keyPressEvent(self, event: Any) -> None:
        """Open what is selected with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.chosen:
            self.opened.emit(self.chosen[0])
        else:
            super().keyPressEvent(event)

    def _keeping_selection(self, change: Any) -> None:
        keys, place = {result.key for result in self.chosen}, self.verticalScrollBar().value()
        change()
        selection = QItemSelection()
        for row, result in enumerate(self.rows.shown) if keys else ():
            if result.key in keys:
                first, last = (self.rows.index(row, column) for column in (0, len(HEADINGS) - 1))
                selection.select(first, last)
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.verticalScrollBar().setValue(place)
