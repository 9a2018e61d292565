"""The Correct widget: scans are opened with a model, and all that a person does is a step of the session."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.events import UncertainPlace
from napari_stmml.jobs.worker import Worker
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.correct import class_actions, opening
from napari_stmml.viewer.correct.look_next import Far
from napari_stmml.viewer.io.layers import scan_to_layer

LONG = 120_000  # ms


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def scans(small_session, tmp_path):
    for path in small_session[0].parent.iterdir():
        shutil.copy(path, tmp_path)
    return read_mtrx(tmp_path / small_session[0].name)[:2]


@pytest.fixture
def panel(viewer, dock, scans, home, model_copy, monkeypatch):
    monkeypatch.setattr(opening, "HOME", home)
    panel = dock(viewer, "Correct")
    panel.model.value = model_copy
    for scan in scans:
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    yield panel
    panel.session.flush()


@pytest.fixture
def open_all(panel, viewer, finish, qtbot):
    """Open both scans for correction; return the session."""
    panel.layers.value = panel.layers.choices
    panel.start_button.click()
    finish(panel)
    session = panel.session
    qtbot.waitUntil(lambda: not session.busy and all(one.labels.any() for one in session.scans), timeout=LONG)
    return session


@pytest.fixture
def settle(qtbot, panel):
    def settle_():
        qtbot.wait(20)
        qtbot.waitUntil(lambda: not panel.session.busy, timeout=LONG)
        qtbot.wait(20)

    return settle_


def press(truth, key):
    """Press a key on a layer, as napari does."""
    from napari.utils.key_bindings import coerce_keybinding

    truth.keymap[coerce_keybinding(key)](truth)


def click(panel, one, place, modifiers=()):
    position = one.truth.data_to_world(place)
    panel._click(one.truth, SimpleNamespace(position=position, modifiers=modifiers))


def test_scans_are_opened_with_layers_of_their_own_and_the_classes_shown(panel, open_all, scans):
    assert len(open_all.scans) == 2
    names = [layer.name for layer in panel.viewer.layers]
    assert sum(name.startswith("truth") for name in names) == 2
    assert panel.table.model().rowCount() == 4
    one = open_all.scans[0]
    np.testing.assert_array_equal(one.predicted.data, open_all.classifier.predict(one.scan))
    assert "2 of 2 scans are open" in panel.status.text()
    assert panel.viewer.layers.selection.active == open_all.scans[-1].truth
    assert open_all.scans[-1].truth.mode == "paint"


def test_opening_a_scan_twice_keeps_its_layers_and_what_was_painted(panel, open_all, finish, settle):
    one = open_all.scans[0]
    one.truth.paint((20, 20), 2)
    settle()
    panel.start_button.click()
    finish(panel)
    settle()
    assert len(open_all.scans) == 2
    assert open_all.of_key(one.key).truth is one.truth
    assert one.truth.data.any()


def test_a_key_with_control_chooses_a_class_and_the_row_follows(panel, open_all):
    press(open_all.scans[0].truth, "Control-3")
    assert {one.truth.selected_label for one in open_all.scans} == {3}
    assert panel.table.chosen == [3]
    press(open_all.scans[0].truth, "Control-9")  # there are four
    assert panel.table.chosen == [3]


def test_undo_on_the_layer_is_undo_of_the_session(panel, open_all, settle):
    one = open_all.scans[0]
    one.truth.paint((20, 20), 2)
    settle()
    press(one.truth, "Control-Z")
    assert not one.truth.data.any()
    press(one.truth, "Control-Shift-Z")
    assert one.truth.data.any()


def test_pick_takes_what_is_shown_whoever_said_it(panel, open_all, qtbot):
    one = open_all.scans[0]
    one.truth.mode = "pick"
    place = np.argwhere(one.predicted.data == 3)[0]
    click(panel, one, place)
    qtbot.waitUntil(lambda: panel.table.chosen == [3])
    assert one.truth.selected_label == 3


def test_shift_and_a_click_give_a_whole_region_the_chosen_class(panel, open_all, settle):
    one = open_all.scans[0]
    panel.pick(2)
    place = np.argwhere(one.predicted.data == 1)[0]
    click(panel, one, place, ("Shift",))
    settle()
    own = one.truth.data > 0
    assert own[tuple(place)]
    assert set(one.truth.data[own].tolist()) == {2}


def test_the_buttons_act_on_the_selected_rows(panel, open_all, settle):
    panel.table.select([1, 2])
    panel._merge()
    assert open_all.classifier.classes.order == (1, 3, 4)
    panel.table.select([3])
    panel._delete()
    assert open_all.classifier.classes.order == (1, 4)
    panel._new()
    label = open_all.classifier.classes.order[-1]
    assert panel.table.chosen == [label]
    assert open_all.scans[0].truth.selected_label == label
    panel.table.renamed.emit(label, "mine")
    assert open_all.classifier.class_names[label - 1] == "mine"
    panel.table.recoloured.emit(label, "#abcdef")
    assert open_all.classifier.class_colours[label - 1] == "#abcdef"
    settle()


def test_what_cannot_be_done_is_said_and_not_raised(panel, open_all, said):
    panel.table.renamed.emit(1, "cluster 2")
    assert "is taken" in panel.status.text()
    assert said()[-1] == panel.status.text()
    assert panel.table.model_.classes.names[0] == "cluster 1"


def test_before_anything_is_open_the_buttons_say_what_to_do(panel):
    panel.table.select([])
    panel._merge()
    assert panel.status.text() == "Open a scan with a model first."


@pytest.mark.parametrize(
    ("model", "layers", "why"), [(False, True, "a model"), (True, False, "one open scan")]
)
def test_without_a_model_or_a_scan_it_says_so(panel, said, model, layers, why):
    panel.model.value = panel.model.value if model else None
    panel.layers.value = panel.layers.choices if layers else []
    panel.start_button.click()
    assert why in panel.status.text()


def test_an_eye_hides_a_class_in_both_layers(panel, open_all):
    panel.table.show_only(2)
    one = open_all.scans[0]
    for layer in (one.predicted, one.truth):
        assert layer.colormap.color_dict[1][3] == 0
        assert layer.colormap.color_dict[2][3] == 1
    panel.table.show_only(None)
    assert one.truth.colormap.color_dict[1][3] == 1


def test_live_learns_after_a_stroke_and_goes_back_with_it(panel, open_all, settle, qtbot):
    panel.live.value = True
    one = open_all.scans[0]
    before = one.labels.copy()
    one.truth.paint((20, 20), 4)
    qtbot.waitUntil(lambda: open_all.classifier.lessons is not None, timeout=LONG)
    settle()
    assert panel.table.model_.strokes == {4: np.count_nonzero(one.painted_cells())}
    open_all.undo()
    settle()
    np.testing.assert_array_equal(one.labels, before)
    assert not one.truth.data.any()


def test_n_flies_to_a_place_in_doubt_and_a_class_key_answers_it(panel, open_all, settle, viewer):
    press(open_all.scans[0].truth, "N")
    look = panel.next
    one, doubt = look.asked
    assert "look here" in [layer.name for layer in viewer.layers]
    assert "or else" in look.text.text() or "unlike anything" in look.text.text()
    assert one.truth.visible
    press(one.truth, "Control-3")
    settle()
    assert one.truth.data[tuple(round(at) for at in one.to_place(doubt.row, doubt.col))] == 3
    assert look.answered == 1
    assert look.asked is not None
    assert look.asked[1] != doubt
    look.skip()
    assert look.skipped == 1
    look.leave()
    assert "look here" not in [layer.name for layer in viewer.layers]


def test_a_stroke_on_the_place_answers_it_too(panel, open_all, settle):
    panel.next.go()
    one, doubt = panel.next.asked
    one.truth.paint(one.to_place(doubt.row, doubt.col), 2)
    settle()
    assert panel.next.answered == 1
    assert panel.next.asked is None


def test_answering_brings_doubt_down_and_it_ends(panel, open_all, settle):
    panel.next.go()
    began = panel.next.in_doubt()
    for _ in range(200):
        if panel.next.asked is None:
            break
        panel.next.answer(1)
    settle()
    assert panel.next.asked is None
    assert "Nothing is left" in panel.next.text.text()
    assert panel.next.in_doubt() <= began


def test_a_scan_that_is_opened_again_gets_back_what_was_painted(panel, open_all, settle, viewer, finish):
    one = open_all.scans[0]
    one.truth.paint((20, 20), 2)
    settle()
    painted = one.truth.data.copy()
    for layer in (one.truth, one.predicted):
        viewer.layers.remove(layer)
    panel.layers.value = [one.layer]
    panel.start_button.click()
    finish(panel)
    again = open_all.of_key(one.key)
    assert again is not one
    np.testing.assert_array_equal(again.truth.data, painted)


def test_a_model_of_windows_can_be_corrected_and_says_that_it_cannot_learn_at_once(
    panel, viewer, tiny_model, finish, tmp_path, settle, said
):
    panel.model.value = shutil.copy(tiny_model, tmp_path / "windows.stmml")
    panel.layers.value = panel.layers.choices[:1]
    panel.start_button.click()
    finish(panel)
    settle()
    one = panel.session.scans[0]
    np.testing.assert_array_equal(one.predicted.data, panel.session.classifier.predict(one.scan))
    one.truth.paint((20, 20), 2)
    panel.table.select([1, 2])
    panel._merge()
    settle()
    assert 2 not in one.predicted.data
    panel._do(class_actions.refine)
    assert "looks at windows" in panel.status.text()


CRASH = """
import os, sys, time
os.environ["NAPARI_CONFIG"] = ""
from dataclasses import replace
from pathlib import Path
import napari
from qtpy.QtWidgets import QApplication
from napari_stmml import read_mtrx
from napari_stmml.truth import truth_file
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.correct.look_next import Far
from napari_stmml.jobs.worker import Worker

truth_file.HOME = Path(sys.argv[3])
viewer = napari.Viewer(show=False)
data, meta, _ = scan_to_layer(read_mtrx(sys.argv[1])[0])
viewer.add_image(data, **meta)
_, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Correct")
panel.model.value = sys.argv[2]
panel.layers.value = panel.layers.choices
panel.start_button.click()
until = time.time() + 100
while not panel.session.scans and time.time() < until:
    QApplication.processEvents()
truth = panel.session.scans[0].truth
for stroke in range(3000):
    truth.paint((1 + stroke // 60, 1 + stroke % 60), 2)
    print(stroke + 1, int((truth.data > 0).sum()), flush=True)
    rest = time.time() + 0.3
    while time.time() < rest:
        QApplication.processEvents()
        time.sleep(0.005)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_napari_killed_while_painting_loses_at_most_the_last_stroke(scans, home, model_copy):
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for seconds in (0.9, 1.75):
        process = subprocess.Popen(
            [sys.executable, "-c", FAKE_CARD + CRASH, scans[0].source, str(model_copy), str(home)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        first = process.stdout.readline()
        assert first.startswith("1 "), first
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        painted = [int(line.split()[1]) for line in (first + process.stdout.read()).splitlines()]
        process.wait()
        file = TruthFile(scans[0])
        kept = np.count_nonzero(file.load().labels)
        assert kept >= painted[max(len(painted) - 2, 0)]
        assert SurfaceClassifier.load(model_copy).n_clusters == 4
        file.path.unlink()


FAKE_CARD = """
import napari._qt.qt_viewer
from vispy.gloo import gl
gl.glGetParameter = lambda question: {gl.GL_EXTENSIONS: "texture_float"}.get(question, 16384)
"""


def test_places_of_a_whole_folder_are_opened_one_after_the_other(panel, viewer, finish, settle, scans, qtbot):
    for layer in list(viewer.layers):
        viewer.layers.remove(layer)
    panel.look_through(str(Path(scans[0].source).parent))
    finish(panel)
    assert "places on 8 scans" in panel.status.text()  # two files of four directions
    expected = max(panel.next.far, key=lambda far: far.doubt.weight)
    panel.next.go()
    finish(panel)
    settle()
    one, doubt = panel.next.asked
    assert doubt == expected.doubt
    assert (one.scan.source, one.scan.direction) == (expected.source, expected.direction)
    assert all(not far.is_on(one.scan) for far in panel.next.far)


def test_clusters_found_at_once_become_a_model_that_is_kept(panel, instant_model, finish, settle, home):
    panel.model.value = None
    panel.shared.unsaved_model = instant_model
    panel.layers.value = panel.layers.choices[:1]
    panel.start_button.click()
    finish(panel)
    settle()
    kept = list((home / "models").glob("*.stmml"))
    assert [panel.session.path] == kept
    class_actions.rename(panel.session, 1, "rows")
    panel.session.flush()
    assert SurfaceClassifier.load(kept[0]).class_names[0] == "rows"


def test_what_another_window_painted_is_kept_where_a_scan_is_opened_twice(panel, open_all, finish, settle):
    one = open_all.scans[0]
    one.truth.paint((20, 20), 2)
    settle()
    open_all.flush()
    other = TruthFile(one.scan)
    theirs = other.load().labels.copy()
    theirs[:3, :3] = 3
    other.save(theirs, {3: "c"}, {})
    panel.start_button.click()
    finish(panel)
    one.truth.paint((50, 50), 1)
    settle()
    open_all.flush()
    found = TruthFile(one.scan).load().labels
    assert (found[:3, :3] == 3).all()
    assert (found[20, 20], found[50, 50]) == (2, 1)


def test_a_model_that_was_saved_elsewhere_is_the_one_that_more_scans_are_opened_with(
    panel, open_all, finish, settle, tmp_path
):
    class_actions.rename(open_all, 1, "ours")
    class_actions.save_as(open_all, tmp_path / "mine.stmml")
    panel.start_button.click()
    finish(panel)
    settle()
    assert Path(panel.model.value) == open_all.path == tmp_path / "mine.stmml"
    assert open_all.classifier.class_names[0] == "ours"
    assert open_all.history.last.startswith("renamed")


def test_a_model_that_was_trained_anew_is_read_anew(panel, open_all, finish, settle, viewer):
    one = open_all.scans[0]
    one.truth.paint((20, 20), 2)
    settle()
    model = open_all.classifier
    replace(model, classes=model.classes.renamed(1, "made anew")).save(open_all.path)
    panel.start_button.click()
    finish(panel)
    settle()
    assert open_all.classifier.class_names[0] == "made anew"
    assert one.truth not in viewer.layers
    assert open_all.of_key(one.key).truth.data[20, 20] == 2


def test_a_scan_without_the_models_answer_is_painted_and_saved_and_gets_it_back(
    panel, open_all, finish, settle, viewer
):
    one = open_all.scans[0]
    viewer.layers.remove(one.predicted)
    one.truth.paint((20, 20), 2)
    settle()
    open_all.flush()
    assert TruthFile(one.scan).load().labels[20, 20] == 2
    panel.start_button.click()
    finish(panel)
    assert open_all.of_key(one.key).predicted in viewer.layers


def test_a_panel_that_is_opened_again_has_the_keys_and_clicks_of_the_scans_that_are_open(
    panel, open_all, viewer, dock
):
    one = open_all.scans[0]
    again = dock(viewer, "Correct")
    if again is panel:  # napari brings a panel that is there to the front
        panel.worker = Worker()  # which ends with the panel; the warm one is for other tests
        viewer.window.remove_dock_widget("all")
        again = dock(viewer, "Correct")
    assert again is not panel
    press(one.truth, "Control-2")
    assert again.table.chosen == [open_all.classifier.classes.order[1]]
    owners = [getattr(click, "__self__", None) for click in one.truth.mouse_drag_callbacks]
    assert [owner for owner in owners if isinstance(owner, type(panel))] == [again]


def test_a_scan_whose_strokes_cannot_be_read_is_said_and_the_others_are_opened(
    panel, finish, said, monkeypatch, qtbot
):
    session, number = panel.session, []
    whole = session.keeper.open_truth

    def first_fails(*values):
        number.append(1)
        if len(number) == 1:
            raise OSError("the folder is not there")
        return whole(*values)

    monkeypatch.setattr(session.keeper, "open_truth", first_fails)
    panel.layers.value = panel.layers.choices
    panel.start_button.click()
    finish(panel)
    assert said() == ["the folder is not there"]
    assert len(session.scans) == 1


def test_a_place_on_a_scan_that_has_gone_is_said(panel, open_all, said, tmp_path):
    place = UncertainPlace(0, 0, 0, 1, 2, 0.0, 1.0)
    far = Far("a scan", str(tmp_path / "gone.Z_mtrx"), "Z", "forward/up", place)
    panel.open_far(far)
    assert len(said()) == 1
    assert said()[0].startswith("a scan could not be opened")
