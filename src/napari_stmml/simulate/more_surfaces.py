"""More surfaces with a known label per pixel: Si(111)-7x7, terraces with steps, a molecular layer."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_stmml.simulate.lattices import Lattice, hexagonal, molecular_layer, silicon_001, silicon_111
from napari_stmml.simulate.outlines import Frame, Patch, draw_patches, frame, step_train
from napari_stmml.simulate.terrain import STEP, Surface, defects, populate

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


def simulate_7x7(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    pixel_size: tuple[float, float] | None = None,
    angle: float = 0.0,
    corrugation_nm: float = 0.08,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> Surface:
    """Make Si(111)-7x7: cells of 2.69 nm with twelve adatoms; a vacancy is one of them missing.

    ``corrugation_nm`` is the height of a corner adatom of the faulted half. An "adatom" is an extra one.
    Everything else is as for `napari_stmml.simulate.surfaces.simulate_si001`; no class "step edge" occurs.

    >>> simulate_7x7((40, 60), size_nm=6.0).pixel_size
    (0.1, 0.1)
    """
    place = frame(shape, size_nm, pixel_size)
    rng = np.random.default_rng(seed)
    return populate(
        place,
        [silicon_111(angle, corrugation_nm, rng)],
        [],
        0.0,
        defects(vacancies, adatoms, clusters, impurities),
        rng,
        disordered=disordered,
        seed=seed,
        both_biases=both_biases,
    )


def simulate_stepped(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    pixel_size: tuple[float, float] | None = None,
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
) -> Surface:
    """Make terraces that go down by ``steps`` roughly parallel steps, 1 to 4, across the frame.

    ``lattice`` is "si001", steps of 0.136 nm and rows turned by 90 degrees on every second terrace,
    or "hexagonal", steps of 0.314 nm and neighbours ``lattice_nm`` apart. Heights are about the mean of
    the highest terrace. Everything else is as for `napari_stmml.simulate.surfaces.simulate_si001`.

    >>> simulate_stepped((40, 60), size_nm=6.0, steps=1).classes[4]
    'step edge'
    """
    place = frame(shape, size_nm, pixel_size)
    if lattice not in STEP_NM:
        raise ValueError(f"lattice must be one of {', '.join(STEP_NM)}, got {lattice!r}")
    if not 1 <= steps <= 4:
        raise ValueError(f"steps must be 1 to 4, got {steps}")
    rng = np.random.default_rng(seed)

    def terrace(level: int) -> Lattice:
        if lattice == "si001":
            return silicon_001(angle + 90 * (level % 2), corrugation_nm, rng)
        return hexagonal(lattice_nm, angle, corrugation_nm, rng)

    terraces = [terrace(level) for level in range(steps + 1)]
    return populate(
        place,
        terraces,
        step_train(place, angle, steps, rng),
        STEP_NM[lattice],
        defects(vacancies, adatoms, clusters, impurities),
        rng,
        disordered=disordered,
        seed=seed,
        both_biases=both_biases,
    )


def simulate_molecules(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    pixel_size: tuple[float, float] | None = None,
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
) -> Surface:
    """Make an ordered layer of molecules, some missing, some brighter, with islands of bare substrate.

    ``sides_nm`` and ``oblique`` (degrees) are the unit cell's, with one molecule of two lobes, or a ring of
    six if ``rings``, in each. Classes are `MOLECULE_CLASSES`, 0 the ordered layer. Everything else is as for
    `napari_stmml.simulate.surfaces.simulate_si001`.

    >>> simulate_molecules((40, 60), size_nm=6.0).classes[:3]
    ('surface', 'vacancy', 'bright molecule')
    """
    place = frame(shape, size_nm, pixel_size)
    if not all(0.5 <= side <= 5 for side in sides_nm):
        raise ValueError(f"sides_nm must be 0.5 to 5 nm, got {sides_nm}")
    if not 50 <= oblique <= 130:
        raise ValueError(f"oblique must be 50 to 130 degrees, got {oblique}")
    rng = np.random.default_rng(seed)
    return populate(
        place,
        [molecular_layer(sides_nm, oblique, angle, rings, corrugation_nm, rng)],
        [],
        0.0,
        defects(vacancies, bright, clusters, impurities),
        rng,
        patches=_islands(place, islands, angle, seed),
        disordered=disordered,
        seed=seed,
        classes=MOLECULE_CLASSES,
        both_biases=both_biases,
    )


def _islands(place: Frame, count: int, angle: float, seed: int) -> list[Patch]:
    """Draw islands of bare metal: atoms 0.288 nm apart, hardly seen, on a gently rolling ground."""
    rng = np.random.default_rng([seed, STEP])
    atoms = hexagonal(0.288, angle + rng.uniform(0, 60), 0.012, rng).heights(place.x, place.y)
    rolling = gaussian_filter(rng.normal(size=atoms.shape), [0.6 / nm for nm in place.pixel_size])
    ground = atoms + 0.006 * rolling / rolling.std() - _BARE_NM
    drawn = draw_patches(place, count, "bare substrate", (), rng)
    return [Patch(*outline, STEP, ground, 0.7 * ground) for outline in drawn]
