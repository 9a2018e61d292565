"""Repair what the tip did to single lines and pixels: scars, lines that jump and come back, spikes.

Heights are (rows, cols) float with NaN where missing; ``use``, (rows, cols) bool, marks the pixels from which
the usual difference of neighbours is taken. All pixels are repaired. Rows are lines of the fast direction.
"""

import numpy as np

from napari_stmml.heights.flatten_methods.rows import medians
from napari_stmml.heights.spread import robust_sigma

_SCAR_LENGTH = 8  # px along the line, at least
_SCAR_WIDTH = 4  # lines, at most
_JUMP_LENGTH = 16  # px of a line that has jumped, at least
_FAR, _OFF = 3.0, 1.5  # times the usual difference of neighbouring lines: somewhere, and all along
_SHARP = 2.0  # times what the lines beyond a streak differ by, at least
_SMOOTH = 7  # px along the line, before its jumps are looked for
_SPIKE, _ALONE = 4.0, 2.0  # times the usual difference: from the median around; from all but one around
_ALONG = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]  # neighbours in the same row


def scars(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Bridge bright or dark streaks along the rows, up to 4 rows wide."""
    repaired = heights.copy()
    usual = _usual(np.diff(heights, axis=0)[use[1:] & use[:-1]])
    for sign in (1, -1):
        for width in range(1, min(_SCAR_WIDTH, len(heights) - 2) + 1):
            _bridge(repaired, usual, sign, width)
    return repaired


def _bridge(heights: np.ndarray, usual: float, sign: int, width: int) -> None:
    """Bridge streaks of ``width`` lines, bright (sign 1) or dark (-1), in ``heights`` itself."""
    n = len(heights) - width - 1
    above, below = heights[:n], heights[width + 1 :]
    lines = [heights[1 + i : 1 + i + n] for i in range(width)]
    if sign > 0:
        out = np.minimum.reduce(lines) - np.maximum(above, below)
    else:
        out = np.minimum(above, below) - np.maximum.reduce(lines)
    rows = np.flatnonzero((out > _FAR * usual).any(1))
    if not rows.size:
        return
    # The top of an atom is higher than both rows too, but not by more than the surface goes on falling.
    falls = np.abs(heights[np.maximum(rows - 1, 0)] - above[rows])
    falls = np.fmax(falls, np.abs(heights[np.minimum(rows + width + 2, len(heights) - 1)] - below[rows]))
    found = _runs(out[rows] - _SHARP * np.nan_to_num(falls), usual, _SCAR_LENGTH)
    at, cols = np.nonzero(found)
    at = rows[at]
    top, bottom = above[at, cols], below[at, cols]
    for i, line in enumerate(lines):
        line[at, cols] = top + (bottom - top) * (i + 1) / (width + 1)


def line_jumps(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Shift back rows, or parts of 16 px or more, that jump and come back with the next row."""
    from scipy.ndimage import label, maximum_filter1d, median, minimum_filter1d, uniform_filter1d

    if len(heights) < 3:
        return heights.copy()
    steps = np.diff(heights, axis=0)
    there = np.isfinite(steps)
    smooth = uniform_filter1d(np.where(there, steps, 0.0), _SMOOTH, axis=1, mode="nearest")
    usual = _usual(smooth[use[1:] & use[:-1]])
    repaired = heights.copy()
    for sign in (1, -1):
        out = np.minimum(sign * smooth[:-1], -sign * smooth[1:])
        out[~(there[:-1] & there[1:])] = -np.inf
        runs, n = label(_runs(out, usual, _JUMP_LENGTH), _ALONG)
        if n:
            off = (steps[:-1] - steps[1:]) / 2
            shifts = np.concatenate([[0.0], median(off, runs, np.arange(1, n + 1))])
            # Smoothing has blurred the ends of a run: there, each pixel goes where it fits better.
            rows = np.flatnonzero(runs.any(1))
            inside = minimum_filter1d(runs[rows], _SMOOTH, axis=1, mode="nearest") > 0
            shift = shifts[maximum_filter1d(runs[rows], _SMOOTH, axis=1, mode="nearest")]
            fits = np.abs(off[rows] - shift) < np.abs(off[rows])
            repaired[rows + 1] -= np.where(inside | fits, shift, 0.0)
    return repaired


def clip_spikes(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Set single pixels, or pairs, far off their neighbours to the median around them."""
    framed = np.pad(heights, 1, constant_values=np.nan)
    usual = max(
        _usual(np.diff(heights, axis=0)[use[1:] & use[:-1]], np.inf),
        _usual(np.diff(heights, axis=1)[use[:, 1:] & use[:, :-1]], np.inf),
    )
    clipped = heights.copy()
    for sign in (1, -1):
        lonely = np.zeros(heights.shape, np.int8)
        for beside in (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]):
            lonely += ~(sign * (heights - beside) <= _ALONE * usual)
        at = np.flatnonzero((lonely >= 3) & np.isfinite(heights))
        values, there = _around(framed, at)
        own, local = heights.flat[at], medians(values, there)[0]
        second = np.sort(np.where(there, sign * values, -np.inf), axis=1)[:, -2]
        out = (sign * (own - local) > _SPIKE * usual) & (sign * own - second > _ALONE * usual)
        out &= there.sum(1) >= 3
        clipped.flat[at[out]] = local[out]
    return clipped


def _around(framed: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the heights of the neighbours of pixels, (n, 8), and which of them are there."""
    rows, cols = np.divmod(at, framed.shape[1] - 2)
    by = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    values = np.stack([framed[rows + i, cols + j] for i, j in by], axis=1)
    return values, np.isfinite(values)


def _usual(differences: np.ndarray, floor: float = 4.0) -> float:
    """Return the robust standard deviation of differences about 0, the plain one over ``floor`` at least."""
    if not differences.size:
        return np.inf
    plain = np.sqrt(np.mean(differences**2))
    return float(max(robust_sigma(differences, centre=0.0), plain / floor))


def _runs(out: np.ndarray, usual: float, length: int) -> np.ndarray:
    """Find runs along the rows that are out all along, far out somewhere, and ``length`` px or longer."""
    from scipy.ndimage import label

    found = np.zeros(out.shape, bool)
    rows = np.flatnonzero((out > _FAR * usual).any(1))
    runs, n = label(out[rows] > _OFF * usual, _ALONG)
    kept = np.bincount(runs.ravel(), minlength=n + 1) >= length
    far = np.zeros(n + 1, bool)
    far[runs[out[rows] > _FAR * usual]] = True
    kept &= far
    kept[0] = False
    found[rows] = kept[runs]
    return found
