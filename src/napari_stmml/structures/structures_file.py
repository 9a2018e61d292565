"""Types of structures in a model file: JSON and plain arrays, beside a model of pixels if there is one."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.structures.sorting import Sorter
from napari_stmml.system.array_file import stored_zip
from napari_stmml.system.atomic import atomic
from napari_stmml.system.locks import take_lock

ABOUT = "structures.json"
FORMAT = 1
_PREFIX = "structures_"
_ARRAYS = ("mean", "components", "examples", "types", "weights")
_LOCK_SECONDS = 10.0
_MOST_TEXT = 1 << 20  # bytes
_MOST_TYPES, _MOST_LETTERS, _MOST = 255, 255, 1e6  # names, letters of one, any number


def write_types(path: str | Path, sorter: Sorter, names: tuple[str, ...], *, mirror_apart: bool) -> Path:
    """Write types; a file that is there keeps its model of pixels.

    Parameters
    ----------
    path : str or Path
    sorter : Sorter
    names : tuple of str
    mirror_apart : bool

    Returns
    -------
    Path
    """
    members = {
        ABOUT: json.dumps({"format": FORMAT, "names": list(names), "mirror_apart": mirror_apart}).encode()
    }
    for name in _ARRAYS:
        array = io.BytesIO()
        np.save(array, getattr(sorter, name), allow_pickle=False)
        members[f"{_PREFIX}{name}.npy"] = array.getvalue()
    return write_part(path, members, of_types=True)


def write_part(path: str | Path, members: Mapping[str, bytes], *, of_types: bool) -> Path:
    """Write one part of a model file, types of structures or a model of pixels; the other part stays.

    Parameters
    ----------
    path : str or Path
    members : mapping of str to bytes
        By their names.
    of_types : bool
        Which part they are.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If there is a file that is damaged, and types are to be written into it.
    OSError
        If it cannot be written, or another window writes to it for over 10 s.
    """
    path = Path(path)
    with take_lock(f"model-{sha256(os.path.abspath(path).encode()).hexdigest()[:24]}", _LOCK_SECONDS):
        try:
            others = _members(path, of_types=not of_types)
        except ValueError:
            if of_types:
                raise
            others = {}  # a damaged file holds no types
        parts = (others, members) if of_types else (members, others)
        with atomic(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as file:
            for part in parts:
                for name, content in part.items():
                    file.writestr(name, content)
    return path


def stamp(path: str | Path, *, of_types: bool) -> tuple[int, ...]:
    """Return what changes when the types of structures in a model file change, or all else in it.

    Parameters
    ----------
    path : str or Path
    of_types : bool

    Returns
    -------
    tuple of int
        Empty where there is nothing of the kind, or the file cannot be read.
    """
    try:
        with stored_zip(path), zipfile.ZipFile(path) as file:
            known = [one for one in file.infolist() if _is_of_types(one.filename) == of_types]
    except (OSError, ValueError):
        return ()
    return tuple(number for one in known for number in (one.CRC, one.file_size))


def _is_of_types(member: str) -> bool:
    return member.startswith((ABOUT, _PREFIX))


def _members(path: Path, *, of_types: bool) -> dict[str, bytes]:
    """Return the members of a file that are types of structures, or all others."""
    if not path.exists():
        return {}
    with stored_zip(path), zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if _is_of_types(name) == of_types]
        return {name: file.read(name) for name in names}


def read_types(path: str | Path) -> tuple[Sorter, tuple[str, ...], bool]:
    """Read what `write_types` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    sorter : Sorter
    names : tuple of str
    mirror_apart : bool

    Raises
    ------
    ValueError
        In one sentence that names the file: it is missing, damaged, or holds no types of structures.
    """
    try:
        with stored_zip(path) as file:
            if ABOUT not in file:
                raise ValueError("it holds no types of structures")
            return _checked(json.loads(file.read(ABOUT, _MOST_TEXT)), file.arrays())
    except FileNotFoundError as error:
        raise ValueError(f"there is no model file {path}") from error


def _checked(about: Any, arrays: dict[str, np.ndarray]) -> tuple[Sorter, tuple[str, ...], bool]:
    names = _names(about)
    found = [arrays.get(f"{_PREFIX}{name}") for name in _ARRAYS]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        raise ValueError("an array of its types is missing")
    mean, components, examples, types, weights = known
    n, c = len(types), len(components)
    shapes = [one.shape for one in (mean, components, examples, types, weights)]
    if mean.ndim != 1 or shapes != [mean.shape, (c, len(mean)), (n, c), (n,), (n,)]:
        raise ValueError("the arrays of its types do not fit each other")
    if types.dtype.kind not in "iu" or not np.isin(types, range(1, len(names) + 1)).all():
        raise ValueError("the numbers of its types are not those of its names")
    if not all(map(_real, (mean, components, examples, weights))):
        raise ValueError(f"an array of its types holds something that is no number up to {_MOST:g}")
    sorter = Sorter(mean, components, examples, types.astype(int), weights)
    return sorter, names, about.get("mirror_apart") is True


def _real(array: np.ndarray) -> bool:
    """Say whether an array holds real numbers that are not too large."""
    return array.dtype.kind == "f" and bool((np.abs(array) <= _MOST).all())


def _names(about: Any) -> tuple[str, ...]:
    """Return the names of types, of a format that is known."""
    known = about.get("format") if isinstance(about, dict) else None
    if type(known) is not int:
        raise ValueError(f"{ABOUT} does not say which format it has")
    if known > FORMAT:
        raise ValueError(f"its types have format {known}, this program reads up to {FORMAT}: update it")
    names = about.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("the names of its types are no texts")
    if len(names) > _MOST_TYPES or max(map(len, names), default=0) > _MOST_LETTERS:
        raise ValueError(f"it has over {_MOST_TYPES} types, or a name of over {_MOST_LETTERS} letters")
    return tuple(names)
