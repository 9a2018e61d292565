"""Align rows: level each line of the fast direction.

Each function takes heights, (rows, cols) float with NaN where missing, and ``use``, (rows, cols) bool, the
pixels that enter its fit, never a missing one; it returns new heights. `flatten` chains them.
"""

import numpy as np

_AT_ONCE = 256  # rows


def row_mean(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract from each row its mean."""
    n = use.sum(1)
    sums = np.where(use, heights, 0.0).sum(1)
    return heights - _between(sums / np.maximum(n, 1), n > 0)[:, None]


def row_median(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract from each row its median, which tall features hardly change."""
    return heights - _between(*medians(heights, use))[:, None]


def row_mean_and_slope(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract from each row the line that fits it best."""
    n, x, mean, middle, slope = fitted_lines(heights, use)
    slope = _between(slope, n > 1)
    centre = _between(mean - slope * middle, n > 0)
    return heights - (centre[:, None] + slope[:, None] * x)


def fitted_lines(heights: np.ndarray, use: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return pixels per row, x from the middle of the frame, and each row's mean, mean x and slope."""
    x = np.arange(heights.shape[1]) - (heights.shape[1] - 1) / 2
    n = use.sum(1)
    some = np.maximum(n, 1)
    weights = use.astype(float)
    middle = np.einsum("ij,j->i", weights, x) / some
    spread = np.where(n > 1, np.einsum("ij,j->i", weights, x**2) - n * middle**2, 1.0)
    zero = heights[use].mean()
    values = np.where(use, heights - zero, 0.0)
    mean = values.sum(1) / some
    slope = np.where(n > 1, (np.einsum("ij,j->i", values, x) - n * middle * mean) / spread, 0.0)
    return n, x, mean + zero, middle, slope


def median_of_differences(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Shift each row to the one before by the median of their differences; steps and tilt stay.

    The shifts add up, and so would a small error that a slanting step makes in each. Their straight line is
    therefore not subtracted: a tilt stays, for a levelling method. The mean becomes 0.
    """
    rows = np.flatnonzero(use.any(1))
    steps, known = np.empty(len(rows) - 1), np.empty(len(rows) - 1, bool)
    for first in range(0, len(steps), _AT_ONCE):  # pairs of rows, so that a large map has no copy
        some = rows[first : first + _AT_ONCE + 1]
        there, pairs = use[some], slice(first, first + len(some) - 1)
        steps[pairs], known[pairs] = medians(np.diff(heights[some], axis=0), there[1:] & there[:-1])
    for i in np.flatnonzero(~known):  # no pixel above another
        one, next_one = (np.median(heights[row][use[row]]) for row in rows[i : i + 2])
        steps[i] = next_one - one
    shifts = np.concatenate([[0.0], np.cumsum(steps)])
    at = rows - rows.mean()
    shifts -= at * (at @ shifts / max(at @ at, 1.0))
    offsets = np.zeros(len(heights))
    offsets[rows] = shifts
    flat = heights - _between(offsets, np.asarray(use.any(1)))[:, None]
    flat -= flat.mean() if use.all() else flat[use].mean()
    return flat


def medians(values: np.ndarray, use: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of what is used of each row, and which rows have one."""
    n = use.sum(1)
    ordered = np.where(use, values, np.inf)
    ordered.sort(axis=1)
    middle = np.maximum(n, 1) - 1
    pair = np.take_along_axis(ordered, np.column_stack([middle // 2, (middle + 1) // 2]), 1)
    return np.where(n > 0, pair.mean(1), 0.0), n > 0


def _between(offsets: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Interpolate the offsets of rows that have none from the rows around them."""
    if known.all() or not known.any():
        return offsets
    rows = np.arange(len(offsets))
    return np.where(known, offsets, np.interp(rows, rows[known], offsets[known]))
