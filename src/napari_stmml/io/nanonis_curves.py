"""Read curves of Nanonis, ``.dat``: a header of names and values, then a table of numbers."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from napari_stmml.io.curves import Curve, in_plain_units
from napari_stmml.io.file_errors import one_sentence
from napari_stmml.scan import ScanFileError
from napari_stmml.system.regular_file import check_file, read_bytes

MOST_BYTES = 64 << 20
MOST_COLUMNS = 4096
_BEGINNING = b"Experiment\t"
_TABLE = re.compile(rb"^\[DATA\][ \t]*\r?\n", re.MULTILINE)
_COLUMN = re.compile(
    r"(?P<name>[^\[(]*[^\[(\s])\s*(?P<before>\[.*?\])?\s*\((?P<unit>[^()]*)\)\s*(?P<after>.*)"
)


def is_nanonis_curve(path: Path) -> bool:
    """Say whether a file begins as a curve of Nanonis; its name must end in ``.dat``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False too where it cannot be read.
    """
    if not path.name.lower().endswith(".dat"):
        return False
    try:
        check_file(path)
        with path.open("rb") as file:
            return file.read(len(_BEGINNING)) == _BEGINNING
    except (OSError, ValueError):
        return False


def read_nanonis_curves(path: str | Path) -> list[Curve]:
    """Read one Nanonis file of spectroscopy as curves, one for each column but the first, which is x.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Curve
        Lengths in nm, currents in nA.

    Raises
    ------
    ScanFileError
        If the file is not of Nanonis, too large, cut short or damaged.
    """
    path = Path(path)
    with one_sentence(path.name):
        content = read_bytes(path, MOST_BYTES)
        if not content.startswith(_BEGINNING):
            raise ScanFileError(f"Not a curve of Nanonis: {path.name} begins with {content[:12]!r}.")
        table = _TABLE.search(content)
        if table is None:
            raise ScanFileError(f"Cut short: {path.name} has no table of numbers; copy it again.")
        header = _header(content[: table.start()].decode("latin-1"))
        first, *lines = content[table.end() :].decode("latin-1").rstrip().splitlines()
        names = [name.strip() for name in first.split("\t") if name.strip()]
        values = _numbers(path, lines, len(names))
        place = _place(header)
        x, x_name, x_unit, _ = _column(names[0], values[:, 0])
        found = []
        for name, column in zip(names[1:], values.T[1:], strict=True):
            y, y_name, y_unit, sweep = _column(name, column)
            about = (x_name, y_name, x_unit, y_unit, sweep, place, _taken(header), str(path))
            found.append(Curve(x, y, *about))
        return found


def _header(text: str) -> dict[str, str]:
    pairs = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {pair[0].strip(): pair[1].strip() for pair in pairs}


def _numbers(path: Path, lines: list[str], columns: int) -> np.ndarray:
    """Read the table of numbers, (points, columns)."""
    if not 2 <= columns <= MOST_COLUMNS or not lines:
        raise ScanFileError(
            f"Damaged: {path.name} has {len(lines)} rows of {columns} columns; copy it again."
        )
    values = np.empty((len(lines), columns))
    for row, line in enumerate(lines):
        words = line.strip().split("\t")
        if len(words) != columns:
            raise ScanFileError(
                f"Cut short: row {row + 1} of {path.name} has {len(words)} of {columns} numbers; copy it"
                " again."
            )
        values[row] = [float(word) for word in words]
    return values


def _column(name: str, values: np.ndarray) -> tuple[np.ndarray, str, str, str]:
    """Return values, name, unit and sweep of a column such as ``Current [bwd] (A) [filt]``."""
    match = _COLUMN.fullmatch(name)
    if match is None:
        return values, name, "", ""
    plain, unit = in_plain_units(values, match["unit"])
    sweep = " ".join(part.strip("[] ") for part in (match["before"], match["after"]) if part)
    return plain, match["name"], unit, sweep


def _place(header: dict[str, str]) -> tuple[float, float] | None:
    try:
        x, y = (float(header[name]) * 1e9 for name in ("X (m)", "Y (m)"))
    except (KeyError, ValueError):
        return None
    return (x, y) if np.isfinite([x, y]).all() else None


def _taken(header: dict[str, str]) -> datetime | None:
    """Return when it was saved. The file names no time zone: its clock is taken as UTC."""
    try:
        return datetime.strptime(header.get("Saved Date", ""), "%d.%m.%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
