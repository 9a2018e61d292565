"""Paste structures of known type into pieces of the user's own maps: what a network learns from.

A piece stays as it was scanned but for what is pasted. What stands out of it already is not called surface.
"""

from collections.abc import Sequence

import numpy as np

from napari_stmml.heights.lattice import split_lattice
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.pyramid import blurred, halved
from napari_stmml.heights.spread import robust_sigma

TYPES = ("surface", "pit", "bump", "cluster", "disordered", "step", "bare")
SURFACE, PIT, BUMP, CLUSTER, DISORDERED, STEP, BARE = range(len(TYPES))
UNKNOWN = 255  # cells that stand out without a paste
PIECE = 256  # px a side; one block of a lattice
_PAINTED = 1 / 3  # a structure ends where it is below this part of its own maximum
_SPLIT_AGAIN = 0.85  # of the pieces; in others the lattice is the one found without a paste
_STANDS_OUT = 3.5  # robust standard deviations of height, from which on a place is unknown
_STEEP = 4.0  # times the median slope, likewise
_ROUGHEST = 0.06  # of the cells, likewise
_PER_PIECE = {PIT: 20, BUMP: 16, CLUSTER: 6}  # attempts, times 0.3 to 1.6


def pasted_pieces(
    maps: Sequence[np.ndarray], count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut pieces from maps and paste structures of every type into them.

    Parameters
    ----------
    maps : sequence of ndarray, shape (2, rows, cols)
        Residual and lattice, as `FilterFeatures.channels` makes them; NaN where nothing was scanned.
    count : int
        How many pieces.
    rng : Generator

    Returns
    -------
    channels : ndarray of float32, shape (count, 2, PIECE, PIECE)
        Rest and lattice with what is pasted.
    types : ndarray of uint8, shape (count, PIECE / 2, PIECE / 2)
        The type of every cell of 2 x 2 px, or `UNKNOWN`.
    """
    known = [_completed(one) for one in maps]
    channels = np.empty((count, 2, PIECE, PIECE), np.float32)
    types = np.empty((count, PIECE // 2, PIECE // 2), np.uint8)
    for number in range(count):
        whole, unknown = known[number % len(known)]
        top, left = (2 * int(rng.integers((size - PIECE) // 2 + 1)) for size in whole.shape[1:])
        piece = whole[:, top : top + PIECE, left : left + PIECE]
        cells = unknown[top // 2 : (top + PIECE) // 2, left // 2 : (left + PIECE) // 2]
        channels[number], labels, cells = _pasted(piece, cells, rng)
        types[number] = np.where((labels[::2, ::2] == SURFACE) & cells, UNKNOWN, labels[::2, ::2])
    return channels, types


def _completed(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fill what is missing and widen a map to a piece; its channels, and the cells that are unknown."""
    missing = ~np.isfinite(channels).all(0)
    channels = fill_nearest(channels, missing)
    beyond = [(0, max(PIECE - size, size % 2)) for size in channels.shape[1:]]
    channels = np.pad(channels, [(0, 0), *beyond], mode="symmetric").astype(np.float32, copy=False)
    missing = np.pad(missing, beyond, constant_values=True)
    return channels, _standing_out(channels[0]) | missing[::2, ::2]


def _standing_out(rest: np.ndarray) -> np.ndarray:
    """Find the cells that are high, low, steep or rough, and those around them; (rows / 2, cols / 2)."""
    from scipy.ndimage import binary_dilation, median_filter

    half = halved(rest)
    near = blurred(half, 1.0)
    even = [size // 2 * 2 for size in half.shape]
    coarse = median_filter(halved(half[: even[0], : even[1]]), 11, mode="nearest")
    coarse = np.pad(coarse, [(0, size % 2) for size in half.shape], mode="edge")
    away = near - coarse.repeat(2, 0).repeat(2, 1)[: half.shape[0], : half.shape[1]]
    away -= np.median(away)
    found = np.abs(away) > _STANDS_OUT * max(robust_sigma(away, centre=0.0), 1e-6)
    wide = blurred(half, 2.0)
    slope = np.hypot(*np.gradient(wide))
    found |= slope > _STEEP * max(float(np.median(slope)), 1e-6)
    found = binary_dilation(found, iterations=2)
    rough = blurred(np.log((half - wide) ** 2 + np.float32(1e-4)), 2.5)
    rough[found] = np.median(rough)
    return np.asarray(found | binary_dilation(rough > np.quantile(rough, 1 - _ROUGHEST)))


def _pasted(
    channels: np.ndarray, unknown: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Paste steps and patches, then blobs; channels, the type of every px, and the cells that are unknown."""
    from scipy.ndimage import maximum_filter

    heights, lattice = channels.sum(0), channels[1]
    labels = np.zeros(heights.shape, np.uint8)
    corrugation = max(float(lattice.std()), 0.3)
    noise = 2.0 * float(np.median(np.abs(channels[0] - blurred(channels[0], 1.0))))
    if rng.random() < 0.7:
        direction = rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(1, 3))):
            heights, lattice, unknown = _stepped(heights, lattice, unknown, labels, direction, rng)
            direction += 0.15 * rng.standard_normal()
    counts = rng.integers(0, 3, 2)
    for kind in rng.permutation(np.repeat([DISORDERED, BARE], counts)).tolist():
        heights, lattice = _patched(heights, lattice, labels, kind, corrugation, noise, rng)
    if rng.random() < _SPLIT_AGAIN:
        lattice = split_lattice(heights)[1]
    heights = np.array(heights, np.float32)
    density = _log_uniform(rng, 0.3, 1.6)
    kinds = np.repeat(list(_PER_PIECE), [int(number * density) for number in _PER_PIECE.values()])
    ground, taken = blurred(heights, 8.0), unknown.repeat(2, 0).repeat(2, 1)
    taken |= (maximum_filter(labels, 9) == DISORDERED) | (maximum_filter(labels, 9) == BARE)
    for kind in rng.permutation(kinds).tolist():
        _set_blob(heights, ground, labels, taken, kind, rng)
    size = heights.shape
    heights += _log_uniform(rng, 0.01, 0.12) * rng.standard_normal(size, np.float32)
    heights += _log_uniform(rng, 0.01, 0.1) * rng.standard_normal((size[0], 1), np.float32)
    return np.stack([heights - lattice, lattice]), labels, unknown


def _stepped(
    heights: np.ndarray,
    lattice: np.ndarray,
    unknown: np.ndarray,
    labels: np.ndarray,
    direction: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raise one side of a meandering line; that side may be turned, and terraces lean as after flattening."""
    down, right = _grid()
    middle = rng.uniform(30, PIECE - 30, 2)
    cos, sin = np.cos(direction), np.sin(direction)
    run = (right - middle[1]) * cos + (down - middle[0]) * sin
    distance = (down - middle[0]) * cos - (right - middle[1]) * sin
    for _ in range(3):
        swing, length = _log_uniform(rng, 0.3, 5), _log_uniform(rng, 25, 250)
        distance += swing * np.sin(run * 2 * np.pi / length + rng.uniform(0, 2 * np.pi))
    upper = _logistic(distance / rng.uniform(1, 2))
    if rng.random() < 0.6:
        turns = int(rng.integers(1, 4))
        ground = blurred(heights, 12.0)
        flat = heights - ground
        heights = ground + (1 - upper) * flat + upper * np.rot90(flat, turns)
        lattice = (1 - upper) * lattice + upper * np.rot90(lattice, turns)
        unknown = np.where(upper[::2, ::2] > 0.5, np.rot90(unknown, turns), unknown)
    rise = _log_uniform(rng, 0.7, 9) * rng.choice([-1, 1])
    lean = rng.uniform(0, 1.2) * np.clip(distance / rng.uniform(60, 200), -0.7, 0.7)
    labels[4 * upper * (1 - upper) > _PAINTED] = STEP
    return (heights + rise * (upper - lean)).astype(np.float32), lattice, unknown


def _patched(
    heights: np.ndarray,
    lattice: np.ndarray,
    labels: np.ndarray,
    kind: int,
    corrugation: float,
    noise: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Put a disordered or a bare patch of irregular outline in place of the lattice."""
    down, right = _grid()
    middle = rng.uniform(0, PIECE, 2)
    angle = np.arctan2(down - middle[0], right - middle[1])
    outline = 1 + sum(
        0.25 / k * rng.standard_normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(2, 6)
    )
    depth = _log_uniform(rng, 22, 55) * outline - np.hypot(down - middle[0], right - middle[1])
    inside = _logistic(depth / rng.uniform(1, 2.5))
    if kind == DISORDERED:
        ground = blurred(heights, 10.0) + 0.3 * corrugation * rng.standard_normal()
        grains = _rough(rng, _log_uniform(rng, 1.5, 5))
        if rng.random() < 0.5:
            grains += 0.7 * _rough(rng, _log_uniform(rng, 2, 8))
        ground += _log_uniform(rng, 0.6, 2.2) * corrugation * grains
    else:
        ground = blurred(heights, 25.0) - _log_uniform(rng, 0.8, 6) * corrugation
        ground += _log_uniform(rng, 0.05, 0.4) * corrugation * _rough(rng, _log_uniform(rng, 1, 3))
        ground += 0.15 * corrugation * _rough(rng, 6.0)
    ground += noise * rng.standard_normal(heights.shape, np.float32)
    labels[inside > 0.5] = kind
    heights = (heights + inside * (ground - heights)).astype(np.float32)
    return heights, (lattice * (1 - rng.random() * inside)).astype(np.float32)


def _set_blob(
    heights: np.ndarray,
    ground: np.ndarray,
    labels: np.ndarray,
    taken: np.ndarray,
    kind: int,
    rng: np.random.Generator,
) -> None:
    """Set a pit, a bump or a cluster of some Gaussians, in place, unless its middle is taken."""
    middle = rng.uniform(2, PIECE - 2, 2)
    if taken[int(middle[0]), int(middle[1])]:
        return
    if kind == CLUSTER:
        parts, spread, sigma = int(rng.integers(3, 9)), rng.uniform(3, 8), _log_uniform(rng, 3, 7)
    else:
        parts, sigma = int(rng.choice([1, 1, 1, 2, 2])), _log_uniform(rng, 2.5, 9 if kind == BUMP else 8)
        spread = 0.6 * sigma if parts > 1 else 0.0
    around = int(3 * sigma + 2.5 * spread) + 2
    rows, cols = (slice(max(0, int(at) - around), min(PIECE, int(at) + around)) for at in middle)
    down, right = np.ogrid[rows, cols]
    profile = np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    stretch = _log_uniform(rng, 1, 1.8)
    for _ in range(parts):
        angle = rng.uniform(0, np.pi)
        y, x = (
            down - middle[0] - spread * rng.standard_normal(),
            right - middle[1] - spread * rng.standard_normal(),
        )
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        width = 2 * (sigma * _log_uniform(rng, 0.85, 1.2)) ** 2
        profile += _log_uniform(rng, 0.6, 1.4) * np.exp(
            -(along**2) / (width * stretch) - across**2 * stretch / width
        )
    profile /= profile.max()
    if kind == PIT:
        flat = rng.random() * (ground[rows, cols] - heights[rows, cols])
        heights[rows, cols] += profile * (flat - _log_uniform(rng, 1.2, 6))
    else:
        heights[rows, cols] += profile * (
            _log_uniform(rng, 1.3, 8) if kind == BUMP else _log_uniform(rng, 4, 30)
        )
    labels[rows, cols][profile > _PAINTED] = kind
    taken[rows, cols] |= profile > _PAINTED / 2


def _grid() -> tuple[np.ndarray, np.ndarray]:
    down, right = np.mgrid[:PIECE, :PIECE].astype(np.float32)
    return down, right


def _rough(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Draw a random landscape of standard deviation 1, smooth over ``sigma`` px."""
    grains = blurred(rng.standard_normal((PIECE, PIECE), np.float32), sigma)
    return np.asarray(grains / grains.std())


def _logistic(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def _log_uniform(rng: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))
