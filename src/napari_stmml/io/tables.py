"""Text beside windows and scans: coordinates, labels of windows, settings, and tables as CSV."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.system.files import atomic

Value = str | float | int | None
_PLACE = ("number", "row_px", "col_px", "row_nm", "col_nm")


def save_coordinates(
    path: str | Path, starts: np.ndarray, *, window: int, pixel_density: float | None
) -> Path:
    """Write where windows lie, one line each: number, first row and column (px), and the centre (nm).

    Parameters
    ----------
    path : str or Path
    starts : ndarray of int, shape (n, 2)
        First row and column of each window, in px of the prepared map, row 0 at the top.
    window : int
        Side of a window in px.
    pixel_density : float or None
        Of the prepared map in px/nm; without it the centres are left blank.

    Raises
    ------
    ValueError
        If ``starts`` are not n pairs.
    """
    columns = _places(starts, window, pixel_density)
    return _write_columns(path, "coordinates of windows", _PLACE, columns, (window, pixel_density))


def load_coordinates(path: str | Path) -> np.ndarray:
    """Read first row and column of each window, (n, 2) int: the inverse of ``save_coordinates``.

    Raises
    ------
    ValueError
        Naming the file, if it holds something else.
    """
    return _load(path, (1, 2), int)


def save_window_log(
    path: str | Path,
    starts: np.ndarray,
    labels: np.ndarray,
    confidence: np.ndarray | None = None,
    *,
    window: int,
    pixel_density: float | None,
) -> Path:
    """Write the windows that a label map was built from: as coordinates, and ``label`` and ``confidence``.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        From 1, as in the label map; 0 where a window got none.
    confidence : ndarray of float, shape (n,), optional
        0 to 1, written to six digits; left blank without it.

    Raises
    ------
    ValueError
        If there is not one label, a whole number from 0, and one confidence for each window.

    See Also
    --------
    save_coordinates : the other parameters.
    load_window_log : the inverse.
    """
    labels = np.asarray(labels)
    columns = _places(starts, window, pixel_density)
    n = len(columns[0])
    if labels.shape != (n,) or (n and labels.dtype.kind not in "iu") or (n and labels.min() < 0):
        raise ValueError(
            f"labels must be {n} whole numbers from 0, got {labels.dtype} of shape {labels.shape}"
        )
    if confidence is not None and np.shape(confidence) != (n,):
        raise ValueError(f"confidence must be {n} numbers, got shape {np.shape(confidence)}")
    sure = [""] * n if confidence is None else [f"{one:.6g}" for one in np.asarray(confidence).tolist()]
    columns += [[str(int(label)) for label in labels], sure]
    names = (*_PLACE, "label", "confidence")
    return _write_columns(path, "windows and labels of a label map", names, columns, (window, pixel_density))


def load_window_log(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read starts (n, 2) int, labels (n,) int and confidence (n,) float or None of a window log."""
    places = _load(path, (1, 2, 5), int)
    rows = _data_rows(path)
    blank = not rows or not rows[0].split("\t")[-1]
    confidence = None if blank else _load(path, (6,), float)[:, 0]
    return places[:, :2], places[:, 2], confidence


def save_metadata(path: str | Path, scan: Scan, extra: Mapping[str, Value]) -> Path:
    """Write a scan's settings for people: name, value and unit on each line, ``?`` where one is not known.

    Parameters
    ----------
    path : str or Path
    scan : Scan
    extra : dict
        What else to write below them, without units.
    """
    lines = [
        ("name", "value", "unit"),
        *_settings(scan),
        *((name, value, "") for name, value in extra.items()),
    ]
    text = "".join("\t".join(_plain(part) for part in line).rstrip("\t") + "\n" for line in lines)
    return _write(path, text)


def save_table(
    path: str | Path, rows: Iterable[Mapping[str, Any]], names: Sequence[str] | None = None
) -> Path:
    """Write rows as CSV in UTF-8; what is None or missing in a row is left blank.

    Parameters
    ----------
    path : str or Path
    rows : iterable of dict
    names : sequence of str, optional
        The columns; without them all keys, in the order in which they first come.

    Raises
    ------
    ValueError
        If a row has a key that is none of the columns.
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row)) if names is None else names
    # "backslashreplace": names of files may hold bytes that are no UTF-8.
    with (
        atomic(path) as beside,
        beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return Path(path)


def save_parameters(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write a job's parameters as CSV: name, value, default, unit and help of each."""
    return save_table(path, rows, ["name", "value", "default", "unit", "help"])


def utc(taken: datetime | None) -> str:
    """Write a time in UTC, ``?`` where it is not known; one without a time zone is taken to be UTC.

    >>> utc(datetime(2011, 3, 10, 17, 31)), utc(None)
    ('2011-03-10 17:31:00 UTC', '?')
    """
    if taken is None:
        return "?"
    return f"{taken.astimezone(UTC) if taken.tzinfo else taken:%Y-%m-%d %H:%M:%S} UTC"


def _settings(scan: Scan) -> list[tuple[str, Value, str]]:
    rows, cols = scan.heights.shape
    height, width = scan.size_nm or (None, None)
    along_rows, along_cols = scan.pixel_size or (None, None)
    return [
        ("scan", scan.name, ""),
        ("bias", scan.bias, "V"),
        ("setpoint", None if scan.setpoint is None else scan.setpoint * 1000, "pA"),
        ("width", width, "nm"),
        ("height", height, "nm"),
        ("points_per_line", cols, "px"),
        ("lines", rows, "px"),
        ("lines_scanned", int(np.isfinite(scan.heights).any(axis=1).sum()), "px"),
        ("pixel_density_along_lines", along_cols and 1 / along_cols, "px/nm"),
        ("pixel_density_across_lines", along_rows and 1 / along_rows, "px/nm"),
        ("direction", scan.direction or None, ""),
        ("channel", scan.channel or None, scan.unit),
        ("angle", scan.angle, "degree"),
        ("offset_x", (scan.offset or (None, None))[0], "nm"),
        ("offset_y", (scan.offset or (None, None))[1], "nm"),
        ("taken", utc(scan.taken), ""),
        ("source", scan.source or None, ""),
        ("history", ", ".join(scan.history) or "as recorded", ""),
    ]


def _plain(value: Value) -> str:
    """Write a value for people, on one line: six digits, ``?`` for what is not known.

    >>> _plain(-1.4999999999999996), _plain(None)
    ('-1.5', '?')
    """
    if value is None:
        return "?"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return f"{float(value) + 0.0:.6g}" if math.isfinite(value) else "?"  # + 0.0: no minus zero
    return " ".join(str(value).split())


def _places(starts: np.ndarray, window: int, pixel_density: float | None) -> list[list[str]]:
    """Return the columns that say where windows lie, as text."""
    starts = np.asarray(starts)
    if starts.ndim != 2 or starts.shape[1] != 2 or (len(starts) and starts.dtype.kind not in "iu"):
        raise ValueError(
            f"starts must be whole numbers of shape (n, 2), got {starts.dtype} of shape {starts.shape}"
        )
    columns = [[str(n) for n in range(len(starts))]]
    columns += [[str(pixel) for pixel in column] for column in starts.T.tolist()]
    for column in starts.T:
        if pixel_density is None:
            columns.append([""] * len(starts))
        else:
            centres = (column + window / 2) / pixel_density
            columns.append([f"{centre:.6g}" for centre in centres.tolist()])
    return columns


def _write_columns(
    path: str | Path,
    what: str,
    names: Iterable[str],
    columns: list[list[str]],
    size: tuple[int, float | None],
) -> Path:
    window, density = size
    header = [
        f"# napari-stmml: {what}",
        f"# window {window} px, pixel density {'unknown' if density is None else f'{density:.6g} px/nm'}",
        "# px: first row and column of the prepared map, from 0, row 0 at the top; nm: centre of the window",
        "# " + "\t".join(names),
    ]
    lines = map("\t".join, zip(*columns, strict=True))
    return _write(path, "\n".join([*header, *lines]) + "\n")


def _load(path: str | Path, columns: tuple[int, ...], kind: type) -> np.ndarray:
    """Read columns of numbers, (n, columns); n may be 0 or 1."""
    rows = _data_rows(path)
    if not rows:
        return np.empty((0, len(columns)), kind)
    try:
        return np.loadtxt(rows, kind, delimiter="\t", usecols=columns, ndmin=2)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{Path(path).name} is no table of windows: {error}") from error


def _data_rows(path: str | Path) -> list[str]:
    lines = Path(path).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _cell(value: Any) -> Any:
    """Write lists, mappings and yes or no as JSON does, all else as it is."""
    return json.dumps(value) if isinstance(value, bool | list | tuple | dict) else value


def _write(path: str | Path, text: str) -> Path:
    with atomic(path) as beside:
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))
    return Path(path)
