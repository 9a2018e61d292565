"""Regions that may not be one object each: several that touch, or parts of one that lie side by side."""

import numpy as np
import pandas as pd

LARGE = 1.6  # median areas, beyond which a region may be several objects: outlines that touch share pixels
FEWEST = 5  # whole regions that a median needs
NEAR = 2.0  # median diameters from centre to centre, within which regions may be parts of one object


def median_areas(whole: pd.DataFrame) -> dict[str, float]:
    """Return the median area of each class.

    Parameters
    ----------
    whole : DataFrame
        Columns ``name`` and ``area``, of regions that do not touch the border.

    Returns
    -------
    dict of str to float
        In the unit of the areas; without classes that have fewer than five regions.
    """
    return {name: float(own.median()) for name, own in whole.groupby("name").area if len(own) >= FEWEST}


def touching(areas: np.ndarray | pd.Series, whole: np.ndarray | pd.Series) -> int | None:
    """Count the regions of a class that are larger than 1.6 times its median area.

    Parameters
    ----------
    areas, whole : sequence of float
        Areas of all regions, and of those that do not touch the border, whose median is taken.

    Returns
    -------
    int or None
        None where fewer than five whole regions leave the usual area unknown, though there are regions.

    Examples
    --------
    >>> touching([1, 1, 1, 1, 1, 2.5], [1, 1, 1, 1, 1]), touching([3], [3]), touching([], [])
    (1, None, 0)
    """
    if len(whole) < FEWEST:
        return None if len(areas) else 0
    return int((np.asarray(areas) > LARGE * np.median(whole)).sum())


def paired(nearest: np.ndarray | pd.Series, diameters: np.ndarray | pd.Series) -> int:
    """Count the regions of a class whose nearest neighbour is nearer than two of its diameters.

    Parameters
    ----------
    nearest, diameters : sequence of float
        Distance of each region to the nearest of its class, NaN where it is the only one; diameters.

    Returns
    -------
    int

    Examples
    --------
    >>> paired([1.5, 1.5, 6.0], [1.0, 1.0, 1.0]), paired([np.nan], [1.0]), paired([], [])
    (2, 0, 0)
    """
    return int((np.asarray(nearest) < NEAR * np.median(diameters)).sum()) if len(diameters) else 0


def lie_in_pairs(count: int, near: int, density: float, diameter: float | None) -> bool:
    """Say whether so many regions have a near neighbour that they are probably parts of objects.

    Parameters
    ----------
    count, near : int
        Regions, and what `paired` says of them.
    density, diameter : float
        Regions per area; their mean diameter, which may be unknown.

    Returns
    -------
    bool
        More than half of them, and more than twice as many as at random places, 1 - exp(-density pi r^2).
    """
    if count < FEWEST or diameter is None or not diameter > 0:
        return False
    at_random = 1 - np.exp(-density * np.pi * (NEAR * diameter) ** 2)
    return near / count > max(0.5, 2 * at_random)
