"""Sort objects into types: how many there are is found, and the odd ones stay unsorted."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.system.threads import one_thread

UNLIKE = 0  # type of an object that is unlike any other
_COMPONENTS = 8  # in which types are found
_FINER = 20  # components in which objects are compared with known types
_SMALLEST_SHARE = 0.03  # of all objects, and _FEWEST at least, are a type
_FEWEST = 4
_FEW = 24  # objects, below which density says nothing
ALIKE = 0.45  # distance of descriptions: objects of a type have 0.03 to 0.3, types differ by 0.4 to 2
_GAP = 4.5  # standard deviations between the means of two types; the halves of a bell are 2.7 apart
_ROUNDS = 10  # of k-means
_NEIGHBOURS = 5
_BEYOND = 2.0  # times the usual distance to the next example of a type, beyond which an object is unlike it


@dataclass(frozen=True, eq=False)
class Sorter:
    """What new objects are compared with: examples of each type, in the components that tell objects apart.

    Parameters
    ----------
    mean : ndarray, shape (features,)
    components : ndarray, shape (c, features)
    examples : ndarray, shape (n, c)
    types : ndarray of int, shape (n,)
        From 1.
    weights : ndarray, shape (n,)
        Examples that a person gave count more.
    """

    mean: np.ndarray
    components: np.ndarray
    examples: np.ndarray
    types: np.ndarray
    weights: np.ndarray

    def place(self, features: np.ndarray) -> np.ndarray:
        """Return features, (n, features), in the components, (n, c)."""
        return np.asarray((features - self.mean) @ self.components.T)

    def sort(self, features: np.ndarray) -> np.ndarray:
        """Return the type of each object, (n,), from 1; 0 where it is unlike all examples.

        Parameters
        ----------
        features : ndarray, shape (n, features)

        Returns
        -------
        ndarray of int, shape (n,)
        """
        from scipy.spatial import KDTree

        if not len(features) or not len(self.examples):
            return np.zeros(len(features), int)
        k = min(_NEIGHBOURS, len(self.examples))
        far, near = KDTree(self.examples).query(self.place(features), k=k)
        far, near = far.reshape(len(features), k), near.reshape(len(features), k)
        votes = np.zeros((len(features), int(self.types.max()) + 1))
        rows = np.arange(len(features))[:, None]
        np.add.at(votes, (rows, self.types[near]), self.weights[near] / (far + 1e-6))
        chosen = votes.argmax(1)
        limits = np.array([self._limit(one) for one in range(votes.shape[1])])
        return np.where(far[:, 0] > limits[chosen], UNLIKE, chosen)

    def _limit(self, one: int) -> float:
        """Return how far from a type's examples an object of the type can be."""
        from scipy.spatial import KDTree

        own = self.examples[self.types == one]
        if len(own) < 2:
            return ALIKE
        return max(ALIKE, float(_BEYOND * np.quantile(KDTree(own).query(own, k=2)[0][:, 1], 0.9)))


NO_TYPES = Sorter(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0, int), np.zeros(0))


def sort_new(features: np.ndarray, seed: int = 0, few: int = _FEW) -> tuple[np.ndarray, Sorter]:
    """Find types among objects.

    Density in the components that differ most (HDBSCAN; Campello, Moulavi and Sander 2013) makes types. Of
    few objects, those that are alike are a type (average linkage). Types are numbered from the most
    frequent on.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    seed : int
    few : int
        Objects, below which density says nothing.

    Returns
    -------
    types : ndarray of int, shape (n,)
        From 1; 0 for those unlike any other.
    sorter : Sorter
        For objects of other scans.
    """
    count = len(features)
    if count < 2:
        axes, types = np.eye(features.shape[1]), np.ones(count, int)
        return types, Sorter(np.zeros(len(axes)), axes, features @ axes, types, np.ones(count))
    mean, axes = _principal(features)
    placed = (features - mean) @ axes[:_COMPONENTS].T
    found = _alike(placed) if count < few else _dense(placed)
    types = _by_frequency(_divided(placed, found))
    known = types > 0
    axes = _evened(axes, (features - mean) @ axes.T, types)
    examples = (features[known] - mean) @ axes.T
    sorter = Sorter(mean, axes, examples, types[known], np.ones(known.sum()))
    types[~known] = sorter.sort(features[~known])
    return types, sorter


def _principal(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and principal axes, (20 at most, features), of descriptions, the strongest first."""
    mean = features.mean(0)
    off = features - mean
    with one_thread():
        _, axes = np.linalg.eigh(off.T @ off)
    axes = axes.T[::-1][: min(_FINER, *features.shape)]
    return mean, axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]


def _evened(axes: np.ndarray, placed: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Stretch axes so that the objects of a type spread by the same in all directions; their sum stays.

    Of few objects, the spread counts little.
    """
    known = types > 0
    middles = np.stack([np.median(placed[types == one], 0) for one in range(1, types.max() + 1)] or [[0.0]])
    off = placed[known] - middles[types[known] - 1]
    share = len(off) / (len(off) + len(axes))
    within = off.T @ off / max(len(off), 1)
    usual = max(float(np.trace(within)) / len(axes), 1e-12)
    sizes, turned = np.linalg.eigh(share * within + (1 - share) * usual * np.eye(len(axes)))
    return np.asarray((turned * np.sqrt(usual / sizes)) @ turned.T @ axes)


def two_means(placed: np.ndarray) -> np.ndarray:
    """Divide objects in two by k-means, which starts with the halves along their longest axis.

    Parameters
    ----------
    placed : ndarray, shape (n, c)
        Two or more.

    Returns
    -------
    ndarray of float, shape (2, c)
        The mean of each part; that of the more frequent one first.
    """
    off = placed - placed.mean(0)
    second = off @ np.linalg.eigh(off.T @ off)[1][:, -1] > 0
    for _ in range(_ROUNDS):
        if second.all() or not second.any():
            second = np.arange(len(placed)) % 2 > 0  # all objects are the same
        means = np.stack([placed[~second].mean(0), placed[second].mean(0)])
        to_first, to_second = (np.linalg.norm(placed - mean, axis=1) for mean in means)
        second = to_second < to_first
    return means if second.mean() <= 0.5 else means[::-1]


def _dense(placed: np.ndarray) -> np.ndarray:
    """Return clusters from 0, -1 for objects in none; one cluster where the objects have no dense parts."""
    from sklearn.cluster import HDBSCAN

    least = max(_FEWEST, round(_SMALLEST_SHARE * len(placed)))
    clusters = HDBSCAN(min_cluster_size=least, min_samples=max(3, least // 2), copy=True).fit_predict(placed)
    return np.asarray(clusters) if (clusters >= 0).any() else _alike(placed)


def _alike(placed: np.ndarray) -> np.ndarray:
    """Return clusters from 0 of objects nearer to each other than types are; -1 for single ones.

    What is left over is looked at once more, twice as coarsely.
    """
    from sklearn.cluster import AgglomerativeClustering

    found = np.full(len(placed), -1)
    for distance in (ALIKE, 2 * ALIKE):
        left = np.flatnonzero(found < 0)
        if len(left) > 1:
            way = AgglomerativeClustering(None, distance_threshold=distance, linkage="average")
            made = way.fit_predict(placed[left])
            found[left] = np.where(np.bincount(made)[made] > 1, made + found.max() + 1, -1)
    return found


def _divided(placed: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Divide clusters that are two: their parts lie apart as types do, with a gap between them."""
    clusters, least = clusters.copy(), max(_FEWEST, round(_SMALLEST_SHARE * len(placed)))
    left = list(np.unique(clusters[clusters >= 0]))
    while left:
        one = left.pop()
        members = np.flatnonzero(clusters == one)
        if len(members) < 2 * least:
            continue
        first, second = two_means(placed[members])
        apart = float(np.linalg.norm(second - first))
        along = (placed[members] - (first + second) / 2) @ (second - first) / max(apart, 1e-12)
        parts = along[along > 0], along[along <= 0]
        spread = np.sqrt(sum(part.var() * len(part) for part in parts) / len(members))
        if min(map(len, parts)) >= least and apart > max(ALIKE, _GAP * spread):
            clusters[members[along > 0]] = clusters.max() + 1
            left += [one, clusters.max()]
    return clusters


def _by_frequency(clusters: np.ndarray) -> np.ndarray:
    """Return numbers from 1 for clusters, the most frequent first; -1 becomes 0."""
    if (clusters < 0).all():
        return np.zeros(len(clusters), int)
    names, counts = np.unique(clusters[clusters >= 0], return_counts=True)
    numbers = np.zeros(names.max() + 2, int)
    numbers[names[np.argsort(-counts, kind="stable")]] = np.arange(1, len(names) + 1)
    return numbers[np.where(clusters < 0, len(numbers) - 1, clusters)]
