"""How far the centres of objects are apart, by type: nearest neighbours, and pairs against random places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.measuring.pair_distances import random_places

if TYPE_CHECKING:
    from napari_stmml.structures.structures import Structures

FARTHEST_NM, STEP_NM = 10.0, 0.25  # of the distances that are counted
_EDGES = np.arange(0, FARTHEST_NM + STEP_NM / 2, STEP_NM)
BINS = len(_EDGES) - 1
_RANDOM = 2000  # random places, whose distances are those of any two places where objects are looked for


@dataclass(frozen=True)
class PairCounts:
    """Distances from the objects of one type to those of another, or the same, on one scan.

    Parameters
    ----------
    first, second : int
        Types.
    n : int
        Objects of the first type that have a neighbour of the second.
    nearest, squares, at_random : float
        Sums over them in nm, nm2 and nm: distance to the nearest of the second type, its square, and what it
        is for random places, 1 / (2 sqrt(density)) (P. J. Clark and F. C. Evans, doi:10.2307/1931034).
    observed : tuple of int
        Pairs in bins of 0.25 nm up to 10 nm.
    expected : tuple of float
        The same for as many random places where objects are looked for.
    """

    first: int
    second: int
    n: int
    nearest: float
    squares: float
    at_random: float
    observed: tuple[int, ...]
    expected: tuple[float, ...]


def count_pairs(found: "Structures", scan: int) -> tuple[PairCounts, ...]:
    """Count the distances between the objects of each two types of a scan.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    tuple of PairCounts
        Of each two types that the scan shows; objects unlike any other are left out.
    """
    own = found.table[(found.table.scan == scan) & (found.table.type > 0)]
    places = {kind: rows[["y_nm", "x_nm"]].to_numpy() for kind, rows in own.groupby("type")}
    area = found.areas[scan][0]
    if not places or not area:
        return ()
    share = _random_share(found, scan)
    kinds = sorted(places)
    pairs = [(one, other) for one in kinds for other in kinds if one != other or len(places[one]) > 1]
    return tuple(_count(one, other, places, area, share) for one, other in pairs)


def _count(
    one: int, other: int, places: Mapping[int, np.ndarray], area: float, share: np.ndarray
) -> PairCounts:
    from scipy.spatial import KDTree

    same, here, there = one == other, places[one], places[other]
    tree = KDTree(there)
    nearest = tree.query(here, k=[2 if same else 1])[0][:, 0]
    below = KDTree(here).count_neighbors(tree, np.nextafter(_EDGES, -np.inf))
    observed = np.diff(np.concatenate([[len(here) if same else 0], below[1:]])) // (2 if same else 1)
    total = len(here) * (len(here) - 1) / 2 if same else len(here) * len(there)
    sums = (float(nearest.sum()), float((nearest**2).sum()))
    at_random = len(here) * 0.5 * (area / len(there)) ** 0.5
    expected = tuple((total * share).round(6).tolist())
    return PairCounts(one, other, len(here), *sums, at_random, tuple(observed.tolist()), expected)


def _random_share(found: "Structures", scan: int) -> np.ndarray:
    """Return which share of all pairs of random places on the searched area is in each bin."""
    from scipy.spatial import KDTree

    one = found.scans[scan]
    searched = ~(found.disordered(scan) | found.at_steps(scan)) & np.isfinite(one.heights)
    there = np.argwhere(searched)
    if not len(there):
        return np.zeros(BINS)
    pixel = np.array(one.pixel_size or (1.0, 1.0))
    tree = KDTree(random_places(_RANDOM, there, pixel, 0.0, np.random.default_rng(0)))
    below = tree.count_neighbors(tree, _EDGES)
    below[0] = _RANDOM  # each place is its own neighbour
    return np.asarray(np.diff(below) / (_RANDOM * (_RANDOM - 1)))


NEIGHBOURS = (
    *("type", "type_name", "to_type", "to_type_name", "n"),
    *("nearest_nm", "nearest_std_nm", "nearest_random_nm"),
)
DISTANCES = (
    *("type", "type_name", "to_type", "to_type_name", "from_nm", "to_nm"),
    *("observed", "random", "ratio", "ratio_error"),
)


def distance_tables(
    counted: Iterable[PairCounts], names: Mapping[int, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sum the distances of many scans up, for two tables.

    Parameters
    ----------
    counted : iterable of PairCounts
        Of any number of scans.
    names : mapping of int to str
        Of types.

    Returns
    -------
    neighbours : list of dict
        With the columns ``NEIGHBOURS``, a row for each two types: mean and standard deviation of the distance
        to the nearest object of the other type on the same scan, and its mean for random places.
    distances : list of dict
        With the columns ``DISTANCES``, a row for each two types (the lower number first) and bin: pairs,
        pairs of as many random places, their ratio (the pair correlation function), the error of counting.
    """
    sums: dict[tuple[int, int], np.ndarray] = {}
    for one in counted:
        own = np.concatenate([[one.n, one.nearest, one.squares, one.at_random], one.observed, one.expected])
        pair = (one.first, one.second)
        sums[pair] = sums.get(pair, 0) + own
    neighbours, distances = [], []
    for (first, second), own in sorted(sums.items()):
        n, mean = own[0], own[1] / own[0]
        about = {"type": first, "type_name": names[first], "to_type": second, "to_type_name": names[second]}
        spread = max(own[2] / n - mean**2, 0.0) ** 0.5
        known = {"nearest_nm": mean, "nearest_std_nm": spread, "nearest_random_nm": own[3] / n}
        neighbours.append({**about, "n": int(n), **known})
        if first <= second:
            distances += [{**about, **row} for row in _bins(*np.split(own[4:], 2))]
    return neighbours, distances


def _bins(observed: np.ndarray, expected: np.ndarray) -> list[dict[str, Any]]:
    """Return a row for each bin; nothing is known of the ratio where random places have no pair."""
    return [
        {
            "from_nm": float(start),
            "to_nm": float(end),
            "observed": int(seen),
            "random": float(at_random),
            "ratio": float(seen / at_random) if at_random else None,
            "ratio_error": float(max(seen, 1) ** 0.5 / at_random) if at_random else None,
        }
        for start, end, seen, at_random in zip(_EDGES[:-1], _EDGES[1:], observed, expected, strict=True)
    ]
