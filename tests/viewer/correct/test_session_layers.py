"""A session in a viewer: strokes on layers reach it, and what it does is seen on layers. Threads are real."""

import gc
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from napari_stmml.correction import edits
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.correct.layer_looks import colormap_of, features_of
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.layers import labels_from_layer
from napari_stmml.viewer.shared.main_thread import MainThread


@pytest.fixture
def session(correction):
    return correction.session


@pytest.fixture
def settle(qtbot, session):
    """Return a function that waits until the session has taken all that happened."""

    def settle_():
        qtbot.wait(10)  # the look at what was painted comes after the event
        qtbot.waitUntil(lambda: not session.busy, timeout=20_000)

    return settle_


def edit(session, edit, *values):
    session.edit(*edit(session.model, *values))


def press(truth, key):
    """Press a key on a layer, as napari does."""
    from napari.utils.key_bindings import coerce_keybinding

    truth.keymap[coerce_keybinding(key)](truth)


def click(truth, at, modifiers=()):
    """Click on a layer, as napari does."""
    event = SimpleNamespace(
        position=truth.data_to_world(at), modifiers=modifiers, view_direction=None, dims_displayed=[0, 1]
    )
    for do in truth.mouse_drag_callbacks:
        do(truth, event)


def test_a_viewer_has_one_session_that_lives_as_long_though_its_layers_know_the_viewer(new_viewer):
    viewer = new_viewer()
    assert correction_of(viewer) is correction_of(viewer)
    correction_of(viewer).session.known = viewer
    gone = weakref.ref(viewer)
    gc.collect()
    assert correction_of(viewer).session.known is viewer
    del viewer
    gc.collect()
    assert gone() is None


def test_a_stroke_on_a_layer_is_a_step_of_the_session_and_on_disk(correction, session, settle):
    one = session.scans[0]
    truth = correction.of(one).truth
    truth.brush_size = 7
    truth.paint((30, 30), 2)
    settle()
    assert one.truth[30, 30] == 2
    assert session.flush()
    np.testing.assert_array_equal(TruthFile(one.scan).load().labels, truth.data)
    assert not correction.of(one).predicted.editable


def test_undo_on_the_layer_is_undo_of_the_session_and_is_seen(correction, session, settle):
    one = session.scans[0]
    truth = correction.of(one).truth
    truth.paint((20, 20), 2)
    settle()
    press(truth, "Control-Z")
    assert not truth.data.any()
    press(truth, "Control-Shift-Z")
    assert truth.data[20, 20] == 2


def test_what_the_session_does_in_its_thread_is_seen_on_the_layers(correction, session, settle, qtbot):
    here = []
    session.map_changed.connect(lambda one: here.append(threading.current_thread()))
    edit(session, edits.merge, [1, 2])
    settle()
    for one in session.scans:
        assert 2 not in correction.of(one).predicted.data
    assert set(here) == {threading.main_thread()}


def test_a_layer_that_somebody_gave_an_array_of_its_own_is_still_painted_and_undone(
    correction, session, settle
):
    one = session.scans[0]
    truth = correction.of(one).truth
    other = truth.data.astype(int)
    other[5:9, 5:9] = 3
    truth.data = other
    settle()
    assert (one.truth[5:9, 5:9] == 3).all()
    truth.paint((20, 20), 2)
    settle()
    assert one.truth[20, 20] == 2
    session.undo()
    session.undo()
    assert not truth.data.any()


def test_a_truth_whose_layer_is_removed_is_saved_and_no_longer_corrected(correction, session, viewer):
    one = session.scans[0]
    truth = correction.of(one).truth
    truth.paint((20, 20), 2)  # and at once, before the session has looked
    viewer.layers.remove(truth)
    assert one not in session.scans
    session.flush()
    assert TruthFile(one.scan).load().labels[20, 20] == 2


def test_a_scan_without_the_models_answer_is_painted_on_and_gets_it_back(correction, session, viewer, settle):
    one = session.scans[0]
    own = correction.of(one)
    viewer.layers.remove(own.predicted)
    own.truth.paint((20, 20), 2)
    settle()
    assert one.truth[20, 20] == 2
    assert correction.show(one, own.image) is own.truth
    assert own.predicted in viewer.layers


def test_with_another_model_the_layers_of_the_one_before_go(correction, session, viewer):
    one = session.scans[0]
    own = correction.of(one)
    session.use(session.model, session.path)
    assert own.truth not in viewer.layers
    assert own.predicted not in viewer.layers
    assert own.image in viewer.layers


def test_nobody_paints_with_a_class_that_has_gone(correction, session):
    one, two = (correction.of(one).truth for one in session.scans)
    one.selected_label, two.selected_label = 2, 3
    edit(session, edits.merge, [1, 3])
    assert two.selected_label == 1
    edit(session, edits.delete, [2])
    assert one.selected_label == 1


def test_a_key_with_control_chooses_a_class_by_its_row(correction, session):
    picked, keys = [], []
    correction.class_picked.connect(picked.append)
    correction.class_key.connect(keys.append)
    truth = correction.of(session.scans[0]).truth
    press(truth, "Control-3")
    press(truth, "Control-9")  # there are four
    assert picked == keys == [3]
    assert {correction.of(one).truth.selected_label for one in session.scans} == {3}


def test_pick_takes_what_is_shown_whoever_said_it(correction, session, qtbot):
    one, picked = session.scans[-1], []  # the one that is seen
    correction.class_picked.connect(picked.append)
    truth = correction.of(one).truth
    truth.mode = "pick"
    click(truth, np.argwhere(one.predicted == 3)[0])
    qtbot.waitUntil(lambda: picked == [3])
    assert truth.selected_label == 3


def test_shift_and_a_click_give_a_whole_region_the_chosen_class(correction, session):
    one = session.scans[0]
    correction.pick(2)
    at = np.argwhere(one.predicted == 1)[0]
    click(correction.of(one).truth, at, ("Shift",))
    own = one.truth > 0
    assert own[tuple(at)]
    assert set(one.truth[own].tolist()) == {2}


def test_the_scan_of_the_active_layer_is_the_current_one(correction, session, viewer):
    first, second = session.scans
    viewer.layers.selection.active = correction.of(first).predicted
    assert session.current is first
    viewer.layers.selection.active = correction.of(second).image
    assert session.current is second


def test_hidden_classes_are_transparent_and_background_is_faint(correction, session):
    classes = session.model.classes.as_background(2)
    colours = colormap_of(classes, {1}, faint=0.25).color_dict
    assert colours[1][3] == 0
    assert colours[2][3] == pytest.approx(0.25, abs=0.01)
    assert colours[3][3] == 1
    correction.hide({2})
    assert correction.of(session.scans[0]).predicted.colormap.color_dict[2][3] == 0


def test_merged_labels_have_the_colour_of_what_they_are_now(correction, session):
    edit(session, edits.merge, [1, 2])
    colours = correction.of(session.scans[0]).truth.colormap.color_dict
    np.testing.assert_allclose(colours[2], colours[1])


def test_names_of_classes_are_features_of_the_layers_and_what_was_measured_stays(correction, session):
    truth = correction.of(session.scans[0]).truth
    truth.features = {**truth.features, "area_nm2": [0.0] * len(truth.features)}
    correction.hide({2})
    assert "area_nm2" in truth.features
    edit(session, edits.rename, 1, "rows")
    for one in session.scans:
        assert list(correction.of(one).predicted.features["class"][:2]) == ["unlabelled", "rows"]
    assert features_of(session.model.classes)["index"][-1] == session.model.n_classes


def test_the_camera_goes_where_it_is_sent(viewer, correction, session):
    one, other = session.scans
    correction.fly_to(one, 10, 20, 3.0)
    scale = one.scan.pixel_size[0]
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 * scale, 20 * scale))
    assert correction.of(one).image.visible
    assert not correction.of(other).image.visible
    assert viewer.layers.selection.active is correction.of(one).truth


def test_what_a_thread_asks_for_is_done_on_the_main_thread_and_not_after_the_window_has_gone(qtbot):
    main, done = MainThread(), []
    thread = threading.Thread(target=main.run, args=(lambda: done.append(threading.current_thread()),))
    thread.start()
    thread.join()
    assert done == []
    qtbot.waitUntil(lambda: done == [threading.main_thread()])
    from PyQt6 import sip

    sip.delete(main)
    main.run(lambda: done.append(1))
    assert len(done) == 1


def test_scans_are_seen_one_at_a_time_and_keys_go_from_one_to_the_next(correction, session, viewer):
    first, second = session.scans

    def seen():
        return [
            one for one in session.scans if all(layer.visible for layer in vars(correction.of(one)).values())
        ]

    def hidden():
        layers = (vars(correction.of(one)).values() for one in session.scans)
        return [
            one for one, own in zip(session.scans, layers, strict=True) if not any(x.visible for x in own)
        ]

    assert (seen(), hidden()) == ([second], [first])
    correction.of(second).truth.mode = "paint"
    press(correction.of(second).truth, "PageDown")
    assert (seen(), hidden()) == ([first], [second])
    assert viewer.layers.selection.active is correction.of(first).truth
    assert correction.of(first).truth.mode == "paint"
    assert session.current is first
    viewer.layers.selection.active = correction.of(second).image
    assert (seen(), hidden()) == ([second], [first])
    correction.of(first).image.visible = True  # by a person, who goes on with the same scan
    viewer.layers.selection.active = correction.of(second).truth
    assert correction.of(first).image.visible
    correction.go(-1)
    assert (seen(), hidden()) == ([first], [second])


def test_a_truth_has_the_names_of_classes_whatever_table_another_plugin_gives_it(correction, session):
    truth = correction.of(session.scans[0]).truth
    edit(session, edits.rename, 1, "rows")
    truth.features = {"area": [1.0]}
    found = labels_from_layer(*truth.as_layer_data_tuple()[:2])
    assert found.names[1] == "rows"
