"""Only the classes that a person painted or named: every cell is one of them, whatever clusters there were.

Where the features of a cell are those of its whole object, an object is of the class whose painted objects it
is most like. Other cells are of the class that a logistic regression on the painted cells finds likeliest;
classes that were painted on objects alone do not come into question there, nor the other way round.
"""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.model.logistic import regression, softmax

_MOST = 400  # painted cells of a class that the regression learns from
_PENALTY, _STEPS = 1.0, 60
_RARE = 0.3  # of the cells of a class: fewer on objects, or beside them, are the edge of a stroke
_UNLIKE = 3.0  # times the usual distance of painted objects to the next of their class: unlike all
_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class PaintedClasses:
    """What was learnt; make it with `fit`.

    Parameters
    ----------
    labels : ndarray of int, shape (k,)
        Ascending.
    start : int or None
        Where the features of objects begin in a feature vector, the last of which says whether there is an
        object; None where there are none.
    objects, of_objects : ndarray of float32, shape (m, d), and of int, shape (m,)
        Painted objects, and index into ``labels``.
    limit : float
        Distance beyond which an object is unlike all painted ones.
    mean, scale : ndarray, shape (s,)
        Of the features between objects.
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
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    of_weights: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, start: int | None) -> "PaintedClasses":
        """Learn from painted cells; their order does not matter.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)
            One or more.
        labels : ndarray of int, shape (n,)
            From 1.
        start : int or None
            Where the features of objects begin.

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
        some = features[beside][:, :start]
        return cls(
            known, start, objects, of_objects, _limit(objects, of_objects), *_regression(some, target[beside])
        )

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return label, confidence and next label of each feature vector, (n, n_features).

        Confidence is how much likelier, or nearer, the label is than the next. An object that is unlike all
        that were painted has label 0, and a confidence below 0.
        """
        first, second = np.zeros((2, len(features)), int)
        sure = np.zeros(len(features), np.float32)
        for begin in range(0, len(features), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            first[part], sure[part], second[part] = self._assign(features[part])
        return np.where(sure < 0, 0, self.labels[first]), sure, self.labels[second]

    def _assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        likely, far = np.zeros((len(features), len(self.labels))), np.zeros(len(features), np.float32)
        on_object = features[:, -1] == 1 if self.start is not None else np.zeros(len(features), bool)
        if len(self.objects):
            whole, of_whole = np.unique(features[on_object][:, self.start :], axis=0, return_inverse=True)
            nearest = self._nearest(whole)
            least = nearest.min(1, initial=np.inf)
            odds = np.exp(-(nearest - least[:, None]) / max(self.limit, 1e-9))
            likely[on_object] = (odds / odds.sum(1, keepdims=True))[of_whole.ravel()]
            far[on_object] = np.where(least > self.limit, self.limit / np.maximum(least, 1e-12) - 1, 0)[
                of_whole.ravel()
            ]
        beside = ~on_object if len(self.objects) else np.ones(len(features), bool)
        if len(self.of_weights) and beside.any():
            seen = (features[beside][:, : self.start] - self.mean) * self.scale
            odds = softmax(np.column_stack([seen, np.ones(len(seen))]) @ self.weights)
            likely[np.ix_(beside, self.of_weights)] = odds
        rows = np.arange(len(features))
        first = likely.argmax(1)
        best = likely[rows, first]
        likely[rows, first] = -1
        second = likely.argmax(1)
        sure = np.where(far < 0, far, best - np.maximum(likely[rows, second], 0))
        return first, sure.astype(np.float32), np.where(likely[rows, second] > 0, second, first)

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
    return _UNLIKE * float(np.quantile(np.concatenate(apart), 0.9)) if apart else np.inf


def _regression(
    features: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fit the regression, each class counting the same; return mean, scale, weights, and its classes."""
    if not len(features):
        return np.zeros(0), np.zeros(0), np.zeros((1, 0)), np.zeros(0, int)
    order = np.lexsort((*features.T[2::-1], target))
    kept = []
    for one in np.unique(target):
        own = order[target[order] == one]
        kept.append(own[np.linspace(0, len(own) - 1, min(len(own), _MOST)).round().astype(int)])
    some = np.concatenate(kept)
    known, answer = np.unique(target[some], return_inverse=True)
    spread = features[some].std(0)
    mean, scale = features[some].mean(0), np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0)
    seen = np.column_stack([(features[some] - mean) * scale, np.ones(len(some))])
    counts = len(some) / len(known) / np.bincount(answer)[answer]
    start = np.zeros((seen.shape[1], len(known)))
    weights = regression(seen, np.eye(len(known))[answer], counts, start, penalty=_PENALTY, steps=_STEPS)
    return mean, scale, weights, known
