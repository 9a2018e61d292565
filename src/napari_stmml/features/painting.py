"""Paint labels of windows or cells back onto the own pixels of a scan."""

from typing import Any

import numpy as np

from napari_stmml.features.borders import paint_cells
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
    borders: np.ndarray | None = None,
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
    borders : ndarray of uint8, shape ``shape``, optional
        Which cell each pixel has its label from: `EncodedMap.borders`.

    Returns
    -------
    ndarray, shape (rows, cols) of the scan, 0 = unlabelled
        With ``return_confidence`` a pair of it and of a map of float32, NaN where there is no label.
    """
    painted = on_own_pixels(labels, grid, shape, scan, borders)
    if not return_confidence:
        return painted
    sure = on_own_pixels(confidence, grid, shape, scan, borders)
    return painted, np.where(painted > 0, sure, np.float32(np.nan))


def on_own_pixels(
    values: np.ndarray,
    grid: WindowGrid,
    shape: tuple[int, int],
    scan: Scan,
    borders: np.ndarray | None = None,
) -> np.ndarray:
    """Bring values of windows or cells onto a scan's own pixels; 0 where none is, or nothing was scanned.

    Parameters
    ----------
    values : ndarray, shape (rows, cols) of the grid
    grid, shape, scan, borders
        As `paint_scan` takes them.

    Returns
    -------
    ndarray of the same type, shape (rows, cols) of the scan
    """
    painted = to_own_pixels(paint_cells(values, grid, shape, borders), scan.heights.shape)
    painted[~np.isfinite(scan.heights)] = 0
    return painted
