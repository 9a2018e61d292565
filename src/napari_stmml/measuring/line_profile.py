"""Heights along a line, in nm."""

from typing import TYPE_CHECKING

import numpy as np

from napari_stmml.scan import Scan

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 4096


def heights_along(heights: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Interpolate heights on a line, one about every pixel; NaN where the nearest pixel has none.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
    line : ndarray of float, shape (2, 2)
        Row and column of start and end, in px.

    Returns
    -------
    ndarray of float

    Examples
    --------
    >>> heights_along(np.arange(12.0).reshape(3, 4), np.array([[1, 0], [1, 3]]))
    array([4., 5., 6., 7.])
    """
    from scipy.ndimage import map_coordinates

    points = _points(line).T
    options = {"output": float, "mode": "constant", "cval": np.nan}
    smooth, nearest = (map_coordinates(np.asarray(heights), points, order=one, **options) for one in (1, 0))
    return np.where(np.isnan(smooth), nearest, smooth)


def line_profile(scan: Scan, line: np.ndarray) -> "pd.DataFrame":
    """Return the heights of a scan along a line.

    Parameters
    ----------
    scan : Scan
    line : ndarray of float, shape (2, 2)
        Row and column of start and end, in px; whole numbers are middles of pixels.

    Returns
    -------
    DataFrame
        A row a point: ``distance`` along the line, ``x`` and ``y`` from the top left corner of the frame, in
        nm (px where the scale is not known), and ``height`` in the unit of the scan, NaN where there is none.

    Raises
    ------
    ValueError
        If start and end are the same, or are no two points.
    """
    import pandas as pd

    line = np.asarray(line, float)
    if line.shape != (2, 2) or not np.isfinite(line).all():
        raise ValueError(f"a line has a start and an end, row and column each, got shape {line.shape}")
    if np.array_equal(line[0], line[1]):
        raise ValueError("a line needs two different ends: draw a longer one")
    size = np.array(scan.pixel_size or (1.0, 1.0))
    places = (_points(line) + 0.5) * size
    distance = np.hypot(*(places - places[0]).T)
    heights = heights_along(scan.heights, line)
    return pd.DataFrame({"distance": distance, "x": places[:, 1], "y": places[:, 0], "height": heights})


def _points(line: np.ndarray) -> np.ndarray:
    """Return points on a line, (n, 2), one about every pixel."""
    start, end = np.asarray(line, dtype=float)
    steps = int(min(MOST_POINTS, max(1, np.ceil(np.hypot(*(end - start))))))
    return np.asarray(start + (end - start) * np.linspace(0, 1, steps + 1)[:, None])
