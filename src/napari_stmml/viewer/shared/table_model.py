"""What our tables have in common: columns with a heading and a tip, rows that the model counts."""

from typing import Any, ClassVar

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

_EMPTY = QModelIndex()


class HeadedModel(QAbstractTableModel):
    """Columns are those of ``HEADINGS``, each with a tip; a model of this kind says how many rows it has."""

    HEADINGS: ClassVar[tuple[str, ...]]
    TIPS: ClassVar[tuple[str, ...]]

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
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.HEADINGS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return self.TIPS[section]
        return None
