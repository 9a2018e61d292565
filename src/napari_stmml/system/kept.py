"""Keep what was made of files until one of them changes: a session's parameter file serves all its scans."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_T = TypeVar("_T")
SETTLED_S = (
    2.0  # a file that was written later than this before may change again within one tick of its clock
)


class Kept(Generic[_T]):
    """Calls a function of files or folders, and keeps what it returned for the same ones.

    Parameters
    ----------
    make : callable
        Takes paths; what it raises is kept by nobody.
    most : int
        Results that are kept; the one that was used longest ago goes first.
    """

    def __init__(self, make: Callable[..., _T], most: int) -> None:
        self._make, self._most = make, most
        self._results: dict[tuple[Path, ...], tuple[object, _T]] = {}
        self._lock = threading.Lock()

    def __call__(self, *paths: Path) -> _T:
        """Return the result for these paths as they are on the disk.

        Parameters
        ----------
        *paths : Path

        Returns
        -------
        object
            What the function returns for them.
        """
        state = tuple(map(_state, paths))
        with self._lock:
            known = self._results.pop(paths, None)
            if known is not None and None not in state and known[0] == state:
                self._results[paths] = known
                return known[1]
        made = self._make(*paths)
        with self._lock:
            self._results[paths] = state, made
            while len(self._results) > self._most:
                del self._results[next(iter(self._results))]
        return made


def _state(path: Path) -> object:
    """Return what changes when a file does; None where the file is so new that it might not."""
    found = os.stat(path)
    if time.time() - max(found.st_mtime, found.st_ctime) < SETTLED_S:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
