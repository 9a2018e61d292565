"""Temporary folders and half-written files: private, and swept by the next start if their process was killed.

Who makes one holds a lock on it, which the system gives back when the process ends, however it ends. What
nobody holds is left over. On Windows an open file cannot be removed, which is as good as a lock.
"""

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from io import FileIO
from pathlib import Path
from secrets import token_hex

BEGUN = ".stmml-"  # how the names of files begin that are not complete yet
_OWNER = ".owner"  # the file of a temporary folder that its owners hold
_FOLDER = re.compile("stmml-[0-9a-f]{16}")
# A network drive has files of other computers, whose locks may not be seen here.
_HERE = f"{BEGUN}{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}-"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

if sys.platform == "win32":

    def _lock(file: FileIO, *, alone: bool) -> None:
        """Do nothing: an open file is as good as locked."""

else:
    import fcntl

    def _lock(file: FileIO, *, alone: bool) -> None:
        """Lock an open file, alone or with others who hold it; BlockingIOError where that cannot be."""
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)


class TemporaryFolder:
    """A folder for this user alone, of a name that nobody can guess; it goes with this object or its process.

    Attributes
    ----------
    path : Path
    cleanup : callable
        Removes the folder now.
    """

    def __init__(self) -> None:
        file = None
        while file is None:  # unless the sweep of another process was faster than the lock
            self.path = Path(tempfile.gettempdir()) / f"stmml-{token_hex(8)}"
            self.path.mkdir(mode=0o700)
            with suppress(FileNotFoundError):
                file = _held(self.path / _OWNER, os.O_CREAT | os.O_EXCL)
        self.cleanup: Callable[[], object] = weakref.finalize(self, _give_up, self.path, file)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *error: object) -> None:
        self.cleanup()


def hold(folder: str | Path) -> FileIO | None:
    """Keep the `TemporaryFolder` of another process, though that process may end before this one.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    file or None
        The folder stays for as long as this is open; None where it has gone, or is not such a folder.
    """
    try:
        return _held(Path(folder) / _OWNER)
    except OSError:
        return None


def begin_file(folder: Path, ending: str) -> tuple[FileIO, Path]:
    """Make an empty file with a name of its own, which is this process's as long as the file is open.

    Parameters
    ----------
    folder : Path
        It must exist. What killed processes of this computer left there is removed, once in every process.
    ending : str
        Of its name, with the dot.

    Returns
    -------
    file : file
        Open; for the permissions that new files have here, ask it.
    path : Path

    Raises
    ------
    OSError
        If no file can be made there.
    """
    _sweep_once(folder)
    file = None
    while file is None:
        path = folder / f"{_HERE}{token_hex(8)}{ending}"
        file = _held(path, os.O_CREAT | os.O_EXCL, 0o666)
    return file, path


def sweep(folder: str | Path) -> None:
    """Remove what killed processes left half written below a folder in which nobody else may write now.

    Parameters
    ----------
    folder : str or Path
        It is searched with all folders below it; links are not followed.
    """
    for top, _, names in os.walk(folder):
        for name in names:
            if name.startswith(BEGUN):
                with suppress(OSError):
                    Path(top, name).unlink()


def sweep_temporary() -> None:
    """Remove the temporary folders of this user that killed processes left."""
    with suppress(OSError):
        for folder in list(Path(tempfile.gettempdir()).iterdir()):
            if _FOLDER.fullmatch(folder.name) and is_own(folder):
                with suppress(OSError):
                    folder.rmdir()  # its process was killed before it could hold it
                    continue
                _remove_if_left(folder / _OWNER, partial(_remove, folder))


def is_own(folder: Path) -> bool:
    """Say whether a path is a folder of this user, and no link to one.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    bool
    """
    try:
        about = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and (not hasattr(os, "getuid") or about.st_uid == os.getuid())


@cache
def _sweep_once(folder: Path) -> None:
    """Remove the half-written files of killed processes of this computer; others may write there now."""
    with suppress(OSError):
        for path in [one for one in folder.iterdir() if one.name.startswith(_HERE)]:
            _remove_if_left(path, path.unlink)


def _held(path: Path, flags: int = 0, mode: int = 0o600) -> FileIO | None:
    """Open a file and hold it, together with others who do; None where it was swept in that moment."""
    handle = os.open(path, os.O_RDWR | _NO_LINK | flags, mode)
    file = FileIO(handle, "r+")
    try:
        _lock(file, alone=False)
    except BlockingIOError:
        file.close()
        return None
    except OSError:  # a disk without locks: nobody can take it for left over
        return file
    if os.name != "nt" and os.fstat(handle).st_nlink == 0:
        file.close()
        return None
    return file


def _remove_if_left(path: Path, remove: Callable[[], object]) -> None:
    """Call a function if nobody holds a file; if it cannot be known, do not."""
    with suppress(OSError):
        if os.name == "nt":
            path.unlink()  # an error if anybody has it open
            remove()
            return
        with FileIO(os.open(path, os.O_RDWR | _NO_LINK), "r+") as file:
            _lock(file, alone=True)
            remove()


def _give_up(folder: Path, file: FileIO) -> None:
    """Remove a folder that nobody else holds; others who do remove it when they sweep."""
    file.close()
    _remove_if_left(folder / _OWNER, partial(_remove, folder))


def _remove(folder: Path) -> None:
    """Remove a folder, what its owner held last: if this is cut short, another sweep goes on."""
    for one in folder.iterdir():
        if one.name != _OWNER:
            with suppress(OSError):
                shutil.rmtree(one) if is_own(one) else one.unlink()
    (folder / _OWNER).unlink(missing_ok=True)
    folder.rmdir()
