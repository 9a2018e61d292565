"""k-means, silhouette and t-SNE of a sample of features: the door to scikit-learn."""

import numpy as np


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
