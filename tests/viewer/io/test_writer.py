import numpy as np
import pandas as pd
import pytest
from napari.components import LayerList

from napari_stmml.io.formats import read_masks, read_scan_file
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.io.writer import write_gwyddion, write_regions


@pytest.fixture
def labels():
    return LabelMap(
        np.repeat([[0, 1, 2]], 8, axis=0),
        (0.07, 0.05),
        names={1: "dimer", 2: "vacancy"},
        colours={1: "#ff0000", 2: "#00ff80"},
        name="labels 1_1",
        scan={"model": "m.stmml"},
    )


@pytest.fixture
def layer(new_viewer, labels):
    """Make a Labels layer in a viewer, moved, turned and painted on with napari's own tools."""
    data, meta, _ = labels_to_layer(labels)
    layer = new_viewer().add_labels(data, **(meta | {"translate": (3, 4), "rotate": 20}))
    layer.brush_size = 1
    layer.paint((0, 0), 2)
    layer.data_setitem((np.array([7]), np.array([0])), 5)
    return layer


@pytest.mark.parametrize("way", ["layer", "viewer"])
def test_what_was_painted_comes_back_in_a_new_viewer(new_viewer, layer, tmp_path, way):
    path = tmp_path / "map.stmml.tif"
    if way == "layer":
        written = layer.save(str(path), plugin="napari-stmml")
    else:
        written = LayerList([layer]).save(str(path), plugin="napari-stmml")
    assert written == [str(path)]
    (again,) = new_viewer().open(str(path), plugin=None)
    assert np.array_equal(again.data, layer.data)
    assert (again.data[0, 0], again.data[7, 0]) == (2, 5)
    assert list(again.features["class"])[:3] == ["unlabelled", "dimer", "vacancy"]
    assert again.name == layer.name
    assert again.metadata["stmml"] == {"model": "m.stmml"}
    assert again.units == layer.units
    for label in (1, 2, 5):
        assert again.get_color(label) == pytest.approx(layer.get_color(label), abs=1 / 255)
    for corner in ((0, 0), (7, 2), (0, 2)):
        assert again.data_to_world(corner) == pytest.approx(layer.data_to_world(corner))


def test_saving_chooses_our_writer_by_the_ending(layer, tmp_path):
    path = tmp_path / "map.stmml.tif"
    assert layer.save(str(path)) == [str(path)]
    assert LabelMap.read(path).names == {1: "dimer", 2: "vacancy"}


def test_a_write_that_fails_says_so_and_writes_nothing(layer, tmp_path, said):
    in_the_way = tmp_path / "map.stmml.tif"
    in_the_way.mkdir()
    assert layer.save(str(in_the_way), plugin="napari-stmml") == []
    assert len(said()) == 1
    assert said()[0].startswith("map.stmml.tif was not saved")
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_labels_that_no_map_can_hold_are_refused_in_a_sentence(new_viewer, tmp_path, said):
    layer = new_viewer().add_labels(np.array([[-1, 2]]))
    assert layer.save(str(tmp_path / "map.stmml.tif"), plugin="napari-stmml") == []
    assert "0 to 4294967295" in said()[0]


def test_a_map_lies_on_its_scan_when_both_are_opened_again(new_viewer, small_session, tmp_path):
    viewer = new_viewer()
    scan = viewer.open([str(small_session[0])], plugin="napari-stmml")[-1]
    layer = viewer.add_labels(np.ones(scan.data.shape, np.uint8), **place_of(scan))
    layer.save(str(tmp_path / "map.stmml.tif"), plugin="napari-stmml")
    (again,) = new_viewer().open(str(tmp_path / "map.stmml.tif"), plugin="napari-stmml")
    assert np.array_equal(again.extent.world, scan.extent.world)


# For Gwyddion


def test_scans_and_maps_are_saved_for_gwyddion_and_open_again(new_viewer, tmp_path, session_files):
    first, second = read_scan_file(session_files[0])[:2]
    viewer = new_viewer()
    for scan in (first, second):
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    labels = np.zeros(first.heights.shape, np.uint8)
    labels[3:9, 4:8] = 2
    data, meta, _ = labels_to_layer(LabelMap(labels, second.pixel_size, {2: "holes"}, scan=second.settings()))
    viewer.add_labels(data, **meta)
    path = tmp_path / "a.gwy"
    assert viewer.layers.save(str(path)) == [str(path)]
    back = read_scan_file(path)
    assert [scan.direction for scan in back] == [first.direction, second.direction]
    np.testing.assert_allclose(back[1].heights, second.heights, rtol=1e-9)
    (found,) = read_masks(path)
    assert (found.names, found.scan["direction"]) == ({2: "holes"}, second.direction)
    np.testing.assert_array_equal(found.labels, labels)
    again = new_viewer().open(str(path), plugin="napari-stmml")
    assert [type(layer).__name__ for layer in again] == ["Image", "Image", "Labels"]


def test_two_maps_on_one_image_keep_all_their_classes(tmp_path):
    image = (np.zeros((4, 4)), {"name": "a"}, "image")
    maps = [LabelMap(np.eye(4, k=k, dtype=np.uint8) * label) for k, label in ((0, 1), (1, 2))]
    path = tmp_path / "a.gwy"
    assert write_gwyddion(str(path), [image, *map(labels_to_layer, maps)]) == [str(path)]
    (found,) = read_masks(path)
    np.testing.assert_array_equal(found.labels, np.eye(4) + 3 * np.eye(4, k=1))


def test_maps_that_lie_on_no_image_are_named(tmp_path, said):
    image = (np.zeros((4, 4)), {"name": "a"}, "image")
    labels = (np.ones((5, 5), np.uint8), {"name": "spots"}, "labels")
    assert write_gwyddion(str(tmp_path / "a.gwy"), [image, labels]) == []
    assert said() == ["a.gwy was not saved: spots has another size than every image"]


def test_heights_are_saved_as_they_were_recorded_however_they_are_shown(viewer, tmp_path, session_files):
    layers = viewer.open(str(session_files[0]), plugin="napari-stmml")
    data, meta, kind = layers[-1].as_layer_data_tuple()
    assert meta["metadata"]["stmml"]["history"] == ["plane taken out"]
    write_gwyddion(str(tmp_path / "a.gwy"), [(data, meta, kind)])
    (read,) = read_scan_file(tmp_path / "a.gwy")
    assert read.heights == pytest.approx(read_scan_file(session_files[0])[0].heights, abs=1e-9)


# Regions


def test_an_image_and_the_labels_on_it_are_saved_as_a_table_of_regions_in_nm(
    new_viewer, tmp_path, session_files
):
    scan = read_scan_file(session_files[0])[0]
    viewer = new_viewer()
    data, meta, _ = scan_to_layer(scan)
    viewer.add_image(data, **meta)
    labels = np.zeros(scan.heights.shape, np.uint8)
    labels[30:39, 40:44] = 2
    labels[80:90, 90:99] = 5
    data, meta, _ = labels_to_layer(LabelMap(labels, scan.pixel_size, {2: "holes"}))
    viewer.add_labels(data, **meta)
    path = tmp_path / "a.csv"
    assert viewer.layers.save(str(path), plugin="napari-stmml") == [str(path)]
    table = pd.read_csv(path)
    assert table["name"].tolist() == ["holes", "class 5"]
    area = scan.pixel_size[0] * scan.pixel_size[1]
    assert table["area_nm2"].tolist() == pytest.approx([36 * area, 90 * area], rel=1e-4)
    assert set(table["bias_V"]) == {scan.bias}


def test_labels_of_another_size_have_no_regions_on_an_image(tmp_path, said):
    image = (np.zeros((4, 4)), {"name": "a"}, "image")
    labels = (np.ones((5, 5), np.uint8), {"name": "spots"}, "labels")
    assert write_regions(str(tmp_path / "a.csv"), [image, labels]) == []
    assert said()[0].startswith("a.csv was not saved: labels of (5, 5) px do not fit")
