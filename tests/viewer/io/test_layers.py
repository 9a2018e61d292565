import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import (
    labels_from_layer,
    labels_to_layer,
    robust_limits,
    scan_from_layer,
    scan_to_layer,
)
from napari_stmml.viewer.io.placement import pixel_size_nm


@pytest.fixture
def scan(rng):
    """Make a scan in which no field has its default."""
    heights = rng.normal(size=(5, 7)).astype(np.float32)
    heights[:2] = np.nan
    return Scan(
        heights,
        (0.07, 0.05),
        "backward/down",
        "I",
        "nA",
        bias=-1.7,
        setpoint=0.05,
        angle=12.5,
        offset=(3.0, -4.5),
        taken=datetime(2026, 11, 23, 12, tzinfo=UTC),
        source="folder/x_2026Nov23--3_2.I_mtrx",
        history=("flatten poly_xy",),
    )


@pytest.fixture
def labels():
    """Make a label map in which no field has its default, nor is any label without a name."""
    return LabelMap(
        np.array([[0, 1, 1], [2, 7, 0]]),
        (0.07, 0.05),
        names={1: "dimer", 2: "vacancy", 7: "step"},
        colours={1: "#ff0000", 2: "#00ff80", 7: "#123456"},
        name="labels 1_1",
        scan={"source": "x.Z_mtrx", "model": "m.stmml"},
        placement={"translate": [2.0, -3.0]},
    )


def same_scan(one, other):
    return (
        one.settings() == other.settings()
        and one.heights.dtype == other.heights.dtype
        and np.array_equal(one.heights, other.heights, equal_nan=True)
    )


def same_labels(one, other):
    facts = ("pixel_size", "names", "colours", "name", "scan", "placement")
    return np.array_equal(one.labels, other.labels) and all(
        getattr(one, fact) == getattr(other, fact) for fact in facts
    )


def through_image(data, meta, kind):
    assert kind == "image"
    return Image(data, **meta).as_layer_data_tuple()


def through_labels(data, meta, kind):
    assert kind == "labels"
    return Labels(data, **meta).as_layer_data_tuple()


def test_scan_to_layer_to_scan_is_the_identity(scan):
    data, meta, _ = scan_to_layer(scan)
    assert same_scan(scan_from_layer(data, meta), scan)


def test_a_scan_comes_back_from_a_real_image_layer(scan):
    data, meta, _ = through_image(*scan_to_layer(scan))
    assert same_scan(scan_from_layer(data, meta), scan)


def test_a_scan_without_scale_stays_without(rng):
    scan = Scan(rng.normal(size=(4, 4)), pixel_size=None)
    data, meta, _ = through_image(*scan_to_layer(scan))
    assert same_scan(scan_from_layer(data, meta), scan)


def test_a_scan_comes_back_with_the_scale_its_layer_has_now(scan):
    data, meta, _ = scan_to_layer(scan)
    layer = Image(data, **meta)
    layer.scale = (0.1, 0.2)
    data, meta, _ = layer.as_layer_data_tuple()
    assert scan_from_layer(data, meta).pixel_size == pytest.approx((0.1, 0.2))


def test_a_layers_name_says_what_was_done_to_its_scan(scan):
    assert scan_to_layer(scan)[1]["name"].endswith("· flatten poly_xy")


@pytest.mark.parametrize(
    ("unit", "nm"), [("nm", 0.5), ("um", 500.0), ("m", 5e8), ("pm", 5e-4), ("angstrom", 0.05)]
)
def test_a_foreign_layers_pixel_size_comes_in_nm(unit, nm):
    data, meta, _ = Image(np.ones((3, 4)), scale=(0.5, 0.5), units=unit).as_layer_data_tuple()
    assert scan_from_layer(data, meta).pixel_size == pytest.approx((nm, nm))


@pytest.mark.parametrize("unit", ["pixel", "s"])
def test_a_foreign_layer_in_no_length_has_no_pixel_size(unit):
    data, meta, _ = Image(np.ones((3, 4)), scale=(0.5, 0.5), units=unit).as_layer_data_tuple()
    assert scan_from_layer(data, meta).pixel_size is None


def test_a_foreign_layer_gives_its_name_and_whole_numbers_become_heights():
    data, meta, _ = Image(np.ones((3, 4), np.uint8), name="lake").as_layer_data_tuple()
    scan = scan_from_layer(data, meta)
    assert (scan.name, scan.unit, scan.heights.dtype) == ("lake", "", np.float32)


def test_metadata_of_others_under_our_key_is_no_scan():
    _, meta, _ = Image(np.ones((3, 4)), metadata={"stmml": {"model": "x"}}).as_layer_data_tuple()
    assert scan_from_layer(np.ones((3, 4)), meta).source == "Image"


@pytest.mark.parametrize("meta", [{"scale": (1, -1), "units": "nm"}, {"scale": (1, 1)}, {}])
def test_a_mirrored_or_unscaled_layer_has_no_pixel_size(meta):
    assert pixel_size_nm(meta) is None


def test_labels_to_layer_to_labels_is_the_identity(labels):
    data, meta, _ = labels_to_layer(labels)
    assert same_labels(labels_from_layer(data, meta), labels)


def test_labels_come_back_from_a_real_labels_layer(labels):
    layer = Labels(labels_to_layer(labels)[0], **labels_to_layer(labels)[1])
    assert isinstance(layer.colormap, DirectLabelColormap)
    data, meta, _ = layer.as_layer_data_tuple()
    assert same_labels(labels_from_layer(data, meta), labels)


def test_background_is_drawn_faintly_and_keeps_its_colour(scan):
    labels = np.ones(scan.heights.shape, int)
    labels[:, 3] = 2
    names, colours = {1: "surface", 2: "type 1"}, {1: "#336699", 2: "#cc3311"}
    made = predicted_map(labels, scan, names, colours, "m.stmml", background=[1])
    layer = Labels(labels_to_layer(made)[0], **labels_to_layer(made)[1])
    assert layer.colormap.map(np.array([1, 2]))[:, 3].round(2).tolist() == [0.25, 1.0]
    for data, meta in (labels_to_layer(made)[:2], layer.as_layer_data_tuple()[:2]):
        assert same_labels(labels_from_layer(data, meta), made)


def test_a_damaged_list_of_background_is_refused(scan, tmp_path):
    labels = np.ones(scan.heights.shape, int)
    made = predicted_map(labels, scan, {1: "surface"}, {}, "m.stmml", background=["all"])
    with pytest.raises(ValueError, match="is damaged: background of its scan must be a list of"):
        LabelMap.read(made.write(tmp_path / "m.stmml.tif"))


def test_a_class_without_pixels_keeps_its_name_and_colour(labels):
    data, meta, _ = through_labels(*labels_to_layer(labels))
    back = labels_from_layer(np.zeros_like(data), meta)
    assert (back.names, back.colours) == (labels.names, labels.colours)


def test_a_class_painted_new_comes_back_with_its_colour_and_no_name(labels):
    layer = Labels(labels_to_layer(labels)[0].copy(), **labels_to_layer(labels)[1])
    layer.data_setitem((np.array([0]), np.array([0])), 9)
    data, meta, _ = layer.as_layer_data_tuple()
    back = labels_from_layer(data, meta)
    assert back.labels[0, 0] == 9
    assert back.names == labels.names
    painted = "#" + "".join(f"{round(float(part) * 255):02x}" for part in layer.get_color(9)[:3])
    assert back.colours == {**labels.colours, 9: painted}


def test_a_renamed_class_comes_back_renamed(labels):
    layer = Labels(labels_to_layer(labels)[0], **labels_to_layer(labels)[1])
    table = pd.DataFrame(layer.features)
    table.loc[table["index"] == 2, "class"] = "missing dimer"
    layer.features = table
    data, meta, _ = layer.as_layer_data_tuple()
    assert labels_from_layer(data, meta).names == {1: "dimer", 2: "missing dimer", 7: "step"}


def test_a_moved_and_turned_labels_layer_comes_back_where_it_was(labels):
    data, meta, _ = labels_to_layer(labels)
    layer = Labels(data, **(meta | {"translate": (5, 6), "rotate": 30, "shear": [0.2]}))
    data, meta, _ = layer.as_layer_data_tuple()
    data, meta, _ = labels_to_layer(labels_from_layer(data, meta))
    again = Labels(data, **meta)
    for corner in ((0, 0), (1, 2), (0, 2)):
        assert again.data_to_world(corner) == pytest.approx(layer.data_to_world(corner))


def test_foreign_labels_without_names_take_the_colours_they_are_shown_in():
    layer = Labels(np.array([[0, 3], [4, 4]]))
    data, meta, _ = layer.as_layer_data_tuple()
    back = labels_from_layer(data, meta)
    assert (back.names, back.pixel_size, sorted(back.colours)) == ({}, None, [3, 4])
    assert back.colours[3] != back.colours[4]


def test_labels_of_a_plain_table_need_neither_colours_nor_features():
    back = labels_from_layer(np.array([[0, 3]]), {})
    assert (back.names, back.colours, back.name) == ({}, {}, "labels")


@pytest.mark.parametrize(
    "heights",
    [
        np.full((3, 3), np.nan),
        np.full((3, 3), 4.0),
        np.array([[np.nan, -np.inf], [np.inf, 7.0]]),
        np.array([[0.0, 1e-12]]),
    ],
)
def test_contrast_limits_are_finite_and_never_equal(heights):
    low, high = robust_limits(heights)
    assert np.isfinite([low, high]).all()
    assert low < high


def test_one_spike_does_not_darken_the_rest(rng):
    heights = rng.uniform(0, 1, (100, 100))
    heights[50, 50] = 1e6
    assert robust_limits(heights)[1] <= 1


def test_converting_layers_imports_no_napari():
    code = (
        "import sys, napari_stmml.viewer.io.layers;"
        "print(sorted({'napari', 'qtpy', 'magicgui'} & {name.split('.')[0] for name in sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_labels_on_a_layer_in_um_or_pixels_come_back_to_the_same_place():
    data = np.ones((4, 5), np.uint8)
    um = {"scale": (0.001, 0.001), "units": ("um", "um"), "translate": (5.0, 6.0)}
    _, meta, _ = labels_to_layer(labels_from_layer(data, um))
    assert meta["scale"] == pytest.approx((1.0, 1.0))
    assert meta["translate"] == pytest.approx([5000.0, 6000.0])  # nm
    pixels = {"scale": (0.1, 0.2), "units": ("pixel", "pixel")}
    _, meta, _ = labels_to_layer(labels_from_layer(data, pixels))
    assert (list(meta["scale"]), meta["units"]) == ([0.1, 0.2], ("pixel", "pixel"))


def test_labels_turned_into_an_image_are_an_image_like_any_other():
    settings = Scan(np.zeros((4, 5)), (0.1, 0.1), "forward/up").settings()
    meta = {"metadata": {"stmml": {**settings, "model": "m.stmml", "predicted": "0"}}}
    assert scan_from_layer(np.ones((4, 5)), meta).direction == "forward/up"


def test_a_class_without_a_name_has_a_row_to_be_named_in_and_no_name_when_saved():
    labels = LabelMap(np.full((2, 2), 4, np.uint8), names={1: "dimer"})
    data, meta, _ = labels_to_layer(labels)
    assert {4, 5} < set(meta["features"]["index"])
    assert labels_from_layer(data, meta).names == {1: "dimer"}


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"area": [1.0, 2.0, 3.0]},
        {"index": ["a", "b", "c"], "class": ["x", "y", "z"]},
    ],
)
def test_names_of_classes_survive_another_plugins_features(features, tmp_path):
    made = LabelMap(np.array([[1, 2]], np.uint8), (0.1, 0.1), {1: "rows", 2: "holes"}, {1: "#ff0000"})
    data, meta, _ = labels_to_layer(made)
    layer = Labels(data, **meta)
    layer.features = features
    assert labels_from_layer(*layer.as_layer_data_tuple()[:2]).names == made.names
