"""Encode a whole map at once: features one every ``pitch`` px, and from them the labels of its windows.

Windows that overlap share nearly all of their work. Here every pixel goes through the encoder once, tile by
tile, so memory is that of a tile. A window's features are those of its 8 px cells, flattened or their mean.
They differ from features of windows that are encoded one by one, which see zeros beyond their edges: centres
that were fitted to the ones do not fit the others. Beyond the edges of a map its heights are mirrored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided

from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.windows import WindowGrid

TILE = 256  # positions along a side: 64 MB of features
TILE_PX = 1024  # px along a side: 134 MB of the first layer's output
Slices = tuple[slice, slice]


class Encoder(Protocol):
    """The convolutional encoder, for maps of any size.

    A feature vector stands for a cell of ``stride`` px and sees ``reach`` px more on each side of it.
    """

    @property
    def stride(self) -> int:
        """Side of a cell in px."""
        ...

    @property
    def reach(self) -> int:
        """What a cell's features see beyond it, in px."""
        ...

    @property
    def n_features(self) -> int:
        """Length of a cell's feature vector."""
        ...

    def __call__(self, heights: np.ndarray, pitch: int) -> np.ndarray:
        """Encode at every ``pitch`` px, at n = stride / pitch offsets along each axis.

        Parameters
        ----------
        heights : ndarray of float32, shape (pitch * (n * p - 1) + stride + 2 * reach, ... n * q ...)

        Returns
        -------
        ndarray of float32, shape (n, n, p, q, n_features)
            ``[a, b, i, j]`` is of the cell that starts at pixel ``reach + pitch * (n * i + a)`` of the rows
            and, with b and j, of the columns.
        """
        ...


def dense_features(encode: Encoder, heights: np.ndarray, pitch: int, *, tile: int = TILE) -> np.ndarray:
    """Encode every cell, one every ``pitch`` px, of heights, (M, N) float in 0..1.

    Parameters
    ----------
    encode : Encoder
    heights : ndarray, shape (M, N)
        Missing heights are given the value of the nearest.
    pitch : int
        1, 2, 4 or 8 px: a divisor of the encoder's stride.
    tile : int
        Positions along a side of what is encoded at once.

    Returns
    -------
    ndarray of float32, shape ((M - stride) // pitch + 1, (N - stride) // pitch + 1, n_features)
        ``[i, j]`` is of the cell of stride x stride px that starts at pixel (pitch * i, pitch * j).

    Raises
    ------
    ValueError
        If ``pitch`` is no divisor of the stride.
    """
    if pitch < 1 or encode.stride % pitch:
        raise ValueError(f"pitch must divide {encode.stride} px (the encoder's stride), got {pitch}")
    grid = WindowGrid(encode.stride, pitch)
    whole = [(length - encode.stride) // pitch * pitch + encode.stride for length in heights.shape]
    shape = grid.shape((whole[0], whole[1]))
    features = np.empty((*shape, encode.n_features), np.float32)
    for place, phases in _encoded(encode, fill_nearest(heights), grid, shape, tile):
        features[place] = _interleaved(phases)[: _length(place[0]), : _length(place[1])]
    return features


def blocks(features: np.ndarray, pitch: int, window: int, stride: int = 8) -> np.ndarray:
    """View dense features as those of windows: the cells of each, uncopied.

    Parameters
    ----------
    features : ndarray, shape (rows, cols, n)
        One every ``pitch`` px.
    pitch, window, stride : int
        In px; window and stride a multiple of stride and pitch.

    Returns
    -------
    ndarray, shape (rows of windows, cols of windows, window / stride, window / stride, n)
        ``blocks(...)[chosen].reshape(-1, cells * cells * n)`` are flattened features of chosen windows,
        ``blocks(...)[chosen].mean((1, 2))`` their mean.
    """
    apart, cells = stride // pitch, window // stride
    rows, cols = (max(0, length - (cells - 1) * apart) for length in features.shape[:2])
    down, right, along = features.strides
    strides = (down, right, apart * down, apart * right, along)
    return as_strided(features, (rows, cols, cells, cells, features.shape[2]), strides, writeable=False)


def window_tiles(
    encode: Encoder, heights: np.ndarray, grid: WindowGrid, wanted: np.ndarray, *, most: int, tile: int = TILE
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
    """Yield the flattened features of windows that are ``wanted``, (rows, cols) bool of the grid.

    They come ``most`` at a time, (n, cells * cells * n_features), with their rows and columns in the grid,
    (n,) each. Other parameters are those of `label_tiles`, which does not need to hold them.
    """
    pitch = gcd(grid.pitch, encode.stride)
    step, shape = grid.pitch // pitch, grid.shape(heights.shape)
    for place, phases in _encoded(encode, fill_nearest(heights), grid, shape, tile, wanted):
        windows = blocks(_interleaved(phases), pitch, grid.window, encode.stride)[::step, ::step]
        chosen = np.argwhere(wanted[place])
        for start in range(0, len(chosen), most):
            rows, cols = chosen[start : start + most].T
            made = windows[rows, cols].reshape(len(rows), -1)
            yield (rows + place[0].start, cols + place[1].start), made


def label_tiles(
    encode: Encoder,
    heights: np.ndarray,
    grid: WindowGrid,
    centres: np.ndarray,
    *,
    owners: np.ndarray | None = None,
    tile: int = TILE,
    wanted: np.ndarray | None = None,
) -> Iterator[tuple[Slices, np.ndarray, np.ndarray]]:
    """Find the nearest centre of every window, tile by tile; missing heights take the value of the nearest.

    Parameters
    ----------
    encode : Encoder
    heights : ndarray, shape (M, N)
    grid : WindowGrid
        Its window is a multiple of the stride. A last row or column of windows that is flush with the edge
        and off the pitch is encoded at its own place. A pitch that does not divide the stride costs as much
        as their greatest common divisor.
    centres : ndarray, shape (n_clusters, n_features) or (n_clusters, cells * cells * n_features)
        Of the mean of a window's cells, or of all of them, flattened.
    owners : ndarray of int, shape (n_clusters,), optional
        Group of each centre, 0 to n - 1, if there are fewer groups.
    tile : int
        Positions along a side of what is encoded at once.
    wanted : ndarray of bool, shape (rows, cols) of the grid, optional
        A tile without a window that is wanted is left out.

    Yields
    ------
    place : (slice, slice)
        Of the windows of a tile in the grid.
    nearest : ndarray of int
        Index of the nearest centre, or of its group.
    confidence : ndarray of float32
        ``1 - nearest / next`` of the squared distances.

    Raises
    ------
    ValueError
        If the window or the centres do not fit the encoder.
    """
    known = _Centres.of(centres, encode, grid.window, owners)
    step = grid.pitch // gcd(grid.pitch, encode.stride)
    shape = grid.shape(heights.shape)
    for place, phases in _encoded(encode, fill_nearest(heights), grid, shape, tile, wanted):
        found = [known.nearest(maps) for maps in phases]
        nearest, sure = (_interleaved(np.array(some))[::step, ::step] for some in zip(*found, strict=True))
        inside = slice(_length(place[0])), slice(_length(place[1]))
        yield place, nearest[inside], sure[inside]


@dataclass(frozen=True, eq=False)
class _Centres:
    """Cluster centres as kernels that slide over features, and what their distances are made of.

    ``origin``, (n,), is taken from features and centres before they are multiplied: what all centres share
    would only cost digits.
    """

    origin: np.ndarray
    kernels: np.ndarray  # (cells, cells, k, n); (1, 1, k, n) for means
    squares: np.ndarray  # (k, 1, 1, 1)
    averaged: int  # cells along a side that are averaged first
    first: np.ndarray | None  # of the centres of each class, where several centres have one

    @classmethod
    def of(
        cls, centres: np.ndarray, encode: Encoder, window: int, owners: np.ndarray | None = None
    ) -> "_Centres":
        n, cells = encode.n_features, window // encode.stride
        if window % encode.stride:
            raise ValueError(f"the window must be a multiple of {encode.stride} px, got {window}")
        if len(centres) < 2:
            raise ValueError(f"at least 2 centres are needed, got {len(centres)}")
        if centres.shape[1] not in (n, cells * cells * n):
            raise ValueError(
                f"centres must have {n} features (means) or {cells * cells * n} (flattened),"
                f" got {centres.shape[1]}"
            )
        first = None
        if owners is not None:
            order = np.argsort(owners, kind="stable")
            centres, first = centres[order], np.searchsorted(owners[order], np.arange(owners.max() + 1))
        side = 1 if centres.shape[1] == n else cells
        kernels = np.asarray(centres, np.float64).reshape(-1, side, side, n)
        origin = kernels.mean((0, 1, 2)).astype(np.float32)
        kernels = kernels - origin
        squares = np.square(kernels).sum((1, 2, 3))[:, None, None, None]
        kernels = np.ascontiguousarray(kernels.transpose(1, 2, 0, 3), np.float32)
        return cls(origin, kernels, squares.astype(np.float32), cells // side, first)

    def nearest(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest centre, or class, of every window of maps, (m, p, q, n); and how sure that is."""
        distances = self.distances(maps)
        if self.first is not None:
            distances = np.minimum.reduceat(distances, self.first, axis=0)
        nearest = distances.argmin(0)
        first = np.take_along_axis(distances, nearest[None], 0)
        np.put_along_axis(distances, nearest[None], np.inf, 0)
        return nearest, 1 - first[0] / np.maximum(distances.min(0), np.float32(1e-30))

    def distances(self, maps: np.ndarray) -> np.ndarray:
        """Square the distances of every window to every centre, (k, m, p - cells + 1, q - cells + 1).

        |f - c|^2 = |f|^2 - 2 f.c + |c|^2, where f.c is a convolution with the centres: one matrix product.
        """
        maps = maps - self.origin
        if self.averaged > 1:
            maps = _box(_box(maps, self.averaged, 1), self.averaged, 2)
            maps /= np.float32(self.averaged**2)
        side, (m, p, q, n) = len(self.kernels), maps.shape
        products = self.kernels.reshape(-1, n) @ maps.reshape(-1, n).T
        products = products.reshape(side, side, -1, m, p, q)
        p, q = p - side + 1, q - side + 1
        distances = np.zeros((len(self.squares), m, p, q), np.float32)
        for a, b in product(range(side), repeat=2):
            distances += products[a, b, :, :, a : a + p, b : b + q]
        distances *= -2
        distances += self.squares
        distances += _box(_box(np.einsum("mijn,mijn->mij", maps, maps), side, 1), side, 2)
        return np.maximum(distances, 0, out=distances)


def _encoded(
    encode: Encoder,
    heights: np.ndarray,
    grid: WindowGrid,
    shape: tuple[int, int],
    tile: int,
    wanted: np.ndarray | None = None,
) -> Iterator[tuple[Slices, np.ndarray]]:
    """Encode tile by tile what the windows of a grid of this shape need, as `Encoder` gives it.

    All tiles of one run of windows have one shape, so that a compiled encoder is compiled once; the last
    ones reach over the edge.
    """
    pitch, cells = gcd(grid.pitch, encode.stride), grid.window // encode.stride
    apart, step = encode.stride // pitch, grid.pitch // pitch
    more = (cells - 1) * apart + 1  # positions of one window
    most = max(min(tile, TILE_PX // pitch), 2 * more)
    border = encode.stride + 2 * encode.reach - pitch

    def pixels(run: _Run, length: int) -> np.ndarray:
        positions = (run.tile - 1) * step + more
        positions += -positions % apart
        return _mirrored(np.arange(positions * pitch + border) + (run.pixel - encode.reach), length)

    fit = (most - more) // step + 1
    runs = [_runs(grid, length, count, fit) for length, count in zip(heights.shape, shape, strict=True)]
    for down, right in product(*runs):
        place = slice(down.first, down.first + down.count), slice(right.first, right.first + right.count)
        if wanted is not None and not wanted[place].any():
            continue
        seen = np.ix_(pixels(down, heights.shape[0]), pixels(right, heights.shape[1]))
        yield place, encode(heights[seen].astype(np.float32, copy=False), pitch)


@dataclass(frozen=True)
class _Run:
    """The windows of one tile along one axis: index of the first and its pixel, how many, how many fit."""

    first: int
    pixel: int
    count: int
    tile: int


def _runs(grid: WindowGrid, length: int, count: int, most: int) -> list[_Run]:
    """Share the windows of an axis among tiles of one size, and give the flush one its own."""
    starts = grid.starts(length)[:count]
    regular = int((starts % grid.pitch == 0).sum())
    size = -(-regular // max(1, -(-regular // most)))
    runs = [
        _Run(first, int(starts[first]), min(size, regular - first), size)
        for first in range(0, regular, max(size, 1))
    ]
    return runs + [_Run(one, int(starts[one]), 1, 1) for one in range(regular, len(starts))]


def _mirrored(pixels: np.ndarray, length: int) -> np.ndarray:
    """Fold indices beyond an axis of ``length`` px back into it, as in a mirror on its last pixels."""
    around = max(2 * (length - 1), 1)
    pixels = np.abs(pixels) % around
    return np.minimum(pixels, around - pixels) if length > 1 else np.zeros_like(pixels)


def _interleaved(phases: np.ndarray) -> np.ndarray:
    """Put (n, n, p, q, ...), one map for every offset, together as (n * p, n * q, ...)."""
    n, _, p, q, *more = phases.shape
    return phases.swapaxes(1, 2).swapaxes(0, 1).swapaxes(2, 3).reshape(n * p, n * q, *more)


def _box(values: np.ndarray, cells: int, axis: int) -> np.ndarray:
    """Sum over every run of ``cells`` along an axis, by halves: always in the same order."""
    if cells == 1:
        return values
    kept = values.shape[axis] - cells + 1

    def part(of: np.ndarray, start: int) -> np.ndarray:
        return of[(slice(None),) * axis + (slice(start, start + kept),)]

    half = _box(values, cells // 2, axis)
    total = part(half, 0) + part(half, cells // 2)
    return total + part(values, cells - 1) if cells % 2 else total


def _length(of: slice) -> int:
    return int(of.stop - of.start)
