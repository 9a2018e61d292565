"""Measurements of a label map as files for any program: tables as CSV, class averages as TIFF."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.label_tiff import write_values
from napari_stmml.io.tables import save_table
from napari_stmml.measuring.class_details import ClassDetails, class_details
from napari_stmml.measuring.pair_distances import PairHistogram
from napari_stmml.measuring.regions import Measurements
from napari_stmml.scan import Scan

_LONGEST = 60  # bytes of a class's name in that of a file


def write_measurements(
    folder: str | Path,
    stem: str,
    measurements: Measurements,
    heights: np.ndarray,
    scan: Scan,
    *,
    model: str = "",
    details: Sequence[ClassDetails] | None = None,
) -> list[Path]:
    """Write ``STEM_regions.csv``, ``STEM_classes.csv``, and files of each class of structures.

    These are ``STEM_profile_NAME.csv`` and ``STEM_average_NAME.tif`` of classes with a region,
    ``STEM_pairs_NAME.csv`` of those with two or more. What is not known is left blank.

    Parameters
    ----------
    folder : str or Path
    stem : str
        How the names of all files begin.
    measurements : Measurements
    heights : ndarray, shape (rows, cols)
        Those that were measured: flattened, in nm.
    scan : Scan
    model : str
        Which model made the labels.
    details : sequence of ClassDetails, optional
        Where they are known already.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        If the scan is no map of heights, but of currents, say.
    """
    check_heights(scan)
    if details is None:
        details = class_details(measurements, heights, scan.pixel_size)
    folder, unit, taken = Path(folder), measurements.unit, set[str]()
    columns = measurements.class_columns() | _about(scan, model, len(measurements.classes))
    written = [
        _write(folder / f"{stem}_regions.csv", measurements.region_columns()),
        _write(folder / f"{stem}_classes.csv", columns),
    ]
    for one in details:
        name = file_name(one.name, taken)
        if one.pairs is not None:
            written.append(write_pairs(folder / f"{stem}_pairs_{name}.csv", one.pairs, unit))
        written.append(_write(folder / f"{stem}_profile_{name}.csv", _profile_columns(one, unit)))
        path = folder / f"{stem}_average_{name}.tif"
        written.append(write_values(path, one.average.mean, scan.pixel_size))
    return written


def check_heights(scan: Scan) -> None:
    """Refuse what has no heights in nm, such as a map of currents; an unknown unit is taken for nm.

    Raises
    ------
    ValueError
        Naming the channel and its unit.
    """
    if scan.unit not in ("", "nm"):
        raise ValueError(f"channel {scan.channel} is in {scan.unit}: there are no heights in nm to measure")


def file_name(name: str, taken: set[str]) -> str:
    """Make the name of a class fit for the name of a file, and unlike those ``taken``, which it joins.

    >>> taken = set()
    >>> file_name("C/D defect (row)", taken), file_name("c:d defect row", taken)
    ('C_D_defect_row', 'c_d_defect_row_2')
    """
    plain = re.sub(r"[^\w+-]+", "_", name).strip("_") or "class"
    plain = plain.encode()[:_LONGEST].decode("utf-8", "ignore")
    number, free = 1, plain
    while free.lower() in taken:  # some disks do not tell capital letters from small ones
        number += 1
        free = f"{plain}_{number}"
    taken.add(free.lower())
    return free


def _about(scan: Scan, model: str, n: int) -> dict[str, list[Any]]:
    """Return the columns that say what was measured, the same in all ``n`` rows."""
    height, width = scan.size_nm or (None, None)
    about = {
        "scan": scan.name,
        "bias_V": scan.bias,
        "setpoint_nA": scan.setpoint,
        "width_nm": width,
        "height_nm": height,
        "model": model,
    }
    return {name: [value] * n for name, value in about.items()}


def write_pairs(path: Path, pairs: PairHistogram, unit: str) -> Path:
    """Write pair distances as CSV; ``unit`` is that of distances, nm or px."""
    columns = {
        f"from_{unit}": pairs.edges[:-1].tolist(),
        f"to_{unit}": pairs.edges[1:].tolist(),
        "observed": pairs.observed.tolist(),
        "random": pairs.random.tolist(),
        "low": pairs.low.tolist(),
        "high": pairs.high.tolist(),
        "ratio": pairs.ratio.tolist(),
    }
    return _write(path, columns)


def _profile_columns(one: ClassDetails, unit: str) -> dict[str, list[Any]]:
    profile = one.profile
    return {
        f"radius_{unit}": profile.distance.tolist(),
        "height_nm": profile.mean.tolist(),
        "std_nm": profile.std.tolist(),
        "n": profile.n.tolist(),
    }


def rows_of(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Turn columns into rows, None for NaN, which neither JSON nor a table has.

    >>> rows_of({"a": [1, 2], "b": [0.5, float("nan")]})
    [{'a': 1, 'b': 0.5}, {'a': 2, 'b': None}]
    """
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(_known, row), strict=True)) for row in rows]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _write(path: Path, columns: Mapping[str, list[Any]]) -> Path:
    return save_table(path, rows_of(columns), list(columns))
