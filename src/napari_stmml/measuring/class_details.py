"""What the regions of each class look like and how they lie: average, radial profile, pair distances."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_stmml.measuring.averages import class_average, radial_profile
from napari_stmml.measuring.measurements import Measurements
from napari_stmml.measuring.pair_distances import pair_histogram
from napari_stmml.measuring.regions import RING

_WIDE = 1.5  # diameters from the centre that averages and profiles reach
_FULLEST = 0.3  # part of a surface that random discs may fill: far below where no room is left for another


@dataclass(frozen=True, eq=False)
class ClassDetails:
    """A class of structures that has regions.

    Parameters
    ----------
    label, name : int, str
    count : int
        Regions.
    averaged : int
        Regions in average and profile: those that do not touch the border, or all where there are none.
    average : ndarray, shape (side, side) px
        Of `class_average`.
    profile : DataFrame
        Of `radial_profile`.
    pairs : DataFrame or None
        Of `pair_histogram`; None for a single region.
    """

    label: int
    name: str
    count: int
    averaged: int
    average: np.ndarray
    profile: pd.DataFrame
    pairs: pd.DataFrame | None


def class_details(measurements: Measurements, *, radius: float | None = None) -> tuple[ClassDetails, ...]:
    """Average the regions of each class of structures, that with the most regions first.

    Parameters
    ----------
    measurements : Measurements
    radius : float, optional
        How far averages and profiles reach from the centre, in nm (px). Without it 1.5 median diameters of
        the class, at least what the local background needs, at most half the shorter side of the scan (but
        a pixel).
    """
    heights, size, found = measurements.heights, measurements.pixel_size, []
    for one in measurements.classes.sort_values("count", ascending=False, kind="stable").itertuples():
        own = measurements.regions[measurements.regions.label == one.label]
        if len(own):
            whole = own if own.touches_border.all() else own[~own.touches_border]
            centres = whole[["row", "col"]].to_numpy()
            far = radius or _reach(whole.diameter.median(), heights.shape, size)
            average = class_average(heights, centres, size, side=2 * far)
            profile = radial_profile(heights, centres, size, radius=far)
            pairs = _pairs(measurements, own) if len(own) > 1 else None
            found.append(ClassDetails(one.label, one.name, len(own), len(whole), average, profile, pairs))
    return tuple(found)


def pairs_between(measurements: Measurements, first: str, second: str) -> pd.DataFrame | None:
    """Compare distances from the regions of one class to those of another with random placement of both.

    Parameters
    ----------
    measurements : Measurements
    first, second : str
        Names of classes.

    Returns
    -------
    DataFrame or None
        Of `pair_histogram`; None where one of the classes has no region.
    """
    regions = measurements.regions
    own, other = (regions[regions.name == name] for name in (first, second))
    return _pairs(measurements, own, other) if len(own) and len(other) else None


def _reach(diameter: float, shape: tuple[int, ...], size: tuple[float, float]) -> float:
    """Return how far an average reaches from its centre: the pixel in the middle has neighbours at least."""
    most = min(length * one for length, one in zip(shape, size, strict=True)) / 2
    return max(min(max(_WIDE * diameter, diameter / 2 + RING[1] * max(size)), most), max(size))


def _pairs(
    measurements: Measurements, regions: pd.DataFrame, others: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Compare with random places that keep the mean diameter apart, or less where so many have no room."""
    placed = pd.concat([regions, others])
    room = 2 * (_FULLEST * measurements.area / (np.pi * len(placed))) ** 0.5
    places = regions[["y", "x"]].to_numpy()
    far = None if others is None else others[["y", "x"]].to_numpy()
    scanned, exclusion = np.isfinite(measurements.heights), min(placed.diameter.mean(), room)
    return pair_histogram(places, scanned, measurements.pixel_size, others=far, exclusion=exclusion)
