"""Layers that other plugins make of ours can be measured in nm: their units are those of the scan."""

import numpy as np
import pandas as pd
import pytest
from magicgui import magicgui
from napari.layers import Image
from napari.types import ImageData, LayerDataTuple

from napari_stmml import read_mtrx
from napari_stmml.viewer.io.layers import class_names, scan_to_layer
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.measure.table import with_statistics
from napari_stmml.viewer.shared.panel import Panel


def as_plain_array(image: Image) -> ImageData:
    return np.tanh(image.data)


def with_its_scale(image: Image) -> LayerDataTuple:
    place = {"scale": image.scale, "translate": image.translate}
    return np.tanh(image.data), {"name": "filtered", **place}, "image"


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    qtbot.addWidget(Panel(viewer))
    return viewer


def add(viewer, scan, **more):
    data, meta, _ = scan_to_layer(scan)
    return viewer.add_image(data, **(meta | more))


@pytest.mark.parametrize("filter_", [as_plain_array, with_its_scale])
def test_what_a_filter_makes_lies_on_its_scan_in_nm(viewer, small_session, filter_):
    forward, back = (add(viewer, scan, translate=(5, 7)) for scan in read_mtrx(small_session[0])[:2])
    widget = magicgui(filter_)
    viewer.window.add_dock_widget(widget)
    widget(image=forward)
    made = viewer.layers[-1]
    assert made not in (forward, back)
    for name, value in place_of(forward).items():
        assert np.array_equal(getattr(made, name), value) or name == "axis_labels", name
    assert recorded_scan(made).pixel_size == recorded_scan(forward).pixel_size
    assert viewer.layers.units is not None  # so that the scale bar is in nm


def test_what_has_another_shape_or_scale_or_none_stays_as_it_is(viewer, small_session):
    scan = read_mtrx(small_session[0])[0]
    one = add(viewer, scan)
    for shape, scale in ((one.data.shape, (1, 1)), (one.data.shape, one.scale * 2), ((9, 9), one.scale)):
        assert recorded_scan(viewer.add_image(np.zeros(shape), scale=scale)).pixel_size is None
    early = viewer.add_image(np.zeros(one.data.shape), scale=one.scale)
    assert recorded_scan(early).pixel_size == scan.pixel_size


def test_names_of_classes_survive_features_of_another_plugin(viewer):
    names = {1: "rows", 2: "vacancy"}
    layer = viewer.add_labels(np.eye(4, dtype=np.uint8), metadata={"stmml_classes": names})
    layer.features = pd.DataFrame({"area": [3.0, 4.0]})
    assert class_names(layer.features, layer.metadata) == names
    measured = pd.DataFrame(
        {"label": [1, 2], "name": ["rows", "vacancy"], "background": False, "count": [4, 0]}
    )
    made = with_statistics(layer.features, measured)
    assert made["class"].tolist() == ["unlabelled", "rows", "vacancy"]
    assert made["count"].tolist()[1:] == [4, 0]
