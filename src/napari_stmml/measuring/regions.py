"""Find the regions of a label map and measure each: place, area, ellipse, apparent height, neighbour."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from napari_stmml.measuring.touching import median_areas

RING = 3, 8  # px around a region: its local background lies between these two
_FEWEST, _FARTHEST = 30, 64  # px that a ring must have, or it gets wider, up to so far
COLUMNS = (
    *("label", "name", "number", "row", "col", "x", "y", "area", "area_ratio", "diameter"),
    *(
        "major",
        "minor",
        "orientation",
        "height",
        "lowest",
        "highest",
        "nearest",
        "touches_border",
        "confidence",
    ),
)


def number_regions(labels: np.ndarray, objects: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Give each connected region of one label a number; pixels that share a corner are connected.

    Where objects are known, what an object has of a label is a region: objects that touch are two.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        0 belongs to no region.
    objects : ndarray of int, shape (rows, cols), optional
        Number of the object of each pixel, 0 = none.

    Returns
    -------
    numbers : ndarray of int, shape (rows, cols)
        Region of each pixel, from 1 on, from the top down (objects by their numbers); 0 = none.
    owners : ndarray of int, shape (n_regions + 1,)
        Label of each region, 0 for 0.

    Examples
    --------
    >>> [found.tolist() for found in number_regions(np.array([[7, 0, 2], [0, 7, 2]]))]
    [[[1, 0, 2], [0, 1, 2]], [0, 7, 2]]
    >>> number_regions(np.array([[7, 7, 7]]), np.array([[5, 5, 9]]))[0].tolist()
    [[1, 1, 2]]
    """
    from skimage.measure import label

    if objects is not None:
        inside = (labels > 0) & (objects > 0)
        pairs = np.where(inside, objects.astype(np.int64) * (int(labels.max()) + 1) + labels, 0)
        own = np.unique(pairs[inside], return_inverse=True)[1] + 1
        loose, _ = number_regions(np.where(inside, 0, labels))
        numbers = np.where(loose > 0, loose + own.max(initial=0), 0)
        numbers[inside] = own
        n = int(numbers.max(initial=0))
    else:
        numbers, n = label(labels, background=0, connectivity=2, return_num=True)
    owners = np.zeros(n + 1, np.int64)
    owners[numbers.ravel()] = labels.ravel()
    return numbers, owners


def drop_small(numbers: np.ndarray, owners: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Leave out regions of fewer than ``least`` px, and number the others anew, as `number_regions` does."""
    kept = np.bincount(numbers.ravel(), minlength=len(owners)) >= max(least, 1)
    kept[0] = False
    renumbered = np.where(kept, kept.cumsum(), 0)
    return renumbered[numbers], np.concatenate([[0], owners[kept]])


def region_table(
    numbers: np.ndarray,
    owners: np.ndarray,
    heights: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    names: Mapping[int, str],
    confidence: np.ndarray | None = None,
) -> pd.DataFrame:
    """Measure each region; lengths are in the unit of the pixel size, heights in nm.

    Parameters
    ----------
    numbers, owners
        As `number_regions` returns them.
    heights : ndarray, shape (rows, cols)
        Flattened, in nm; NaN where nothing was scanned.
    pixel_size : (float, float)
        nm per px along rows and columns.
    names : mapping of int to str
        Of labels.
    confidence : ndarray, shape (rows, cols), optional
        NaN where it is not known.

    Returns
    -------
    DataFrame
        One row a region; `measuring.quantities` says what each of the ``COLUMNS`` holds. NaN is not known.
    """
    inside = numbers > 0
    rows, cols = np.nonzero(inside)
    sure = np.nan if confidence is None else confidence[inside]
    pixels = pd.DataFrame(
        {"number": numbers[inside], "row": rows, "col": cols, "height": heights[inside], "sure": sure}
    )
    table = pixels.groupby("number", as_index=False).agg(
        row=("row", "mean"),
        col=("col", "mean"),
        pixels=("row", "size"),
        height=("height", "median"),
        lowest=("height", "min"),
        highest=("height", "max"),
        confidence=("sure", "mean"),
    )
    base = _local_background(numbers, heights)
    table[["height", "lowest", "highest"]] -= base[:, None]
    table["label"] = owners[1:]
    table["name"] = [names.get(label, f"class {label}") for label in owners[1:].tolist()]
    table["x"], table["y"] = (table.col + 0.5) * pixel_size[1], (table.row + 0.5) * pixel_size[0]
    table["area"] = table.pixels * pixel_size[0] * pixel_size[1]
    table["diameter"] = 2 * np.sqrt(table.area / np.pi)
    table["major"], table["minor"], table["orientation"] = _ellipses(pixels, table, pixel_size)
    table["nearest"] = _nearest(table)
    table["touches_border"] = np.isin(table.number, numbers[_rim(np.isfinite(heights))])
    medians = median_areas(table[~table.touches_border])
    table["area_ratio"] = table.area / table.name.map(medians)
    return table[list(COLUMNS)]


def _ellipses(
    pixels: pd.DataFrame, table: pd.DataFrame, size: tuple[float, float]
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return major and minor axis and orientation (degrees) of the ellipses of the same second moments."""
    own = pixels.number.to_numpy() - 1
    x = (pixels.col - table.col.to_numpy()[own]) * size[1]
    y = (table.row.to_numpy()[own] - pixels.row) * size[0]  # upwards, as angles count
    moments = pd.DataFrame({"xx": x * x, "yy": y * y, "xy": x * y}).groupby(own).mean()
    xx, yy = moments.xx + size[1] ** 2 / 12, moments.yy + size[0] ** 2 / 12  # a pixel is a square, no point
    middle, apart = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + moments.xy**2)
    turned = np.degrees(0.5 * np.arctan2(2 * moments.xy, xx - yy))
    return 4 * np.sqrt(middle + apart), 4 * np.sqrt((middle - apart).clip(lower=0)), turned


def _local_background(numbers: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the median height of a ring around each region, without other regions; NaN where it is empty."""
    from scipy.ndimage import find_objects

    free = np.where(numbers == 0, heights, np.nan)
    medians = []
    for number, box in enumerate(find_objects(numbers), 1):
        wide = RING[1]
        ring = _ring(numbers, number, free, box, wide)
        while ring.size < _FEWEST and wide < _FARTHEST:
            wide *= 2
            ring = _ring(numbers, number, free, box, wide)
        medians.append(np.median(ring) if ring.size else np.nan)
    return np.array(medians)


def _ring(
    numbers: np.ndarray, number: int, free: np.ndarray, box: tuple[slice, ...], wide: int
) -> np.ndarray:
    """Return the known heights around a region, up to ``wide`` px away."""
    from scipy.ndimage import distance_transform_edt

    around = tuple(
        slice(max(part.start - wide - 1, 0), min(part.stop + wide + 1, side))
        for part, side in zip(box, free.shape, strict=True)
    )
    away = distance_transform_edt(numbers[around] != number)
    ring = free[around][(away > RING[0]) & (away <= wide)]
    return ring[np.isfinite(ring)]


def _nearest(table: pd.DataFrame) -> np.ndarray:
    """Return the distance of each region to the nearest of its own class; NaN where it is the only one."""
    from scipy.spatial import cKDTree

    found = np.full(len(table), np.nan)
    for rows in table.groupby("label").indices.values():
        if len(rows) > 1:
            centres = table[["y", "x"]].to_numpy()[rows]
            found[rows] = cKDTree(centres).query(centres, k=2)[0][:, 1]
    return found


def _rim(scanned: np.ndarray) -> np.ndarray:
    """Return the pixels at the border of what was scanned."""
    from scipy.ndimage import binary_erosion

    return scanned & ~binary_erosion(scanned, np.ones((3, 3), bool))
