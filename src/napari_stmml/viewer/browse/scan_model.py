"""ScanModel: the scans of a folder as Qt's views take them, with pictures of those that are seen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt
from qtpy.QtGui import QPixmap

from napari_stmml.scan import DIRECTIONS
from napari_stmml.viewer.browse.library import Item, arranged
from napari_stmml.viewer.browse.thumbnails import Thumbnail, Thumbnails, Wish
from napari_stmml.viewer.shared.main_thread import MainThread
from napari_stmml.viewer.shared.plain_text import plain_tip

MOST_KEPT = 1500  # pictures in memory, 50 kB each
_EMPTY = QModelIndex()


class ScanModel(QAbstractListModel):
    """Items of a library, filtered and in an order; a row is a file, shown by the scan of one direction."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []
        self.shown: list[int] = []  # which items, row by row
        self.direction = DIRECTIONS[0]
        self.open_file: Path | None = None  # whose scan is on the canvas
        self._rows: dict[int, int] = {}  # of the items that are shown
        self._numbers: dict[Path, int] = {}  # of the items, by their files
        self._pictures: dict[Wish, tuple[QPixmap | None, tuple[str, ...]]] = {}
        main = self._main = MainThread()
        self.thumbnails = Thumbnails(lambda wish, made: main.run(lambda: self._take(wish, made)))

    def show(self, items: Sequence[Item]) -> None:
        """Show other items, all of them, as they were taken."""
        self.beginResetModel()
        self.thumbnails.forget()
        self.items = list(items)
        self._numbers = {item.file: item.number for item in self.items}
        self._number(range(len(self.items)))
        self.endResetModel()

    def arrange(self, words: str, order: str) -> None:
        """Filter and sort; raises ValueError for a filter that says nothing."""
        chosen = arranged(self.items, words, order, self.direction)
        if chosen != self.shown:
            self.beginResetModel()
            self._number(chosen)
            self.endResetModel()

    def update(self, items: Sequence[Item]) -> None:
        """Take what is known of some items now."""
        rows = []
        for item in items:
            self.items[item.number] = item
            if (row := self._rows.get(item.number)) is not None:
                rows.append(row)
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def look_at(self, direction: str) -> None:
        """Show the scans of another direction."""
        self.direction = direction
        self._all_changed()

    def mark_open(self, file: Path | None) -> None:
        """Mark the file whose scan is on the canvas."""
        for one in (self.open_file, file):
            if one is not None and (row := self.row_of(one)) >= 0:
                self.dataChanged.emit(self.index(row), self.index(row))
        self.open_file = file

    def row_of(self, file: Path) -> int:
        """Return the row of a file; -1 if it is not shown."""
        return self._rows.get(self._numbers.get(file, -1), -1)

    def item(self, row: int) -> Item:
        """Return the item of a row."""
        return self.items[self.shown[row]]

    def picture(self, row: int) -> tuple[QPixmap | None, tuple[str, ...]]:
        """Return the picture of a row and the colours of its classes; what is not there yet is asked for."""
        item = self.item(row)
        wish = Wish(item.file, self.direction, item.outcome(self.direction).labels)
        known = self._pictures.get(wish)
        if known is None:
            self.thumbnails.want(wish)
            return None, ()
        return known

    def forget_pictures(self) -> None:
        """Draw all pictures anew, from the cache where they are there."""
        self._pictures.clear()
        self._all_changed()

    def rowCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many items pass the filter."""
        return 0 if parent.isValid() else len(self.shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is said of an item."""
        if not index.isValid():
            return None
        item = self.item(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return item.lines(self.direction)[0]
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return plain_tip(item.about(self.direction))
        return None

    def _number(self, shown: Sequence[int]) -> None:
        self.shown = list(shown)
        self._rows = {at: row for row, at in enumerate(self.shown)}

    def _all_changed(self) -> None:
        if self.shown:
            self.dataChanged.emit(self.index(0), self.index(len(self.shown) - 1))

    def _take(self, wish: Wish, made: Thumbnail) -> None:
        """Keep a picture that was made, and let it be drawn."""
        while len(self._pictures) >= MOST_KEPT:
            del self._pictures[next(iter(self._pictures))]
        picture = None if made.image is None else QPixmap.fromImage(made.image)
        self._pictures[wish] = picture, made.colours
        if (row := self.row_of(wish.file)) >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))
