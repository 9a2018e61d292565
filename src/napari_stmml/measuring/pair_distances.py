"""Distances between regions, compared with what random placement on the same scan would give."""

import numpy as np
import pandas as pd

MOST_PLACES = 1000  # of a class, whose pairs are counted
_TURNS = 60  # in which missing points are tried at random, before a surface counts as full


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
) -> pd.DataFrame:
    """Compare the distances of all pairs of regions with those of as many random places.

    Random places lie in the same scanned area and keep the distance that regions of their size must keep, so
    no formula corrects for the border: it is the same for both. Of more than 1000 regions 1000 are drawn,
    and as many of the random places once all of these are placed: crowding makes some order.

    Parameters
    ----------
    places : ndarray, shape (n, 2)
        y and x in nm from the top left corner of the scan.
    scanned : ndarray of bool, shape (rows, cols)
    pixel_size : (float, float)
        nm per px along rows and columns.
    others : ndarray, shape (m, 2), optional
        Places of another class: then pairs are of one place of each class.
    exclusion : float
        Least distance of two random places in nm, such as the mean diameter.
    farthest : float, optional
        Longest distance in nm; half the shorter side of the scan if not given.
    n_bins, n_simulations, seed : int

    Returns
    -------
    DataFrame
        One row a bin of distances ``from`` ... ``to`` in nm: ``observed`` pairs; ``random``, mean of the
        simulations, and ``low`` and ``high``, between which 95 % of them lie; ``ratio``, observed / random: 1
        is no order, NaN where random placement has no pair.

    Raises
    ------
    ValueError
        If there are fewer than two places (one of each class), nothing was scanned, there is no bin or
        simulation, or a distance is impossible.
    """
    n, m = len(places), 0 if others is None else len(others)
    if others is not None and not (n and m):
        raise ValueError(f"distances need a region of each class, got {n} and {m}")
    if n + m < 2:
        raise ValueError(f"distances need two regions or more, got {n}")
    _check(scanned, exclusion, farthest, n_bins, n_simulations)
    sides = [length * size for length, size in zip(scanned.shape, pixel_size, strict=True)]
    edges = np.linspace(0, farthest or min(sides) / 2, n_bins + 1)
    rng = np.random.default_rng(seed)
    there = np.argwhere(scanned)
    drawn = _drawn(places, rng)
    other = None if others is None else _drawn(others, rng)
    simulated = []
    for _ in range(n_simulations):
        made = random_places(n + m, there, np.array(pixel_size), exclusion, rng)
        rng.shuffle(made)  # the first had more room than the last
        simulated.append(_count(made[: len(drawn)], None if other is None else made[-len(other) :], edges))
    low, high = np.percentile(simulated, (2.5, 97.5), axis=0)
    table = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "observed": _count(drawn, other, edges)})
    table["random"], table["low"], table["high"] = np.mean(simulated, 0), low, high
    table["ratio"] = table.observed / table.random.where(table.random > 0)
    return table


def _check(
    scanned: np.ndarray, exclusion: float, farthest: float | None, n_bins: int, n_simulations: int
) -> None:
    if not scanned.any():
        raise ValueError("nothing was scanned: there is no room for random places")
    if min(n_bins, n_simulations) < 1:
        raise ValueError(f"bins and simulations must be 1 or more, got {n_bins} and {n_simulations}")
    if not 0 <= exclusion < np.inf:
        raise ValueError(f"the least distance must be 0 or more, got {exclusion}")
    if farthest is not None and not 0 < farthest < np.inf:
        raise ValueError(f"the longest distance must be above 0, got {farthest}")


def _drawn(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return all places, or a thousand of more."""
    if len(places) <= MOST_PLACES:
        return places
    return places[rng.choice(len(places), MOST_PLACES, replace=False)]


def _count(places: np.ndarray, others: np.ndarray | None, edges: np.ndarray) -> np.ndarray:
    """Count the pairs of each distance: among places, or from each of them to each of the others."""
    from scipy.spatial import cKDTree

    tree = cKDTree(places)
    if others is not None:
        nearer = tree.count_neighbors(cKDTree(others), np.nextafter(edges[1:], -np.inf))
        return np.asarray(np.diff(nearer, prepend=0))
    below = tree.count_neighbors(tree, np.nextafter(edges[1:], -np.inf))
    return np.asarray(np.diff(below, prepend=len(places)) // 2)  # each place is its own neighbour


def random_places(
    n: int, there: np.ndarray, pixel_size: np.ndarray, exclusion: float, rng: np.random.Generator
) -> np.ndarray:
    """Place points at random on scanned pixels, no two nearer than the exclusion.

    Many are tried at a time, and one that is too near an earlier one is dropped; where no place is left after
    many turns, nearer ones are taken.

    Parameters
    ----------
    n : int
    there : ndarray of int, shape (n_pixels, 2)
        Row and column of the scanned pixels.
    pixel_size : ndarray, shape (2,)
        nm per px along rows and columns.
    exclusion : float
        nm.
    rng : Generator

    Returns
    -------
    ndarray, shape (n, 2)
        y and x in nm.
    """
    from scipy.spatial import cKDTree

    found = np.empty((0, 2))
    for turn in range(_TURNS + 1):
        missing = n - len(found)
        if not missing:
            break
        tried = (there[rng.integers(len(there), size=missing)] + rng.uniform(size=(missing, 2))) * pixel_size
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
