"""Lay terraces, steps and patches, and set defects on them: heights with a known label per pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_stmml.simulate.lattices import Lattice
from napari_stmml.simulate.outlines import Edge, Frame, Patch, disordered_patches

CLASSES = ("surface", "vacancy", "adatom", "cluster", "step edge")
ALL_CLASSES = (*CLASSES, "disordered", "impurity")
VACANCY, ADATOM, CLUSTER, STEP, DISORDERED, IMPURITY = range(1, 7)
_ROOM_NM = {VACANCY: 0.7, ADATOM: 0.6, CLUSTER: 1.4, IMPURITY: 0.6}  # a circle no other defect enters
_CLUSTER_NM = 0.3
_OTHER = {ADATOM: 0.6, CLUSTER: 0.8, IMPURITY: -0.6}  # contrast at the opposite bias, of that at this one
_PAINTED = 1 / 3  # a feature ends where it is below this part of its own maximum
_MARGIN_NM = 1.0  # defects may sit this far outside and look in
_EDGE_NM = 0.1  # width parameter of the logistic profile of a step
_ROUGH = 1.4  # standard deviation of a disordered patch, of that of the lattice
_DENSEST = 2.0  # defects per nm^2; a Si(001) surface has 3.4 dimers per nm^2


@dataclass(frozen=True, eq=False)
class Surface:
    """A height map (rows, cols) in nm, row 0 at the top, and the true label of each pixel.

    ``labels`` (rows, cols) are uint8; label ``i`` is called ``classes[i]``, 0 is the bare terrace.
    ``pixel_size`` is nm per pixel along rows and along columns. ``other`` (rows, cols) in nm is the same
    place at the opposite bias.
    """

    heights: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    pixel_size: tuple[float, float]
    other: np.ndarray | None = None


def populate(
    place: Frame,
    terraces: Sequence[Lattice],
    edges: Sequence[Edge],
    step_nm: float,
    densities: dict[int, float],
    rng: np.random.Generator,
    *,
    patches: Sequence[Patch] = (),
    disordered: int = 0,
    seed: int = 0,
    classes: tuple[str, ...] | None = None,
    both_biases: bool = False,
) -> Surface:
    """Lay the terraces, set the defects and then the patches on them.

    Densities are per nm^2. ``disordered`` patches are drawn from ``seed`` and leave all else as it is.
    """
    biases = (False, True) if both_biases else (False,)
    maps = [_lay(place, terraces, edges, step_nm, other) for other in biases]
    labels = np.zeros(maps[0].shape, np.uint8)
    for edge in edges:
        upper = _logistic(edge.distance(place.x, place.y) / _EDGE_NM)
        labels[4 * upper * (1 - upper) > _PAINTED] = STEP  # its slope, as part of the steepest
    if disordered:
        bare = [terraces[0].heights(place.x, place.y, other=other).std() for other in (False, True)]
        rough = _ROUGH * bare[0], _ROUGH * bare[1]
        patches = [*patches, *disordered_patches(place, disordered, DISORDERED, rough, patches, seed)]
    for kind, level, at in _sites(place.size, terraces, edges, densities, rng):
        terrace = terraces[level]
        centres, sigmas = _blobs(kind, at, terrace, rng)
        strength = 1.0 if kind == VACANCY else rng.uniform(0.85, 1.15)
        if any(patch.depth(*at) > -_ROOM_NM[kind] for patch in patches):
            continue
        window = _window(place, centres, 4.5 * max(sigmas))
        profile = _profile(place.x[:, window[1]], place.y[window[0]], centres, sigmas, terrace.cell[0])
        for heights, other in zip(maps, biases, strict=True):
            if kind == VACANCY:
                ground = (terrace.other_hole if other else terrace.hole) - level * step_nm
                heights[window] += profile * (ground - heights[window])
            else:
                rise = _CLUSTER_NM if kind == CLUSTER else terrace.adatom[0]
                heights[window] += profile * strength * (rise * _OTHER[kind] if other else rise)
        labels[window][profile > _PAINTED] = kind
    for patch in patches:
        inside = _logistic(patch.depth(place.x, place.y) / _EDGE_NM)
        for heights, other in zip(maps, biases, strict=True):
            level_nm = _level(edges, patch.middle) * step_nm
            heights += inside * ((patch.other if other else patch.heights) - level_nm - heights)
        labels[inside > 0.5] = patch.label
    names = classes or (ALL_CLASSES if disordered or IMPURITY in densities else CLASSES)
    return Surface(maps[0], labels, names, place.pixel_size, maps[1] if both_biases else None)


def defects(vacancies: float, adatoms: float, clusters: float, impurities: float) -> dict[int, float]:
    """Return densities per nm^2 by label, in the order in which defects take their places."""
    densities = {CLUSTER: clusters, VACANCY: vacancies, ADATOM: adatoms}
    return densities | ({IMPURITY: impurities} if impurities else {})


def _logistic(t: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-t)) without overflow."""
    return 0.5 + 0.5 * np.tanh(t / 2)


def _lay(
    place: Frame, terraces: Sequence[Lattice], edges: Sequence[Edge], step_nm: float, other: bool
) -> np.ndarray:
    """Return the heights in nm of terraces that go down by one step at each edge."""
    heights = terraces[0].heights(place.x, place.y, other=other)
    for below, edge in enumerate(edges, start=1):
        upper = _logistic(edge.distance(place.x, place.y) / _EDGE_NM)
        ground = terraces[below].heights(place.x, place.y, other=other) - below * step_nm
        heights = upper * heights + (1 - upper) * ground
    return heights


def _level(edges: Sequence[Edge], at: np.ndarray) -> int:
    """Return how many steps down the point (x, y) lies."""
    return sum(bool(edge.distance(*at) < 0) for edge in edges)


def _sites(
    size: np.ndarray,
    terraces: Sequence[Lattice],
    edges: Sequence[Edge],
    densities: dict[int, float],
    rng: np.random.Generator,
) -> list[tuple[int, int, np.ndarray]]:
    """Draw kind, index of the terrace, and place (x, y) in nm of defects apart from each other."""
    sites: list[tuple[int, int, np.ndarray]] = []
    for kind, density in densities.items():
        if not 0 <= density <= _DENSEST:
            raise ValueError(
                f"density of {ALL_CLASSES[kind]} must be 0 to {_DENSEST} per nm^2, got {density}"
            )
        for _ in range(rng.poisson(density * float(np.prod(size + 2 * _MARGIN_NM)))):
            at = rng.uniform(-_MARGIN_NM, size + _MARGIN_NM)
            level = _level(edges, at)
            if kind != CLUSTER:
                terrace = terraces[level]
                at = terrace.nearest(at, terrace.vacancies if kind == VACANCY else terrace.adatoms)
            inside = [float(edge.distance(*at)) * (1 if i >= level else -1) for i, edge in enumerate(edges)]
            near = (math.dist(at, place) < _ROOM_NM[kind] + _ROOM_NM[other] for other, _, place in sites)
            if min(inside, default=np.inf) > _ROOM_NM[kind] and not any(near):
                sites.append((kind, level, at))
    return sites


def _blobs(
    kind: int, at: np.ndarray, terrace: Lattice, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Draw the centres (n, 2), and their sigmas along and across a row, in nm of a defect at (x, y)."""
    if kind == VACANCY:
        along, across = terrace.hole_sigmas
        return at[None], (along * rng.uniform(1, terrace.hole_length), across)
    if kind in (ADATOM, IMPURITY):
        return at[None], (terrace.adatom[1], terrace.adatom[1])
    width = rng.uniform(1.0, 2.0)
    return at + rng.normal(0, 0.15 * width, (4, 2)), (0.3 * width, 0.3 * width)


def _window(place: Frame, centres: np.ndarray, reach: float) -> tuple[slice, slice]:
    """Return the rows and columns within ``reach`` nm of the centres (n, 2)."""
    (left, bottom), (right, top) = centres.min(axis=0) - reach, centres.max(axis=0) + reach
    rows = np.searchsorted(-place.y[:, 0], (-top, -bottom))
    cols = np.searchsorted(place.x[0], (left, right))
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
