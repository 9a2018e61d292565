"""Surfaces with a known label per pixel, Si(001) and a hexagonal lattice, and a recording of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_stmml.simulate.lattices import hexagonal, silicon_001
from napari_stmml.simulate.steps import draw_edge, make_frame
from napari_stmml.simulate.terrain import ADATOM, CLASSES, CLUSTER, VACANCY, Surface, populate

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

    Returns
    -------
    Surface
        Heights in nm about the mean of the (upper) terrace. Labels: 0 surface, 1 vacancy, 2 adatom
        (dangling bond), 3 cluster, 4 step edge, each where the feature is above a third of its maximum.

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
    frame, rng = make_frame(shape, size_nm, pixel_size), np.random.default_rng(seed)
    terraces = [silicon_001(angle + turned, corrugation_nm, rng) for turned in (0.0, 90.0)]
    edges = [draw_edge(frame, angle, rng)] if step_edge else []
    return populate(frame, terraces, edges, 0.136, densities(vacancies, adatoms, clusters), rng)


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
) -> Surface:
    """Make a hexagonal lattice of bumps, some missing, with adatoms on hollow sites.

    ``lattice_nm`` is the distance between neighbours, ``angle`` the direction of close-packed rows
    in degrees, ``corrugation_nm`` the height from hollow to bump. A step is 0.25 nm high.
    Everything else, labels and errors included, is as for `simulate_si001`.

    >>> simulate_hexagonal((40, 60), size_nm=6.0).pixel_size
    (0.1, 0.1)
    """
    frame, rng = make_frame(shape, size_nm, pixel_size), np.random.default_rng(seed)
    terraces = [hexagonal(lattice_nm, angle, corrugation_nm, rng) for _ in range(2)]
    edges = [draw_edge(frame, angle, rng)] if step_edge else []
    return populate(frame, terraces, edges, 0.25, densities(vacancies, adatoms, clusters), rng)


def densities(vacancies: float, adatoms: float, clusters: float) -> dict[int, float]:
    """Return densities per nm^2 by label, in the order in which defects take their sites."""
    return {CLUSTER: clusters, VACANCY: vacancies, ADATOM: adatoms}


def with_artefacts(
    surface: Surface,
    *,
    tilt_nm: float = 1.0,
    bow_nm: float = 0.1,
    line_noise_nm: float = 0.01,
    noise_nm: float = 0.003,
    seed: int | Sequence[int] = 0,
) -> Surface:
    """Return the surface as a microscope would record it.

    Parameters
    ----------
    surface : Surface
        What to scan.
    tilt_nm : float
        Rise of a plane from edge to edge, along the rows and again along the columns.
    bow_nm : float
        Height of the corners above the centre on a paraboloid.
    line_noise_nm, noise_nm : float
        Standard deviation of one offset per row, and of white noise.
    seed : int or sequence of int
        The same seed gives the same noise.

    Returns
    -------
    Surface
        With the same labels.

    Raises
    ------
    ValueError
        If a standard deviation is negative.

    Examples
    --------
    >>> clean = simulate_si001((32, 32))
    >>> still = with_artefacts(clean, tilt_nm=0, bow_nm=0, line_noise_nm=0, noise_nm=0)
    >>> bool((still.heights == clean.heights).all())
    True
    """
    for name, sigma in (("line_noise_nm", line_noise_nm), ("noise_nm", noise_nm)):
        if not 0 <= sigma < np.inf:
            raise ValueError(f"{name} must be 0 nm or more, got {sigma}")
    rows, cols = surface.heights.shape
    down, right = np.linspace(-0.5, 0.5, rows)[:, None], np.linspace(-0.5, 0.5, cols)[None]
    smooth = tilt_nm * (down + right) + bow_nm * 2 * (down**2 + right**2)
    rng = np.random.default_rng(seed)
    lines, white = rng.normal(0, line_noise_nm, (rows, 1)), rng.normal(0, noise_nm, (rows, cols))
    return replace(surface, heights=surface.heights + smooth + lines + white)
