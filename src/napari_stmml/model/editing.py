"""Change which classes a model tells apart, by features of cells: split one, or carve one out of a selection.

What needs no features is an edit of the classes alone:
``replace(classifier, classes=classifier.classes.merged([3], into=1))``.
"""

from dataclasses import replace

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.clustering.centres import Prototypes, nearest_centre
from napari_stmml.clustering.kmeans import group_by_means, means_in_one_thread
from napari_stmml.model.classifier import SurfaceClassifier

MOST_CENTRES = 4  # of a class that is carved out
_CELLS_A_CENTRE = 8  # of the selection, at least
_FITTED = 20_000  # cells that groups are fitted to


def split(
    classifier: SurfaceClassifier, label: int, n: int, features: np.ndarray, *, seed: int = 0
) -> SurfaceClassifier:
    """Find ``n`` groups within a class, each a class of its own.

    The class keeps its label for the largest group; the others are new ones, named after it. Groups are
    found by k-means where clusters are compared. What a person painted as the class stays of that class.

    Parameters
    ----------
    classifier : SurfaceClassifier
    label : int
        Of a class that is there.
    n : int
        2 or more.
    features : ndarray of float32, shape (m, n_features)
        Of cells of any class; those that are of this one are used.
    seed : int
        The same seed gives the same groups.

    Raises
    ------
    ValueError
        If there is no such class, or it has too few of the cells.
    """
    classes = classifier.classes
    if label not in classes.order:
        raise ValueError(f"there is no class {label} to split")
    if n < 2:
        raise ValueError(f"a class is split into 2 or more, got {n}")
    own = _drawn(features[classifier.classify(features)[0] == label], seed)
    points = classifier.clusters.project(own)
    name = classes.entries[label - 1].name
    if _distinct(points, n) < n:
        raise ValueError(f"{name} has {len(own)} cells here, too few to split it into {n}")
    with means_in_one_thread():
        centres = group_by_means(points, n, seed=seed, tries=3)
    group = nearest_centre(points, centres)
    sizes = np.bincount(group, minlength=n)
    order = np.argsort(-sizes, kind="stable")
    labels = [label]
    for _ in range(n - 1):
        classes, new = classes.added(classes.free_name(name))
        labels.append(new)
    parted = np.flatnonzero(classifier.classes.shown == label).tolist()
    clusters = classifier.clusters.with_clusters(centres[order], np.arange(n), parted=parted)
    return _changed(classifier, clusters, classes, parted, labels, sizes[order].tolist())


def carve(
    classifier: SurfaceClassifier, features: np.ndarray, name: str | None = None, *, seed: int = 0
) -> tuple[SurfaceClassifier, int]:
    """Make a class of a selection of cells, and of what is like them.

    Parameters
    ----------
    classifier : SurfaceClassifier
    features : ndarray of float32, shape (m, n_features)
        Of the selection.
    name : str, optional
        ``class N`` if not given.
    seed : int

    Returns
    -------
    classifier : SurfaceClassifier
        With one cluster more, of up to four centres.
    label : int
        Of the new class.

    Raises
    ------
    ValueError
        If nothing is selected.
    """
    if not len(features):
        raise ValueError("select some cells to make a class of")
    points = classifier.clusters.project(_drawn(features, seed))
    n = min(MOST_CENTRES, max(1, len(points) // _CELLS_A_CENTRE))
    with means_in_one_thread():
        centres = group_by_means(points, _distinct(points, n), seed=seed, tries=3)
    classes, label = classifier.classes.added(name)
    clusters = classifier.clusters.with_clusters(centres, np.zeros(len(centres), int))
    return _changed(classifier, clusters, classes, [], [label], [0]), label


def _changed(
    classifier: SurfaceClassifier,
    clusters: Prototypes,
    classes: Classes,
    parted: list[int],
    labels: list[int],
    sizes: list[int],
) -> SurfaceClassifier:
    """Return a model with new clusters, of these labels and sizes, behind those that were not parted.

    The new ones share the cells of the parted; of their exemplars nothing is known.
    """
    kept = [one for one in range(classifier.n_clusters) if one not in parted]
    training, exemplars = classifier.training, classifier.exemplars
    known = training.get("cluster_sizes")
    if known is not None:
        left = sum(known[one] for one in parted)
        ends = np.rint(np.cumsum([0, *sizes]) * left / max(sum(sizes), 1)).astype(int)
        shared = [*(known[one] for one in kept), *np.diff(ends).tolist()]
        training = training | {"cluster_sizes": shared}
    if exemplars is not None:
        blank = np.full((len(labels), *exemplars.shape[1:]), np.nan, exemplars.dtype)
        exemplars = np.concatenate([exemplars[kept], blank])
    of_cluster = [*(classes.of_cluster[one] for one in kept), *labels]
    return replace(
        classifier,
        clusters=clusters,
        classes=classes.with_clusters(of_cluster),
        training=training,
        exemplars=exemplars,
    )


def _drawn(features: np.ndarray, seed: int) -> np.ndarray:
    """Draw as many cells as are fitted, always the same."""
    if len(features) <= _FITTED:
        return features
    return features[np.random.default_rng(seed).choice(len(features), _FITTED, replace=False)]


def _distinct(points: np.ndarray, most: int) -> int:
    """Count points that differ, (n, d), up to ``most``: k-means finds no more groups than these.

    A product of matrices gives equal rows another last digit.
    """
    return min(most, len(np.unique(points.round(4), axis=0)))
