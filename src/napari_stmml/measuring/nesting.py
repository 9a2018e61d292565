"""Find classes whose pieces lie inside pieces of another class: rings that clusters make of one object."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from napari_stmml.measuring.regions import number_regions

_ENCLOSED = 0.9  # of the border of a piece: then it lies inside its neighbour
_DEEPEST = 4  # rings in one another
_MOST = 0.5  # of the pieces of a class
_FEWEST = 3  # pieces that lie inside
_IN_ONE = 2.0  # pieces in one neighbour on average, at most: more lie in an area, not in a ring


@dataclass(frozen=True)
class Nested:
    """Most pieces of class ``inner`` lie inside pieces of class ``outer``: ``inside`` of ``pieces``."""

    inner: int
    outer: int
    inside: int
    pieces: int


def nested_classes(labels: np.ndarray) -> list[Nested]:
    """Find classes whose pieces mostly lie inside pieces of another class, the most pieces first.

    The commonest class is the surface: what lies inside it is an object, and no ring. Pieces that touch the
    frame's border are not asked.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        0 = none.

    Returns
    -------
    list of Nested

    Examples
    --------
    >>> rings = np.ones((9, 25), int)
    >>> for left in (1, 9, 17):
    ...     rings[1:6, left : left + 5] = 2
    ...     rings[3, left + 2] = 3
    >>> nested_classes(rings)
    [Nested(inner=3, outer=2, inside=3, pieces=3)]
    """
    numbers, owners = number_regions(labels)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if np.count_nonzero(sizes) < 3:
        return []
    around = _around(numbers, len(owners))
    outer = owners[around]
    rim = np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]])
    asked = np.ones(len(owners), bool)
    asked[rim] = asked[0] = False
    inside = asked & (outer > 0) & (outer != int(sizes.argmax()))
    found = []
    for one in np.unique(owners[inside]).tolist():
        own = inside & (owners == one)
        pieces = int((asked & (owners == one)).sum())
        for other in np.unique(outer[own]).tolist():
            mine = own & (outer == other)
            count, rings = int(mine.sum()), len(np.unique(around[mine]))
            if count >= max(_FEWEST, _MOST * pieces) and count <= _IN_ONE * rings:
                found.append(Nested(one, other, count, pieces))
    return sorted(found, key=lambda one: -one.inside)


def _around(numbers: np.ndarray, n: int) -> np.ndarray:
    """Return the region that each of n regions lies inside, (n,), 0 where there is none.

    What lies inside a region itself is no part of its outer border, so rings are found from the inside out.
    """
    pairs = []
    for one, other in ((numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])):
        apart = one != other
        left, right = one[apart].astype(np.int64), other[apart].astype(np.int64)
        pairs += [left * n + right, right * n + left]
    both, lengths = np.unique(np.concatenate(pairs), return_counts=True)
    own, near = np.divmod(both, n)
    around = np.zeros(n, np.int64)
    for _ in range(_DEEPEST):
        outer = np.where(around[near] == own, 0, lengths)
        order = np.lexsort((outer, own))  # of each region, what is assigned last stays
        main, longest = np.zeros((2, n), np.int64)
        main[own[order]], longest[own[order]] = near[order], outer[order]
        around = np.where(longest >= _ENCLOSED * np.maximum(np.bincount(own, outer, minlength=n), 1), main, 0)
    return around


def enclosing_classes(
    labels: np.ndarray, names: Mapping[int, str], background: Collection[int]
) -> dict[int, str]:
    """Return the classes whose pieces mostly lie inside pieces of another, and the name of that one.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
    names : mapping of int to str
    background : collection of int
        Labels that are the surface, all of them together; without one, it is what has no label.

    Returns
    -------
    dict of int to str

    Examples
    --------
    >>> ring = np.pad(np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]), ((1, 1), (1, 2)))
    >>> enclosing_classes(np.tile(ring, (1, 3)), {1: "rim", 2: "core"}, ())
    {2: 'rim'}
    """
    surface = [*background] or [0]
    merged = np.where(np.isin(labels, surface), min(surface), labels).astype(np.int64)
    shift = 0 if background else 1  # 0 is no class to `nested_classes`
    found: dict[int, str] = {}
    for pair in nested_classes(merged + shift):
        inner, outer = pair.inner - shift, pair.outer - shift
        if inner not in surface and outer not in surface:
            found.setdefault(inner, names.get(outer, f"class {outer}"))
    return found
