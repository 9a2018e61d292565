"""Measure objects: height, area and outline of each, in nm."""

import numpy as np

from napari_stmml.structures.cells import highest_of_each
from napari_stmml.structures.describe import REACH_NM
from napari_stmml.structures.detect import Detection
from napari_stmml.structures.significance import gaussian

_SMOOTH_NM = 0.08
_OUTLINE = 1 / 3  # of its height: an object's outline


def own_outlines(detection: Detection, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines of objects, and their heights.

    Parameters
    ----------
    detection : Detection
    which : ndarray of bool, shape (n,)
        Which of its candidates are objects.

    Returns
    -------
    labels : ndarray of int32, shape (rows, cols)
        On the pixels of the residual, numbered from 1 in the order of the objects: pixels of an object that
        reach a third of its height, up or down.
    heights : ndarray of float, shape (objects,)
        nm above the surface around it, below 0 for depressions.
    """
    residual = detection.residual
    smooth = gaussian(residual.heights, _SMOOTH_NM, residual.pixel_size)
    numbers = np.zeros(len(which) + 1, np.int32)
    numbers[1:][which] = np.arange(1, which.sum() + 1)
    labels = numbers[detection.labels]
    count = int(which.sum())
    if not count:
        return labels, np.empty(0)
    high, low = highest_of_each(smooth, labels, count), -highest_of_each(-smooth, labels, count)
    heights = np.where(detection.signs[which] > 0, high, low)
    largest = np.concatenate([[np.inf], np.abs(heights)])
    labels[np.abs(smooth) < _OUTLINE * largest[labels]] = 0
    return labels, heights


def near_border(detection: Detection, which: np.ndarray) -> np.ndarray:
    """Say which objects are nearer to the border of the frame than the reach of their description."""
    size = np.array(detection.residual.pixel_size)
    at = (detection.middles[which] + 0.5) * size
    end = np.array(detection.labels.shape) * size
    return np.asarray(((at < REACH_NM) | (at > end - REACH_NM)).any(1))
