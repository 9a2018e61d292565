"""Fill missing heights with the value of the nearest pixel that has one."""

from typing import Any

import numpy as np


def fill_nearest(heights: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
    """Give every missing height the value of the nearest one that is there.

    Parameters
    ----------
    heights : ndarray of float, shape (rows, cols) or (maps, rows, cols)
        NaN or infinite where missing. Each map is filled from itself.
    missing : ndarray of bool, shape (rows, cols), optional
        Which heights to fill, in all maps alike, instead of those that are not finite.

    Returns
    -------
    ndarray, as ``heights``
        ``heights`` itself where nothing is missing; 0 where no height is there at all.

    Examples
    --------
    >>> fill_nearest(np.array([[1.0, np.nan, np.nan, 4.0]]))
    array([[1., 1., 4., 4.]])
    """
    if missing is None and heights.ndim == 3:
        return np.stack([fill_nearest(one) for one in heights])
    if missing is None:
        missing = ~np.isfinite(heights)
    if not missing.any():
        return heights
    if missing.all():
        return np.zeros_like(heights)
    from scipy.ndimage import distance_transform_edt

    nearest: Any = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(heights[(..., *nearest)])
