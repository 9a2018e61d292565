"""Correct opens scans with the model of the map that is shown, and keeps what was painted on that map."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox

from napari_stmml import read_mtrx
from napari_stmml.correction import edits
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.model.model_file import lineage
from napari_stmml.viewer.correct.ask_model import ask_which
from napari_stmml.viewer.io.layers import labels_to_layer, scan_of, scan_to_layer
from napari_stmml.viewer.io.predicted_layer import PREDICTION, Prediction


@pytest.fixture
def panel(viewer, dock, small_session, home, tmp_path):
    """Open Correct, before anything was predicted, and two directions of a scan in a folder of its own."""
    panel = dock(viewer, "Correct")
    for path in small_session[0].parent.iterdir():
        shutil.copy(path, tmp_path)
    for scan in read_mtrx(tmp_path / small_session[0].name)[:2]:
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    yield panel
    panel.session.flush()


@pytest.fixture
def mapped(panel, instant_classifier, tmp_path):
    """Show a map of Predict on each scan, made by models of their own; return these."""
    models = []
    for number, image in enumerate(panel.layers.choices):
        scan, training = scan_of(image), {**instant_classifier.training, "seed": number + 1}
        model = replace(instant_classifier, training=training)
        made = model.save(tmp_path / f"model {number}.stmml")
        data, meta, _ = labels_to_layer(LabelMap(model.predict(scan), scan.pixel_size, scan=scan.settings()))
        meta["metadata"][PREDICTION] = Prediction(scan, made, lineage(training), data.copy())
        panel.viewer.add_labels(data, **(meta | {"name": f"map {number}"}))
        models.append(model)
    return models


def correct(panel, finish, *layers):
    panel.layers.value = list(layers)
    panel.start_button.click()
    finish(panel)
    return lineage(panel.session.model.training)


def test_each_scan_is_corrected_with_the_model_of_its_own_map(panel, mapped, finish):
    first, second = panel.layers.choices
    assert correct(panel, finish, first) == lineage(mapped[0].training)
    kept = panel.session.path
    panel.edit(edits.rename, 1, "rows")
    assert correct(panel, finish, second) == lineage(mapped[1].training)
    assert panel.session.path != kept
    assert "Closed: 1 scan that another model had opened; what was painted on them is saved." in (
        panel.status.text()
    )
    panel.layers.value = [first]
    assert Path(panel.model.value) == kept  # with what was done to it, not the unsaved one again
    assert correct(panel, finish, first) == lineage(mapped[0].training)
    assert panel.session.model.class_names[0] == "rows"


def test_maps_of_several_models_are_said_and_the_seen_ones_model_is_taken(panel, mapped, finish):
    first, second = panel.layers.choices
    panel.viewer.layers.selection.active = panel.viewer.layers["map 0"]
    assert correct(panel, finish, first, second) == lineage(mapped[0].training)
    assert f"“map 1” was made by another model than {panel.session.path.name}." in panel.status.text()


@pytest.mark.parametrize("answer", ["corrected.stmml", "model 0.stmml", None])
def test_where_the_chosen_model_did_not_make_the_map_a_person_is_asked(
    panel, mapped, finish, model_copy, tmp_path, monkeypatch, answer
):
    asked = []

    def which(parent, *models):
        asked.append([one.name for one in models])
        return None if answer is None else tmp_path / answer

    monkeypatch.setattr("napari_stmml.viewer.correct.opening.ask_which", which)
    panel.model.value = model_copy
    panel.layers.value = panel.layers.choices[:1]
    panel.start_button.click()
    finish(panel)
    assert asked == [["model 0.stmml", "corrected.stmml"]]
    assert panel.session.path == (None if answer is None else tmp_path / answer)
    other = "“map 0” was made by another model than corrected.stmml." in panel.status.text()
    assert other == (answer == "corrected.stmml")


def test_the_question_names_both_models(panel, qtbot, monkeypatch):
    for answer, path in ((0, Path("a.stmml")), (1, Path("b.stmml")), (2, None)):

        def click(box, answer=answer):
            assert "made by a.stmml, and b.stmml is chosen" in box.text()
            box.buttons()[answer].click() if answer < 2 else box.reject()

        monkeypatch.setattr(QMessageBox, "exec", click)
        assert ask_which(panel, Path("a.stmml"), Path("b.stmml")) == path


def test_the_next_day_a_scan_comes_with_the_model_and_the_truth_that_it_had(
    panel, finish, new_viewer, dock, model_copy, tmp_path
):
    panel.model.value = model_copy
    correct(panel, finish, panel.layers.choices[0])
    (one,) = panel.session.scans
    panel.session.paint(one, np.s_[5:9, 5:9], 2)
    panel.session.flush()
    viewer = new_viewer()  # of another day
    later = dock(viewer, "Correct")
    data, meta, _ = scan_to_layer(one.scan)
    layer = viewer.add_image(data, **meta)
    later.layers.value = [layer]
    assert later.model.value == Path(model_copy)
    assert later.model.list.currentText().startswith("corrected · ")
    correct(later, finish, layer)
    np.testing.assert_array_equal(later.session.scans[0].truth, one.truth)
    later.session.flush()


def test_strokes_on_the_map_of_predict_are_in_the_truth_that_correct_opens(panel, mapped, finish):
    shown = panel.viewer.layers["map 1"]
    shown.data[5:9, 5:9] = shown.data[5:9, 5:9] % 4 + 1
    correct(panel, finish, panel.layers.choices[1])
    (one,) = panel.session.scans
    np.testing.assert_array_equal(one.truth[5:9, 5:9], shown.data[5:9, 5:9])
    assert np.count_nonzero(one.truth) == 16
    assert "16 pixels painted on “map 1” are kept as truth of the scan." in panel.status.text()
    assert not shown.visible
