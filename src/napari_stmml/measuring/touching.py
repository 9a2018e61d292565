"""Regions that may be several objects that touch: those much larger than is usual in their class."""

import numpy as np
import pandas as pd

LARGE = 2.0  # median areas, beyond which a region may be several objects
FEWEST = 5  # whole regions that a median needs


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
    """Count the regions of a class that are larger than twice its median area.

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
