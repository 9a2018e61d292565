"""Curves in napari: points at their place on the scan, the selected ones drawn, averaged and saved."""

import numpy as np
import pytest

from napari_stmml.io.curves import Curve
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.tables import read_table
from napari_stmml.scan import Scan
from napari_stmml.viewer.curves.widget import HINT, NONE, CurvesWidget
from napari_stmml.viewer.io.curve_layer import FILE, add_curves
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer
from tests.io.test_curves import nanonis


def curve(conductance, place=(103.0, 51.0), source="a.dat", name="I(V)"):
    x = np.linspace(-1, 1, 11)
    return Curve(x, conductance * x, "bias", name, "V", "nA", place=place, source=source)


@pytest.fixture
def scan(viewer):
    """Add a scan of 20 x 10 nm whose centre is at (100, 50) nm."""
    scan = Scan(np.zeros((20, 40)), (0.5, 0.5), "forward/up", angle=0.0, offset=(100.0, 50.0))
    data, meta, _ = scan_to_layer(scan)
    return viewer.add_image(data, **meta)


@pytest.fixture
def panel(viewer, qtbot):
    panel = CurvesWidget(viewer)
    qtbot.addWidget(panel)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(panel.reset_choices)
    return panel


def test_a_curve_lies_at_its_place_on_the_scan(viewer, scan):
    said = add_curves(viewer, [curve(1.0)])
    layer = viewer.layers[-1]
    # 3 nm right of and 1 nm above the centre, (5, 10) nm from the corner, which is half a pixel before 0
    assert layer.data_to_world(layer.data[0]) == pytest.approx((5 - 1 - 0.25, 10 + 3 - 0.25))
    assert said == f"a.dat lies on {scan.name}."
    add_curves(viewer, [curve(2.0, (95.0, 47.0), "b.dat")])
    assert len(viewer.layers) == 2
    assert list(layer.features[FILE]) == ["a.dat", "b.dat"]
    assert layer.data_to_world(layer.data[1]) == pytest.approx((5 + 3 - 0.25, 10 - 5 - 0.25))


def test_a_place_on_no_scan_is_shown_in_coordinates_of_the_scanner(viewer, scan):
    assert "No open scan covers the place of a.dat" in add_curves(viewer, [curve(1.0, (0.0, 7.0))])
    assert viewer.layers[-1].data.tolist() == [[-7.0, 0.0]]
    assert "does not say where" in add_curves(viewer, [curve(1.0, None, "b.dat")])


def test_the_selected_point_is_drawn_and_several_are_averaged(viewer, scan, panel):
    assert panel.plot.instead == NONE
    add_curves(viewer, [curve(1.0), curve(9.0, name="dark")])
    assert panel.layer.value is viewer.layers[-1]
    assert list(panel.quantity.choices) == ["I(V)", "dark"]
    assert panel.plot.mean.y == pytest.approx(curve(1.0).y)
    add_curves(viewer, [curve(3.0, (95.0, 47.0), "b.dat")])
    viewer.layers[-1].selected_data = {0, 1}
    assert panel.plot.mean.y == pytest.approx(curve(2.0).y)
    assert panel.status.text() == "mean of 2 curves"
    viewer.layers[-1].selected_data = set()
    assert panel.plot.mean is None
    assert panel.plot.instead == HINT


def test_the_slope_of_an_ohmic_curve_is_shown_and_saved(viewer, scan, panel, tmp_path):
    add_curves(viewer, [curve(2.5)])
    panel.as_slope.value = True
    assert panel.plot.mean.y == pytest.approx(np.full(11, 2.5))
    rows = read_table(panel.save_csv(tmp_path / "c.csv"))
    assert [float(row["y"]) for row in rows] == pytest.approx([2.5] * 11)
    assert {row["y_unit"] for row in rows} == {"nA/V"}


def test_the_mean_is_saved_below_the_curves(viewer, scan, panel, tmp_path):
    add_curves(viewer, [curve(1.0)])
    add_curves(viewer, [curve(3.0, source="b.dat")])
    viewer.layers[-1].selected_data = {0, 1}
    rows = read_table(panel.save_csv(tmp_path / "c.csv"))
    assert [row["file"] for row in rows[::11]] == ["a.dat", "b.dat", ""]


def test_a_curve_that_has_no_slope_says_so(viewer, scan, panel):
    add_curves(viewer, [Curve([0, 0], [1, 2], "bias", "I(V)", "V", "nA", source="a.dat")])
    panel.as_slope.value = True
    assert "has no slope" in panel.plot.instead
    assert not panel.save.isEnabled()


def test_a_dropped_file_of_curves_opens_its_panel(make_napari_viewer, tmp_path):
    viewer = make_napari_viewer()
    viewer.open(str(nanonis(tmp_path)), plugin="napari-stmml")
    (layer,) = viewer.layers
    assert layer.data.tolist() == [[pytest.approx(2.0), pytest.approx(1.0)]]
    (dock,) = viewer.window.dock_widgets.values()
    assert dock.plot.mean.y == pytest.approx([0, 2])
    assert "No open scan covers" in dock.status.text()


def test_a_plot_of_curves_is_painted(viewer, scan, panel):
    add_curves(viewer, [curve(1.0)])
    panel.resize(360, 480)
    picture = panel.plot.grab().toImage()
    colours = {
        picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())
    }
    assert "#ff9d2e" in colours


def test_all_curves_on_a_class_are_averaged(viewer, scan, panel):
    add_curves(viewer, [curve(1.0)])  # 3 nm right of the centre, 1 nm above it
    add_curves(viewer, [curve(3.0, (104.0, 51.0), "b.dat")])
    add_curves(viewer, [curve(9.0, (95.0, 47.0), "c.dat")])
    points = viewer.layers[-1]
    labels = np.ones((20, 40), int)
    labels[6:10, 24:30] = 2
    made = LabelMap(labels, (0.5, 0.5), names={1: "surface", 2: "vacancy", 3: "island"}, name="map")
    data, meta, _ = labels_to_layer(made)
    viewer.add_labels(data, **meta)
    assert [str(one) for one in panel.on_class.choices if one] == ["surface, map", "vacancy, map"]
    panel.on_class.value = next(one for one in panel.on_class.choices if one and one.name == "vacancy")
    assert points.selected_data == {0, 1}
    assert panel.plot.mean.y == pytest.approx(curve(2.0).y)
    panel.on_class.value = next(one for one in panel.on_class.choices if one and one.name == "surface")
    assert points.selected_data == {2}


def test_a_class_without_curves_says_so(viewer, scan, panel):
    add_curves(viewer, [curve(1.0)])
    labels = np.ones((20, 40), int)
    labels[0, 0] = 2
    data, meta, _ = labels_to_layer(LabelMap(labels, (0.5, 0.5), names={2: "vacancy"}, name="map"))
    viewer.add_labels(data, **meta)
    panel.on_class.value = next(one for one in panel.on_class.choices if one)
    assert panel.status.text() == "None of 1 curve was taken on vacancy."


def test_structures_of_a_type_are_classes_too(viewer, scan, panel):
    add_curves(viewer, [curve(1.0)])
    numbers = np.zeros((20, 40), int)
    numbers[7:9, 25:27], numbers[2, 2] = 5, 6
    made = LabelMap((numbers > 0) * 1, (0.5, 0.5), names={1: "type 1"}, name="structures", objects=numbers)
    data, meta, _ = labels_to_layer(made)
    viewer.add_labels(data, **meta)
    (only,) = [one for one in panel.on_class.choices if one]
    assert only.points(viewer.layers[-2]) == {0}
