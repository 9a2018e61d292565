"""What a label map says of each class: regions and area, densities with their error, means over regions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_stmml.measuring.regions import number_regions
from napari_stmml.measuring.touching import paired, touching

COLUMNS = (
    *("label", "name", "background", "count", "whole", "n", "n_area", "density", "density_error"),
    *("area", "coverage", "touching", "paired", "inside"),
    *("area_mean", "area_std", "diameter_mean", "diameter_std", "height_mean", "height_std"),
    *("nearest", "nearest_random"),
)


@dataclass(frozen=True)
class Share:
    """Regions, area (nm², or px where the scale is not known) and share of all labelled pixels, 0 to 1."""

    regions: int = 0
    area: float = 0.0
    share: float = 0.0


def class_shares(labels: np.ndarray, pixel_size: tuple[float, float] | None = None) -> dict[int, Share]:
    """Return how much of a label map each class has, fast enough to follow every stroke.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        0 is left out.
    pixel_size : (float, float), optional
        nm per px along rows and columns.

    Examples
    --------
    >>> class_shares(np.array([[1, 0, 1], [2, 2, 0]]), (0.5, 0.5))[1]
    Share(regions=2, area=0.5, share=0.5)
    """
    labels = np.asarray(labels)
    sizes = np.bincount(labels.ravel())
    counts = np.bincount(number_regions(labels)[1][1:], minlength=len(sizes))
    pixel = 1.0 if pixel_size is None else pixel_size[0] * pixel_size[1]
    labelled = sizes[1:].sum()
    return {
        one: Share(int(counts[one]), float(sizes[one] * pixel), float(sizes[one] / labelled))
        for one in np.flatnonzero(sizes).tolist()
        if one
    }


def class_table(
    regions: pd.DataFrame,
    numbers: np.ndarray,
    labels: np.ndarray,
    scanned: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    names: Mapping[int, str],
    background: Collection[int] = (),
    inside: Mapping[int, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Summarise the regions of each class that has a name or is on a map.

    A class that a map does not show has a row as well: without it, means over maps would be too high.

    Parameters
    ----------
    regions : DataFrame
        Of `measuring.regions.region_table`.
    numbers : ndarray of int, shape (rows, cols)
        Region of each pixel, 0 = none.
    labels : ndarray of int, shape (rows, cols)
        0 where nothing was scanned.
    scanned : ndarray of bool, shape (rows, cols)
    pixel_size : (float, float)
        nm per px along rows and columns.
    names : mapping of int to str
        Of all classes that a map might show.
    background : collection of int
        Labels without regions.
    inside : mapping of int to str
        Of a class whose pieces mostly lie inside pieces of another, the name of that one.

    Returns
    -------
    DataFrame
        One row a class; `measuring.quantities` says what each of the ``COLUMNS`` holds. Means and standard
        deviations are over regions that do not touch the border. The error of a density is that of counting,
        sqrt(n) regions; of a class of which none was found it is one region. ``nearest_random`` is
        1 / (2 sqrt(density)) (P. J. Clark and F. C. Evans, doi:10.2307/1931034), borders not considered.
    """
    pixel = pixel_size[0] * pixel_size[1]
    cut, frame = counting_frame(numbers, scanned)
    there, pixels = np.unique(labels, return_counts=True)
    sizes = dict.fromkeys(names, 0) | dict(zip(there.tolist(), pixels.tolist(), strict=True))
    found = []
    for label in sorted(one for one in sizes if one > 0):
        own = regions[regions.label == label]
        whole = own[~own.touches_border]
        n = int((~own.number.isin(cut)).sum())
        sure = 0.0 if label in background else max(n, 1) ** 0.5
        density, error = (n / (frame * pixel), sure / (frame * pixel)) if frame else (np.nan, np.nan)
        found.append(
            {
                "label": label,
                "name": names.get(label, f"class {label}"),
                "background": label in background,
                "count": len(own),
                "whole": len(whole),
                "n": n,
                "n_area": frame * pixel,
                "density": density,
                "density_error": error,
                "area": sizes[label] * pixel,
                "coverage": sizes[label] / scanned.sum(),
                "touching": touching(own.area, whole.area),
                "paired": paired(own.nearest, own.diameter),
                "inside": inside.get(label, ""),
                **{f"{name}_mean": whole[name].mean() for name in ("area", "diameter", "height")},
                **{f"{name}_std": whole[name].std() for name in ("area", "diameter", "height")},
                "nearest": own.nearest.mean(),
                "nearest_random": 0.5 / density**0.5 if density > 0 else np.nan,
            }
        )
    table = pd.DataFrame(found, columns=list(COLUMNS))
    counts = [one["touching"] for one in found]  # whole numbers, or None, where pandas would make floats
    return table.assign(touching=pd.Series(counts, index=table.index, dtype=object))


def counting_frame(numbers: np.ndarray, scanned: np.ndarray) -> tuple[np.ndarray, int]:
    """Return which regions a density must not count, and on how many px the others may end.

    A region that reaches the last scanned px of a column or a row is not counted, and these px are not area:
    in frames laid side by side each region counts once (a plain form of the counting frame of
    H. J. G. Gundersen, J. Microsc. 111, 219, 1977).

    Parameters
    ----------
    numbers : ndarray of int, shape (rows, cols)
        Region of each pixel, 0 = none.
    scanned : ndarray of bool, shape (rows, cols)

    Examples
    --------
    >>> counting_frame(np.array([[1, 0, 0], [0, 0, 2], [0, 0, 0]]), np.ones((3, 3), bool))
    (array([2]), 4)
    """
    last = np.zeros(scanned.shape, bool)
    for axis in (0, 1):
        onward = np.flip(np.logical_or.accumulate(np.flip(scanned, axis), axis), axis)
        last |= scanned & ~np.roll(onward, -1, axis)
    last[-1], last[:, -1] = scanned[-1], scanned[:, -1]  # rolled round
    cut = np.unique(numbers[last])
    return cut[cut > 0], int(scanned.sum() - last.sum())
