"""Surfaces with known objects, as a microscope records them; each pixel is computed, nothing resampled."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.structures import objects
from benchmarks.structures.objects import ObjectType
from napari_stmml.scan import Scan

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
REACH = 2.2  # nm, to which an object is drawn


@dataclass(frozen=True, eq=False)
class Surface:
    """A scan and its objects: a table of row, col (px), type (number, from 1)."""

    scan: Scan
    objects: pd.DataFrame
    types: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """How hard a surface is made."""

    pixel_nm: float = 0.08
    size_nm: float = 36.0
    density: float = 0.06  # per nm2
    apart_nm: float = 1.5  # of the middles of two objects, at least
    gap: float = 1.25  # times the sum of their radii, at least; 1: they touch
    noise_nm: float = 0.005
    line_noise_nm: float = 0.004
    spread: float = 0.04  # of the heights of objects of one type
    tips: int = 1
    tip_change: bool = False
    creep: float = 0.0
    angle: float | None = None  # degrees, of the lattice; None draws one


EASY = Settings()


def hard(rng: np.random.Generator) -> Settings:
    """Draw a hard recording: twice the noise, objects that touch, any pixel size, tips, creep."""
    pixel = float(np.exp(rng.uniform(np.log(0.04), np.log(0.25))))
    return Settings(
        pixel_nm=pixel,
        size_nm=min(max(36.0, 300 * pixel), 800 * pixel),
        density=0.10,
        apart_nm=1.2,
        gap=0.95,
        noise_nm=0.010,
        line_noise_nm=0.012,
        spread=0.08,
        tips=int(rng.integers(1, 3)),
        tip_change=bool(rng.random() < 0.4),
        creep=float(rng.uniform(0, 0.8)),
    )


def _plane_waves(
    periods_nm: list[float], degrees: list[float], heights: list[float], phases: np.ndarray
) -> Field:
    def field(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        total = np.zeros(np.broadcast(x, y).shape)
        for period, angle, height, phase in zip(
            periods_nm, np.radians(degrees), heights, phases, strict=True
        ):
            total += height * np.cos(2 * np.pi / period * (x * np.cos(angle) + y * np.sin(angle)) + phase)
        return total

    return field


def _hexagonal(rng: np.random.Generator, spacing: float, height: float, angle: float) -> Field:
    period = spacing * np.sqrt(3) / 2
    first, second = rng.uniform(0, 2 * np.pi, 2)
    phases = np.array([first, second, second - first])  # so that the three waves meet in points
    angles = [angle, angle + 60, angle + 120]
    return _plane_waves([period] * 3, angles, [height / 4.5] * 3, phases)


def _rows(rng: np.random.Generator, angle: float) -> Field:
    waves = _plane_waves([0.768, 0.384], [angle + 90, angle], [0.012, 0.004], rng.uniform(0, 6.28, 2))
    return waves


def _seven(rng: np.random.Generator, angle: float) -> Field:
    """Sum Gaussians for twelve adatoms a cell, a faulted half higher, by folding into the cell."""
    side = 2.69
    turn = np.radians(angle)
    basis = side * np.array(
        [[np.cos(turn), np.cos(turn + np.pi / 3)], [np.sin(turn), np.sin(turn + np.pi / 3)]]
    )
    inverse = np.linalg.inv(basis)
    fractions = []
    for corner, height in (((1 / 3, 1 / 3), 0.10), ((2 / 3, 2 / 3), 0.085)):
        sign = 1 if corner[0] < 0.5 else -1
        for a, b in ((0, 0), (1, 0), (0, 1), (1, 1)):
            fractions.append((corner, sign, a, b, height))
    sites = []
    for half, height in ((0, 0.1), (1, 0.085)):
        for u, v in ((1, 1), (1, 5), (5, 1), (3, 1), (1, 3), (3, 3)):
            at = np.array([u, v]) / 7
            sites.append((at if half == 0 else 1 - at, height))
    shift = rng.uniform(0, side, 2)

    def field(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        y, x = np.broadcast_arrays(y - shift[0], x - shift[1])
        total = np.zeros(x.shape)
        u = inverse[0, 0] * x + inverse[0, 1] * y
        v = inverse[1, 0] * x + inverse[1, 1] * y
        for (su, sv), height in sites:
            du, dv = (u - su + 0.5) % 1 - 0.5, (v - sv + 0.5) % 1 - 0.5
            dx, dy = basis[0, 0] * du + basis[0, 1] * dv, basis[1, 0] * du + basis[1, 1] * dv
            total += height * np.exp(-0.5 * (dx**2 + dy**2) / 0.17**2)
        return total

    return field


def _rough(rng: np.random.Generator, wave_nm: tuple[float, float], height: float, count: int = 60) -> Field:
    periods = list(np.exp(rng.uniform(*np.log(wave_nm), count)))
    return _plane_waves(
        periods,
        list(rng.uniform(0, 360, count)),
        [height * np.sqrt(2 / count)] * count,
        rng.uniform(0, 6.28, count),
    )


def _terraces(rng: np.random.Generator, size: float, angle: float) -> tuple[Field, Field, Callable]:
    """Make a hexagonal lattice with two steps of 0.24 nm; return it and the distance to the nearest step."""
    turn = np.radians(rng.uniform(0, 360))
    places = size * (np.array([-0.2, 0.22]) + rng.uniform(-0.06, 0.06, 2))
    waves = rng.uniform(0, 6.28, 2)
    lattices = [_hexagonal(rng, 0.5, 0.03, angle) for _ in range(3)]

    def distance(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        bend = 0.7 * np.sin(along / 5 + waves[0]) + 0.4 * np.sin(along / 2.3 + waves[1])
        return np.stack([across - place - bend for place in places])

    def field(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        off = distance(y, x)
        share = 0.5 * (1 + np.tanh(off / 0.3))
        level = 0.24 * share.sum(0)
        first, second = share
        a, b, c = (lattice(y, x) for lattice in lattices)
        return level + a * (1 - first) + b * first * (1 - second) + c * second

    return field, lambda y, x: np.abs(distance(y, x)).min(0), distance


KINDS: dict[str, tuple[ObjectType, ...]] = {
    "rows": objects.ROWS,
    "metal": objects.METAL,
    "7x7": objects.SEVEN,
    "stepped": objects.STEPPED,
    "bare": objects.BARE,
    "oxide": objects.OXIDE,
}


def _background(kind: str, rng: np.random.Generator, size: float, angle: float) -> tuple[Field, Field | None]:
    if kind == "rows":
        return _rows(rng, angle), None
    if kind == "metal":
        return _hexagonal(rng, 0.288, 0.012, angle), None
    if kind == "7x7":
        return _seven(rng, angle), None
    if kind == "bare":
        return _rough(rng, (4.0, 15.0), 0.02), None
    if kind == "oxide":
        return _plane_waves([0.65, 0.296], [angle + 90, angle], [0.02, 0.004], rng.uniform(0, 6.28, 2)), None
    field, off, _ = _terraces(rng, size, angle)
    return field, off


def make(kind: str, seed: int, is_hard: bool = False, settings: Settings | None = None) -> Surface:
    """Make a surface of a kind (`KINDS`); the same seed gives the same one.

    Parameters
    ----------
    kind : str
    seed : int
    is_hard : bool
    settings : Settings, optional
        In place of those that ``is_hard`` chooses.

    Returns
    -------
    Surface
        Its truth names the middle of each object on the scan's own pixels, creep and tip taken into account.
    """
    drawn = draw(kind, seed, is_hard, settings)
    how, rng = drawn.how, drawn.rng
    heights = drawn.image(drawn.placed)
    if how.tip_change:
        heights = _changed_tip(heights, how, rng)
    rows, cols = heights.shape
    heights = heights + rng.normal(0, how.noise_nm, heights.shape)
    heights = heights + rng.normal(0, how.line_noise_nm, (rows, 1))
    heights += 0.5 * np.linspace(-1, 1, rows)[:, None] + 0.3 * np.linspace(-1, 1, cols)[None]
    table = _truth(drawn.placed, drawn.y_nm, drawn.x_nm, how)
    scan = Scan(heights.astype(np.float32), (how.pixel_nm, how.pixel_nm), source=f"{kind}-{seed}")
    return Surface(scan, table, tuple(one.name for one in KINDS[kind]))


Placed = list[tuple[int, ObjectType, float, float, float, float]]  # type, shape, y, x, turned, scale


@dataclass(frozen=True, eq=False)
class Drawn:
    """A surface before the microscope adds noise: its field, what lies on it, and how a tip sees it.

    ``y_nm`` (upwards) and ``x_nm`` are the places of rows and columns, ``tips`` are (y, x, by how much it is
    shorter) in nm, ``step_distance`` gives nm to the nearest step.
    """

    how: Settings
    field: Field
    step_distance: Field | None
    placed: Placed
    tips: list[tuple[float, float, float]]
    y_nm: np.ndarray
    x_nm: np.ndarray
    rng: np.random.Generator

    def image(self, placed: Placed) -> np.ndarray:
        """Return heights in nm as the tips see the surface with some objects on it."""
        y, x = self.y_nm[:, None], self.x_nm[None]
        images = [_height(self.field, placed, y + dy, x + dx) - down for dy, dx, down in self.tips]
        soft = 0.015
        return soft * np.logaddexp.reduce(np.stack(images) / soft, axis=0) if len(images) > 1 else images[0]


def draw(kind: str, seed: int, is_hard: bool = False, settings: Settings | None = None) -> Drawn:
    """Draw what lies on the sample, and how it is recorded; the parameters are those of `make`."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind), int(is_hard)])
    how = settings or (hard(rng) if is_hard else EASY)
    if is_hard and settings is None and kind == "7x7" and how.pixel_nm > 0.17:
        how = Settings(**{**how.__dict__, "pixel_nm": 0.17, "size_nm": 51.0})
    side = round(how.size_nm / how.pixel_nm)
    drawn = float(rng.uniform(0, 180))
    angle = drawn if how.angle is None else how.angle
    field, step_distance = _background(kind, rng, how.size_nm, angle)
    line = how.pixel_nm * (np.arange(side) + 0.5)
    late = how.creep * np.exp(-line / 6.0)  # nm, by which the first lines lag
    y_nm, x_nm = how.size_nm - line - late, line  # y upwards
    placed = _place(KINDS[kind], how, angle, step_distance, rng)
    tips = [(0.0, 0.0, 0.0)]
    for _ in range(how.tips - 1):
        far, way = rng.uniform(0.2, 0.35), rng.uniform(0, 2 * np.pi)
        tips.append((far * np.sin(way), far * np.cos(way), float(rng.uniform(0.03, 0.05))))
    return Drawn(how, field, step_distance, placed, tips, y_nm, x_nm, rng)


def _place(
    types: tuple[ObjectType, ...],
    how: Settings,
    angle: float,
    step_distance: Field | None,
    rng: np.random.Generator,
) -> Placed:
    wanted = round(how.density * how.size_nm**2)
    shares = rng.dirichlet(np.full(len(types), 6.0))
    shares = np.maximum(shares, 0.08)
    placed: Placed = []
    at = np.empty((0, 2))
    radii = np.array([one.radius for one in types])
    for _ in range(40 * wanted):
        if len(placed) == wanted:
            break
        y, x = rng.uniform(0.3, how.size_nm - 0.3, 2)
        if step_distance is not None and step_distance(np.array([[y]]), np.array([[x]]))[0, 0] < 1.3:
            continue
        number = int(rng.choice(len(types), p=shares / shares.sum()))
        apart = np.maximum(
            how.apart_nm, how.gap * (radii[number] + radii[np.array([one[0] - 1 for one in placed], int)])
        )
        if len(at) and (np.hypot(*(at - (y, x)).T) < apart).any():
            continue
        turned = angle + float(rng.choice(types[number].turns))
        placed.append((number + 1, types[number], y, x, turned, float(rng.normal(1, how.spread))))
        at = np.vstack([at, (y, x)])
    return placed


def _height(field: Field, placed: Placed, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    total = field(y, x)
    down, right = y[:, 0], x[0]
    for _, shape, y0, x0, turned, scale in placed:
        rows = np.flatnonzero(np.abs(down - y0) < REACH)
        cols = np.flatnonzero(np.abs(right - x0) < REACH)
        if len(rows) and len(cols):
            some = np.ix_(rows, cols)
            total[some] += scale * shape.heights(y[rows] - y0, x[:, cols] - x0, turned)
    return total


def _changed_tip(heights: np.ndarray, how: Settings, rng: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    row = int(len(heights) * rng.uniform(0.3, 0.7))
    blunt = gaussian_filter(heights, rng.uniform(0.06, 0.14) / how.pixel_nm) + rng.uniform(-0.05, 0.05)
    heights = heights.copy()
    heights[row:] = blunt[row:]
    return heights


def _truth(placed: Placed, y_nm: np.ndarray, x_nm: np.ndarray, how: Settings) -> pd.DataFrame:
    rows = np.arange(len(y_nm))
    order = np.argsort(y_nm)
    found = [
        (float(np.interp(y, y_nm[order], rows[order])), float((x - x_nm[0]) / how.pixel_nm), number)
        for number, _, y, x, _, _ in placed
    ]
    table = pd.DataFrame(found, columns=["row", "col", "type"])
    return table[(table.row > 0) & (table.row < len(y_nm) - 1)].reset_index(drop=True)
