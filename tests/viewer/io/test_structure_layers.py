import numpy as np
import pytest
from napari.layers import Labels, Points

from napari_stmml import Scan, find_structures
from napari_stmml.colours import type_colour
from napari_stmml.viewer.io.layers import KEY, classes_of, labels_from_layer, scan_to_layer
from napari_stmml.viewer.io.structure_layers import structures_to_layers
from napari_stmml.viewer.prepare.leave_out import LeaveOut

PLACES = [(3, 4), (3, 15), (9, 9), (16, 3), (16, 16), (10, 17), (9.5, 2.5)]


def scan(seed=0):
    """Make a scan of 20 nm with four bumps and three pits."""
    rows, cols = np.indices((160, 160)) / 8
    heights = np.random.default_rng(seed).normal(0, 0.004, rows.shape)
    for number, (y, x) in enumerate(PLACES):
        sign = 1 if number < 4 else -1
        heights += sign * 0.15 * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 0.18)
    return Scan(heights, (0.125, 0.125), "forward/up", source="s--1_1.Z_mtrx", bias=-1.5)


@pytest.fixture(scope="module")
def found():
    """Find the objects of two scans; bumps are called adatoms."""
    return find_structures([scan(0), scan(1)]).renamed(1, "adatom")


@pytest.fixture
def layers(found):
    (outlines, meta, kind), (centres, about, points) = structures_to_layers(found, 1)
    assert (kind, points) == ("labels", "points")
    return Labels(outlines, **meta), Points(centres, **about)


def test_outlines_and_centres_lie_where_the_scan_lies(found, layers):
    data, meta, _ = scan_to_layer(found.scans[1])
    outlines, centres = layers
    assert outlines.data.shape == data.shape
    for layer in layers:
        assert tuple(layer.scale) == tuple(meta["scale"])
        assert {str(unit) for unit in layer.units} == {"nanometer"}
        assert found.scans[1].settings().items() <= layer.metadata[KEY].items()
    assert outlines.data[tuple(centres.data.round().astype(int).T)].tolist() == list(range(1, 8))


def test_each_object_has_a_row_of_features_and_the_colour_of_its_type(found, layers):
    own = found.table[found.table.scan == 1]
    for layer in layers:
        assert layer.features["index"].tolist() == list(range(1, 8))
        assert sorted(layer.features["type"].tolist()) == ["adatom"] * 4 + ["type 2"] * 3
        assert np.allclose(layer.features.peak_nm, own.peak_nm)
        assert layer.features.border.tolist() == own.border.tolist()
    outlines, centres = layers
    for number, of in enumerate(own.type, 1):
        wanted = [int(type_colour(of)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        assert outlines.colormap.map(number)[:3] == pytest.approx(wanted, abs=0.01)
        assert centres.face_color[number - 1, :3] == pytest.approx(wanted, abs=0.01)


def test_a_layer_of_objects_is_a_map_of_types_that_knows_each_object(found, layers):
    data, meta, _ = layers[0].as_layer_data_tuple()
    map_ = labels_from_layer(data, meta)
    assert np.array_equal(map_.labels, found.labels(1, "type"))
    assert np.array_equal(map_.objects, found.labels(1))
    assert dict(map_.names) == {1: "adatom", 2: "type 2"}
    assert dict(map_.colours) == {of: type_colour(of) for of in (1, 2)}
    assert map_.pixel_size == pytest.approx((0.125, 0.125))


def test_what_a_person_paints_beside_the_objects_has_no_type(layers):
    layers[0].data[:5, :5] = 99
    data, meta, _ = layers[0].as_layer_data_tuple()
    map_ = labels_from_layer(data, meta)
    assert (map_.objects[:5, :5] == 99).all()
    assert not map_.labels[:5, :5].any()


def test_the_outlines_are_saved_by_napari_and_opened_again_as_they_were(found, layers, new_viewer, tmp_path):
    viewer = new_viewer()
    viewer.add_layer(layers[0])
    path = str(tmp_path / "a.stmml.tif")
    assert viewer.layers[0].save(path, plugin="napari-stmml")
    viewer.layers.clear()
    (layer,) = viewer.open(path, plugin="napari-stmml")
    assert np.array_equal(layer.data, found.labels(1))
    assert np.array_equal(classes_of(layer), found.labels(1, "type"))
    assert layer.features["type"].tolist() == layers[0].features["type"].tolist()


def test_prepare_leaves_types_out_of_the_fit(found, layers, new_viewer, qtbot):
    viewer = new_viewer()
    data, meta, _ = scan_to_layer(found.scans[1])
    image = viewer.add_image(data, **meta)
    viewer.add_layer(layers[0])
    panel = LeaveOut(viewer)
    qtbot.addWidget(panel)
    panel.offer(image)
    panel.labels.value = layers[0]
    panel.classes.value = [1]
    assert panel.described == "adatom"
    assert np.array_equal(panel.mask(), found.labels(1, "type") == 1)


def test_a_scan_without_objects_gives_empty_layers():
    bare = find_structures(Scan(np.zeros((64, 64)), (0.1, 0.1)))
    (outlines, meta, _), (centres, about, _) = structures_to_layers(bare, 0)
    assert not Labels(outlines, **meta).data.any()
    assert len(Points(centres, **about).data) == 0
