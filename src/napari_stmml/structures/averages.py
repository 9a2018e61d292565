"""Average the objects of a type: each is turned onto the others, and moved by parts of a pixel."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.structures.describe import ANGLES, RADII_NM, REACH_NM
from napari_stmml.structures.residual import Residual

_ROUNDS = 3
_FINEST_NM = 0.03  # pixels of a mean image
_ENOUGH = 8  # objects, from which on the pixels of a mean are half as wide as the scan's
MOST = 200  # objects that enter a mean


@dataclass(frozen=True, eq=False)
class MeanImage:
    """The mean of a type, with the lattice around it.

    Parameters
    ----------
    heights, spread : ndarray of float32, shape (side, side)
        Mean and standard deviation in nm; NaN where no object reaches.
    pixel_nm : float
        Side of its pixels.
    count : int
        How many objects entered it.
    """

    heights: np.ndarray
    spread: np.ndarray
    pixel_nm: float
    count: int


def align(patches: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Find by how much each object is turned, against the mean of all.

    Parameters
    ----------
    patches : ndarray, shape (n, rings, angles)
        Of one type, as `polar_patches` gives them.
    use : ndarray of bool, shape (n,)
        Which of them make the mean; all, where none does.

    Returns
    -------
    ndarray of float, shape (n,)
        Degrees, anticlockwise, from -180 to 180; the mean lies so that its strongest wave over the angle has
        a crest to the right. 0 for objects that look the same from all sides.
    """
    weights = np.sqrt(RADII_NM + 0.03)[None, :, None]
    waves = np.fft.rfft(patches * weights, axis=2)
    numbers, use = np.arange(waves.shape[2]), use if use.any() else np.ones_like(use)
    mean = waves[use][np.argmax((np.abs(waves[use][:, :, 1:]) ** 2).sum((1, 2)))]
    turns = np.zeros(len(patches))
    for _ in range(_ROUNDS):
        match = np.fft.irfft((waves * np.conj(mean)).sum(1), n=ANGLES, axis=1)
        turns = _crest(match)
        turned = waves * np.exp(2j * np.pi * numbers * turns[:, None, None] / ANGLES)
        mean = turned[use].mean(0)
    powers = (np.abs(mean[:, 1:]) ** 2).sum(0)
    strongest = int(powers.argmax()) + 1
    phase = np.angle((mean[:, strongest] * np.abs(mean[:, strongest])).sum())
    turns -= phase / strongest * ANGLES / (2 * np.pi)
    degrees = turns * 360 / ANGLES
    return np.asarray((degrees + 180) % 360 - 180)


def _crest(match: np.ndarray) -> np.ndarray:
    """Return where each row is highest, to a part of a step: the vertex of a parabola through three."""
    at = match.argmax(1)
    rows = np.arange(len(match))
    before, here, after = (match[rows, (at + step) % match.shape[1]] for step in (-1, 0, 1))
    curved = before - 2 * here + after
    return at + np.where(curved < 0, 0.5 * (before - after) / np.where(curved < 0, curved, 1), 0.0)


def mean_image(residuals: list[Residual], places: list[np.ndarray], turns: list[np.ndarray]) -> MeanImage:
    """Average objects of a type from several scans.

    Parameters
    ----------
    residuals : list of Residual
    places : list of ndarray, shape (n, 2)
        For each scan, row and column of its objects, in px of its residual.
    turns : list of ndarray, shape (n,)
        Degrees, as `align` gives them.

    Returns
    -------
    MeanImage
    """
    from scipy.ndimage import map_coordinates

    total = sum(len(one) for one in places)
    own = min(min(one.pixel_size) for one in residuals)
    step = max(own / 2 if total >= _ENOUGH else own, _FINEST_NM)
    half = int(REACH_NM / step)
    right = step * np.arange(-half, half + 1)
    up = -right[:, None]
    images = []
    for residual, place, turned in zip(residuals, places, turns, strict=True):
        some = np.linspace(
            0, len(place) - 1, min(len(place), max(1, MOST * len(place) // max(total, 1)))
        ).astype(int)
        for (row, col), angle in zip(place[some], np.radians(turned[some]), strict=True):
            x, y = right * np.cos(angle) - up * np.sin(angle), right * np.sin(angle) + up * np.cos(angle)
            at = [row - y / residual.pixel_size[0], col + x / residual.pixel_size[1]]
            images.append(map_coordinates(residual.flat, at, order=1, mode="constant", cval=np.nan))
    stack = (
        np.array(images, np.float32) if images else np.full((1, len(right), len(right)), np.nan, np.float32)
    )
    there = np.isfinite(stack)
    n = there.sum(0)
    mean = np.where(n > 0, np.where(there, stack, 0).sum(0) / np.maximum(n, 1), np.nan)
    square = np.where(there, (stack - mean) ** 2, 0).sum(0) / np.maximum(n - 1, 1)
    return MeanImage(mean.astype(np.float32), np.sqrt(square).astype(np.float32), step, total)
