"""Write scans and their classes as a file of Gwyddion, each class a mask; the only door to gwyfile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.heights.missing import fill_nearest
from napari_stmml.io.gwyddion.meta import ANGLE
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic

MADE_BY = "/made by napari-stmml"  # the first name in the file
CLASS = "Class"  # of a channel whose mask is a class: label and name
UNSCANNED = "Mask"  # of a channel whose mask is what was not scanned
_UNITS = {"nm": ("m", 1e-9), "nA": ("A", 1e-9), "": ("", 1.0)}


@dataclass(frozen=True, eq=False)
class Labelled:
    """A scan to write, with its labels and what each is called; labels that do not occur are left out."""

    scan: Scan
    labels: np.ndarray | None = None
    names: Mapping[int, str] = field(default_factory=dict)


def write_gwy(path: str | Path, scan: Scan, labels: np.ndarray, names: Mapping[int, str]) -> Path:
    """Write a scan with its labels as ``.gwy``: a channel without mask, and one more for each class.

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

    See Also
    --------
    write_scans_gwy : several scans in one file.
    """
    return write_scans_gwy(path, [Labelled(scan, labels, names)])


def write_scans_gwy(path: str | Path, maps: Sequence[Labelled]) -> Path:
    """Write scans, and labels where they have any, as channels of one ``.gwy``.

    The mask of a scan's first channel is what was not scanned. Lengths are in m, as Gwyddion wants them;
    where no scale is known a pixel is 1. Missing heights, which Gwyddion does not know, get the value of the
    nearest.

    Parameters
    ----------
    path : str or Path
    maps : sequence of Labelled

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If labels and scan differ in shape.
    """
    from gwyfile.objects import GwyContainer

    found = GwyContainer()
    _put(found, MADE_BY, "yes")
    number = 0
    for one in maps:
        for name, mask, about in _masks(one):
            at = f"/{number}"
            found[f"{at}/data"] = _field(one.scan, _heights(one.scan), _UNITS.get(one.scan.unit))
            _put(found, f"{at}/data/title", f"{one.scan.short_name} {name}".strip())
            found[f"{at}/meta"] = meta = GwyContainer()
            for key, text in (_settings(one.scan) | about).items():
                _put(meta, key, text)
            if mask.any():
                found[f"{at}/mask"] = _field(one.scan, mask, ("", 1.0))
            number += 1
    with atomic(path) as beside:
        found.tofile(str(beside))
    return Path(path)


def _masks(one: Labelled) -> list[tuple[str, np.ndarray, dict[str, str]]]:
    """Return a name, a mask and texts for each channel of a scan: itself, and its classes."""
    missing = ~np.isfinite(one.scan.heights)
    masks = [("", missing, {UNSCANNED: "not scanned"} if missing.any() else {})]
    if one.labels is None:
        return masks
    if one.labels.shape != missing.shape:
        raise ValueError(f"labels of {one.labels.shape} px do not fit a scan of {missing.shape} px")
    for label, name in one.names.items():
        if (mask := one.labels == label).any():
            masks.append((name, mask, {CLASS: f"{label} {name}"}))
    return masks


def _heights(scan: Scan) -> np.ndarray:
    heights: np.ndarray = fill_nearest(scan.heights.astype(float))
    return heights


def _field(scan: Scan, values: np.ndarray, unit: tuple[str, float] | None) -> Any:
    """Make the data field of values on a scan's pixels."""
    from gwyfile.objects import GwyDataField, GwySIUnit

    name, factor = unit or (scan.unit, 1.0)
    tall, wide = scan.size_nm or values.shape
    in_m = 1.0 if scan.pixel_size is None else 1e-9
    place = {}
    if scan.offset is not None and scan.pixel_size is not None:
        place = {"xoff": (scan.offset[0] - wide / 2) * in_m, "yoff": (scan.offset[1] - tall / 2) * in_m}
    return GwyDataField(
        np.ascontiguousarray(values, float) * factor,
        xreal=float(wide) * in_m,
        yreal=float(tall) * in_m,
        si_unit_xy=GwySIUnit(unitstr="" if scan.pixel_size is None else "m"),
        si_unit_z=GwySIUnit(unitstr=name),
        **place,
    )


def _settings(scan: Scan) -> dict[str, str]:
    """Return what is known of a scan, as texts."""
    known = {
        "Bias": None if scan.bias is None else f"{scan.bias!r} V",
        "Setpoint": None if scan.setpoint is None else f"{scan.setpoint!r} nA",
        "Direction": scan.direction or None,
        ANGLE: None if scan.angle is None else f"{scan.angle!r} deg",
        "Date": None if scan.taken is None else scan.taken.isoformat(),
        "History": ", ".join(scan.history) or None,
    }
    return {key: text for key, text in known.items() if text is not None}


def _put(container: Any, name: str, text: str) -> None:
    """Put a text into a container; gwyfile takes one of a single letter for a letter."""
    container[name] = text
    container.typecodes[name] = "s"
