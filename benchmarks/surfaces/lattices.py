"""Lattices of bumps, and how every lattice looks at the opposite bias."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from benchmarks.surfaces.two_biases import CONTRAST
from napari_stmml.simulate import lattices
from napari_stmml.simulate.lattices import Lattice, rhombus, turn

Bump = tuple[float, float, float, float]  # u, v in parts of the cell, height and sigma in nm
_TABLE = 64  # samples of a cell of bumps along each of its sides


@dataclass(frozen=True, eq=False)
class BumpLattice(Lattice):
    """A periodic terrace of bumps, for cells that a few waves cannot describe."""

    bumps: tuple[Bump, ...] = ()

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return heights in nm about their mean at points x, y in nm."""
        points = np.stack(self.coordinates(x, y)) * _TABLE
        return map_coordinates(self._table(), points, order=3, mode="grid-wrap")

    def _table(self) -> np.ndarray:
        """Return one cell of bumps and their neighbours' tails, about its mean, in nm."""
        grid = np.stack(np.meshgrid(*[np.arange(_TABLE) / _TABLE] * 2, indexing="ij"), axis=-1)
        table = np.zeros((_TABLE, _TABLE))
        for u, v, nm, sigma in self.bumps:
            for image in np.ndindex(3, 3):
                away = (grid - (u, v) - image + 1) @ self.cell
                table += nm * np.exp(-0.5 * (away**2).sum(axis=-1) / sigma**2)
        return table - table.mean()


def silicon_001(
    angle: float, corrugation_nm: float, rng: np.random.Generator, other: bool = False
) -> Lattice:
    """Return dimer rows along ``angle``; at the opposite bias the trenches between them shine."""
    here, c = lattices.silicon_001(angle, corrugation_nm, rng), corrugation_nm
    waves = ((0, 1, -0.35 * c), (0, 2, 0.15 * c), (1, 0, c / 6))
    return replace(here, waves=waves, hole=-0.05, contrast=CONTRAST) if other else here


def hexagonal(
    lattice_nm: float, angle: float, corrugation_nm: float, rng: np.random.Generator, other: bool = False
) -> Lattice:
    """Return close-packed bumps; at the opposite bias a honeycomb around dark sites."""
    here = lattices.hexagonal(lattice_nm, angle, corrugation_nm, rng)
    if not other:
        return here
    part = corrugation_nm * 2 / 9
    waves = tuple((h, k, -0.7 * part) for h, k, _ in here.waves)
    return replace(here, waves=waves, hole=-2.1 * part - 0.02, contrast=CONTRAST)


def silicon_111(
    angle: float, corrugation_nm: float, rng: np.random.Generator, other: bool = False
) -> Lattice:
    """Return the Si(111)-7x7 cell, 2.69 nm: corner hole, and six adatoms in either half.

    Places are those of the dimer-adatom-stacking fault model, doi:10.1116/1.573160. At this bias the
    faulted half is higher, and corner adatoms are higher than centre ones; at the other all are alike.
    """
    corners = [(1, 1), (5, 1), (1, 5)]  # sevenths of the cell
    centres = [(3, 1), (1, 3), (3, 3)]
    high = [(*site, nm) for sites, nm in ((corners, 1.0), (centres, 0.85)) for site in sites]
    faulted = [(u / 7, v / 7, nm) for u, v, nm in high]
    unfaulted = [(1 - u, 1 - v, nm - 0.15) for u, v, nm in faulted]
    c = corrugation_nm
    hole: Bump = (0.0, 0.0, -0.6 * c, 0.36)
    stack: Bump = (1 / 3, 1 / 3, 0.12 * c, 0.5)  # the faulted half as a whole
    sites = tuple((u, v) for u, v, _ in faulted + unfaulted)
    rest_atoms = [(5 / 21, 5 / 21), (11 / 21, 5 / 21), (5 / 21, 11 / 21)]  # amid three adatoms of a half
    here = BumpLattice(
        cell=2.69 * rhombus() @ turn(angle),
        origin=rng.uniform(0, 2.69, 2),
        bumps=(*((u, v, nm * c, 0.21) for u, v, nm in faulted + unfaulted), hole, stack),
        hole=-0.5 * c,
        hole_sigmas=(0.25, 0.25),
        vacancies=sites,
        adatoms=(*rest_atoms, *((1 - u, 1 - v) for u, v in rest_atoms)),
        adatom=(1.4 * c, 0.28),
    )
    alike = (*((u, v, 0.8 * c, 0.24) for u, v in sites), hole)
    return replace(here, bumps=alike, hole=-0.25 * c, contrast=CONTRAST) if other else here


def molecular_layer(
    sides_nm: tuple[float, float],
    oblique: float,
    angle: float,
    rings: bool,
    corrugation_nm: float,
    rng: np.random.Generator,
    other: bool = False,
) -> Lattice:
    """Return molecules of two lobes, or rings of six, on an oblique lattice with ``oblique`` degrees."""
    cell = np.array([[1.0, 0.0], turn(oblique)[0]]) * np.array(sides_nm)[:, None]
    tilt = rng.uniform(20, 70)
    lobes = np.array([[0.24, 0.0], [-0.24, 0.0]]) @ turn(tilt)
    ring = np.array([[0.3, 0.0] @ turn(60 * i + tilt) for i in range(6)])
    crossed = lobes @ turn(90)

    def bumps(at: np.ndarray, nm: float, sigma: float) -> tuple[Bump, ...]:
        return tuple((float(u), float(v), nm, sigma) for u, v in at @ np.linalg.inv(cell))

    c, small = corrugation_nm, 0.33 * min(sides_nm)
    here = BumpLattice(
        cell=cell @ turn(angle),
        origin=rng.uniform(0, max(sides_nm), 2),
        bumps=bumps(ring, 0.7 * c, 0.13) if rings else bumps(lobes, c, 0.19),
        hole=-0.6 * c - 0.03,
        hole_sigmas=(small, small),
        adatoms=((0.0, 0.0),),
        adatom=(0.09, small),
    )
    there = {"bumps": bumps(crossed, 0.8 * c, 0.19), "hole": -0.5 * c, "contrast": CONTRAST}
    return replace(here, **there) if other else here
