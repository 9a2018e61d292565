"""Tables of structures as CSV for any program: objects, types, densities of each scan, and distances."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_stmml.io.tables import save_table
from napari_stmml.measuring.region_tables import rows_of
from napari_stmml.measuring.structure_distances import (
    BINS,
    DISTANCES,
    NEIGHBOURS,
    PairCounts,
    count_pairs,
    distance_tables,
)
from napari_stmml.scan import Scan
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.structures.tables import COLUMNS, densities

Rows = list[dict[str, Any]]
_MOST = 1e30  # of any number that is read
_ABOUT = ("scan_name", "source", "direction", "bias_V", "setpoint_nA")
_TEXTS = ("type_name", "scan_name", "source", "direction")
_OBJECTS = (
    *(name for name in COLUMNS if name != "scan"),
    *_ABOUT,
    *("type_name", "scanner_x_nm", "scanner_y_nm", "nearest_nm"),
)
_DENSITIES = (
    *("type", "type_name", "n", "density_per_nm2", "error_per_nm2", "coverage"),
    *("area_nm2", "steps_nm2", "disordered_nm2", *_ABOUT),
)
TABLES = ("objects.csv", "types.csv", "densities.csv", "neighbours.csv", "distances.csv")
_TYPES = ("type", "type_name", "n", "density_per_nm2", "error_per_nm2")


def write_structures(folder: str | Path, found: Structures) -> list[Path]:
    """Write the tables of all scans of some structures, as `write_tables` does.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    found : Structures

    Returns
    -------
    list of Path
    """
    scans = range(len(found.scans))
    counts = [row for scan in scans for row in density_rows(found, scan)]
    pairs = [one for scan in scans for one in count_pairs(found, scan)]
    return write_tables(folder, (object_rows(found, scan) for scan in scans), counts, pairs)


def write_tables(
    folder: str | Path, objects: Iterable[Rows], counts: Rows, pairs: Iterable[PairCounts]
) -> list[Path]:
    """Write ``objects.csv``, ``types.csv``, ``densities.csv``, ``neighbours.csv`` and ``distances.csv``.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    objects : iterable of list of dict
        Of each scan, as `object_rows` gives them; they are written as they come.
    counts : list of dict
        Of all scans, as `density_rows` gives them.
    pairs : iterable of PairCounts
        Of all scans.

    Returns
    -------
    list of Path
        Every row of objects and densities names file, direction and bias of its scan.
    """
    folder, types = Path(folder), type_rows(counts)
    neighbours, distances = distance_tables(pairs, {row["type"]: row["type_name"] for row in types})
    return [
        save_table(folder / "objects.csv", (row for rows in objects for row in rows), _OBJECTS),
        save_table(folder / "types.csv", types, _TYPES),
        save_table(folder / "densities.csv", counts, _DENSITIES),
        save_table(folder / "neighbours.csv", neighbours, NEIGHBOURS),
        save_table(folder / "distances.csv", distances, DISTANCES),
    ]


def object_rows(found: Structures, scan: int) -> Rows:
    """Return a row for each object of a scan.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    list of dict
        The columns of its table; name, file, direction, bias and setpoint of the scan; name of the type,
        place in coordinates of the scanner, and the distance to the nearest object of the same type.
    """
    one, own = found.scans[scan], found.table[found.table.scan == scan].drop(columns="scan")
    names = {kind.number: kind.name for kind in found.types}
    x, y = one.in_scanner(own.x_nm.to_numpy(), own.y_nm.to_numpy())
    more = {"type_name": [names.get(of, UNLIKE) for of in own.type], "scanner_x_nm": x, "scanner_y_nm": y}
    return rows_of(own.assign(**_about(one), **more, nearest_nm=_nearest(own)))


def density_rows(found: Structures, scan: int) -> Rows:
    """Return a row for each type on a scan, with 0 where the scan shows none.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    list of dict
        As `structures.tables.densities` says, with name, file, direction, bias and setpoint of the scan.
    """
    own = found.table[found.table.scan == scan].assign(scan=0)
    table = densities(own, found.names, [found.scans[scan].name], [found.areas[scan]])
    return rows_of(table.drop(columns=["scan", "scan_name"]).assign(**_about(found.scans[scan])))


def type_rows(counts: Sequence[dict[str, Any]]) -> Rows:
    """Sum the densities of scans up to a row for each type; objects unlike any other are left out.

    Parameters
    ----------
    counts : sequence of dict
        As `density_rows` gives them.

    Returns
    -------
    list of dict
        Number, name, objects, and their density on all scans together with the error of counting.
    """
    found: dict[int, dict[str, Any]] = {}
    area: dict[int, float] = {}
    for row in counts:
        if kind := row["type"]:
            own = found.setdefault(kind, {"type": kind, "type_name": row["type_name"], "n": 0})
            own["n"] += row["n"]
            area[kind] = area.get(kind, 0.0) + row["area_nm2"]
    for kind, own in found.items():
        all_ = area[kind] or np.nan
        own |= {"density_per_nm2": own["n"] / all_, "error_per_nm2": max(own["n"], 1) ** 0.5 / all_}
    return [found[kind] for kind in sorted(found)]


def are_rows(
    objects: Sequence[dict[str, Any]], counts: Sequence[dict[str, Any]], pairs: Sequence[PairCounts]
) -> bool:
    """Say whether rows that were read from a file are such as a scan can have.

    Parameters
    ----------
    objects, counts : sequence of dict
        As `object_rows` and `density_rows` give them.
    pairs : sequence of PairCounts

    Returns
    -------
    bool
    """
    known = [(row, set(_OBJECTS)) for row in objects] + [(row, set(_DENSITIES)) for row in counts]
    if not all(row.keys() == names and all(map(_is_cell, row.items())) for row, names in known):
        return False
    kinds = {row["type"] for row in counts} - {0}
    return all(_is_pair(one) and {one.first, one.second} <= kinds for one in pairs)


def _is_cell(cell: tuple[str, Any]) -> bool:
    """Say whether a value is one that its column can have: text, a whole number, or a number or nothing."""
    name, value = cell
    if name in _TEXTS:
        return isinstance(value, str)
    if name in ("type", "n"):
        return type(value) is int and 0 <= value < 2**31
    return value is None or (isinstance(value, (int, float)) and abs(value) < _MOST)


def _is_pair(one: PairCounts) -> bool:
    numbers = (one.n, one.nearest, one.squares, one.at_random, *one.observed, *one.expected)
    whole = len(one.observed) == len(one.expected) == BINS
    return one.n > 0 and whole and all(abs(number) < _MOST for number in numbers)


def _about(scan: Scan) -> dict[str, Any]:
    source = os.path.abspath(scan.source) if os.path.isfile(scan.source) else scan.source
    values = (scan.name, source, scan.short_direction, scan.bias, scan.setpoint)
    return dict(zip(_ABOUT, values, strict=True))


def _nearest(own: pd.DataFrame) -> np.ndarray:
    """Return the distance of each object to the nearest of its type in nm; NaN where there is none."""
    from scipy.spatial import KDTree

    found = np.full(len(own), np.nan)
    for kind, rows in own.groupby("type").indices.items():
        if kind and len(rows) > 1:
            places = own[["y_nm", "x_nm"]].to_numpy()[rows]
            found[rows] = KDTree(places).query(places, k=2)[0][:, 1]
    return found
