"""Surfaces of one kind, some to fit a model to and others with known classes to score it on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.foreign.surfaces import Microscope, foreign_surface
from benchmarks.quality.models import scan_of
from benchmarks.quality.surfaces import CLASSES, benchmark_surface
from benchmarks.structures.surfaces import Settings
from napari_stmml import Scan


@dataclass(frozen=True)
class Seeds:
    """Of the scans to fit to, and of those to score on, for either generator."""

    training: tuple[int, ...]
    tests: tuple[int, ...]
    tests_of_quality: tuple[int, ...]


CHOOSE = Seeds((0, 1, 2), (10, 11), (1000, 1001))
TEST = Seeds((200, 201, 202), (210, 211), (2000, 2001))
TRAINING_OF_QUALITY = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Family:
    """Scans to fit to, scans to score on with the class of each pixel, (rows, cols), from 0."""

    training: list[Scan]
    tests: list[Scan]
    truth: list[np.ndarray] = field(repr=False)
    classes: tuple[str, ...]


def foreign_family(
    kind: str,
    is_hard: bool,
    seeds: Seeds,
    settings: Settings | None = None,
    microscope: Microscope | None = None,
) -> Family:
    """Make surfaces of the generator of objects; the parameters are those of `foreign_surface`."""
    training, tests = (
        [foreign_surface(kind, seed, is_hard, settings, microscope) for seed in some]
        for some in (seeds.training, seeds.tests)
    )
    classes = tuple(dict.fromkeys(name for one in tests for name in one.classes))
    truth = [_renumbered(one.labels, one.classes, classes) for one in tests]
    return Family([one.scan for one in training], [one.scan for one in tests], truth, classes)


def quality_family(kind: str, seeds: Seeds) -> Family:
    """Make surfaces of the generator of `benchmarks.quality`, at one bias."""
    training = [scan_of(benchmark_surface(kind, seed), False) for seed in TRAINING_OF_QUALITY]
    tests = [benchmark_surface(kind, seed) for seed in seeds.tests_of_quality]
    return Family(
        training, [scan_of(one, False) for one in tests], [one.labels for one in tests], CLASSES[kind]
    )


def _renumbered(labels: np.ndarray, names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    return np.array([classes.index(name) for name in names], np.uint8)[labels]
