"""How many noise levels each pixel is above or below the surface, and the threshold that noise alone sets.

Heights are smoothed at three sizes, and divided by the noise of each. Protrusions and depressions have noise
levels of their own. Where the residual itself is uncertain, beside tall objects and on a high lattice, a
share of these heights counts as noise.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from napari_stmml.heights.spread import median
from napari_stmml.structures.cells import cells_of, enlarged, highest, slow
from napari_stmml.structures.maxima import maxima_within
from napari_stmml.system.threads import in_threads

SMALLEST_NM = 0.12  # standard deviation of the smallest Gaussian: the apparent size of an atom
_SIZES_NM = (SMALLEST_NM, 0.2, 0.33)
_NARROWEST_PX = 0.35
_OUT = 4.5  # noise levels, from which on a pixel counts for nothing in the noise
_OUT_NM = 0.8  # width of the square around such a pixel that counts neither
_BLOCK_NM = 4.0  # side of the blocks in which the noise is measured
_SHARE_TALL = 0.03  # of the height of what lies near, which is uncertain
_NEAR_NM = 2.5
_SHARE_LATTICE = 0.08  # of the amplitude of the lattice
_STEP_RESIDUAL_NM = 0.1  # height that a step counts with
_BORDER_NM = 0.12  # at the border of the frame, where nothing is found
_APART_NM = 0.3  # of two maxima of the noise
_TAIL = (2.0, 3.0)  # noise levels between which the tail of the maxima is measured
_POWER = 1.5  # the logarithm of the number of maxima falls with this power of the level
_FEWEST = 30  # maxima, below which the tail is taken from nowhere
_USUAL, _LOWEST, _HIGHEST = 5.0, 3.2, 9.0  # thresholds


@dataclass(frozen=True, eq=False)
class Significance:
    """How many noise levels each pixel stands out, and the threshold of each sign.

    ``up`` and ``down`` are (rows, cols) float32; ``thresholds`` are for finds upwards and downwards.
    """

    up: np.ndarray
    down: np.ndarray
    thresholds: tuple[float, float]


def gaussian(heights: np.ndarray, sigma_nm: float, pixel: tuple[float, float]) -> np.ndarray:
    """Smooth a map, (rows, cols), with a Gaussian of ``sigma_nm``, at least a third of a pixel."""
    from scipy.ndimage import gaussian_filter

    sigma = [max(sigma_nm / size, _NARROWEST_PX) for size in pixel]
    return np.asarray(gaussian_filter(heights.astype(np.float32), sigma, mode="nearest", truncate=3))


def standing_out(heights: np.ndarray, pixel: tuple[float, float], without: np.ndarray) -> np.ndarray:
    """Return which pixels belong to something that stands out of the noise, with a margin.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        A residual in nm.
    pixel : (float, float)
        nm per pixel.
    without : ndarray of bool, shape (rows, cols)
        Pixels that count for nothing, and are not returned.

    Returns
    -------
    ndarray of bool, shape (rows, cols)
    """
    smooth = in_threads(lambda size: gaussian(heights, size, pixel), _SIZES_NM)
    return _out(_levels(smooth, without, pixel), without, pixel) & ~without


def significance(
    heights: np.ndarray,
    pixel: tuple[float, float],
    at_step: np.ndarray,
    corrugation: np.ndarray,
    false_per_1000_nm2: float,
) -> Significance:
    """Measure how far each pixel stands out, and from where on noise gives as few finds as asked for.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        A residual in nm.
    pixel : (float, float)
        nm per pixel.
    at_step : ndarray of bool, shape (rows, cols)
    corrugation : ndarray, shape (rows, cols)
        Amplitude of the lattice in nm.
    false_per_1000_nm2 : float
        Finds on a surface without objects.

    Returns
    -------
    Significance
    """
    smooth = in_threads(lambda size: gaussian(heights, size, pixel), _SIZES_NM)
    levels = _levels(smooth, at_step, pixel)
    out = _out(levels, at_step, pixel)
    noise = _noise_map(smooth[0], out, pixel)
    noises = [noise * _border_noise(noise.shape, size, pixel) for size in _SIZES_NM]
    levels = [(up / own, down / own) for (up, down), own in zip(levels, noises, strict=True)]
    plain = [reduce(np.maximum, [pair[sign] for pair in levels]) for sign in (0, 1)]
    thresholds = in_threads(lambda one: _threshold(one, pixel, out, false_per_1000_nm2 / 2), plain)
    uncertain = _uncertain(smooth[0], at_step, corrugation, pixel)

    def tempered(sign: int) -> np.ndarray:
        found = [_tempered(pair[sign], one, uncertain) for pair, one in zip(levels, smooth, strict=True)]
        most = reduce(np.maximum, found)
        _clear_border(most, pixel)
        return most

    up, down = in_threads(tempered, (0, 1))
    return Significance(up, down, (thresholds[0], thresholds[1]))


def _levels(
    smooth: list[np.ndarray], without: np.ndarray, pixel: tuple[float, float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide by the noise upwards and downwards, at each size, in rounds: objects count for nothing in it.

    In the first round, the noise of the quieter side stands for both.
    """
    out = without
    for number in range(3):
        use = ~out if (~out).mean() > 0.1 else np.ones_like(out)
        found = []
        for one in smooth:
            values = one[use][::3]
            middle, up, down = _spread(values) if number else _first_spread(values)
            found.append(((one - middle) / np.float32(up), (middle - one) / np.float32(down)))
        if number < 2:
            out = _out(found, without, pixel)
    return found


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return the median, and the standard deviations above and below it, from the quartiles."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    up, down = max(high - middle, 1e-12) / 0.6745, max(middle - low, 1e-12) / 0.6745
    return float(middle), float(up), float(down)


def _first_spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return the middle of the narrowest third of the values, and the smaller spread of its sides, twice."""
    ordered = np.sort(values)
    third = max(len(ordered) // 3, 1)
    start = int((ordered[third:] - ordered[:-third]).argmin()) if len(ordered) > third else 0
    middle = float(ordered[start + third // 2])
    sides = [
        median(np.abs(side - middle)) for side in (ordered[ordered >= middle], ordered[ordered <= middle])
    ]
    spread = float(max(min(sides), 1e-12)) / 0.6745
    return middle, spread, spread


def _out(
    levels: list[tuple[np.ndarray, np.ndarray]], without: np.ndarray, pixel: tuple[float, float]
) -> np.ndarray:
    from scipy.ndimage import maximum_filter

    most = reduce(np.maximum, [one for pair in levels for one in pair])
    width = [2 * int(np.ceil(_OUT_NM / 2 / size)) + 1 for size in pixel]
    return np.asarray(without | maximum_filter(most > _OUT, width))


def _noise_map(fine: np.ndarray, out: np.ndarray, pixel: tuple[float, float]) -> np.ndarray:
    """Return how much larger the noise is around each pixel than in most of the map; 1 at least."""
    from scipy.ndimage import zoom

    n = [max(1, round(side * size / _BLOCK_NM)) for side, size in zip(fine.shape, pixel, strict=True)]
    rows, cols = (
        np.linspace(0, side, m + 1).round().astype(int) for side, m in zip(fine.shape, n, strict=True)
    )
    down, right = (one[:-1, None] + np.arange(np.diff(one).max()) for one in (rows, cols))
    block = (  # of equal sides: the last row or column of a smaller one counts twice
        np.minimum(down, rows[1:, None] - 1)[:, None, :, None],
        np.minimum(right, cols[1:, None] - 1)[None, :, None, :],
    )
    values, without = (one[block].reshape(*n, -1) for one in (fine, out))
    there = values.shape[2] - without.sum(2)
    middle = _median(values, without, there)[..., None]
    spread = _median(np.abs(values - middle), without, there)
    found = np.where(there > values.shape[2] / 4, spread, np.nan)
    usual = np.nanmedian(found) if np.isfinite(found).any() else 1.0
    relative = np.where(np.isfinite(found), found, usual) / max(usual, 1e-12)
    factors = [side / m for side, m in zip(fine.shape, n, strict=True)]
    return np.maximum(zoom(relative, factors, order=1, mode="nearest", grid_mode=True), 1).astype(np.float32)


def _median(values: np.ndarray, without: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return the median along the last axis, without some values; ``there`` counts the others."""
    ordered = np.sort(np.where(without, np.float32(np.inf), values), axis=-1)
    return np.take_along_axis(ordered, np.maximum(there - 1, 0)[..., None] // 2, axis=-1)[..., 0]


def _border_noise(shape: tuple[int, ...], size_nm: float, pixel: tuple[float, float]) -> np.ndarray:
    """Return how much larger smoothed noise is at the border, where fewer pixels are averaged; 1 inside."""
    from scipy.ndimage import gaussian_filter1d

    sides = []
    for side, step in zip(shape, pixel, strict=True):
        sigma = max(size_nm / step, _NARROWEST_PX)
        near = min(side, 8 * int(np.ceil(sigma)) + 1)
        spread = gaussian_filter1d(np.eye(near), sigma, axis=0, mode="nearest", truncate=3)
        own = np.sqrt((spread**2).sum(1)) / np.sqrt((spread[near // 2] ** 2).sum())
        factor, half = np.ones(side), near // 2
        factor[:half], factor[side - half :] = own[:half], own[near - half :]
        sides.append(factor)
    return np.outer(*sides).astype(np.float32)


def _threshold(levels: np.ndarray, pixel: tuple[float, float], out: np.ndarray, false: float) -> float:
    """Continue the tail of the noise's maxima to where ``false`` of them are left in 1000 nm2."""
    reach = max(_APART_NM, 1.01 * max(pixel))
    maxima = levels[maxima_within(levels, (levels > _TAIL[0]) & ~out, reach, pixel)]
    area = (~out).sum() * pixel[0] * pixel[1] / 1000
    counts = [int((maxima > one).sum()) for one in _TAIL]
    if counts[0] < _FEWEST:
        return _USUAL
    first, last = counts[0] / area, max(counts[1], 0.5) / area
    falls = np.log(first / last) / (_TAIL[1] ** _POWER - _TAIL[0] ** _POWER)
    if falls < 1e-3:
        return _USUAL
    level = (_TAIL[1] ** _POWER + np.log(max(last / false, 1.0)) / falls) ** (1 / _POWER)
    return float(np.clip(level, _LOWEST, _HIGHEST))


def _uncertain(
    fine: np.ndarray, at_step: np.ndarray, corrugation: np.ndarray, pixel: tuple[float, float]
) -> np.ndarray:
    """Return how uncertain the residual is around each pixel, squared, nm2."""
    from scipy.ndimage import maximum_filter

    tall = np.abs(fine)
    tall = np.where(at_step, np.maximum(tall, np.float32(_STEP_RESIDUAL_NM)), tall)
    cells = cells_of(pixel)
    tops = highest(tall, cells)
    width = [2 * int(np.ceil(_NEAR_NM / size / n)) + 1 for size, n in zip(pixel, cells, strict=True)]
    near = enlarged(slow(maximum_filter(tops, width), _NEAR_NM / 2, pixel), cells, tall.shape)
    return (_SHARE_TALL * near) ** 2 + (_SHARE_LATTICE * corrugation) ** 2


def _tempered(levels: np.ndarray, smooth: np.ndarray, uncertain: np.ndarray) -> np.ndarray:
    """Add what is uncertain to the noise."""
    height = np.maximum(np.abs(smooth - median(smooth)), 1e-9)
    return np.asarray(levels / np.sqrt(1 + levels**2 * uncertain / height**2))


def _clear_border(levels: np.ndarray, pixel: tuple[float, float]) -> None:
    rows, cols = (max(1, round(_BORDER_NM / size)) for size in pixel)
    levels[:rows] = levels[-rows:] = 0
    levels[:, :cols] = levels[:, -cols:] = 0
