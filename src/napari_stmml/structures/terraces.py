"""The ground of terraces and the steps between them, with lengths in nm."""

import numpy as np

from napari_stmml.heights.running_median import running_median
from napari_stmml.structures.cells import Cells, averaged, cells_of, enlarged

_WINDOW_NM = 3.4  # of the running median
_SMALL_NM = 0.225  # side of cells that are averaged for it
_STEP_NM = 0.07  # a change of the ground within _NEAR_NM that is a step: half of the lowest step of silicon
_NEAR_NM = 0.6
_LONGEST_NM = 8.0  # a change that is shorter is an object, not a step
_OWN_NM = 0.5  # from here around, a pixel's height says on which terrace it lies


def ground_of_terraces(heights: np.ndarray, pixel: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ground, and where its steps are.

    Away from steps the ground is the running median; near a step, of the medians around, the one nearest to
    the pixel's own height, so that it is sharp where the surface is.

    Parameters
    ----------
    heights : ndarray of float32, shape (rows, cols)
        nm, lines aligned, without NaN.
    pixel : (float, float)
        nm per pixel along rows and columns.

    Returns
    -------
    ground : ndarray of float32, shape (rows, cols)
    at_step : ndarray of bool, shape (rows, cols)

    Examples
    --------
    >>> stairs = np.where(np.arange(200) < 90, 0, 0.3) * np.ones((200, 1))
    >>> ground, at_step = ground_of_terraces(stairs.astype(np.float32), (0.1, 0.1))
    >>> sorted({round(float(one), 2) for one in np.unique(ground[:, (20, 180)])}), bool(at_step[100, 89])
    ([0.0, 0.3], True)
    """
    cells = cells_of(pixel)
    size = (pixel[0] * cells[0], pixel[1] * cells[1])
    small = averaged(heights, cells)
    median = _running_median(small, size, cells)
    at_step = _steps(median, size)
    if at_step.any():
        median, at_step = _sharp(small, median, at_step, size)
    rows, cols = heights.shape
    marked = at_step.repeat(cells[0], 0).repeat(cells[1], 1)[:rows, :cols]
    return enlarged(median, cells, heights.shape), marked


def _running_median(small: np.ndarray, size: tuple[float, float], cells: Cells) -> np.ndarray:
    """Return the running median; where cells are many or small, of means of 2 x 2, ten times faster."""
    pairs = (2, 2) if cells == (1, 1) or max(size) < _SMALL_NM else (1, 1)
    widths = [_odd(_WINDOW_NM, one * n) for one, n in zip(size, pairs, strict=True)]
    return enlarged(running_median(averaged(small, pairs), widths), pairs, small.shape)


def _odd(length_nm: float, size: float) -> int:
    return 2 * max(1, round(length_nm / 2 / size)) + 1


def _range(values: np.ndarray, width: list[int]) -> np.ndarray:
    from scipy.ndimage import maximum_filter, minimum_filter

    return np.asarray(maximum_filter(values, width) - minimum_filter(values, width))


def _steps(median: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Mark where the median changes by a step along a line of some length."""
    from scipy.ndimage import find_objects, label

    changes = _range(median, [_odd(2 * _NEAR_NM, one) for one in size]) > _STEP_NM
    pieces, _ = label(changes, np.ones((3, 3)))
    long = [False]
    for rows, cols in find_objects(pieces):
        length = np.hypot((rows.stop - rows.start) * size[0], (cols.stop - cols.start) * size[1])
        long.append(bool(length > _LONGEST_NM))
    return np.asarray(np.array(long)[pieces])


def _sharp(
    small: np.ndarray, median: np.ndarray, near: np.ndarray, size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Make the ground sharp near steps: of nine medians around, the one nearest to the own height."""
    from scipy.ndimage import binary_dilation

    reach = [int(np.ceil(_WINDOW_NM / 2 / one)) for one in size]
    zone = binary_dilation(near, iterations=max(reach))
    own = running_median(small, [_odd(2 * _OWN_NM, one) for one in size])
    best, off = median.copy(), np.abs(own - median)
    framed = np.pad(median, [(one, one) for one in reach], mode="edge")
    for down in (0, reach[0], 2 * reach[0]):
        for right in (0, reach[1], 2 * reach[1]):
            other = framed[down : down + median.shape[0], right : right + median.shape[1]]
            nearer = np.abs(own - other) < off
            best[nearer] = other[nearer]
            off = np.minimum(off, np.abs(own - other))
    ground = np.where(zone, best, median)
    return ground, (_range(ground, [_odd(0.5, one) for one in size]) > _STEP_NM) & zone
