"""Cluster feature vectors as the seed does, and find the nearest centre; the only door to scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_stmml.recipe import Recipe


def fit_clusters(
    features_of: Callable[[np.ndarray], np.ndarray],
    numbers: np.ndarray,
    recipe: Recipe,
    *,
    seed: int,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, list[int]]:
    """Cluster windows batch by batch; memory is that of one batch.

    k-means on the first batch warms up a mini-batch k-means that then sees every batch once.

    Parameters
    ----------
    features_of : callable
        Gives the features, (n, n_features), of windows by their numbers, (n,).
    numbers : ndarray of int, shape (n_windows,)
        The windows to cluster, in the order in which they are to be seen.
    recipe : Recipe
        Its ``num_clusters``, ``cluster_batch_size``, ``n_init``, ``max_iter``, ``reassignment_ratio``.
    seed : int
    on_step : callable
        Gets the windows done and in all after every batch.

    Returns
    -------
    centres : ndarray of float32, shape (n_clusters, n_features)
        Of the largest cluster first.
    sizes : list of int
        Windows of each cluster.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    k, size = recipe.num_clusters, max(recipe.cluster_batch_size, recipe.num_clusters)
    sizes = np.zeros(k, int)
    mini: Any = None
    for start in range(0, len(numbers), size):
        batch = features_of(numbers[start : start + size])
        if mini is None:
            warm = KMeans(k, n_init=recipe.n_init, max_iter=recipe.max_iter, random_state=seed).fit(batch)
            mini = MiniBatchKMeans(
                k,
                init=warm.cluster_centers_,
                n_init=1,
                batch_size=size,
                reassignment_ratio=recipe.reassignment_ratio,
                random_state=seed,
            )
        mini.partial_fit(batch)
        sizes += np.bincount(mini.labels_, minlength=k)
        on_step(min(start + size, len(numbers)), len(numbers))
    order = np.argsort(-sizes, kind="stable")
    return mini.cluster_centers_[order].astype(np.float32), sizes[order].tolist()


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
