"""Cut the pixels above the noise into objects: one outline each, also where objects touch."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.structures.maxima import maxima_within
from napari_stmml.structures.significance import gaussian

LOW = 3.0  # noise levels, from which on a pixel can belong to an object
_PEAK = 12.0  # levels are scaled to this height of an object: its outline is at a quarter of its height
_PEAK_NM = 0.5
_MOST = 8.0  # levels above LOW, at which they are cut before smoothing
_OBJECT_NM = 0.2  # standard deviation, by which levels are smoothed before maxima are looked for
_APART_NM = 0.45  # of two maxima, at least
_ONE_NM = 0.6  # maxima nearer than this are one object
_MAY_BE_ONE_NM = 1.0  # and nearer than this, where the pass between them is high
_PASS = 0.6  # of the lower maximum


@dataclass(frozen=True, eq=False)
class Outlines:
    """Objects of one sign: a label map, and of each label its middle and highest pixel, and its level."""

    labels: np.ndarray
    middles: np.ndarray
    peaks: np.ndarray
    levels: np.ndarray


def outlines(levels: np.ndarray, pixel: tuple[float, float]) -> Outlines:
    """Cut a map of levels into objects.

    The maxima of the smoothed levels are objects. Two of them are one if they are near and the pass between
    them is high: the lobes of a molecule.

    Parameters
    ----------
    levels : ndarray of float32, shape (rows, cols)
        How many noise levels each pixel stands out.
    pixel : (float, float)
        nm per pixel.

    Returns
    -------
    Outlines
        Of everything with a pixel above ``LOW``; which of it counts, the threshold decides later.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    scaled = levels * np.minimum(1, _PEAK / np.maximum(_height_around(levels, pixel), 1e-6))
    mask = scaled > LOW
    weights = np.clip(scaled - LOW, 0, _MOST)
    smooth = gaussian(weights, _OBJECT_NM, pixel)
    markers, count = ndimage.label(maxima_within(smooth, mask, _APART_NM, pixel), np.ones((3, 3)))
    if not count:
        return Outlines(np.zeros(levels.shape, int), np.empty((0, 2)), np.empty((0, 2)), np.empty(0))
    basins = watershed(-smooth, markers, mask=mask)
    labels = _joined(basins, smooth, count, pixel)
    inside = labels > 0
    mass = np.bincount(labels[inside], weights[inside] + 1e-6)
    sums = [np.bincount(labels[inside], (weights[inside] + 1e-6) * one) for one in np.nonzero(inside)]
    middles = np.column_stack([one[1:] / mass[1:] for one in sums])
    highest, peaks = _highest(levels, labels)
    return Outlines(labels, middles, peaks, highest)


def _highest(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest value of each label, (n,), and its row and column, (n, 2); all labels are there."""
    places = np.flatnonzero(labels)
    own, some = labels.ravel()[places], values.ravel()[places]
    order = np.lexsort((some, own))
    last = order[np.flatnonzero(np.diff(own[order], append=0))]
    return some[last], np.column_stack(np.unravel_index(places[last], labels.shape))


def _height_around(levels: np.ndarray, pixel: tuple[float, float]) -> np.ndarray:
    from scipy.ndimage import maximum_filter

    width = [2 * int(np.ceil(_PEAK_NM / size)) + 1 for size in pixel]
    return gaussian(maximum_filter(levels, width), _PEAK_NM / 2, pixel)


def _joined(basins: np.ndarray, smooth: np.ndarray, count: int, pixel: tuple[float, float]) -> np.ndarray:
    """Join the basins of one object, highest pass first; labels are numbered anew from 1."""
    tops, places = _highest(smooth, basins)
    top, at = np.concatenate([[0.0], tops]), np.vstack([[0.0, 0.0], places]) * pixel
    owner = list(range(count + 1))

    def owner_of(one: int) -> int:
        while owner[one] != one:
            one = owner[one]
        return one

    for first, second, height in _passes(basins, smooth):
        one, two = owner_of(first), owner_of(second)
        if one == two:
            continue
        apart = np.hypot(*(at[one] - at[two]))
        if apart < _ONE_NM or (apart < _MAY_BE_ONE_NM and height > _PASS * min(top[one], top[two])):
            one, two = (one, two) if top[one] >= top[two] else (two, one)
            owner[two] = one
    _, numbers = np.unique([owner_of(one) for one in range(count + 1)], return_inverse=True)
    return np.asarray(numbers[basins])


def _passes(basins: np.ndarray, smooth: np.ndarray) -> list[tuple[int, int, float]]:
    """List pairs of basins that touch, and the height of the pass between them, the highest first."""
    found = []
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        left, right = basins[one], basins[other]
        use = (left != right) & (left > 0) & (right > 0)
        low = np.minimum(smooth[one], smooth[other])[use]
        found.append(np.column_stack([np.minimum(left, right)[use], np.maximum(left, right)[use], low]))
    rows = np.concatenate(found)
    rows = rows[np.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:, :2] != rows[:-1, :2]).any(1)
    rows = rows[first]
    rows = rows[np.argsort(-rows[:, 2], kind="stable")]
    return [(int(a), int(b), float(height)) for a, b, height in rows]
