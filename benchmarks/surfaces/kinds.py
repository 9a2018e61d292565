"""Surfaces of five kinds with a known label per pixel, with disorder and impurities, at one bias or two."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.surfaces.lattices import hexagonal, molecular_layer, silicon_001, silicon_111
from benchmarks.surfaces.patches import Patch, draw_patches
from benchmarks.surfaces.two_biases import ALL_CLASSES, Draw, TwoBiases, densities, populate_both
from napari_stmml.simulate.lattices import Lattice, turn
from napari_stmml.simulate.steps import Edge, Frame, draw_edge, make_frame, meander
from napari_stmml.simulate.terrain import STEP

__all__ = [
    "ALL_CLASSES",
    "MOLECULE_CLASSES",
    "simulate_7x7",
    "simulate_hexagonal",
    "simulate_molecules",
    "simulate_si001",
    "simulate_stepped",
]

MOLECULE_CLASSES = (
    "surface",
    "vacancy",
    "bright molecule",
    "cluster",
    "bare substrate",
    "disordered",
    "impurity",
)
STEP_NM = {"si001": 0.136, "hexagonal": 0.314}
_BARE_NM = 0.12  # bare substrate lies so far below the middle of a molecular layer


def simulate_si001(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    angle: float = 0.0,
    corrugation_nm: float = 0.03,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    step_edge: bool = False,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Make Si(001)-2x1 as `napari_stmml.simulate.surfaces.simulate_si001` does, and more.

    Parameters
    ----------
    disordered : int
        How many irregular patches without a lattice (label 5); all outside them stays as it is.
    impurities : float
        How many per nm^2 (label 6) that look like adatoms, and at the opposite bias are dark where those
        are bright.
    both_biases : bool
        Whether to add the same pixels at the opposite bias.

    Raises
    ------
    ValueError
        If a number is not possible.
    """
    frame = make_frame(shape, size_nm)

    def draw(rng: np.random.Generator, other: bool) -> tuple[Sequence[Lattice], Sequence[Edge]]:
        terraces = [silicon_001(angle + turned, corrugation_nm, rng, other) for turned in (0.0, 90.0)]
        return terraces, [draw_edge(frame, angle, rng)] if step_edge else []

    found = densities(vacancies, adatoms, clusters, impurities)
    return populate_both(frame, draw, 0.136, found, seed, disordered=disordered, both_biases=both_biases)


def simulate_hexagonal(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    lattice_nm: float = 0.9,
    angle: float = 0.0,
    corrugation_nm: float = 0.06,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    step_edge: bool = False,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Make a hexagonal lattice as `napari_stmml.simulate.surfaces.simulate_hexagonal` does, and more.

    What is more is as for `simulate_si001`.
    """
    frame = make_frame(shape, size_nm)

    def draw(rng: np.random.Generator, other: bool) -> tuple[Sequence[Lattice], Sequence[Edge]]:
        terraces = [hexagonal(lattice_nm, angle, corrugation_nm, rng, other) for _ in range(2)]
        return terraces, [draw_edge(frame, angle, rng)] if step_edge else []

    found = densities(vacancies, adatoms, clusters, impurities)
    return populate_both(frame, draw, 0.25, found, seed, disordered=disordered, both_biases=both_biases)


def simulate_7x7(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    angle: float = 0.0,
    corrugation_nm: float = 0.08,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Make Si(111)-7x7: cells of 2.69 nm with twelve adatoms; a vacancy is one of them missing.

    ``corrugation_nm`` is the height of a corner adatom of the faulted half. An "adatom" is an extra one.
    Everything else is as for `simulate_si001`; no class "step edge" occurs.
    """
    found = densities(vacancies, adatoms, clusters, impurities)
    more = {"disordered": disordered, "both_biases": both_biases}
    draw: Draw = lambda rng, other: ([silicon_111(angle, corrugation_nm, rng, other)], [])  # noqa: E731
    return populate_both(make_frame(shape, size_nm), draw, 0.0, found, seed, **more)


def simulate_stepped(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    lattice: str = "si001",
    steps: int = 3,
    lattice_nm: float = 0.9,
    angle: float = 0.0,
    corrugation_nm: float = 0.03,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Make terraces that go down by ``steps`` roughly parallel steps, 1 to 4, across the frame.

    ``lattice`` is "si001", steps of 0.136 nm and rows turned by 90 degrees on every second terrace,
    or "hexagonal", steps of 0.314 nm and neighbours ``lattice_nm`` apart. Heights are about the mean of
    the highest terrace. Everything else is as for `simulate_si001`.
    """
    frame = make_frame(shape, size_nm)
    if lattice not in STEP_NM:
        raise ValueError(f"lattice must be one of {', '.join(STEP_NM)}, got {lattice!r}")
    if not 1 <= steps <= 4:
        raise ValueError(f"steps must be 1 to 4, got {steps}")

    def terrace(level: int, rng: np.random.Generator, other: bool) -> Lattice:
        if lattice == "si001":
            return silicon_001(angle + 90 * (level % 2), corrugation_nm, rng, other)
        return hexagonal(lattice_nm, angle, corrugation_nm, rng, other)

    def draw(rng: np.random.Generator, other: bool) -> tuple[Sequence[Lattice], Sequence[Edge]]:
        terraces = [terrace(level, rng, other) for level in range(steps + 1)]
        return terraces, _step_train(frame, angle, steps, rng)

    found = densities(vacancies, adatoms, clusters, impurities)
    more = {"disordered": disordered, "both_biases": both_biases}
    return populate_both(frame, draw, STEP_NM[lattice], found, seed, **more)


def simulate_molecules(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    sides_nm: tuple[float, float] = (1.1, 1.25),
    oblique: float = 75.0,
    rings: bool = False,
    angle: float = 0.0,
    corrugation_nm: float = 0.1,
    vacancies: float = 0.04,
    bright: float = 0.03,
    clusters: float = 0.01,
    islands: int = 1,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Make an ordered layer of molecules, some missing, some brighter, with islands of bare substrate.

    ``sides_nm`` and ``oblique`` (degrees) are the unit cell's, with one molecule of two lobes, or a ring of
    six if ``rings``, in each. Classes are `MOLECULE_CLASSES`, 0 the ordered layer. Everything else is as for
    `simulate_si001`.
    """
    frame = make_frame(shape, size_nm)
    if not all(0.5 <= side <= 5 for side in sides_nm):
        raise ValueError(f"sides_nm must be 0.5 to 5 nm, got {sides_nm}")
    if not 50 <= oblique <= 130:
        raise ValueError(f"oblique must be 50 to 130 degrees, got {oblique}")

    def draw(rng: np.random.Generator, other: bool) -> tuple[Sequence[Lattice], Sequence[Edge]]:
        return [molecular_layer(sides_nm, oblique, angle, rings, corrugation_nm, rng, other)], []

    return populate_both(
        frame,
        draw,
        0.0,
        densities(vacancies, bright, clusters, impurities),
        seed,
        islands=_islands(frame, islands, angle, seed),
        disordered=disordered,
        classes=MOLECULE_CLASSES,
        both_biases=both_biases,
    )


def _islands(frame: Frame, count: int, angle: float, seed: int) -> list[Patch]:
    """Draw islands of bare metal: atoms 0.288 nm apart, hardly seen, on a gently rolling ground."""
    rng = np.random.default_rng([seed, STEP])
    atoms = hexagonal(0.288, angle + rng.uniform(0, 60), 0.012, rng).heights(frame.x, frame.y)
    rolling = gaussian_filter(rng.normal(size=atoms.shape), [0.6 / nm for nm in frame.pixel_size])
    ground = atoms + 0.006 * rolling / rolling.std() - _BARE_NM
    drawn = draw_patches(frame, count, "bare substrate", (), rng)
    return [Patch(*outline, STEP, ground, 0.7 * ground) for outline in drawn]


def _step_train(frame: Frame, angle: float, steps: int, rng: np.random.Generator) -> list[Edge]:
    """Draw roughly parallel step edges, the highest first, spread over the frame."""
    direction = angle + 90 * rng.integers(4) + rng.uniform(-15, 15)
    span = float(np.abs(turn(direction)[1]) @ frame.size)
    offsets = (0.5 - (np.arange(steps) + 1 + rng.uniform(-0.15, 0.15, steps)) / (steps + 1)) * span
    edges = []
    for offset in offsets:
        along, normal = turn(direction + rng.uniform(-2, 2))
        edges.append(Edge(frame.size / 2 + offset * normal, along, normal, meander(rng)))
    return edges
