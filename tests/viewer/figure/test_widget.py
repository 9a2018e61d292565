"""The Figure widget: what is seen is drawn, in a thread; it is saved with its record and remembered."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.viewer.figure.asking import NO_LINE, NO_MAP, NO_SCAN
from napari_stmml.viewer.figure.widget import FigureWidget, open_figure
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer

LONG = 60_000


@pytest.fixture
def panel(qtbot, viewer):
    panel = FigureWidget(viewer)
    qtbot.addWidget(panel)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(panel.reset_choices)
    panel.resize(340, 700)
    panel.show()
    return panel


@pytest.fixture
def wait(panel, qtbot):
    return lambda: qtbot.waitUntil(lambda: not panel.busy, timeout=LONG)


@pytest.fixture
def layers(viewer, small_scan):
    """Open a scan and a map of it."""
    data, meta, _ = scan_to_layer(small_scan)
    image = viewer.add_image(data, **meta)
    labels = np.ones(small_scan.heights.shape, np.uint8)
    labels[20:30, 20:30] = 2
    made = predicted_map(labels, small_scan, {1: "surface", 2: "hole"}, {}, "m.stmml")
    data, meta, _ = labels_to_layer(made)
    return image, viewer.add_labels(data, **meta)


def test_without_a_scan_the_panel_says_what_to_do(panel, wait):
    panel.draw()
    assert panel.preview.instead == NO_SCAN


def test_the_map_that_is_seen_is_drawn_on_its_scan(panel, layers, wait):
    image, labels = layers
    panel.choose()
    wait()
    assert (panel.map.value, panel.scan.value) == (labels, image)
    assert panel.preview.picture is not None
    labels.visible = False
    panel.viewer.layers.selection.active = image
    panel.choose()
    assert panel.map.value is None  # the scan alone: its map is not seen


def test_a_figure_has_its_record_beside_it_and_the_options_are_remembered(
    panel, layers, wait, tmp_path, qtbot
):
    panel.choose()
    panel.options["width"].value = "double"
    panel.output.save(tmp_path / "a.svg")
    wait()
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert record["options"]["width"] == "double"
    assert "napari" in record["versions"]
    assert panel.status.text().startswith("Saved ")
    again = FigureWidget(panel.viewer)
    qtbot.addWidget(again)
    assert again.options["width"].value == "double"


def test_lines_are_followed_and_become_a_figure_and_a_table(panel, layers, wait, tmp_path):
    panel.choose("profile")
    panel.draw()
    assert panel.preview.instead == NO_LINE
    panel.draw_line()
    shapes = panel.viewer.layers[-1]
    assert shapes.mode == "add_line"
    shapes.add_lines(np.array([[1.0, 1.0], [4.0, 5.0]]))
    panel.output.save(tmp_path / "line")
    wait()
    assert (tmp_path / "line_profile.csv").is_file()
    record = json.loads((tmp_path / "line.json").read_text("utf-8"))
    (line,) = record["lines"]
    assert np.allclose(line["from_xy_nm"], np.array([1.0, 1.0]) + 6 / 128)  # from the corner, not a middle


def test_the_choices_of_measure_count_and_nothing_is_measured_twice(panel, layers, wait):
    image, labels = layers
    panel.choose("measured", labels)
    panel.measure_with(image, {2}, 0.0)
    wait()
    first = panel._kept()
    assert first.scans[0].background == {2}
    panel.options["font_size"].value = 6.0
    assert panel._kept() is first
    labels.data[40:50, 40:50] = 2
    assert panel._kept() is not first


def test_a_map_is_needed_to_measure(panel, layers):
    panel.viewer.layers.remove(layers[1])
    panel.choose("measured")
    panel.draw()
    assert panel.preview.instead == NO_MAP


def test_methods_go_to_the_clipboard(panel, layers, wait):
    panel.choose()
    panel.output.copy_methods()
    wait()
    assert "a plugin of napari" in QApplication.clipboard().text()


def test_a_figure_that_cannot_be_written_is_said(panel, layers, wait, tmp_path, said):
    panel.choose()
    panel.output.save(tmp_path / "a.jpg")
    wait()
    assert any("written as png, svg, pdf, not as a.jpg" in one for one in [*said(), panel.status.text()])


def test_what_a_person_painted_in_correct_is_drawn(qtbot, viewer, correction, model_copy):
    panel = FigureWidget(viewer)
    qtbot.addWidget(panel)
    one = correction.session.scans[0]
    truth = correction.of(one).truth
    panel.choose("scans", truth)
    (shown,) = panel._kept().scans
    assert np.array_equal(shown.labels.labels, one.shown(correction.session.classifier.classes))
    assert shown.model == str(model_copy)


def test_the_middle_row_that_prepare_shows_becomes_a_line_once(panel, layers):
    panel.choose("profile", layers[0])
    line = np.array([[32.0, 0.0], [32.0, 63.0]])
    panel.add_line(line)
    panel.add_line(line)
    assert np.allclose(panel._kept().lines, [line])


def test_an_older_preview_never_takes_the_place_of_a_newer_sentence(panel, layers, wait):
    panel.choose("measured")
    panel.draw()
    panel.kind.value = "profile"
    panel.draw()
    wait()
    assert panel.preview.instead == NO_LINE


def test_another_panel_opens_the_figure_in_front(panel, layers):
    shown = []
    dock = SimpleNamespace(show=lambda: shown.append("shown"), raise_=lambda: shown.append("in front"))
    window = SimpleNamespace(add_plugin_dock_widget=lambda *names, tabify: (dock, panel))
    assert open_figure(SimpleNamespace(window=window), "measured", layers[1]) is panel
    assert (panel.kind.value, panel.map.value, shown) == ("measured", layers[1], ["shown", "in front"])


def test_the_map_that_is_seen_on_the_active_scan_is_drawn(viewer, panel, layers):
    viewer.layers.selection.active = layers[0]
    panel.choose()
    assert panel.map.value is layers[1]
