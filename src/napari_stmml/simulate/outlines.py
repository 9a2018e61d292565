"""Where terraces end and islands lie: the frame, step edges across it, patches without the lattice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_stmml.simulate.lattices import turn

Outline = tuple[np.ndarray, float, tuple[tuple[int, float, float], ...]]  # the first fields of a Patch


@dataclass(frozen=True)
class Frame:
    """Pixel centres in nm, x (1, cols) to the right and y (rows, 1) upwards, and the pixel size."""

    x: np.ndarray
    y: np.ndarray
    pixel_size: tuple[float, float]

    @property
    def size(self) -> np.ndarray:
        """Width and height in nm; the first pixel centre is half a pixel in."""
        return np.array([self.x[0, -1] + self.x[0, 0], self.y[0, 0] + self.y[-1, 0]])


@dataclass(frozen=True)
class Edge:
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


@dataclass(frozen=True)
class Patch:
    """An irregular island: middle (x, y) and mean radius in nm, waves (turns, part, phase) of its outline.

    Within it ``heights``, and ``other`` at the opposite bias, replace the lattice; it carries ``label``.
    """

    middle: np.ndarray
    radius: float
    waves: tuple[tuple[int, float, float], ...]
    label: int
    heights: np.ndarray
    other: np.ndarray

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how far points x, y are inside in nm, as seen from the middle; negative outside."""
        x, y = x - self.middle[0], y - self.middle[1]
        at = np.arctan2(y, x)
        outline = 1 + np.sum([part * np.cos(n * at + phase) for n, part, phase in self.waves], axis=0)
        return self.radius * outline - np.hypot(x, y)


def frame(shape: tuple[int, int], size_nm: float, pixel_size: tuple[float, float] | None = None) -> Frame:
    """Return the frame of so many rows and columns, ``size_nm`` wide or with that pixel size in nm."""
    rows, cols = shape
    if min(shape) < 2:
        raise ValueError(f"shape must be at least 2 by 2 pixels, got {shape}")
    if not 0 < size_nm < np.inf:
        raise ValueError(f"size_nm must be above 0 nm, got {size_nm}")
    down, right = pixel_size or (size_nm / cols, size_nm / cols)
    if not (0 < down < np.inf and 0 < right < np.inf):
        raise ValueError(f"pixel_size must be above 0 nm per pixel, got {pixel_size}")
    x, y = (np.arange(cols) + 0.5)[None] * right, (rows - np.arange(rows) - 0.5)[:, None] * down
    return Frame(x, y, (float(down), float(right)))


def step_edge(place: Frame, angle: float, rng: np.random.Generator) -> Edge:
    """Draw a step edge within 15 degrees of a lattice direction, near the middle of the frame."""
    along, normal = turn(angle + 90 * rng.integers(4) + rng.uniform(-15, 15))
    waves = _meander(rng)
    return Edge(place.size * rng.uniform(0.4, 0.6, 2), along, normal, waves)


def step_train(place: Frame, angle: float, steps: int, rng: np.random.Generator) -> list[Edge]:
    """Draw roughly parallel step edges, the highest first, spread over the frame."""
    direction = angle + 90 * rng.integers(4) + rng.uniform(-15, 15)
    span = float(np.abs(turn(direction)[1]) @ place.size)
    places = (0.5 - (np.arange(steps) + 1 + rng.uniform(-0.15, 0.15, steps)) / (steps + 1)) * span
    edges = []
    for offset in places:
        along, normal = turn(direction + rng.uniform(-2, 2))
        edges.append(Edge(place.size / 2 + offset * normal, along, normal, _meander(rng)))
    return edges


def _meander(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    return tuple(
        (2 * np.pi / nm, nm * rng.uniform(0.01, 0.03), rng.uniform(0, 2 * np.pi))
        for nm in (2.3, 4.1, 8.3, 15)
    )


def draw_patches(
    place: Frame, count: int, name: str, taken: Sequence[Patch], rng: np.random.Generator
) -> list[Outline]:
    """Draw middle, radius and outline of islands that touch neither each other nor those ``taken``.

    They are 3 to 6 nm wide in a frame of 20 nm, and as much of the short side of any other.
    """
    if not 0 <= count <= 4:
        raise ValueError(f"number of {name} patches must be 0 to 4, got {count}")
    unit = float(place.size.min()) / 20
    found = [(patch.middle, patch.radius) for patch in taken]
    drawn: list[Outline] = []
    for _ in range(1000):
        if len(drawn) == count:
            break
        middle, radius = rng.uniform(0.12, 0.88, 2) * place.size, unit * rng.uniform(1.7, 2.7)
        if all(math.dist(middle, other) > 1.4 * (radius + far) for other, far in found):
            waves = tuple(
                (n, rng.uniform(0.5, 1) * part, rng.uniform(0, 2 * np.pi))
                for n, part in ((2, 0.2), (3, 0.13), (4, 0.08), (5, 0.06), (7, 0.04))
            )
            found.append((middle, radius))
            drawn.append((middle, radius, waves))
    return drawn


def disordered_patches(
    place: Frame, count: int, label: int, rough_nm: tuple[float, float], taken: Sequence[Patch], seed: int
) -> list[Patch]:
    """Draw disordered islands of standard deviations ``rough_nm`` at this and the opposite bias.

    Their bumps have a size, about 0.7 to 1.1 nm from one to the next, and no order.
    """
    rng = np.random.default_rng([seed, label])

    def bumps(size_nm: float) -> np.ndarray:
        noise = rng.normal(size=(place.y.size, place.x.size))
        near, far = (
            gaussian_filter(noise, [s * size_nm / nm for nm in place.pixel_size]) for s in (0.22, 0.5)
        )
        field = near - 0.5 * far
        field = field / field.std()
        field = field + 0.3 * field**2  # bumps on a ground rather than holes in it
        return (field - field.mean()) / field.std()

    patches = []
    for outline in draw_patches(place, count, "disordered", taken, rng):
        size_nm, level = rng.uniform(0.7, 1.1), rng.uniform(-0.5, 0.5)
        first, second = bumps(size_nm), bumps(size_nm)
        heights = rough_nm[0] * (first + level)
        patches.append(Patch(*outline, label, heights, rough_nm[1] * (0.6 * first + 0.8 * second)))
    return patches
