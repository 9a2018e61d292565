"""Populate a surface as it looks at one bias and at the opposite one, with patches that have no lattice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.surfaces.patches import Patch, disordered_patches
from napari_stmml.simulate.lattices import Lattice
from napari_stmml.simulate.steps import Edge, Frame
from napari_stmml.simulate.terrain import (
    ADATOM,
    CLASSES,
    CLUSTER,
    VACANCY,
    Surface,
    above,
    level_at,
    populate,
)

ALL_CLASSES = (*CLASSES, "disordered", "impurity")
DISORDERED, IMPURITY = 5, 6
CONTRAST = {ADATOM: 0.6, CLUSTER: 0.8, IMPURITY: -0.6}  # at the opposite bias, of the height at this one
_ROUGH = 1.4  # standard deviation of a disordered patch, of that of the lattice

Draw = Callable[[np.random.Generator, bool], tuple[Sequence[Lattice], Sequence[Edge]]]


@dataclass(frozen=True, eq=False)
class TwoBiases(Surface):
    """A surface with ``other``, (rows, cols) in nm: the same pixels at the opposite bias, or None."""

    other: np.ndarray | None = None


def densities(vacancies: float, adatoms: float, clusters: float, impurities: float) -> dict[int, float]:
    """Return densities per nm^2 by label, in the order in which defects take their sites."""
    found = {CLUSTER: clusters, VACANCY: vacancies, ADATOM: adatoms}
    return found | ({IMPURITY: impurities} if impurities else {})


def populate_both(
    frame: Frame,
    draw: Draw,
    step_nm: float,
    of_defects: dict[int, float],
    seed: int,
    *,
    islands: Sequence[Patch] = (),
    disordered: int = 0,
    classes: tuple[str, ...] | None = None,
    both_biases: bool = False,
) -> TwoBiases:
    """Populate the terraces that ``draw`` returns for a generator and whether at the opposite bias.

    ``disordered`` patches are drawn from ``seed`` and leave all outside them as it is.
    """
    patches = list(islands)
    if disordered:
        bare = [draw(np.random.default_rng(seed), other)[0][0] for other in (False, True)]
        here, there = (_ROUGH * one.heights(frame.x, frame.y).std() for one in bare)
        patches += disordered_patches(frame, disordered, DISORDERED, (here, there), patches, seed)

    def free(at: np.ndarray, room_nm: float) -> bool:
        return not any(patch.depth(*at) > -room_nm for patch in patches)

    def at_bias(other: bool) -> Surface:
        rng = np.random.default_rng(seed)
        terraces, edges = draw(rng, other)
        surface = populate(frame, terraces, edges, step_nm, of_defects, rng, classes=ALL_CLASSES, free=free)
        return _covered(surface, frame, patches, edges, step_nm, other)

    plain = not disordered and IMPURITY not in of_defects
    surface = at_bias(False)
    return TwoBiases(
        surface.heights,
        surface.labels,
        classes or (CLASSES if plain else ALL_CLASSES),
        surface.pixel_size,
        at_bias(True).heights if both_biases else None,
    )


def _covered(
    surface: Surface,
    frame: Frame,
    patches: Sequence[Patch],
    edges: Sequence[Edge],
    step_nm: float,
    other: bool,
) -> Surface:
    """Lay patches over a surface, each on its own terrace."""
    heights, labels = surface.heights.copy(), surface.labels.copy()
    for patch in patches:
        inside = above(patch.depth(frame.x, frame.y))
        level_nm = level_at(edges, patch.middle) * step_nm
        heights += inside * ((patch.other if other else patch.heights) - level_nm - heights)
        labels[inside > 0.5] = patch.label
    return replace(surface, heights=heights, labels=labels)
