"""The ground: terraces with sharp steps between them, without what lies on them, on cells of 2 px.

A running median blurs a step by half its window. Here every cell takes, of the medians around it, the one
nearest to its own height: the ground changes where the surface does, and an adatom at the foot of a step
stays above it.
"""

import numpy as np

from napari_stmml.heights.pyramid import blurred, halved
from napari_stmml.heights.running_median import running_median
from napari_stmml.heights.spread import median

_WIDE = 11  # cells of 4 px, over which the median is taken: 2.9 nm at 15 px/nm
_BAND = 512  # rows at a time, of which the ground is taken; a multiple of a cell
_REACH = 32  # rows beyond, which it sees
_SLOPE_PX = 3.0  # standard deviation in px, at which the slope of terraces is measured


def levelled(heights: np.ndarray) -> np.ndarray:
    """Make terraces flat: subtract the plane of the median slope.

    A plane fitted to all heights would follow a staircase of steps; the median slope is that of the terraces,
    for most pixels lie on no step.

    Parameters
    ----------
    heights : ndarray of float32, shape (rows, cols)
        Without NaN, in any unit.

    Returns
    -------
    ndarray of float32, shape (rows, cols)

    Examples
    --------
    >>> stairs = 0.1 * np.indices((64, 64))[1].astype(np.float32) + 5 * (np.arange(64) > 30)
    >>> np.unique(levelled(stairs).round(2)).size
    2
    """
    smooth = blurred(heights, _SLOPE_PX)
    down = median(smooth[1::2, ::2] - smooth[:-1:2, ::2])
    right = median(smooth[::2, 1::2] - smooth[::2, :-1:2])
    rows, cols = np.ogrid[: heights.shape[0], : heights.shape[1]]
    found = np.empty(heights.shape, np.float32)
    for top in range(0, len(heights), _BAND):
        band = slice(top, top + _BAND)
        found[band] = heights[band] - (down * rows[band] + right * cols)
    return found


def coarse_median(half: np.ndarray) -> np.ndarray:
    """Return the running median, on cells of 4 px, (n, m), of heights on cells of 2 px, (2 n, 2 m).

    Parameters
    ----------
    half : ndarray, shape (2 n, 2 m)
        Heights on cells of 2 px, in any unit.

    Returns
    -------
    ndarray, shape (n, m)
    """
    return running_median(halved(half), (_WIDE, _WIDE))


def ground(half: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Return the ground of heights: of the 3 x 3 medians around each cell the one nearest to its height.

    Parameters
    ----------
    half : ndarray, shape (2 n, 2 m)
        Heights on cells of 2 px.
    coarse : ndarray, shape (n, m)
        Their `coarse_median`.

    Returns
    -------
    ndarray, shape (2 n, 2 m)
    """
    framed = np.pad(coarse, 1, mode="edge")
    found = coarse.repeat(2, 0).repeat(2, 1)
    off = np.abs(half - found)
    for row in range(3):
        for col in range(3):
            some = framed[row : row + coarse.shape[0], col : col + coarse.shape[1]]
            some = some.repeat(2, 0).repeat(2, 1)
            other = np.abs(half - some)
            np.copyto(found, some, where=other < off)
            np.minimum(off, other, out=off)
    return found


def ground_below(heights: np.ndarray) -> np.ndarray:
    """Return the ground of a map, (rows, cols) float32, of any size, on its own pixels.

    Parameters
    ----------
    heights : ndarray of float32, shape (rows, cols)
        Without NaN, in any unit.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
    """
    found = np.empty_like(heights)
    for top in range(0, len(heights), _BAND):
        first = max(top - _REACH, 0)
        some = _ground_of_band(heights[first : top + _BAND + _REACH])[top - first :]
        found[top : top + _BAND] = some[:_BAND]
    return found


def _ground_of_band(heights: np.ndarray) -> np.ndarray:
    rows, cols = heights.shape
    framed = np.pad(heights, [(0, -size % 4) for size in heights.shape], mode="edge")
    half = halved(blurred(framed, 2.0))
    return ground(half, coarse_median(half)).repeat(2, 0).repeat(2, 1)[:rows, :cols]
