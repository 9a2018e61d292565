"""Let one process at a time do something, under a lock that the system lets go of when its process dies."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PAUSE = 0.01  # s between two tries


@contextmanager
def locked(path: Path, seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock of a file, which is made; wait for whoever holds it, at most ``seconds``.

    Raises
    ------
    TimeoutError
        If another holds it for longer.
    OSError
        If the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:  # closing it lets go
        until = time.monotonic() + seconds
        while not _taken(file):
            if time.monotonic() > until:
                raise TimeoutError(f"another window has held {path} for more than {seconds:g} s")
            time.sleep(_PAUSE)
        yield


def _taken(file: Any) -> bool:
    """Take the lock if nobody holds it; say whether it is ours."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # Windows says the latter
        return False
    return True
