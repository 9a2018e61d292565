"""The residual of a scan: heights without tilt, steps, line offsets and lattice; objects and noise stay.

The same work as for pixel features, but with lengths in nm, so that it holds at every pixel size, and in two
rounds: the second takes the ground and the line offsets without the objects that the first has found.
"""

from dataclasses import dataclass

import numpy as np

from napari_stmml.heights.flatten import flatten
from napari_stmml.heights.flatten_methods.rows import medians
from napari_stmml.heights.ground import levelled
from napari_stmml.heights.lattice import common_part, split_lattice
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.spread import map_sigma, median
from napari_stmml.scan import Scan
from napari_stmml.structures.cells import averaged, cells_of, enlarged, slow
from napari_stmml.structures.significance import SMALLEST_NM, gaussian, standing_out
from napari_stmml.structures.terraces import ground_of_terraces

FINEST_NM = 0.05  # pixels are averaged up to this size: no object of atoms has finer features
_COMMON_WIDTHS = 2.0  # of the narrowest third of a line's differences, around it: those that are common
_FILL_NM = 2.0  # standard deviation of the mean around an object that takes its place in the second round
_FAR_NM = 2.5  # from a step, beyond which that mean is of one terrace
_SMOOTH_NM = 1.0  # standard deviation of what is subtracted last: a slow unevenness of the ground
_ROUNDS = 4
_CLIP = 3.0  # robust standard deviations, beyond which a height counts little for that unevenness
_BLOCK = 128  # px a side of the blocks in which the lattice is taken
_MOVED_NM = 2.2, 8.0  # least and largest translation of the lattice onto itself
_LATTICE_NM = 1.5  # over which the height of the lattice is taken


@dataclass(frozen=True, eq=False)
class Residual:
    """Heights of a scan without ground, steps, line offsets and lattice.

    Parameters
    ----------
    heights : ndarray of float32, shape (rows, cols)
        nm, on the pixels of the scan or on larger ones.
    pixel_size : (float, float)
        nm of these pixels, along rows and columns.
    binning : (int, int)
        How many rows and columns of the scan are one of these.
    flat : ndarray of float32, shape (rows, cols)
        The same with its lattice.
    corrugation : ndarray of float32, shape (rows, cols)
        Amplitude of the lattice in nm around each pixel.
    at_step : ndarray of bool, shape (rows, cols)
        Pixels of steps, which have no residual.
    """

    heights: np.ndarray
    pixel_size: tuple[float, float]
    binning: tuple[int, int]
    flat: np.ndarray
    corrugation: np.ndarray
    at_step: np.ndarray


def residual_of(scan: Scan) -> Residual:
    """Take ground, steps, line offsets and lattice out of a scan.

    Parameters
    ----------
    scan : Scan
        Heights as recorded or flattened; missing ones are given the value of the nearest.

    Returns
    -------
    Residual

    Raises
    ------
    ValueError
        If the scan has no pixel size, or is smaller than 16 px after averaging fine pixels.
    """
    if scan.pixel_size is None:
        raise ValueError(f"{scan.name}: no pixel size is known, and structures are found by their size in nm")
    heights, pixel, binning = _averaged(fill_nearest(np.asarray(scan.heights, float)), scan.pixel_size)
    if min(heights.shape) < 16:
        raise ValueError(
            f"{scan.name}: {heights.shape[0]} x {heights.shape[1]} px are too few to find structures"
        )
    lines = levelled(_aligned(flatten(heights, "scars").astype(np.float32)))
    ground, at_step = ground_of_terraces(lines, pixel)
    flat = lines - ground
    flat -= _line_offsets(flat, at_step)
    lattice = _lattice(np.where(at_step, np.float32(0), flat), pixel)
    out = standing_out(flat - lattice, pixel, at_step)
    rest = lines - lattice - _line_offsets(lines - lattice - ground, at_step | out)
    again, also = ground_of_terraces(np.where(out, _around(rest, ground, out, at_step, pixel), rest), pixel)
    at_step = at_step | also
    found = rest - again
    found -= _line_offsets(found, at_step | out)
    found -= _unevenness(found, at_step, pixel)
    cells = cells_of(pixel)
    power = slow(averaged(lattice**2, cells), _LATTICE_NM, pixel)
    corrugation = enlarged(np.sqrt(2 * power), cells, lattice.shape)
    return Residual(found, pixel, binning, found + lattice, corrugation, at_step)


def _averaged(
    heights: np.ndarray, pixel_size: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float], tuple[int, int]]:
    """Average fine pixels to larger ones; the last rows and columns that fill none are left out."""
    down, right = (max(1, int(FINEST_NM / size + 1e-6)) for size in pixel_size)
    if down == right == 1:
        return heights, pixel_size, (1, 1)
    rows, cols = heights.shape[0] // down, heights.shape[1] // right
    cells = heights[: rows * down, : cols * right].reshape(rows, down, cols, right)
    return cells.mean((1, 3)), (pixel_size[0] * down, pixel_size[1] * right), (down, right)


def _aligned(heights: np.ndarray) -> np.ndarray:
    """Align each line with the one above by their commonest difference.

    The median difference would follow a step that lies along the lines, where most pixels of a line climb it.
    """
    change = np.diff(heights, axis=0)
    ordered = np.sort(change, axis=1)
    third = max(change.shape[1] // 3, 1)
    widths = ordered[:, third:] - ordered[:, :-third]
    first = widths.argmin(1)[:, None]
    low, high = (np.take_along_axis(ordered, first + one, 1) for one in (0, third))
    middle, reach = (low + high) / 2, np.maximum(high - low, 1e-12) * _COMMON_WIDTHS
    near = np.abs(change - middle) <= reach
    offset = (change * near).sum(1) / np.maximum(near.sum(1), 1)
    return heights - np.concatenate([[0], np.cumsum(offset)])[:, None].astype(np.float32)


def _lattice(flat: np.ndarray, pixel: tuple[float, float]) -> np.ndarray:
    """Return the lattice; its blocks and translations hold some cells of 7x7 (2.7 nm), or many small ones."""
    size = max(pixel)
    moved = round(_MOVED_NM[0] / size), round(_MOVED_NM[1] / size)
    rest, lattice = split_lattice(flat, _BLOCK, moved)
    limit = float(_CLIP * map_sigma(rest))
    return np.asarray(lattice + common_part(rest - median(rest), limit, moved, lattice))


def _line_offsets(heights: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Return the median of each row, (rows, 1), without some pixels; 0 where none is left."""
    return medians(heights, ~without)[0][:, None].astype(np.float32)


def _around(
    rest: np.ndarray, ground: np.ndarray, out: np.ndarray, at_step: np.ndarray, pixel: tuple[float, float]
) -> np.ndarray:
    """Return the mean around each pixel without objects; near steps, that of heights above the ground."""
    from scipy.ndimage import distance_transform_edt

    cells = cells_of(pixel)
    use = (~(out | at_step)).astype(np.float32)
    share = np.maximum(slow(averaged(use, cells), _FILL_NM, pixel), 1e-3)
    mean = enlarged(slow(averaged(use * rest, cells), _FILL_NM, pixel) / share, cells, rest.shape)
    if not at_step.any():
        return mean
    above = enlarged(slow(averaged(use * (rest - ground), cells), _FILL_NM, pixel) / share, cells, rest.shape)
    far = distance_transform_edt(~at_step, sampling=pixel) > _FAR_NM
    return np.where(far, mean, ground + above)


def _unevenness(heights: np.ndarray, at_step: np.ndarray, pixel: tuple[float, float]) -> np.ndarray:
    """Return the slow part of a residual, to which objects and steps contribute next to nothing."""
    fine = gaussian(heights, SMALLEST_NM, pixel)
    quarter, most = np.quantile(fine[~at_step][::3] if not at_step.all() else fine, [0.25, 0.75])
    width = max(_CLIP * (most - quarter) / 1.349, 1e-12)
    cells, use = cells_of(pixel), (~at_step).astype(np.float32)
    found = np.zeros_like(fine)
    for _ in range(_ROUNDS):
        weight = use / (1 + ((fine - found) / np.float32(width)) ** 2) ** 2
        share = np.maximum(slow(averaged(weight, cells), _SMOOTH_NM, pixel), 1e-4)
        found = enlarged(slow(averaged(weight * fine, cells), _SMOOTH_NM, pixel) / share, cells, fine.shape)
    return found
