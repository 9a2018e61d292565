"""Surfaces with a known label per pixel: Si(001) and a hexagonal lattice."""

import numpy as np

from napari_stmml.simulate.artefacts import with_artefacts
from napari_stmml.simulate.lattices import hexagonal, silicon_001
from napari_stmml.simulate.outlines import frame
from napari_stmml.simulate.outlines import step_edge as draw_edge
from napari_stmml.simulate.terrain import CLASSES, Surface, defects, populate

__all__ = ["CLASSES", "Surface", "simulate_hexagonal", "simulate_si001", "with_artefacts"]


def simulate_si001(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    pixel_size: tuple[float, float] | None = None,
    angle: float = 0.0,
    corrugation_nm: float = 0.03,
    vacancies: float = 0.06,
    adatoms: float = 0.04,
    clusters: float = 0.01,
    step_edge: bool = False,
    disordered: int = 0,
    impurities: float = 0.0,
    both_biases: bool = False,
) -> Surface:
    """Make a Si(001)-2x1 surface: dimer rows 0.768 nm apart, dimers 0.384 nm apart along them.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the map.
    size_nm : float
        Width of the frame in nm; pixels are square.
    seed : int
        The same seed gives the same surface.
    pixel_size : (float, float), optional
        nm per pixel along rows and along columns, in place of ``size_nm``.
    angle : float
        Direction of the dimer rows in degrees, anticlockwise from the horizontal.
    corrugation_nm : float
        Height of the rows from trench to ridge.
    vacancies, adatoms, clusters : float
        How many of each per nm^2 on average; fewer where there is no room.
    step_edge : bool
        Whether a step, 0.136 nm, crosses the frame; rows of the lower terrace are turned by 90 degrees.
    disordered : int
        How many irregular patches without a lattice; all outside them stays as it is.
    impurities : float
        How many per nm^2 that look like adatoms, and at the opposite bias are dark where those are bright.
    both_biases : bool
        Whether to add the same place at the opposite bias.

    Returns
    -------
    Surface
        Heights in nm about the mean of the (upper) terrace. Labels: 0 surface, 1 vacancy, 2 adatom
        (dangling bond), 3 cluster, 4 step edge, and if asked for 5 disordered, 6 impurity, each
        where the feature is above a third of its maximum.

    Raises
    ------
    ValueError
        If a side of the shape is below 2, or a size or a density is not possible.

    Examples
    --------
    >>> bare = simulate_si001((64, 64), 6.144, vacancies=0, adatoms=0, clusters=0)
    >>> bool(np.allclose(bare.heights[:56], bare.heights[8:]))  # 8 rows of 0.096 nm are one dimer row
    True
    """
    place = frame(shape, size_nm, pixel_size)
    rng = np.random.default_rng(seed)
    terraces = [silicon_001(angle + turned, corrugation_nm, rng) for turned in (0.0, 90.0)]
    return populate(
        place,
        terraces,
        [draw_edge(place, angle, rng)] if step_edge else [],
        0.136,
        defects(vacancies, adatoms, clusters, impurities),
        rng,
        disordered=disordered,
        seed=seed,
        both_biases=both_biases,
    )


def simulate_hexagonal(
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    seed: int = 0,
    *,
    pixel_size: tuple[float, float] | None = None,
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
) -> Surface:
    """Make a hexagonal lattice of bumps, some missing, with adatoms on hollow sites.

    ``lattice_nm`` is the distance between neighbours, ``angle`` the direction of close-packed rows
    in degrees, ``corrugation_nm`` the height from hollow to bump. A step is 0.25 nm high.
    Everything else, labels and errors included, is as for `simulate_si001`.

    >>> simulate_hexagonal((40, 60), size_nm=6.0).pixel_size
    (0.1, 0.1)
    """
    place = frame(shape, size_nm, pixel_size)
    rng = np.random.default_rng(seed)
    terraces = [hexagonal(lattice_nm, angle, corrugation_nm, rng) for _ in range(2)]
    return populate(
        place,
        terraces,
        [draw_edge(place, angle, rng)] if step_edge else [],
        0.25,
        defects(vacancies, adatoms, clusters, impurities),
        rng,
        disordered=disordered,
        seed=seed,
        both_biases=both_biases,
    )
