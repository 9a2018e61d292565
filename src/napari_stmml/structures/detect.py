"""Find the objects of a scan: protrusions and depressions above the noise, each with its outline."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.structures.cells import averaged, cells_of, highest_of_each, slow
from napari_stmml.structures.outlines import Outlines, outlines
from napari_stmml.structures.residual import Residual, residual_of
from napari_stmml.structures.significance import significance
from napari_stmml.system.threads import in_threads

_SAME_NM = 1.0  # a depression so near to a protrusion is a part of the same object, and the other way round
_STEP_NM = 0.5  # nearer to a step, nothing is an object
_WINDOW_NM = 4.0  # standard deviation, over which the share of pixels in objects is taken
_CROWDED = 0.5  # from this share on, the surface is disordered
_SMALLEST_AREA_NM2 = 30.0  # of the objects in a disordered area
_RIM_NM = 2.0  # by about so much it is larger than where objects are crowded
_STREAK_PX = 3


@dataclass(frozen=True, eq=False)
class Detection:
    """All that may be an object on one scan; what counts as one is decided by a threshold.

    Parameters
    ----------
    residual : Residual
    labels : ndarray of int, shape (rows, cols)
        Outlines on the pixels of the residual: the number of an object, from 1, or 0.
    middles : ndarray of float, shape (n, 2)
        Row and column of the middle of each, in px of the residual.
    signs : ndarray of int, shape (n,)
        1 for a protrusion, -1 for a depression.
    levels : ndarray of float, shape (n,)
        How many noise levels it stands out.
    thresholds : (float, float)
        Levels from which on protrusions, and depressions, are objects.
    disordered : ndarray of bool, shape (rows, cols)
        Where the surface is one disordered area.
    """

    residual: Residual
    labels: np.ndarray
    middles: np.ndarray
    signs: np.ndarray
    levels: np.ndarray
    thresholds: tuple[float, float]
    disordered: np.ndarray

    def count(self, sensitivity: float = 1.0, *, with_disordered: bool = False) -> np.ndarray:
        """Say which of the candidates are objects.

        Parameters
        ----------
        sensitivity : float
            2 halves the thresholds, 0.5 doubles them.
        with_disordered : bool
            Whether the grains of disordered areas are objects, too.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        limits = np.where(self.signs > 0, *self.thresholds) / sensitivity
        counts = self.levels >= limits
        if not with_disordered and self.disordered.any():
            inside = np.unique(self.labels[self.disordered])
            counts[inside[inside > 0] - 1] = False
        return counts


def detect(scan: Scan, false_per_1000_nm2: float = 1.0) -> Detection:
    """Find what may be an object on a scan.

    Parameters
    ----------
    scan : Scan
        With a pixel size.
    false_per_1000_nm2 : float
        How many finds a surface without objects would give at the threshold.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError
        If the scan has no pixel size or is too small.
    """
    residual = residual_of(scan)
    found = significance(
        residual.heights, residual.pixel_size, residual.at_step, residual.corrugation, false_per_1000_nm2
    )
    both = in_threads(lambda levels: outlines(levels, residual.pixel_size), (found.up, found.down))
    labels, middles, signs, levels = _together(both, (found.up, found.down), residual)
    nothing = np.zeros(labels.shape, bool)
    detection = Detection(residual, labels, middles, signs, levels, found.thresholds, nothing)
    object.__setattr__(detection, "disordered", _disordered(detection))
    return detection


def _together(
    both: list[Outlines], levels: tuple[np.ndarray, np.ndarray], residual: Residual
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lay the outlines of both signs into one map; parts of one object with different signs become one."""
    up, down = both
    shifted = np.where(down.labels > 0, down.labels + len(up.levels), 0)
    labels = np.where((down.labels > 0) & ((up.labels == 0) | (levels[1] > levels[0])), shifted, up.labels)
    middles = np.concatenate([up.middles, down.middles])
    peaks = np.concatenate([up.peaks, down.peaks]) * residual.pixel_size
    found = np.concatenate([up.levels, down.levels])
    signs = np.repeat([1, -1], [len(up.levels), len(down.levels)])
    areas = np.bincount(labels.ravel(), minlength=len(found) + 1)[1:]
    strength = found * np.sqrt(areas)
    owner = _owners(peaks, signs, strength)
    for one in np.flatnonzero(owner != np.arange(len(found))):
        pair = [owner[one], one]
        middles[owner[one]] = np.average(middles[pair], axis=0, weights=strength[pair] + 1e-9)
    kept = (owner == np.arange(len(found))) & (areas > 0) & ~_at_step(middles, residual)
    kept &= ~_streaks(labels, residual, len(found))
    numbers = np.zeros(len(found) + 1, int)
    numbers[1:][kept] = np.arange(1, kept.sum() + 1)
    numbers[1:] = numbers[1:][owner] if len(owner) else numbers[1:]
    return numbers[labels], middles[kept], signs[kept], found[kept]


def _owners(peaks: np.ndarray, signs: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Return for each find which find it belongs to: a stronger one of the other sign nearby, or itself."""
    from scipy.spatial import KDTree

    owner = np.arange(len(peaks))
    if not len(peaks):
        return owner
    pairs = KDTree(peaks).query_pairs(_SAME_NM, output_type="ndarray")
    pairs = pairs[signs[pairs[:, 0]] != signs[pairs[:, 1]]]
    weaker_second = strength[pairs[:, 0]] >= strength[pairs[:, 1]]
    pairs = np.where(weaker_second[:, None], pairs, pairs[:, ::-1])
    free = np.ones(len(peaks), bool)
    for strong, weak in pairs[np.argsort(-strength[pairs[:, 0]], kind="stable")]:
        if free[weak] and owner[strong] == strong:
            owner[weak], free[weak], free[strong] = strong, False, False
    return owner


def _at_step(middles: np.ndarray, residual: Residual) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    if not residual.at_step.any() or not len(middles):
        return np.zeros(len(middles), bool)
    distance = distance_transform_edt(~residual.at_step, sampling=residual.pixel_size)
    return np.asarray(distance[tuple(middles.astype(int).T)] < _STEP_NM)


def _streaks(labels: np.ndarray, residual: Residual, count: int) -> np.ndarray:
    """Say which labels are streaks of the tip: one row high and three pixels or more long at half height."""
    from scipy.ndimage import find_objects

    found = np.zeros(count, bool)
    if not count:
        return found
    tall = np.abs(residual.heights)
    highest = np.concatenate([[np.inf], highest_of_each(tall, labels, count)])
    cores = np.where(tall >= highest[labels] / 2, labels, 0)
    for number, box in enumerate(find_objects(cores, count)):
        if box is not None:
            found[number] = box[0].stop - box[0].start == 1 and box[1].stop - box[1].start >= _STREAK_PX
    return found


def _disordered(detection: Detection) -> np.ndarray:
    """Mark areas that objects and steps fill, which are no surface with objects on it."""
    from scipy.ndimage import binary_fill_holes, label

    pixel = detection.residual.pixel_size
    cells = cells_of(pixel)
    counts = np.concatenate([[False], detection.count()])
    filled = counts[detection.labels] | detection.residual.at_step
    share = slow(averaged(filled, cells), _WINDOW_NM, pixel)
    pieces, _ = label(share > _CROWDED)
    crowded = averaged(counts[detection.labels], cells)
    areas = np.bincount(pieces.ravel(), crowded.ravel()) * np.prod(pixel) * np.prod(cells)
    large = areas >= _SMALLEST_AREA_NM2
    large[0] = False
    if not large.any():
        return np.zeros(filled.shape, bool)
    area = binary_fill_holes(slow(large[pieces], _RIM_NM, pixel) > 0.1)
    return area.repeat(cells[0], 0).repeat(cells[1], 1)[: filled.shape[0], : filled.shape[1]]
