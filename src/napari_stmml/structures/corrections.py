"""Corrections of types: objects that a person moved stay, and those more like them follow."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from napari_stmml.structures.sorting import Sorter

_WEIGHT = 10.0  # examples of a person count as so many others


def sort_again(
    features: np.ndarray, types: np.ndarray, sorter: Sorter, corrections: Mapping[int, int]
) -> tuple[np.ndarray, Sorter]:
    """Apply corrections, and sort the other objects of the types that they touch again.

    An object of a type that lost members goes to the type whose corrected members it is most like, or stays
    if it is more like those that stayed.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    types : ndarray of int, shape (n,)
    sorter : Sorter
    corrections : mapping of int to int
        Row to type; 0 = unlike any other, -1 = no object.

    Returns
    -------
    types : ndarray of int, shape (n,)
        -1 for what is no object.
    sorter : Sorter
    """
    rows = np.array(sorted(corrections), int)
    placed, new = sorter.place(features), types.copy()
    if len(rows):
        given = np.array([corrections[row] for row in rows])
        new[rows] = given
        free = np.setdiff1d(np.arange(len(types)), rows)
        for one in np.unique(types[rows[given != types[rows]]]):
            if one > 0:
                _divide(one, free[types[free] == one], rows[types[rows] == one], placed, new)
    known = new > 0
    weights = np.ones(len(new))
    weights[rows] = _WEIGHT
    return new, replace(sorter, examples=placed[known], types=new[known], weights=weights[known])


def _divide(
    one: int, members: np.ndarray, corrected: np.ndarray, placed: np.ndarray, new: np.ndarray
) -> None:
    """Sort the members of a type between those that stayed and those that were moved."""
    if not len(members):
        return
    targets = [kind for kind in np.unique(new[corrected]) if kind > 0]
    means = {kind: placed[corrected[new[corrected] == kind]].mean(0) for kind in targets}
    if one not in means:
        means[one] = np.median(placed[members], axis=0)
    kinds = np.array(list(means))
    distances = np.stack([np.linalg.norm(placed[members] - mean, axis=1) for mean in means.values()])
    new[members] = kinds[distances.argmin(0)]
