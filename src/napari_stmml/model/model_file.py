"""One file that holds JSON and plain arrays: the model file ``name.stmml``. Nothing in it can run code."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.structures.structures_file import write_part
from napari_stmml.system.array_file import StoredZip, stored_zip

FORMAT = 3  # 1 had centres alone: no projection, no exemplars; 2 had a class for each cluster, no lessons
ABOUT = "classifier.json"
MOST_TEXT = 16 << 20  # bytes of classifier.json; ten thousand training files take 3 million


def write(path: str | Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> Path:
    """Write ``about`` as ``classifier.json`` and every array as ``name.npy`` into one zip, atomically.

    Types of structures that the file holds stay in it.

    Parameters
    ----------
    path : str or Path
    about : dict
        As JSON knows it; ``format`` is added.
    arrays : dict of str to ndarray

    Returns
    -------
    Path
        ``path``, where the file is now.
    """
    members = {ABOUT: json.dumps({"format": FORMAT, **about}, indent=1).encode()}
    for name, array in arrays.items():
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        members[f"{name}.npy"] = content.getvalue()
    return write_part(path, members, of_types=False)


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what ``write`` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    about : dict
        What ``classifier.json`` holds, ``format`` included.
    arrays : dict of str to ndarray

    Raises
    ------
    ValueError
        In one sentence that names the file: it is missing, no model file, damaged, or of a newer format.
    """
    with _opened(path) as (about, file):
        return about, file.arrays()


def read_about(path: str | Path) -> dict[str, Any]:
    """Read ``classifier.json`` alone, which takes a millisecond.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict
        ``format`` included.

    Raises
    ------
    ValueError
        As `read`.
    """
    with _opened(path) as (about, _):
        return about


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[dict[str, Any], StoredZip]]:
    try:
        with stored_zip(path) as file:
            if ABOUT not in file:
                raise ValueError(f"it is no napari-stmml model, for it holds no {ABOUT}")
            yield _about(file.read(ABOUT, MOST_TEXT)), file
    except FileNotFoundError as error:
        raise ValueError(f"there is no model file {path}") from error


def _about(content: bytes) -> dict[str, Any]:
    """Read ``classifier.json``, of a format that is known."""
    try:
        about = json.loads(content)
    except RecursionError as error:
        raise ValueError(f"{ABOUT} has too many brackets within brackets") from error
    except ValueError as error:
        raise ValueError(f"{ABOUT} is no JSON ({error})") from error
    found = about.get("format") if isinstance(about, dict) else None
    if type(found) is not int:
        raise ValueError("it is no napari-stmml model, for it does not say which format it has")
    if found > FORMAT:
        raise ValueError(f"it has format {found}, this program reads up to {FORMAT}: update napari-stmml")
    return about


def versions() -> dict[str, str]:
    """Versions of what makes a model what it is."""
    known = {}
    for name in (
        "napari-stmml",
        "tensorflow",
        "keras",
        "scikit-learn",
        "numpy",
        "spiepy",
        "access2thematrix",
    ):
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known


def lineage(training: Mapping[str, Any]) -> str:
    """Return what tells the labels of one model from those of another: a hash of how it was made.

    Edits of its classes, and what it learns, leave it as it is.

    Parameters
    ----------
    training : mapping of str to anything JSON knows
        ``training`` of a model; ``cluster_sizes`` does not count.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    made = {key: value for key, value in training.items() if key != "cluster_sizes"}
    return sha256(json.dumps(made, sort_keys=True, default=str).encode()).hexdigest()[:16]


def lineage_of(path: str | Path) -> str:
    """Return the `lineage` of the model in a file; its arrays are not read.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str

    Raises
    ------
    ValueError
        As `read`.
    """
    training = read_about(path).get("training")
    return lineage(training if isinstance(training, dict) else {})
