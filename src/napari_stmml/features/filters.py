"""Features of a pixel's surroundings that need no training: how high, steep, curved and rough it is there.

They do not change when the surface is turned. All is local: a tile with ``reach`` px around it has the same
features, bit by bit, as the whole map.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_stmml.heights.ground import coarse_median, ground, ground_below, levelled
from napari_stmml.heights.lattice import split_lattice
from napari_stmml.heights.pyramid import blurred, doubled, halved
from napari_stmml.heights.spread import map_sigma, median, robust_sigma, thinned
from napari_stmml.system.threads import in_threads

_SMOOTH = 1.5  # cells, over which features are averaged
_ROUGH = 4.0  # cells, over which roughness is averaged
_WIDE = 6.0  # cells, over which the strength of the lattice is averaged
_NAMES = (
    *("slope 1", "ridge 1", "valley 1", "slope 2", "ridge 2"),
    *("bump 2", "bump 4", "bump 16", "height 2", "height 4"),
    *("slope 4", "ridge 4", "valley 4", "slope 8"),
    *("line 2", "grain 2", "line 4", "grain 4"),
)
_LOGARITHMS = ("rough 1", "rough 2", "lattice")  # the lattice comes last of all
NO_LATTICE = -5.8  # median of that feature, below which a map has none; those with one are above -5.3
_ACROSS = 256  # px of a line, about, that tell how high it lies
_BAND, _BEYOND = 64, 2  # rows at a time, and those beyond that curvatures see
_LARGE = 400_000  # cells, from which on one thread alone makes maps
_SCALE = 2.0  # times the usual height of what features are of is their unit
_LEAST = np.float32(0.02)  # squared height, below which nothing is rough


@dataclass(frozen=True)
class FilterFeatures:
    """Filters of 1 to 32 px on heights without their lattice, one set of features for each cell of 2 x 2 px.

    A number in a name is the standard deviation of the Gaussian in px. A bump is what is higher than its
    surroundings, a height is above the terrace. Ridge and valley are the curvatures, the smaller and the
    larger one. Lines have slopes in one direction around them, such as steps, grains in all. Tiles begin at
    and measure multiples of ``align`` px; a feature sees ``reach`` px far.

    >>> filters = FilterFeatures()
    >>> filters.features(filters.channels(np.eye(64, dtype=np.float32))).shape
    (32, 32, 21)
    """

    cell: int = 2
    reach: int = 168
    align: int = 8
    names: tuple[str, ...] = _NAMES + _LOGARITHMS

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return len(self.names)

    def channels(self, heights: np.ndarray) -> np.ndarray:
        """Make terraces flat, take the lattice out of a whole map and scale; (2, rows, cols) float32.

        The first channel is the rest, the second the lattice. Lines that were recorded too high or too low
        are moved by the median of the line above the ground. The unit is between what terraces with
        their lattice vary by and what they vary by without: how high steps are does not matter.

        Parameters
        ----------
        heights : ndarray, shape (rows, cols)
            Flattened, without NaN, in any unit; 16 px a side or more.
        """
        heights = np.asarray(heights, np.float32)
        spread = map_sigma(heights) or np.float32(1)
        rest, lattice = split_lattice(levelled((heights - median(heights)) / spread))
        below = ground_below(rest)
        some = np.s_[:, :: max(1, rest.shape[1] // _ACROSS)]
        rest -= np.median(rest[some] - below[some], axis=1, keepdims=True)
        flat = thinned(rest) - thinned(below)
        del below
        uneven = robust_sigma(flat) * robust_sigma(flat + thinned(lattice))
        unit = np.float32(_SCALE) * np.sqrt(np.float32(uneven))
        found = np.stack([rest, lattice])
        found /= unit or np.float32(1)
        return found

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Filter the channels of a map, or of a tile of it.

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
        shape = maps[_LOGARITHMS[0]].shape
        found = np.empty((*shape, self.n_features), np.float32)

        def fill(number: int) -> None:
            name = self.names[number]
            found[..., number] = maps[name] if name in _LOGARITHMS else _squashed(maps[name])

        in_threads(fill, range(self.n_features))
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Return nothing: no weight is trained.

        Returns
        -------
        dict of str to ndarray
            Always empty.
        """
        return {}


def _filtered(rest: np.ndarray, lattice: np.ndarray) -> dict[str, np.ndarray]:
    """Run the filters, coarse ones on coarser grids; maps (rows / 2, cols / 2)."""
    g1 = blurred(rest, 1.0)
    g2 = blurred(g1, 3**0.5)
    half = halved(g2)
    g4 = blurred(half, 3**0.5)
    g8 = blurred(halved(g4), 3**0.5)

    fine = _halved_shape(g1, 1, 1) | _halved_shape(g2, 2, 2)

    def bumps() -> dict[str, np.ndarray]:
        g16 = blurred(halved(g8), 3**0.5)
        wide16, wide32 = (doubled(doubled(one)) for one in (g16, blurred(g16, 12**0.5)))
        return _smoothed({"bump 2": half - g4, "bump 4": g4 - doubled(g8), "bump 16": wide16 - wide32})

    def above() -> dict[str, np.ndarray]:
        high = half - ground(half, coarse_median(half))
        return _smoothed({"height 2": high, "height 4": blurred(high, 3**0.5)})

    def lattice_height() -> dict[str, np.ndarray]:
        return {"lattice": np.log(np.maximum(blurred(halved(lattice**2), _WIDE), np.float32(1e-6)))}

    parts: list[Callable[[], dict[str, np.ndarray]]] = [
        above,
        lambda: _smoothed(fine),
        lambda: {"rough 1": _roughness(halved((rest - g2) ** 2)), "rough 2": _roughness((half - g4) ** 2)},
        lambda: _directions(half, 2, 3.0),
        lambda: _directions(g4, 4, 4.0),
        lambda: _smoothed(_shape(g4, 4, 2)),
        lambda: _smoothed({"slope 8": doubled(_shape(g8, 8, 2)["slope 8"])}),
        bumps,
        lattice_height,
    ]
    # Memory that many threads have asked for in large pieces stays with them: they fill maps of this one.
    found = in_threads(lambda part: part(), parts) if half.size < _LARGE else [part() for part in parts]
    return {name: one for maps in found for name, one in maps.items()}


def _smoothed(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: blurred(one, _SMOOTH) for name, one in maps.items()}


def _squashed(values: np.ndarray) -> np.ndarray:
    """Return the inverse hyperbolic sine, which numpy takes ten times as long for."""
    size = np.abs(values)
    return np.copysign(np.log(size + np.sqrt(size * size + np.float32(1))), values)


def _roughness(squares: np.ndarray) -> np.ndarray:
    """Average the logarithm of squared heights, so that a single defect does not matter."""
    return blurred(np.log(blurred(squares, 1.0) + _LEAST), _ROUGH)


def _shape(heights: np.ndarray, px: int, sigma: float) -> dict[str, np.ndarray]:
    """Return slope and principal curvatures of a map blurred by ``sigma`` of its own cells, in these."""
    down, right = np.gradient(heights)
    down_down, down_right = np.gradient(down)
    right_right = np.gradient(right, axis=1)
    unit = np.float32(sigma)
    slope = _length(down, right)
    slope *= unit
    middle = down_down + right_right
    middle /= 2
    right_right -= down_down
    right_right /= 2
    apart = _length(right_right, down_right)
    ridge = np.subtract(middle, apart, out=down_down)
    ridge *= unit**2
    middle += apart
    middle *= unit**2
    return {f"slope {px}": slope, f"ridge {px}": ridge, f"valley {px}": middle}


def _halved_shape(heights: np.ndarray, px: int, sigma: float) -> dict[str, np.ndarray]:
    """Return what `_shape` does, of the features there are, on cells of 2 px; in bands to save memory."""
    rows, cols = heights.shape
    names = [name for name in (f"slope {px}", f"ridge {px}", f"valley {px}") if name in _NAMES]
    found = {name: np.empty((rows // 2, cols // 2), np.float32) for name in names}

    def fill(top: int) -> None:
        first = max(top - _BEYOND, 0)
        maps = _shape(heights[first : top + _BAND + _BEYOND], px, sigma)
        for name, one in found.items():
            own = maps[name][top - first : top - first + _BAND]
            one[top // 2 : top // 2 + _BAND // 2] = halved(own)

    in_threads(fill, range(0, rows, _BAND))
    return found


def _length(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the root of the sum of squares of two maps, which are lost: large maps need their memory."""
    one *= one
    other *= other
    one += other
    return np.sqrt(one, out=one)


def _directions(heights: np.ndarray, px: int, sigma: float) -> dict[str, np.ndarray]:
    """Return by how much the slopes around go one way, and how much all ways: the structure tensor."""
    down, right = np.gradient(heights)
    dd, rr, dr = (blurred(one, sigma) for one in (down * down, right * right, down * right))
    apart = np.sqrt((dd - rr) ** 2 + 4 * dr * dr)
    grain = np.maximum(dd + rr - apart, 0)
    return {f"line {px}": np.sqrt(apart), f"grain {px}": np.sqrt(grain)}
