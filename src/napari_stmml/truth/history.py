"""Steps that can be undone and done again: strokes on any scan, and edits of a model, in one order."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_stmml.scan_key import ScanKey

MOST_STEPS = 1000
MOST_BYTES = 256 * 2**20  # of strokes that are remembered


@dataclass(frozen=True, eq=False)
class Strokes:
    """What changed in a truth: places in the flattened map, (n,), labels before and after, (n,) uint8."""

    key: ScanKey
    places: np.ndarray = field(repr=False)
    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self.places.nbytes + self.before.nbytes + self.after.nbytes


@dataclass(frozen=True, eq=False)
class ModelEdit:
    """A model before and after: classes were edited, or it learnt."""

    before: Any
    after: Any
    size: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """One step: what it was, in words, and what changed; ``joined`` goes together with the step before it."""

    what: str
    change: Strokes | ModelEdit
    joined: bool = False


class History:
    """Steps back and forth; the oldest are forgotten when there are too many."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._most = most_bytes

    @property
    def last(self) -> str:
        """What an undo takes back, in words; empty where there is nothing."""
        return self._done[-1].what if self._done else ""

    @property
    def painted_last(self) -> bool:
        """Whether the last step that was made is a stroke."""
        return bool(self._done) and isinstance(self._done[-1].change, Strokes)

    @property
    def next(self) -> str:
        """What a redo does again, in words; empty where there is nothing."""
        return self._undone[-1].what if self._undone else ""

    def push(self, what: str, change: Strokes | ModelEdit, *, joined: bool = False) -> None:
        """Note a step that was made; what was undone before cannot be done again."""
        self._undone.clear()
        self._done.append(Step(what, change, joined))
        size = sum(one.change.size for one in self._done)
        while len(self._done) > 1 and (len(self._done) > MOST_STEPS or size > self._most > 0):
            size -= self._done.pop(0).change.size  # but never the last one, however large it is

    def undo(self) -> list[Step]:
        """Return the last step, to be taken back, and those it is joined to, in this order."""
        steps: list[Step] = []
        while self._done and (not steps or steps[-1].joined):
            steps.append(self._done.pop())
        self._undone += steps
        return steps

    def redo(self) -> list[Step]:
        """Return the step that was undone last, to be done again, and those joined to it, in this order."""
        steps: list[Step] = []
        while self._undone and (not steps or self._undone[-1].joined):
            steps.append(self._undone.pop())
        self._done += steps
        return steps


def difference(before: np.ndarray, after: np.ndarray, key: ScanKey) -> Strokes | None:
    """Return what changed between two truths, (rows, cols) uint8; None where nothing did.

    Examples
    --------
    >>> key = ScanKey("", "Z", "", (1, 3))
    >>> difference(np.zeros((1, 3), np.uint8), np.array([[0, 4, 0]], np.uint8), key).places
    array([1])
    """
    places = np.flatnonzero(before.ravel() != after.ravel())
    if not places.size:
        return None
    return Strokes(key, places, before.ravel()[places], after.ravel()[places])


def applied(labels: np.ndarray, strokes: Strokes, *, forward: bool) -> None:
    """Do strokes again, or take them back, in a truth, in place."""
    np.put(labels, strokes.places, strokes.after if forward else strokes.before)
