"""The feature space of scans in two dimensions: a fair sample of cells, and where all of them lie."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from napari_stmml.clustering.centres import AT_ONCE, Prototypes, nearest_centre
from napari_stmml.clustering.kmeans import t_sne

METHODS = ("PCA", "t-SNE", "UMAP")
MOST = 50_000  # cells that are shown one by one
LAID_OUT = {"t-SNE": 3_000, "UMAP": 10_000}  # cells that a method of neighbours takes, at most
LEAST = 12  # cells, fewer make no picture
NO_UMAP = "UMAP needs the package umap-learn: pip install 'napari-stmml[explore]'"
_COMPARED = 1024  # cells at a time with all anchors: 40 MB of distances


@dataclass(frozen=True, eq=False)
class Drawn:
    """Cells drawn from scans: number of the scan, (n,), and of the cell in it, (n,), counted row by row."""

    scans: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.scans)

    def of(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Take what belongs to the cells, (n, ...), out of values of all cells, (cells, ...) of each scan.

        Parameters
        ----------
        values : sequence of ndarray, shape (cells, ...)
            One of each scan.

        Returns
        -------
        ndarray, shape (n, ...)
            Of the type that holds all of them.
        """
        kind = np.result_type(*values)
        found = np.empty((len(self), *values[0].shape[1:]), kind)
        for number, some in enumerate(values):
            here = self.scans == number
            found[here] = some[self.cells[here]]
        return found


def sample(groups: Sequence[np.ndarray], *, most: int = MOST, seed: int = 0) -> Drawn:
    """Draw cells from several scans so that rare classes are not lost.

    A class of n cells, over all scans, gets a share that grows with the square root of n, as when clusters
    are made (``grouping``); a class that has fewer cells than its share comes whole. Within a class every
    cell is as likely as any other.

    Parameters
    ----------
    groups : sequence of ndarray of int
        Class of each cell of each scan, of any shape; below 0 where there is no cell.
    most : int
        Cells in all.
    seed : int
        The same seed draws the same cells.
    """
    if most < 1:
        raise ValueError(f"a sample needs 1 cell or more, got {most}")
    rng = np.random.default_rng((seed, 4))
    flat = np.concatenate([one.ravel() for one in groups]) if groups else np.zeros(0, int)
    order = rng.permutation(np.flatnonzero(flat >= 0))
    order = order[np.argsort(flat[order], kind="stable")]
    sizes = np.bincount(flat[order]) if len(order) else np.zeros(0, int)
    within = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = rng.permutation(order[within < np.repeat(_shares(sizes, most), sizes)])
    ends = np.cumsum([one.size for one in groups])
    scans = np.searchsorted(ends, kept, side="right")
    return Drawn(scans, kept - np.append(0, ends)[scans])


def _shares(sizes: np.ndarray, most: int) -> np.ndarray:
    """Return how many of each group are drawn, the smallest first: what they leave goes to the others."""
    shares, left = np.zeros_like(sizes), most
    order = np.argsort(sizes, kind="stable")
    weights = np.sqrt(sizes[order])
    for group, weight, rest in zip(order, weights, np.cumsum(weights[::-1])[::-1], strict=True):
        shares[group] = min(int(sizes[group]), round(left * weight / max(rest, 1e-12)))
        left -= shares[group]
    return shares


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map from features to two dimensions, ``(features - mean) @ matrix``.

    Parameters
    ----------
    axes : (str, str)
        What stands at the axes.
    mean, matrix : ndarray of float32, shapes (n_features,) and (n_features, 2)
    """

    axes: tuple[str, str]
    mean: np.ndarray = field(repr=False)
    matrix: np.ndarray = field(repr=False)

    def points(self, features: np.ndarray) -> np.ndarray:
        """Return where features, (n, n_features), lie: (n, 2) float32; NaN stays NaN."""
        return _mapped(features, self.mean, self.matrix)


def project(features: np.ndarray, space: Prototypes) -> Projection:
    """Find the two directions in which a sample varies most, where clusters are compared (PCA).

    Parameters
    ----------
    features : ndarray of float32, shape (n, n_features)
    space : Prototypes
        The clusters of a model, whose own projection comes first.
    """
    mean, matrix = _own(space)
    points = _mapped(features, mean, matrix)
    variances, turn = np.linalg.eigh(np.atleast_2d(np.cov(points.T, dtype=float)))
    shares = [*(variances[::-1] / max(variances.sum(), 1e-30)), 0.0][:2]
    axes = np.zeros((len(turn), 2))
    axes[:, : len(turn)] = turn[:, ::-1][:, :2]
    axes *= np.where(axes[np.abs(axes).argmax(0), [0, 1]] < 0, -1, 1)  # one sign for one sample
    names = [f"PC {i + 1} ({100 * share:.0f} %)" for i, share in enumerate(shares)]
    return Projection((names[0], names[1]), features.mean(0), (matrix @ axes).astype(np.float32))


def lay_out(points: np.ndarray, method: str, *, seed: int = 0) -> np.ndarray:
    """Lay points, (n, d), out in two dimensions by their neighbours, (n, 2): minutes for 10,000 of them.

    Distances between groups that are far apart mean nothing here.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
    method : str
        ``"t-SNE"`` or ``"UMAP"`` (L. McInnes et al., arXiv:1802.03426).
    seed : int
        The same seed lays the same points out in the same way.

    Raises
    ------
    ValueError
        If there is no such method, or its package is not installed.
    """
    if method == "t-SNE":
        return t_sne(points, seed=seed)
    if method != "UMAP":
        raise ValueError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
    with _out_of_reach("tensorflow"):  # umap would load it whole, for what is not used here
        try:
            from umap import UMAP
        except ImportError as error:
            raise ValueError(NO_UMAP) from error
    near = min(15, len(points) - 1)
    return UMAP(n_neighbors=near, random_state=seed, n_jobs=1).fit_transform(points).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Latent:
    """What is shown: all cells of each scan, (cells, 2) with NaN where there is none, and those drawn."""

    axes: tuple[str, str]
    points: tuple[np.ndarray, ...] = field(repr=False)
    drawn: Drawn = field(repr=False)


def look(
    features: Sequence[np.ndarray],
    groups: Sequence[np.ndarray],
    space: Prototypes,
    method: str = "PCA",
    *,
    seed: int = 0,
) -> Latent:
    """Lay the cells of scans out in two dimensions.

    PCA is a linear map of all cells. The other methods lay out a sample, of at most ``LAID_OUT`` cells, and
    every other cell goes to where the one most like it is.

    Parameters
    ----------
    features : sequence of ndarray of float32, shape (cells, n_features)
        Of all cells of each scan; NaN where there is none.
    groups : sequence of ndarray of int, shape (cells,)
        Class of each, by which the sample is drawn.
    space : Prototypes
        As ``project`` takes it.
    method : str
        One of ``METHODS``.
    seed : int

    Raises
    ------
    ValueError
        If there are too few cells, or the method is none.
    """
    there = [np.isfinite(one[:, 0]) for one in features]
    groups = [np.where(real, one.astype(int), -1) for real, one in zip(there, groups, strict=True)]
    drawn = sample(groups, seed=seed)
    if len(drawn) < LEAST:
        raise ValueError(f"a view of the feature space needs {LEAST} cells or more, got {len(drawn)}")
    if method == "PCA":
        projection = project(drawn.of(features), space)
        return Latent(projection.axes, tuple(projection.points(one) for one in features), drawn)
    some = sample(groups, most=LAID_OUT.get(method, MOST), seed=seed)
    anchors = _mapped(some.of(features), *_own(space))
    places = lay_out(anchors, method, seed=seed)
    points = (_nearest_place(_mapped(one, *_own(space)), anchors, places) for one in features)
    return Latent((f"{method} 1", f"{method} 2"), tuple(points), drawn)


def _own(space: Prototypes) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and matrix of the space in which clusters are compared."""
    width = space.n_features
    mean = np.zeros(width, np.float32) if space.mean is None else space.mean
    return mean, np.eye(width, dtype=np.float32) if space.matrix is None else space.matrix


def _mapped(features: np.ndarray, mean: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    found = np.empty((len(features), matrix.shape[1]), np.float32)
    for start in range(0, len(features), AT_ONCE):
        found[start : start + AT_ONCE] = (features[start : start + AT_ONCE] - mean) @ matrix
    return found


def _nearest_place(points: np.ndarray, anchors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the place, (n, 2), of the anchor nearest to each point, (n, d); NaN stays NaN."""
    found = np.empty((len(points), 2), np.float32)
    for start in range(0, len(points), _COMPARED):
        part = slice(start, start + _COMPARED)
        found[part] = places[nearest_centre(points[part], anchors)]
    found[np.isnan(points[:, 0])] = np.nan
    return found


@contextmanager
def _out_of_reach(name: str) -> Iterator[None]:
    """Let nobody import a package that is not loaded yet, for as long as this lasts."""
    hide = name not in sys.modules
    if hide:
        sys.modules[name] = None  # type: ignore[assignment] # Python's own way to make an import fail
    try:
        yield
    finally:
        if hide:
            del sys.modules[name]
