"""Group features in seconds: a balanced sample, a space in which clusters are round, how many there are."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_stmml.clustering.centres import Prototypes, nearest_centre
from napari_stmml.clustering.kmeans import group_by_means, means_in_one_thread, silhouette

_COMPONENTS = 14  # principal components that are kept
_WHITEN = 0.5  # of these at first: 0 keeps their variances, 1 makes all of them 1
_FINE = 64  # groups of a first, rough look, by which the sample is balanced
_BALANCE = 0.5  # a group of n samples counts as n ** (1 - balance)
_RARE = 20  # samples, below which a group counts no more
_DRAWN = 12_000  # samples that clusters are made from
_FIRST = 4000  # of them, among which clusters are looked for first, several times
_ROUNDS = 5  # in which the space is scaled by the spread within clusters
_SHRINK = 0.05  # of that spread, taken as the same in all directions
_EXAMPLES = 100  # samples of each cluster that are kept
_FAR = 0.999  # of the samples are nearer to a centre than what is unlike anything
TRIED = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)  # numbers of clusters to propose from
_SCORED = 3000  # samples that a number of clusters is scored on


def fit_prototypes(samples: np.ndarray, n_clusters: int, *, seed: int) -> Prototypes:
    """Fit clusters to samples so that rare ones get their own too.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, n_features)
        More than there are clusters.
    n_clusters : int
    seed : int
        The same seed gives the same clusters.

    Returns
    -------
    Prototypes
        One for each cluster, that of the most samples first; what is farther from all of them than
        99.9 % of the samples is unlike anything. Some samples of each are kept as examples.

    Raises
    ------
    ValueError
        If there are fewer than 2 clusters, or fewer samples than clusters.
    """
    if n_clusters < 2:
        raise ValueError(f"n_clusters must be 2 or more, got {n_clusters}")
    if len(samples) < n_clusters:
        raise ValueError(f"{n_clusters} clusters need as many samples, got {len(samples)}")
    with means_in_one_thread():
        mean, matrix, points = _space(samples, n_clusters, seed)
        centres = group_by_means(points, n_clusters, seed=seed, tries=3)
        fitted = Prototypes(centres, np.arange(n_clusters), mean, matrix)
        nearest = fitted.assign(samples)[0]
        limit = float(np.quantile(fitted.nearest(samples), _FAR))
    sizes = np.bincount(nearest, minlength=n_clusters)
    kept, counts = examples_of(nearest, sizes, seed)
    fitted = replace(fitted, limit=limit, examples=samples[kept].astype(np.float16), counts=counts)
    return fitted.reordered(np.argsort(-sizes, kind="stable").tolist())


def examples_of(nearest: np.ndarray, sizes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw some samples of each cluster.

    Parameters
    ----------
    nearest : ndarray of int, shape (n,)
        Cluster of each sample, from 0.
    sizes : ndarray of int, shape (n_clusters,)
    seed : int

    Returns
    -------
    which : ndarray of int, shape (m,)
    counts : ndarray of float32, shape (m,)
        How many of all samples each stands for.
    """
    drawn = np.random.default_rng((seed, 3)).permutation(len(nearest))
    order = drawn[np.argsort(nearest[drawn], kind="stable")]
    within = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[nearest[order]]
    kept = order[within < _EXAMPLES]
    counts = (sizes / np.maximum(np.minimum(sizes, _EXAMPLES), 1))[nearest[kept]]
    return kept, counts.astype(np.float32)


@dataclass(frozen=True)
class Proposal:
    """How many clusters to take: scores of several numbers, the one proposed, and why in a sentence."""

    n_clusters: int
    curve: tuple[tuple[int, float], ...]
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it.

        Returns
        -------
        dict of str to object
            ``clusters``, their number; ``curve``, a list of [k, score to 4 decimals]; and ``sentence``.
        """
        curve = [[k, round(score, 4)] for k, score in self.curve]
        return {"clusters": self.n_clusters, "curve": curve, "sentence": self.sentence}


def propose(samples: np.ndarray, *, seed: int) -> Proposal:
    """Propose how many clusters to take.

    Each number is scored by the mean silhouette (P. J. Rousseeuw, doi:10.1016/0377-0427(87)90125-7) of a
    sample in which rare structures count more than their share. The proposal is the largest number whose
    score is within 5 % of the best: clusters can be merged by hand, and what was never apart cannot be split.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, n_features)
    seed : int
    """
    curve = []
    with means_in_one_thread():
        _, _, points = _space(samples, max(TRIED) // 2, seed)
        some = points[:_SCORED]
        for k in TRIED:
            if k < len(some):
                centres = group_by_means(points, k, seed=seed)
                labels = nearest_centre(some, centres)
                curve.append((k, silhouette(some, labels)))
    best = max(score for _, score in curve)
    near = [k for k, score in curve if score >= 0.95 * best]
    k = max(near)
    sentence = (
        f"{k} clusters: silhouette {dict(curve)[k]:.2f}, the best of {curve[0][0]} to {curve[-1][0]} is"
        f" {best:.2f}; more are less clearly apart"
    )
    return Proposal(k, tuple(curve), sentence)


def _space(samples: np.ndarray, n_clusters: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and matrix of the space to cluster in, and a balanced sample of points in it."""
    mean, matrix = _components(samples)
    points = _balanced((samples - mean) @ matrix, seed)
    turned = _within(points, n_clusters, seed)
    return mean, matrix @ turned, points @ turned


def _components(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardise, turn to principal components and make their variances more equal."""
    mean, spread = samples.mean(0, dtype=float), samples.std(0, dtype=float)
    scale = 1 / np.maximum(spread, 1e-6)
    variances, axes = np.linalg.eigh(np.cov(samples.T, dtype=float) * scale[:, None] * scale)
    kept = np.argsort(-variances)[:_COMPONENTS]
    kept = kept[variances[kept] > 1e-6 * variances.sum()]
    matrix = scale[:, None] * axes[:, kept] * variances[kept] ** (-_WHITEN / 2)
    return mean.astype(np.float32), matrix.astype(np.float32)


def _balanced(points: np.ndarray, seed: int) -> np.ndarray:
    """Draw points again, those of large groups less often than they occur."""
    rng = np.random.default_rng(seed)
    some = points[rng.choice(len(points), min(len(points), _DRAWN // 2), replace=False)]
    centres = group_by_means(some, min(_FINE, len(some)), seed=seed, rounds=4)
    groups = nearest_centre(points, centres)
    weights = (np.maximum(np.bincount(groups), _RARE) ** -_BALANCE)[groups]
    return points[rng.choice(len(points), _DRAWN, p=weights / weights.sum())]


def _within(points: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Find the space in which clusters are as wide in all directions, (d, d), in turns with the clusters.

    A Gaussian mixture with one covariance for all does the same; here every point has one cluster.
    """
    matrix = np.eye(points.shape[1], dtype=np.float32)
    some = points[: max(_FIRST, 20 * n_clusters)]
    centres = group_by_means(some, n_clusters, seed=seed, rounds=20, tries=5)
    for _ in range(_ROUNDS):
        nearest = nearest_centre(points, centres)
        off = points - centres[nearest]
        spread = (off.T @ off) / len(off)
        even = max(np.trace(spread) / len(spread), 1e-12)
        variances, axes = np.linalg.eigh((1 - _SHRINK) * spread + _SHRINK * even * np.eye(len(spread)))
        turned = (axes * variances**-0.5).astype(np.float32)
        points, matrix = points @ turned, matrix @ turned
        centres = group_by_means(points, n_clusters, seed=seed, rounds=10, start=centres @ turned)
    return matrix
