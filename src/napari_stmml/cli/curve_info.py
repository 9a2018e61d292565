"""What ``stmml info`` says of a file of curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stmml.text import number

if TYPE_CHECKING:
    from napari_stmml.io.curves import Curve
    from napari_stmml.io.nanonis_grid import Grid


def describe_curves(curves: "Sequence[Curve]") -> dict[str, Any]:
    """Describe the curves of one file for programs.

    Parameters
    ----------
    curves : sequence of Curve
        At least one, as `read_curves` returns them.

    Returns
    -------
    dict
        ``file``, ``quantities`` (name, unit, points), ``x`` (name, unit, range), ``place`` in nm, ``taken``.
    """
    first = curves[0]
    ends = [float(first.x.min()), float(first.x.max())]
    return {
        "file": first.source,
        "x": {"name": first.x_name, "unit": first.x_unit, "range": ends},
        "quantities": [{"name": one.name, "unit": one.y_unit, "points": len(one.x)} for one in curves],
        "place": None if first.place is None else list(first.place),
        "taken": None if first.taken is None else first.taken.isoformat(),
    }


def describe_grid(grids: "Sequence[Grid]") -> dict[str, Any]:
    """Describe the channels of one grid, as `describe_curves` does; ``grid`` is its places, down and across.

    Parameters
    ----------
    grids : sequence of Grid
        At least one, as `read_grid` returns them.

    Returns
    -------
    dict
        ``place`` is the middle of its frame.
    """
    first = grids[0]
    points, *places = first.values.shape
    frame = first.frame
    return {
        "file": frame.source,
        "x": {"name": first.sweep_name, "unit": first.sweep_unit, "range": list(first.sweep)},
        "quantities": [
            {"name": one.frame.channel, "unit": one.frame.unit, "points": points} for one in grids
        ],
        "place": None if frame.offset is None else list(frame.offset),
        "taken": None if frame.taken is None else frame.taken.isoformat(),
        "grid": places,
    }


def curve_line(curve: dict[str, Any]) -> str:
    """Say in one line what `describe_curves` returned.

    Parameters
    ----------
    curve : dict

    Returns
    -------
    str
    """
    x, place = curve["x"], curve["place"]
    measured = ", ".join(f"{one['name']} ({one['unit'] or '?'})" for one in curve["quantities"])
    low, high = x["range"]
    where = "place ?" if place is None else f"at {', '.join(number(float(at), 6) for at in place)} nm"
    when = f", {curve['taken'][:16].replace('T', ' ')} UTC" if curve["taken"] else ""
    points = max(one["points"] for one in curve["quantities"])
    span = f"{x['name']} {number(float(low))} to {number(float(high))} {x['unit']}".rstrip()
    kind = "a grid of {} x {} curves".format(*curve["grid"]) if "grid" in curve else "curves"
    return f"{Path(curve['file']).name}: {kind} of {measured}; {points} points, {span}, {where}{when}"
