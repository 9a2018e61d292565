"""Recorded surfaces with a known label per pixel, one for each kind and seed.

Seeds 0 to 99 are for training, 1000 to 1099 to choose by, 2000 and above for tests.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from benchmarks.surfaces import (
    TwoBiases,
    simulate_7x7,
    simulate_hexagonal,
    simulate_molecules,
    simulate_si001,
    simulate_stepped,
    with_artefacts,
)

_LATTICE = ("surface", "vacancy", "adatom", "cluster", "disordered")
CLASSES = {
    "si001": _LATTICE,
    "hexagonal": _LATTICE,
    "7x7": _LATTICE,
    "stepped": ("surface", "vacancy", "adatom", "cluster", "step edge"),
    "molecules": ("surface", "vacancy", "bright molecule", "cluster", "bare substrate", "disordered"),
}
KINDS = tuple(CLASSES)
IMPURITY = "impurity"  # the last class of every kind at both biases; at one bias it looks like an adatom
FEWEST = 150  # pixels of every class
_NEVER = 100  # draws until a frame counts as too small


def benchmark_surface(
    kind: str,
    seed: int,
    shape: tuple[int, int] = (300, 300),
    size_nm: float = 20.0,
    both_biases: bool = False,
) -> TwoBiases:
    """Return a surface as a good microscope would record it, with at least `FEWEST` pixels of every class.

    Parameters
    ----------
    kind : str
        One of `KINDS`; "hexagonal" is a plain lattice, "7x7" is Si(111)-7x7, "stepped" has terraces of
        either lattice, as the seed has it.
    seed : int
        The same seed gives the same surface, artefacts included.
    shape, size_nm : (int, int), float
        Rows and columns, and width in nm.
    both_biases : bool
        Whether to add ``other``, the opposite bias, and the class that only both biases tell apart.

    Raises
    ------
    ValueError
        If the kind is not known, the seed is negative, or the frame has no room for every class.
    """
    if kind not in CLASSES:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    classes = (*CLASSES[kind], IMPURITY) if both_biases else CLASSES[kind]
    for attempt in count():
        if attempt == _NEVER:
            raise ValueError(f"no room for {FEWEST} px of every class in {shape} px, {size_nm} nm wide")
        rng = np.random.default_rng([KINDS.index(kind), seed, attempt])
        surface = _surface(kind, rng, shape, size_nm, both_biases)
        surface = _recorded(_renamed(surface, classes), rng)
        if np.bincount(surface.labels.ravel(), minlength=len(classes)).min() >= FEWEST:
            return surface
    raise AssertionError


def _surface(
    kind: str, rng: np.random.Generator, shape: tuple[int, int], size_nm: float, both_biases: bool
) -> TwoBiases:
    """Draw what lies on the sample."""
    settings: dict[str, Any] = {
        "seed": int(rng.integers(2**31)),
        "angle": rng.uniform(0, 360),
        "vacancies": rng.uniform(0.04, 0.1),
        "clusters": rng.uniform(0.01, 0.02),
        "disordered": 0 if kind == "stepped" else 1,
        "impurities": 0.04 if both_biases else 0.0,
        "both_biases": both_biases,
    }
    settings["bright" if kind == "molecules" else "adatoms"] = rng.uniform(0.03, 0.08)
    simulate: Callable[..., TwoBiases] = simulate_si001
    if kind == "si001":
        settings["corrugation_nm"] = rng.uniform(0.025, 0.045)
    elif kind == "hexagonal":
        simulate = simulate_hexagonal
        settings |= {"lattice_nm": rng.uniform(0.7, 1.0), "corrugation_nm": rng.uniform(0.04, 0.08)}
    elif kind == "7x7":
        simulate = simulate_7x7
        settings["corrugation_nm"] = rng.uniform(0.07, 0.1)
    elif kind == "stepped":
        simulate = simulate_stepped
        lattice = rng.choice(["si001", "hexagonal"])
        settings |= {"lattice": str(lattice), "steps": int(rng.integers(2, 5))}
        settings |= {"lattice_nm": rng.uniform(0.7, 1.0), "corrugation_nm": rng.uniform(0.03, 0.05)}
    else:
        simulate = simulate_molecules
        settings |= {"sides_nm": tuple(rng.uniform(1.0, 1.3, 2)), "oblique": rng.uniform(65, 85)}
        settings |= {"rings": bool(rng.random() < 0.5), "islands": int(rng.integers(1, 3))}
        settings["corrugation_nm"] = rng.uniform(0.08, 0.12)
    return simulate(shape, size_nm, **settings)


def _renamed(surface: TwoBiases, classes: tuple[str, ...]) -> TwoBiases:
    """Return the surface with labels that count through ``classes``; others become 0."""
    places = [classes.index(name) if name in classes else 0 for name in surface.classes]
    return replace(surface, labels=np.array(places, np.uint8)[surface.labels], classes=classes)


def _recorded(surface: TwoBiases, rng: np.random.Generator) -> TwoBiases:
    """Draw what the microscope adds; half of the line noise has a power of 1/f.

    The tip is sharp: labels are true outlines, and a blunt tip moves the edges away from them, which no
    method can see.
    """
    line_noise = rng.uniform(0.005, 0.015) / np.sqrt(2)
    tall = surface.pixel_size[0] * surface.labels.shape[0]
    return with_artefacts(
        surface,
        tip_radius_nm=rng.uniform(0.05, 0.3),
        creep_nm=rng.uniform(0, 0.04) * tall,
        lag_nm=rng.uniform(0.1, 0.3) * rng.choice([-1, 1]),
        tilt_nm=rng.uniform(0.3, 2.0) * rng.choice([-1, 1]),
        bow_nm=rng.uniform(-0.1, 0.1),
        line_noise_nm=line_noise,
        slow_noise_nm=line_noise,
        noise_nm=rng.uniform(0.002, 0.005),
        spikes=int(rng.integers(5, 16)),
        tip_changes=int(rng.integers(2)),
        seed=int(rng.integers(2**31)),
    )
