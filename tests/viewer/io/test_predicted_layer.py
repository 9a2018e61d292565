"""Strokes on a map of Predict: kept as truth of the scan, joined with what there was, lost in no case."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Labels

from napari_stmml import read_mtrx
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.truth.overlay import with_truth
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.io.layers import labels_to_layer
from napari_stmml.viewer.io.predicted_layer import PREDICTION, Prediction, keep_strokes, shown_map

HIGHEST = "the highest that a truth can hold"


@pytest.fixture
def scan(home, small_session, tmp_path):
    for path in small_session[0].parent.iterdir():
        shutil.copy(path, tmp_path)
    return read_mtrx(tmp_path / small_session[0].name)[0]


def map_of(scan, classifier, model, lineage="one"):
    """Make the layer that Predict shows."""
    labels = classifier.predict(scan)
    data, meta, _ = labels_to_layer(
        LabelMap(labels, scan.pixel_size, *classifier.classes.legend, scan=scan.settings())
    )
    meta["metadata"][PREDICTION] = Prediction(scan, model, lineage, labels.copy())
    return Labels(data, **meta)


def test_what_is_painted_is_kept_once_and_shown_by_the_next_prediction(
    scan, instant_classifier, instant_model
):
    layer = map_of(scan, instant_classifier, instant_model)
    assert keep_strokes([layer]) == ([], [])
    was = instant_classifier.predict(scan)[3:9, 5:9]
    label = 1 + int(np.bincount(was.ravel(), minlength=instant_classifier.n_classes + 1)[1:].argmin())
    layer.data[3:9, 5:9] = label
    layer.data[20:22] = 0  # erased: no class
    changed = int((was != label).sum())
    assert changed > 1
    kept, lost = keep_strokes([layer])
    assert kept == [f"{changed} pixels painted on “labels” are kept as truth of the scan."]
    assert not lost
    assert keep_strokes([layer]) == ([], [])
    again = with_truth(instant_classifier.predict(scan), scan, instant_classifier.classes, "one")
    assert (again.labels[3:9, 5:9] == label).all()
    assert again.painted == changed


def test_strokes_are_joined_with_the_truth_that_there_was(scan, instant_classifier, instant_model):
    before = np.zeros(scan.heights.shape, np.uint8)
    before[:3] = 7
    TruthFile(scan).save(before, {7: "step edge"}, {}, "another model")
    layer = map_of(scan, instant_classifier, instant_model)
    layer.data[40:, :] = 9  # a label that has no class yet
    assert keep_strokes([layer])[1] == []
    found = TruthFile(scan).load()
    names = {found.names.get(label, "") for label in np.unique(found.labels[:3]).tolist()}
    assert names == {"step edge"}
    assert (found.labels[40:] == 9).all()


def test_another_model_does_not_take_cluster_2_for_its_own(scan, instant_classifier, instant_model):
    layer = map_of(scan, instant_classifier, instant_model)
    layer.data[:10] = 2
    keep_strokes([layer])
    other = with_truth(np.ones(scan.heights.shape, np.uint8), scan, instant_classifier.classes, "other")
    painted = instant_classifier.predict(scan)[:10] != 2
    assert set(np.unique(other.labels[:10][painted])) == {5}
    assert other.classes.names[4] == "cluster 2 as painted"


def test_what_cannot_be_kept_is_said_and_stays_on_its_layer(scan, instant_classifier, instant_model):
    layer = map_of(scan, instant_classifier, instant_model)
    wide = Labels(layer.data.astype(np.uint16), metadata=dict(layer.metadata), name="many")
    wide.data[0, 0] = 300
    kept, lost = keep_strokes([wide])
    assert not kept
    assert lost == [f"What was painted on “many” is on that layer alone: label 300 is above 255, {HIGHEST}"]
    assert keep_strokes([wide])[1] == lost


def test_what_was_only_erased_is_said_to_come_back(scan, instant_classifier, instant_model):
    layer = map_of(scan, instant_classifier, instant_model)
    layer.data[:5] = 0
    kept, _ = keep_strokes([layer])
    assert kept == ["What was erased on “labels” comes back: the truth of a scan holds classes alone."]
    assert TruthFile(scan).load() is None


def test_the_map_that_is_shown_is_the_active_the_visible_or_the_topmost_one(
    new_viewer, scan, instant_classifier, instant_model
):
    viewer = new_viewer()
    first, second, third = (map_of(scan, instant_classifier, instant_model) for _ in range(3))
    for layer in (first, second, third):
        viewer.add_layer(layer)
    viewer.layers.selection.active = None
    assert shown_map(viewer, [scan]) is third
    third.visible = False
    assert shown_map(viewer, [scan]) is second
    viewer.layers.selection.active = first
    assert shown_map(viewer, [scan]) is first
    assert shown_map(viewer, [replace(scan, direction="backward/up")]) is None
