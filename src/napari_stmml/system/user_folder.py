"""The folder of this program in a person's home: for truths, models and locks that have no other place."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from napari_stmml.text import quoted

NAME = "napari-stmml"
VARIABLE = "NAPARI_STMML_HOME"  # an environment variable that names another folder


def home_in_full(path: str | Path) -> Path:
    """Return a path that a person wrote, with the folder that ``~`` or ``~name`` stands for.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If nobody has that name on this computer.

    Examples
    --------
    >>> home_in_full("scans/1").as_posix()
    'scans/1'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{quoted(str(path))} names a user that this computer does not know") from error


def user_folder() -> Path:
    """Return the folder, which may not exist yet.

    It is the one that the environment variable ``NAPARI_STMML_HOME`` names, or ``~/.napari-stmml`` where an
    earlier version has made that, or the folder that this system has for data of programs.

    Returns
    -------
    Path
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    earlier = Path.home() / f".{NAME}"
    return earlier if earlier.is_dir() else user_data_path(NAME, appauthor=False)


def cache_folder() -> Path:
    """Return the folder for what can be made anew at any time; it may not exist yet.

    Returns
    -------
    Path
        ``cache`` in the folder that ``NAPARI_STMML_HOME`` names, or that of this system for caches.
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]) / "cache"
    return user_cache_path(NAME, appauthor=False)
