"""Distances between regions, against what random placement on the same scan would give."""

from dataclasses import dataclass, field

import numpy as np

_TURNS = 60  # in which missing places are tried at random, before a surface counts as full
MOST_PLACES = 1000  # of a class, whose pairs are counted


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
    others: np.ndarray | None = None,
    exclusion: float = 0.0,
    farthest: float | None = None,
    n_bins: int = 30,
    n_simulations: int = 99,
    seed: int = 0,
) -> PairHistogram:
    """Compare the distances of all pairs with those of as many places at random.

    Random places lie in the same scanned area and are as far apart as regions of their size must be, so no
    formula corrects for the border: it is the same for both. Of more than a thousand places, a thousand are
    drawn, and as many of the random ones once all of these have found room: crowding makes some order.

    Parameters
    ----------
    places : ndarray, shape (n, 2)
        y and x in nm from the top left corner of the scan.
    scanned : ndarray of bool, shape (rows, cols)
    pixel_size : (float, float)
        nm per px along rows and columns.
    others : ndarray, shape (m, 2), optional
        Places of another class: pairs are then of one place of each. Without them they are of two places.
    exclusion : float
        Least distance of two random places in nm, such as the mean diameter.
    farthest : float, optional
        Longest distance in nm; half the shorter side of the scan if not given.
    n_bins, n_simulations, seed : int

    Raises
    ------
    ValueError
        If there are fewer than two places (one of each class), nothing was scanned, there is no bin or
        simulation, or a distance is none.
    """
    n, m = len(places), 0 if others is None else len(others)
    if others is not None and not (n and m):
        raise ValueError(f"distances need a region of each class, got {n} and {m}")
    if n + m < 2:
        raise ValueError(f"distances need two regions or more, got {n}")
    if not scanned.any():
        raise ValueError("nothing was scanned: there is no room for places at random")
    if min(n_bins, n_simulations) < 1:
        raise ValueError(f"bins and simulations must be 1 or more, got {n_bins} and {n_simulations}")
    if not 0 <= exclusion < np.inf:
        raise ValueError(f"the least distance must be 0 or more, got {exclusion}")
    if farthest is not None and not 0 < farthest < np.inf:
        raise ValueError(f"the longest distance must be above 0, got {farthest}")
    sides = [length * size for length, size in zip(scanned.shape, pixel_size, strict=True)]
    edges = np.linspace(0, farthest or min(sides) / 2, n_bins + 1)
    rng = np.random.default_rng(seed)
    there = np.argwhere(scanned)
    found, drawn = [], _drawn(places, rng)
    other = None if others is None else _drawn(others, rng)
    for _ in range(n_simulations):
        made = _scattered(n + m, there, np.array(pixel_size), exclusion, rng)
        rng.shuffle(made)  # the first had more room than the last
        found.append(_histogram(made[: len(drawn)], None if other is None else made[-len(other) :], edges))
    simulated = np.array(found)
    low, high = np.percentile(simulated, (2.5, 97.5), axis=0)
    return PairHistogram(edges, _histogram(drawn, other, edges), simulated.mean(0), low, high)


def _drawn(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return all places, or some of very many."""
    if len(places) <= MOST_PLACES:
        return places
    return places[rng.choice(len(places), MOST_PLACES, replace=False)]


def _histogram(places: np.ndarray, others: np.ndarray | None, edges: np.ndarray) -> np.ndarray:
    """Count the pairs of each distance: among places, or from each of them to each of the others."""
    from scipy.spatial import cKDTree

    tree = cKDTree(places)
    if others is not None:
        nearer = tree.count_neighbors(cKDTree(others), np.nextafter(edges[1:], -np.inf))
        return np.asarray(np.diff(nearer, prepend=0))
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
