"""Measure a label map in nm: a table of its regions and a table of its classes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_stmml.heights.flatten import flatten
from napari_stmml.measuring.class_statistics import class_table
from napari_stmml.measuring.nesting import enclosing_classes
from napari_stmml.measuring.regions import drop_small, number_regions, region_table
from napari_stmml.scan import Scan

FLATTENED = "poly_xy + median_of_differences + poly_xy_2"  # before heights are measured: steps stay


@dataclass(frozen=True, eq=False)
class Measurements:
    """What a label map says about a surface.

    Parameters
    ----------
    regions, classes : DataFrame
        One row a region, one row a class; `measuring.quantities` says what the columns hold.
    numbers : ndarray of int, shape (rows, cols)
        Region of each pixel, 0 = none; row ``number - 1`` of the table.
    heights : ndarray, shape (rows, cols)
        Those that were measured, in nm; NaN where nothing was scanned.
    unit : str
        Of lengths: ``nm``, or ``px`` where the scale is not known.
    pixel_size : (float, float)
        In this unit, along rows and columns.
    has_objects : bool
        Whether the map tells single objects apart, so that no region is several that touch.
    """

    regions: pd.DataFrame
    classes: pd.DataFrame
    numbers: np.ndarray
    heights: np.ndarray
    unit: str
    pixel_size: tuple[float, float]
    has_objects: bool = False

    @property
    def area(self) -> float:
        """Area that was scanned, in nm² (px)."""
        return float(np.isfinite(self.heights).sum() * self.pixel_size[0] * self.pixel_size[1])


def measure_scan(labels: np.ndarray, scan: Scan, **options: Any) -> Measurements:
    """Flatten the heights of a scan, and measure all regions of a label map of it.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (rows, cols)
        On the scan's own pixels.
    scan : Scan
    options
        Names, background ...: as `measure` takes them.

    Raises
    ------
    ValueError
        If the scan is no map of heights, but of currents for example; and as `measure` does.
    """
    if scan.unit not in ("", "nm"):
        raise ValueError(f"channel {scan.channel} is in {scan.unit}: there are no heights in nm to measure")
    return measure(labels, flatten(scan.heights.astype(float), FLATTENED), scan.pixel_size, **options)


def measure(
    labels: np.ndarray,
    heights: np.ndarray,
    pixel_size: tuple[float, float] | None,
    *,
    names: Mapping[int, str],
    background: Collection[int] = (),
    min_area: float = 0.0,
    confidence: np.ndarray | None = None,
    objects: np.ndarray | None = None,
) -> Measurements:
    """Measure all regions of a label map: connected pixels of one label, corners included.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (rows, cols)
        0 = unlabelled.
    heights : ndarray, shape (rows, cols)
        Flattened, in nm; NaN where nothing was scanned.
    pixel_size : (float, float) or None
        nm per px along rows and columns; without it all lengths are in px.
    names : mapping of int to str
    background : collection of int
        Labels of classes that are no structures: they have an area, but no regions.
    min_area : float
        nm² (px); smaller regions are left out.
    confidence : ndarray, shape (rows, cols), optional
        NaN where it is not known.
    objects : ndarray of unsigned int, shape (rows, cols), optional
        Number of the object of each pixel, 0 = none, where the map knows them: each is a region of its own.

    Raises
    ------
    ValueError
        If labels are no map of whole numbers from 0 on, the maps differ in shape, nothing was scanned, or a
        pixel or the least area has an impossible size.
    """
    labels, heights = np.asarray(labels), np.asarray(heights, float)
    size = (1.0, 1.0) if pixel_size is None else pixel_size
    scanned = np.isfinite(heights)
    _check(labels, heights, size, min_area, confidence, objects)
    labels = np.where(scanned, labels, 0)
    structures = np.where(np.isin(labels, list(background)), 0, labels).astype(np.int64)
    numbers, owners = drop_small(*number_regions(structures, objects), min_area / (size[0] * size[1]))
    regions = region_table(numbers, owners, heights, size, names=names, confidence=confidence)
    within = {} if objects is not None else enclosing_classes(labels, names, background)
    classes = class_table(
        *(regions, numbers, labels, scanned, size), names=names, background=background, inside=within
    )
    if known := objects is not None:
        classes["touching"] = 0
    unit = "px" if pixel_size is None else "nm"
    return Measurements(regions, classes, numbers, heights, unit, size, known)


def _check(
    labels: np.ndarray,
    heights: np.ndarray,
    size: tuple[float, float],
    min_area: float,
    confidence: np.ndarray | None,
    objects: np.ndarray | None,
) -> None:
    if labels.ndim != 2 or labels.dtype.kind not in "iub" or (labels.size and labels.min() < 0):
        raise ValueError(
            f"labels must be a map of whole numbers from 0 on, got {labels.dtype} {labels.shape}"
        )
    more = [one for one in (confidence, objects) if one is not None]
    if any(one.shape != labels.shape for one in (heights, *more)):
        raise ValueError(f"labels of {labels.shape} px do not fit heights of {heights.shape} px")
    if not np.isfinite(heights).any():
        raise ValueError("nothing was scanned: there is nothing to measure")
    if not all(0 < one < np.inf for one in size):
        raise ValueError(f"a pixel must be more than 0 nm wide, got {size}")
    if not 0 <= min_area < np.inf:
        raise ValueError(f"the least area must be 0 or more, got {min_area}")
