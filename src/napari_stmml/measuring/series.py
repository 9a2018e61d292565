"""One table for a series: a row for each class on each scan, with 0 where a scan shows none of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.tables import save_table
from napari_stmml.measuring.cautions import BORDER_RULE, in_pairs, inside, several
from napari_stmml.measuring.measurements import Measurements
from napari_stmml.measuring.quantities import column
from napari_stmml.measuring.region_tables import about_scan, rows_of
from napari_stmml.measuring.touching import FEWEST, touching
from napari_stmml.scan import Scan
from napari_stmml.text import counted, number, with_error

SUMMARY = "summary.csv"
Rows = list[dict[str, Any]]
Value = bool | int | float | str | None
_MOST = 1e30  # of any number that is read
OF_CLASS = (
    *("name", "background", "n", "n_area", "density", "density_error", "coverage", "count", "whole"),
    *("touching", "paired", "inside", "area_mean", "area_std", "diameter_mean", "height_mean", "height_std"),
)
_WORDS = ("name", "inside")  # of these
_FIRST = ("scan", "direction")
_LAST = (
    *("bias_V", "setpoint_nA", "date", "frame_width_nm", "frame_height_nm", "frame_x_nm", "frame_y_nm"),
    *("angle_deg", "background_classes", "model", "labels", "source"),
)
_NONE = {
    "n": 0,
    "density": 0.0,
    "coverage": 0.0,
    "count": 0,
    "whole": 0,
    "touching": 0,
    "paired": 0,
    "inside": "",
}


@dataclass(frozen=True)
class ScanSummary:
    """What the table of a series needs to know of a scan: plain values, as JSON knows them.

    Parameters
    ----------
    about : dict
        Of `about_scan`, and the path of the map as ``labels``.
    unit : str
        Of lengths: ``nm`` or ``px``.
    classes : tuple of dict
        Rows of ``Measurements.classes``, those columns that the table has.
    areas, whole : dict of str to list of float
        Areas of all regions of a class, by its name, and of those that do not touch the border; none where
        the map tells objects apart.
    """

    about: dict[str, Value]
    unit: str
    classes: tuple[dict[str, Value], ...]
    areas: dict[str, list[float]]
    whole: dict[str, list[float]]


def scan_summary(found: Measurements, scan: Scan, model: str, labels: str = "") -> ScanSummary:
    """Return what the table of a series needs to know of a scan.

    Parameters
    ----------
    found : Measurements
    scan : Scan
    model : str
        Which model made the labels.
    labels : str
        Path of the map.

    Returns
    -------
    ScanSummary
    """
    regions = found.regions
    parts = (regions, regions[~regions.touches_border]) if not found.has_objects else (regions[:0],) * 2
    areas, whole = ({name: own.tolist() for name, own in part.groupby("name").area} for part in parts)
    about = about_scan(scan, found, model) | {"labels": labels}
    return ScanSummary(about, found.unit, tuple(rows_of(found.classes[list(OF_CLASS)])), areas, whole)


def summary_rows(scans: Iterable[ScanSummary]) -> Rows:
    """Return a row for each class on each scan.

    Parameters
    ----------
    scans : iterable of ScanSummary

    Returns
    -------
    list of dict
        A class that a map of the same model shows elsewhere has a row with 0, and the error 1 / area of
        counting none. ``touching`` counts regions larger than 1.6 times the median of the class on all scans.
    """
    scans = list(scans)
    names: dict[str, dict[str, None]] = {}  # of all classes, in order, by model
    whole: dict[tuple[str, str, str], list[float]] = {}
    for one in scans:
        names.setdefault(_series(one), {}).update(dict.fromkeys(str(row["name"]) for row in one.classes))
        for name, areas in one.whole.items():
            whole.setdefault((_series(one), one.unit, name), []).extend(areas)
    medians = {of: float(np.median(areas)) for of, areas in whole.items() if len(areas) >= FEWEST}
    background: dict[str, set[str]] = {}
    for one in scans:
        own = {str(row["name"]) for row in one.classes if row["background"]}
        background.setdefault(_series(one), set()).update(own)
    of = [(one, _series(one)) for one in scans]
    return [row for one, series in of for row in _rows(one, names[series], background[series], medians)]


def write_summary(path: str | Path, scans: Iterable[ScanSummary]) -> Path:
    """Write the table of a series.

    Parameters
    ----------
    path : str or Path
    scans : iterable of ScanSummary

    Returns
    -------
    Path
    """
    rows = summary_rows(scans)
    units = [unit for unit in ("nm", "px") if any(f"density_per_{unit}2" in row for row in rows)] or ["nm"]
    columns = dict.fromkeys(column(name, unit) for unit in units for name in OF_CLASS)
    return save_table(path, rows, [*_FIRST, *columns, *_LAST])


def series_sentences(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sum a table of a series up: each class on all scans of a direction; others show the same objects.

    Parameters
    ----------
    rows : sequence of dict
        Of `summary_rows`.

    Returns
    -------
    list of str
        A line for each class and direction, then the border rule and what may be wrong.
    """
    rows = _named_by_model(rows)
    kinds: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    large: dict[str, int] = {}
    for row in rows:
        if not row["background"]:
            kinds.setdefault((row["direction"] or "", row["name"], _unit(row)), []).append(row)
        large[row["name"]] = large.get(row["name"], 0) + (row["touching"] or 0)
    said = [_sum(*kind, own) for kind, own in kinds.items()]
    if said:
        said.append(f"density: {BORDER_RULE}; the error is that of counting, √n over the area")
    return said + several(large.items()) + _in_pairs(rows) + inside(_mostly_inside(rows))


def _named_by_model(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Add the model to the names of classes, if there are several models."""
    if len({row["model"] for row in rows}) < 2:
        return rows
    return [{**row, "name": f"{row['name']} of {row['model'] or 'no model'}"} for row in rows]


def _unit(row: dict[str, Any]) -> str:
    return "nm" if "density_per_nm2" in row else "px"


def _sum(direction: str, name: str, unit: str, rows: Sequence[dict[str, Any]]) -> str:
    """Sum a class up on all scans of a direction."""
    n, area = sum(row["n"] for row in rows), sum(row[f"n_area_{unit}2"] for row in rows)
    density = with_error(n / area, max(n, 1) ** 0.5 / area) if area else "?"
    absent = sum(not row["count"] for row in rows)
    where = f"{counted(len(rows), 'scan')}{f' {direction}' if direction else ''}"
    none = f", none on {number(absent)}" if absent else ""
    return f"{name}: n = {number(n)}, {density} per {unit}² on {where}{none}"


def _mostly_inside(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the classes that lie inside another on at least half of the scans that show them."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        if row["count"]:
            seen.setdefault(row["name"], []).append(row["inside"])
    most = {name: max(dict.fromkeys(found), key=found.count) for name, found in seen.items()}
    return {name: outer for name, outer in most.items() if 2 * seen[name].count(outer) >= len(seen[name])}


def _in_pairs(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say of which classes regions lie side by side, over all scans."""
    sums: dict[str, list[float]] = {}
    for row in rows:
        unit = _unit(row)
        diameter = row[f"diameter_mean_{unit}"]
        if not row["background"] and row["count"] and diameter:
            own = sums.setdefault(row["name"], [0, 0, 0, 0, 0])
            more = (row["count"], row["paired"], row["n"], row[f"n_area_{unit}2"], row["count"] * diameter)
            sums[row["name"]] = [a + b for a, b in zip(own, more, strict=True)]
    return in_pairs(
        (name, int(count), int(near), n / area if area else 0.0, wide / count)
        for name, (count, near, n, area, wide) in sums.items()
    )


def is_summary(one: ScanSummary) -> bool:
    """Say whether what was read from a file is such as a scan can have: a folder may come from a stranger.

    Parameters
    ----------
    one : ScanSummary
    """
    if set(one.about) != {*_FIRST, *_LAST} or any(set(row) != set(OF_CLASS) for row in one.classes):
        return False
    values = [value for row in (one.about, *one.classes) for value in row.values()]
    numbers = [value for value in values if isinstance(value, int | float)]
    numbers += [value for of in (one.areas, one.whole) for some in of.values() for value in some]
    return (
        one.unit in ("nm", "px")
        and all(map(_is_class, one.classes))
        and all(abs(value) < _MOST for value in numbers)
    )


def _is_class(row: dict[str, Value]) -> bool:
    """Say whether a row of a class has words and counts where they belong, and numbers elsewhere."""
    words = [row[name] for name in _WORDS]
    counts = [row[name] for name in ("n", "count", "whole", "paired")]
    others = [value for name, value in row.items() if name not in _WORDS]
    return (
        all(isinstance(value, str) for value in words)
        and all(type(value) is int and 0 <= value < 2**31 for value in counts)
        and not any(isinstance(value, str) for value in others)
        and row["n_area"] is not None
    )


def _series(one: ScanSummary) -> str:
    return str(one.about["model"])


def _rows(
    one: ScanSummary,
    names: Iterable[str],
    background: Collection[str],
    medians: dict[tuple[str, str, str], float],
) -> Rows:
    """Return the rows of a scan, those of classes too that its map does not know."""
    own = {row["name"]: row for row in one.classes}
    area = next((row["n_area"] for row in one.classes), None)
    sure = 1 / area if isinstance(area, float) and area else None
    found = []
    for name in names:
        none = {**_NONE, "name": name, "background": name in background, "n_area": area}
        none |= {"density_error": 0.0 if name in background else sure}
        row = dict.fromkeys(OF_CLASS) | own.get(name, none)
        row["touching"] = _touching(one.areas.get(name, []), medians.get((_series(one), one.unit, name)))
        of_class = {column(key, one.unit): row[key] for key in OF_CLASS}
        about = one.about
        found.append({key: about[key] for key in _FIRST} | of_class | {key: about[key] for key in _LAST})
    return found


def _touching(areas: Sequence[float], median: float | None) -> int | None:
    return touching(areas, [median] * FEWEST if median else [])
