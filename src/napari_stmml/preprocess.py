"""Prepare heights: resample to a pixel density, flatten, normalise."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.flattening import fill_nearest, flatten, parse_chain
from napari_stmml.scan import Scan

MOST_UPSAMPLING = 4.0  # beyond this a resampled scan shows its interpolation, not its surface
MOST_PIXELS = 20_000  # px a side after resampling, the seed's pixel_limit


@dataclass(frozen=True)
class Preprocessing:
    """All that happens to heights before features; saved with the model.

    Parameters
    ----------
    flatten_method : str
        One of ``FLATTEN_METHODS``.
    pixel_density : float or None
        px/nm that every scan is resampled to; None keeps each scan's own pixels.
    """

    flatten_method: str = "poly_xy"
    pixel_density: float | None = 15.0

    def __post_init__(self) -> None:
        parse_chain(self.flatten_method)
        if self.pixel_density is not None and not 0 < self.pixel_density < np.inf:
            raise ValueError(f"pixel_density must be positive px/nm, got {self.pixel_density}")

    def apply(self, scan: Scan) -> np.ndarray:
        """Resample, flatten and normalise, in this order, as the seed does.

        Returns
        -------
        ndarray of float32, shape (rows, cols) at ``pixel_density``
            0 at the lowest and 1 at the highest point, NaN where nothing was scanned.

        Raises
        ------
        ValueError
            If the scan has no heights or all are equal, or is too coarse or too large to resample.
        """
        heights = np.where(np.isfinite(scan.heights), scan.heights, np.nan)
        # A plane comes out of a fit as rounding errors of its own height: nothing to stretch to 0..1.
        # Asked on the scan's own pixels, because resampling bends a plane a little at its edges.
        left = flatten(heights, "none" if self.flatten_method == "none" else "poly_xy")
        rounding = max(1e-11, 4 * float(np.finfo(scan.heights.dtype).eps))
        if np.nanmax(left) - np.nanmin(left) <= rounding * np.nanmax(np.abs(heights)):
            raise ValueError("the heights are constant or a plain plane: there is nothing to see in them")
        resampled = resample(heights, scan.pixel_size, self.pixel_density)
        return normalise(flatten(resampled, self.flatten_method))


def resample(
    heights: np.ndarray, pixel_size: tuple[float, float] | None, pixel_density: float | None
) -> np.ndarray:
    """Resample ``heights``, (rows, cols), smoothly to ``pixel_density`` px/nm along both axes.

    A scan of unknown scale (``pixel_size`` None) and a density of None keep the pixels as they are.
    A new pixel is NaN if any of what it covers is.

    Raises
    ------
    ValueError
        If the scan is more than ``MOST_UPSAMPLING`` times coarser, or would be over ``MOST_PIXELS`` a side.
    """
    if pixel_size is None or pixel_density is None:
        return np.asarray(heights, dtype=float)
    factors = [size * pixel_density for size in pixel_size]
    if max(factors) > MOST_UPSAMPLING:
        raise ValueError(
            f"the scan has {1 / max(pixel_size):.3g} px/nm and {pixel_density:g} px/nm are asked for: more"
            f" than {MOST_UPSAMPLING:g} times finer shows no more; use a lower pixel density"
        )
    shape = tuple(max(1, round(n * factor)) for n, factor in zip(heights.shape, factors, strict=True))
    if max(shape) > MOST_PIXELS:
        raise ValueError(
            f"the scan would be {shape[0]} x {shape[1]} px at {pixel_density:g} px/nm, over {MOST_PIXELS}"
            " a side; use a lower pixel density"
        )
    if shape == heights.shape:
        return np.asarray(heights, dtype=float)
    from skimage.transform import resize

    missing = ~np.isfinite(heights)
    filled = fill_nearest(np.asarray(heights, dtype=float), missing) if missing.any() else heights
    fine = resize(filled, shape, order=1, anti_aliasing=True, preserve_range=True)
    fine[_covered(missing, shape)] = np.nan
    return fine


def normalise(heights: np.ndarray) -> np.ndarray:
    """Map the lowest height of the map, (rows, cols), to 0 and the highest to 1, as float32.

    Raises
    ------
    ValueError
        If there is no height, or all are equal.
    """
    if not np.isfinite(heights).any():
        raise ValueError("every height is missing (NaN)")
    low, high = np.nanmin(heights), np.nanmax(heights)
    if low == high:
        raise ValueError(f"the map is constant ({low:g} everywhere): there is nothing to see in it")
    return ((heights - low) / (high - low)).astype(np.float32)


def to_own_pixels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring a label map of resampled pixels back onto a scan's own, ``shape``, each label as it is."""
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
