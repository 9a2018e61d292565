"""Write a file so that a crash leaves the old one or the new one whole, and wait until it is on the disk."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_stmml.system.temporary import begin_file

SECONDS_HELD = 2.0  # how long a file that other programs hold is waited for
_HELD = (5, 32, 33)  # numbers of the errors of Windows that say so


@contextmanager
def atomic(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a new file beside ``path`` to write to; it takes the place of ``path`` when all went well.

    What it holds is on the disk then, whatever happens to the computer in the next moment.

    Parameters
    ----------
    path : str or Path
        The file to replace; its folder is made if it is not there.
    durable : bool
        Wait for the disk; not for files that are gone with this process anyhow.

    Yields
    ------
    Path
        A new, empty file in the same folder, with the same ending, for this user alone until it is whole.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    path = Path(path)
    _make_folder(path.parent, durable)
    # Same folder, so that the rename stays on one disk; same ending, for writers that look at it.
    file, beside = begin_file(path.parent, path.suffix)
    try:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)  # what any new file has here
        _set_mode(beside, 0o600)
        yield beside
        _set_mode(beside, mode)
        if durable:
            _sync(file.fileno())
        if os.name == "nt":
            file.close()  # no open file can be renamed there
        replace(beside, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        file.close()
        beside.unlink(missing_ok=True)


def replace(source: str | Path, target: str | Path) -> Path:
    """Rename a file, in place of the one that has the name; on Windows, wait for programs that hold that.

    Parameters
    ----------
    source, target : str or Path
        On the same disk.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    OSError
        If it cannot be done. A program that holds one of them (a viewer of pictures, a virus scanner) is
        waited for, `SECONDS_HELD` at most.
    """
    until = time.monotonic() + SECONDS_HELD
    while True:
        try:
            os.replace(source, target)
            return Path(target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _HELD:
                raise
            if time.monotonic() > until:
                raise PermissionError(
                    f"{target} is open in another program: close it there, and try again"
                ) from error
        time.sleep(0.02)


def _make_folder(folder: Path, durable: bool) -> None:
    """Make a folder and those above it, unless they are there."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in new if durable else []:
        _sync_folder(one.parent)


def _set_mode(path: Path, mode: int) -> None:
    """Set permissions, where the disk knows any."""
    with suppress(OSError):
        path.chmod(mode)


def _sync(handle: int) -> None:
    """Wait until an open file is on the disk, if it is on one that can be waited for."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; some systems and network drives cannot say."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
