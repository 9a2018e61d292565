"""Maps of objects stay as right when the same surface is recorded otherwise, or lies turned on the stage."""

from dataclasses import replace

import pytest

from benchmarks.foreign.families import Seeds, foreign_family
from benchmarks.foreign.measure import CHANGES, PLAIN, fitted, scored

SEEDS = Seeds((0, 1), (10,), ())
SMALL = {"size_nm": 20.0, "angle": 10.0}
FALLS = {"blunt tip": 0.07}  # it widens what is seen, and the truth is that of a sharp tip; others: 0.05


@pytest.fixture(scope="module")
def model():
    return fitted(foreign_family("rows", False, SEEDS, replace(PLAIN, **SMALL)), "objects")


@pytest.fixture(scope="module")
def f1(model):
    """Return macro-F1 of the model on one surface with other settings."""

    def measured(settings, microscope=None) -> float:
        family = foreign_family("rows", False, replace(SEEDS, training=()), settings, microscope)
        return scored(model, family)

    return measured


@pytest.fixture(scope="module")
def plain(f1):
    return f1(replace(PLAIN, **SMALL))


@pytest.mark.parametrize("what", [name for name in CHANGES if name != "plain"])
def test_a_surface_recorded_otherwise_has_a_map_that_is_nearly_as_right(f1, plain, what):
    settings, microscope = CHANGES[what]
    assert f1(replace(settings, **SMALL), microscope) > plain - FALLS.get(what, 0.05)


@pytest.mark.parametrize("angle", [0.0, 70.0, 130.0])
def test_a_lattice_at_another_angle_has_a_map_that_is_as_right(f1, plain, angle):
    assert abs(f1(replace(PLAIN, **SMALL | {"angle": angle})) - plain) < 0.02
