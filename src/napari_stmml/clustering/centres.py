"""Clusters made of many fine prototypes: which is nearest, how sure that is, and what is unlike any."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from napari_stmml.system.threads import in_threads, one_thread

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
    examples : ndarray of float16, shape (e, n_features), optional
        Some of the samples that the clusters were made of, before the projection.
    counts : ndarray of float32, shape (e,), optional
        How many samples each of them stands for.
    before : Prototypes, optional
        Clusters, some of which, ``parted``, were then replaced by the last ones of these; the others come
        first, in their order. Where the parted were nearest, their parts share what they had and no more:
        the border to all other clusters stays where it was.
    parted : tuple of int

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
    examples: np.ndarray | None = field(default=None, repr=False)
    counts: np.ndarray | None = field(default=None, repr=False)
    before: "Prototypes | None" = field(default=None, repr=False)
    parted: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.centres.ndim != 2 or self.owners.shape != self.centres.shape[:1]:
            raise ValueError(f"{self.centres.shape} centres do not fit {self.owners.shape} owners")
        owned = np.unique(self.owners)
        if not np.array_equal(owned, np.arange(len(owned))):
            raise ValueError(f"clusters must be 0 to {len(owned) - 1}, each with a centre, got {owned}")
        self._check_projection()
        if not self.limit >= 0:
            raise ValueError(f"limit must be 0 or more, got {self.limit}")
        if self.examples is not None and (
            self.counts is None or self.examples.shape != (*self.counts.shape, self.n_features)
        ):
            raise ValueError(f"examples must be of {self.n_features} features, each with a count")
        if self.before is not None:
            self._check_split(self.before)

    def _check_projection(self) -> None:
        projected = self.mean is not None and self.matrix is not None
        if projected != (self.mean is not None or self.matrix is not None):
            raise ValueError("a projection needs a mean and a matrix")
        if projected and (self.matrix.shape != (*self.mean.shape, self.centres.shape[1])):  # type: ignore[union-attr]
            raise ValueError("the projection does not fit the centres")

    def _check_split(self, before: "Prototypes") -> None:
        """Refuse clusters that are no split of those before."""
        parted = set(self.parted)
        if len(parted) < len(self.parted) or not parted <= set(range(before.n_clusters)):
            raise ValueError(f"clusters {self.parted} are not among {before.n_clusters}")
        if before.centres.shape[1] != self.centres.shape[1]:
            raise ValueError("the centres before a split do not fit those after it")
        if not 0 <= self._kept < self.n_clusters:
            raise ValueError(f"clusters {self.parted} of {before.n_clusters} make no {self.n_clusters}")

    @classmethod
    def plain(cls, centres: np.ndarray, limit: float = np.inf) -> "Prototypes":
        """Make clusters of one centre each, (k, n_features), without a projection.

        Parameters
        ----------
        centres : ndarray of float32, shape (k, n_features)
        limit : float
            Squared distance to the nearest centre beyond which a vector is unlike anything seen.

        Returns
        -------
        Prototypes
        """
        return cls(centres, np.arange(len(centres)), limit=limit)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.owners.max()) + 1

    @property
    def n_features(self) -> int:
        """Length of the feature vectors that are compared."""
        return len(self.mean) if self.mean is not None else self.centres.shape[1]

    @cached_property
    def spacing(self) -> float:
        """How far clusters, as they were trained, are from the next one, squared: the median."""
        known = self
        while known.before is not None:
            known = known.before
        apart = nearest_of(known.centres, np.arange(len(known.centres)), True)(known.centres)
        np.fill_diagonal(apart, np.inf)
        return max(float(np.median(apart.min(1))), 1e-12)

    def project(self, features: np.ndarray) -> np.ndarray:
        """Bring features, (n, n_features), into the space of the centres, (n, d) float32.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float32, shape (n, d)
            The very features where there is no projection.
        """
        if self.mean is None or self.matrix is None:
            return features
        return (features - self.mean) @ self.matrix

    def nearest(self, features: np.ndarray) -> np.ndarray:
        """Return the squared distance of each vector, (n, n_features), to its nearest centre, (n,).

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float32, shape (n,)
            0 or more, in the space of the centres.
        """
        found = np.empty(len(features), np.float32)
        distances = self.squared_to(np.zeros(self.n_clusters, int))
        for start in range(0, len(features), AT_ONCE):
            some = self.project(features[start : start + AT_ONCE])
            found[start : start + AT_ONCE] = np.maximum(distances(some)[:, 0], 0)
        return found

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the cluster of each feature vector, (n, n_features), and how sure that is, as ``ranked``.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)

        Returns
        -------
        cluster : ndarray of int, shape (n,)
        confidence : ndarray of float32, shape (n,)
            0 to 1; below 0 where the nearest centre is beyond ``limit``.
        """
        return self.ranked(features)[:2]

    def ranked(
        self, features: np.ndarray, groups: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the nearest and the next cluster of each feature vector, (n, n_features).

        Parameters
        ----------
        features : ndarray, shape (n, n_features)
        groups : ndarray of int, shape (n_clusters,), optional
            Group of each cluster, 0 to n_groups - 1: then it is the nearest and the next group.

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
        distances = self.squared_to(np.arange(self.n_clusters) if groups is None else groups)
        with nullcontext() if self.matrix is None else one_thread():

            def rank(start: int) -> None:
                part = slice(start, start + AT_ONCE)
                found = distances(self.project(features[part]))
                cluster[part], confidence[part], runner_up[part] = self._two_nearest(found)

            in_threads(rank, range(0, len(features), AT_ONCE))
        return cluster, confidence, runner_up

    def _two_nearest(self, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what `ranked` does for squared distances, (n, n_groups), which are changed."""
        nearest, rows = distances.argmin(1), np.arange(len(distances))
        best = np.maximum(distances[rows, nearest], 0)
        distances[rows, nearest] = np.inf
        second = distances.argmin(1)
        sure = 1 - best / np.maximum(distances[rows, second], np.float32(1e-30))
        far = best > self.limit
        sure[far] = self.limit / best[far] - 1
        return nearest, sure, second

    def squared_to(self, groups: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return what squares the distances of points, (n, d), to groups of clusters, (n, n_groups).

        Parameters
        ----------
        groups : ndarray of int, shape (n_clusters,)
            Group of each cluster, 0 to n_groups - 1; none is empty.

        Returns
        -------
        callable
            Gets points, ndarray of shape (n, d), after the projection; returns the squared distances,
            ndarray of shape (n, n_groups). Rounding can bring them slightly below 0.
        """
        if self.before is None:
            return nearest_of(self.centres, groups[self.owners], self.matrix is None)
        kept = [one for one in range(self.before.n_clusters) if one not in self.parted]
        new = self.owners >= len(kept)
        whole = self.before.squared_to(np.arange(self.before.n_clusters))
        parts = nearest_of(self.centres[new], self.owners[new] - len(kept), self.matrix is None)
        order = np.argsort(groups, kind="stable")
        first = np.searchsorted(groups[order], np.arange(groups.max() + 1))

        def distances(points: np.ndarray) -> np.ndarray:
            known, made = whole(points), parts(points)
            if self.parted:
                made += (known[:, self.parted].min(1) - made.min(1))[:, None]
            return np.minimum.reduceat(np.hstack([known[:, kept], made])[:, order], first, axis=1)

        return distances

    @property
    def _kept(self) -> int:
        """How many clusters of ``before`` there still are."""
        return 0 if self.before is None else self.before.n_clusters - len(self.parted)

    def with_clusters(
        self, centres: np.ndarray, owners: np.ndarray, *, parted: Sequence[int] = ()
    ) -> "Prototypes":
        """Return these and new clusters, behind them.

        Parameters
        ----------
        centres : ndarray of float32, shape (m, d)
        owners : ndarray of int, shape (m,)
            Which of the new clusters, from 0 on, each centre is of.
        parted : sequence of int
            Clusters that the new ones are parts of; they go, and those behind them move up.
        """
        kept = [one for one in range(self.n_clusters) if one not in set(parted)]
        stays = np.isin(self.owners, kept)
        moved = np.searchsorted(kept, self.owners[stays])
        step = bool(parted) or self.before is not None
        return replace(
            self,
            centres=np.concatenate([self.centres[stays], centres]).astype(np.float32),
            owners=np.concatenate([moved, len(kept) + owners]).astype(int),
            before=replace(self, examples=None, counts=None) if step else None,
            parted=tuple(parted),
        )

    def reordered(self, order: Sequence[int]) -> "Prototypes":
        """Return the same clusters, cluster ``order[i]`` as cluster i; none of them may have been parted.

        Parameters
        ----------
        order : sequence of int, of length n_clusters
            Each cluster once.

        Returns
        -------
        Prototypes

        Raises
        ------
        ValueError
            If clusters were parted.
        """
        if self.before is not None:
            raise ValueError("clusters that were parted stay in their order")
        place = np.empty(len(order), int)
        place[list(order)] = np.arange(len(order))
        return replace(self, owners=place[self.owners])

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as named arrays, for a file.

        Returns
        -------
        dict of str to ndarray
            What `of_arrays` takes; without those parts that these have not.
        """
        named = {"centres": self.centres, "owners": self.owners.astype(np.int32)}
        if self.mean is not None and self.matrix is not None:
            named |= {"projection/mean": self.mean, "projection/matrix": self.matrix}
        if self.before is not None:
            named |= {f"{_BEFORE}{name}": array for name, array in self.before.arrays().items()}
            named["parted"] = np.array(self.parted, np.int32)
        if self.examples is not None and self.counts is not None:
            named |= {"examples/features": self.examples, "examples/counts": self.counts}
        return named | {"limit": np.array(self.limit)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Prototypes":
        """Take them out of named arrays; those of format 1 have centres alone, of 2 no examples.

        Parameters
        ----------
        arrays : dict of str to ndarray
            As `arrays` returns them.

        Returns
        -------
        Prototypes
        """
        centres = arrays["centres"]
        owners = arrays.get("owners", np.arange(len(centres)))
        projection = (arrays.get("projection/mean"), arrays.get("projection/matrix"))
        limit = float(arrays.get("limit", np.inf))
        inner = {
            name.removeprefix(_BEFORE): array for name, array in arrays.items() if name.startswith(_BEFORE)
        }
        before = cls.of_arrays(inner) if inner else None
        parted = tuple(arrays["parted"].tolist()) if inner else ()
        examples = arrays.get("examples/features"), arrays.get("examples/counts")
        return cls(centres, owners.astype(int), *projection, limit, *examples, before, parted)


_BEFORE = "before/"  # of the names of arrays


def nearest_centre(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the index of the centre, (k, d), that is nearest to each point, (n, d): (n,) int.

    >>> nearest_centre(np.array([[0.0], [3.0]]), np.array([[4.0], [1.0]])).tolist()
    [1, 0]

    Parameters
    ----------
    points : ndarray, shape (n, d)
    centres : ndarray, shape (k, d)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    return np.asarray(((centres**2).sum(1) - 2 * points @ centres.T).argmin(1))


def nearest_of(centres: np.ndarray, owners: np.ndarray, far: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Return what squares the distances of points, (n, d), to each owner's nearest centre, (n, n_owners).

    ``far`` from 0, where points are not projected, what all centres share would only cost digits.

    Parameters
    ----------
    centres : ndarray, shape (m, d)
    owners : ndarray of int, shape (m,)
        Owner of each centre, 0 to n_owners - 1, each with a centre.
    far : bool
        Whether the points are far from 0: the mean of the centres is taken off first.

    Returns
    -------
    callable
        Gets points, ndarray of shape (n, d); returns the squared distances, ndarray of shape (n, n_owners).
    """
    order = np.argsort(owners, kind="stable")
    first = np.searchsorted(owners[order], np.arange(owners.max() + 1))
    origin = centres.mean(0) if far else 0
    kernels = np.ascontiguousarray(centres[order] - origin, np.float32)
    squares = np.einsum("ij,ij->i", kernels, kernels)

    def distances(points: np.ndarray) -> np.ndarray:
        points = points - origin if far else points
        found = points @ (-2 * kernels.T)
        found += squares
        nearest = found if len(first) == len(kernels) else np.minimum.reduceat(found, first, axis=1)
        nearest += np.einsum("ij,ij->i", points, points)[:, None]
        return nearest

    return distances
