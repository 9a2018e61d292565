"""Cluster the features of windows as SRSML24 does: k-means on the first batch, then mini-batch k-means."""

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
