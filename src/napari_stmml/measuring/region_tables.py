"""Measurements of a label map as files for any program: tables as CSV, class averages as TIFF."""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import pandas as pd

from napari_stmml.io.label_tiff import write_values
from napari_stmml.io.tables import save_table
from napari_stmml.measuring.class_details import ClassDetails, class_details
from napari_stmml.measuring.measurements import Measurements
from napari_stmml.measuring.quantities import with_units
from napari_stmml.scan import Scan
from napari_stmml.system.files import free_name

_LONGEST = 60  # bytes of a class's name in that of a file


def write_measurements(
    folder: str | Path,
    stem: str,
    measurements: Measurements,
    scan: Scan,
    *,
    model: str = "",
    details: Sequence[ClassDetails] | None = None,
) -> list[Path]:
    """Write ``STEM_regions.csv``, ``STEM_classes.csv``, and files of each class of structures.

    A class with a region has ``STEM_profile_NAME.csv`` and ``STEM_average_NAME.tif``; one with two or more
    has ``STEM_pairs_NAME.csv`` too. What is not known is left blank. Each table says what was measured, as
    `about_scan` does, so that tables of many scans can be joined.

    Parameters
    ----------
    folder : str or Path
    stem : str
        How the names of all files begin.
    measurements : Measurements
    scan : Scan
    model : str
        Which model made the labels.
    details : sequence of ClassDetails, optional
        If they are computed already.

    Returns
    -------
    list of Path
    """
    if details is None:
        details = class_details(measurements)
    folder, unit, taken = Path(folder), measurements.unit, set[str]()
    about, regions = about_scan(scan, measurements, model), regions_of(measurements, scan)
    written = [
        write_table(folder / f"{stem}_regions.csv", regions, unit, about),
        write_table(folder / f"{stem}_classes.csv", measurements.classes, unit, about),
    ]
    for one in details:
        name, of_class = file_name(one.name, taken), {"name": one.name, **about}
        if one.pairs is not None:
            written.append(write_table(folder / f"{stem}_pairs_{name}.csv", one.pairs, unit, of_class))
        written.append(write_table(folder / f"{stem}_profile_{name}.csv", one.profile, unit, of_class))
        path = folder / f"{stem}_average_{name}.tif"
        written.append(write_values(path, one.average, scan.pixel_size))
    return written


def regions_of(measurements: Measurements, scan: Scan) -> pd.DataFrame:
    """Return the table of regions with their place in coordinates of the scanner.

    Parameters
    ----------
    measurements : Measurements
    scan : Scan

    Returns
    -------
    DataFrame
        As ``measurements.regions``, with ``scanner_x`` and ``scanner_y`` in nm, NaN where they are not known.
    """
    x, y = scan.in_scanner(measurements.regions.x, measurements.regions.y)
    return measurements.regions.assign(scanner_x=x, scanner_y=y)


def write_table(path: Path, table: pd.DataFrame, unit: str, about: Mapping[str, Any]) -> Path:
    """Write a table as CSV, its columns named with their units; blank is not known.

    Parameters
    ----------
    path : Path
    table : DataFrame
    unit : str
        Of lengths, ``nm`` or ``px``.
    about : mapping of str to Any
        More columns, the same in all rows.

    Returns
    -------
    Path
    """
    table = with_units(table, unit)
    return save_table(path, [{**row, **about} for row in rows_of(table)], [*table, *about])


def about_scan(scan: Scan, measurements: Measurements, model: str) -> dict[str, Any]:
    """Say which scan was measured and how, for each row of its tables.

    Parameters
    ----------
    scan : Scan
    measurements : Measurements
    model : str
        Which model made the labels.

    Returns
    -------
    dict of str to Any
        Columns: name, path and direction of the scan; bias, setpoint and date; centre of the frame in
        coordinates of the scanner, angle and size; names of the classes that are background, and the model.
    """
    (height, width), (x, y) = scan.size_nm or (None, None), scan.offset or (None, None)
    classes = measurements.classes
    return {
        "scan": scan.name,
        "source": os.path.abspath(scan.source) if os.path.isfile(scan.source) else scan.source,
        "direction": scan.short_direction,
        "bias_V": scan.bias,
        "setpoint_nA": scan.setpoint,
        "date": date_of(scan),
        "frame_x_nm": x,
        "frame_y_nm": y,
        "angle_deg": scan.angle,
        "frame_width_nm": width,
        "frame_height_nm": height,
        "background_classes": ", ".join(classes.name[classes.background]),
        "model": model,
    }


def date_of(scan: Scan) -> str | None:
    """Return when a scan was finished, in UTC, as spreadsheets read it; None where that is not known.

    Parameters
    ----------
    scan : Scan
    """
    taken = scan.taken
    if taken is None:
        return None
    return f"{taken.astimezone(UTC) if taken.tzinfo else taken:%Y-%m-%d %H:%M:%S}"


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain Python values; NaN, which JSON does not have, becomes None.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    list of dict
        One for each row: name of the column to value.

    Examples
    --------
    >>> rows_of(pd.DataFrame({"a": [1, 2], "b": [0.5, float("nan")]}))
    [{'a': 1, 'b': 0.5}, {'a': 2, 'b': None}]
    """
    return table.astype(object).where(table.notna(), None).to_dict("records")


def file_name(name: str, taken: set[str]) -> str:
    """Turn the name of a class into a part of a file name that is not in ``taken``, and add it there.

    Parameters
    ----------
    name : str
    taken : set of str
        Names in small letters; the new one is added.

    Returns
    -------
    str
        Letters, digits, ``_``, ``+`` and ``-``; at most 60 bytes and perhaps a number.

    Examples
    --------
    >>> taken = set()
    >>> file_name("C/D defect (row)", taken), file_name("c:d defect row", taken)
    ('C_D_defect_row', 'c_d_defect_row_2')
    """
    plain = re.sub(r"[^\w+-]+", "_", name).strip("_") or "class"
    plain = plain.encode()[:_LONGEST].decode("utf-8", "ignore")
    free = free_name(plain, lambda one: one.lower() in taken)  # some disks ignore capital letters
    taken.add(free.lower())
    return free
