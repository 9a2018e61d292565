"""Points in a plane: which part of it to show, how densely they lie, which of them a closed line encloses."""

import numpy as np

Limits = tuple[tuple[float, float], tuple[float, float]]  # of x and of y


def limits_of(points: np.ndarray) -> Limits:
    """Return the range of x and of y of all points, (n, 2), but the 0.1 % farthest, with a margin."""
    finite = points[np.isfinite(points[:, 0])]
    if not len(finite):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = np.percentile(finite, (0.1, 99.9), axis=0)
    margin = np.maximum(0.08 * (high - low), 1e-3)
    (x0, y0), (x1, y1) = low - margin, high + margin
    return (float(x0), float(x1)), (float(y0), float(y1))


def on_grid(points: np.ndarray, shape: tuple[int, int], limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixel of points, (n, 2), in a picture of (rows, cols), the largest y in row 0.

    Returns
    -------
    flat : ndarray of int
        Index of the pixel, row by row, of the points that are visible.
    seen : ndarray of int
        Which of the points these are.
    """
    (x0, x1), (y0, y1) = limits
    rows, cols = shape
    col = (points[:, 0] - np.float32(x0)) * np.float32(cols / (x1 - x0))
    row = (np.float32(y1) - points[:, 1]) * np.float32(rows / (y1 - y0))
    seen = np.flatnonzero((col >= 0) & (col < cols) & (row >= 0) & (row < rows))
    return row[seen].astype(np.intp) * cols + col[seen].astype(np.intp), seen


def density(points: np.ndarray, shape: tuple[int, int], limits: Limits) -> np.ndarray:
    """Return how densely points, (n, 2), lie: (rows, cols) float32, 0 to 1, the logarithm of their number.

    >>> density(np.array([[0.5, 1.5], [0.5, 1.5], [0.5, 1.5], [1.5, 0.5]]), (2, 2), ((0, 2), (0, 2)))
    array([[1. , 0. ],
           [0. , 0.5]], dtype=float32)
    """
    flat, _ = on_grid(points, shape, limits)
    counts = np.log1p(np.bincount(flat, minlength=shape[0] * shape[1])).astype(np.float32)
    return (counts / max(counts.max(), np.float32(1e-9))).reshape(shape)


def inside(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Say which points, (n, 2), a closed line through corners, (k, 2), encloses: (n,) bool; NaN is outside.

    A point is inside if the line winds around it, once or oftener.
    Points are sorted by y, so that every edge looks at those of its own height alone.

    >>> inside(np.array([[0, 0], [2, 0], [0, 2]]), np.array([[0.5, 0.5], [1.5, 1.5]]))
    array([ True, False])
    """
    found = np.zeros(len(points), bool)
    if len(polygon) < 3:
        return found
    low, high = polygon.min(0), polygon.max(0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(1))
    near = near[np.argsort(points[near, 1])]
    x, y = np.ascontiguousarray(points[near].T, float)
    turns = np.zeros(len(near), np.int16)
    for (x0, y0), (x1, y1) in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        if y0 != y1:
            level = slice(*np.searchsorted(y, sorted((y0, y1))))
            crossed = x[level] < x0 + (y[level] - y0) * ((x1 - x0) / (y1 - y0))
            turns[level] += crossed if y1 > y0 else -crossed.astype(np.int16)
    found[near] = turns != 0
    return found
