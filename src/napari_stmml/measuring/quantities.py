"""The columns of tables of measurements: what each means, its unit, and how it is headed."""

from dataclasses import dataclass

import pandas as pd

_LENGTH, _AREA, _DENSITY = "{}", "{}2", "per_{}2"  # of nm, or px where the scale is not known
_PRINTED = {"nm2": "nm²", "px2": "px²", "per_nm2": "nm⁻²", "per_px2": "px⁻²", "deg": "°"}


@dataclass(frozen=True)
class Quantity:
    """What a column holds, and its unit: empty for none, ``{}`` stands for nm or px."""

    help: str
    unit: str = ""


QUANTITIES = {
    "label": Quantity("number of the class in the label map"),
    "name": Quantity("class"),
    "number": Quantity("of the region, from 1 on, from the top of the map down"),
    "row": Quantity("centroid, in pixels from the top", "px"),
    "col": Quantity("centroid, in pixels from the left", "px"),
    "x": Quantity("centroid, from the left edge of the scan", _LENGTH),
    "y": Quantity("centroid, from the top edge of the scan", _LENGTH),
    "scanner_x": Quantity("centroid, in coordinates of the scanner", "nm"),
    "scanner_y": Quantity("centroid, in coordinates of the scanner", "nm"),
    "area": Quantity("of all its pixels", _AREA),
    "area_ratio": Quantity("area over the median area of whole regions of the class"),
    "diameter": Quantity("of the disc of the same area", _LENGTH),
    "major": Quantity("longer axis of the ellipse with the same second moments", _LENGTH),
    "minor": Quantity("shorter axis of the ellipse with the same second moments", _LENGTH),
    "orientation": Quantity("direction of the longer axis, anticlockwise from x", "deg"),
    "height": Quantity("apparent height: median inside minus median of the surface around", "nm"),
    "lowest": Quantity("lowest pixel, above the surface around", "nm"),
    "highest": Quantity("highest pixel, above the surface around", "nm"),
    "nearest": Quantity("distance to the nearest region of the same class", _LENGTH),
    "touches_border": Quantity("it reaches the border of what was scanned: a part may be missing"),
    "confidence": Quantity("mean confidence of the model, 0 to 1"),
    "background": Quantity("whether the class is background: it has an area, but no regions"),
    "count": Quantity("regions of the class"),
    "whole": Quantity("regions that do not touch the border"),
    "n": Quantity("regions that the density counts: not those that the bottom or right edge cuts"),
    "n_area": Quantity("area that n is counted on: without the last pixel of each row and column", _AREA),
    "density": Quantity("n per area; regions cut by the bottom or right edge are not counted", _DENSITY),
    "density_error": Quantity("of counting: square root of n, at least 1, per area", _DENSITY),
    "touching": Quantity("regions larger than 1.6 times the median of the class: may be several objects"),
    "paired": Quantity("regions nearer to another of the class than two diameters: parts of one object?"),
    "inside": Quantity("class whose pieces most pieces of this class lie inside: perhaps one kind of object"),
    "coverage": Quantity("part of the scanned area, 0 to 1"),
    "area_mean": Quantity("mean over whole regions", _AREA),
    "area_std": Quantity("standard deviation over whole regions", _AREA),
    "diameter_mean": Quantity("mean over whole regions", _LENGTH),
    "diameter_std": Quantity("standard deviation over whole regions", _LENGTH),
    "height_mean": Quantity("mean apparent height of whole regions", "nm"),
    "height_std": Quantity("standard deviation of the apparent height of whole regions", "nm"),
    "nearest_random": Quantity("mean distance to the nearest of random places of this density", _LENGTH),
    "radius": Quantity("distance from the centre", _LENGTH),
    "profile": Quantity("mean height at this distance, above the surface at the outer end", "nm"),
    "std": Quantity("standard deviation of the height", "nm"),
    "from": Quantity("shortest distance of a bin", _LENGTH),
    "to": Quantity("longest distance of a bin", _LENGTH),
}


def with_units(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Name each column of a table with its unit, as files have it.

    Parameters
    ----------
    table : DataFrame
    unit : str
        ``nm``, or ``px`` where the scale is not known.

    Examples
    --------
    >>> list(with_units(pd.DataFrame(columns=["row", "area", "density", "n"]), "nm"))
    ['row_px', 'area_nm2', 'density_per_nm2', 'n']
    """
    return table.rename(columns=lambda name: column(name, unit))


def column(name: str, unit: str) -> str:
    """Return the name of a column with its unit.

    Parameters
    ----------
    name : str
    unit : str
        Of lengths: ``nm`` or ``px``.
    """
    return "_".join(filter(None, (name, _unit(name, unit))))


def heading(name: str, unit: str) -> str:
    r"""Write the name of a column and its unit for people, on two lines.

    Parameters
    ----------
    name : str
        One of ``QUANTITIES``; any other has no unit.
    unit : str
        Of lengths: ``nm``, or ``px`` where the scale is not known.

    Returns
    -------
    str
        One line where there is no unit.

    Examples
    --------
    >>> heading("area_mean", "nm"), heading("density", "px"), heading("touches_border", "nm")
    ('area mean\n(nm²)', 'density\n(px⁻²)', 'touches border')
    """
    own = _unit(name, unit)
    return name.replace("_", " ") + (f"\n({_PRINTED.get(own, own)})" if own else "")


def _unit(name: str, unit: str) -> str:
    return QUANTITIES[name].unit.format(unit) if name in QUANTITIES else ""
