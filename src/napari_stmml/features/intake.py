"""Take scans in: prepare each one for a recipe, or say why it cannot be used."""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.events import Skipped
from napari_stmml.heights.two_biases import first_map
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe
from napari_stmml.scan import NotUsable, Scan


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan with its prepared heights.

    Parameters
    ----------
    scan : Scan
    flat : ndarray, shape (rows, cols)
        Heights in nm, flattened, at the recipe's pixel density.
    heights : ndarray of float32, shape (rows, cols) or (2, rows, cols) of two biases
        The same, normalised: what features are made of.
    windows : ndarray of int, shape (n, 2)
        Row and column, in the grid, of every window or cell without a missing height.
    limit : str
        The reason that it would have been left out for without ``force``; empty if there is none.
    """

    scan: Scan
    flat: np.ndarray = field(repr=False)
    heights: np.ndarray = field(repr=False)
    windows: np.ndarray = field(repr=False)
    limit: str = ""


def prepare_scan(
    scan: Scan, recipe: Recipe, grid: WindowGrid, *, force: bool = False, least_scanned: float = 0.0
) -> PreparedScan:
    """Prepare a scan and list the windows or cells of a grid that fit into it.

    Parameters
    ----------
    scan : Scan
        With ``other`` where the recipe takes both biases.
    recipe : Recipe
    grid : WindowGrid
        In px of the prepared map.
    force : bool
        Take it although a limit (``least_scanned``, too coarse, too large) would leave it out.
    least_scanned : float
        Least share of the frame's lines that must have been scanned, 0 to 1.

    Returns
    -------
    PreparedScan

    Raises
    ------
    NotUsable
        If it cannot be used. The message begins with the scan's name; ``sentence`` is without.
    """
    try:
        limit = _unscanned(scan, least_scanned, force)
        preparation = recipe.preprocessing
        try:
            flat = preparation.flat(scan)
        except NotUsable as error:
            if not force:
                raise
            limit, flat = error.reason, preparation.flat(scan, force=True)
        heights = preparation.normalised(flat, scan, force=force)
        return PreparedScan(scan, flat, heights, complete_windows(heights, recipe, grid), limit)
    except NotUsable as error:
        raise NotUsable(error.reason, error.sentence, scan.name) from error


def skipped(scan: Scan, error: ValueError, number: int | None = None) -> Skipped:
    """Make the event that a scan is left out because of an error, which names it.

    Parameters
    ----------
    scan : Scan
    error : ValueError
        Why it is left out; its ``reason``, if it has one, is the reason in short.
    number : int, optional
        Of the scan in its request, from 0.

    Returns
    -------
    Skipped
    """
    reason = getattr(error, "reason", "cannot be prepared")
    return Skipped(scan.name, str(error), reason, number, scan.source or scan.name, scan.short_direction)


def _unscanned(scan: Scan, least: float, force: bool) -> str:
    """Return the limit that a partial scan is below, if any; raise unless ``force``."""
    scanned = float(np.isfinite(scan.heights).any(axis=1).mean())
    if scanned >= least:
        return ""
    limit = f"below pixel_ratio {least:g}"
    if not force:
        raise NotUsable(limit, f"{scanned:.0%} of the lines were scanned, {limit} is skipped")
    return limit


def complete_windows(heights: np.ndarray, recipe: Recipe, grid: WindowGrid, name: str = "") -> np.ndarray:
    """List the windows or cells of a grid without a missing height: row and column, (n, 2) int.

    Raises
    ------
    NotUsable
        If there is none; the message begins with ``name``.
    """
    least = max(grid.window, recipe.least_px)
    fits = f"no window of {least} px fits"
    rows, cols = first_map(heights).shape
    if min(rows, cols) < least:
        size = f"{rows} x {cols} px at {recipe.pixel_density:g} px/nm"
        raise NotUsable(fits, f"{size} is smaller than one window of {least} px", name)
    windows = np.argwhere(grid.complete(first_map(heights)))
    if not len(windows):
        raise NotUsable(fits, f"{fits} where it was scanned", name)
    return windows
