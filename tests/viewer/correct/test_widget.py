"""The Correct widget: scans are opened with a model, and its buttons are steps of the session."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.correction import edits
from napari_stmml.correction.session import NO_MODEL, OFFERED, CorrectionSession
from napari_stmml.correction.uncertain_area_review import AreaToOpen
from napari_stmml.events import UncertainArea, UncertainFound
from napari_stmml.jobs.worker_process import Worker
from napari_stmml.model.classifier import LEAST_SURE
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.shared.in_sight import NO_SCAN

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
def panel(viewer, dock, scans, home, model_copy):
    panel = dock(viewer, "Correct")
    panel.model.value = model_copy
    for scan in scans:
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    yield panel
    panel.session.flush()


@pytest.fixture
def open_all(panel, finish, settle):
    """Open both scans for correction; return the session."""
    panel.layers.value = panel.layers.choices
    panel.start_button.click()
    finish(panel)
    settle()
    return panel.session


@pytest.fixture
def settle(qtbot, panel):
    def settle_():
        qtbot.wait(10)
        qtbot.waitUntil(lambda: not panel.session.busy, timeout=LONG)

    return settle_


def press(panel, text):
    next(button for button in panel.findChildren(QPushButton) if button.text() == text).click()


def truth_of(panel, one):
    return panel.correction.of(one).truth


# ---- opening


def test_scans_are_opened_with_layers_of_their_own_and_the_classes_shown(panel, open_all, scans):
    names = [layer.name for layer in panel.viewer.layers]
    assert sum(name.startswith("truth") for name in names) == len(open_all.scans) == 2
    assert panel.table.rowCount() == 4
    one = open_all.scans[0]
    np.testing.assert_array_equal(one.predicted, open_all.model.predict(one.scan))
    assert "2 of 2 scans are open" in panel.status.text()
    truth = truth_of(panel, open_all.scans[-1])
    assert panel.viewer.layers.selection.active == truth
    assert truth.mode == "paint"
    assert panel.switch.text.text() == f"scan 2 of 2: {open_all.scans[-1].name}"
    press(panel, "▶")
    assert panel.switch.text.text() == f"scan 1 of 2: {one.name}"
    assert not truth.visible


def test_opening_a_scan_twice_keeps_its_layers_and_strokes_also_those_of_another_window(
    panel, open_all, finish, settle
):
    one = open_all.scans[0]
    truth = truth_of(panel, one)
    truth.paint((20, 20), 2)
    settle()
    open_all.flush()
    other = TruthFile(one.scan)
    theirs = other.load().labels.copy()
    theirs[:3, :3] = 3
    other.save(theirs, {3: "c"}, {})
    panel.start_button.click()
    finish(panel)
    assert len(open_all.scans) == 2
    assert truth_of(panel, open_all.of_key(one.key)) is truth
    truth.paint((50, 50), 1)
    settle()
    open_all.flush()
    found = TruthFile(one.scan).load().labels
    assert (found[:3, :3] == 3).all()
    assert (found[20, 20], found[50, 50]) == (2, 1)


def test_a_model_that_was_trained_anew_is_read_anew_and_strokes_come_back(panel, open_all, finish, settle):
    one = open_all.scans[0]
    truth = truth_of(panel, one)
    truth.paint((20, 20), 2)
    settle()
    model = open_all.model
    replace(model, classes=model.classes.renamed(1, "made anew")).save(open_all.path)
    panel.start_button.click()
    finish(panel)
    settle()
    assert open_all.model.class_names[0] == "made anew"
    assert truth not in panel.viewer.layers
    assert open_all.of_key(one.key).truth[20, 20] == 2


def test_a_model_that_was_saved_elsewhere_is_the_one_that_more_scans_are_opened_with(
    panel, open_all, finish, tmp_path
):
    open_all.save_as(tmp_path / "mine.stmml")
    before = open_all.model
    panel.start_button.click()
    finish(panel)
    assert Path(panel.model.value) == open_all.path == tmp_path / "mine.stmml"
    assert open_all.model is before


def test_clusters_found_at_once_are_corrected_in_the_file_that_keeps_them(
    panel, instant_model, scans, finish, settle, home
):
    panel.model.value = None
    kept = panel.shared.keep_clustered(instant_model, scans[0])
    panel.layers.value = panel.layers.choices[:1]
    panel.start_button.click()
    finish(panel)
    settle()
    assert panel.session.path == kept == home / "models" / "1_1_FU_2026Nov23-120000_4-classes.stmml"
    panel.edit(edits.rename, 1, "rows")
    panel.session.flush()
    assert SurfaceClassifier.load(kept).class_names[0] == "rows"


@pytest.mark.parametrize(("what", "why"), [("model", "a model"), ("scan", NO_SCAN)])
def test_without_a_model_or_a_scan_it_says_so(panel, said, what, why):
    if what == "model":
        panel.model.value = None
    else:
        panel.viewer.layers.clear()
    panel.start_button.click()
    assert why in panel.status.text()


def test_a_scan_that_cannot_be_opened_is_said_and_the_others_are_opened(panel, finish, said, monkeypatch):
    number, whole = [], CorrectionSession.open_scan

    def first_fails(*values):
        number.append(1)
        if len(number) == 1:
            raise OSError("the folder is not there")
        return whole(*values)

    monkeypatch.setattr(CorrectionSession, "open_scan", first_fails)
    panel.layers.value = panel.layers.choices
    panel.start_button.click()
    finish(panel)
    assert said() == ["the folder is not there"]
    assert "1 of 2 scans is open" in panel.status.text()


# ---- buttons, keys, signals


def test_the_buttons_act_on_the_selected_rows(panel, open_all, tmp_path):
    panel.table.select([1, 2])
    press(panel, "Merge")
    assert open_all.model.classes.order == (1, 3, 4)
    panel.table.select([3])
    press(panel, "Delete")
    assert open_all.model.classes.order == (1, 4)
    press(panel, "▼")
    assert panel.status.text() == "select one class to move"
    press(panel, "New")
    label = open_all.model.classes.order[-1]
    assert panel.status.text() == f"New class: class {label}."
    assert panel.table.chosen == [label]
    assert truth_of(panel, open_all.scans[0]).selected_label == label
    panel.table.renamed.emit(label, "mine")
    assert open_all.model.class_names[label - 1] == "mine"
    panel.table.recoloured.emit(label, "#abcdef")
    assert open_all.model.class_colours[label - 1] == "#abcdef"
    for _ in range(5):
        press(panel, "Undo")
    assert open_all.model.classes.order == (1, 2, 3, 4)
    press(panel, "Redo")
    assert open_all.model.classes.order == (1, 3, 4)
    panel.save_map(tmp_path / "map")
    assert (tmp_path / "map.stmml.tif").is_file()
    assert panel.status.text().endswith("0.0% of it was painted by a person.")


def test_a_click_with_control_selects_one_more_row_to_be_merged(panel, open_all, qtbot):
    table, left, control = panel.table, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
    for row, held in ((0, Qt.KeyboardModifier.NoModifier), (2, control)):
        middle = table.visualItemRect(table.item(row, 2)).center()
        qtbot.mouseClick(table.viewport(), left, held, middle)
    assert table.chosen == [1, 3]
    assert truth_of(panel, open_all.scans[0]).selected_label == 3
    press(panel, "Merge")
    assert open_all.model.classes.order == (1, 2, 4)


def test_what_cannot_be_done_is_said_and_not_raised(panel, open_all, said):
    panel.table.item(0, 2).setText("cluster 2")
    assert "is taken" in panel.status.text()
    assert said()[-1] == panel.status.text()
    assert panel.table.item(0, 2).text() == "cluster 1"


def test_before_anything_is_open_the_buttons_say_what_to_do(panel):
    for text in ("Merge", "Refine"):
        press(panel, text)
        assert panel.status.text() == NO_MODEL


def test_live_learns_after_a_stroke_and_goes_back_with_it(panel, open_all, settle, qtbot):
    panel.live.value = True
    one = open_all.scans[0]
    before = one.labels.copy()
    truth_of(panel, one).paint((20, 20), 4)
    qtbot.waitUntil(lambda: open_all.model.examples is not None, timeout=LONG)
    settle()
    learnt = panel.table.item(3, panel.table.columnCount() - 1)
    assert learnt.text() == str(np.count_nonzero(one.painted_cells()))
    open_all.undo()
    settle()
    np.testing.assert_array_equal(one.labels, before)
    assert not one.truth.any()


def test_only_my_classes_follows_the_model_and_a_click_brings_the_clusters_back(
    panel, open_all, settle, said, tiny_classifier, tmp_path
):
    box, one = panel.only_mine, open_all.scans[0]
    press(panel, "New")
    press(panel, "New")
    for label, at in ((5, 15), (6, 45)):
        truth_of(panel, one).paint((at, at), label)
        settle()
    box.native.click()
    assert "paint two classes or more and click Refine" in panel.status.text()
    assert not box.value
    press(panel, "Refine")
    settle()
    assert box.value
    assert panel.status.text().startswith("Only your 2 classes are shown now; untick")
    assert "not on the map" in panel.table.item(0, 2).toolTip()
    assert not panel.table.item(4, 2).toolTip().endswith("not on the map")
    assert {float(panel.table.item(row, 5).text()) for row in range(4)} == {0}
    box.native.click()
    settle()
    assert np.isin(one.predicted, (1, 2, 3, 4)).any()
    assert "not on the map" not in panel.table.item(0, 2).toolTip()
    press(panel, "Undo")
    assert box.value
    press(panel, "Undo")
    settle()
    assert not box.value
    open_all.use(tiny_classifier, tiny_classifier.save(tmp_path / "windows.stmml"))
    assert not box.enabled
    assert "model of windows" in box.tooltip


def test_two_new_classes_beside_clusters_are_offered_only_my_classes(panel, open_all, settle):
    one = open_all.scans[0]
    press(panel, "New")
    press(panel, "New")
    for label, at in ((5, 15), (6, 45), (2, 30)):
        truth_of(panel, one).paint((at, at), label)
        settle()
    press(panel, "Refine")
    settle()
    assert not panel.only_mine.value
    assert panel.status.text() == OFFERED.format(2)
    panel.only_mine.native.click()
    settle()
    assert set(np.unique(one.predicted).tolist()) <= {0, 2, 5, 6}


def test_what_is_not_sure_is_set_beside_the_switch_and_told_below_the_table(panel, open_all, settle):
    one = open_all.current
    assert not panel.least_sure.enabled
    assert not panel.remarks.isVisible()
    press(panel, "New")
    press(panel, "New")
    for label, at in ((5, 15), (6, 45)):
        truth_of(panel, one).paint((at, at), label)
        settle()
    press(panel, "Refine")
    settle()
    assert panel.least_sure.enabled
    panel.least_sure.value = 1.0
    settle()
    assert open_all.model.least_sure == 1.0
    share = (one.shown(open_all.model.classes) == 0).mean()
    assert f"{share:.1%} of this scan is not sure" in panel.remarks.text()
    press(panel, "Undo")
    settle()
    assert panel.least_sure.value == open_all.model.least_sure == LEAST_SURE


def test_a_class_inside_another_is_told_below_the_table(panel, open_all, settle):
    one = open_all.current
    rows, cols = np.indices(one.truth.shape)
    data = np.ones_like(one.truth)
    for row, col in ((12, 12), (12, 40), (40, 12), (40, 40)):
        far = np.hypot(rows - row, cols - col)
        data[far <= 8] = 3
        data[far <= 4] = 4
    for label in (1, 3, 4):
        open_all.paint(one, data == label, label)
    settle()
    assert "Most pieces of cluster 4 lie inside cluster 3" in panel.remarks.text()
    panel.table.select([3, 4])
    press(panel, "Merge")
    settle()
    assert "Most pieces" not in panel.remarks.text()


def test_a_key_chooses_a_row_and_answers_what_is_asked(panel, open_all):
    panel.correction.next_key.emit()
    one, area = panel.review.asked
    panel.correction.class_picked.emit(3)
    panel.correction.class_key.emit(3)
    assert panel.table.chosen == [3]
    assert one.truth[tuple(round(at) for at in one.to_position(area.row, area.col))] == 3
    assert panel.review.answered == 1


def test_a_panel_that_is_opened_again_goes_on_and_the_closed_one_hears_nothing(panel, open_all, viewer, dock):
    panel.review_panel.go()
    panel.worker = Worker()  # which ends with the panel; the warm one is for other tests
    viewer.window.remove_dock_widget("all")
    again = dock(viewer, "Correct")
    assert again is not panel
    assert Path(open_all.scans[0].file.path).is_file()  # for Explore
    panel.table.select([])
    again.correction.class_picked.emit(2)
    again.correction.next_key.emit()
    assert (panel.table.chosen, again.table.chosen) == ([], [2])
    assert panel.review.asked is None
    assert again.review.asked is not None
    again.edit(edits.rename, 1, "rows")
    assert again.table.item(0, 2).text() == "rows"
    assert panel.table.item(0, 2).text() == "cluster 1"


# ---- the review of a folder


def test_uncertain_areas_of_a_whole_folder_are_opened_one_after_the_other(
    panel, viewer, finish, settle, scans
):
    for layer in list(viewer.layers):
        viewer.layers.remove(layer)
    panel.search_folder(str(Path(scans[0].source).parent))
    finish(panel)
    assert (
        "uncertain areas on 8 scans found. N shows them." in panel.status.text()
    )  # two files, four directions
    expected = max(panel.review.to_open, key=lambda far: far.area.weight)
    panel.review_panel.go()
    finish(panel)
    settle()
    one, area = panel.review.asked
    assert area == expected.area
    assert expected.is_on(one.scan)
    assert all(not far.is_on(one.scan) for far in panel.review.to_open)


def test_an_area_on_a_scan_that_has_gone_is_said(panel, open_all, said, tmp_path):
    area = UncertainArea(0, 0, 0, 1, 2, 0.0, 1.0)
    found = UncertainFound("a scan", str(tmp_path / "gone.Z_mtrx"), "Z", "forward/up", (area,))
    panel.open_area(AreaToOpen(found, area))
    assert len(said()) == 1
    assert said()[0].startswith("a scan could not be opened")


# ---- whatever happens to napari

CRASH = """
import os, sys, time
os.environ["NAPARI_CONFIG"] = ""
import napari._qt.qt_viewer
from vispy.gloo import gl
gl.glGetParameter = lambda question: {gl.GL_EXTENSIONS: "texture_float"}.get(question, 16384)
import napari
from qtpy.QtWidgets import QApplication
from napari_stmml import read_mtrx
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.shared.in_sight import NO_SCAN

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
truth = panel.correction.of(panel.session.scans[0]).truth
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
    process = subprocess.Popen(
        [sys.executable, "-c", CRASH, scans[0].source, str(model_copy)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    first = process.stdout.readline()
    assert first.startswith("1 "), first
    time.sleep(1.75)
    process.send_signal(signal.SIGKILL)
    painted = [int(line.split()[1]) for line in (first + process.stdout.read()).splitlines()]
    process.wait()
    kept = np.count_nonzero(TruthFile(scans[0]).load().labels)
    assert kept >= painted[max(len(painted) - 2, 0)]
    assert SurfaceClassifier.load(model_copy).n_clusters == 4
