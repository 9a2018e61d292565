"""Tables of structures as CSV for any program: objects, types, and densities of each scan."""

import os
from pathlib import Path
from typing import Any

import pandas as pd

from napari_stmml.io.tables import save_table
from napari_stmml.measuring.region_tables import rows_of
from napari_stmml.scan import Scan
from napari_stmml.structures.structures import Structures


def write_structures(folder: str | Path, found: Structures) -> list[Path]:
    """Write ``objects.csv``, ``types.csv`` and ``densities.csv``.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    found : Structures

    Returns
    -------
    list of Path
        Every row names file, direction and bias of its scan; objects also have x and y of the scanner.
    """
    folder = Path(folder)
    about = pd.DataFrame([_about(scan) for scan in found.scans])
    table = found.table
    names = pd.Series(["unlike any other", *found.names])
    objects = table.join(about, on="scan").drop(columns="scan").assign(type_name=names[table.type].to_numpy())
    objects[["scanner_x_nm", "scanner_y_nm"]] = _in_scanner(found)
    types = pd.DataFrame(
        [(one.number, one.name, one.count, one.density_per_nm2, one.error_per_nm2) for one in found.types],
        columns=["type", "type_name", "n", "density_per_nm2", "error_per_nm2"],
    )
    densities = found.densities.drop(columns="scan_name").join(about, on="scan").drop(columns="scan")
    tables = {"objects": objects, "types": types, "densities": densities}
    return [save_table(folder / f"{name}.csv", rows_of(one), list(one)) for name, one in tables.items()]


def _about(scan: Scan) -> dict[str, Any]:
    source = os.path.abspath(scan.source) if os.path.isfile(scan.source) else scan.source
    return {
        "scan_name": scan.name,
        "source": source,
        "direction": scan.short_direction,
        "bias_V": scan.bias,
        "setpoint_nA": scan.setpoint,
    }


def _in_scanner(found: Structures) -> pd.DataFrame:
    places = pd.DataFrame(index=found.table.index, columns=["x", "y"], dtype=float)
    for number, rows in found.table.groupby("scan"):
        x, y = found.scans[number].in_scanner(rows.x_nm.to_numpy(), rows.y_nm.to_numpy())
        places.loc[rows.index, "x"], places.loc[rows.index, "y"] = x, y
    return places
