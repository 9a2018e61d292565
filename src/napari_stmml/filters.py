"""Features of a pixel's surroundings that need no training: how high, steep, curved and rough it is there.

They do not change when the surface is turned. All is local: a tile with ``reach`` px around it has the same
features, bit by bit, as the whole map.
"""

from dataclasses import dataclass

import numpy as np

from napari_stmml.periodic import split_lattice

_TRUNCATE = 3.0  # standard deviations, at which a Gaussian ends
_SMOOTH = 1.5  # cells, over which features are averaged
_WIDE = 6.0  # cells, over which the strength of the lattice is averaged
_NAMES = (
    *("bump 1", "texture 0", "slope 1", "ridge 1", "valley 1", "slope 2", "ridge 2"),
    *("bump 2", "bump 4", "height 2", "height 4", "bump 16"),
    *("slope 4", "ridge 4", "valley 4", "slope 8", "lattice"),
    *("line 2", "grain 2", "line 4", "grain 4"),
)
_SAMPLED = 500  # px a side, of which about the spread of a map is taken


@dataclass(frozen=True)
class FilterBank:
    """Filters of 1 to 32 px on heights without their lattice, one set of features for each cell of 2 x 2 px.

    A number in a name is the standard deviation of the Gaussian in px. A bump is what is higher than its
    surroundings; ridge and valley are the curvatures, the smaller and the larger one. Lines have slopes in
    one direction around them, such as steps, grains in all. Tiles begin at and
    measure multiples of ``align`` px; a feature sees ``reach`` px far.

    >>> bank = FilterBank()
    >>> bank.features(bank.prepare(np.eye(64, dtype=np.float32))).shape
    (32, 32, 21)
    """

    cell: int = 2
    reach: int = 168
    align: int = 8
    names: tuple[str, ...] = _NAMES

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return len(self.names)

    def prepare(self, heights: np.ndarray) -> np.ndarray:
        """Scale a whole map and take its lattice out; (2, rows, cols) float32, rest and lattice.

        Parameters
        ----------
        heights : ndarray, shape (rows, cols)
            Flattened, without NaN, in any unit; 16 px a side or more.
        """
        heights = np.asarray(heights, np.float32)
        step = max(1, int(np.sqrt(heights.size) / _SAMPLED))
        some = heights[::step, ::step]
        middle = np.median(some)
        spread = np.float32(1.4826 * np.median(np.abs(some - middle)))
        return np.stack(split_lattice((heights - middle) / (spread or np.float32(1))))

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Filter a map, or a tile of it, that `prepare` has made.

        Parameters
        ----------
        channels : ndarray of float32, shape (2, rows, cols)
            Rows and columns are multiples of ``align``.

        Returns
        -------
        ndarray of float32, shape (rows / cell, cols / cell, n_features)

        Raises
        ------
        ValueError
            If rows or columns are no multiple of ``align``.
        """
        if channels.shape[1] % self.align or channels.shape[2] % self.align:
            raise ValueError(f"sides must be multiples of {self.align} px, got {channels.shape[1:]}")
        maps = _filtered(*np.asarray(channels, np.float32))
        return np.arcsinh(np.stack([maps[name] for name in self.names], axis=-1))


def _filtered(rest: np.ndarray, lattice: np.ndarray) -> dict[str, np.ndarray]:
    """Run the filters, coarse ones on coarser grids; maps (rows / 2, cols / 2)."""
    g1 = blurred(rest, 1.0)
    g2 = blurred(g1, 3**0.5)
    fine = {"bump 1": g1 - g2, "texture 0": (rest - g2) ** 2} | _shape(g1, 1, 1) | _shape(g2, 2, 2)
    maps = {name: halved(one) for name, one in fine.items()}
    half = halved(g2)
    g4 = blurred(half, 3**0.5)
    g8 = blurred(halved(g4), 3**0.5)
    g16 = blurred(halved(g8), 3**0.5)
    wide16, wide32 = (doubled(doubled(one)) for one in (g16, blurred(g16, 12**0.5)))
    maps |= {"bump 2": half - g4, "bump 4": g4 - doubled(g8), "bump 16": wide16 - wide32}
    maps |= {"height 2": half - wide32, "height 4": g4 - wide32}
    maps |= _shape(g4, 4, 2) | {"slope 8": doubled(_shape(g8, 8, 2)["slope 8"])}
    maps = {name: blurred(maps[name], _SMOOTH) for name in _NAMES if name in maps}
    maps["texture 0"] = np.sqrt(maps["texture 0"])
    maps["lattice"] = np.log(np.maximum(blurred(halved(lattice**2), _WIDE), np.float32(1e-6)))
    return maps | _directions(half, 2, 3.0) | _directions(g4, 4, 4.0)


def _shape(heights: np.ndarray, px: int, sigma: float) -> dict[str, np.ndarray]:
    """Return slope and principal curvatures of a map blurred by ``sigma`` of its own cells, in these."""
    down, right = np.gradient(heights)
    down_down, down_right = np.gradient(down)
    right_right = np.gradient(right, axis=1)
    middle = (down_down + right_right) / 2
    apart = np.sqrt(((right_right - down_down) / 2) ** 2 + down_right**2)
    unit = np.float32(sigma)
    return {
        f"slope {px}": np.sqrt(down**2 + right**2) * unit,
        f"ridge {px}": (middle - apart) * unit**2,
        f"valley {px}": (middle + apart) * unit**2,
    }


def _directions(heights: np.ndarray, px: int, sigma: float) -> dict[str, np.ndarray]:
    """Return by how much the slopes around go one way, and how much all ways: the structure tensor."""
    down, right = np.gradient(heights)
    dd, rr, dr = (blurred(one, sigma) for one in (down * down, right * right, down * right))
    apart = np.sqrt((dd - rr) ** 2 + 4 * dr * dr)
    grain = np.maximum(dd + rr - apart, 0)
    return {f"line {px}": np.sqrt(apart), f"grain {px}": np.sqrt(grain)}


def blurred(heights: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a map, (rows, cols), with a Gaussian of ``sigma`` of its own pixels, 3 sigma wide."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(heights, sigma, mode="nearest", truncate=_TRUNCATE)


def halved(heights: np.ndarray) -> np.ndarray:
    """Average every 2 x 2."""
    return (heights[::2, ::2] + heights[1::2, ::2] + heights[::2, 1::2] + heights[1::2, 1::2]) / np.float32(4)


def doubled(heights: np.ndarray) -> np.ndarray:
    """Interpolate to twice the grid."""
    for _ in range(2):
        framed = np.concatenate([heights[:1], heights, heights[-1:]])
        doubled = np.empty((2 * len(heights), heights.shape[1]), heights.dtype)
        doubled[::2] = np.float32(0.75) * heights + np.float32(0.25) * framed[:-2]
        doubled[1::2] = np.float32(0.75) * heights + np.float32(0.25) * framed[2:]
        heights = np.ascontiguousarray(doubled.T)
    return heights
