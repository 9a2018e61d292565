"""Correct opens scans with the model of the map that is shown, and keeps what was painted on that map."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.correction import edits
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.model.model_file import lineage
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
    """Show a map of Predict on each scan, made by models of their own that nobody has saved; return these."""
    models = []
    for number, image in enumerate(panel.layers.choices):
        scan, training = scan_of(image), {**instant_classifier.training, "seed": number + 1}
        model = replace(instant_classifier, training=training)
        made = panel.shared.take_unsaved(model.save(tmp_path / "instant.stmml"))
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


def test_a_model_that_a_person_chose_is_used_and_said(panel, mapped, finish, model_copy):
    panel.model.value = model_copy
    correct(panel, finish, panel.layers.choices[0])
    assert panel.session.path == Path(model_copy)
    assert "“map 0” was made by another model than corrected.stmml." in panel.status.text()


def test_strokes_on_the_map_of_predict_are_in_the_truth_that_correct_opens(panel, mapped, finish):
    shown = panel.viewer.layers["map 1"]
    shown.data[5:9, 5:9] = shown.data[5:9, 5:9] % 4 + 1
    correct(panel, finish, panel.layers.choices[1])
    (one,) = panel.session.scans
    np.testing.assert_array_equal(one.truth[5:9, 5:9], shown.data[5:9, 5:9])
    assert np.count_nonzero(one.truth) == 16
    assert "16 pixels painted on “map 1” are kept as truth of the scan." in panel.status.text()
    assert not shown.visible
