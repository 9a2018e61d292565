"""A scan is shown as people look at it, and prepared from what was recorded."""

import numpy as np
import pytest
from napari.layers import Image

from napari_stmml import read_mtrx
from napari_stmml.heights.flatten import FLATTEN_METHODS, flatten
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.in_window import show_units
from napari_stmml.viewer.io.layers import scan_of
from napari_stmml.viewer.io.levelling import (
    AS_RECORDED,
    LEVELLINGS,
    level_layer,
    levelled,
    levelled_to_layer,
    levelling_of,
    recorded_scan,
)
from napari_stmml.viewer.io.preferences import Preferences
from napari_stmml.viewer.prepare.flattening import FlattenRequest, add_flattened, flatten_layer

PLANE = "plane taken out"
CHAINS = [name for name in FLATTEN_METHODS if name != "repeat"] + ["clip_spikes + row_median + poly_xy"]


@pytest.fixture
def scan(small_session) -> Scan:
    return read_mtrx(small_session[0])[0]


@pytest.fixture(params=LEVELLINGS)
def how(request) -> str:
    return request.param


def layer_of(scan, how=PLANE) -> Image:
    data, meta, _ = levelled_to_layer(scan, how)
    return Image(data, **meta)


def test_a_layer_shows_levelled_heights_and_its_history_says_so(scan, how):
    layer = layer_of(scan, how)
    assert np.array_equal(layer.data, flatten(scan.heights, LEVELLINGS[how]))
    assert scan_of(layer).history == (() if how == AS_RECORDED else (how,))
    assert levelling_of(layer) == how
    assert layer.name == scan.short_name


def test_the_recorded_scan_comes_back_bit_for_bit(scan, how):
    found = recorded_scan(layer_of(scan, how))
    assert found.settings() == scan.settings()
    assert np.array_equal(found.heights, scan.heights)


@pytest.mark.parametrize("chain", CHAINS)
def test_a_prepared_map_is_the_same_however_the_scan_is_shown(scan, how, chain):
    preparation = Preprocessing(chain, pixel_density=None)
    assert np.array_equal(preparation.apply(recorded_scan(layer_of(scan, how))), preparation.apply(scan))


@pytest.mark.parametrize("chain", ["poly_xy", "poly_xy_2", "row_mean_and_slope", "facet + poly_xy"])
def test_a_plane_taken_out_before_a_fit_that_has_it_changes_nothing(scan, chain):
    found = flatten(levelled(scan, PLANE).heights, chain)
    assert found == pytest.approx(flatten(scan.heights, chain), abs=1e-9)


def test_a_flattened_layer_is_made_of_recorded_heights(viewer, scan):
    layer = viewer.add_layer(layer_of(scan))
    request = FlattenRequest(layer, recorded_scan(layer).heights, "row_median")
    add_flattened(viewer, flatten_layer(request))
    assert np.array_equal(viewer.layers[-1].data, flatten(scan.heights, "row_median"))
    assert viewer.layers[-1].metadata["stmml"]["history"] == ["flatten row_median"]


def test_a_layer_is_levelled_in_another_way_and_back_again_exactly(scan):
    layer = layer_of(scan)
    for how in (*LEVELLINGS, PLANE):
        level_layer(layer, how)
        assert levelling_of(layer) == how
        assert np.array_equal(layer.data, flatten(scan.heights, LEVELLINGS[how]))
        assert np.array_equal(recorded_scan(layer).heights, scan.heights)
    assert layer.contrast_limits[0] < 0 < layer.contrast_limits[1]


def test_heights_that_another_plugin_gave_a_layer_are_taken_as_they_are(scan):
    layer = layer_of(scan)
    layer.data = smooth = np.full_like(scan.heights, 7.0)
    assert recorded_scan(layer).heights.tolist() == smooth.tolist()
    assert recorded_scan(layer).history == (PLANE,)
    assert levelling_of(layer) == ""


@pytest.mark.parametrize("change", [{"channel": "I", "unit": "nA"}, {"history": ("flatten terraces",)}])
def test_currents_and_flattened_scans_are_shown_as_they_are(scan, change):
    other = Scan.from_settings(scan.heights, scan.settings() | change)
    assert levelled(other, PLANE) is other
    assert levelling_of(layer_of(other)) == ""


def test_a_scan_without_a_single_height_opens():
    empty = Scan(np.full((4, 5), np.nan), (1.0, 1.0), "forward/up")
    assert np.isnan(layer_of(empty).data).all()


def test_scans_open_as_a_person_prefers_it(viewer, small_session, scan, how):
    Preferences(heights=how).save()
    layer = viewer.open(str(small_session[0]), plugin="napari-stmml")[-1]
    assert levelling_of(layer) == how
    assert np.array_equal(recorded_scan(layer).heights, scan.heights)


def test_the_status_bar_says_a_height_with_its_unit_and_where_nothing_was_scanned_nothing(viewer, scan):
    show_units(viewer)
    heights = np.array(scan.heights)
    heights[0] = np.nan
    layer = viewer.add_layer(layer_of(Scan.from_settings(heights, scan.settings())))
    size = scan.pixel_size[0]
    said = layer.get_status((10 * size, 12 * size), world=True)
    assert said["value"] == f"{layer.data[10, 12]:.3g} nm"
    assert said["coordinates"].endswith(f": {layer.data[10, 12]:.3g} nm")
    assert "nm" not in layer.get_status((0, 12 * size), world=True)["value"]
    assert "nm" not in layer.get_status((-9, -9), world=True)["value"]


def test_the_first_scan_brings_a_scale_bar_and_whoever_hides_it_keeps_it_hidden(viewer, scan):
    show_units(viewer)
    bar = viewer.canvas.overlays.scale_bar
    viewer.add_image(np.zeros((4, 4)))
    assert not bar.visible
    viewer.add_layer(layer_of(scan))
    assert bar.visible
    bar.visible = False
    show_units(viewer)
    viewer.add_layer(layer_of(scan))
    assert not bar.visible
