"""Files written whole, free names for them, and what tells one from another."""

import hashlib
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_stmml.system.atomic import atomic
from napari_stmml.system.temporary import begin_file
from napari_stmml.system.user_folder import home_in_full


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file, atomically, in UTF-8.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists; its folder is made if it is not there.
    text : str

    Returns
    -------
    Path
        The file that was written.
    """
    with atomic(path) as beside:
        beside.write_text(text, "utf-8")
    return Path(path)


def write_array(path: str | Path, array: np.ndarray) -> Path:
    """Write an array as ``.npy``, atomically; no pickle.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists; its folder is made if it is not there.
    array : ndarray
        Of any type but objects.

    Returns
    -------
    Path
        The file that was written.
    """
    with atomic(path) as beside, beside.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    return Path(path)


def free_name(name: str, is_taken: Callable[[str], bool], between: str = "_") -> str:
    """Return a name or, if it is taken, the first that is free with a number behind it, from 2 on.

    Parameters
    ----------
    name : str
    is_taken : callable
        Gets a name, and says whether it is taken.
    between : str
        What stands between the name and the number.

    Returns
    -------
    str

    Examples
    --------
    >>> free_name("map", {"map", "map_2"}.__contains__)
    'map_3'
    """
    numbered = (f"{name}{between}{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if not is_taken(free))


def free_path(path: Path, between: str = "_") -> Path:
    """Return a path or, if there is a file or folder of its name, the first free one with a number.

    Parameters
    ----------
    path : Path
    between : str
        What stands between the stem of the name and the number.

    Returns
    -------
    Path
        In the same folder, with the same ending.
    """

    def is_taken(stem: str) -> bool:
        return path.with_name(f"{stem}{path.suffix}").exists()

    return path.with_name(f"{free_name(path.stem, is_taken, between)}{path.suffix}")


def with_ending(path: str | Path, ending: str) -> Path:
    """Return a path that a person wrote, its home folder in full, with the ending of its kind of file.

    Parameters
    ----------
    path : str or Path
    ending : str
        With its dot: ``.stmml``.

    Returns
    -------
    Path
        As it was if it had the ending; else the ending is added behind the whole name.

    Examples
    --------
    >>> with_ending("si001-h", ".stmml").name
    'si001-h.stmml'
    """
    path = home_in_full(path)
    return path if path.suffix == ending else path.with_name(f"{path.name}{ending}")


def copy(path: str | Path, new: str | Path) -> Path:
    """Copy the content of a file, atomically.

    Parameters
    ----------
    path : str or Path
        The file, which must exist.
    new : str or Path
        Replaced if it exists; its folder is made if it is not there.

    Returns
    -------
    Path
        ``new``.
    """
    with atomic(new) as beside:
        shutil.copyfile(path, beside)
    return Path(new)


def link_or_copy(path: str | Path, new: str | Path) -> None:
    """Give a file a second name, or copy it where that cannot be done.

    Parameters
    ----------
    path : str or Path
        The file, which must exist.
    new : str or Path
        The second name, or where the copy goes.
    """
    try:
        os.link(path, new)
    except OSError:
        copy(path, new)


def identity(path: str | Path) -> tuple[int, ...]:
    """Return what tells a file from one that has taken its place; nothing where there is none.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    tuple of int
        Inode, time of the last change in ns, and size in bytes; empty where there is no such file.
    """
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def is_writable(folder: Path) -> bool:
    """Say whether a file can be made in a folder, which is made itself if it is not there.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    bool
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file, path = begin_file(folder, "")
        file.close()
        path.unlink(missing_ok=True)  # as soon as it is closed, another process may remove it
    except OSError:
        return False
    return True


def sha256(path: str | Path) -> str | None:
    """Return the SHA-256 of a file as hexadecimal text, or None where there is no such file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str or None
        64 digits.
    """
    path = Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
