"""Paint labels of windows or cells back onto the own pixels of a scan."""

from typing import Any

import numpy as np

from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.scan import Scan


def paint_scan(
    labels: np.ndarray,
    confidence: np.ndarray,
    grid: WindowGrid,
    shape: tuple[int, int],
    scan: Scan,
    return_confidence: bool = False,
) -> Any:
    """Bring labels of windows or cells onto a scan's own pixels: a map, or with it the map of confidence.

    Parameters
    ----------
    labels, confidence : ndarray, shape (rows, cols) of the grid
    grid : WindowGrid
    shape : (int, int)
        px of the prepared map.
    scan : Scan
    return_confidence : bool

    Returns
    -------
    ndarray, shape (rows, cols) of the scan, 0 = unlabelled
        With ``return_confidence`` a pair of it and of a map of float32, NaN where there is no label.
    """
    painted = to_own_pixels(grid.paint(labels, shape), scan.heights.shape)
    painted[~np.isfinite(scan.heights)] = 0
    if not return_confidence:
        return painted
    sure = to_own_pixels(grid.paint(confidence, shape), scan.heights.shape)
    return painted, np.where(painted > 0, sure, np.float32(np.nan))
