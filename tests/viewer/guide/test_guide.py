"""The panel STM: it says what is done for the scan in sight and what comes next, and comes once."""

import numpy as np
import pytest

from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.guide.steps import STEPS, what_comes_next, what_is_done
from napari_stmml.viewer.guide.widget import DONE, NEXT
from napari_stmml.viewer.io import offer
from napari_stmml.viewer.io.layers import labels_to_layer
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.predicted_layer import PREDICTION, Prediction
from napari_stmml.viewer.io.preferences import Preferences, preferences
from napari_stmml.viewer.prepare.flattening import FlattenRequest, add_flattened, flatten_layer
from napari_stmml.viewer.shared.shared_state import shared_state


@pytest.fixture
def scan(viewer, small_session):
    return viewer.open(str(small_session[0]), plugin="napari-stmml")[-1]


def with_map(viewer, layer, model):
    scan = recorded_scan(layer)
    labels = np.ones(layer.data.shape, np.uint8)
    names = {1: "surface", 2: "vacancy"}
    data, meta, _ = labels_to_layer(LabelMap(labels, scan.pixel_size, names, scan=scan.settings()))
    meta["metadata"][PREDICTION] = Prediction(scan, model, "", labels.copy())
    return viewer.add_labels(data, **meta)


def test_every_step_opens_a_panel_that_there_is(viewer):
    from npe2 import PluginManager

    manifest = PluginManager.instance().get_manifest("napari-stmml")
    panels = [one.display_name for one in manifest.contributions.widgets]
    assert panels[0] == "STM"
    assert {step.panel for step in STEPS if step.panel} < set(panels)


def test_the_panel_says_what_is_done_and_what_comes_next(viewer, dock, small_session, qtbot, tmp_path):
    panel = dock(viewer, "STM")
    assert panel.marks["Open"].text() == NEXT
    scan = viewer.open(str(small_session[0]), plugin="napari-stmml")[-1]
    qtbot.waitUntil(lambda: panel.marks["Open"].text() == DONE)
    assert panel.marks["Clusters"].text() == NEXT
    assert scan.name in panel.lines["Open"].text()
    with_map(viewer, scan, tmp_path / "si001-h.stmml")
    qtbot.waitUntil(lambda: panel.lines["Clusters"].text() == "2 classes, model si001-h")
    assert [name for name, mark in panel.marks.items() if mark.text() == NEXT] == ["Correct"]


def test_a_scan_that_was_flattened_is_said_to_be_and_another_is_not(viewer, scan):
    add_flattened(viewer, flatten_layer(FlattenRequest(scan, scan.data, "row_median + poly_xy")))
    assert what_is_done(viewer, scan)["Prepare"] == "flattened: row median + plane"
    assert what_is_done(viewer, viewer.layers[0])["Prepare"] == "seen with plane taken out"


def test_what_was_measured_is_of_one_scan(viewer, scan, small_session):
    other = recorded_scan(viewer.layers[0])
    shared_state(viewer).note("Measure", recorded_scan(scan), "3 regions of 1 class")
    assert what_is_done(viewer, scan)["Measure"] == "3 regions of 1 class"
    assert not shared_state(viewer).noted("Measure", other)


@pytest.mark.parametrize(
    ("done", "coming"),
    [
        ("", "Open"),
        ("Open", "Clusters"),
        ("Open Clusters", "Correct"),
        ("Open Structures", "Measure"),
        ("Open Clusters Correct Measure", "Figure"),
        ("Open Clusters Correct Measure Figure", ""),
    ],
)
def test_one_step_comes_next(done, coming):
    assert what_comes_next(dict.fromkeys(done.split(), "done")) == coming


def test_the_scans_of_a_correction_are_said_to_be_open(correction):
    image = correction.of(correction.session.scans[0]).image
    assert what_is_done(correction.viewer, image)["Correct"].endswith("0 % painted")


def test_it_comes_after_the_first_drop_and_never_again_once_closed(
    make_napari_viewer, small_session, monkeypatch, said
):
    monkeypatch.setattr(offer, "wanted", lambda: not preferences().steps)
    Preferences().save()
    viewer = make_napari_viewer()
    viewer.open(str(small_session[0]), plugin="napari-stmml")
    (name,) = viewer.window.dock_widgets
    panel = viewer.window.dock_widgets[name]
    viewer.window.remove_dock_widget(panel)
    viewer.open(str(small_session[1]), plugin="napari-stmml")
    assert not viewer.window.dock_widgets
    assert preferences().steps
    assert not said()
