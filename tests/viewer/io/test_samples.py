import numpy as np
import pytest


@pytest.mark.parametrize("key", ["si001", "hexagonal"])
def test_a_simulated_sample_opens_as_four_directions_in_nm(make_napari_viewer, key):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-stmml", key)
    assert [layer.visible for layer in viewer.layers] == [False, False, False, True]
    assert {str(unit) for layer in viewer.layers for unit in layer.units} == {"nanometer"}
    assert viewer.layers[-1].metadata["stmml"]["direction"] == "forward/up"


@pytest.mark.parametrize("key", ["spiepy_defects", "spiepy_step", "spiepy_step_atoms"])
def test_a_sample_of_spiepy_opens_with_heights_in_nm_and_no_scale(make_napari_viewer, key):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-stmml", key)
    (layer,) = viewer.layers
    assert {str(unit) for unit in layer.units} == {"pixel"}
    assert 0.01 < np.ptp(layer.data) < 100
