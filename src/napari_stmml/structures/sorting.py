"""Sort objects into types: how many there are is found, and the odd ones stay unsorted."""

from dataclasses import dataclass

import numpy as np

UNLIKE = 0  # type of an object that is unlike any other
_COMPONENTS = 10
_SMALLEST_SHARE = 0.03  # of all objects, and _FEWEST at least, are a type
_FEWEST = 4
_FEW = 24  # objects, below which density says nothing
ALIKE = 0.45  # distance of descriptions: objects of a type have 0.03 to 0.3, types differ by 0.4 to 2
_NEIGHBOURS = 5
_BEYOND = 3.0  # times the usual distance to the next example of a type, beyond which an object is unlike it


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


def sort_new(features: np.ndarray, seed: int = 0) -> tuple[np.ndarray, Sorter]:
    """Find types among objects.

    Density in the components that differ most (HDBSCAN; Campello, Moulavi and Sander 2013) makes types. Of
    few objects, those that are alike are a type (average linkage). Types are numbered from the most
    frequent on.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    seed : int

    Returns
    -------
    types : ndarray of int, shape (n,)
        From 1; 0 for those unlike any other.
    sorter : Sorter
        For objects of other scans.
    """
    from sklearn.decomposition import PCA

    count = len(features)
    if count < 2:
        axes, types = np.eye(features.shape[1]), np.ones(count, int)
        return types, Sorter(np.zeros(len(axes)), axes, features @ axes, types, np.ones(count))
    found = PCA(min(_COMPONENTS, *features.shape), random_state=seed).fit(features)
    placed = found.transform(features)
    types = _by_frequency(_alike(placed) if count < _FEW else _dense(placed))
    known = types > 0
    sorter = Sorter(found.mean_, found.components_, placed[known], types[known], np.ones(known.sum()))
    types[~known] = sorter.sort(features[~known])
    return types, sorter


def two_means(placed: np.ndarray) -> np.ndarray:
    """Divide objects in two by k-means.

    Parameters
    ----------
    placed : ndarray, shape (n, c)
        Two or more.

    Returns
    -------
    ndarray of float, shape (2, c)
        The mean of each part; that of the more frequent one first.
    """
    from sklearn.cluster import KMeans

    found = KMeans(2, n_init=10, random_state=0).fit(placed)
    return np.asarray(found.cluster_centers_[np.argsort(-np.bincount(found.labels_), kind="stable")])


def _dense(placed: np.ndarray) -> np.ndarray:
    """Return clusters from 0, -1 for objects in none; one cluster where the objects have no dense parts."""
    from sklearn.cluster import HDBSCAN

    least = max(_FEWEST, round(_SMALLEST_SHARE * len(placed)))
    clusters = HDBSCAN(min_cluster_size=least, min_samples=max(3, least // 2), copy=True).fit_predict(placed)
    return np.asarray(clusters) if (clusters >= 0).any() else _alike(placed)


def _alike(placed: np.ndarray) -> np.ndarray:
    """Return clusters from 0 of objects nearer to each other than types are; -1 for single ones."""
    from sklearn.cluster import AgglomerativeClustering

    made = AgglomerativeClustering(None, distance_threshold=ALIKE, linkage="average").fit_predict(placed)
    return np.where(np.bincount(made)[made] > 1, made, -1)


def _by_frequency(clusters: np.ndarray) -> np.ndarray:
    """Return numbers from 1 for clusters, the most frequent first; -1 becomes 0."""
    if (clusters < 0).all():
        return np.zeros(len(clusters), int)
    names, counts = np.unique(clusters[clusters >= 0], return_counts=True)
    numbers = np.zeros(names.max() + 2, int)
    numbers[names[np.argsort(-counts, kind="stable")]] = np.arange(1, len(names) + 1)
    return numbers[np.where(clusters < 0, len(numbers) - 1, clusters)]
