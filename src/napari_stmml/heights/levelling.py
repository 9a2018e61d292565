"""Levelling: fit tilt, bow and line offsets to heights and take them out; every way on its own.

Each function takes heights, (rows, cols) float with NaN where missing, and ``use``, (rows, cols) bool, the
pixels that its fit takes notice of, never a missing one; it returns new heights. `flattening` chains them.
"""

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_stmml.heights.missing import fill_nearest

_MOST_ROUNDS = 100  # of iterate_mask, as SPIEPy
_MOST_CHANGE = 10  # px of the mask, as SPIEPy
_SMALLEST = 5  # px of a part of the mask, as SPIEPy
_EDGE = 4.0  # a step's slope is above so many times the median slope ...
_FLANK = 2.5  # ... and its flanks above so many times


# Polynomials


def polynomial(heights: np.ndarray, use: np.ndarray, degree: int = 1) -> np.ndarray:
    """Subtract the best sum of x**i * y**j, i and j up to ``degree``; a lower one where there are too few."""
    rows, cols = np.asarray(use.any(1)), np.asarray(use.any(0))
    room = min(rows.sum(), cols.sum())
    while degree and (room <= degree or use.sum() < (degree + 1) ** 2):
        degree -= 1
    down, right = _powers(rows, 2 * degree), _powers(cols, 2 * degree)
    middle = heights[use][0] if not use.all() else heights[0, 0]
    moments = np.outer(down.sum(1), right.sum(1)) if use.all() else _sums(use.astype(float), down, right)
    down, right = down[: degree + 1], right[: degree + 1]
    sums = _sums(np.where(use, heights - middle, 0.0), down, right)
    terms = _solve(moments, sums)
    terms[0, 0] += middle
    return heights - _surface(terms, down, right)


def _sums(values: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the sums of values, (rows, cols), times each of ``down`` and each of ``right``.

    By einsum, not matrix products: the second thread of a BLAS stalls a viewer on busy cores.
    """
    return np.einsum("ki,ij->kj", down, values) @ right.T


def _surface(terms: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the sum of terms times ``down`` and ``right``, (rows, cols)."""
    return np.einsum("ki,kj->ij", terms.T @ down, right)


def _powers(used: np.ndarray, degree: int) -> np.ndarray:
    """Return the powers 0 to ``degree``, (degree + 1, n), of a coordinate that is -1 to 1 where used."""
    at = np.flatnonzero(used)
    half = max(at[-1] - at[0], 1) / 2
    x = (np.arange(used.size) - (at[0] + at[-1]) / 2) / half
    return x ** np.arange(degree + 1)[:, None]


def peaks(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the 2nd-order polynomial through the local maxima; through all heights if below 9."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    blurred = gaussian_filter(fill_nearest(heights), 1, mode="nearest")
    tops = (maximum_filter(blurred, 8) == blurred) & use
    tops[[0, -1]] = tops[:, [0, -1]] = False
    return polynomial(heights, tops if tops.sum() >= 9 else use, 2)


def average_lines(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the mean slope of all rows and that of all columns, then the mean."""
    right, down = _mean_slope(heights, use), _mean_slope(heights.T, use.T)
    slope = down * np.arange(heights.shape[0])[:, None] + right * np.arange(heights.shape[1])
    flat = heights - slope
    return flat - flat[use].mean()


def _mean_slope(heights: np.ndarray, use: np.ndarray) -> float:
    """Return the mean slope per px of lines fitted to every run of 3 px or more along the rows."""
    framed = np.zeros((use.shape[0], use.shape[1] + 1), bool)  # a gap ends every row
    framed[:, :-1] = use
    change = np.flatnonzero(np.diff(framed.ravel(), prepend=False))
    start, end = change[::2], change[1::2]
    start, end = start[end - start > 2], end[end - start > 2]
    if not start.size:  # only single points and pairs: lines across the gaps
        pixels, *_, slopes = _lines(heights, use)
        return float(slopes @ pixels / pixels[pixels > 1].sum()) if (pixels > 1).any() else 0.0
    values = np.zeros(framed.shape)
    np.copyto(values[:, :-1], heights - heights[use][0], where=use)
    n = (end - start).astype(float)
    bounds = np.column_stack([start, end]).ravel()
    total = np.add.reduceat(values.ravel(), bounds)[::2]
    values[:, :-1] *= np.arange(use.shape[1])
    moment = np.add.reduceat(values.ravel(), bounds)[::2]
    middle = start % framed.shape[1] + (n - 1) / 2
    slopes = (moment - middle * total) / (n * (n**2 - 1) / 12)
    return float(slopes @ n / n.sum())


def iterate_mask(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Fit the plane again and again without what is more than a standard deviation off the mean."""
    first = polynomial(heights, use)
    if min(use.any(1).sum(), use.any(0).sum()) < 2 or use.sum() < 4:
        return first
    # Mean, deviation and fit of a round follow from sums over pixels; only the few pixels that enter or leave
    # the mask change these.
    mask = unused = ~use
    down, right = _powers(np.asarray(use.any(1)), 2), _powers(np.asarray(use.any(0)), 2)
    values = np.where(use, first, 0.0)
    squares, every = float(np.vdot(values, values)), _Sums.over(use, values, down, right)
    kept, terms = every, np.zeros((2, 2))
    for _ in range(_MOST_ROUNDS):
        mean, sigma = every.mean_and_sigma(squares, terms)
        new = _tidy(_off(first, terms, mean, sigma, down, right), unused)
        changed = np.nonzero(mask != new)
        if new.all():
            break
        sign = np.where(new[changed], -1.0, 1.0)
        kept = kept + _Sums.of(changed, sign, values, down, right)
        mask, terms = new, kept.solve()
        if len(changed[0]) <= _MOST_CHANGE:
            break
    else:
        warnings.warn("iterate_mask did not settle within 100 rounds; look at the result", stacklevel=4)
    return first - _surface(terms, down[:2], right[:2])


@dataclass(frozen=True)
class _Sums:
    """Sums over pixels of y**i * x**j, (3, 3), and of heights times these, (2, 2): the fit of a plane."""

    moments: np.ndarray
    heights: np.ndarray

    @classmethod
    def over(cls, use: np.ndarray, values: np.ndarray, down: np.ndarray, right: np.ndarray) -> Self:
        return cls(_sums(use.astype(float), down, right), _sums(values, down[:2], right[:2]))

    @classmethod
    def of(
        cls,
        at: tuple[np.ndarray, ...],
        sign: np.ndarray,
        values: np.ndarray,
        down: np.ndarray,
        right: np.ndarray,
    ) -> Self:
        y, x = down[:, at[0]], right[:, at[1]].T
        return cls((y * sign) @ x, (y[:2] * (sign * values[at])) @ x[:, :2])

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.moments + other.moments, self.heights + other.heights)

    def solve(self) -> np.ndarray:
        """Return the terms (2, 2) of the best plane."""
        return _solve(self.moments, self.heights)

    def mean_and_sigma(self, squares: float, terms: np.ndarray) -> tuple[float, float]:
        """Return mean and standard deviation of the heights less the plane of ``terms``."""
        of_plane = np.array(
            [[(self.moments[i : i + 2, j : j + 2] * terms).sum() for j in (0, 1)] for i in (0, 1)]
        )
        n = self.moments[0, 0]
        mean = (self.heights - of_plane)[0, 0] / n
        square = (squares - 2 * (terms * self.heights).sum() + (terms * of_plane).sum()) / n
        return mean, np.sqrt(max(square - mean**2, 0.0))


def _solve(moments: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Solve the normal equations for the terms of a polynomial, (degree + 1, degree + 1)."""
    i, j = (one.ravel() for one in np.indices(sums.shape))
    gram = moments[i[:, None] + i, j[:, None] + j]
    return np.linalg.lstsq(gram, sums.ravel(), rcond=1e-14)[0].reshape(sums.shape)


def _off(
    heights: np.ndarray, terms: np.ndarray, mean: float, sigma: float, down: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Say which heights are more than ``sigma`` off ``mean`` on top of a plane, some rows at a time."""
    off = np.empty(heights.shape, bool)
    lines = terms.T @ down[:2]
    lines[0] += mean
    step = max(1, 60_000 // heights.shape[1])  # fits into the processor's cache
    for i in range(0, len(heights), step):
        part = heights[i : i + step] - np.einsum("ki,kj->ij", lines[:, i : i + step], right[:2])
        np.greater(np.abs(part, out=part), sigma, out=off[i : i + step])
    return off


def _tidy(mask: np.ndarray, always: np.ndarray) -> np.ndarray:
    """Join both masks, fill their holes and drop parts below 5 px, but nothing of ``always``."""
    from scipy.ndimage import label

    mask = mask | always
    holes, n = label(~mask)
    enclosed = np.ones(n + 1, bool)
    for border in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        enclosed[border] = False
    if not enclosed[1:].all():  # else everything would be one hole
        enclosed[0] = True  # the mask itself
        mask = np.take(enclosed, holes)
    parts = holes
    label(mask, output=parts)
    kept = np.bincount(parts.ravel()) >= _SMALLEST
    kept[0] = False
    return np.take(kept, parts) | always


# Rows


def row_mean(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the mean of each row."""
    n = use.sum(1)
    sums = np.where(use, heights, 0.0).sum(1)
    return heights - _between(sums / np.maximum(n, 1), n > 0)[:, None]


def row_median(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the median of each row."""
    return heights - _between(*medians(heights, use))[:, None]


def row_mean_and_slope(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract from each row the line that fits it best."""
    n, x, mean, middle, slope = _lines(heights, use)
    slope = _between(slope, n > 1)
    centre = _between(mean - slope * middle, n > 0)
    return heights - (centre[:, None] + slope[:, None] * x)


def _lines(heights: np.ndarray, use: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return pixels per row, places x from the middle of the frame, and each row's mean, mean x and slope."""
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
    """Shift each row so that its differences to the row before have the median that all of them have.

    The shifts add up, and so would a small error that a slanting step makes in each. Their straight line is
    therefore not subtracted: a tilt stays, for a levelling method. The mean becomes 0.
    """
    rows = np.flatnonzero(use.any(1))
    values, there = heights[rows], use[rows]
    steps, known = medians(np.diff(values, axis=0), there[1:] & there[:-1])
    for i in np.flatnonzero(~known):  # no pixel above another
        steps[i] = np.median(values[i + 1][there[i + 1]]) - np.median(values[i][there[i]])
    shifts = np.concatenate([[0.0], np.cumsum(steps)])
    at = rows - rows.mean()
    shifts -= at * (at @ shifts / max(at @ at, 1.0))
    offsets = np.zeros(len(heights))
    offsets[rows] = shifts
    flat = heights - _between(offsets, np.asarray(use.any(1)))[:, None]
    return flat - flat[use].mean()


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


# Surfaces with steps


def facet(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Turn the slope that most of the surface has to the horizontal, then take out the mean."""
    if min(heights.shape) < 3:
        return polynomial(heights, use)
    middle = heights[use].mean()
    flat = heights - middle - _ramp(heights.shape, *_shared_slopes(heights, use))  # no twist
    for _ in range(2):  # blurring holds down the ends of a slope, so what is left is measured again
        flat = flat - _ramp(flat.shape, *_commonest(_slopes(flat, use)[:, use]))
    return flat - flat[use].mean()


def terraces(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Fit slopes that all terraces share and an offset for each, so that a step stays; largest at 0."""
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
