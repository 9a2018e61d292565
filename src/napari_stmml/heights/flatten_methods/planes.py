"""Level by planes and polynomials that are fitted to the whole map.

Each function takes heights, (rows, cols) float with NaN where missing, and ``use``, (rows, cols) bool, the
pixels that enter its fit, never a missing one; it returns new heights. `flatten` chains them.
"""

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_stmml.heights.flatten_methods.rows import fitted_lines
from napari_stmml.heights.missing import fill_nearest

_MOST_ROUNDS = 100  # of iterate_mask, as SPIEPy
_MOST_CHANGE = 10  # px of the mask, as SPIEPy
_SMALLEST = 5  # px of a part of the mask, as SPIEPy
_AT_ONCE = 4_000_000  # px, so that a large map has no copies of its size


def poly_xy(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the plane, with a term x*y, that fits all heights best."""
    return polynomial(heights, use, 1)


def poly_xy_2(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the polynomial of 2nd order in x and in y that fits all heights best."""
    return polynomial(heights, use, 2)


def polynomial(heights: np.ndarray, use: np.ndarray, degree: int) -> np.ndarray:
    """Subtract the best sum of x**i * y**j, i and j up to ``degree``; a lower one where there are too few."""
    rows, cols = np.asarray(use.any(1)), np.asarray(use.any(0))
    room = min(rows.sum(), cols.sum())
    while degree and (room <= degree or use.sum() < (degree + 1) ** 2):
        degree -= 1
    down, right = _powers(rows, 2 * degree), _powers(cols, 2 * degree)
    middle = heights[use][0] if not use.all() else heights[0, 0]
    moments = np.outer(down.sum(1), right.sum(1)) if use.all() else _sums(use.astype(float), down, right)
    down, right = down[: degree + 1], right[: degree + 1]
    step = max(1, _AT_ONCE // len(heights))
    sums = [
        np.einsum("ki,ij->kj", down, np.where(use[:, part], heights[:, part] - middle, 0.0))
        for part in (slice(left, left + step) for left in range(0, heights.shape[1], step))
    ]
    terms = _solve(moments, np.concatenate(sums, 1) @ right.T)
    terms[0, 0] += middle
    flat = np.empty(heights.shape)
    for top in range(0, len(heights), step):
        part = slice(top, top + step)
        flat[part] = heights[part] - _surface(terms, down[:, part], right)
    return flat


def peaks(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the polynomial of 2nd order through the local maxima, such as atoms.

    With fewer than 9 maxima, through all heights.
    """
    from scipy.ndimage import gaussian_filter, maximum_filter

    blurred = gaussian_filter(fill_nearest(heights), 1, mode="nearest")
    tops = (maximum_filter(blurred, 8) == blurred) & use
    tops[[0, -1]] = tops[:, [0, -1]] = False
    return polynomial(heights, tops if tops.sum() >= 9 else use, 2)


def xy(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Subtract the mean slope of all rows and of all columns, then the mean."""
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
        pixels, *_, slopes = fitted_lines(heights, use)
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
    """Fit the plane again and again without the heights more than a standard deviation off it."""
    first = polynomial(heights, use, 1)
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
        new = _tidy(_far_off(first, terms, mean, sigma, down, right), unused)
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


def _far_off(
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
