"""The periodic lattices that simulated terraces are made of."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

Wave = tuple[int, int, float]  # h, k of cos(2 pi (h u + k v)), amplitude in nm
Bump = tuple[float, float, float, float]  # u, v in parts of the cell, height and sigma in nm
_TABLE = 64  # samples of a cell of bumps along each of its sides


@dataclass(frozen=True)
class Lattice:
    """A periodic terrace: unit cell (2, 2) in nm with one vector a row, made of waves and bumps.

    ``other_waves`` and ``other_bumps`` are its look at the opposite bias.
    """

    cell: np.ndarray
    origin: np.ndarray
    hole: float  # height in nm of the ground of a vacancy
    hole_sigmas: tuple[float, float]  # of a vacancy, nm along the first vector and across it
    adatoms: tuple[tuple[float, float], ...]  # where in the cell adatoms sit
    hole_length: float = 1.0  # a vacancy is at most so many times longer than that
    vacancies: tuple[tuple[float, float], ...] = ((0.0, 0.0),)  # where in the cell something can be missing
    adatom: tuple[float, float] = (0.1, 0.3)  # height and sigma of an adatom, nm
    waves: tuple[Wave, ...] = ()
    other_waves: tuple[Wave, ...] = ()
    bumps: tuple[Bump, ...] = ()
    other_bumps: tuple[Bump, ...] = ()
    other_hole: float = 0.0

    def heights(self, x: np.ndarray, y: np.ndarray, *, other: bool = False) -> np.ndarray:
        """Return heights in nm about their mean at points x, y in nm, at the opposite bias if ``other``."""
        u, v = np.linalg.inv(self.cell.T)
        along = u[0] * (x - self.origin[0]) + u[1] * (y - self.origin[1])
        across = v[0] * (x - self.origin[0]) + v[1] * (y - self.origin[1])
        waves, bumps = (self.other_waves, self.other_bumps) if other else (self.waves, self.bumps)
        if not bumps:
            return np.sum([nm * np.cos(2 * np.pi * (h * along + k * across)) for h, k, nm in waves], axis=0)
        points = np.stack([along, across]) * _TABLE
        return map_coordinates(self._table(bumps), points, order=3, mode="grid-wrap")

    def _table(self, bumps: tuple[Bump, ...]) -> np.ndarray:
        """Return one cell of bumps and their neighbours' tails, about its mean, in nm."""
        grid = np.stack(np.meshgrid(*[np.arange(_TABLE) / _TABLE] * 2, indexing="ij"), axis=-1)
        table = np.zeros((_TABLE, _TABLE))
        for u, v, nm, sigma in bumps:
            for image in np.ndindex(3, 3):
                away = (grid - (u, v) - image + 1) @ self.cell
                table += nm * np.exp(-0.5 * (away**2).sum(axis=-1) / sigma**2)
        return table - table.mean()

    def nearest(self, point: np.ndarray, within: tuple[tuple[float, float], ...]) -> np.ndarray:
        """Return the site (x, y) in nm next to ``point``, at one of the places ``within`` a cell."""
        cells = [np.linalg.solve(self.cell.T, point - self.origin) - place for place in within]
        sites = [
            (np.round(cell) + place) @ self.cell + self.origin
            for cell, place in zip(cells, within, strict=True)
        ]
        return min(sites, key=lambda site: float(np.hypot(*(site - point))))


def turn(degrees: float) -> np.ndarray:
    """Return the matrix (2, 2) that turns row vectors anticlockwise."""
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def silicon_001(angle: float, corrugation_nm: float, rng: np.random.Generator) -> Lattice:
    """Return dimer rows along ``angle``; at the opposite bias the trenches between them shine."""
    c = corrugation_nm
    return Lattice(
        cell=np.diag([0.384, 0.768]) @ turn(angle),
        origin=rng.uniform(0, 0.768, 2),
        waves=((0, 1, c / 2), (1, 0, c / 12)),
        other_waves=((0, 1, -0.35 * c), (0, 2, 0.15 * c), (1, 0, c / 6)),
        hole=-0.1,
        other_hole=-0.05,
        hole_sigmas=(0.17, 0.28),
        hole_length=2.0,
        adatoms=((0.0, 0.25),),
    )


def hexagonal(lattice_nm: float, angle: float, corrugation_nm: float, rng: np.random.Generator) -> Lattice:
    """Return close-packed bumps; at the opposite bias a honeycomb around dark sites."""
    if not 0 < lattice_nm < np.inf:
        raise ValueError(f"lattice_nm must be above 0 nm, got {lattice_nm}")
    part = corrugation_nm * 2 / 9  # three cosines span from -1.5 to 3
    waves = (1, 0), (0, 1), (1, 1)
    return Lattice(
        cell=lattice_nm * _rhombus() @ turn(angle),
        origin=rng.uniform(0, lattice_nm, 2),
        waves=tuple((h, k, part) for h, k in waves),
        other_waves=tuple((h, k, -0.7 * part) for h, k in waves),
        hole=-1.5 * part - 0.05,
        other_hole=-2.1 * part - 0.02,
        hole_sigmas=(0.25 * lattice_nm, 0.25 * lattice_nm),
        adatoms=((1 / 3, 1 / 3),),
    )


def silicon_111(angle: float, corrugation_nm: float, rng: np.random.Generator) -> Lattice:
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
    rest = [(5 / 21, 5 / 21), (11 / 21, 5 / 21), (5 / 21, 11 / 21)]  # amid three adatoms of a half
    return Lattice(
        cell=2.69 * _rhombus() @ turn(angle),
        origin=rng.uniform(0, 2.69, 2),
        bumps=(*((u, v, nm * c, 0.21) for u, v, nm in faulted + unfaulted), hole, stack),
        other_bumps=(*((u, v, 0.8 * c, 0.24) for u, v in sites), hole),
        hole=-0.5 * c,
        other_hole=-0.25 * c,
        hole_sigmas=(0.25, 0.25),
        vacancies=sites,
        adatoms=(*rest, *((1 - u, 1 - v) for u, v in rest)),
        adatom=(1.4 * c, 0.28),
    )


def molecular_layer(
    sides_nm: tuple[float, float],
    oblique: float,
    angle: float,
    rings: bool,
    corrugation_nm: float,
    rng: np.random.Generator,
) -> Lattice:
    """Return molecules of two lobes, or rings of six, on an oblique lattice with ``oblique`` degrees."""
    cell = np.array([[1.0, 0.0], turn(oblique)[0]]) * np.array(sides_nm)[:, None]
    tilt = rng.uniform(20, 70)
    lobes = np.array([[0.24, 0.0], [-0.24, 0.0]]) @ turn(tilt)
    ring = np.array([[0.3, 0.0] @ turn(60 * i + tilt) for i in range(6)])
    crossed = lobes @ turn(90)

    def bumps(places: np.ndarray, nm: float, sigma: float) -> tuple[Bump, ...]:
        return tuple((float(u), float(v), nm, sigma) for u, v in places @ np.linalg.inv(cell))

    c, small = corrugation_nm, 0.33 * min(sides_nm)
    return Lattice(
        cell=cell @ turn(angle),
        origin=rng.uniform(0, max(sides_nm), 2),
        bumps=bumps(ring, 0.7 * c, 0.13) if rings else bumps(lobes, c, 0.19),
        other_bumps=bumps(crossed, 0.8 * c, 0.19),
        hole=-0.6 * c - 0.03,
        other_hole=-0.5 * c,
        hole_sigmas=(small, small),
        adatoms=((0.0, 0.0),),
        adatom=(0.09, small),
    )


def _rhombus() -> np.ndarray:
    """Return two vectors of length 1 with 60 degrees between them."""
    return np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
