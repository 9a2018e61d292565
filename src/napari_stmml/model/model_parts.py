"""What the parts of a model file must be before a model is made of them: type, dimensions, finite numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.model import model_file
from napari_stmml.scan_key import ScanKey
from napari_stmml.text import shortened

MOST = 1e15  # of any number: squares of features still fit into float32
MOST_LETTERS = 255  # of the name of a recipe
MOST_CLASSES = 2000  # gone ones included; recipes make 1000 at most
MOST_BEFORE = 255  # how often classes were split: each time needs a new label
_BEFORE = "before/"  # of the names of arrays, once for each split


@dataclass(frozen=True)
class _Rule:
    """What an array must be: of these kinds of numbers, and of so many dimensions."""

    kinds: str
    dimensions: int | None = None
    missing: bool = False  # whether NaN may be among them
    endless: bool = False  # whether infinity may be

    def wrong(self, array: np.ndarray) -> str:
        """Return what is wrong with an array; empty where nothing is."""
        if array.dtype.kind not in self.kinds:
            wanted = "real" if self.kinds == "f" else "whole"
            return f"must hold {wanted} numbers, got {array.dtype}"
        if self.dimensions is not None and array.ndim != self.dimensions:
            return f"must have {self.dimensions} dimensions, got the shape {array.shape}"
        if array.dtype.kind != "f":
            return ""
        known = array[~np.isnan(array)]
        if not self.missing and known.size < array.size:
            return "holds NaN, which is no number"
        if not self.endless and known.size and float(np.abs(known).max()) > MOST:
            return f"holds numbers beyond {MOST:g}"
        return ""


_RULES = {
    "centres": _Rule("f", 2),
    "owners": _Rule("iu", 1),
    "projection/mean": _Rule("f", 1),
    "projection/matrix": _Rule("f", 2),
    "limit": _Rule("f", 0, endless=True),
    "parted": _Rule("iu", 1),
    "examples/features": _Rule("f", 2),
    "examples/counts": _Rule("f", 1),
    "lessons/features": _Rule("f", 2),
    "lessons/labels": _Rule("u", 1),
    "lessons/scan": _Rule("iu", 1),
    "exemplars": _Rule("f", 4, missing=True),
}
_KINDS = {"name": str, "colour": str, "background": bool, "gone": bool, "into": int}
_WEIGHTS, _OF_WEIGHTS = "autoencoder/", _Rule("f")


@contextmanager
def read_parts(path: str | Path, what: str) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Read a model file and check its parts; what the block cannot make of them is said in one sentence.

    Parameters
    ----------
    path : str or Path
    what : str
        What the block makes of it: ``model``, ``network``.

    Yields
    ------
    about : dict
        What ``classifier.json`` holds.
    arrays : dict of str to ndarray

    Raises
    ------
    ValueError
        In one sentence that names the file: as `model_file.read`, or its parts are wrong or do not fit.
    """
    about, arrays = model_file.read(path)
    try:
        _check_arrays(arrays)
        _check_about(about)
        yield about, arrays
    except Exception as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{Path(path).name} cannot be used as a {what}: {shortened(why, 160)}") from error


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse numbers that no model can have; how arrays fit is checked where they are put together."""
    for name, array in arrays.items():
        if name.count(_BEFORE) > MOST_BEFORE:
            raise ValueError(f"its classes were split more than {MOST_BEFORE} times")
        plain = name.removeprefix(_BEFORE * name.count(_BEFORE))
        rule = _OF_WEIGHTS if plain.startswith(_WEIGHTS) else _RULES.get(plain)
        if rule is not None and (wrong := rule.wrong(array)):
            raise ValueError(f"{shortened(name)} {wrong}")


def _check_about(about: Mapping[str, Any]) -> None:
    """Refuse what ``classifier.json`` cannot say; recipe and classes check the rest themselves."""
    name = about["recipe"].get("name", "")
    _check(isinstance(name, str) and len(name) <= MOST_LETTERS, "the name of its recipe is no short text")
    training = about.get("training", {})
    _check(isinstance(training, dict), "training must be a table")
    for key in ("files", "history"):
        rows = training.get(key, [])
        _check(isinstance(rows, list) and all(isinstance(one, dict) for one in rows), f"{key} must be a list")
    sizes = training.get("cluster_sizes", [])
    _check(isinstance(sizes, list) and all(map(_is_count, sizes)), "cluster_sizes must be a list of counts")
    names = training.get("names", [])
    _check(
        isinstance(names, list) and all(isinstance(one, str) for one in names),
        "names must be a list of texts",
    )
    for key in ("classes", "of_cluster", "order"):
        _check(len(about.get(key, ())) <= MOST_CLASSES, f"{key} has more than {MOST_CLASSES} entries")
    for one in about.get("classes", ()):
        for key, kind in _KINDS.items():
            _check(type(one.get(key, kind())) is kind, f"{key} of a class must be {kind.__name__}")
    for lesson in about.get("lessons", ()):
        _check(isinstance(lesson.get("name", ""), str), "a scan that was painted on needs a name")
        ScanKey.of_dict(lesson["key"])


def _is_count(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= MOST


def _check(right: bool, wrong: str) -> None:
    if not right:
        raise ValueError(wrong)
