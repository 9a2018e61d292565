"""The steps that can be undone and redone: strokes on any scan, and edits of the model, in one order."""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.scan_key import ScanKey

MOST_STEPS = 1000
MOST_BYTES = 256 * 2**20  # of strokes that are remembered


@dataclass(frozen=True, eq=False)
class Strokes:
    """What changed in a truth: indices of pixels, row by row, with labels before and after, (n,) uint8."""

    key: ScanKey
    pixels: np.ndarray = field(repr=False)
    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self.pixels.nbytes + self.before.nbytes + self.after.nbytes

    def apply(self, labels: np.ndarray, *, forward: bool) -> None:
        """Redo the strokes in a truth, (rows, cols) uint8, in place; or undo them."""
        np.put(labels, self.pixels, self.after if forward else self.before)


@dataclass(frozen=True, eq=False)
class ModelEdit:
    """A model before and after: classes were edited, or it learnt."""

    before: SurfaceClassifier
    after: SurfaceClassifier
    size: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """One step in words, and what changed; ``with_previous``: it is undone with the step before it."""

    what: str
    change: Strokes | ModelEdit
    with_previous: bool = False


class History:
    """Steps back and forth; the oldest are forgotten when there are too many."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._most = most_bytes

    @property
    def painted_last(self) -> bool:
        """Whether the last step that was made is a stroke."""
        return bool(self._done) and isinstance(self._done[-1].change, Strokes)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone since the last one was made."""
        return bool(self._undone)

    def push(self, what: str, change: Strokes | ModelEdit, *, with_previous: bool = False) -> None:
        """Note a step that was made; what was undone before cannot be redone any more."""
        self._undone.clear()
        self._done.append(Step(what, change, with_previous))
        size = sum(one.change.size for one in self._done)
        while len(self._done) > 1 and (len(self._done) > MOST_STEPS or size > self._most > 0):
            size -= self._done.pop(0).change.size  # but never the last one, however large it is

    def undo(self) -> list[Step]:
        """Return the last step, to be undone, and those that it goes with, in this order."""
        steps: list[Step] = []
        while self._done and (not steps or steps[-1].with_previous):
            steps.append(self._done.pop())
        self._undone += steps
        return steps

    def redo(self) -> list[Step]:
        """Return the step that was undone last, to be redone, and those that go with it, in this order."""
        steps: list[Step] = []
        while self._undone and (not steps or self._undone[-1].with_previous):
            steps.append(self._undone.pop())
        self._done += steps
        return steps


def difference(before: np.ndarray, after: np.ndarray, key: ScanKey) -> Strokes | None:
    """Return what changed between two truths, (rows, cols) uint8; None where nothing did.

    Examples
    --------
    >>> key = ScanKey("", "Z", "", (1, 3))
    >>> difference(np.zeros((1, 3), np.uint8), np.array([[0, 4, 0]], np.uint8), key).pixels
    array([1])
    """
    pixels = np.flatnonzero(before.ravel() != after.ravel())
    if not pixels.size:
        return None
    return Strokes(key, pixels, before.ravel()[pixels], after.ravel()[pixels])
