"""Patches without the lattice: irregular islands, and disordered ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_stmml.simulate.steps import Frame

Outline = tuple[np.ndarray, float, tuple[tuple[int, float, float], ...]]  # the first fields of a Patch


@dataclass(frozen=True, eq=False)
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


def draw_patches(
    frame: Frame, count: int, name: str, taken: Sequence[Patch], rng: np.random.Generator
) -> list[Outline]:
    """Draw middle, radius and outline of islands that touch neither each other nor those ``taken``.

    They are 3 to 6 nm wide in a frame of 20 nm, and as much of the short side of any other.
    """
    if not 0 <= count <= 4:
        raise ValueError(f"number of {name} patches must be 0 to 4, got {count}")
    unit = float(frame.size.min()) / 20
    found = [(patch.middle, patch.radius) for patch in taken]
    drawn: list[Outline] = []
    for _ in range(1000):
        if len(drawn) == count:
            break
        middle, radius = rng.uniform(0.12, 0.88, 2) * frame.size, unit * rng.uniform(1.7, 2.7)
        if all(math.dist(middle, other) > 1.4 * (radius + far) for other, far in found):
            waves = tuple(
                (n, rng.uniform(0.5, 1) * part, rng.uniform(0, 2 * np.pi))
                for n, part in ((2, 0.2), (3, 0.13), (4, 0.08), (5, 0.06), (7, 0.04))
            )
            found.append((middle, radius))
            drawn.append((middle, radius, waves))
    return drawn


def disordered_patches(
    frame: Frame, count: int, label: int, rough_nm: tuple[float, float], taken: Sequence[Patch], seed: int
) -> list[Patch]:
    """Draw disordered islands of standard deviations ``rough_nm`` at this and the opposite bias.

    Their bumps have a size, about 0.7 to 1.1 nm from one to the next, and no order.
    """
    rng = np.random.default_rng([seed, label])

    def bumps(size_nm: float) -> np.ndarray:
        noise = rng.normal(size=(frame.y.size, frame.x.size))
        near, far = (
            gaussian_filter(noise, [s * size_nm / nm for nm in frame.pixel_size]) for s in (0.22, 0.5)
        )
        field = near - 0.5 * far
        field = field / field.std()
        field = field + 0.3 * field**2  # bumps on a ground rather than holes in it
        return (field - field.mean()) / field.std()

    patches = []
    for outline in draw_patches(frame, count, "disordered", taken, rng):
        size_nm, level = rng.uniform(0.7, 1.1), rng.uniform(-0.5, 0.5)
        first, second = bumps(size_nm), bumps(size_nm)
        heights = rough_nm[0] * (first + level)
        patches.append(Patch(*outline, label, heights, rough_nm[1] * (0.6 * first + 0.8 * second)))
    return patches
