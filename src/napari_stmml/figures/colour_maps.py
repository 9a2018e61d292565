"""Colours of heights: the 256 colours of a map, and heights painted in them."""

from typing import TYPE_CHECKING

import numpy as np

from napari_stmml.colours import NOT_SCANNED, STM_COLOURS, robust_limits
from napari_stmml.parameter_type import nearest
from napari_stmml.text import quoted

if TYPE_CHECKING:
    from matplotlib.colors import Colormap


def colour_table(cmap: str) -> np.ndarray:
    """Return the 256 colours of a colour map.

    Parameters
    ----------
    cmap : str
        ``stm``, or any colour map of matplotlib's.

    Returns
    -------
    ndarray of uint8, shape (256, 3)

    Raises
    ------
    ValueError
        If it is not known, naming the nearest that is.
    """
    if cmap == "stm":
        at = np.linspace(0, len(STM_COLOURS) - 1, 256)
        parts = [np.interp(at, range(len(STM_COLOURS)), part) for part in zip(*STM_COLOURS, strict=True)]
        return np.rint(255 * np.stack(parts, axis=1)).astype(np.uint8)
    from matplotlib import colormaps

    known = {name.lower(): name for name in ("stm", *colormaps)}
    if cmap not in colormaps:
        near = known[nearest(cmap.lower(), known)]
        raise ValueError(
            f"cmap {quoted(cmap)} is not known; did you mean {near!r}? There are stm and those of matplotlib"
        )
    return colormaps[cmap](np.linspace(0, 1, 256), bytes=True)[:, :3]


def stm_colormap() -> "Colormap":
    """Return the colour map ``stm`` for matplotlib; pixels that were not scanned are a blue grey."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("stm", STM_COLOURS).with_extremes(bad=NOT_SCANNED)


def colour_heights(
    heights: np.ndarray, cmap: str = "stm", limits: tuple[float, float] | None = None
) -> np.ndarray:
    """Paint heights, (rows, cols), as (rows, cols, 3) uint8; pixels that were not scanned are a blue grey.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In any unit; NaN where not scanned.
    cmap : str
        ``stm``, or any colour map of matplotlib's.
    limits : (float, float), optional
        Heights of the first and the last colour; without them half a percent is left out at either end.

    Raises
    ------
    ValueError
        If the colour map is not known.

    Examples
    --------
    >>> colour_heights(np.array([[0.0, 1.0, np.nan]]), "gray").tolist()
    [[[0, 0, 0], [255, 255, 255], [89, 107, 122]]]
    """
    low, high = limits or robust_limits(heights)
    steps = (np.asarray(heights, np.float32) - np.float32(low)) * np.float32(255 / (high - low or 1.0))
    missing = ~np.isfinite(steps)
    steps[missing] = 0
    painted = colour_table(cmap)[np.rint(np.clip(steps, 0, 255, out=steps), out=steps).astype(np.uint8)]
    painted[missing] = [round(255 * part) for part in NOT_SCANNED]
    return painted
