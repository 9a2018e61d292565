"""Curves that were measured at one place, I(V), I(t), Z(V): values, their mean, their slope, and a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from napari_stmml.io.tables import save_table

_IN_NANO = {"m": ("nm", 1e9), "A": ("nA", 1e9)}
_SHORT = {"Volt": "V", "Meter": "m", "Ampere": "A", "Second": "s", "Hertz": "Hz", "--": "", "---": ""}


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve: what was measured while something else was changed, at one place.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        What was changed, and what was measured; kept as read-only copies.
    x_name, y_name : str
        What they are.
    x_unit, y_unit : str
        Their units: lengths in ``nm``, currents in ``nA``; empty where the file gives none.
    direction : str
        Which sweep: ``trace`` or ``retrace``, or what the file adds to the name; may be empty.
    place : (float, float) or None
        Where, x and y of the scanner in nm; None where the file does not say.
    taken : datetime or None
        When it was finished, UTC; of a file without a time zone, the time that it names.
    source : str
        Path of its file.

    Raises
    ------
    ValueError
        If x and y are not filled vectors of one length.

    Examples
    --------
    >>> Curve([0, 1], [0, 2], "bias", "I(V)", "V", "nA", direction="trace").name
    'I(V) trace'
    """

    x: np.ndarray
    y: np.ndarray
    x_name: str
    y_name: str
    x_unit: str = ""
    y_unit: str = ""
    direction: str = ""
    place: tuple[float, float] | None = None
    taken: datetime | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            values = np.array(getattr(self, name), dtype=float)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.x.ndim != 1 or self.x.shape != self.y.shape or not self.x.size:
            raise ValueError(
                f"x and y must be filled vectors of one length, got {self.x.shape}, {self.y.shape}"
            )

    @property
    def name(self) -> str:
        """What was measured, and in which sweep."""
        return f"{self.y_name} {self.direction}".strip()

    @property
    def axis_labels(self) -> tuple[str, str]:
        """Names with units, of x and of y."""
        pairs = ((self.x_name, self.x_unit), (self.y_name, self.y_unit))
        x, y = (f"{name} ({unit})" if unit else name for name, unit in pairs)
        return x, y


def in_plain_units(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Return values of a file in the units that people use: nm for m, nA for A, else as they are.

    >>> in_plain_units(np.array([2e-9]), "Meter")
    (array([2.]), 'nm')
    """
    unit = _SHORT.get(unit, unit)
    plain, factor = _IN_NANO.get(unit, (unit, 1.0))
    return np.asarray(values, dtype=float) * factor, plain


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Average curves of one quantity, point by point.

    Parameters
    ----------
    curves : sequence of Curve
        At least one. Where their x differ, they are interpolated linearly at those of the first; a curve
        counts only where it was measured.

    Returns
    -------
    Curve
        Without a place and a file, unless there is only one.

    Raises
    ------
    ValueError
        If there is none, or names or units differ.
    """
    if not curves:
        raise ValueError("no curve to average: choose one at least")
    first = curves[0]
    for one in curves:
        if (one.axis_labels, one.y_name) != (first.axis_labels, first.y_name):
            raise ValueError(
                f"{first.axis_labels[1]} over {first.axis_labels[0]} and {one.axis_labels[1]} over"
                f" {one.axis_labels[0]} have no mean: choose curves of one quantity"
            )
    if len(curves) == 1:
        return first
    at = np.array([_at(one, first.x) for one in curves])
    known = np.isfinite(at)
    n = known.sum(axis=0)
    mean = np.where(n > 0, np.where(known, at, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
    direction = first.direction if len({one.direction for one in curves}) == 1 else ""
    return replace(first, y=mean, direction=direction, place=None, taken=None, source="")


def slope(curve: Curve) -> Curve:
    """Return dy/dx of a curve, such as dI/dV: second-order differences of neighbours, `numpy.gradient`.

    Nothing is smoothed: noise of neighbours is in the slope.

    Parameters
    ----------
    curve : Curve

    Returns
    -------
    Curve
        Of the same x; its unit is that of y by that of x.

    Raises
    ------
    ValueError
        If it has fewer than two points, or x does not rise or fall all the way.

    Examples
    --------
    >>> slope(Curve([0, 1, 2], [0, 3, 6], "bias", "I", "V", "nA")).y
    array([3., 3., 3.])
    """
    steps = np.diff(curve.x)
    if not steps.size or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"{curve.name} has no slope: its {curve.x_name} must rise or fall all the way")
    unit = f"{curve.y_unit}/{curve.x_unit}" if curve.y_unit and curve.x_unit else ""
    return replace(curve, y=np.gradient(curve.y, curve.x), y_name=f"slope of {curve.y_name}", y_unit=unit)


def save_curves(path: str | Path, curves: Sequence[Curve]) -> Path:
    """Write curves as CSV, one line a point.

    Parameters
    ----------
    path : str or Path
    curves : sequence of Curve
        Below each other.

    Returns
    -------
    Path
    """
    rows = (
        {
            "curve": number,
            "file": Path(one.source).name,
            "scanner_x_nm": None if one.place is None else one.place[0],
            "scanner_y_nm": None if one.place is None else one.place[1],
            "quantity": one.name,
            "x_name": one.x_name,
            "x": x,
            "x_unit": one.x_unit,
            "y": y,
            "y_unit": one.y_unit,
        }
        for number, one in enumerate(curves, start=1)
        for x, y in zip(one.x.tolist(), one.y.tolist(), strict=True)
    )
    names = [
        "curve",
        "file",
        "scanner_x_nm",
        "scanner_y_nm",
        "quantity",
        "x_name",
        "x",
        "x_unit",
        "y",
        "y_unit",
    ]
    return save_table(path, rows, names)


def _at(curve: Curve, x: np.ndarray) -> np.ndarray:
    """Return the values of a curve at other x; NaN where it was not measured."""
    if np.array_equal(curve.x, x):
        return curve.y
    order = np.argsort(curve.x, kind="stable")
    return np.interp(x, curve.x[order], curve.y[order], left=np.nan, right=np.nan)
