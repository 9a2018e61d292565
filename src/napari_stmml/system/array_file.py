"""Read arrays of plain numbers, ``.npy`` and zips of them: nothing is parsed as code, nothing is unpacked.

numpy's own reader parses the header as Python, opens zips too, and makes arrays as large as the header says.
"""

import math
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from napari_stmml.system.regular_file import NoRegularFile, check_file
from napari_stmml.text import shortened

MOST_BYTES = 2 << 30  # of a file; nobody's model or map comes near it
_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(  # as `numpy.save` writes it of booleans, whole and real numbers
    r"\{'descr': '([<>|=]?(?:b1|[iu][1248]|f[248]))', 'fortran_order': (True|False),"
    r" 'shape': \(((?:\d{1,19}, )*\d{0,19},?)\), \}\s*"
)
_MOST_HEADER = 4096
_MOST_NAMES = 4 << 20  # bytes of a zip's list of members: 50 000 names
_END = struct.Struct("<4s4H2LH")  # what stands at the end of a zip
_AT_ONCE = 1 << 20


def open_array(path: str | Path) -> np.ndarray:
    """Map a ``.npy`` file: only what is used is read.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray
        Of whole or real numbers, or booleans; read-only.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        In one sentence that names the file: it is no array of plain numbers, or it is cut short.
    """
    path = Path(path)
    size = check_file(path)
    try:
        with path.open("rb") as file:
            kind, shape, order = _header(file, size)
            start = file.tell()
        if 0 in shape:
            return np.empty(shape, kind)
        return np.asarray(np.memmap(path, kind, "r", start, shape, order))
    except ValueError as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error


class StoredZip:
    """The members of a zip file that are stored, not packed: they are no longer than the file itself."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def __contains__(self, name: str) -> bool:
        """Say whether there is a member of this name."""
        return name in self._file.NameToInfo

    def read(self, name: str, most: int) -> bytes:
        """Return the bytes of a member.

        Raises
        ------
        ValueError
            If it has more than ``most`` bytes.
        """
        about = self._file.getinfo(name)
        if about.file_size > most:
            has = f"{about.file_size} bytes, at most {most} are read"
            raise ValueError(f"{shortened(name)} is too large: {has}")
        return self._file.read(about)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all members that end in ``.npy``, by name without the ending; others are not looked at.

        Raises
        ------
        ValueError
            If a member named ``.npy`` is no array of plain numbers.
        """
        found = {}
        for about in self._file.infolist():
            name = about.filename.removesuffix(".npy")
            if name != about.filename:
                with self._file.open(about) as member:
                    try:
                        found[name] = _read(member, about.file_size)
                    except ValueError as error:
                        raise ValueError(f"{shortened(name)}: {error}") from error
        return found


@contextmanager
def stored_zip(path: str | Path, most: int = MOST_BYTES) -> Iterator[StoredZip]:
    """Open a zip whose members are all stored, not packed, and together no longer than the file.

    Parameters
    ----------
    path : str or Path
    most : int
        Bytes that the file may have.

    Yields
    ------
    StoredZip

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        In one sentence that names the file: it is no zip, damaged, packed or too large, or what the block
        says in a ValueError.
    """
    path = Path(path)
    try:
        size = check_file(path, most)
        with path.open("rb") as raw:
            _check_end(raw, size)
            with zipfile.ZipFile(raw) as file:
                _check_members(file, size)
                yield StoredZip(file)
    except (NoRegularFile, FileNotFoundError):
        raise
    except Exception as error:
        what = str(error) or type(error).__name__
        raise ValueError(f"{path.name} cannot be read: {shortened(what, 160)}") from error


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read a ``.npz`` that `numpy.savez` wrote, of plain numbers alone.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    FileNotFoundError, ValueError
        As `stored_zip`.
    """
    with stored_zip(path) as file:
        return file.arrays()


def _check_end(raw: IO[bytes], size: int) -> None:
    """Refuse a zip with a huge list of members before it is read: each name costs memory."""
    raw.seek(-min(size, _END.size + 0xFFFF), 2)
    tail = raw.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise ValueError("it is no zip file, or it is cut short")
    if (names := _END.unpack_from(tail, at)[5]) > _MOST_NAMES:
        raise ValueError(f"its list of members has {names} bytes, at most {_MOST_NAMES} are read")


def _check_members(file: zipfile.ZipFile, size: int) -> None:
    """Refuse members that become more in memory than they are in the file."""
    for about in file.infolist():
        if about.compress_type != zipfile.ZIP_STORED or about.compress_size != about.file_size:
            raise ValueError(f"{shortened(about.filename)} is packed, and nothing packed is read")
    if (total := sum(about.file_size for about in file.infolist())) > size:
        raise ValueError(f"its members have {total} bytes, the file has {size}")


def _header(file: IO[bytes], size: int) -> tuple[np.dtype, tuple[int, ...], Any]:
    """Read the header of an array, and make sure that its numbers fill the rest of ``size`` bytes."""
    begin = file.read(8)
    if begin[:6] != _MAGIC or begin[6:7] not in (b"\1", b"\2"):
        raise ValueError("it is no array of numpy")
    wide = 2 if begin[6] == 1 else 4
    length = int.from_bytes(file.read(wide), "little")
    text = file.read(min(length, _MOST_HEADER)).decode("latin-1")
    found = _HEADER.fullmatch(text) if length <= _MOST_HEADER else None
    if found is None:
        raise ValueError("it is no array of plain numbers")
    kind, shape = np.dtype(found[1]), tuple(int(one) for one in found[3].split(",") if one.strip())
    told, there = math.prod(shape) * kind.itemsize, size - len(begin) - wide - length
    if told != there or math.prod(max(one, 1) for one in shape) > 1 << 48:
        raise ValueError(f"its numbers take {told} bytes, and {there} are there")
    return kind, shape, "F" if found[2] == "True" else "C"


def _read(file: IO[bytes], size: int) -> np.ndarray:
    """Read an array of ``size`` bytes, header included, from where a file stands."""
    kind, shape, order = _header(file, size)
    flat = np.empty(math.prod(shape), kind)
    into = flat.view(np.uint8).data if flat.size else memoryview(b"")
    for start in range(0, len(into), _AT_ONCE):
        piece = file.read(min(_AT_ONCE, len(into) - start))
        if len(piece) != min(_AT_ONCE, len(into) - start):
            raise ValueError("it is cut short")
        into[start : start + len(piece)] = piece
    if file.read(1):  # which also makes the zip compare its checksum
        raise ValueError("it is longer than it says")
    return flat.reshape(shape, order=order)
