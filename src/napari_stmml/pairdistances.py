"""Distances between regions, against what random placement on the same scan would give."""

from dataclasses import dataclass, field

import numpy as np

_TURNS = 60  # in which missing places are tried at random, before a surface counts as full


@dataclass(frozen=True, eq=False)
class PairHistogram:
    """How many pairs have each distance, and how many random placement has.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        nm.
    observed : ndarray of int, shape (n_bins,)
    random : ndarray of float, shape (n_bins,)
        Mean of the simulations.
    low, high : ndarray of float, shape (n_bins,)
        Between them lie 95 % of the simulations.
    """

    edges: np.ndarray = field(repr=False)
    observed: np.ndarray = field(repr=False)
    random: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)

    @property
    def ratio(self) -> np.ndarray:
        """Observed over random, (n_bins,): 1 is no order, NaN where random placement has no pair."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.random > 0, self.observed / self.random, np.nan)


def pair_histogram(
    places: np.ndarray,
    scanned: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    exclusion: float = 0.0,
    farthest: float | None = None,
    n_bins: int = 30,
    n_simulations: int = 99,
    seed: int = 0,
) -> PairHistogram:
    """Compare the distances of all pairs with those of as many places at random.

    Random places lie in the same scanned area and are as far apart as regions of their size must be, so no
    formula corrects for the border: it is the same for both.

    Parameters
    ----------
    places : ndarray, shape (n, 2)
        y and x in nm from the top left corner of the scan.
    scanned : ndarray of bool, shape (rows, cols)
    pixel_size : (float, float)
        nm per px along rows and columns.
    exclusion : float
        Least distance of two random places in nm, such as the mean diameter.
    farthest : float, optional
        Longest distance in nm; half the shorter side of the scan if not given.
    n_bins, n_simulations, seed : int

    Raises
    ------
    ValueError
        If there are fewer than two places.
    """
    n = len(places)
    if n < 2:
        raise ValueError(f"distances need two regions or more, got {n}")
    sides = [length * size for length, size in zip(scanned.shape, pixel_size, strict=True)]
    edges = np.linspace(0, farthest or min(sides) / 2, n_bins + 1)
    rng = np.random.default_rng(seed)
    there = np.argwhere(scanned)
    simulated = np.array(
        [
            _histogram(_scattered(n, there, np.array(pixel_size), exclusion, rng), edges)
            for _ in range(n_simulations)
        ]
    )
    low, high = np.percentile(simulated, (2.5, 97.5), axis=0)
    return PairHistogram(edges, _histogram(places, edges), simulated.mean(0), low, high)


def _histogram(places: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count the pairs of each distance."""
    from scipy.spatial import cKDTree

    tree = cKDTree(places)
    below = tree.count_neighbors(tree, np.nextafter(edges[1:], -np.inf))
    return np.asarray(np.diff(below, prepend=len(places)) // 2)  # each place is its own neighbour


def _scattered(
    n: int, there: np.ndarray, size: np.ndarray, exclusion: float, rng: np.random.Generator
) -> np.ndarray:
    """Place ``n`` points at random where it was scanned, no two nearer than the exclusion; (n, 2) nm.

    Many are tried at a time, and one that is too near an earlier one is dropped; where no place is left
    after many turns, nearer ones are taken.
    """
    from scipy.spatial import cKDTree

    found = np.empty((0, 2))
    for turn in range(_TURNS + 1):
        missing = n - len(found)
        if not missing:
            break
        tried = (there[rng.integers(len(there), size=missing)] + rng.uniform(size=(missing, 2))) * size
        if exclusion and turn < _TURNS:
            near = np.nextafter(exclusion, 0)
            free = np.ones(missing, bool)
            if len(found):
                free = ~np.isfinite(cKDTree(found).query(tried, distance_upper_bound=near)[0])
            tried = tried[free]
            taken = np.ones(len(tried), bool)
            for first, second in sorted(cKDTree(tried).query_pairs(near)) if len(tried) > 1 else ():
                taken[second] &= not taken[first]
            tried = tried[taken]
        found = np.concatenate([found, tried])
    return found
