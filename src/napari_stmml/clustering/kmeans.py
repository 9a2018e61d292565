"""Cluster feature vectors as the seed does, and find the nearest centre; the only door to scikit-learn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_stmml.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Clustering:
    """What came of clustering.

    Parameters
    ----------
    centres : ndarray of float32, shape (n_clusters, n_features)
        Of the largest cluster first.
    sizes : tuple of int
        Windows of each cluster.
    windows : tuple of int
        Windows of each step.
    inertia : tuple of float
        Mean squared distance of the windows of each step to their centres.
    """

    centres: np.ndarray = field(repr=False)
    sizes: tuple[int, ...]
    windows: tuple[int, ...]
    inertia: tuple[float, ...]


def fit_clusters(
    batches: Iterable[np.ndarray],
    recipe: Recipe,
    *,
    seed: int,
    on_step: Callable[[int], None] = lambda done: None,
) -> Clustering:
    """Cluster feature vectors batch by batch; memory is that of one batch.

    k-means on the first batch warms up a mini-batch k-means that then sees every batch once.

    Parameters
    ----------
    batches : iterable of ndarray, shape (n, n_features)
        The first holds at least as many as there are clusters.
    recipe : Recipe
        Its ``num_clusters``, ``cluster_batch_size``, ``n_init``, ``max_iter``, ``reassignment_ratio``.
    seed : int
    on_step : callable
        Gets the windows done after every batch.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    k = recipe.num_clusters
    sizes = np.zeros(k, int)
    mini: Any = None
    windows, inertia = [], []
    for batch in batches:
        if mini is None:
            warm = KMeans(k, n_init=recipe.n_init, max_iter=recipe.max_iter, random_state=seed).fit(batch)
            mini = MiniBatchKMeans(
                k,
                init=warm.cluster_centers_,
                n_init=1,
                batch_size=recipe.cluster_batch_size,
                reassignment_ratio=recipe.reassignment_ratio,
                random_state=seed,
            )
        mini.partial_fit(batch)
        sizes += np.bincount(mini.labels_, minlength=k)
        windows.append(len(batch))
        inertia.append(float(mini.inertia_) / len(batch))
        on_step(sum(windows))
    if mini is None:
        raise ValueError("there is nothing to cluster")
    order = np.argsort(-sizes, kind="stable")
    centres = mini.cluster_centers_[order].astype(np.float32)
    return Clustering(centres, tuple(sizes[order].tolist()), tuple(windows), tuple(inertia))


def nearest_centres(features: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the centre nearest to each feature vector, and how sure that is.

    Parameters
    ----------
    features : ndarray, shape (n, n_features)
    centres : ndarray, shape (n_clusters, n_features)
        At least two.

    Returns
    -------
    nearest : ndarray of int, shape (n,)
    sure : ndarray of float, shape (n,)
        ``1 - nearest / next`` of the squared distances: 0 half-way between two centres, 1 on one.

    Examples
    --------
    >>> nearest, sure = nearest_centres(np.array([[0.0], [2.0]]), np.array([[0.0], [4.0]]))
    >>> nearest.tolist(), sure.tolist()
    ([0, 0], [1.0, 0.0])
    """
    from sklearn.metrics.pairwise import euclidean_distances

    distances = euclidean_distances(features, centres, squared=True)
    first, second = np.partition(distances, 1, axis=1)[:, :2].T
    return distances.argmin(axis=1), 1 - first / np.maximum(second, 1e-30)


def group_by_means(
    points: np.ndarray,
    n_groups: int,
    *,
    seed: int,
    rounds: int = 40,
    tries: int = 1,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Return the centres that k-means finds, (n_groups, d): the best of ``tries``, or from ``start``."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    first = "k-means++" if start is None else start
    means = KMeans(n_groups, init=first, n_init=tries, max_iter=rounds, random_state=seed)
    with threadpool_limits(1):  # more of them wait for each other: ten times longer on a busy machine
        return means.fit(points).cluster_centers_.astype(np.float32)


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette of labelled points, (n, d) and (n,): -1 to 1."""
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, labels)) if len(np.unique(labels)) > 1 else 0.0


def t_sne(points: np.ndarray, *, seed: int) -> np.ndarray:
    """Lay points, (n, d), out in two dimensions, (n, 2), by t-SNE (van der Maaten, Hinton, JMLR 9, 2579)."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(points) - 1) / 3)
    with threadpool_limits(1):  # as above; and in one order, so that a seed gives the same picture
        return TSNE(2, perplexity=perplexity, random_state=seed).fit_transform(points)
