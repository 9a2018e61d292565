"""Only the classes that a person painted or named: every cell is one of them, whatever clusters there were.

Where the features of a cell are those of its whole object, an object is of the class whose painted objects it
is most like. Other cells are of the class that a logistic regression on how near each cluster is finds
likeliest: a stroke claims the clusters that it lies in, unless other strokes disagree. Classes that were
painted on objects alone do not come into question there, nor the other way round.
"""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.model.logistic import regression, softmax

_MOST = 400  # painted cells of a class that the regression learns from
_PENALTY, _STEPS = 1.0, 60
_RARE = 0.3  # of the cells of a class: fewer on objects, or beside them, are the edge of a stroke
_UNLIKE = 3.0  # times the usual distance of painted objects to the next of their class: unlike all
_LIKE = 0.5  # but not nearer than this, which is less than types differ by
_LEAST_SHARE = 0.01  # of any class in the data, so that a rare one is not given up
_AT_ONCE = 65_536
_FADES, _FLOOR = 0.25, 1e-3  # units of squared distance in which a cluster fades, and its least likelihood
_POINT = 0.1  # weight of where a cell lies within its cluster
_COMMON = 0.3  # power of the shares of classes in the data that their likelihoods are multiplied by
_UNLIKELY = 0.02  # no class is less likely on a cell, so that its surroundings can speak against it
_TOLD_APART = 3.0  # times as likely on its own cells as on those of classes without objects
Fitted = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class PaintedClasses:
    """What was learnt; make it with `fit`.

    Parameters
    ----------
    labels : ndarray of int, shape (k,)
        Ascending.
    start : int or None
        Where the features of objects begin in a feature vector, the last of which says whether there is an
        object, and the one before which whether there is a step; None where there are none.
    objects, of_objects : ndarray of float32, shape (m, d), and of int, shape (m,)
        Painted objects, and index into ``labels``.
    limit : float
        Distance beyond which an object is unlike all painted ones.
    clusters : Prototypes
        Of the model.
    mean, scale : ndarray, shape (s,)
        Of what the regression sees of cells.
    weights : ndarray, shape (s + 1, j)
        Of the regression.
    of_weights : ndarray of int, shape (j,)
        Index into ``labels``.
    """

    labels: np.ndarray
    start: int | None
    objects: np.ndarray = field(repr=False)
    of_objects: np.ndarray = field(repr=False)
    limit: float
    clusters: Prototypes = field(repr=False)
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    of_weights: np.ndarray

    @classmethod
    def fit(
        cls, features: np.ndarray, labels: np.ndarray, start: int | None, clusters: Prototypes
    ) -> "PaintedClasses":
        """Learn from painted cells; their order does not matter.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)
            One or more.
        labels : ndarray of int, shape (n,)
            From 1.
        start : int or None
            Where the features of objects begin.
        clusters : Prototypes
            Of the same features.

        Returns
        -------
        PaintedClasses
        """
        known, target = np.unique(labels, return_inverse=True)
        on_object = features[:, -1] == 1 if start is not None else np.zeros(len(features), bool)
        counts = np.bincount(target)
        share = np.bincount(target, on_object) / counts
        weights = 1 / counts[target]
        objects, of_objects = _objects(features, target, weights, on_object & (share[target] >= _RARE), start)
        beside = ~on_object & (1 - share[target] >= _RARE)
        if not beside.any() and not len(objects):
            beside = ~on_object
        fitted = _regression(features[beside], target[beside], start, clusters)
        edges = _edges(features[beside], target[beside], share >= _RARE, clusters, fitted)
        if len(edges):
            beside &= ~np.isin(target, edges)
            fitted = _regression(features[beside], target[beside], start, clusters)
        return cls(known, start, objects, of_objects, _limit(objects, of_objects), clusters, *fitted)

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return label, confidence and next label of each feature vector, (n, n_features), by itself.

        Confidence is how much likelier, or nearer, the label is than the next. An object that is unlike all
        that were painted has label 0, and a confidence below 0.
        """
        return self.alone(features)[:3]

    def alone(
        self, features: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `assign` does, and more, for the surroundings of a cell to be asked.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)

        Returns
        -------
        label, confidence, next label : ndarray, shape (n,)
        part : ndarray of uint8, shape (n,)
            0 for cells on objects; those that the regression decides are 1 on terraces and 2 on steps.
        odds : ndarray of float16, shape (n, j)
            Logarithm of how likely each class of the regression is on these; 0 on others.
        """
        first, second = np.zeros((2, len(features)), int)
        sure = np.zeros(len(features), np.float32)
        beside = np.zeros(len(features), bool)
        odds = np.zeros((len(features), len(self.of_weights)), np.float16)
        for begin in range(0, len(features), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            likely, far, beside[some] = self._likely(features[some])
            first[some], sure[some], second[some] = _ranked(likely, far)
            decided = likely[beside[some]][:, self.of_weights]
            odds[some][beside[some]] = np.log(np.maximum(decided, _UNLIKELY))
        part = beside.astype(np.uint8)
        if self.start is not None:
            part[beside & (features[:, self.start - 1] > 0)] = 2
        return np.where(sure < 0, 0, self.labels[first]), sure, self.labels[second], part, odds

    def _likely(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return how likely each class is, (n, k), how unlike anything, below 0, and what lies beside."""
        likely, far = np.zeros((len(features), len(self.labels))), np.zeros(len(features), np.float32)
        on_object = features[:, -1] == 1 if self.start is not None else np.zeros(len(features), bool)
        if len(self.objects):
            whole, of_whole = np.unique(features[on_object][:, self.start :], axis=0, return_inverse=True)
            nearest = self._nearest(whole)
            least = nearest.min(1, initial=np.inf)
            odds = (np.maximum(least, 1e-9)[:, None] / np.maximum(nearest, 1e-9)) ** 2
            likely[on_object] = (odds / odds.sum(1, keepdims=True))[of_whole.ravel()]
            far[on_object] = np.where(least > self.limit, self.limit / np.maximum(least, 1e-12) - 1, 0)[
                of_whole.ravel()
            ]
        beside = ~on_object if len(self.objects) else np.ones(len(features), bool)
        beside &= len(self.of_weights) > 0
        if beside.any():
            seen = _standard(_seen(features[beside], self.clusters), self.mean, self.scale)
            likely[np.ix_(beside, self.of_weights)] = softmax(seen @ self.weights)
        return likely, far, beside

    def _nearest(self, whole: np.ndarray) -> np.ndarray:
        """Return the distance of objects, (n, d), to the nearest painted one of each class, (n, k)."""
        from scipy.spatial import KDTree

        found = np.full((len(whole), len(self.labels)), np.inf)
        for one in np.unique(self.of_objects):
            found[:, one] = KDTree(self.objects[self.of_objects == one]).query(whole)[0]
        return found


def _objects(
    features: np.ndarray, target: np.ndarray, weights: np.ndarray, use: np.ndarray, start: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the painted objects, each once, and what most of the strokes on it say."""
    if not use.any():
        return np.zeros((0, 0), np.float32), np.zeros(0, int)
    whole, of_whole = np.unique(features[use][:, start:], axis=0, return_inverse=True)
    votes = np.zeros((len(whole), int(target.max()) + 1))
    np.add.at(votes, (of_whole.ravel(), target[use]), weights[use])
    return whole, votes.argmax(1)


def _limit(objects: np.ndarray, of_objects: np.ndarray) -> float:
    """Return how far from the painted objects an object is unlike them."""
    from scipy.spatial import KDTree

    apart = [
        KDTree(own).query(own, k=2)[0][:, 1]
        for own in (objects[of_objects == one] for one in np.unique(of_objects))
        if len(own) > 1
    ]
    return max(_LIKE, _UNLIKE * float(np.quantile(np.concatenate(apart), 0.9))) if apart else np.inf


def _ranked(likely: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the likeliest class of each row of (n, k), by how much, and the next class."""
    rows = np.arange(len(likely))
    first = likely.argmax(1)
    best = likely[rows, first]
    others = likely.copy()
    others[rows, first] = -1
    second = others.argmax(1)
    sure = np.where(far < 0, far, best - np.maximum(others[rows, second], 0))
    return first, sure.astype(np.float32), np.where(others[rows, second] > 0, second, first)


def _seen(features: np.ndarray, clusters: Prototypes) -> np.ndarray:
    """Return what the regression sees: where a cell lies among the clusters, and how near each of them is."""
    points = clusters.project(features)
    apart = np.maximum(clusters.squared_to(np.arange(clusters.n_clusters))(points), 0)
    near = np.log(softmax(-apart / (_FADES * clusters.spacing)) + _FLOOR)
    return np.concatenate([points, near], axis=1)


def _edges(
    features: np.ndarray, target: np.ndarray, on_objects: np.ndarray, clusters: Prototypes, fitted: Fitted
) -> np.ndarray:
    """Return the classes that are painted on objects, and beside them where other classes look the same.

    There it was the edge of their strokes.
    """
    mean, scale, weights, known = fitted
    other = ~on_objects[target]
    if not other.any():
        return np.zeros(0, int)
    likely = softmax(_standard(_seen(features, clusters), mean, scale) @ weights)
    usual = _TOLD_APART * likely[other].mean(0)
    own = np.array([likely[target == one, at].mean() for at, one in enumerate(known)])
    return known[on_objects[known] & (own < usual)]


def _standard(seen: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.column_stack([(seen - mean) * scale, np.ones(len(seen))])


def _regression(features: np.ndarray, target: np.ndarray, start: int | None, clusters: Prototypes) -> Fitted:
    """Fit the regression, then let common classes be likelier; return mean, scale, weights, its classes."""
    if not len(features):
        return np.zeros(0), np.zeros(0), np.zeros((1, 0)), np.zeros(0, int)
    order = np.lexsort((*features.T[2::-1], target))
    kept = []
    for one in np.unique(target):
        own = order[target[order] == one]
        kept.append(own[np.linspace(0, len(own) - 1, min(len(own), _MOST)).round().astype(int)])
    some = np.concatenate(kept)
    known, answer = np.unique(target[some], return_inverse=True)
    painted = _seen(features[some], clusters)
    usual, sizes = painted, np.ones(len(painted))
    if clusters.examples is not None and clusters.counts is not None:
        beside = clusters.examples[:, -1] != 1 if start is not None else np.ones(len(clusters.counts), bool)
        if beside.any():
            usual = _seen(clusters.examples[beside].astype(np.float32), clusters)
            sizes = clusters.counts[beside].astype(float)
    mean = np.average(usual, 0, np.sqrt(sizes))
    spread = np.sqrt(np.average((usual - mean) ** 2, 0, np.sqrt(sizes)))
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0)
    scale[: -clusters.n_clusters] *= _POINT
    seen = _standard(painted, mean, scale)
    counts = len(some) / len(known) / np.bincount(answer)[answer]
    blank = np.zeros((seen.shape[1], len(known)))
    weights = regression(seen, np.eye(len(known))[answer], counts, blank, penalty=_PENALTY, steps=_STEPS)
    if usual is not painted:
        shares = _shares(softmax(_standard(usual, mean, scale) @ weights), sizes)
        weights[-1] += _COMMON * np.log(shares * len(known))
    return mean, scale, weights, known


def _shares(likely: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return how common classes are, (k,), by what a classifier says that takes all for equally common.

    The method is that of M. Saerens, P. Latinne and C. Decaestecker, doi:10.1162/089976602753284446.

    >>> _shares(np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]]), np.ones(4)).round(2).tolist()
    [0.81, 0.19]
    """
    shares = np.full(likely.shape[1], 1 / likely.shape[1])
    for _ in range(_STEPS):
        now = likely * shares
        now /= now.sum(1, keepdims=True)
        shares = np.maximum(np.average(now, 0, sizes), _LEAST_SHARE)
    return np.asarray(shares / shares.sum())
