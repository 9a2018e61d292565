"""Shapes of objects on a surface: heights in nm as a function of the place around the object.

A type is a sum of Gaussian lobes, each (x, y, sigma_x, sigma_y, height) in nm, with x to the right and y
upwards before the object is turned. They are drawn by hand, not taken from `napari_stmml.simulate`, so that
the finder meets shapes it was not written for.
"""

from dataclasses import dataclass

import numpy as np

Lobe = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class ObjectType:
    """A type of object: its name and lobes, and by which angles (degrees) it can lie turned."""

    name: str
    lobes: tuple[Lobe, ...]
    turns: tuple[float, ...] = (0.0,)

    def heights(self, y: np.ndarray, x: np.ndarray, turned: float) -> np.ndarray:
        """Return the heights in nm at ``y`` (upwards) and ``x`` nm from the middle of the object."""
        cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
        along, across = cos * x + sin * y, cos * y - sin * x
        total = np.zeros(np.broadcast(x, y).shape)
        for x0, y0, wide, high, height in self.lobes:
            total += height * np.exp(-0.5 * (((along - x0) / wide) ** 2 + ((across - y0) / high) ** 2))
        return total

    @property
    def radius(self) -> float:
        """Distance in nm from the middle within which it is higher than a quarter of its largest height."""
        side = np.linspace(-2, 2, 161)
        heights = np.abs(self.heights(side[:, None], side[None], 0.0))
        y, x = np.nonzero(heights > heights.max() / 4)
        return float(np.hypot(side[y], side[x]).max())

    def mirrored(self, name: str) -> "ObjectType":
        """Return the mirror image."""
        return ObjectType(name, tuple((x, -y, *rest) for x, y, *rest in self.lobes), self.turns)


def round_bump(name: str, sigma: float, height: float) -> ObjectType:
    """Make a round object."""
    return ObjectType(name, ((0, 0, sigma, sigma, height),))


def dumbbell(name: str, length: float, sigma: float, height: float, turns: tuple[float, ...]) -> ObjectType:
    """Make two equal lobes, ``length`` nm apart."""
    half = length / 2
    return ObjectType(name, ((-half, 0, sigma, sigma, height), (half, 0, sigma, sigma, height)), turns)


def propeller(name: str, radius: float, sigma: float, height: float, turns: tuple[float, ...]) -> ObjectType:
    """Make three arms that bend one way round a core: a chiral molecule."""
    lobes: list[Lobe] = [(0, 0, sigma, sigma, height)]
    for arm in np.radians((90, 210, 330)):
        for part, bend, size in ((0.6, 0.15, 1.0), (1.0, 0.75, 1.15)):
            angle = arm + bend
            at = radius * part
            lobes.append((at * np.cos(angle), at * np.sin(angle), 0.8 * sigma, 0.8 * sigma, size * height))
    return ObjectType(name, tuple(lobes), turns)


def hook(name: str, length: float, sigma: float, height: float, turns: tuple[float, ...]) -> ObjectType:
    """Make a bent chain of four lobes, like an L: chiral on a surface."""
    at = ((-0.625, -0.14), (-0.125, -0.14), (0.375, -0.14), (0.375, 0.41))  # about their middle
    return ObjectType(name, tuple((x * length, y * length, sigma, sigma, height) for x, y in at), turns)


THREE = (0.0, 60.0, 120.0)
SIX = (0.0, 60.0, 120.0, 180.0, 240.0, 300.0)

ROWS = (
    round_bump("dangling bond", 0.22, 0.11),
    ObjectType("dimer vacancy", ((0, 0, 0.18, 0.26, -0.08),)),
    ObjectType("long vacancy", ((0, 0, 0.5, 0.26, -0.08),)),
    dumbbell("bright dimer", 0.77, 0.2, 0.10, (90.0,)),
    round_bump("adsorbate", 0.42, 0.20),
    ObjectType("split-off", ((-0.35, 0, 0.18, 0.24, -0.07), (0.35, 0, 0.2, 0.22, 0.06)), (0.0, 180.0)),
)
_PROPELLER = propeller("left propeller", 0.75, 0.2, 0.12, (0.0, 180.0))
METAL = (
    dumbbell("dumbbell", 0.9, 0.24, 0.12, THREE),
    _PROPELLER,
    _PROPELLER.mirrored("right propeller"),
    round_bump("small round", 0.2, 0.10),
    round_bump("large round", 0.38, 0.10),
    round_bump("vacancy", 0.2, -0.07),
)
SEVEN = (
    round_bump("missing adatom", 0.2, -0.11),
    round_bump("extra adatom", 0.24, 0.14),
    round_bump("cluster", 0.5, 0.25),
    dumbbell("pair", 0.8, 0.22, 0.12, THREE),
    ObjectType(
        "dark trimer",
        tuple((0.42 * np.cos(a), 0.42 * np.sin(a), 0.2, 0.2, -0.1) for a in np.radians((90, 210, 330))),
    ),
)
_HOOK = hook("left hook", 0.8, 0.2, 0.11, SIX)
STEPPED = (
    round_bump("small round", 0.22, 0.10),
    round_bump("large round", 0.42, 0.10),
    _HOOK,
    _HOOK.mirrored("right hook"),
    ObjectType("ring", ((0, 0, 0.45, 0.45, 0.16), (0, 0, 0.22, 0.22, -0.18))),
    round_bump("pit", 0.24, -0.09),
)
BARE = (
    round_bump("atom", 0.22, 0.12),
    dumbbell("dimer", 0.8, 0.22, 0.12, tuple(np.arange(0.0, 180.0, 15.0))),
    ObjectType(
        "trimer",
        tuple((0.5 * np.cos(a), 0.5 * np.sin(a), 0.22, 0.22, 0.12) for a in np.radians((90, 210, 330))),
        tuple(np.arange(0.0, 120.0, 15.0)),
    ),
    round_bump("island", 0.5, 0.16),
    round_bump("hole", 0.28, -0.10),
)
OXIDE = (  # TiO2(110): not looked at before the finder was done
    ObjectType("oxygen vacancy", ((0, 0, 0.2, 0.16, 0.06),)),
    ObjectType("hydroxyl", ((0, 0, 0.24, 0.2, 0.11),)),
    ObjectType("hydroxyl pair", ((-0.2, 0, 0.26, 0.22, 0.15), (0.2, 0, 0.26, 0.22, 0.15))),
    round_bump("molecule", 0.4, 0.22),
    ObjectType("subsurface", ((0, 0, 0.6, 0.6, 0.05), (0, 0, 0.2, 0.2, -0.05))),
    round_bump("dark spot", 0.26, -0.08),
)
