"""Find structures in a thread, scan by scan, while the viewer stays free."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import create_worker

from napari_stmml.scan import Scan
from napari_stmml.structures.sorting import NO_TYPES
from napari_stmml.structures.structures import Structures, find_structures
from napari_stmml.viewer.shared.slots import slot


@dataclass(frozen=True, eq=False)
class Search:
    """What is to be searched.

    Parameters
    ----------
    layers : tuple of napari Image layers
    scans : tuple of Scan
        Of these layers.
    like : Structures or None
        Whose types the objects are sorted into; without, types are found over all scans together.
    """

    layers: tuple[Any, ...]
    scans: tuple[Scan, ...]
    like: Structures | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One scan was searched: how many are done, what was found if it can be shown, or why nothing was."""

    done: int
    layers: tuple[Any, ...] = ()
    found: Structures | None = None
    why: str = ""


class Finder(QObject):
    """Runs one search at a time; its signals are emitted on the main thread."""

    stepped = Signal(object)  # Step
    ended = Signal(bool)  # whether it was cancelled

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._worker: Any = None
        self._stop = threading.Event()
        self._began = 0.0

    @property
    def running(self) -> bool:
        """Whether a search has been started and has not ended."""
        return self._worker is not None

    def start(self, search: Search) -> None:
        """Search scans.

        Parameters
        ----------
        search : Search
        """
        self._stop, self._began = threading.Event(), time.perf_counter()
        connect = {"yielded": self._take, "finished": self._end}
        self._worker = create_worker(steps, search, self._stop, _connect=connect)

    @slot
    def cancel(self) -> None:
        """Search no more scans; what was found on those before is kept."""
        self._stop.set()

    def seconds_left(self, done: int, total: int) -> float | None:
        """Return how long the rest will take, by what was needed so far."""
        return (time.perf_counter() - self._began) / done * (total - done) if done else None

    @slot
    def _take(self, step: Step) -> None:
        self.stepped.emit(step)

    @slot
    def _end(self) -> None:
        self._worker = None
        self.ended.emit(self._stop.is_set())


def steps(search: Search, stop: threading.Event) -> Iterator[Step]:
    """Search scans, one after the other, until ``stop`` is set.

    Parameters
    ----------
    search : Search
    stop : threading.Event

    Yields
    ------
    Step
        One for each scan; where types are found anew, a last one has the structures of all scans.
    """
    known = search.like or Structures(NO_TYPES, ())
    whole: Structures | None = None
    layers: list[Any] = []
    done = 0
    for layer, scan in zip(search.layers, search.scans, strict=True):
        if stop.is_set():
            break
        done += 1
        try:
            found = find_structures(scan, like=known)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: said on the main thread
            yield Step(done, why=_sentence(error, scan))
            continue
        if search.like is not None:
            yield Step(done, (layer,), found)
            continue
        whole = found if whole is None else found.after(whole)
        layers.append(layer)
        yield Step(done)
    if whole is not None:
        try:
            whole = whole.retyped()
        except Exception as error:  # noqa: BLE001 - as above: the objects are kept, without types
            yield Step(done, why=_sentence(error, whole.scans[0]))
        yield Step(done, tuple(layers), whole)


def _sentence(error: Exception, scan: Scan) -> str:
    return str(error) if isinstance(error, ValueError) else f"{scan.name}: {type(error).__name__}: {error}"
