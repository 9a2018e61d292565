"""Describe objects by numbers that do not change when an object is turned."""

import numpy as np

from napari_stmml.structures.detect import Detection
from napari_stmml.structures.significance import gaussian

RADII_NM = np.arange(0.0, 1.35, 0.1)
ANGLES = 36
_WAVES = 6  # highest Fourier component over the angle
_SMOOTH_NM = 0.08
REACH_NM = float(RADII_NM[-1])


def polar_patches(detection: Detection, which: np.ndarray) -> np.ndarray:
    """Take the residual around objects, on rings; 0 beyond the border, and in what belongs to another object.

    Parameters
    ----------
    detection : Detection
    which : ndarray of bool, shape (n,)
        Which of its candidates.

    Returns
    -------
    ndarray of float32, shape (objects, rings, angles)
        nm; ring 0 is the middle, the angle runs anticlockwise from the right.
    """
    from scipy.ndimage import map_coordinates

    residual = detection.residual
    smooth = gaussian(residual.heights, _SMOOTH_NM, residual.pixel_size)
    turn = 2 * np.pi * np.arange(ANGLES) / ANGLES
    down = -np.outer(RADII_NM, np.sin(turn)) / residual.pixel_size[0]
    right = np.outer(RADII_NM, np.cos(turn)) / residual.pixel_size[1]
    middles = detection.middles[which]
    rows = middles[:, 0, None, None] + down
    cols = middles[:, 1, None, None] + right
    patches = map_coordinates(smooth, [rows, cols], order=1, mode="grid-constant")
    last = np.array(smooth.shape) - 1
    near = np.clip(np.rint(rows), 0, last[0]).astype(int), np.clip(np.rint(cols), 0, last[1]).astype(int)
    owner = detection.labels[near]
    numbers = np.flatnonzero(which) + 1
    return np.where((owner == 0) | (owner == numbers[:, None, None]), patches, np.float32(0))


def describe(patches: np.ndarray, *, mirror_apart: bool = False) -> np.ndarray:
    """Turn patches on rings into feature vectors that turning does not change.

    Parameters
    ----------
    patches : ndarray, shape (objects, rings, angles)
        nm.
    mirror_apart : bool
        Whether mirror images are to differ: the phases between neighbouring rings are added.

    Returns
    -------
    ndarray of float, shape (objects, features)
        Shape, of length 1, and the logarithm of the height. The mean of each ring, and the size of its
        Fourier components, each weighted by the ring's share of the area.
    """
    waves = np.fft.rfft(patches, axis=2)[:, :, : _WAVES + 1] / ANGLES
    weight = np.sqrt(RADII_NM + 0.03)[None, :, None]
    means = (waves[:, :, 0].real * weight[:, :, 0])[:, :, None]
    sizes = np.abs(waves[:, :, 1:]) * weight * np.sqrt(2)
    found = np.concatenate([means, sizes], axis=2)
    found = found.reshape(len(patches), found.shape[1] * found.shape[2])
    if mirror_apart:
        found = np.concatenate([found, _handedness(waves * weight)], axis=1)
    length = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return np.concatenate([found / length, 0.5 * np.log(length)], axis=1)


def _handedness(waves: np.ndarray) -> np.ndarray:
    """Return how far each wave turns from ring to ring; a mirror image has the opposite sign."""
    inner, outer = waves[:, :-1, 1:], waves[:, 1:, 1:]
    size = np.sqrt(np.abs(inner) * np.abs(outer)) + 1e-12
    turned = 2 * np.imag(outer * np.conj(inner)) / size
    return np.asarray(turned.reshape(len(waves), turned.shape[1] * turned.shape[2]))
