"""What the regions of each class look like and how they lie: average, radial profile, pair distances."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.measuring.averages import ClassAverage, RadialProfile, class_average, radial_profile
from napari_stmml.measuring.pair_distances import PairHistogram, pair_histogram
from napari_stmml.measuring.regions import RING, Measurements, Region

_WIDE = 1.5  # diameters from the centre that averages and profiles reach
_FULLEST = 0.3  # of a surface that random discs may take: far below where no place is left for another


@dataclass(frozen=True, eq=False)
class ClassDetails:
    """A class of structures that has regions.

    Parameters
    ----------
    label, name : int, str
    count : int
        Of all its regions.
    averaged : int
        How many of them average and profile are of: those that do not touch the border, if there are any.
    average : ClassAverage
    profile : RadialProfile
    pairs : PairHistogram or None
        None of a single region.
    """

    label: int
    name: str
    count: int
    averaged: int
    average: ClassAverage
    profile: RadialProfile
    pairs: PairHistogram | None


def class_details(
    measurements: Measurements,
    heights: np.ndarray,
    pixel_size: tuple[float, float] | None,
    *,
    radius: float | None = None,
) -> tuple[ClassDetails, ...]:
    """Look closer at each class of structures, that with the most regions first.

    Parameters
    ----------
    measurements : Measurements
    heights : ndarray, shape (rows, cols)
        Those that were measured: flattened, in nm.
    pixel_size : (float, float) or None
        nm per px along rows and columns; without it all lengths are in px.
    radius : float, optional
        How far averages and profiles reach from the centre, in nm (px). Without it 1.5 median diameters of
        the class, and no less than local background needs, at most half the shorter side of the scan.
    """
    size = (1.0, 1.0) if pixel_size is None else pixel_size
    scanned, found = np.isfinite(heights), []
    for one in sorted(measurements.classes, key=lambda one: -one.count):
        own = [region for region in measurements.regions if region.label == one.label]
        if own:
            whole = [region for region in own if not region.touches_border] or own
            centres = np.array([(region.row, region.col) for region in whole])
            far = radius or _reach(whole, heights.shape, size)
            average = class_average(heights, centres, size, side=2 * far)
            profile = radial_profile(heights, centres, size, radius=far)
            pairs = _pairs(own, scanned, size) if len(own) > 1 else None
            found.append(ClassDetails(one.label, one.name, len(own), len(whole), average, profile, pairs))
    return tuple(found)


def pairs_between(
    measurements: Measurements,
    heights: np.ndarray,
    pixel_size: tuple[float, float] | None,
    first: str,
    second: str,
) -> PairHistogram | None:
    """Compare distances from the regions of one class to those of another with random placement of both.

    None where one of them has no region.
    """
    size = (1.0, 1.0) if pixel_size is None else pixel_size
    own, other = ([one for one in measurements.regions if one.name == name] for name in (first, second))
    return _pairs(own, np.isfinite(heights), size, other) if own and other else None


def _reach(regions: list[Region], shape: tuple[int, ...], size: tuple[float, float]) -> float:
    wide = float(np.median([region.diameter for region in regions]))
    most = min(length * one for length, one in zip(shape, size, strict=True)) / 2
    return min(max(_WIDE * wide, wide / 2 + RING[1] * max(size)), most)


def _pairs(
    regions: list[Region], scanned: np.ndarray, size: tuple[float, float], others: list[Region] | None = None
) -> PairHistogram:
    """Compare with random places that keep the mean diameter apart, or less where so many have no room."""
    placed = [*regions, *(others or [])]
    area = float(scanned.sum() * size[0] * size[1])
    room = 2 * (_FULLEST * area / (np.pi * len(placed))) ** 0.5
    wide = float(np.mean([region.diameter for region in placed]))
    places, far = (_places(regions), None if others is None else _places(others))
    return pair_histogram(places, scanned, size, others=far, exclusion=min(wide, room))


def _places(regions: list[Region]) -> np.ndarray:
    return np.array([(region.y, region.x) for region in regions])
