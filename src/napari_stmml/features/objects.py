"""Features of cells that know objects: all cells of an object have the features of its whole shape.

A pixel alone cannot tell the rim of a large adsorbate from a small one. So objects are found first, as
`napari_stmml.structures` finds them, and described by their shape, which turning does not change. The surface
between them has filters, and its steps are marked. Where objects are so crowded that the surface is
disordered, filters tell more, too.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise

import numpy as np

from napari_stmml.features.borders import borders_of
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.encoder import Place
from napari_stmml.features.filters import FilterFeatures
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.scan import Scan
from napari_stmml.structures.candidates import candidates_of
from napari_stmml.structures.cells import averaged, cells_of, enlarged, repeated, slow
from napari_stmml.structures.describe import RADII_NM
from napari_stmml.structures.detect import detect
from napari_stmml.system.threads import beside

UNKNOWN_NM = 0.1  # per pixel, where the scale of a scan is not known
STEP_VALUE = 2.0  # feature of a cell that lies on a step
_BANDS = (0, 2, 4, 6, 8, 10, 14)  # rings, from one to the next of which heights are averaged
_WIDE_BANDS = (0, 4, 8, 14)  # and waves over the angle
_WAVES = ((1, 2), (2, 3), (3, 4), (4, 7))  # numbers of waves that are taken together: from, to
_CROWD_NM = 1.2  # standard deviation, over which the share of objects around an object is taken
_CROWD = 0.3  # from this share on, apart from its own, it is no object but a part of a disordered surface
_COARSEST_NM = 0.5  # a pixel: coarser ones show no objects of some atoms
_STEP_NM = 0.32  # from the middle of a step to where it ends: steps are as wide as the tip
_ROUND_NM = 0.2  # standard deviation over which the outline of a step is smoothed
_PIECE = 2048  # px a side of the pieces in which objects are looked for
_MARGIN_NM = 6.0  # around a piece
N_OBJECT = (len(_BANDS) - 1) + len(_WAVES) * (len(_WIDE_BANDS) - 1) + 2


@dataclass(frozen=True, eq=False)
class ObjectsOnCells:
    """Which object each cell belongs to, (n, m) int from 1 and 0 for none; steps; features of the objects.

    And which cell each pixel goes with, (rows, cols): `features.borders`.
    """

    numbers: np.ndarray
    at_step: np.ndarray
    table: np.ndarray
    borders: np.ndarray

    def features(self, place: Place, filters: np.ndarray) -> np.ndarray:
        """Return the features of the cells at a place, whose filters are given, (n, m, filters)."""
        numbers = self.numbers[place]
        between = (numbers == 0)[..., None]
        step = STEP_VALUE * (self.at_step[place] >= 0.5)[..., None]
        return np.concatenate([filters * between, step * between, self.table[numbers]], -1, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ObjectEncoder(CellEncoder):
    """An Encoder of cells: the features of its object, or else filters.

    Parameters
    ----------
    pixel_nm : float
        Of the prepared heights.
    """

    source: FilterFeatures = field(default_factory=FilterFeatures)
    pixel_nm: float = UNKNOWN_NM

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        return self.source.n_features + 1 + N_OBJECT

    @property
    def cell_nm(self) -> float:
        """Side of a cell in nm."""
        return self.source.cell * self.pixel_nm

    @property
    def of_object(self) -> int:
        """Where the features of the object begin."""
        return self.source.n_features + 1

    def filters(self, heights: np.ndarray) -> Iterator[tuple[Place, np.ndarray]]:
        """Yield the filters of all cells, tile by tile."""
        return super().encode(heights)

    def encode(
        self,
        heights: np.ndarray,
        wanted: np.ndarray | None = None,
        borders: np.ndarray | None = None,
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode tile by tile, as the protocol says; objects of a map of one piece are found beside."""
        find = partial(objects_on_cells, fill_nearest(heights), self.pixel_nm, self.source.cell)
        with beside(find) if heights.size <= _PIECE**2 else nullcontext(cache(find)) as found:
            for place, filters in self.filters(heights):
                yield place, found().features(place, filters)
            if borders is not None:
                borders[...] = found().borders


def objects_on_cells(heights: np.ndarray, pixel_nm: float, cell: int, piece: int = _PIECE) -> ObjectsOnCells:
    """Find the objects of a map, in pieces where it is large.

    Parameters
    ----------
    heights : ndarray of float, shape (rows, cols)
        nm, without NaN.
    pixel_nm : float
    cell : int
        px a side of a cell.
    piece : int
        px a side of a piece, without its margin; a multiple of ``cell``.

    Returns
    -------
    ObjectsOnCells
    """
    shape = tuple(-(-side // cell) for side in heights.shape)
    numbers, at_step = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    tables, borders = [np.zeros((1, N_OBJECT), np.float32)], np.zeros(heights.shape, np.uint8)
    margin = cell * int(np.ceil(_MARGIN_NM / pixel_nm / cell))
    count = 0
    for top in range(0, heights.shape[0], piece):
        for left in range(0, heights.shape[1], piece):
            first = max(top - margin, 0), max(left - margin, 0)
            some = heights[first[0] : top + piece + margin, first[1] : left + piece + margin]
            inner = [
                slice(top - first[0], top - first[0] + piece),
                slice(left - first[1], left - first[1] + piece),
            ]
            labels, steps, table = _objects(some, pixel_nm, inner)
            own, share = _on_cells(labels, cell), _share(steps, cell)
            at = tuple(
                slice(one // cell, one // cell + side) for one, side in zip(first, own.shape, strict=True)
            )
            free = (numbers[at] == 0) & (own > 0)
            numbers[at][free] = own[free] + count
            np.maximum(at_step[at], share, out=at_step[at])
            finer = borders_of(_with_steps(labels, steps), _with_steps(own, share >= 0.5), cell)
            here = tuple(slice(one, one + side) for one, side in zip(first, labels.shape, strict=True))
            np.copyto(borders[here], finer, where=finer > 0)
            tables.append(table)
            count += len(table)
    return ObjectsOnCells(numbers, at_step, np.concatenate(tables), borders)


def _with_steps(numbers: np.ndarray, at_step: np.ndarray) -> np.ndarray:
    """Return the number of the object, -1 on steps, 0 between."""
    return np.where((numbers == 0) & at_step, -1, numbers)


def _objects(
    heights: np.ndarray, pixel_nm: float, inner: list[slice]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels of the objects with their middle in a part of a map, steps, and the objects' features."""
    scan, nothing = Scan(heights, (pixel_nm, pixel_nm)), np.zeros(heights.shape, bool)
    if pixel_nm > _COARSEST_NM:
        return nothing.astype(np.int32), nothing, np.empty((0, N_OBJECT), np.float32)
    try:
        detection = detect(scan)
    except ValueError:  # too small a map for objects
        return nothing.astype(np.int32), nothing, np.empty((0, N_OBJECT), np.float32)
    found = candidates_of(scan, detection)
    counts = detection.count()
    outlines = np.where(np.append(False, counts)[found.outlines], found.outlines, 0)
    counts &= ~_crowded(outlines, len(counts), detection.residual.pixel_size)
    for place, part in zip(found.table[["row", "col"]].to_numpy().T, inner, strict=True):
        counts &= (place >= part.start) & (place < part.stop)
    numbers = np.zeros(len(counts) + 1, np.int32)
    numbers[1:][counts] = np.arange(1, counts.sum() + 1)
    binning = detection.residual.binning
    labels, steps = (
        repeated(one, binning, heights.shape) for one in (numbers[outlines], detection.residual.at_step)
    )
    return labels, _narrow(steps, pixel_nm), _described(found.patches[counts])


def _narrow(steps: np.ndarray, pixel_nm: float) -> np.ndarray:
    """Return what lies near the middle of steps, which are found on cells that are wider than a step is."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

    if not steps.any():
        return steps
    smooth = gaussian_filter(steps.astype(np.float32), _ROUND_NM / pixel_nm, mode="nearest") > 0.5
    inward = np.asarray(distance_transform_edt(smooth)) * pixel_nm
    middle = maximum_filter(inward, 2 * round(2 * _STEP_NM / pixel_nm) + 1)
    return np.asarray(smooth & (middle - inward < _STEP_NM))


def _crowded(outlines: np.ndarray, count: int, pixel: tuple[float, float]) -> np.ndarray:
    """Say of which objects the surroundings are full of others, (count,) bool."""
    if not count:
        return np.zeros(0, bool)
    cells = cells_of(pixel)
    on_cells = slow(averaged((outlines > 0).astype(np.float32), cells), _CROWD_NM, pixel)
    share = enlarged(on_cells, cells, outlines.shape)
    sizes = np.bincount(outlines.ravel(), minlength=count + 1)[1:]
    areas = sizes * np.prod(pixel)
    own = 1 - np.exp(-areas / (2 * np.pi * _CROWD_NM**2))  # of a disc of this area, in its middle
    around = np.bincount(outlines.ravel(), share.ravel(), count + 1)[1:] / np.maximum(sizes, 1)
    return np.asarray(around - own > _CROWD)


def _described(patches: np.ndarray) -> np.ndarray:
    """Return features of objects, (n, N_OBJECT): shape by rings and waves, of length 1, height, and 1.

    Parameters
    ----------
    patches : ndarray, shape (n, rings, angles)
        nm, as `polar_patches` gives them.
    """
    if not len(patches):
        return np.empty((0, N_OBJECT), np.float32)
    waves = np.fft.rfft(patches, axis=2) / patches.shape[2] * np.sqrt(RADII_NM + 0.03)[None, :, None]
    means, sizes = waves[:, :, 0].real, np.sqrt(2) * np.abs(waves)
    parts = [means[:, one:other].mean(1) * (other - one) ** 0.5 for one, other in pairwise(_BANDS)]
    for first, last in _WAVES:
        for one, other in pairwise(_WIDE_BANDS):
            parts.append(np.sqrt((sizes[:, one:other, first:last] ** 2).sum((1, 2))))
    length = np.sqrt((means**2).sum(1) + (sizes[:, :, 1 : _WAVES[-1][1]] ** 2).sum((1, 2))) + 1e-12
    shape = np.stack(parts, 1) / length[:, None]
    return np.column_stack([shape, 0.5 * np.log(length), np.ones(len(shape))]).astype(np.float32)


def _cells(values: np.ndarray, cell: int) -> np.ndarray:
    """Return the pixels of each cell, (n, m, cell * cell); the last are repeated."""
    framed = np.pad(values, [(0, -side % cell) for side in values.shape], mode="edge")
    rows, cols = framed.shape[0] // cell, framed.shape[1] // cell
    return framed.reshape(rows, cell, cols, cell).swapaxes(1, 2).reshape(rows, cols, cell * cell)


def _share(marked: np.ndarray, cell: int) -> np.ndarray:
    """Return which part of each cell is marked."""
    return np.asarray(_cells(marked, cell).mean(-1, dtype=np.float32))


def _on_cells(labels: np.ndarray, cell: int) -> np.ndarray:
    """Return the label of each cell: one that half of its pixels have, or 0."""
    own = np.sort(_cells(labels, cell), axis=-1)
    middle = own[..., own.shape[-1] // 2]
    return np.where((own == middle[..., None]).mean(-1) >= 0.5, middle, 0)
