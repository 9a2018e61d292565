"""Write a scan and its classes as a file of Gwyddion, each class a mask; the only door to gwyfile."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_stmml.heights.missing import fill_nearest
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic

_UNITS = {"nm": ("m", 1e-9), "nA": ("A", 1e-9), "": ("", 1.0)}


def write_gwy(path: str | Path, scan: Scan, labels: np.ndarray, names: Mapping[int, str]) -> Path:
    """Write a scan with its labels as ``.gwy``: a channel without mask, and one more for each class.

    The mask of the first channel is what was not scanned. Lengths are in m, as Gwyddion wants them; where no
    scale is known a pixel is 1. Missing heights, which Gwyddion does not know, get the value of the nearest.

    Parameters
    ----------
    path : str or Path
    scan : Scan
    labels : ndarray of int, shape (rows, cols)
        On the scan's pixels.
    names : mapping of int to str
        What each label is called; labels that do not occur are left out.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If labels and scan differ in shape.
    """
    from gwyfile.objects import GwyContainer, GwyDataField, GwyObject, GwySIUnit

    if labels.shape != scan.heights.shape:
        raise ValueError(f"labels of {labels.shape} px do not fit a scan of {scan.heights.shape} px")
    unit, factor = _UNITS.get(scan.unit, (scan.unit, 1.0))
    tall, wide = scan.size_nm or labels.shape
    in_m = 1.0 if scan.pixel_size is None else 1e-9
    missing = ~np.isfinite(scan.heights)
    heights = fill_nearest(scan.heights.astype(float))

    def field(values: np.ndarray, of: str) -> GwyDataField:
        lateral = GwySIUnit(unitstr="" if scan.pixel_size is None else "m")
        size = {"xreal": float(wide) * in_m, "yreal": float(tall) * in_m, "si_unit_xy": lateral}
        return GwyDataField(np.ascontiguousarray(values, float), si_unit_z=GwySIUnit(unitstr=of), **size)

    found = GwyContainer()
    settings = {"bias (V)": scan.bias, "setpoint (nA)": scan.setpoint, "direction": scan.direction}
    meta = {key: str(value) for key, value in settings.items() if value not in (None, "")}
    masks = {"": missing} | {
        name: labels == label for label, name in names.items() if (labels == label).any()
    }
    for number, (name, mask) in enumerate(masks.items()):
        found[f"/{number}/data"] = field(heights * factor, unit)
        found[f"/{number}/data/title"] = f"{scan.short_name} {name}".strip()
        found[f"/{number}/meta"] = GwyObject("GwyContainer", meta)
        if mask.any():
            found[f"/{number}/mask"] = field(mask, "")
    with atomic(path) as beside:
        found.tofile(str(beside))
    return Path(path)
