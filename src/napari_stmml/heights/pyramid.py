"""Blur a map, halve its pixels and double them: what filters of several sizes are made of."""

from itertools import pairwise
from typing import Any

import numpy as np

from napari_stmml.system.threads import in_threads

_TRUNCATE = 3.0  # standard deviations, at which a Gaussian ends
_LARGE = 200_000  # pixels, from which on a map is blurred in threads
_PARTS = 4


def blurred(heights: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a map, (rows, cols), with a Gaussian of ``sigma`` px that ends at 3 sigma.

    Parameters
    ----------
    heights : ndarray of float, shape (rows, cols)
        Without NaN, in any unit.
    sigma : float
        px.

    Returns
    -------
    ndarray, shape and dtype of ``heights``
    """
    from scipy.ndimage import gaussian_filter, gaussian_filter1d

    how: dict[str, Any] = {"mode": "nearest", "truncate": _TRUNCATE}
    if heights.size < _LARGE:
        return gaussian_filter(heights, sigma, **how)
    found = np.empty_like(heights)

    def fill_columns(part: slice) -> None:
        gaussian_filter1d(heights[:, part], sigma, 0, output=found[:, part], **how)

    def fill_rows(part: slice) -> None:
        gaussian_filter1d(found[part], sigma, 1, output=found[part], **how)

    in_threads(fill_columns, _parts(heights.shape[1]))
    in_threads(fill_rows, _parts(heights.shape[0]))
    return found


def _parts(size: int) -> list[slice]:
    """Cut an axis into parts of about equal length."""
    edges = np.linspace(0, size, _PARTS + 1).astype(int).tolist()
    return [slice(*pair) for pair in pairwise(edges)]


def halved(heights: np.ndarray) -> np.ndarray:
    """Average every 2 x 2 px of a map with an even number of rows and columns.

    Parameters
    ----------
    heights : ndarray of float32, shape (2 rows, 2 cols)

    Returns
    -------
    ndarray of float32, shape (rows, cols)
    """
    return (heights[::2, ::2] + heights[1::2, ::2] + heights[::2, 1::2] + heights[1::2, 1::2]) / np.float32(4)


def doubled(heights: np.ndarray) -> np.ndarray:
    """Interpolate a map to twice the rows and columns.

    Parameters
    ----------
    heights : ndarray of float32, shape (rows, cols)

    Returns
    -------
    ndarray of float32, shape (2 rows, 2 cols)
    """
    for _ in range(2):
        framed = np.concatenate([heights[:1], heights, heights[-1:]])
        doubled = np.empty((2 * len(heights), heights.shape[1]), heights.dtype)
        doubled[::2] = np.float32(0.75) * heights + np.float32(0.25) * framed[:-2]
        doubled[1::2] = np.float32(0.75) * heights + np.float32(0.25) * framed[2:]
        heights = np.ascontiguousarray(doubled.T)
    return heights
