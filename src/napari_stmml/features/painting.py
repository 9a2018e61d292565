"""Prepare a scan and list its windows or cells; paint their labels back onto the scan's own pixels."""

from typing import Any

import numpy as np

from napari_stmml.heights.prepare import NotUsable, to_own_pixels
from napari_stmml.heights.two_biases import first_map
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe
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


def windows_of(scan: Scan, recipe: Recipe, grid: WindowGrid) -> tuple[np.ndarray, np.ndarray]:
    """Prepare a scan and list the windows or cells of it that are complete.

    Returns
    -------
    heights : ndarray of float32, shape (rows, cols) or (2, rows, cols) at the recipe's pixel density
    chosen : ndarray of int, shape (n, 2)
        Row and column in the grid.

    Raises
    ------
    ValueError
        If there is no such window; the message names the scan.
    """
    try:
        heights = recipe.preprocessing.apply(scan)
    except NotUsable as error:
        raise NotUsable(error.reason, f"{scan.name}: {error}") from error
    least = max(grid.window, recipe.least_px)
    fits = f"no window of {least} px fits"
    shape = first_map(heights).shape
    if min(shape) < least:
        raise NotUsable(
            fits,
            f"{scan.name}: {shape[0]} x {shape[1]} px at {recipe.pixel_density:g} px/nm is"
            f" smaller than one window of {least} px",
        )
    chosen = np.argwhere(grid.complete(first_map(heights)))
    if not len(chosen):
        raise NotUsable(fits, f"{scan.name}: {fits} where it was scanned")
    return heights, chosen
