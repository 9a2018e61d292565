"""What the regions of a class look like on average: a mean image, and the height over the distance."""

from dataclasses import dataclass, field

import numpy as np

_EDGE = 0.8  # of half a side: beyond is the background that each cut-out is measured from


@dataclass(frozen=True, eq=False)
class ClassAverage:
    """Mean and standard deviation of heights around centres, (side, side) nm, and how many each px has."""

    mean: np.ndarray = field(repr=False)
    std: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    pixel_size: tuple[float, float]


@dataclass(frozen=True, eq=False)
class RadialProfile:
    """Height over the distance from a centre: distances and heights in nm, all (n_steps,)."""

    distance: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    std: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)


def class_average(
    heights: np.ndarray, centres: np.ndarray, pixel_size: tuple[float, float], *, side: float
) -> ClassAverage:
    """Average cut-outs around centres, each moved by its part of a pixel and measured from its own edge.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In nm; NaN, and what is beyond the border, is left out.
    centres : ndarray, shape (n, 2)
        Row and column in px.
    pixel_size : (float, float)
        nm per px along rows and columns.
    side : float
        Of a cut-out in nm.

    Raises
    ------
    ValueError
        If there is no centre, or a cut-out is smaller than 3 px.
    """
    from scipy.ndimage import map_coordinates

    if not len(centres):
        raise ValueError("there is nothing to average: no region")
    half = [int(side / size / 2) for size in pixel_size]
    if min(half) < 1:
        raise ValueError(f"a cut-out must be 3 px or more, got {side:g} nm at {pixel_size} nm per px")
    down, across = (np.arange(-one, one + 1) for one in half)
    away = np.hypot(*np.meshgrid(down * pixel_size[0], across * pixel_size[1], indexing="ij"))
    edge = away >= _EDGE * min(one * size for one, size in zip(half, pixel_size, strict=True))
    cut = []
    for row, col in centres:
        grid = np.meshgrid(row + down, col + across, indexing="ij")
        one = map_coordinates(heights, grid, order=1, mode="constant", cval=np.nan)
        known = one[edge & np.isfinite(one)]
        if known.size:
            cut.append(one - np.median(known))
    pieces = np.array(cut).reshape(-1, len(down), len(across))
    n = np.isfinite(pieces).sum(0)
    mean, std = _mean_std(pieces, n, axis=0)
    return ClassAverage(mean, std, n, pixel_size)


def radial_profile(
    heights: np.ndarray,
    centres: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    radius: float,
    step: float | None = None,
) -> RadialProfile:
    """Average heights over the distance from centres, from their own pixels without interpolation.

    Heights are measured from the median of those beyond 80 % of the radius. A ring without a pixel is NaN.

    Parameters
    ----------
    heights, centres, pixel_size
        As `class_average` takes them.
    radius, step : float
        How far to go, and the width of a ring, in nm; a ring is 1 px wide if not given.

    Raises
    ------
    ValueError
        If there is no centre.
    """
    if not len(centres):
        raise ValueError("there is nothing to average: no region")
    step = step or min(pixel_size)
    steps = max(int(radius / step), 1)
    rows, cols = heights.shape
    reach = [int(radius / size) + 1 for size in pixel_size]
    profiles = np.full((len(centres), steps), np.nan)
    for i, (row, col) in enumerate(centres):
        top, left = max(int(row) - reach[0], 0), max(int(col) - reach[1], 0)
        piece = heights[top : int(row) + reach[0] + 2, left : int(col) + reach[1] + 2]
        down = (np.arange(top, min(top + piece.shape[0], rows)) - row) * pixel_size[0]
        across = (np.arange(left, min(left + piece.shape[1], cols)) - col) * pixel_size[1]
        away = np.hypot(down[:, None], across[None])
        there = np.isfinite(piece) & (away < steps * step)
        ring = (away[there] / step).astype(int)
        count = np.bincount(ring, minlength=steps)
        far = piece[np.isfinite(piece) & (away >= _EDGE * radius) & (away < radius)]
        if far.size:
            total = np.bincount(ring, piece[there], steps)
            with np.errstate(invalid="ignore"):
                profiles[i] = total / count - np.median(far)
    n = np.isfinite(profiles).sum(0)
    mean, std = _mean_std(profiles, n, axis=0)
    return RadialProfile((np.arange(steps) + 0.5) * step, mean, std, n)


def _mean_std(values: np.ndarray, n: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of what is not NaN; NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, axis) / n
        std = np.sqrt(np.nansum((values - mean) ** 2, axis) / (n - 1))
    return np.where(n > 0, mean, np.nan), np.where(n > 1, std, np.nan)
