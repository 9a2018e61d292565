"""Read Nanonis scans, ``.sxm``: a header of text, then each channel as a block of numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import numpy as np

from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.named_settings import NamedSettings, setting_of
from napari_stmml.io.outline import Outline, no_heights
from napari_stmml.io.settings import Setting
from napari_stmml.scan import TOPOGRAPHY, Scan, ScanFileError
from napari_stmml.system.regular_file import check_file

MOST_PIXELS = 2**26  # of a map: 8192 x 8192, which takes 0.5 GB
_MOST_HEADER = 1 << 20  # bytes
_HIGHEST = 1e-3  # m: no scanner reaches as far
_END = b":SCANIT_END:"
_DATA = b"\x1a\x04"  # stands before the numbers
_KEY = re.compile(r":(.+):\s*")
_IN_NANO = {"m": ("nm", 1e9), "A": ("nA", 1e9)}
_WAYS = {"both": ("forward", "backward"), "forward": ("forward",), "backward": ("backward",)}


@dataclass(frozen=True)
class _Block:
    """A map of the file: which channel, which way, and where it stands among the maps."""

    channel: str
    unit: str
    way: str
    number: int


@dataclass(frozen=True)
class _File:
    """A file whose header is read: its entries, rows and columns, and where its numbers begin."""

    path: Path
    entries: dict[str, str]
    shape: tuple[int, int]
    start: int

    def numbers(self, name: str, count: int) -> list[float] | None:
        """Return the numbers of an entry; None where there are not so many finite ones."""
        words = self.entries.get(name, "").split()
        try:
            found = [float(word) for word in words[:count]]
        except ValueError:
            return None
        return found if len(found) == count and all(map(isfinite, found)) else None

    @property
    def taken(self) -> datetime | None:
        """When it was recorded. The file names no time zone: its clock is taken as UTC."""
        text = f"{self.entries.get('REC_DATE', '')} {self.entries.get('REC_TIME', '')}".strip()
        try:
            return datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            return None


def read_sxm(path: str | Path) -> list[Scan]:
    """Read the heights of one Nanonis file as its scans, forward and backward.

    Heights come in nm, shape (lines, points), row 0 at the top of the frame. The file has the points as they
    were recorded: a scan upwards begins with the bottom line, a backward line on the right.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan
        Lines that were not scanned are NaN. The angle is positive anticlockwise, where Nanonis counts
        clockwise.

    Raises
    ------
    ScanFileError
        If the file is not of Nanonis, is damaged, cut short, or has no heights.
    """
    with one_sentence(Path(path).name):
        file = _opened(Path(path))
        return [_scan_of(file, one, _heights(file, one)) for one in _height_blocks(file)]


def read_other_channels(path: str | Path) -> list[Scan]:
    """Read all of one Nanonis file but its heights: currents, phases and the like, as `read_sxm`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan
        Values in nA for currents, in nm for lengths, else in the unit of the file.

    Raises
    ------
    ScanFileError
        As `read_sxm`.
    """
    with one_sentence(Path(path).name):
        file = _opened(Path(path))
        heights = _height_blocks(file)
        others = [one for one in _blocks(file) if one not in heights]
        return [_scan_of(file, one, _values(file, one)) for one in others]


def read_outlines(path: str | Path) -> list[Outline]:
    """Read the scans of one Nanonis file as `read_sxm` does, but of each line only whether it was scanned.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Outline

    Raises
    ------
    ScanFileError
        As `read_sxm`, but for heights that are damaged.
    """
    with one_sentence(Path(path).name):
        file = _opened(Path(path))
        found = []
        for one in _height_blocks(file):
            first = np.isfinite(_raw(file, one)[:, 0])  # the first point of each line
            found.append(Outline(_scan_of(file, one, no_heights(file.shape)), int(first.sum())))
        return found


def read_settings(path: str | Path) -> NamedSettings:
    """Read all that the header of a Nanonis file says.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    NamedSettings

    Raises
    ------
    ScanFileError
        If the file is not of Nanonis, or its header is damaged.
    """
    with one_sentence(Path(path).name):
        file = _opened(Path(path))
        found = {name: setting_of(name, text) for name, text in file.entries.items()}
        if "BIAS" in found:
            found["BIAS"] = Setting("BIAS", found["BIAS"].value, "Volt")
        return NamedSettings(str(path), file.taken, found)


def _opened(path: Path) -> _File:
    """Read the header of a file, and refuse what cannot be a map."""
    if check_file(path) == 0:
        raise ScanFileError(f"Empty file: {path.name} has no bytes; copy it again from the instrument.")
    with path.open("rb") as opened:
        head = opened.read(_MOST_HEADER)
    if not head.startswith(b":NANONIS_VERSION:"):
        raise ScanFileError(f"Not a Nanonis file: {path.name} begins with {head[:12]!r}.")
    end = head.find(_END)
    start = head.find(_DATA, end)
    if end < 0 or start < 0:
        raise ScanFileError(f"Cut short: the header of {path.name} does not end; copy it again.")
    file = _File(path, _entries(head[:end].decode("latin-1")), (0, 0), start + len(_DATA))
    kind = file.entries.get("SCANIT_TYPE", "").split()
    if kind != ["FLOAT", "MSBFIRST"]:
        raise ScanFileError(f"Not readable: {path.name} has numbers of kind {' '.join(kind)[:40] or '?'}.")
    points, lines = (int(one) for one in file.numbers("SCAN_PIXELS", 2) or (0, 0))
    if points < 1 or lines < 1:
        raise ScanFileError(f"Damaged: the header of {path.name} does not say how many pixels there are.")
    if points * lines > MOST_PIXELS:
        raise ScanFileError(
            f"Too large: {path.name} has {lines} x {points} pixels; {MOST_PIXELS} can be read at most."
        )
    return _File(path, file.entries, (lines, points), file.start)


def _entries(text: str) -> dict[str, str]:
    """Return what stands below each ``:name:``; of a name that stands twice, the first."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if key := _KEY.fullmatch(line):
            lines = []
            found.setdefault(key[1], lines)
        else:
            lines.append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _table(text: str) -> list[dict[str, str]]:
    """Read an entry that is a table: its first line has the names of columns, parted by tabs."""
    lines = [[word.strip() for word in line.strip().split("\t")] for line in text.splitlines()]
    return [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]


def _blocks(file: _File) -> Iterator[_Block]:
    """Yield the maps of a file, in the order in which they are stored."""
    number = 0
    for row in _table(file.entries.get("DATA_INFO", "")):
        for way in _WAYS.get(row.get("Direction", "").lower(), ()):
            yield _Block(row.get("Name", ""), row.get("Unit", ""), way, number)
            number += 1


def _height_blocks(file: _File) -> list[_Block]:
    """Return the maps of heights of a file; refuse one without, or one that is shorter than it says."""
    blocks = list(_blocks(file))
    heights = [one for one in blocks if one.channel == TOPOGRAPHY and one.unit == "m"]
    if not heights:
        others = ", ".join(dict.fromkeys(one.channel for one in blocks)) or "nothing"
        raise ScanFileError(f"No heights: {file.path.name} records {others[:80]}, and no Z in m.")
    needed = file.start + 4 * len(blocks) * file.shape[0] * file.shape[1]
    if (size := file.path.stat().st_size) < needed:
        raise ScanFileError(
            f"Cut short: the header of {file.path.name} promises {needed} bytes and {size} are there; copy it"
            " again from the instrument."
        )
    return heights


def _raw(file: _File, block: _Block) -> np.ndarray:
    """Map the numbers of a block as they are stored, (lines, points), in m."""
    at = file.start + 4 * file.shape[0] * file.shape[1] * block.number
    return np.memmap(file.path, ">f4", "r", at, file.shape)


def _heights(file: _File, block: _Block) -> np.ndarray:
    """Read one map, turned the right way up, in nm."""
    heights = _raw(file, block).astype(np.float64)
    if (np.abs(heights) > _HIGHEST).any():
        raise ScanFileError(f"Damaged: heights of {file.path.name} are above {_HIGHEST * 1e3:g} mm.")
    return _turned(file, block, heights) * 1e9


def _values(file: _File, block: _Block) -> np.ndarray:
    """Read one map of anything but heights, turned the right way up, in plain units."""
    values = _turned(file, block, _raw(file, block).astype(np.float64))
    return values * _IN_NANO.get(block.unit, ("", 1.0))[1]


def _turned(file: _File, block: _Block, values: np.ndarray) -> np.ndarray:
    """Turn a map as it was recorded the right way up."""
    values = values[:: -1 if _slow(file) == "up" else 1, :: -1 if block.way == "backward" else 1]
    return np.ascontiguousarray(values)


def _slow(file: _File) -> str:
    """Return whether a file was scanned up or down."""
    slow = file.entries.get("SCAN_DIR", "").lower()
    if slow not in ("up", "down"):
        raise ScanFileError(f"Damaged: {file.path.name} does not say whether it was scanned up or down.")
    return slow


def _scan_of(file: _File, block: _Block, heights: np.ndarray) -> Scan:
    """Make the scan of heights and of what the header says of them."""
    lines, points = file.shape
    size = file.numbers("SCAN_RANGE", 2)
    if size is None or min(size) <= 0:
        raise ScanFileError(f"No scale: the header of {file.path.name} does not say how large the frame is.")
    angle, offset = file.numbers("SCAN_ANGLE", 1), file.numbers("SCAN_OFFSET", 2)
    bias = file.numbers("BIAS", 1)
    return Scan(
        heights=heights,
        pixel_size=(size[1] * 1e9 / lines, size[0] * 1e9 / points),
        direction=f"{block.way}/{_slow(file)}",
        channel=block.channel,
        unit=_IN_NANO.get(block.unit, (block.unit, 1.0))[0],
        bias=bias[0] if bias else None,
        setpoint=_setpoint(file),
        angle=-angle[0] if angle else None,
        offset=(offset[0] * 1e9, offset[1] * 1e9) if offset else None,
        taken=file.taken,
        source=str(file.path),
    )


def _setpoint(file: _File) -> float | None:
    """Return the current that the feedback kept, in nA; None where it kept something else."""
    rows = _table(file.entries.get("Z-CONTROLLER", ""))
    rows.sort(key=lambda row: row.get("on") != "1")
    for row in rows:
        setting = setting_of("", row.get("Setpoint", ""))
        if setting.unit == "Ampere" and isfinite(setting.value):
            return float(f"{setting.value * 1e9:.12g}")
    return None
