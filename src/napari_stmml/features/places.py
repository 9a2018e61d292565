"""The places of a map that get labels, windows or cells: their features, and their labels painted back."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_stmml.features.bank import LEAST, cell_tiles, plane
from napari_stmml.heights.prepare import NotUsable, to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.srsml24 import dense_unet

ENCODED_AT_ONCE = 2048  # windows; 34 MB of features at 32 px


def place_features(
    recipe: Recipe, encoder: Any, heights: np.ndarray, grid: WindowGrid, wanted: np.ndarray
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield features of the places of prepared heights, some at a time, each with its index into the grid.

    Parameters
    ----------
    recipe : Recipe
    encoder : Autoencoder or Bank
        Of the recipe.
    heights : ndarray of float32, shape (rows, cols) or (2, rows, cols)
    grid : WindowGrid
    wanted : ndarray of bool, shape (rows, cols) of the grid
        Complete places. Windows that are not wanted are not encoded; tiles of cells come whole.

    Yields
    ------
    place : tuple
        Slices of the rows and columns of a tile of cells, or rows and columns, (n,) each, of windows.
    features : ndarray of float32, shape (cells down, cells across, n_features) or (n, n_features)
    """
    if not recipe.of_windows:
        yield from cell_tiles(encoder, heights)
    elif recipe.features == "dense windows":
        yield from dense_unet.window_tiles(encoder.dense_encoder, heights, grid, wanted, most=ENCODED_AT_ONCE)
    else:
        chosen = np.argwhere(wanted)
        for start in range(0, len(chosen), ENCODED_AT_ONCE):
            some = chosen[start : start + ENCODED_AT_ONCE]
            yield tuple(some.T), encoder.encode(grid.extract(heights, some))


def paint_scan(
    nearest: np.ndarray,
    margin: np.ndarray,
    grid: WindowGrid,
    heights: np.ndarray,
    scan: Scan,
    return_confidence: bool = False,
) -> Any:
    """Bring labels of windows onto a scan's own pixels: a map, or with it the map of confidence."""
    shape = plane(heights).shape
    labels = to_own_pixels(grid.paint(nearest, shape), scan.heights.shape)
    labels[~np.isfinite(scan.heights)] = 0
    if not return_confidence:
        return labels
    confidence = to_own_pixels(grid.paint(margin, shape), scan.heights.shape)
    return labels, np.where(labels > 0, confidence, np.float32(np.nan))


def windows_of(scan: Scan, recipe: Recipe, grid: WindowGrid) -> tuple[np.ndarray, np.ndarray]:
    """Prepare a scan and list the windows of it that are complete.

    Returns
    -------
    heights : ndarray of float32, shape (rows, cols) at the recipe's pixel density
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
    least = max(grid.window, 0 if recipe.of_windows else LEAST)
    fits = f"no window of {least} px fits"
    shape = plane(heights).shape
    if min(shape) < least:
        raise NotUsable(
            fits,
            f"{scan.name}: {shape[0]} x {shape[1]} px at {recipe.pixel_density:g} px/nm is"
            f" smaller than one window of {least} px",
        )
    chosen = np.argwhere(grid.complete(plane(heights)))
    if not len(chosen):
        raise NotUsable(fits, f"{scan.name}: {fits} where it was scanned")
    return heights, chosen
