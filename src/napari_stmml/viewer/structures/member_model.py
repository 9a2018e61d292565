"""MemberModel: objects in an order, with pictures that are made when they are seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractListModel, QMimeData, QModelIndex, Qt
from qtpy.QtGui import QPixmap

from napari_stmml.colours import robust_limits, type_colour
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.structures import Structures
from napari_stmml.text import number
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.structures.objects import Identity, identities, name_of
from napari_stmml.viewer.structures.pictures import picture
from napari_stmml.viewer.structures.type_list import MEMBERS

SIDE = 44  # px on the screen of a picture
AT_A_TIME = 40  # pictures that are made when one of them is seen
MOST_KEPT = 4000  # pictures
SAMPLE = 60  # objects that say what contrast all have
_EMPTY = QModelIndex()


class MemberModel(QAbstractListModel):
    """Objects, by their rows of the table, in an order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Structures | None = None
        self.rows: list[int] = []
        self._objects: list[Identity] = []
        self._distances: dict[int, float] = {}
        self._limits = (0.0, 1.0)
        self._by_person = np.zeros(0, bool)
        self._pictures: dict[tuple[Identity, tuple[float, float]], QPixmap] = {}

    def show(
        self,
        found: Structures | None,
        keys: Sequence[ScanKey],
        rows: Sequence[int],
        far: Sequence[float] = (),
    ) -> None:
        """Show objects; ``far`` is how unlike the mean of their type they are."""
        self.beginResetModel()
        self.found, self.rows = found, list(rows)
        self._objects = [] if found is None else identities(found, keys, rows)
        self._distances = dict(zip(self.rows, far, strict=False))
        if found is not None and self.rows:
            some = np.unique(np.linspace(0, len(self.rows) - 1, SAMPLE).astype(int))
            low, high = robust_limits(found.cutouts([self.rows[one] for one in some]))
            self._limits = (float(f"{low:.2g}"), float(f"{high:.2g}"))  # so that pictures can be kept
            if self._limits[0] >= self._limits[1]:
                self._limits = (low, high)
            self._by_person = found.by_person
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _EMPTY) -> int:
        """Return how many objects there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is said of an object."""
        if self.found is None or not index.isValid():
            return None
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._about(self.rows[index.row()])
        return None

    def flags(self, index: QModelIndex) -> Any:
        """Let objects be selected and dragged."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """Return what is dragged."""
        return [MEMBERS]

    def mimeData(self, indexes: Any) -> QMimeData:
        """Return what is dragged: a sign alone, the gallery knows what is selected."""
        data = QMimeData()
        data.setData(MEMBERS, b"")
        return data

    def supportedDragActions(self) -> Any:
        """Return what can be done with it."""
        return Qt.DropAction.MoveAction

    def objects(self, places: Sequence[int]) -> list[Identity]:
        """Return what the objects at some places are known by."""
        return [self._objects[at] for at in places]

    def moved(self, at: int) -> bool:
        """Whether a person said of which type the object is."""
        return bool(self._by_person[self.rows[at]])

    def colour(self, at: int) -> str:
        """Return the colour of the type of an object."""
        assert self.found is not None
        return type_colour(int(self.found.table.type.iat[self.rows[at]]))

    def picture(self, at: int) -> QPixmap:
        """Return the picture of an object; those that come after it are made, too, where it is not there."""
        key = (self._objects[at], self._limits)
        if key not in self._pictures:
            self._make(at)
        return self._pictures[key]

    def _make(self, at: int) -> None:
        assert self.found is not None
        if len(self._pictures) > MOST_KEPT:
            self._pictures.clear()
        some = range(at, min(at + AT_A_TIME, len(self.rows)))
        made = self.found.cutouts([self.rows[one] for one in some], side=SIDE)
        for one, heights in zip(some, made, strict=True):
            self._pictures[self._objects[one], self._limits] = picture(heights, SIDE, self._limits)

    def _about(self, row: int) -> str:
        assert self.found is not None
        one = self.found.table.iloc[row]
        far = self._distances.get(row)
        parts = [
            f"{name_of(self.found, int(one.type))}, {self.found.scans[int(one.scan)].short_name}",
            f"peak {number(one.peak_nm, 3)} nm, area {number(one.area_nm2, 3)} nm²",
            f"x {number(one.x_nm)} nm, y {number(one.y_nm)} nm",
            "" if far is None else f"distance from the mean {number(far, 2)}",
            "typed by a person" if self._by_person[row] else "",
            "at the border of the frame" if one.border else "",
        ]
        return plain_tip("\n".join(part for part in parts if part))
