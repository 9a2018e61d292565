"""Average the surroundings of many centres: a mean image, and the height over the distance."""

import numpy as np
import pandas as pd

_EDGE = 0.8  # of half a side: the background of each cut-out lies beyond
_MARGIN = 12  # px that a spline needs around the cut-out


def class_average(
    heights: np.ndarray, centres: np.ndarray, pixel_size: tuple[float, float], *, side: float
) -> np.ndarray:
    """Average cut-outs around centres, each measured from the median of its own edge.

    Centres lie between pixels: cut-outs are interpolated by cubic splines, so that structures
    2 px wide keep their height.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In nm; NaN is left out, as is what lies beyond the border.
    centres : ndarray, shape (n, 2)
        Row and column in px.
    pixel_size : (float, float)
        nm per px along rows and columns.
    side : float
        Of a cut-out in nm.

    Returns
    -------
    ndarray, shape (side, side) px
        Mean heights in nm; NaN where no cut-out has any.

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
    n, mean = np.zeros(away.shape, int), np.zeros(away.shape)
    for centre in centres:
        one = _cut_out(heights, centre, half)
        known = np.isfinite(one)
        if (edge & known).any():
            n += known
            mean += np.where(known, one - np.median(one[edge & known]) - mean, 0) / np.maximum(n, 1)
    return np.where(n > 0, mean, np.nan)


def _cut_out(heights: np.ndarray, centre: np.ndarray, half: list[int]) -> np.ndarray:
    """Interpolate the heights around a point between pixels; NaN where one of the pixels is not known."""
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
) -> pd.DataFrame:
    """Average heights over the distance from centres, from the pixels themselves, without interpolation.

    Heights are measured from the median of those beyond 80 % of the radius.

    Parameters
    ----------
    heights, centres, pixel_size
        As `class_average` takes them.
    radius, step : float
        How far to go, and the width of a ring, in nm; a ring is 1 px wide if not given.

    Returns
    -------
    DataFrame
        One row a ring: ``radius``, the mean distance of its area; ``profile``, mean over centres of the mean
        height on the ring (NaN without a pixel), and ``std``, both in nm; ``n`` centres.

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
    profiles = pd.DataFrame([_profile(heights, one, pixel_size, radius, step, steps) for one in centres])
    inner = np.arange(steps)
    outer = inner + 1
    distance = 2 / 3 * step * (outer**3 - inner**3) / (outer**2 - inner**2)
    columns = {"radius": distance, "profile": profiles.mean(), "std": profiles.std(), "n": profiles.count()}
    return pd.DataFrame(columns)


def _profile(
    heights: np.ndarray,
    centre: np.ndarray,
    pixel_size: tuple[float, float],
    radius: float,
    step: float,
    steps: int,
) -> np.ndarray:
    """Return the mean height on each ring around a centre, (steps,)."""
    corner = [max(int(at) - int(radius / size) - 1, 0) for at, size in zip(centre, pixel_size, strict=True)]
    end = [int(at) + int(radius / size) + 3 for at, size in zip(centre, pixel_size, strict=True)]
    piece = heights[corner[0] : end[0], corner[1] : end[1]]
    down, across = (
        (np.arange(first, first + n) - at) * size
        for first, n, at, size in zip(corner, piece.shape, centre, pixel_size, strict=True)
    )
    away = np.hypot(down[:, None], across[None])
    known = np.isfinite(piece)
    far = piece[known & (away >= _EDGE * radius) & (away < radius)]
    if not far.size:
        return np.full(steps, np.nan)
    there = known & (away < steps * step)
    ring = np.minimum((away[there] / step).astype(int), steps - 1)  # 1.7 / 0.1 may be 17
    with np.errstate(invalid="ignore"):
        return np.bincount(ring, piece[there], steps) / np.bincount(ring, minlength=steps) - np.median(far)
