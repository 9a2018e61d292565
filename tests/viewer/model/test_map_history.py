"""Maps of Predict: one for each scan, earlier ones come back, strokes are truth, heights are flattened."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils import interactions
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.key_bindings import coerce_keybinding

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.heights.flatten import flatten
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.layers import NAMES, labels_from_layer
from napari_stmml.viewer.io.levelling import level_layer, levelled_to_layer, levelling_of, recorded_scan
from napari_stmml.viewer.io.predicted_layer import prediction_of
from napari_stmml.viewer.model.map_strokes import TO_CORRECT


@pytest.fixture
def scan(small_session, tmp_path):
    """Return a scan in a folder of its own, beside which truths are written."""
    shutil.copytree(small_session[0].parent, tmp_path / "scans")
    return read_mtrx(tmp_path / "scans" / small_session[0].name)[0]


@pytest.fixture
def image(viewer, scan):
    data, meta, _ = levelled_to_layer(scan, "plane taken out")
    return viewer.add_image(data, **meta)


@pytest.fixture
def panel(viewer, image, dock, instant_model):
    panel = dock(viewer, "Predict")
    panel.model.value = instant_model
    panel.layers.value = [image]
    return panel


@pytest.fixture
def predict(panel, finish, viewer, qtbot):
    """Return a function that labels the scan and returns its map, the only one."""

    def predict_():
        panel.start_button.click()
        finish(panel)
        panel.map_view.flush()
        qtbot.wait(20)
        (made,) = [one for one in viewer.layers if type(one).__name__ == "Labels"]
        return made

    return predict_


@pytest.fixture
def paint(panel, qtbot):
    """Return a function that paints with the mouse from point to point, as napari does, up to the disk."""

    def paint_(layer, label, *points):
        layer.mode, layer.selected_label, layer.brush_size = "paint", label, 5
        for kind, at in (("press", points[0]), *(("move", one) for one in points), ("release", points[-1])):
            event = SimpleNamespace(type=f"mouse_{kind}", position=layer.data_to_world(at), button=1)
            event.modifiers, event.view_direction, event.dims_displayed, event.is_dragging = (
                (),
                None,
                [0, 1],
                True,
            )
            event = ReadOnlyWrapper(event, exceptions=("handled",))
            getattr(interactions, f"mouse_{kind}_callbacks")(layer, event)
        settle(panel, qtbot)

    return paint_


def settle(panel, qtbot):
    qtbot.wait(20)
    panel._maps.strokes.flush()
    qtbot.wait(20)


def press(layer, key):
    layer.keymap[coerce_keybinding(key)](layer)


def test_a_new_map_takes_the_place_of_the_one_before_which_undo_brings_back(
    viewer, panel, image, predict, tiny_model
):
    first = predict()
    assert not panel.map_view.earlier_button.isEnabled()
    first.name, first.opacity = "mine", 0.3
    panel.model.value = tiny_model
    panel.layers.value = [image]
    second = predict()
    assert second is not first
    assert (second.name, second.opacity) == ("mine", 0.3)
    assert "takes the place of the map before, which Earlier map brings back" in panel.status.text()
    assert viewer.layers.selection.active is second
    panel.map_view.earlier_button.click()
    assert list(viewer.layers) == [image, first]
    assert panel.status.text() == "Earlier map: “mine” by filters."
    assert not panel.map_view.earlier_button.isEnabled()
    press(first, "Control-Shift-Z")
    assert list(viewer.layers) == [image, second]
    press(second, "Control-Z")
    assert list(viewer.layers) == [image, first]
    viewer.layers.remove(first)  # by a person: it comes back all the same
    panel.map_view.later_button.click()
    assert list(viewer.layers) == [image, second]


def test_a_stroke_on_a_map_is_truth_on_disk_at_once_and_undone_there_too(
    viewer, panel, scan, predict, paint, qtbot
):
    before = np.zeros(scan.heights.shape, np.uint8)
    before[:, 30:34] = 7
    TruthFile(scan).save(before, {7: "step edge"}, {7: "#ff0000"}, "another model")
    shown = predict()
    (edge,) = np.unique(shown.data[:, 30:34])
    was = shown.data.copy()
    paint(shown, 2, (20, 10), (20, 40))
    painted = shown.data != was
    assert painted.sum() > 50
    assert panel.status.text().endswith(f"are kept as truth of the scan. {TO_CORRECT}")
    found = TruthFile(scan).load()
    assert (found.labels[painted] == 2).all()
    assert (found.labels[:, 30:34][~painted[:, 30:34]] == edge).all()
    assert found.names[edge] == "step edge"
    press(shown, "Control-Z")  # a stroke first, and then no map is before this one
    settle(panel, qtbot)
    np.testing.assert_array_equal(shown.data, was)
    found = TruthFile(scan).load()
    np.testing.assert_array_equal(found.labels, np.where(before > 0, edge, 0))
    assert shown in viewer.layers
    press(shown, "Control-Shift-Z")
    settle(panel, qtbot)
    assert (TruthFile(scan).load().labels[painted] == 2).all()


def test_strokes_on_two_maps_and_a_copy_are_all_in_the_truth_that_correct_opens(
    viewer, panel, scan, image, predict, paint, dock, finish, instant_model, qtbot
):
    first = predict()
    said = first.data.copy()
    paint(first, 2, (10, 10), (10, 20))
    second = predict()
    np.testing.assert_array_equal(second.data, first.data)
    paint(second, 3, (30, 10), (30, 20))
    copy = type(second).create(*second.as_layer_data_tuple())
    copy.data = copy.data.copy()
    viewer.add_layer(copy)
    paint(copy, 4, (50, 10), (50, 20))
    correct = dock(viewer, "Correct")
    correct.layers.value = [image]
    correct.start_button.click()
    finish(correct)
    (one,) = correct.session.scans
    for row, label in ((10, 2), (30, 3), (50, 4)):
        expected = np.where(said[row, 10:20] == label, 0, label)  # what the model said is no stroke
        np.testing.assert_array_equal(one.truth[row, 10:20], expected)
        assert expected.any()
    assert not second.editable  # the truth is painted on
    was = second.data.copy()
    paint(second, 1, (50, 10), (50, 20))
    np.testing.assert_array_equal(second.data, was)
    viewer.layers.remove(correction_of(viewer).of(one).truth)
    assert second.editable
    correct.session.flush()


def test_a_new_class_of_a_map_is_not_taken_for_one_that_the_truth_got_meanwhile(scan, predict, paint):
    shown = predict()
    new = 1 + max(shown.metadata[NAMES])
    before = np.zeros(scan.heights.shape, np.uint8)
    before[5, :5] = new
    TruthFile(scan).save(before, {new: "dimer"}, {new: "#ff0000"}, prediction_of(shown).lineage)
    paint(shown, new, (40, 10), (40, 40))
    found = TruthFile(scan).load()
    assert found.names[new] == "dimer"
    np.testing.assert_array_equal(found.labels == new, before == new)
    assert (found.labels[40, 10:40] > new).all()


def test_strokes_that_cannot_be_written_are_said_once_and_stay_on_their_map(
    panel, predict, paint, said, monkeypatch
):
    def full(*_):
        raise OSError("the disk is full")

    shown = predict()
    with monkeypatch.context() as patch:
        patch.setattr(TruthFile, "save", full)
        paint(shown, 2, (10, 10), (10, 20))
        shown.refresh()
    assert [sentence for sentence in said() if "disk is full" in sentence] == said()
    assert len(said()) == 1
    assert "painted on" in panel.keep_strokes()  # as soon as there is room


def test_scans_are_shown_flattened_as_their_model_does_it_and_stay_what_was_recorded(
    panel, image, scan, predict, instant_model, qtbot
):
    chain = SurfaceClassifier.load(instant_model).recipe.flatten_method
    predict()
    assert levelling_of(image) == f"flattened with {chain}"
    np.testing.assert_allclose(image.data, flatten(scan.heights, chain))
    np.testing.assert_array_equal(recorded_scan(image).heights, scan.heights)
    assert recorded_scan(image).history == ()
    panel.map_view.flattened.click()
    assert levelling_of(image) == "plane taken out"
    panel.map_view.flattened.click()
    panel.map_view.flush()
    qtbot.waitUntil(lambda: levelling_of(image) == f"flattened with {chain}")
    level_layer(image, "as recorded")  # what a person chooses stays when flattened heights are not wanted
    panel.map_view.flattened.click()
    assert levelling_of(image) == "as recorded"
    predict()
    assert levelling_of(image) == "as recorded"


def test_what_somebody_has_flattened_is_shown_as_it_is(viewer, panel, scan, predict):
    data = flatten(scan.heights, "poly_xy_2")
    meta = levelled_to_layer(scan.with_heights(data, "poly_xy_2", scan.pixel_size), "as recorded")[1]
    flat = viewer.add_image(data, **meta)
    viewer.layers.remove(viewer.layers[0])
    panel.layers.value = [flat]
    shown = predict()
    assert flat.data is data
    assert labels_from_layer(*shown.as_layer_data_tuple()[:2]).scan["history"] == ["poly_xy_2"]
