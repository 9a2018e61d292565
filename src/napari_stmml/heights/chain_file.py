"""Keep a chain of flatten methods in a small JSON file, ``name.stmml-flatten.json``, and read it back."""

import json
from pathlib import Path
from typing import Any

from napari_stmml import __version__
from napari_stmml.heights.flatten import parse_chain
from napari_stmml.system.files import write_text
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.text import shortened

FORMAT = 1
ENDING = ".stmml-flatten.json"
MOST_BYTES = 64 * 1024  # a chain is a few words


def save_chain(path: str | Path, chain: str) -> Path:
    """Write a chain, as ``"row_median + poly_xy"``, atomically.

    Parameters
    ----------
    path : str or Path
    chain : str
        Names of methods joined by ``+``.

    Returns
    -------
    Path
        Of the file, whose name gets our ending.

    Raises
    ------
    ValueError
        If the chain names a method that is not known.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if not path.name.endswith(ENDING):
        path = path.with_name(f"{path.name.removesuffix('.json')}{ENDING}")
    about = {"format": FORMAT, "flatten": list(parse_chain(chain)), "napari-stmml": __version__}
    return write_text(path, json.dumps(about, indent=1) + "\n")


def load_chain(path: str | Path) -> str:
    """Read the chain that `save_chain` wrote.

    Returns
    -------
    str
        Names of methods, as ``"row_median + poly_xy"``.

    Raises
    ------
    ValueError
        In one sentence that names the file: it is missing, no chain of ours, of a newer format,
        or names a method that is not known here.
    """
    path = Path(path)
    about = _content(path)
    try:
        found, names = about["format"], about["flatten"]
    except (TypeError, KeyError):
        found = names = None
    if type(found) is not int:
        raise ValueError(f"{path.name} holds no chain of flatten methods")
    if found > FORMAT:
        has = shortened(str(found))
        raise ValueError(
            f"{path.name} has format {has}, this program reads up to {FORMAT}: update napari-stmml"
        )
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path.name} holds no chain of flatten methods: 'flatten' is no list of names")
    try:
        return " + ".join(parse_chain(names))
    except ValueError as error:
        raise ValueError(f"{path.name}: {shortened(str(error), 160)}") from error


def _content(path: Path) -> Any:
    """Read a small JSON file, or say in a sentence why it is none."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise ValueError(f"there is no file {path}") from error
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} holds no chain of flatten methods: it is no JSON") from error
