"""Locks that the windows and processes of one user share on one computer; each goes with its process."""

import os
import tempfile
from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout

from napari_stmml.system import files
from napari_stmml.system.temporary import is_own
from napari_stmml.system.user_folder import user_folder


def take_lock(name: str, seconds: float) -> AcquireReturnProxy:
    """Take a lock, and wait for it if somebody else has it.

    Parameters
    ----------
    name : str
        Of the lock; a name of a file.
    seconds : float
        How long to wait.

    Returns
    -------
    AcquireReturnProxy
        A context manager, which gives the lock back.

    Raises
    ------
    TimeoutError
        If another process has it for longer than that.
    OSError
        If there is no place for locks.
    """
    path = lock_folder() / f"{name}.lock"
    try:
        return FileLock(path, mode=0o600).acquire(timeout=seconds)
    except Timeout as error:
        raise TimeoutError(f"another window has held {path} for more than {seconds:g} s") from error


def lock_folder() -> Path:
    """Return a folder for this user's locks alone, the same in all processes; no link to it is followed.

    Returns
    -------
    Path
        In the user's folder or, where nothing can be written there, in that of temporary files.

    Raises
    ------
    OSError
        If neither can have one.
    """
    user = os.getuid() if hasattr(os, "getuid") else "all"
    others = [Path(tempfile.gettempdir()) / f"napari-stmml-locks-{user}-{number}" for number in range(1, 10)]
    for folder in (user_folder() / "locks", *others):  # somebody else may have taken a name
        if _made_private(folder):
            return folder
    raise OSError(f"there is no place for locks: neither in {user_folder()} nor in {tempfile.gettempdir()}")


def _made_private(folder: Path) -> bool:
    """Make a folder for this user alone, unless it is there; say whether it is one."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not is_own(folder):
            return False
        folder.chmod(0o700)  # earlier versions let others look in
    except OSError:
        return False
    return files.is_writable(folder)
