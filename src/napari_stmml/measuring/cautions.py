"""What a person should know of the numbers of a map: the border rule, touching objects, classes in rings."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from napari_stmml.measuring.measurements import Measurements
from napari_stmml.measuring.touching import lie_in_pairs
from napari_stmml.text import counted, number, with_error

BORDER_RULE = "regions that the bottom or right edge cuts are not counted"


def cautions(found: Measurements) -> list[str]:
    """Say what the counts of a map mean, and what may be wrong with them, a sentence each.

    Parameters
    ----------
    found : Measurements

    Returns
    -------
    list of str
        The border rule first; then classes whose regions may be several objects, or parts of one, and classes
        that lie inside another.
    """
    classes = [one for one in found.classes.itertuples() if not one.background]
    if not classes:
        return []
    said = [f"density: n on {number(float(classes[0].n_area))} {found.unit}²; {BORDER_RULE}"]
    said += several((one.name, one.touching) for one in classes)
    said += in_pairs((one.name, one.count, one.paired, one.density, one.diameter_mean) for one in classes)
    said += inside({one.name: one.inside for one in classes})
    return said


def class_sentence(one: Any, unit: str) -> str:
    """Say what a class counts in one line.

    Parameters
    ----------
    one : namedtuple
        A row of ``Measurements.classes``.
    unit : str
        Of lengths: ``nm`` or ``px``.
    """
    coverage = f"{number(100 * one.coverage, 3)} % of the area"
    if one.background:
        return f"{one.name}: background, {coverage}"
    density = f"{with_error(one.density, one.density_error)} per {unit}² (n = {one.n})"
    known = pd.notna(one.height_mean)
    height = [f"height {with_error(one.height_mean, one.height_std)} nm"] if known else []
    doubts = [f"{one.touching} may be several objects"] if one.touching else []
    doubts += [f"mostly inside {one.inside}"] if one.inside else []
    return f"{one.name}: {', '.join([counted(one.count, 'region'), density, coverage, *height, *doubts])}"


def several(classes: Iterable[tuple[str, int | None]]) -> list[str]:
    """Say of which classes regions may be several objects.

    Parameters
    ----------
    classes : iterable of (str, int)
        Name, and how many regions are larger than 1.6 times the median of the class.

    Examples
    --------
    >>> several([("vacancy", 3), ("adatom", 0)])
    ['objects that touch are one region: 3 regions of vacancy, larger than 1.6 medians, may be several']
    """
    of = ", ".join(f"{counted(n, 'region')} of {name}" for name, n in classes if n)
    return [f"objects that touch are one region: {of}, larger than 1.6 medians, may be several"] * bool(of)


def in_pairs(classes: Iterable[tuple[str, int, int, float, float]]) -> list[str]:
    """Say of which classes regions lie side by side, as parts of objects do.

    Parameters
    ----------
    classes : iterable of (str, int, int, float, float)
        Name, regions, those with a near neighbour, density and mean diameter.

    Examples
    --------
    >>> in_pairs([("lobe", 20, 19, 0.01, 0.5), ("vacancy", 20, 3, 0.01, 0.5)])
    ['19 of 20 regions of lobe are nearer to another than two diameters: perhaps parts of one object']
    """
    return [
        f"{number(near)} of {counted(n, 'region')} of {name} are nearer to another than two diameters:"
        " perhaps parts of one object"
        for name, n, near, density, diameter in classes
        if lie_in_pairs(n, near, density, diameter)
    ]


def inside(classes: dict[str, str]) -> list[str]:
    """Say which classes lie inside another.

    Parameters
    ----------
    classes : dict of str to str
        Name, and that of the class whose pieces enclose most of its pieces; empty where none does.

    Examples
    --------
    >>> inside({"core": "rim", "rim": ""})
    ['most pieces of core lie inside pieces of rim: if both are one kind of object, it is counted twice']
    """
    return [
        f"most pieces of {name} lie inside pieces of {outer}: if both are one kind of object, it is counted"
        " twice"
        for name, outer in classes.items()
        if outer
    ]
