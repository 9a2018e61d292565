"""Parse the bytes of a file of Gwyddion, within bounds: named values, objects in objects.

The layout is that of Gwyddion's user guide. The package gwyfile reads these files too, but does not end where
a text of a damaged file has no end, and copies what is left for every value.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.system.regular_file import read_bytes

MOST_BYTES = 1 << 30
_MAGIC = b"GWYP"
_DEEPEST = 16  # objects in objects
_NUMBERS = {"i": "<i", "q": "<q", "d": "<d"}
_ARRAYS: dict[str, np.dtype[Any]] = {
    "I": np.dtype("<i4"),
    "Q": np.dtype("<i8"),
    "D": np.dtype("<f8"),
    "C": np.dtype("u1"),
}

Values = dict[str, Any]


def read_container(path: Path) -> Values:
    """Read all values of a file by name; an object is a dict with its kind under an empty name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Texts, numbers, arrays (views of the file's bytes), dicts, and lists of texts or dicts.

    Raises
    ------
    ValueError
        If the file is not of Gwyddion, or does not hold what it says.
    """
    raw = read_bytes(path, MOST_BYTES)
    if not raw.startswith(_MAGIC):
        raise ValueError(f"it begins with {raw[:4]!r} instead of {_MAGIC!r}")
    return _Bytes(raw, len(_MAGIC), len(raw)).an_object(0)


class _Bytes:
    """The bytes of a file from a place on, up to where the object that is being read ends."""

    def __init__(self, raw: bytes, at: int, end: int) -> None:
        self.raw, self.at, self.end = raw, at, end

    def text(self) -> str:
        stop = self.raw.find(b"\0", self.at, self.end)
        if stop < 0:
            raise ValueError("a text has no end")
        found = self.raw[self.at : stop].decode("utf-8", "replace")
        self.at = stop + 1
        return found

    def number(self, kind: str) -> Any:
        (found,) = struct.unpack_from(kind, self.raw, self.step(struct.calcsize(kind)))
        return found

    def step(self, size: int) -> int:
        """Go so many bytes on, and return where they begin."""
        if size > self.end - self.at:
            raise ValueError(f"{size} bytes are promised where {self.end - self.at} are left")
        self.at += size
        return self.at - size

    def an_object(self, depth: int) -> Values:
        if depth > _DEEPEST:
            raise ValueError(f"there are more than {_DEEPEST} objects in objects")
        found: Values = {"": self.text()}
        size = self.number("<I")
        inner = _Bytes(self.raw, self.step(size), self.at)
        while inner.at < inner.end:
            name = inner.text()
            found[name] = inner.value(depth)
        return found

    def value(self, depth: int) -> Any:
        kind = chr(self.raw[self.step(1)])
        if kind == "o":
            return self.an_object(depth + 1)
        if kind == "s":
            return self.text()
        if kind == "b":
            return bool(self.raw[self.step(1)])
        if kind == "c":
            return chr(self.raw[self.step(1)])
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind in _ARRAYS:
            count = self.number("<I")
            return np.frombuffer(self.raw, _ARRAYS[kind], count, self.step(count * _ARRAYS[kind].itemsize))
        if kind in "SO":
            read = self.text if kind == "S" else lambda: self.an_object(depth + 1)
            return [read() for _ in range(self.number("<I"))]
        raise ValueError(f"a value is of the unknown kind {kind!r}")
