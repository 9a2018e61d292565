"""Text tables of scans and windows: where windows lie, their labels, settings, and rows as CSV."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic
from napari_stmml.system.regular_file import read_bytes

MOST_BYTES = 256 << 20  # of a table that is read
Value = str | float | int | None
_FORMULA, _QUOTED = re.compile(r"'*[=+\-@\t\r]"), re.compile(r"'+[=+\-@\t\r]")


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
    return _save_windows(path, "coordinates of windows", starts, {}, window, pixel_density)


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
    """
    labels, n = np.asarray(labels), len(starts)
    if labels.shape != (n,) or (n and labels.dtype.kind not in "iu") or (n and labels.min() < 0):
        raise ValueError(
            f"labels must be {n} whole numbers from 0, got {labels.dtype} of shape {labels.shape}"
        )
    if confidence is not None and np.shape(confidence) != (n,):
        raise ValueError(f"confidence must be {n} numbers, got shape {np.shape(confidence)}")
    sure = [""] * n if confidence is None else [f"{one:.6g}" for one in np.asarray(confidence).tolist()]
    more = {"label": map(str, labels.tolist()), "confidence": sure}
    return _save_windows(path, "windows and labels of a label map", starts, more, window, pixel_density)


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
    """Write rows as CSV in UTF-8; what is None, NaN or missing in a row is left blank.

    Names of files and comments are a stranger's: text that a spreadsheet would take for a formula, because it
    begins with ``= + - @``, a tab or a return, gets an apostrophe before it. `read_table` takes it away.

    Parameters
    ----------
    path : str or Path
    rows : iterable of dict
    names : sequence of str, optional
        The columns, and rows are written as they come; without them all keys, in the order in which they
        first come.

    Raises
    ------
    ValueError
        If a row has a key that is none of the columns.
    """
    if names is None:
        rows = list(rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
    # "backslashreplace": names of files may hold bytes that are no UTF-8.
    with (
        atomic(path) as beside,
        beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return Path(path)


def read_table(path: str | Path) -> list[dict[str, str]]:
    """Read a table that `save_table` wrote: the very text of each cell.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of dict
        One for each row, column to text; empty where the cell is blank.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, is no table or larger than `MOST_BYTES`; the message names it.
    """
    path = Path(path)
    content = read_bytes(path, MOST_BYTES)
    try:
        found = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), restval="")
        rows = list(found)
    except (UnicodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is no table: {error}") from error
    if any(None in row for row in rows):
        raise ValueError(f"{path.name} is no table: a row has more cells than there are columns")
    return [{name: text[bool(_QUOTED.match(text)) :] for name, text in row.items()} for row in rows]


def save_parameters(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write a job's parameters as CSV: name, value, default, unit and help of each.

    Parameters
    ----------
    path : str or Path
    rows : iterable of dict
        One for each parameter; keys as above, and a missing one is left blank.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        If a row has any other key.
    """
    return save_table(path, rows, ["name", "value", "default", "unit", "help"])


def utc(taken: datetime | None) -> str:
    """Write a time in UTC, ``?`` where it is not known; one without a time zone is taken to be UTC.

    Parameters
    ----------
    taken : datetime or None

    Returns
    -------
    str

    Examples
    --------
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
        ("frame_width", width, "nm"),
        ("frame_height", height, "nm"),
        ("points_per_line", cols, "px"),
        ("lines", rows, "px"),
        ("lines_scanned", int(np.isfinite(scan.heights).any(axis=1).sum()), "px"),
        ("pixel_density_along_lines", along_cols and 1 / along_cols, "px/nm"),
        ("pixel_density_across_lines", along_rows and 1 / along_rows, "px/nm"),
        ("direction", scan.direction or None, ""),
        ("channel", scan.channel or None, scan.unit),
        ("angle", scan.angle, "degree"),
        ("frame_x", (scan.offset or (None, None))[0], "nm"),
        ("frame_y", (scan.offset or (None, None))[1], "nm"),
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
    return _as_text(" ".join(str(value).split()))


def _save_windows(
    path: str | Path,
    what: str,
    starts: np.ndarray,
    more: Mapping[str, Iterable[str]],
    window: int,
    density: float | None,
) -> Path:
    """Write where windows lie and more columns of text, under a head that says what they are."""
    starts = np.asarray(starts)
    if starts.ndim != 2 or starts.shape[1] != 2 or (len(starts) and starts.dtype.kind not in "iu"):
        raise ValueError(
            f"starts must be whole numbers of shape (n, 2), got {starts.dtype} of shape {starts.shape}"
        )
    axes = {"row": starts[:, 0], "col": starts[:, 1]}
    columns: dict[str, Iterable[str]] = {"number": map(str, range(len(starts)))}
    columns |= {f"{axis}_px": map(str, pixels.tolist()) for axis, pixels in axes.items()}
    for axis, pixels in axes.items():
        centres = [] if density is None else ((pixels + window / 2) / density).tolist()
        columns[f"{axis}_nm"] = [f"{centre:.6g}" for centre in centres] or [""] * len(starts)
    columns |= more
    head = [
        f"# napari-stmml: {what}",
        f"# window {window} px, pixel density {'unknown' if density is None else f'{density:.6g} px/nm'}",
        "# px: first row and column of the prepared map, from 0, row 0 at the top; nm: centre of the window",
        "# " + "\t".join(columns),
    ]
    lines = map("\t".join, zip(*columns.values(), strict=True))
    return _write(path, "\n".join([*head, *lines]) + "\n")


def _cell(value: Any) -> Any:
    """Write lists, mappings and yes or no as JSON does, text so that it stays text, numbers as they are."""
    if isinstance(value, bool | np.bool_ | list | tuple | dict):
        return json.dumps(value.item() if isinstance(value, np.bool_) else value)
    if value is None or isinstance(value, int | float | np.number):
        return None if value != value else value  # NaN is not known
    return _as_text(str(value))


def _as_text(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, and before what looks so quoted.

    >>> [_as_text(text) for text in ("=1+1", "'-x", "1_3 Z", "a=b")]
    ["'=1+1", "''-x", '1_3 Z', 'a=b']
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _write(path: str | Path, text: str) -> Path:
    with atomic(path) as beside:
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))
    return Path(path)
