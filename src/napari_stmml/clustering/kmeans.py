"""k-means of a sample of features; silhouette and t-SNE are scikit-learn's."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from napari_stmml.system.threads import one_thread

_SETTLED = 1e-4  # times the variance of the points: the squared shift of all centres at which they stay


def means_in_one_thread() -> AbstractContextManager[Any]:
    """Return a context in which `group_by_means` runs in one thread: fast, and the same every time.

    Returns
    -------
    context manager
    """
    return one_thread()


def group_by_means(
    points: np.ndarray,
    n_groups: int,
    *,
    seed: int,
    rounds: int = 40,
    tries: int = 1,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Return the centres that k-means finds, (n_groups, d): the best of ``tries``, or from ``start``.

    It is to be called within `means_in_one_thread`.

    Parameters
    ----------
    points : ndarray, shape (n, d)
    n_groups : int
    seed : int
        The same seed gives the same centres.
    rounds : int
        Most iterations of a try.
    tries : int
    start : ndarray, shape (n_groups, d), optional
        Centres to start from, instead of those of k-means++.

    Returns
    -------
    ndarray of float32, shape (n_groups, d)
    """
    rng = np.random.default_rng(seed)
    origin = points.mean(0)
    points = np.ascontiguousarray(points - origin, np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    best, least = points[:n_groups], np.inf
    for _ in range(tries):
        first = _spread_out(points, squares, n_groups, rng) if start is None else start - origin
        centres, apart = _moved_to_means(points, squares, first.astype(np.float32), rounds)
        if apart < least:
            best, least = centres, apart
    return (best + origin).astype(np.float32)


def _spread_out(points: np.ndarray, squares: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw centres far from each other, (n, d): greedy k-means++ (Arthur, Vassilvitskii, SODA 2007, 1027)."""
    chosen = [int(rng.integers(len(points)))]
    nearest = np.full((1, len(points)), np.inf, np.float32)
    for number in range(n):
        if number:
            total = np.cumsum(nearest[0], dtype=float)
            drawn = np.searchsorted(total, rng.random(2 + int(np.log(n))) * total[-1])
            tried = np.minimum(drawn, len(points) - 1)
        else:
            tried = np.array(chosen)
        found = points[tried] @ points.T
        found *= -2
        found += squares
        found += squares[tried, None]
        np.clip(found, 0, nearest, out=found)
        one = int(found.sum(1).argmin())
        nearest = found[one : one + 1]
        chosen[number:] = [int(tried[one])]
    return points[chosen]


def _moved_to_means(
    points: np.ndarray, squares: np.ndarray, centres: np.ndarray, rounds: int
) -> tuple[np.ndarray, float]:
    """Move centres to the means of the points that are nearest to them, in turns; and their squared distance.

    A centre without a point goes to the point that is farthest from its own.
    """
    settled, turned = _SETTLED * float(points.var(0).mean()), np.ascontiguousarray(points.T)
    for _ in range(rounds):
        distances = _relative(centres, turned)
        least = distances.min(0)
        own = distances == least
        if np.count_nonzero(own) > len(points):  # as near to two
            own = np.arange(len(centres))[:, None] == distances.argmin(0)
        sizes = np.count_nonzero(own, axis=1)
        moved = (own.astype(np.float32) @ points) / np.maximum(sizes, 1)[:, None].astype(np.float32)
        if (empty := np.flatnonzero(sizes == 0)).size:
            moved[empty] = points[np.argsort(-(least + squares), kind="stable")[: len(empty)]]
        shift = float(((moved - centres) ** 2).sum())
        centres = moved
        if shift <= settled:
            break
    return centres, float(_relative(centres, turned).min(0).sum(dtype=float) + squares.sum(dtype=float))


def _relative(centres: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Return squared distances of centres, (k, d), to points, (d, n), without the points' own squares."""
    found = (-2 * centres) @ turned
    found += np.einsum("ij,ij->i", centres, centres)[:, None]
    return np.asarray(found)


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette of labelled points, (n, d) and (n,): -1 to 1."""
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, labels)) if len(np.unique(labels)) > 1 else 0.0


def t_sne(points: np.ndarray, *, seed: int) -> np.ndarray:
    """Lay points, (n, d), out in two dimensions, (n, 2), by t-SNE (van der Maaten, Hinton, JMLR 9, 2579)."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(points) - 1) / 3)
    with one_thread():  # and in one order, so that a seed gives the same picture
        return TSNE(2, perplexity=perplexity, random_state=seed).fit_transform(points)
