"""What the regions of a class look like on average: a mean image, and the height over the distance."""

from dataclasses import dataclass, field

import numpy as np

_EDGE = 0.8  # of half a side: beyond is the background that each cut-out is measured from
_MARGIN = 12  # px that a spline looks beyond what it gives


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

    They are moved by cubic splines: what is two px wide keeps its height.

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
    if not len(centres):
        raise ValueError("there is nothing to average: no region")
    if not 2 * max(pixel_size) <= side < np.inf:
        raise ValueError(f"a cut-out must be 3 px or more, got {side:g} nm at {pixel_size} nm per px")
    half = [int(side / size / 2) for size in pixel_size]
    down, across = (np.arange(-one, one + 1) for one in half)
    away = np.hypot(*np.meshgrid(down * pixel_size[0], across * pixel_size[1], indexing="ij"))
    edge = away >= _EDGE * min(one * size for one, size in zip(half, pixel_size, strict=True))
    n, mean, squares = np.zeros(away.shape, int), np.zeros(away.shape), np.zeros(away.shape)
    for centre in centres:
        one = _cut_out(heights, centre, half)
        known = np.isfinite(one)
        if (edge & known).any():  # B. P. Welford, doi:10.1080/00401706.1962.10490022: holds one at a time
            one = one - np.median(one[edge & known])
            n += known
            off = np.where(known, one - mean, 0)
            mean += off / np.maximum(n, 1)
            squares += off * np.where(known, one - mean, 0)
    std = np.sqrt(squares / np.maximum(n - 1, 1))
    return ClassAverage(np.where(n > 0, mean, np.nan), np.where(n > 1, std, np.nan), n, pixel_size)


def _cut_out(heights: np.ndarray, centre: np.ndarray, half: list[int]) -> np.ndarray:
    """Return the heights around a place between pixels; NaN where one of these is not known."""
    from scipy.ndimage import affine_transform, distance_transform_edt

    shape = tuple(2 * one + 1 for one in half)
    first = [max(int(at) - one - _MARGIN, 0) for at, one in zip(centre, half, strict=True)]
    piece = heights[tuple(slice(a, a + n + 2 * _MARGIN) for a, n in zip(first, shape, strict=True))]
    if not np.isfinite(piece).any():
        return np.full(shape, np.nan)
    start = [at - one - a for at, one, a in zip(centre, half, first, strict=True)]
    known = affine_transform(piece, [1, 1], start, shape, order=1, cval=np.nan)
    if not np.isfinite(piece).all():
        nearest = distance_transform_edt(~np.isfinite(piece), return_distances=False, return_indices=True)
        piece = piece[tuple(nearest)]
    moved = affine_transform(piece, [1, 1], start, shape, order=3, mode="mirror")
    return np.where(np.isfinite(known), moved, np.nan)


def radial_profile(
    heights: np.ndarray,
    centres: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    radius: float,
    step: float | None = None,
) -> RadialProfile:
    """Average heights over the distance from centres, from their own pixels without interpolation.

    Heights are measured from the median of those beyond 80 % of the radius. A ring without a pixel is NaN;
    the distance of a ring is the mean distance of its area.

    Parameters
    ----------
    heights, centres, pixel_size
        As `class_average` takes them.
    radius, step : float
        How far to go, and the width of a ring, in nm; a ring is 1 px wide if not given.

    Raises
    ------
    ValueError
        If there is no centre, or radius or step is not above 0.
    """
    if not len(centres):
        raise ValueError("there is nothing to average: no region")
    step = min(pixel_size) if step is None else step
    if not (0 < radius < np.inf and 0 < step < np.inf):
        raise ValueError(f"radius and step must be above 0, got {radius:g} and {step:g}")
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
    mean, std = _mean_std(profiles, n)
    inner = np.arange(steps)
    outer = inner + 1
    distance = 2 / 3 * step * (outer**3 - inner**3) / (outer**2 - inner**2)
    return RadialProfile(distance, mean, std, n)


def _mean_std(values: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of what is not NaN; NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, 0) / n
        std = np.sqrt(np.nansum((values - mean) ** 2, 0) / (n - 1))
    return np.where(n > 0, mean, np.nan), np.where(n > 1, std, np.nan)
