"""Surfaces with a known label per pixel."""

import math
from dataclasses import dataclass, replace

import numpy as np

CLASSES = ("surface", "vacancy", "adatom", "cluster", "step edge")
_VACANCY, _ADATOM, _CLUSTER, _STEP = range(1, 5)
_ROOM_NM = {_VACANCY: 0.7, _ADATOM: 0.6, _CLUSTER: 1.4}  # a circle no other defect enters
_PAINTED = 1 / 3  # a feature ends where it is below this part of its own maximum
_MARGIN_NM = 1.0  # defects may sit this far outside and look in
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


@dataclass(frozen=True)
class _Lattice:
    """A periodic terrace: unit cell (2, 2) in nm with one vector a row, and its waves (h, k, nm)."""

    cell: np.ndarray
    waves: tuple[tuple[int, int, float], ...]
    origin: np.ndarray
    hole: float  # height in nm of the ground of a vacancy
    hole_sigmas: tuple[float, float]  # of a vacancy, nm along the first vector and across it
    hole_length: float  # a vacancy is at most so many times longer than that
    adatom: tuple[float, float]  # where in the cell an adatom sits

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return heights in nm about their mean at points x, y in nm."""
        u, v = np.linalg.inv(self.cell.T)
        along = u[0] * (x - self.origin[0]) + u[1] * (y - self.origin[1])
        across = v[0] * (x - self.origin[0]) + v[1] * (y - self.origin[1])
        waves = [nm * np.cos(2 * np.pi * (h * along + k * across)) for h, k, nm in self.waves]
        return np.sum(waves, axis=0)

    def nearest(self, point: np.ndarray, within: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """Return the site (x, y) in nm next to ``point``, at ``within`` of its cell."""
        cells = np.linalg.solve(self.cell.T, point - self.origin) - within
        return (np.round(cells) + within) @ self.cell + self.origin


@dataclass(frozen=True)
class _Edge:
    """A meandering line across the frame: middle, direction and normal (x, y), waves (1/nm, nm, phase)."""

    middle: np.ndarray
    along: np.ndarray
    normal: np.ndarray
    waves: tuple[tuple[float, float, float], ...]

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance of points x, y from the edge in nm, positive on the upper terrace."""
        x, y = x - self.middle[0], y - self.middle[1]
        run = x * self.along[0] + y * self.along[1]
        meander = np.sum([nm * np.sin(k * run + phase) for k, nm, phase in self.waves], axis=0)
        return x * self.normal[0] + y * self.normal[1] - meander


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
    x, y, pixel = _axes(shape, size_nm, pixel_size)
    rng = np.random.default_rng(seed)
    terraces = [
        _Lattice(
            cell=np.diag([0.384, 0.768]) @ _turn(angle + turned),
            waves=((0, 1, corrugation_nm / 2), (1, 0, corrugation_nm / 12)),
            origin=rng.uniform(0, 0.768, 2),
            hole=-0.1,
            hole_sigmas=(0.17, 0.28),
            hole_length=2.0,
            adatom=(0.0, 0.25),
        )
        for turned in (0.0, 90.0)
    ]
    densities = {_CLUSTER: clusters, _VACANCY: vacancies, _ADATOM: adatoms}
    edge = _edge(x, y, angle, rng) if step_edge else None
    return Surface(*_populate(x, y, terraces, edge, 0.136, densities, rng), CLASSES, pixel)


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
    x, y, pixel = _axes(shape, size_nm, pixel_size)
    if not 0 < lattice_nm < np.inf:
        raise ValueError(f"lattice_nm must be above 0 nm, got {lattice_nm}")
    rng = np.random.default_rng(seed)
    part = corrugation_nm * 2 / 9  # three cosines span from -1.5 to 3
    terraces = [
        _Lattice(
            cell=lattice_nm * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]]) @ _turn(angle),
            waves=((1, 0, part), (0, 1, part), (1, 1, part)),
            origin=rng.uniform(0, lattice_nm, 2),
            hole=-1.5 * part - 0.05,
            hole_sigmas=(0.25 * lattice_nm, 0.25 * lattice_nm),
            hole_length=1.0,
            adatom=(1 / 3, 1 / 3),
        )
        for _ in range(2)
    ]
    densities = {_CLUSTER: clusters, _VACANCY: vacancies, _ADATOM: adatoms}
    edge = _edge(x, y, angle, rng) if step_edge else None
    return Surface(*_populate(x, y, terraces, edge, 0.25, densities, rng), CLASSES, pixel)


def with_artefacts(
    surface: Surface,
    *,
    tilt_nm: float = 1.0,
    bow_nm: float = 0.1,
    line_noise_nm: float = 0.01,
    noise_nm: float = 0.003,
    seed: int = 0,
) -> Surface:
    """Return the surface as a microscope would record it; labels stay as they are.

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
    seed : int
        The same seed gives the same noise.

    Raises
    ------
    ValueError
        If a standard deviation is negative.
    """
    for name, sigma in (("line_noise_nm", line_noise_nm), ("noise_nm", noise_nm)):
        if not 0 <= sigma < np.inf:
            raise ValueError(f"{name} must be 0 nm or more, got {sigma}")
    rows, cols = surface.heights.shape
    down, right = np.linspace(-0.5, 0.5, rows)[:, None], np.linspace(-0.5, 0.5, cols)[None]
    rng = np.random.default_rng(seed)
    lines = rng.normal(0, line_noise_nm, (rows, 1))
    noise = rng.normal(0, noise_nm, (rows, cols))
    smooth = tilt_nm * (down + right) + bow_nm * 2 * (down**2 + right**2)
    return replace(surface, heights=surface.heights + smooth + lines + noise)


def _axes(
    shape: tuple[int, int], size_nm: float, pixel_size: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return pixel centres, x (1, cols) to the right and y (rows, 1) upwards, and pixel size, all in nm."""
    rows, cols = shape
    if min(shape) < 2:
        raise ValueError(f"shape must be at least 2 by 2 pixels, got {shape}")
    if not 0 < size_nm < np.inf:
        raise ValueError(f"size_nm must be above 0 nm, got {size_nm}")
    down, right = pixel_size or (size_nm / cols, size_nm / cols)
    if not (0 < down < np.inf and 0 < right < np.inf):
        raise ValueError(f"pixel_size must be above 0 nm per pixel, got {pixel_size}")
    x, y = (np.arange(cols) + 0.5)[None] * right, (rows - np.arange(rows) - 0.5)[:, None] * down
    return x, y, (float(down), float(right))


def _size(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return width and height of the frame in nm; the first pixel centre is half a pixel in."""
    return np.array([x[0, -1] + x[0, 0], y[0, 0] + y[-1, 0]])


def _turn(degrees: float) -> np.ndarray:
    """Return the matrix (2, 2) that turns row vectors anticlockwise."""
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def _edge(x: np.ndarray, y: np.ndarray, angle: float, rng: np.random.Generator) -> _Edge:
    """Draw a step edge within 15 degrees of a lattice direction, near the middle of the frame."""
    along, normal = _turn(angle + 90 * rng.integers(4) + rng.uniform(-15, 15))
    waves = tuple(
        (2 * np.pi / nm, nm * rng.uniform(0.01, 0.03), rng.uniform(0, 2 * np.pi))
        for nm in (2.3, 4.1, 8.3, 15)
    )
    return _Edge(_size(x, y) * rng.uniform(0.4, 0.6, 2), along, normal, waves)


def _populate(
    x: np.ndarray,
    y: np.ndarray,
    terraces: list[_Lattice],
    edge: _Edge | None,
    step_nm: float,
    densities: dict[int, float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the terraces, set the defects on them, and return heights and labels, both (rows, cols)."""
    heights = terraces[0].heights(x, y)
    labels = np.zeros(heights.shape, np.uint8)
    if edge is not None:
        upper = 0.5 + 0.5 * np.tanh(edge.distance(x, y) / (2 * _EDGE_NM))  # logistic, without overflow
        heights = upper * heights + (1 - upper) * (terraces[1].heights(x, y) - step_nm)
        labels[4 * upper * (1 - upper) > _PAINTED] = _STEP  # its slope, as part of the steepest
    for kind, lower, at in _sites(_size(x, y), terraces, edge, densities, rng):
        centres, sigmas = _blobs(kind, at, terraces[lower], rng)
        window = _window(x, y, centres, 4.5 * max(sigmas))
        profile = _profile(x[:, window[1]], y[window[0]], centres, sigmas, terraces[lower].cell[0])
        if kind == _VACANCY:
            heights[window] += profile * (terraces[lower].hole - lower * step_nm - heights[window])
        else:
            heights[window] += profile * rng.uniform(0.85, 1.15) * (0.1 if kind == _ADATOM else 0.3)
        labels[window][profile > _PAINTED] = kind
    return heights, labels


def _sites(
    size: np.ndarray,
    terraces: list[_Lattice],
    edge: _Edge | None,
    densities: dict[int, float],
    rng: np.random.Generator,
) -> list[tuple[int, bool, np.ndarray]]:
    """Draw kind, whether on the lower terrace, and place (x, y) in nm of defects apart from each other."""
    sites: list[tuple[int, bool, np.ndarray]] = []
    for kind, density in densities.items():
        if not 0 <= density <= _DENSEST:
            raise ValueError(f"density of {CLASSES[kind]} must be 0 to {_DENSEST} per nm^2, got {density}")
        for _ in range(rng.poisson(density * float(np.prod(size + 2 * _MARGIN_NM)))):
            at = rng.uniform(-_MARGIN_NM, size + _MARGIN_NM)
            lower = edge is not None and bool(edge.distance(*at) < 0)
            if kind != _CLUSTER:
                at = terraces[lower].nearest(at, terraces[lower].adatom if kind == _ADATOM else (0.0, 0.0))
            inside = np.inf if edge is None else (-1 if lower else 1) * float(edge.distance(*at))
            near = (math.dist(at, place) < _ROOM_NM[kind] + _ROOM_NM[other] for other, _, place in sites)
            if inside > _ROOM_NM[kind] and not any(near):
                sites.append((kind, lower, at))
    return sites


def _blobs(
    kind: int, at: np.ndarray, terrace: _Lattice, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """Draw the centres (n, 2), and their sigmas along and across a row, in nm of a defect at (x, y)."""
    if kind == _VACANCY:
        along, across = terrace.hole_sigmas
        return at[None], (along * rng.uniform(1, terrace.hole_length), across)
    if kind == _ADATOM:
        return at[None], (0.3, 0.3)
    width = rng.uniform(1.0, 2.0)
    return at + rng.normal(0, 0.15 * width, (4, 2)), (0.3 * width, 0.3 * width)


def _window(x: np.ndarray, y: np.ndarray, centres: np.ndarray, reach: float) -> tuple[slice, slice]:
    """Return the rows and columns within ``reach`` nm of the centres (n, 2)."""
    (left, bottom), (right, top) = centres.min(axis=0) - reach, centres.max(axis=0) + reach
    rows, cols = np.searchsorted(-y[:, 0], (-top, -bottom)), np.searchsorted(x[0], (left, right))
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
