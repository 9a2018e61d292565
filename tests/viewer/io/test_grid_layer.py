"""A grid in napari: a stack with a slider over the bias."""

import pytest

from tests.io.test_grid import write_grid


def test_a_dropped_grid_is_a_stack_whose_slider_says_the_bias(viewer, tmp_path):
    viewer.open(str(write_grid(tmp_path / "a.3ds")), plugin="napari-stmml")
    phase, current = viewer.layers
    assert (phase.visible, current.visible, current.name) == (False, True, "a Current (nA)")
    assert current.data.shape == (5, 3, 4)
    assert current.scale == pytest.approx((0.5, 2.0, 2.0))
    assert current.axis_labels[0] == "Bias (V)"
    viewer.dims.set_point(0, 0.5)
    assert current.get_value((0.5, 4.0, 6.0), world=True) == pytest.approx(0.5 * 23)


def test_a_damaged_grid_opens_nothing(viewer, tmp_path, said):
    viewer.open(str(write_grid(tmp_path / "a.3ds", whole=0)), plugin="napari-stmml")
    assert not viewer.layers
    assert "Cut short: a.3ds" in said()[0]
