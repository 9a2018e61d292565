"""Tables of structures: one row an object; one row a scan and type, with its density."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_stmml.structures.detect import Detection
from napari_stmml.structures.names import UNLIKE

COLUMNS = {
    "scan": int, "row": float, "col": float, "y_nm": float, "x_nm": float, "type": int, "score": float,
    "peak_nm": float, "area_nm2": float, "angle_deg": float, "border": bool,
}  # fmt: skip


def areas_nm2(detection: Detection) -> tuple[float, float, float]:
    """Return the areas of a scan in nm2: where objects are looked for, at steps, disordered."""
    pixel = float(np.prod(detection.residual.pixel_size))
    at_step, disordered = detection.residual.at_step, detection.disordered
    return (
        float((~(at_step | disordered)).sum() * pixel),
        float(at_step.sum() * pixel),
        float((disordered & ~at_step).sum() * pixel),
    )


def densities(
    table: pd.DataFrame,
    names: Sequence[str],
    scans: Sequence[str],
    areas: Sequence[tuple[float, float, float]],
) -> pd.DataFrame:
    """Count the objects of each type on each scan; a type that a scan does not show has a row with 0.

    Parameters
    ----------
    table : DataFrame
        Of objects.
    names : sequence of str
        Of types 1, 2, ...; empty for a type that is gone. Objects unlike any other are type 0.
    scans : sequence of str
        Their names.
    areas : sequence of (float, float, float)
        For each scan, as `areas_nm2` gives them.

    Returns
    -------
    DataFrame
        Columns ``scan``, ``scan_name``, ``type``, ``type_name``, ``n``, ``density_per_nm2``,
        ``error_per_nm2`` (of counting: the square root of n, 1 where n is 0, over the area),
        ``coverage`` (share of the area), ``area_nm2`` (without steps and disordered areas), ``steps_nm2``,
        ``disordered_nm2``.
    """
    rows = []
    for number, name in enumerate(scans):
        area, steps, disordered = areas[number]
        own = table[table.scan == number]
        for kind, kind_name in enumerate((UNLIKE, *names)):
            if not kind_name:
                continue
            some = own[own.type == kind]
            n = len(some)
            per = (n / area, max(n, 1) ** 0.5 / area, some.area_nm2.sum() / area) if area else (np.nan,) * 3
            rows.append((number, name, kind, kind_name, n, *per, area, steps, disordered))
    columns = [
        *("scan", "scan_name", "type", "type_name", "n", "density_per_nm2", "error_per_nm2", "coverage"),
        *("area_nm2", "steps_nm2", "disordered_nm2"),
    ]
    return pd.DataFrame(rows, columns=columns)
