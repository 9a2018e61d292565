"""Measure the regions of a label map in nm: one row a region, one row a class."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

FLATTENED = "poly_xy + median_of_differences + poly_xy_2"  # before heights are measured: steps stay
RING = 3, 8  # px around a region: between these two lies its local background
_FEWEST, _FARTHEST = 30, 64  # px that a ring must have, or it gets wider, up to so far
_CORNERS = np.ones((3, 3), bool)  # regions hang together over corners too


@dataclass(frozen=True)
class Region:
    """One region. Lengths are in nm, or px where the scale is not known; NaN is what cannot be said.

    Parameters
    ----------
    label, name : int, str
        Its class.
    number : int
        From 1 on, unique on the map, from the top down.
    row, col : float
        Centroid in px.
    x, y : float
        Centroid from the top left corner of the scan: x to the right, y down.
    area, diameter : float
        Diameter of the disc of the same area.
    major, minor, orientation : float
        Axes of the ellipse of the same second moments, and the direction of the longer one in degrees,
        anticlockwise from the x axis, -90 to 90.
    height : float
        Apparent height: median inside minus median of the local background, a ring of 3 to 8 px around it
        without other regions. Where these fill it, as around the core of a structure of several classes, it
        gets wider, up to 64 px.
    lowest, highest : float
        Of the heights inside, above the same background.
    nearest : float
        From its centroid to that of the nearest region of the same class.
    touches_border : bool
        Whether it reaches the border of what was scanned, so that some of it may be missing.
    confidence : float
        Mean of what is known, where a map of it is given.
    """

    label: int
    name: str
    number: int
    row: float
    col: float
    x: float
    y: float
    area: float
    diameter: float
    major: float
    minor: float
    orientation: float
    height: float
    lowest: float
    highest: float
    nearest: float
    touches_border: bool
    confidence: float


@dataclass(frozen=True)
class ClassStatistics:
    """One class: counts, densities with their counting error, means and standard deviations.

    ``count`` is of all regions, ``whole`` of those that do not touch the border. ``density`` is per nm²: of
    the regions that touch the border, those at the top or left alone are counted, per area without the last
    px of each row and column, so that the frame biases nothing; its error is that of counting, sqrt(n) /
    area. Means are of whole regions. ``nearest`` is the
    mean distance to the nearest neighbour, ``nearest_random`` what random places of this density would have,
    1 / (2 sqrt(density)) (P. J. Clark and F. C. Evans, doi:10.2307/1931034), borders not considered.
    """

    label: int
    name: str
    background: bool
    count: int
    whole: int
    density: float
    density_error: float
    area: float
    coverage: float
    area_mean: float
    area_std: float
    diameter_mean: float
    diameter_std: float
    height_mean: float
    height_std: float
    nearest: float
    nearest_random: float


@dataclass(frozen=True)
class Measurements:
    """What a label map says about a surface.

    Parameters
    ----------
    regions : tuple of Region
    classes : tuple of ClassStatistics
    scanned : float
        Area that was scanned, in nm² (px where the scale is not known).
    unit : str
        ``nm`` or ``px``.
    numbers : ndarray of int, shape (rows, cols)
        Which region each pixel belongs to, 0 = none.
    """

    regions: tuple[Region, ...]
    classes: tuple[ClassStatistics, ...]
    scanned: float
    unit: str
    numbers: np.ndarray

    def centres(self, label: int) -> np.ndarray:
        """Return the centroids of a class, (n, 2) px, row and column."""
        found = [(one.row, one.col) for one in self.regions if one.label == label]
        return np.array(found, float).reshape(-1, 2)

    def region_columns(self) -> dict[str, list[Any]]:
        """Return one column a quantity, named with its unit, for a file or a table."""
        return _columns(self.regions, Region, self.unit)

    def class_columns(self) -> dict[str, list[Any]]:
        """Return one column a quantity, named with its unit, for a file or a table."""
        return _columns(self.classes, ClassStatistics, self.unit)


def measure(
    labels: np.ndarray,
    heights: np.ndarray,
    pixel_size: tuple[float, float] | None,
    *,
    names: Mapping[int, str],
    background: Collection[int] = (),
    min_area: float = 0.0,
    confidence: np.ndarray | None = None,
) -> Measurements:
    """Measure all regions of a label map, parts of one label that hang together, corners included.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (rows, cols)
        0 = unlabelled.
    heights : ndarray, shape (rows, cols)
        Flattened, in nm; NaN where nothing was scanned.
    pixel_size : (float, float) or None
        nm per px along rows and columns.
    names : mapping of int to str
    background : collection of int
        Labels that are no structures: they have coverage, but no regions.
    min_area : float
        nm² (px), below which a region is noise and left out.
    confidence : ndarray, shape (rows, cols), optional
        NaN where it is not known.

    Raises
    ------
    ValueError
        If the labels are no map of whole numbers from 0 on, the maps differ in shape, nothing was scanned, a
        pixel has no size, or the least area is none.
    """
    labels, heights = np.asarray(labels), np.asarray(heights, float)
    if labels.ndim != 2 or labels.dtype.kind not in "iub" or (labels.size and labels.min() < 0):
        raise ValueError(
            f"labels must be a map of whole numbers from 0 on, got {labels.dtype} {labels.shape}"
        )
    if labels.shape != heights.shape or (confidence is not None and confidence.shape != labels.shape):
        raise ValueError(f"labels of {labels.shape} px do not fit heights of {heights.shape} px")
    there = np.isfinite(heights)
    if not there.any():
        raise ValueError("nothing was scanned: there is nothing to measure")
    size = (1.0, 1.0) if pixel_size is None else pixel_size
    if not all(0 < one < np.inf for one in size):
        raise ValueError(f"a pixel must be more than 0 nm wide, got {size}")
    if not 0 <= min_area < np.inf:
        raise ValueError(f"the least area must be 0 or more, got {min_area}")
    pixel = size[0] * size[1]
    shown = np.where(there, labels, 0)
    numbers, owners = _numbered(shown, background, min_area / pixel)
    regions = _regions(numbers, owners, heights, there, size, names, confidence)
    scanned = float(there.sum() * pixel)
    sizes = np.bincount(shown.ravel(), minlength=int(max(names, default=0)) + 1)
    counted, frame = _counted(numbers, there)
    present = [label for label in np.flatnonzero(sizes).tolist() if label]
    classes = tuple(
        _statistics(
            label,
            names.get(label, f"class {label}"),
            label in set(background),
            [one for one in regions if one.label == label],
            counted,
            frame * pixel,
            float(sizes[label] * pixel),
            scanned,
        )
        for label in present
    )
    return Measurements(regions, classes, scanned, "px" if pixel_size is None else "nm", numbers)


def _numbered(labels: np.ndarray, background: Collection[int], least: float) -> tuple[np.ndarray, np.ndarray]:
    """Give each region a number, (rows, cols) int, 0 = none; return the labels of numbers 1, 2, ... too."""
    from skimage.measure import label

    shown = np.where(np.isin(labels, list(background)), 0, labels).astype(np.int64)
    numbers = label(shown, background=0, connectivity=2)
    sizes = np.bincount(numbers.ravel())
    kept = sizes >= max(least, 1)
    kept[0] = False
    renumbered = np.where(kept, kept.cumsum(), 0)
    owners = np.zeros(len(sizes), np.int64)
    owners[numbers.ravel()] = shown.ravel()
    return renumbered[numbers], owners[kept]


def _regions(
    numbers: np.ndarray,
    owners: np.ndarray,
    heights: np.ndarray,
    there: np.ndarray,
    size: tuple[float, float],
    names: Mapping[int, str],
    confidence: np.ndarray | None,
) -> tuple[Region, ...]:
    n = len(owners)
    if not n:
        return ()
    rows, cols = np.nonzero(numbers)
    own = numbers[rows, cols] - 1
    area = np.bincount(own, minlength=n).astype(float)
    row, col = (np.bincount(own, at, n) / area for at in (rows, cols))
    axes = _axes(rows, cols, own, area, row, col, size)
    base = _background(numbers, heights, there, n)
    low, middle, high = _quantiles(heights[rows, cols], own, n)
    nearest = _nearest(np.stack([row * size[0], col * size[1]], 1), owners)
    cut = np.zeros(n, bool)
    cut[np.unique(numbers[_rim(there) & (numbers > 0)]) - 1] = True
    sure = np.full(n, np.nan)
    if confidence is not None:
        values = confidence[rows, cols]
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            sure = np.bincount(own[known], values[known], n) / np.bincount(own[known], minlength=n)
    area = area * size[0] * size[1]
    columns = {
        "row": row,
        "col": col,
        "x": (col + 0.5) * size[1],
        "y": (row + 0.5) * size[0],
        "area": area,
        "diameter": 2 * np.sqrt(area / np.pi),
        **dict(zip(("major", "minor", "orientation"), axes, strict=True)),
        "height": middle - base,
        "lowest": low - base,
        "highest": high - base,
        "nearest": nearest,
        "confidence": sure,
    }
    found = []
    for i, label in enumerate(owners.tolist()):
        quantities: dict[str, Any] = {name: float(values[i]) for name, values in columns.items()}
        name = names.get(label, f"class {label}")
        found.append(Region(label=label, name=name, number=i + 1, touches_border=bool(cut[i]), **quantities))
    return tuple(found)


def _axes(
    rows: np.ndarray,
    cols: np.ndarray,
    own: np.ndarray,
    area: np.ndarray,
    row: np.ndarray,
    col: np.ndarray,
    size: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return major and minor axis and orientation of the ellipses of the same second moments."""
    n = len(area)
    x, y = (cols - col[own]) * size[1], -(rows - row[own]) * size[0]  # y up, as angles count
    xx = np.bincount(own, x * x, n) / area + size[1] ** 2 / 12  # a pixel is no point
    yy = np.bincount(own, y * y, n) / area + size[0] ** 2 / 12
    xy = np.bincount(own, x * y, n) / area
    middle, apart = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    turned = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))
    return 4 * np.sqrt(middle + apart), 4 * np.sqrt(np.maximum(middle - apart, 0)), turned


def _background(numbers: np.ndarray, heights: np.ndarray, there: np.ndarray, n: int) -> np.ndarray:
    """Return the median height of a ring around each region, without other regions; NaN where it is empty."""
    from scipy.ndimage import find_objects

    base, free = np.full(n, np.nan), there & (numbers == 0)
    for i, place in enumerate(find_objects(numbers)):
        wide = RING[1]
        ring = _ring(numbers, heights, free, i + 1, place, wide)
        while ring.size < _FEWEST and wide < _FARTHEST:
            wide *= 2
            ring = _ring(numbers, heights, free, i + 1, place, wide)
        if ring.size:
            base[i] = np.median(ring)
    return base


def _ring(
    numbers: np.ndarray,
    heights: np.ndarray,
    free: np.ndarray,
    number: int,
    place: tuple[slice, ...],
    wide: int,
) -> np.ndarray:
    """Return the heights of what is free around a region, up to so many px away."""
    from scipy.ndimage import distance_transform_edt

    around = tuple(
        slice(max(part.start - wide - 1, 0), min(part.stop + wide + 1, side))
        for part, side in zip(place, numbers.shape, strict=True)
    )
    away = distance_transform_edt(numbers[around] != number)
    return heights[around][(away > RING[0]) & (away <= wide) & free[around]]


def _quantiles(values: np.ndarray, own: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lowest, median and highest value of each region."""
    order = np.lexsort((values, own))
    values, first = values[order], np.searchsorted(own[order], np.arange(n))
    last = np.append(first[1:], len(values)) - 1
    middle = (values[(first + last) // 2] + values[(first + last + 1) // 2]) / 2
    return values[first], middle, values[last]


def _nearest(places: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Return the distance of each place, (n, 2), to the nearest of its own class."""
    from scipy.spatial import cKDTree

    found = np.full(len(places), np.nan)
    for label in np.unique(owners):
        same = np.flatnonzero(owners == label)
        if len(same) > 1:
            found[same] = cKDTree(places[same]).query(places[same], k=2)[0][:, 1]
    return found


def _rim(there: np.ndarray) -> np.ndarray:
    """Return the pixels at the border of what was scanned."""
    from scipy.ndimage import binary_erosion

    return there & ~binary_erosion(there, _CORNERS)


def _counted(numbers: np.ndarray, there: np.ndarray) -> tuple[set[int], int]:
    """Return the numbers of regions that count for densities, and on how many px each of them may end.

    These regions do not reach the last scanned px of a column or a row: what goes on there ends elsewhere.
    """
    last = np.zeros(there.shape, bool)
    for axis in (0, 1):
        onward = np.flip(np.logical_or.accumulate(np.flip(there, axis), axis), axis)
        last |= there & ~np.roll(onward, -1, axis)
    last[-1], last[:, -1] = there[-1], there[:, -1]  # rolled round
    outside = set(np.unique(numbers[last]).tolist())
    return set(range(1, int(numbers.max()) + 1)) - outside, int(there.sum() - last.sum())


def _statistics(
    label: int,
    name: str,
    background: bool,
    own: list[Region],
    counted: set[int],
    frame: float,
    area: float,
    scanned: float,
) -> ClassStatistics:
    whole = [one for one in own if not one.touches_border]
    n = sum(one.number in counted for one in own)
    density = n / frame if frame else float("nan")
    spread: dict[str, float] = {}
    for key in ("area", "diameter", "height"):
        spread[f"{key}_mean"], spread[f"{key}_std"] = _mean_std(whole, key)
    nearest = [one.nearest for one in own if np.isfinite(one.nearest)]
    return ClassStatistics(
        label=label,
        name=name,
        background=background,
        count=len(own),
        whole=len(whole),
        density=density,
        density_error=n**0.5 / frame if frame else float("nan"),
        area=area,
        coverage=area / scanned,
        **spread,
        nearest=float(np.mean(nearest)) if nearest else float("nan"),
        nearest_random=0.5 / density**0.5 if density > 0 else float("nan"),
    )


def _mean_std(regions: list[Region], key: str) -> tuple[float, float]:
    values = np.array([getattr(one, key) for one in regions])
    values = values[np.isfinite(values)]
    if not values.size:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else float("nan")


_AREAS = ("area", "area_mean", "area_std")
_PLAIN = (
    "label",
    "name",
    "number",
    "touches_border",
    "confidence",
    "background",
    "count",
    "whole",
    "coverage",
)


def _columns(rows: Collection[Any], kind: Any, unit: str) -> dict[str, list[Any]]:
    """Turn rows into columns, each named with its unit."""
    dicts = [asdict(one) for one in rows]
    return {_with_unit(one.name, unit): [row[one.name] for row in dicts] for one in fields(kind)}


def _with_unit(name: str, unit: str) -> str:
    """Name a quantity with its unit.

    >>> _with_unit("area", "nm"), _with_unit("density", "nm"), _with_unit("row", "nm")
    ('area_nm2', 'density_per_nm2', 'row_px')
    """
    if name in _PLAIN:
        return name
    if name in ("row", "col"):
        return f"{name}_px"
    if name == "orientation":
        return "orientation_deg"
    if name.startswith("density"):
        return f"{name}_per_{unit}2"
    if name.startswith(("height", "lowest", "highest")):
        return f"{name}_nm"
    return f"{name}_{unit}2" if name in _AREAS else f"{name}_{unit}"
