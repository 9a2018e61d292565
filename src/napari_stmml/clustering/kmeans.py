"""k-means, silhouette and t-SNE of a sample of features: the door to scikit-learn."""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import numpy as np

from napari_stmml.system.threads import one_thread


def means_in_one_thread() -> AbstractContextManager[Any]:
    """Return a context in which `group_by_means` runs in one thread: fast, and the same every time.

    Returns
    -------
    context manager
    """
    import_module("sklearn.cluster")  # threads of a library that is not loaded yet cannot be limited
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
    from sklearn.cluster import KMeans

    first = "k-means++" if start is None else start
    means = KMeans(n_groups, init=first, n_init=tries, max_iter=rounds, random_state=seed)
    return means.fit(points).cluster_centers_.astype(np.float32)


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
