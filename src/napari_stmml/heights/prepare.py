"""Prepare heights: resample to a pixel density, flatten, normalise."""

from dataclasses import dataclass, replace

import numpy as np

from napari_stmml.heights.flatten import flatten, needs_own_pixels, parse_chain
from napari_stmml.heights.resample import MOST_PIXELS, MOST_UPSAMPLING, check_resampling, resample
from napari_stmml.scan import NotUsable, Scan
from napari_stmml.text import quoted

NORMALISATIONS = {
    "image": "the lowest height of each scan is 0 and its highest 1, as in SRSML24",
    "fixed": "0 to 1 is the same number of nm in every scan, 0.5 its median; heights beyond are clipped",
    "robust": "as image, between the 0.5th and the 99.5th percentile; heights beyond are clipped",
    "nm": "heights in nm above the scan's median, not 0 to 1; nothing is clipped",
}


@dataclass(frozen=True)
class Preprocessing:
    """How heights are prepared before features are computed; saved with the model.

    Parameters
    ----------
    flatten_method : str
        One of ``FLATTEN_METHODS``, or several joined by ``+``.
    pixel_density : float or None
        px/nm that every scan is resampled to; negative: this many times each scan's own density;
        None keeps each scan's own pixels.
    pixel_limit : int
        Most px a side after resampling.
    normalisation : str
        One of ``NORMALISATIONS``.
    data_scaling : float
        Of ``fixed``: 1e9 means that 0 to 1 is 1 nm, 2e9 that it is 0.5 nm.
    both_biases : bool
        Prepare the heights at the other bias as well, ``Scan.other``.
    """

    flatten_method: str = "poly_xy"
    pixel_density: float | None = 15.0
    pixel_limit: int = MOST_PIXELS
    normalisation: str = "image"
    data_scaling: float = 1e9
    both_biases: bool = False

    def __post_init__(self) -> None:
        parse_chain(self.flatten_method)
        density = self.pixel_density
        if density is not None and not (-np.inf < density <= -0.05 or 0.01 <= density < np.inf):
            raise ValueError(
                f"pixel_density must be at least 0.01 px/nm, or -0.05 and below for a multiple of each scan's"
                f" own, got {density}"
            )
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {quoted(self.normalisation)}"
            )

    def apply(self, scan: Scan, *, force: bool = False) -> np.ndarray:
        """Resample, flatten and normalise, in this order, as SRSML24 does.

        A chain that looks at recorded rows or single pixels flattens first: resampling would blur a spike
        into a bump, and a line into several.

        Parameters
        ----------
        scan : Scan
        force : bool
            Take a scan that is too coarse or too large for ``pixel_density`` all the same.

        Returns
        -------
        ndarray of float32, shape (rows, cols) at ``pixel_density``, or (2, rows, cols) of both biases
            Heights in 0..1 (or as ``normalisation`` has it), NaN where nothing was scanned.

        Raises
        ------
        NotUsable
            If the scan has no heights or all are equal, or is too coarse or too large to resample, or
            lacks the other bias where both are asked for.
        """
        return self.normalised(self.flat(scan, force=force), scan, force=force)

    def normalised(self, flat: np.ndarray, scan: Scan, *, force: bool = False) -> np.ndarray:
        """Bring flattened heights, (rows, cols), of a scan to 0..1 as float32; with those at its other bias.

        Of two biases the lower one, the filled states, comes first, whichever way it was recorded.

        Parameters
        ----------
        flat : ndarray of float, shape (rows, cols)
            nm, NaN where nothing was scanned.
        scan : Scan
            That of the heights; with ``other`` if ``both_biases``.
        force : bool
            Prepare the heights at the other bias although they are too coarse or too large.

        Returns
        -------
        ndarray of float32, shape (rows, cols), or (2, rows, cols) of both biases
            Heights in 0..1 (or as ``normalisation`` has it), NaN where they are missing at either bias.

        Raises
        ------
        NotUsable
            If both biases are wanted and there is one only, or the heights cannot be normalised.
        """
        own = normalise(flat, self.normalisation, self.data_scaling)
        if not self.both_biases:
            return own
        if scan.other is None:
            raise NotUsable(
                "one bias only",
                "the recipe takes two biases, and there is no scan of the way back of the same frame",
            )
        back = replace(scan, heights=scan.other, other=None)
        other = normalise(self.flat(back, force=force), self.normalisation, self.data_scaling)
        swapped = scan.bias is not None and scan.other_bias is not None and scan.other_bias < scan.bias
        both = np.stack([other, own] if swapped else [own, other])
        both[:, np.isnan(both).any(0)] = np.nan
        return both

    def flat(self, scan: Scan, *, force: bool = False) -> np.ndarray:
        """Resample and flatten.

        Parameters
        ----------
        scan : Scan
        force : bool
            As for `apply`.

        Returns
        -------
        ndarray of float64, shape (rows, cols) at ``pixel_density``
            In the scan's unit, NaN where nothing was scanned.

        Raises
        ------
        NotUsable
            As `apply`, but for the other bias.
        """
        there = np.isfinite(scan.heights)
        heights = scan.heights if there.all() else np.where(there, scan.heights, np.nan)
        if not there.any():
            raise NotUsable("no heights", "nothing to prepare: every height is missing (NaN)")
        # A plane comes out of a fit as rounding errors of its own height: nothing to stretch to 0..1.
        # Asked on the scan's own pixels, because resampling bends a plane a little at its edges.
        rounding = max(1e-11, 4 * float(np.finfo(scan.heights.dtype).eps))
        left = _range(flatten(heights, "none" if self.flatten_method == "none" else "poly_xy"))
        if left <= rounding * max(np.nanmax(heights), -np.nanmin(heights)):
            raise NotUsable(
                "constant", "the heights are constant or a plain plane: there is nothing to see in them"
            )
        limits = (np.inf, 200_000) if force else (MOST_UPSAMPLING, self.pixel_limit)
        how = (scan.pixel_size, self.pixel_density, *limits)
        if needs_own_pixels(self.flatten_method):
            check_resampling(heights.shape, *how)  # before flattening, which can take a while
            return resample(flatten(heights, self.flatten_method), *how)
        return flatten(resample(heights, *how), self.flatten_method)


def _range(heights: np.ndarray) -> float:
    return float(np.nanmax(heights) - np.nanmin(heights))


def normalise(heights: np.ndarray, how: str = "image", data_scaling: float = 1e9) -> np.ndarray:
    """Map heights to 0..1, or to nm above their median.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In nm, NaN where nothing was scanned.
    how : str
        One of ``NORMALISATIONS``.
    data_scaling : float
        Of ``fixed``; see `Preprocessing`.

    Returns
    -------
    ndarray of float32, shape (rows, cols)

    Raises
    ------
    NotUsable
        If there is no height, or all are equal.
    """
    if not np.isfinite(heights).any():
        raise NotUsable("no heights", "every height is missing (NaN)")
    low, high = np.nanmin(heights), np.nanmax(heights)
    if low == high:
        raise NotUsable(
            "constant", f"the map is constant ({low:g} everywhere): there is nothing to see in it"
        )
    if how == "nm":
        found = np.empty(heights.shape, np.float32)
        return np.subtract(heights, np.nanmedian(heights), out=found, casting="same_kind")
    if how == "fixed":
        span = 1e9 / data_scaling
        low = np.nanmedian(heights) - span / 2
        high = low + span
    elif how == "robust":
        inner = np.nanpercentile(heights, (0.5, 99.5))
        low, high = inner if inner[1] > inner[0] else (low, high)
    return np.clip((heights - low) / (high - low), 0, 1).astype(np.float32)
