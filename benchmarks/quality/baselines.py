"""Baselines that a recipe has to beat: raw windows, plain filters, and answers that do not look."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.quality.models import places_on
from napari_stmml import Scan
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.features.intake import prepare_scan
from napari_stmml.heights.flatten import flatten
from napari_stmml.heights.spread import robust_sigma
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import get_recipe

RAW_COMPONENTS = 64
SAMPLED = 30_000  # vectors that plain k-means is fitted to


@dataclass(frozen=True, eq=False)
class Plain:
    """k-means on vectors of a fixed kind, (rows, cols, d) of a grid for each scan."""

    vectors: Callable[[Scan, WindowGrid], np.ndarray]
    grid: WindowGrid
    centres: np.ndarray = field(repr=False)

    @classmethod
    def fit(cls, vectors: Callable[..., np.ndarray], grid: WindowGrid, some: np.ndarray, k: int, seed: int):
        """Cluster ``some`` of the vectors, (n, d)."""
        from sklearn.cluster import KMeans

        means = KMeans(k, n_init=1, random_state=seed).fit(some)
        return cls(vectors, grid, means.cluster_centers_)

    def labels(self, scan: Scan, coarse: bool = False) -> np.ndarray:
        """Label every pixel by the nearest centre."""
        made = self.vectors(scan, self.grid)
        nearest, _ = Prototypes.plain(self.centres).assign(made.reshape(-1, made.shape[-1]))
        return self.grid.paint(nearest.reshape(made.shape[:2]) + 1, scan.heights.shape)

    def features(self, scan: Scan, coarse: bool = False) -> Iterator[np.ndarray]:
        """Yield all vectors."""
        made = self.vectors(scan, self.grid)
        yield made.reshape(-1, made.shape[-1])

    def places(self, scan: Scan) -> np.ndarray:
        """Say which vector each pixel belongs to."""
        return places_on(self.grid, scan.heights.shape, scan)


def raw_windows(kind: str, scans: Sequence[Scan], seed: int, ks: Sequence[int]) -> dict[int, Plain]:
    """Cluster principal components of the windows themselves, prepared as `srsml24` does."""
    from sklearn.decomposition import PCA

    recipe = get_recipe("srsml24", window_pitch=4)

    def windows(scan: Scan, grid: WindowGrid) -> np.ndarray:
        prepared = prepare_scan(scan, recipe, grid)
        return grid.extract(prepared.heights, prepared.windows).reshape(-1, grid.window**2)

    some = np.concatenate([windows(scan, recipe.training_grid) for scan in scans])
    components = PCA(RAW_COMPONENTS, random_state=0).fit(some)

    def vectors(scan: Scan, grid: WindowGrid) -> np.ndarray:
        return components.transform(windows(scan, grid)).reshape(*grid.shape(scan.heights.shape), -1)

    grid = recipe.prediction_grid
    return {k: Plain.fit(vectors, grid, components.transform(some), k, seed) for k in ks}


def plain_filters(kind: str, scans: Sequence[Scan], seed: int, ks: Sequence[int]) -> dict[int, Plain]:
    """Cluster 24 filters, averaged over 3 px, on heights that still have their lattice."""
    grid = WindowGrid(2, 2)
    all_of = np.concatenate([_filtered(scan, grid).reshape(-1, 24) for scan in scans])
    mean, spread = all_of.mean(0), all_of.std(0)

    def vectors(scan: Scan, grid: WindowGrid) -> np.ndarray:
        return (_filtered(scan, grid) - mean) / spread

    chosen = np.random.default_rng(seed).choice(len(all_of), min(SAMPLED, len(all_of)), replace=False)
    some = (all_of[chosen] - mean) / spread
    return {k: Plain.fit(vectors, grid, some, k, seed) for k in ks}


def _filtered(scan: Scan, grid: WindowGrid) -> np.ndarray:
    """Gaussian, slope, local variance, difference of Gaussians and curvatures at 1, 2, 4, 8 px."""
    from scipy.ndimage import gaussian_filter

    heights = flatten(np.asarray(scan.heights, float), "poly_xy + row_median")
    heights = heights - np.median(heights)
    heights /= robust_sigma(heights, centre=0.0)
    maps = []
    for sigma in (1, 2, 4, 8):
        smooth = gaussian_filter(heights, sigma)
        down, right = np.gradient(smooth)
        (dd, dr), rr = np.gradient(down), np.gradient(right, axis=1)
        middle, apart = (dd + rr) / 2, np.sqrt(((rr - dd) / 2) ** 2 + dr**2)
        variance = gaussian_filter(heights**2, sigma) - smooth**2
        beyond = smooth - gaussian_filter(heights, 2 * sigma)
        maps += [smooth, np.hypot(down, right), variance, beyond, middle + apart, middle - apart]
    averaged = np.stack([gaussian_filter(one, 3) for one in maps], -1).astype(np.float32)
    rows, cols = (grid.starts(side) for side in heights.shape)
    return averaged[np.ix_(rows, cols)]


@dataclass(frozen=True, eq=False)
class Blind:
    """An answer that does not look: one label everywhere, or any of k by chance."""

    k: int
    seed: int
    constant: bool

    def labels(self, scan: Scan, coarse: bool = False) -> np.ndarray:
        """Label every pixel."""
        if self.constant:
            return np.ones(scan.heights.shape, int)
        return np.random.default_rng(self.seed).integers(1, self.k + 1, scan.heights.shape)

    def features(self, scan: Scan, coarse: bool = False) -> None:
        """There are none."""

    def places(self, scan: Scan) -> np.ndarray:
        """There are none."""
        return np.full(scan.heights.shape, -1)


def blind(constant: bool) -> Callable[..., dict[int, Any]]:
    """Make an answer that does not look at the scan."""

    def fit(kind: str, scans: Sequence[Scan], seed: int, ks: Sequence[int]) -> dict[int, Any]:
        return {k: Blind(k, seed, constant) for k in ks}

    return fit
