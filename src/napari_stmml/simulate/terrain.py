"""Lay terraces down steps and set defects on them: heights with a known label per pixel."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_stmml.simulate.lattices import Lattice
from napari_stmml.simulate.steps import Edge, Frame

CLASSES = ("surface", "vacancy", "adatom", "cluster", "step edge")
VACANCY, ADATOM, CLUSTER, STEP = range(1, 5)
_ROOM_NM = {VACANCY: 0.7, CLUSTER: 1.4}  # a circle that no other defect enters
_ROOM_OF_ADATOMS_NM = 0.6
_CLUSTER_NM = 0.3
_LABELLED = 1 / 3  # a feature ends where it is below this part of its own maximum
_MARGIN_NM = 1.0  # defects may sit this far outside the frame and reach into it
_EDGE_NM = 0.1  # width parameter of the logistic profile of a step
_DENSEST = 2.0  # defects per nm^2; a Si(001) surface has 3.4 dimers per nm^2


@dataclass(frozen=True, eq=False)
class Surface:
    """A height map (rows, cols) in nm, row 0 at the top, and the true label of each pixel.

    ``labels`` (rows, cols) are uint8; label ``i`` is called ``classes[i]``, 0 is the bare terrace.
    ``pixel_size`` is nm per pixel along rows and along columns.
    """

    heights: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    pixel_size: tuple[float, float]


def populate(
    frame: Frame,
    terraces: Sequence[Lattice],
    edges: Sequence[Edge],
    step_nm: float,
    densities: Mapping[int, float],
    rng: np.random.Generator,
    *,
    classes: tuple[str, ...] = CLASSES,
    free: Callable[[np.ndarray, float], bool] = lambda at, room_nm: True,
) -> Surface:
    """Lay the terraces and set the defects on them.

    Parameters
    ----------
    frame : Frame
    terraces : sequence of Lattice
        The highest first, one more than there are edges.
    edges : sequence of Edge
        Between one terrace and the next, each a step of ``step_nm`` down.
    densities : mapping of int to float
        Defects per nm^2 by label, in the order in which they take their sites. Labels beyond those of
        `CLASSES` look like adatoms.
    rng : numpy.random.Generator
    classes : tuple of str
        What labels are called.
    free : callable
        Says whether a defect may lie at a point, (x, y) in nm, with so much room in nm around it.

    Raises
    ------
    ValueError
        If a density is not 0 to 2 per nm^2.
    """
    for kind, density in densities.items():
        if not 0 <= density <= _DENSEST:
            raise ValueError(f"density of {classes[kind]} must be 0 to {_DENSEST} per nm^2, got {density}")
    heights = _lay(frame, terraces, edges, step_nm)
    labels = np.zeros(heights.shape, np.uint8)
    for edge in edges:
        upper = above(edge.distance(frame.x, frame.y))
        labels[4 * upper * (1 - upper) > _LABELLED] = STEP  # its slope, as part of the steepest
    for kind, level, at in _sites(frame.size, terraces, edges, densities, rng):
        terrace = terraces[level]
        centres, sigmas = _blobs(kind, at, terrace, rng)
        strength = 1.0 if kind == VACANCY else rng.uniform(0.85, 1.15)
        if not free(at, _room(kind)):
            continue
        window = _window(frame, centres, 4.5 * max(sigmas))
        profile = _profile(frame.x[:, window[1]], frame.y[window[0]], centres, sigmas, terrace.cell[0])
        if kind == VACANCY:
            heights[window] += profile * (terrace.hole - level * step_nm - heights[window])
        else:
            rise = _CLUSTER_NM if kind == CLUSTER else terrace.adatom[0]
            heights[window] += profile * strength * (rise * terrace.contrast.get(kind, 1.0))
        labels[window][profile > _LABELLED] = kind
    return Surface(heights, labels, classes, frame.pixel_size)


def above(distance_nm: np.ndarray) -> np.ndarray:
    """Return how much of the upper terrace is felt at a distance from its edge: 0.5 on it, 1 far inside."""
    return 0.5 + 0.5 * np.tanh(distance_nm / _EDGE_NM / 2)


def level_at(edges: Sequence[Edge], at: np.ndarray) -> int:
    """Return how many steps down the point (x, y) lies."""
    return sum(bool(edge.distance(*at) < 0) for edge in edges)


def _lay(frame: Frame, terraces: Sequence[Lattice], edges: Sequence[Edge], step_nm: float) -> np.ndarray:
    """Return the heights in nm of terraces that go down by one step at each edge."""
    heights = terraces[0].heights(frame.x, frame.y)
    for below, edge in enumerate(edges, start=1):
        upper = above(edge.distance(frame.x, frame.y))
        ground = terraces[below].heights(frame.x, frame.y) - below * step_nm
        heights = upper * heights + (1 - upper) * ground
    return heights


def _room(kind: int) -> float:
    return _ROOM_NM.get(kind, _ROOM_OF_ADATOMS_NM)


def _sites(
    size: np.ndarray,
    terraces: Sequence[Lattice],
    edges: Sequence[Edge],
    densities: Mapping[int, float],
    rng: np.random.Generator,
) -> list[tuple[int, int, np.ndarray]]:
    """Draw label, index of the terrace, and (x, y) in nm of defects apart from each other."""
    sites: list[tuple[int, int, np.ndarray]] = []
    for kind, density in densities.items():
        for _ in range(rng.poisson(density * float(np.prod(size + 2 * _MARGIN_NM)))):
            at = rng.uniform(-_MARGIN_NM, size + _MARGIN_NM)
            level = level_at(edges, at)
            if kind != CLUSTER:
                terrace = terraces[level]
                at = terrace.nearest(at, terrace.vacancies if kind == VACANCY else terrace.adatoms)
            inside = [float(edge.distance(*at)) * (1 if i >= level else -1) for i, edge in enumerate(edges)]
            near = (math.dist(at, one) < _room(kind) + _room(other) for other, _, one in sites)
            if min(inside, default=np.inf) > _room(kind) and not any(near):
                sites.append((kind, level, at))
    return sites


def _blobs(
    kind: int, at: np.ndarray, terrace: Lattice, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Draw the centres (n, 2), and their sigmas along and across a row, in nm of a defect at (x, y)."""
    if kind == VACANCY:
        along, across = terrace.hole_sigmas
        return at[None], (along * rng.uniform(1, terrace.hole_length), across)
    if kind != CLUSTER:
        return at[None], (terrace.adatom[1], terrace.adatom[1])
    width = rng.uniform(1.0, 2.0)
    return at + rng.normal(0, 0.15 * width, (4, 2)), (0.3 * width, 0.3 * width)


def _window(frame: Frame, centres: np.ndarray, reach: float) -> tuple[slice, slice]:
    """Return the rows and columns within ``reach`` nm of the centres (n, 2)."""
    (left, bottom), (right, top) = centres.min(axis=0) - reach, centres.max(axis=0) + reach
    rows = np.searchsorted(-frame.y[:, 0], (-top, -bottom))
    cols = np.searchsorted(frame.x[0], (left, right))
    return slice(*rows), slice(*cols)


def _profile(
    x: np.ndarray, y: np.ndarray, centres: np.ndarray, sigmas: tuple[float, float], row: np.ndarray
) -> np.ndarray:
    """Return the sum of Gaussians at points x, y, about 1 where it is highest."""

    def total(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = x[..., None] - centres[:, 0], y[..., None] - centres[:, 1]
        along, across = x * unit[0] + y * unit[1], y * unit[0] - x * unit[1]
        return np.exp(-0.5 * ((along / sigmas[0]) ** 2 + (across / sigmas[1]) ** 2)).sum(axis=-1)

    unit = row / np.hypot(*row)
    return total(x, y) / total(*centres.T).max()
