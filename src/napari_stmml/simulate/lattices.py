"""The periodic lattices that simulated terraces are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Wave = tuple[int, int, float]  # h, k of cos(2 pi (h u + k v)), amplitude in nm


@dataclass(frozen=True, eq=False)
class Lattice:
    """A periodic terrace: unit cell (2, 2) in nm with one vector a row, made of waves; and its defects."""

    cell: np.ndarray
    origin: np.ndarray
    hole: float  # height in nm of the ground of a vacancy
    hole_sigmas: tuple[float, float]  # of a vacancy, nm along the first vector and across it
    adatoms: tuple[tuple[float, float], ...]  # where in the cell adatoms sit
    hole_length: float = 1.0  # a vacancy is at most so many times longer than that
    vacancies: tuple[tuple[float, float], ...] = ((0.0, 0.0),)  # where in the cell something can be missing
    adatom: tuple[float, float] = (0.1, 0.3)  # height and sigma of an adatom, nm
    waves: tuple[Wave, ...] = ()
    contrast: Mapping[int, float] = field(default_factory=dict)  # label -> part of the usual height

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return heights in nm about their mean at points x, y in nm."""
        along, across = self.coordinates(x, y)
        return np.sum([nm * np.cos(2 * np.pi * (h * along + k * across)) for h, k, nm in self.waves], axis=0)

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points x, y in nm in units of the cell's vectors."""
        u, v = np.linalg.inv(self.cell.T)
        x, y = x - self.origin[0], y - self.origin[1]
        return u[0] * x + u[1] * y, v[0] * x + v[1] * y

    def nearest(self, point: np.ndarray, sites: tuple[tuple[float, float], ...]) -> np.ndarray:
        """Return the (x, y) in nm nearest to ``point`` that is one of the ``sites`` of some cell."""
        cells = [np.linalg.solve(self.cell.T, point - self.origin) - site for site in sites]
        near = [
            (np.round(cell) + site) @ self.cell + self.origin for cell, site in zip(cells, sites, strict=True)
        ]
        return min(near, key=lambda one: float(np.hypot(*(one - point))))


def turn(degrees: float) -> np.ndarray:
    """Return the matrix (2, 2) that turns row vectors anticlockwise."""
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def silicon_001(angle: float, corrugation_nm: float, rng: np.random.Generator) -> Lattice:
    """Return the dimer rows of Si(001)-2x1 along ``angle``, in degrees."""
    c = corrugation_nm
    return Lattice(
        cell=np.diag([0.384, 0.768]) @ turn(angle),
        origin=rng.uniform(0, 0.768, 2),
        waves=((0, 1, c / 2), (1, 0, c / 12)),
        hole=-0.1,
        hole_sigmas=(0.17, 0.28),
        hole_length=2.0,
        adatoms=((0.0, 0.25),),
    )


def hexagonal(lattice_nm: float, angle: float, corrugation_nm: float, rng: np.random.Generator) -> Lattice:
    """Return bumps on a hexagonal lattice with close-packed rows along ``angle``, in degrees."""
    if not 0 < lattice_nm < np.inf:
        raise ValueError(f"lattice_nm must be above 0 nm, got {lattice_nm}")
    part = corrugation_nm * 2 / 9  # three cosines span from -1.5 to 3
    return Lattice(
        cell=lattice_nm * rhombus() @ turn(angle),
        origin=rng.uniform(0, lattice_nm, 2),
        waves=tuple((h, k, part) for h, k in ((1, 0), (0, 1), (1, 1))),
        hole=-1.5 * part - 0.05,
        hole_sigmas=(0.25 * lattice_nm, 0.25 * lattice_nm),
        adatoms=((1 / 3, 1 / 3),),
    )


def rhombus() -> np.ndarray:
    """Return two vectors of length 1 with 60 degrees between them."""
    return np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
