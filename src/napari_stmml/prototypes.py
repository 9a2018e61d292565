"""Clusters made of many fine prototypes: which is nearest, how sure that is, and what is unlike any."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

AT_ONCE = 16_384  # feature vectors at a time, so that their distances stay in the cache


@dataclass(frozen=True, eq=False)
class Prototypes:
    """Centres in feature space, each owned by a cluster; a cluster may own several.

    Parameters
    ----------
    centres : ndarray of float32, shape (m, d)
        After the projection, where there is one.
    owners : ndarray of int, shape (m,)
        Cluster of each centre, 0 to n_clusters - 1; every cluster owns one at least.
    mean, matrix : ndarray of float32, shapes (n_features,) and (n_features, d), optional
        The projection: features are ``(features - mean) @ matrix`` before they are compared.
    limit : float
        Squared distance to the nearest centre beyond which a vector is unlike anything seen.

    Raises
    ------
    ValueError
        If the parts do not fit.
    """

    centres: np.ndarray = field(repr=False)
    owners: np.ndarray = field(repr=False)
    mean: np.ndarray | None = field(default=None, repr=False)
    matrix: np.ndarray | None = field(default=None, repr=False)
    limit: float = np.inf

    def __post_init__(self) -> None:
        if self.centres.ndim != 2 or self.owners.shape != self.centres.shape[:1]:
            raise ValueError(f"{self.centres.shape} centres do not fit {self.owners.shape} owners")
        owned = np.unique(self.owners)
        if not np.array_equal(owned, np.arange(len(owned))):
            raise ValueError(f"clusters must be 0 to {len(owned) - 1}, each with a centre, got {owned}")
        projected = self.mean is not None and self.matrix is not None
        if projected and (self.matrix.shape != (*self.mean.shape, self.centres.shape[1])):  # type: ignore[union-attr]
            raise ValueError("the projection does not fit the centres")

    @classmethod
    def plain(cls, centres: np.ndarray, limit: float = np.inf) -> "Prototypes":
        """Make clusters of one centre each, (k, n_features), without a projection."""
        return cls(centres, np.arange(len(centres)), limit=limit)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.owners.max()) + 1

    @property
    def n_features(self) -> int:
        """Length of the feature vectors that are compared."""
        return len(self.mean) if self.mean is not None else self.centres.shape[1]

    def project(self, features: np.ndarray) -> np.ndarray:
        """Bring features, (n, n_features), into the space of the centres, (n, d) float32."""
        if self.mean is None or self.matrix is None:
            return features
        return (features - self.mean) @ self.matrix

    def nearest(self, features: np.ndarray) -> np.ndarray:
        """Return the squared distance of each vector, (n, n_features), to its nearest centre, (n,)."""
        found = np.empty(len(features), np.float32)
        squares = np.einsum("ij,ij->i", self.centres, self.centres)
        for start in range(0, len(features), AT_ONCE):
            some = self.project(features[start : start + AT_ONCE])
            distances = some @ (-2 * self.centres.T) + squares
            own = np.einsum("ij,ij->i", some, some)
            found[start : start + AT_ONCE] = np.maximum(distances.min(1) + own, 0)
        return found

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the cluster of each feature vector, (n, n_features), and how sure that is, as ``ranked``."""
        return self.ranked(features)[:2]

    def ranked(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the nearest and the next cluster of each feature vector, (n, n_features).

        Returns
        -------
        cluster : ndarray of int, shape (n,)
        confidence : ndarray of float32, shape (n,)
            ``1 - nearest / next`` of the squared distances to the nearest centre and to the nearest one of
            another cluster, 0 to 1; where the nearest is beyond ``limit``, ``limit / nearest - 1``: below 0.
        runner_up : ndarray of int, shape (n,)
            That other cluster; where there is one cluster in all, that one.
        """
        cluster, runner_up = np.empty(len(features), np.intp), np.empty(len(features), np.intp)
        confidence = np.empty(len(features), np.float32)
        order = np.argsort(self.owners, kind="stable")
        first = np.searchsorted(self.owners[order], np.arange(self.n_clusters))
        origin = self.centres.mean(0) if self.matrix is None else None  # where it would only cost digits
        centres = np.ascontiguousarray(self.centres[order] - (0 if origin is None else origin), np.float32)
        squares = np.einsum("ij,ij->i", centres, centres)
        for start in range(0, len(features), AT_ONCE):
            some = self.project(features[start : start + AT_ONCE])
            some = some if origin is None else some - origin
            distances = some @ (-2 * centres.T)
            distances += squares
            of_cluster = np.minimum.reduceat(distances, first, axis=1)
            nearest = of_cluster.argmin(1)
            rows = np.arange(len(some))
            own = np.einsum("ij,ij->i", some, some)
            best = np.maximum(of_cluster[rows, nearest] + own, 0)
            of_cluster[rows, nearest] = np.inf
            second = of_cluster.argmin(1)
            other = np.maximum(of_cluster[rows, second] + own, np.float32(1e-30))
            sure = 1 - best / other
            far = best > self.limit
            sure[far] = self.limit / best[far] - 1
            part = slice(start, start + len(some))
            cluster[part], confidence[part], runner_up[part] = nearest, sure, second
        return cluster, confidence, runner_up

    def reordered(self, order: Sequence[int]) -> "Prototypes":
        """Return the same clusters, cluster ``order[i]`` as cluster i."""
        place = np.empty(len(order), int)
        place[list(order)] = np.arange(len(order))
        return replace(self, owners=place[self.owners])

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as named arrays, for a file."""
        named = {"centres": self.centres, "owners": self.owners.astype(np.int32)}
        if self.mean is not None and self.matrix is not None:
            named |= {"projection/mean": self.mean, "projection/matrix": self.matrix}
        return named | {"limit": np.array(self.limit)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Prototypes":
        """Take them out of named arrays; those of format 1 have centres alone."""
        centres = arrays["centres"]
        owners = arrays.get("owners", np.arange(len(centres)))
        projection = (arrays.get("projection/mean"), arrays.get("projection/matrix"))
        return cls(centres, owners.astype(int), *projection, float(arrays.get("limit", np.inf)))
