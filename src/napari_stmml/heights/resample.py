"""Resample maps to a pixel density, and bring labels back from there to a scan's own pixels."""

import numpy as np

from napari_stmml.heights.missing import fill_nearest
from napari_stmml.scan import NotUsable

MOST_UPSAMPLING = 4.0  # beyond this a resampled scan shows its interpolation, not its surface
MOST_PIXELS = 20_000  # px a side after resampling, the pixel_limit of SRSML24


def resample(
    heights: np.ndarray,
    pixel_size: tuple[float, float] | None,
    pixel_density: float | None,
    most_upsampling: float = MOST_UPSAMPLING,
    most_pixels: int = MOST_PIXELS,
) -> np.ndarray:
    """Resample heights smoothly to ``pixel_density`` px/nm along both axes.

    Finer pixels are interpolated by cubics, coarser ones from a smoothed map. A new pixel is NaN if any pixel
    that it covers is.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        NaN where nothing was scanned.
    pixel_size : (float, float) or None
        nm per pixel along rows and along columns; None, an unknown scale, keeps the pixels as they are.
    pixel_density : float or None
        px/nm; negative: a multiple of the scan's own; None keeps the pixels as they are.
    most_upsampling : float
    most_pixels : int
        px a side.

    Returns
    -------
    ndarray of float64, of the new number of rows and columns

    Raises
    ------
    NotUsable
        If the scan is more than ``most_upsampling`` times coarser, or would be over ``most_pixels`` a side.
    """
    shape = check_resampling(heights.shape, pixel_size, pixel_density, most_upsampling, most_pixels)
    if shape == heights.shape:
        return np.asarray(heights, dtype=float)
    from skimage.transform import resize

    missing = ~np.isfinite(heights)
    filled = fill_nearest(np.asarray(heights, dtype=float)) if missing.any() else heights
    order = 3 if any(new > old for new, old in zip(shape, heights.shape, strict=True)) else 1
    look = {"mode": "symmetric", "clip": False, "anti_aliasing": True, "preserve_range": True}
    fine = resize(filled, shape, order=order, **look)
    fine[_covered(missing, shape)] = np.nan
    return fine


def check_resampling(
    shape: tuple[int, ...],
    pixel_size: tuple[float, float] | None,
    pixel_density: float | None,
    most_upsampling: float = MOST_UPSAMPLING,
    most_pixels: int = MOST_PIXELS,
) -> tuple[int, ...]:
    """Return the shape that ``resample`` gives a map of this one, raising as it does."""
    if pixel_density is None or (pixel_size is None and pixel_density > 0):
        return shape
    if pixel_density < 0:
        factors = [-pixel_density, -pixel_density]
    else:
        factors = [size * pixel_density for size in pixel_size or ()]
    asked = f"{pixel_density:g} px/nm" if pixel_density > 0 else f"{-pixel_density:g} times its own density"
    if max(factors) > most_upsampling:
        own = "" if pixel_size is None else f"the scan has {1 / max(pixel_size):.3g} px/nm and "
        raise NotUsable(
            f"coarser than 1/{most_upsampling:g} of pixel_density",
            f"{own}{asked} are asked for: more"
            f" than {most_upsampling:g} times finer shows no more; use a lower pixel density",
        )
    resampled = tuple(max(1, round(n * factor)) for n, factor in zip(shape, factors, strict=True))
    if max(resampled) > most_pixels:
        raise NotUsable(
            f"over pixel_limit {most_pixels}",
            f"the scan would be {resampled[0]} x {resampled[1]} px at {asked}, over {most_pixels}"
            " a side; use a lower pixel density",
        )
    return resampled


def to_own_pixels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Give each pixel of a scan the label of the resampled pixel that its centre lies in.

    Parameters
    ----------
    labels : ndarray, shape (rows, cols)
        On resampled pixels.
    shape : (int, int)
        Rows and columns of the scan.

    Returns
    -------
    ndarray of the same type, of that shape
    """
    if labels.shape == tuple(shape):
        return labels
    rows, cols = (
        ((np.arange(own) + 0.5) * len_ / own).astype(int)
        for own, len_ in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, cols)]


def _covered(marked: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Say which pixels of a map resampled to ``shape`` cover a marked one of its own, (rows, cols) bool."""
    for axis, new in enumerate(shape):
        old = marked.shape[axis]
        first = np.arange(new) * old // new
        end = -(-np.arange(1, new + 1) * old // new)
        before = np.insert(marked.cumsum(axis), 0, 0, axis)
        marked = np.take(before, end, axis) > np.take(before, first, axis)
    return marked
