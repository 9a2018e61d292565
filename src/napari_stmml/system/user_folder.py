"""Folders of this program: one that a person sees, for models and truths; hidden ones for all the rest."""

import json
import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path, user_data_path, user_documents_path

from napari_stmml.system.atomic import atomic
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.text import quoted

NAME = "napari-stmml"
VARIABLE = "NAPARI_STMML_HOME"  # an environment variable that names another folder
_CHOSEN = "folder.json"  # in the hidden folder: which ones a person chose for models and truths
_MOST_FOLDERS, _MOST_BYTES = 9, 1 << 16


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
    """Return the hidden folder of the program, which may not exist yet.

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


def work_folder() -> Path:
    """Return the folder in which a person finds models and truths; it is made when first needed.

    It is ``napari-stmml`` in the folder that was chosen, or the one that ``NAPARI_STMML_HOME`` names, or
    ``napari-stmml`` in the person's documents.

    Returns
    -------
    Path
    """
    return (_chosen() or [_usual_folder()])[0]


def set_work_folder(folder: str | Path | None) -> Path:
    """Choose where models and truths are kept from now on; those of before stay, and are found.

    Parameters
    ----------
    folder : str, Path or None
        ``napari-stmml`` is made in it, unless it has that name itself; None or empty for the usual one.

    Returns
    -------
    Path
        As of `work_folder`.

    Raises
    ------
    ValueError
        If it is a file, or no full path.
    OSError
        If the choice cannot be kept.
    """
    chosen = _usual_folder()
    if folder is not None and str(folder).strip():
        chosen = home_in_full(str(folder).strip())
        if not chosen.is_absolute():
            raise ValueError(f"{quoted(str(folder))} is no full path of a folder")
        if chosen.exists() and not chosen.is_dir():
            raise ValueError(f"{chosen} is a file, not a folder")
        chosen = chosen if chosen.name == NAME else chosen / NAME
    if chosen != work_folder():
        before = [one for one in (work_folder(), *_chosen()) if one != chosen]
        known = [str(one) for one in dict.fromkeys([chosen, *before])][:_MOST_FOLDERS]
        with atomic(user_folder() / _CHOSEN) as beside:
            beside.write_text(json.dumps({"folders": known}, indent=1), "utf-8")
    return chosen


def models_folder() -> Path:
    """Return the folder for models that nobody gave another place; it may not exist yet.

    Returns
    -------
    Path
    """
    return work_folder() / "models"


def truth_folder() -> Path:
    """Return the folder for truths that cannot lie beside their scan; it may not exist yet.

    Returns
    -------
    Path
    """
    return work_folder() / "truth"


def earlier_folders() -> list[Path]:
    """List folders that may hold models and truths of before, as `work_folder` does now.

    Returns
    -------
    list of Path
        The latest first; the hidden one, where earlier versions kept all, is the last.
    """
    known = dict.fromkeys([*_chosen(), _usual_folder(), user_folder()])
    return [one for one in known if one != work_folder()]


def _usual_folder() -> Path:
    """Return the folder of somebody who has chosen none."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    documents = user_documents_path()
    return (documents if documents.is_dir() else Path.home()) / NAME


def _chosen() -> list[Path]:
    """List the folders that were chosen, the last one first; none where that is not known."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        known = json.loads(read_bytes(user_folder() / _CHOSEN, _MOST_BYTES))["folders"]
        return [Path(str(one)) for one in known if Path(str(one)).is_absolute()]
    return []
