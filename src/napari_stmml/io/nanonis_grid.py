"""Read grids of curves of Nanonis, ``.3ds``: at each place of a frame one curve of each channel."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import numpy as np

from napari_stmml.io.curves import in_plain_units
from napari_stmml.io.file_errors import one_sentence
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.regular_file import check_file

MOST_VALUES = 1 << 28  # of a channel: 1 GB
_MOST_HEADER = 1 << 20
_MOST_MISSING, _SMALL = 16, 16 << 20  # times its own size that a grid may take, and bytes that any may
_END = b":HEADER_END:"


@dataclass(frozen=True, eq=False)
class Grid:
    """One channel of a grid of curves.

    Parameters
    ----------
    values : ndarray of float32, shape (points, rows, cols)
        Row 0 at the top; NaN where nothing was measured.
    sweep : (float, float)
        First and last value of what was changed, rising.
    sweep_name, sweep_unit : str
        What was changed, such as ``Bias`` in ``V``.
    frame : Scan
        Scale, angle, offset, source and date; channel and unit are those of the values.
    """

    values: np.ndarray
    sweep: tuple[float, float]
    sweep_name: str
    sweep_unit: str
    frame: Scan


def is_grid_file(path: Path) -> bool:
    """Say whether the name is that of a grid of Nanonis."""
    return path.name.lower().endswith(".3ds")


def read_grid(path: str | Path) -> list[Grid]:
    """Read one grid of Nanonis, a stack for each channel.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Grid
        Currents in nA, lengths in nm. The sweep is even, from its start to its end at the first place.

    Raises
    ------
    ScanFileError
        If the file is not of Nanonis, damaged, too large, or has no whole curve.
    """
    path = Path(path)
    with one_sentence(path.name):
        size = check_file(path)
        with path.open("rb") as file:
            head = file.read(_MOST_HEADER)
        end = head.find(_END)
        if not head.startswith(b"Grid dim=") or end < 0:
            raise ScanFileError(f"Not a grid of Nanonis: {path.name} does not begin with its dimensions.")
        entries = _entries(head[:end].decode("latin-1"))
        start = head.index(b"\n", end) + 1
        cols, rows = (int(word) for word in entries["Grid dim"].split("x"))
        names = [name for name in entries["Channels"].split(";") if name]
        points, n_parameters = int(entries["Points"]), int(entries["# Parameters (4 byte)"])
        if min(cols, rows, points) < 1 or points < 2 or not names or not 2 <= n_parameters <= 4096:
            raise ScanFileError(f"Damaged: {path.name} says that it has no places or no curves.")
        if rows * cols * (points * len(names) + n_parameters) > MOST_VALUES:
            raise ScanFileError(f"Too large: {path.name} has {rows} x {cols} places of {points} points.")
        per_place = n_parameters + points * len(names)
        whole = min(rows * cols, (size - start) // (4 * per_place))
        if whole < 1:
            raise ScanFileError(f"Cut short: {path.name} has no whole curve; copy it again.")
        if 4 * rows * cols * per_place > _MOST_MISSING * size + _SMALL:
            raise ScanFileError(f"Cut short: {path.name} has {whole} of {rows * cols} curves; copy it again.")
        raw = np.full((rows * cols, per_place), np.nan, np.float32)
        raw[:whole] = np.fromfile(path, ">f4", whole * per_place, offset=start).reshape(whole, per_place)
        frame = _frame(path, entries, (rows, cols))
        down, right = _turns(raw, entries, frame)
        return [
            _grid(
                raw[:, at : at + points].reshape(rows, cols, -1)[::down, ::right],
                name,
                raw[0],
                entries,
                frame,
            )
            for name, at in zip(names, range(n_parameters, per_place, points), strict=True)
        ]


def _grid(values: np.ndarray, name: str, sweep: np.ndarray, entries: dict[str, str], frame: Scan) -> Grid:
    """Make one channel of values, (rows, cols, points); the first two numbers of a place are its sweep."""
    stack = np.moveaxis(values, -1, 0)
    first, last = float(sweep[0]), float(sweep[1])
    if not (isfinite(first) and isfinite(last)) or first == last:
        raise ScanFileError(f"Damaged: {Path(frame.source).name} does not say what was swept.")
    if first > last:
        stack, first, last = stack[::-1], last, first
    channel, unit = _named(name)
    plain, unit = in_plain_units(np.array([1.0]), unit)
    stack = np.ascontiguousarray(stack) * np.float32(plain[0])
    sweep_name, sweep_unit = _named(entries.get("Sweep Signal", ""))
    about = Scan.from_settings(frame.heights, {**frame.settings(), "channel": channel, "unit": unit})
    return Grid(stack, (first, last), sweep_name or "sweep", sweep_unit, about)


def _turns(raw: np.ndarray, entries: dict[str, str], frame: Scan) -> tuple[int, int]:
    """Say how rows and columns are taken, 1 or -1, so that row 0 is at the top and column 0 on the left.

    The places of the first and last curve tell; without them, recording began at the bottom left.
    """
    names = f"{entries.get('Fixed parameters', '')};{entries.get('Experiment parameters', '')}".split(";")
    if "X (m)" not in names or "Y (m)" not in names:
        return -1, 1
    places = np.array([raw[:, names.index(name)] for name in ("X (m)", "Y (m)")], float) * 1e9
    known = places[:, np.isfinite(places).all(axis=0)]
    x, y = frame.from_scanner(known[0, [0, -1]], known[1, [0, -1]])
    cols = frame.heights.shape[1]
    if cols > 1 and known.shape[1] >= cols:
        x = frame.from_scanner(known[0, [0, cols - 1]], known[1, [0, cols - 1]])[0]
    return (1 if y[1] > y[0] else -1), (-1 if x[1] < x[0] else 1)


def _frame(path: Path, entries: dict[str, str], shape: tuple[int, int]) -> Scan:
    """Return the frame of a grid; Nanonis counts its angle clockwise."""
    x, y, width, height, angle = (float(word) for word in entries["Grid settings"].split(";")[:5])
    if not (width > 0 and height > 0):
        raise ScanFileError(f"No scale: {path.name} does not say how large the frame is.")
    return Scan(
        np.broadcast_to(np.float32(np.nan), shape),
        (height * 1e9 / shape[0], width * 1e9 / shape[1]),
        angle=-angle,
        offset=(x * 1e9, y * 1e9),
        taken=_taken(entries.get("Start time", "")),
        source=str(path),
    )


def _taken(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _entries(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip().strip('"') for name, value in pairs}


def _named(text: str) -> tuple[str, str]:
    """Part a name and its unit: ``Current (A)``."""
    name, bracket, unit = text.partition(" (")
    return name.strip(), unit.partition(")")[0] if bracket else ""
