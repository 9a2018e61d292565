"""Learn from what people paint, starting from clusters as they are named: a few numbers on fixed features.

A logistic regression learns from examples of the clusters, labelled as these are named, and from painted
cells; it is fitted again to its own answers, so that what was painted moves the borders between classes.
Painted cells that it does not answer well are remembered, and decide in their nearest surroundings.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from napari_stmml.clustering.centres import Prototypes, nearest_of
from napari_stmml.model.logistic import regression, softmax

_EXAMPLES = 3000.0  # what all examples weigh together, in cells
_FEW = 100.0  # painted cells of a class, with which it weighs half of its share
_LEAST = 5.0  # that a class weighs at least, however rare it is
_TRUSTED = 2.0  # of a cluster's size, by which its name counts against strokes
_PENALTY = 10.0  # on squared weights
_SOFT, _HARD = 0.5, 0.07  # units of squared distance in which a cluster fades: to see, to believe
_FLOOR, _DOUBT = 1e-3, 0.02  # likelihood of any cluster, and of any class, in the same two places
_TURNS = 2  # in which examples are labelled anew
_STEPS = 30  # of the optimiser, each time
_PAINTED = 500  # cells of a class that are learnt from
_REMEMBERED, _SURE = 512, 0.97  # painted cells at most, and how likely their label is without
_NEAR, _STRONG = 0.1, 0.5  # units of squared distance within which they count, and log odds
_NEAR_KNOWN = 0.01  # the same for a class that clusters have: its borders are known better
_AT_ONCE = 4096  # feature vectors at a time, so that distances stay in the cache


@dataclass(frozen=True, eq=False)
class Learner:
    """What was learnt; make it with `fit`.

    Parameters
    ----------
    clusters : Prototypes
    of_cluster : ndarray of int, shape (n_clusters,)
        Index into ``labels`` of each cluster.
    labels : ndarray of int, shape (n_labels,)
        Of clusters and of painted cells, ascending.
    weights : ndarray of float32, shape (n_features + n_clusters + 1, n_labels), optional
        Of the regression; the first ones are 0 where clusters keep no examples. None if nothing was painted.
    memory, of_memory : ndarray of float32, shape (m, d), and of int, shape (m,), optional
        Painted cells that are remembered, in the space of the centres, and indices into ``labels``.
    """

    clusters: Prototypes = field(repr=False)
    of_cluster: np.ndarray = field(repr=False)
    labels: np.ndarray
    weights: np.ndarray | None = field(default=None, repr=False)
    memory: np.ndarray | None = field(default=None, repr=False)
    of_memory: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def fit(
        cls,
        clusters: Prototypes,
        of_cluster: np.ndarray,
        features: np.ndarray,
        labels: np.ndarray,
        *,
        scans: np.ndarray,
    ) -> "Learner":
        """Learn from painted cells; their order does not matter.

        Parameters
        ----------
        clusters : Prototypes
        of_cluster : ndarray of int, shape (n_clusters,)
            Label of each cluster as shown, 0 = none.
        features : ndarray of float32, shape (n, n_features)
            Of the painted cells.
        labels : ndarray of int, shape (n,)
            Of these as shown; 0 is left out. One that no cluster has is a new class.
        scans : ndarray of int, shape (n,)
            Which scan each is of: the scans that show a class count the same.
        """
        taught = labels > 0
        names = np.asarray(of_cluster)
        known = np.unique(np.concatenate([names, labels[taught]]))
        blank = cls(clusters, np.searchsorted(known, names), known)
        if not taught.any() or len(known) == 1:
            return blank
        target = np.searchsorted(known, labels[taught])
        return blank._taught(*_thinned(np.asarray(features[taught], np.float32), target, scans[taught]))

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return label, confidence and next label of each feature vector, (n, n_features).

        Without painted cells they are those of the nearest centre, as `Prototypes.ranked` finds them. With
        them confidence is how much likelier the label is than the next. What is farther from all centres
        than ``clusters.limit``, and not near a remembered cell either, is below 0.
        """
        if self.weights is None:
            shown, groups = (np.asarray(x) for x in np.unique(self.of_cluster, return_inverse=True))
            group, confidence, second = self.clusters.ranked(features, groups)
            return self.labels[shown[group]], confidence, self.labels[shown[second]]
        first, second = (np.empty(len(features), np.intp) for _ in range(2))
        confidence = np.empty(len(features), np.float32)
        for start in range(0, len(features), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            likely, far = self._likely(features[part])
            rows = np.arange(len(likely))
            first[part] = likely.argmax(1)
            sure = likely[rows, first[part]]
            likely[rows, first[part]] = -1
            second[part] = likely.argmax(1)
            confidence[part] = np.where(far < 0, far, sure - likely[rows, second[part]])
        return self.labels[first], confidence, self.labels[second]

    def _likely(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how likely each label is, (n, n_labels), and how unlike anything, (n,): below 0 if so."""
        points = self.clusters.project(features)
        apart = self._to_clusters(points)
        odds = _seen(features, _faded(apart / (_SOFT * self.clusters.spacing), _FLOOR)) @ self.weights
        limit, nearest = self.clusters.limit, apart.min(1)
        far = np.where(nearest > limit, limit / np.maximum(nearest, 1e-30) - 1, 0)
        if self.memory is not None and len(self.memory):
            known = np.isin(np.arange(len(self.labels)), self.of_cluster)
            reach = np.where(known, np.float32(_NEAR_KNOWN), np.float32(_NEAR)) * self.clusters.spacing
            near = np.exp(-self._to_memory(points) / (2 * reach))
            odds += _STRONG * near / (1 + 1e-6 - near)
            far = np.where(near.max(1) > 0.5, 0, far)
        return softmax(odds), far

    def _to_clusters(self, points: np.ndarray) -> np.ndarray:
        """Return squared distances of points, (n, d), to the clusters, (n, n_clusters)."""
        found = self.clusters.squared_to(np.arange(self.clusters.n_clusters))(points)
        return np.asarray(np.maximum(found, 0))

    def _to_memory(self, points: np.ndarray) -> np.ndarray:
        """Return squared distances of points, (n, d), to remembered cells of each label, (n, n_labels)."""
        assert self.memory is not None
        assert self.of_memory is not None
        owned, groups = np.unique(self.of_memory, return_inverse=True)
        found = np.full((len(points), len(self.labels)), np.inf, np.float32)
        found[:, owned] = np.maximum(nearest_of(self.memory, groups, True)(points), 0)
        return found

    def _taught(self, features: np.ndarray, target: np.ndarray, weights: np.ndarray) -> "Learner":
        """Fit the regression, and remember what it does not answer well.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)
        target : ndarray of int, shape (n,)
            Index of each one's label.
        weights : ndarray, shape (n,)
            1 for the cells of a label together.
        """
        n = len(self.labels)
        examples, points, counts = self._examples()
        points = np.concatenate([points, self.clusters.project(features)])
        old = slice(len(examples))
        apart = self._to_clusters(points)
        cluster = apart.argmin(1)
        answer = np.eye(n)[self.of_cluster[cluster[old]]]
        weights, trust = self._trusted(cluster, counts, target, weights)
        likely = softmax(-apart[old] / (_HARD * self.clusters.spacing)) @ np.eye(n)[self.of_cluster] + _DOUBT
        likely **= (trust / 2)[:, None]
        mean = np.average(examples, 0, counts)
        spread = np.sqrt(np.average((examples - mean) ** 2, 0, counts))
        scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0)
        seen = (np.concatenate([examples, features]) - mean) * scale
        seen = _seen(seen, _faded(apart / (_SOFT * self.clusters.spacing), _FLOOR))
        painted, found = np.eye(n)[target], np.zeros((seen.shape[1], n))
        for turn in range(_TURNS + 1):
            answers = np.concatenate([answer, painted])
            counted = np.concatenate([counts if turn else counts * trust, weights])
            found = regression(seen, answers, counted, found, penalty=_PENALTY, steps=_STEPS)
            answer = softmax(seen[old] @ found) * likely
            answer /= answer.sum(1, keepdims=True)
        own = softmax(seen[len(examples) :] @ found)[np.arange(len(target)), target]
        own[apart[len(examples) :].min(1) > self.clusters.limit] = (
            0  # it was painted, so it is like something
        )
        kept = np.argsort(own, kind="stable")[:_REMEMBERED]
        kept = kept[own[kept] < _SURE]
        found[: len(mean)] *= scale[:, None]
        found[-1] -= mean @ found[: len(mean)]
        remembered = self.clusters.project(features[kept]).astype(np.float32)
        return replace(self, weights=found.astype(np.float32), memory=remembered, of_memory=target[kept])

    def _trusted(
        self, cluster: np.ndarray, counts: np.ndarray, target: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weigh painted cells by how much there is of their class, and examples by whether strokes agree.

        Parameters
        ----------
        cluster : ndarray of int, shape (n_examples + n,)
            Of examples and of painted cells.
        counts : ndarray, shape (n_examples,)
        target, weights : ndarray, shape (n,)

        Returns
        -------
        weights : ndarray, shape (n,)
        trust : ndarray, shape (n_examples,)
            In the name of each one's cluster, 0 to 1: less where what was painted is mostly of another class.
        """
        of_examples, of_painted = cluster[: len(counts)], cluster[len(counts) :]
        sizes = np.bincount(of_examples, counts, minlength=len(self.of_cluster))
        share = np.bincount(self.of_cluster, sizes, minlength=len(self.labels))
        found = np.zeros((len(self.labels), len(sizes)))
        np.add.at(found, (target, of_painted), weights)
        new = (found**2 / np.maximum(found.sum(0), 1e-12)) @ sizes  # its part of the clusters it was found in
        share = np.maximum(np.where(share > 0, share, new), _LEAST)
        found *= share[:, None]
        agree = found[self.of_cluster, np.arange(len(sizes))] + _TRUSTED * sizes
        trust = agree / np.maximum(found.sum(0) + _TRUSTED * sizes, 1e-12)
        painted = np.bincount(target, minlength=len(share))
        weights = weights * share[target] * (painted / (painted + _FEW))[target]
        return weights, trust[of_examples]

    def _examples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return examples, what they are in the space of the centres, and weights; centres if none are kept.

        Features of centres are not known where there is a projection: they are 0, and so have no weight.
        """
        known = self.clusters
        if known.examples is None or known.counts is None:
            examples = np.zeros((len(known.centres), known.n_features))
            points, counts = known.centres, np.ones(len(known.centres))
        else:
            examples = known.examples.astype(np.float32)
            points, counts = known.project(examples), known.counts.astype(float)
        return examples, points, counts * (_EXAMPLES / counts.sum())


def _thinned(
    features: np.ndarray, target: np.ndarray, scans: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take some cells of each class, in an order of their own, and weigh them: 1 for a class in all."""
    order = np.lexsort((scans, *features.T[2::-1], target))
    chosen = []
    for one in np.unique(target):
        own = order[target[order] == one]
        chosen.append(own[np.linspace(0, len(own) - 1, min(len(own), _PAINTED)).round().astype(int)])
    kept = np.concatenate(chosen)
    features, target, scans = features[kept], target[kept], scans[kept]
    _, scan = np.unique(scans, return_inverse=True)
    cells = np.zeros((int(target.max()) + 1, int(scan.max()) + 1))
    np.add.at(cells, (target, scan), 1)
    return features, target, 1 / (cells[target, scan] * (cells > 0).sum(1)[target])


def _seen(features: np.ndarray, faded: np.ndarray) -> np.ndarray:
    """Put side by side what the regression sees: features, how near clusters are, and 1."""
    return np.concatenate([features, faded, np.ones((len(features), 1), features.dtype)], axis=1)


def _faded(apart: np.ndarray, floor: float) -> np.ndarray:
    """Return logarithms of how likely each cluster is, from squared distances to them, (n, n_clusters)."""
    return np.asarray(np.log(softmax(-apart) + np.asarray(floor, apart.dtype)))
