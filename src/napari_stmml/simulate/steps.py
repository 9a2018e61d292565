"""The frame that a simulated scan covers, and the step edges across it."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.simulate.lattices import turn


@dataclass(frozen=True, eq=False)
class Frame:
    """Pixel centres in nm, x (1, cols) to the right and y (rows, 1) upwards, and the pixel size."""

    x: np.ndarray
    y: np.ndarray
    pixel_size: tuple[float, float]

    @property
    def size(self) -> np.ndarray:
        """Width and height in nm; the first pixel centre is half a pixel in."""
        return np.array([self.x[0, -1] + self.x[0, 0], self.y[0, 0] + self.y[-1, 0]])


@dataclass(frozen=True, eq=False)
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


def make_frame(
    shape: tuple[int, int], size_nm: float, pixel_size: tuple[float, float] | None = None
) -> Frame:
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


def draw_edge(frame: Frame, angle: float, rng: np.random.Generator) -> Edge:
    """Draw a step edge within 15 degrees of a lattice direction, near the middle of the frame."""
    along, normal = turn(angle + 90 * rng.integers(4) + rng.uniform(-15, 15))
    waves = meander(rng)
    return Edge(frame.size * rng.uniform(0.4, 0.6, 2), along, normal, waves)


def meander(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    """Draw the waves of an edge, 2.3 to 15 nm long and up to 3 % of that high."""
    return tuple(
        (2 * np.pi / nm, nm * rng.uniform(0.01, 0.03), rng.uniform(0, 2 * np.pi))
        for nm in (2.3, 4.1, 8.3, 15)
    )
