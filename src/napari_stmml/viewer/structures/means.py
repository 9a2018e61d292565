"""Means: mean images of types, averaged in a thread, and again only where the members of a type change."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QPixmap
from superqt.utils import create_worker

from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.structures import Structures
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.structures.pictures import picture
from napari_stmml.viewer.structures.type_list import SIDE

MOST_KEPT = 500


@dataclass(frozen=True, eq=False)
class _Asked:
    found: Structures
    members: dict[int, Hashable]  # what the mean of each type is made of
    wanted: list[int]  # types whose mean is not known yet


class Means(QObject):
    """``made`` has the pictures of all types, by number, soon after they were asked for."""

    made = Signal(object)  # dict of int to QPixmap

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._known: dict[Hashable, QPixmap] = {}
        self._waiting: _Asked | None = None
        self._running: _Asked | None = None

    def ask(self, found: Structures, keys: Sequence[ScanKey]) -> None:
        """Average the types of structures; of several requests, the last one counts.

        Parameters
        ----------
        found : Structures
        keys : sequence of ScanKey
            Of its scans.
        """
        counted = np.where(found.counts, found.all_types, -1)
        members: dict[int, Hashable] = {
            one.number: (*keys, np.flatnonzero(counted == one.number).tobytes()) for one in found.types
        }
        wanted = [kind for kind, what in members.items() if what not in self._known]
        asked = _Asked(found, members, wanted)
        self.made.emit(self._pictures(asked))
        if wanted and self._running is not None:
            self._waiting = asked
        elif wanted:
            self._start(asked)

    def _start(self, asked: _Asked) -> None:
        self._running, self._waiting = asked, None
        create_worker(_average, asked, _connect={"returned": self._take, "finished": self._end})

    def _pictures(self, asked: _Asked) -> dict[int, QPixmap]:
        return {kind: self._known[what] for kind, what in asked.members.items() if what in self._known}

    @slot
    def _take(self, averages: dict[int, np.ndarray]) -> None:
        asked = self._running
        if asked is None:
            return
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        for kind, heights in averages.items():
            self._known[asked.members[kind]] = picture(heights, SIDE)
        if self._waiting is None:
            self.made.emit(self._pictures(asked))

    @slot
    def _end(self) -> None:
        self._running = None
        if self._waiting is not None:
            self._start(self._waiting)


def _average(asked: _Asked) -> dict[int, Any]:
    means = {one.number: one.mean for one in asked.found.types if one.number in asked.wanted}
    return {kind: mean.heights for kind, mean in means.items() if mean is not None}
