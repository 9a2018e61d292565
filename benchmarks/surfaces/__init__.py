"""Surfaces and recordings of more kinds than the package itself simulates, at one bias or at two."""

from benchmarks.surfaces.kinds import (
    ALL_CLASSES,
    MOLECULE_CLASSES,
    simulate_7x7,
    simulate_hexagonal,
    simulate_molecules,
    simulate_si001,
    simulate_stepped,
)
from benchmarks.surfaces.recording import with_artefacts
from benchmarks.surfaces.two_biases import TwoBiases

__all__ = [
    "ALL_CLASSES",
    "MOLECULE_CLASSES",
    "TwoBiases",
    "simulate_7x7",
    "simulate_hexagonal",
    "simulate_molecules",
    "simulate_si001",
    "simulate_stepped",
    "with_artefacts",
]
