"""Level surfaces with steps: by the slope of most of the surface, or terrace by terrace.

Each function takes heights, (rows, cols) float with NaN where missing, and ``use``, (rows, cols) bool, the
pixels that enter its fit, never a missing one; it returns new heights. `flatten` chains them.
"""

import numpy as np

from napari_stmml.heights.flatten_methods.planes import poly_xy

_MOST_CHANGE = 10  # px of the terraces from round to round, below which they have settled
_EDGE = 4.0  # a step's slope is above so many times the median slope ...
_FLANK = 2.5  # ... and its flanks above so many times


def facet(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Make the slope that most of the surface has horizontal, so that terraces lie flat."""
    if min(heights.shape) < 3:
        return poly_xy(heights, use)
    middle = heights[use].mean()
    flat = heights - middle - _ramp(heights.shape, *_shared_slopes(heights, use))  # no twist
    for _ in range(2):  # blurring holds down the ends of a slope, so what is left is measured again
        flat = flat - _ramp(flat.shape, *_commonest(_slopes(flat, use)[:, use]))
    return flat - flat[use].mean()


def terraces(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Find the terraces between steps, fit slopes that all share and an offset for each.

    Steps stay; the mean of the largest terrace becomes 0.
    """
    flat = facet(heights, use)
    if min(heights.shape) < 3:
        return flat
    old = np.zeros(use.shape, np.int32)
    for _ in range(10):
        parts = _terraces(flat, use)
        flat = flat - _ramp(flat.shape, *_shared_slopes(flat, parts))
        changed, old = np.count_nonzero(parts != old), parts
        if changed <= _MOST_CHANGE:
            break
    return flat - flat[parts == np.bincount(parts[parts > 0]).argmax()].mean()


def _slopes(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Return the slopes per px down and right, (2, rows, cols), of the blurred heights; 0 in wide gaps."""
    from scipy.ndimage import gaussian_filter

    sigma = np.clip(min(heights.shape) / 80, 1, 6)
    blurred = gaussian_filter(np.where(use, heights, 0.0), sigma, mode="nearest")
    if not use.all():
        blurred /= np.maximum(gaussian_filter(use.astype(float), sigma, mode="nearest"), 1e-6)
    return np.array(np.gradient(blurred))


def _commonest(slopes: np.ndarray) -> np.ndarray:
    """Return the slope (down, right) about which most of ``slopes``, (2, n), lie: their mode."""
    some = slopes[:, :: max(1, slopes.shape[1] // 30_000)]
    centre = np.median(some, axis=1)
    for _ in range(50):
        old, centre = centre, _mean_about(some, centre)
        if np.abs(centre - old).max() <= 1e-4 * np.abs(some - centre[:, None]).mean():
            break
    return _mean_about(slopes, _mean_about(slopes, centre))


def _mean_about(slopes: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the mean of ``slopes``, (2, n), those far from ``centre`` weighing less."""
    off = (slopes[0] - centre[0]) ** 2 + (slopes[1] - centre[1]) ** 2
    usual = np.median(off[:: max(1, off.size // 30_000)])
    if not usual:
        return centre
    weights = np.exp(-off / (2 * usual))
    return slopes @ weights / weights.sum()


def _terraces(flat: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Give numbers to the parts between step edges from 1 on, 0 on the edges and where not used."""
    from scipy.ndimage import label

    steepness = np.hypot(*_slopes(flat, use))
    usual = max(np.median(steepness[use]), 1e-3 * steepness.max())
    flanks, n = label(steepness > _FLANK * usual, np.ones((3, 3)))
    edge = np.zeros(n + 1, bool)
    edge[flanks[steepness > _EDGE * usual]] = True
    edge[0] = False
    parts, _ = label(~edge[flanks])
    parts = np.where(use, parts, 0)
    return parts if parts.any() else use.astype(np.int32)


def _shared_slopes(heights: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return the slopes per px (down, right) that fit all parts best, each with an offset of its own."""
    at = np.flatnonzero(parts)
    part = parts.ravel()[at].astype(np.intp)
    columns = np.array([*np.unravel_index(at, parts.shape), heights.ravel()[at]], float)
    n = np.maximum(np.bincount(part), 1)
    for column in columns:
        column -= column.mean()
        column -= (np.bincount(part, column) / n)[part]
    ways, values = columns[:2], columns[2]
    return np.linalg.lstsq(ways @ ways.T, ways @ values, rcond=1e-14)[0]


def _ramp(shape: tuple[int, ...], down: float, right: float) -> np.ndarray:
    """Return a plane through 0 in the middle of the frame, with slopes per px."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return down * y[:, None] + right * x
