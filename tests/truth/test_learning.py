"""A model learns from what was painted beside scans, here and by the command line."""

import json
import shutil

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier, read_mtrx, train_classifier
from napari_stmml.cli import main
from napari_stmml.events import Learned, Skipped
from napari_stmml.truth.learning import learn_from_truths
from napari_stmml.truth.truth_file import TruthFile


@pytest.fixture
def scans(session_files, tmp_path, home):
    folder = tmp_path / "scans"
    shutil.copytree(session_files[0].parent, folder)
    return read_mtrx(folder / session_files[0].name)


@pytest.fixture(scope="module")
def classifier(session_files):
    return train_classifier(read_mtrx(session_files[0])[:1], recipe="instant", n_clusters=4)


def paint(scan, label=4):
    truth = np.zeros(scan.heights.shape, np.uint8)
    truth[20:30, 20:30] = label
    TruthFile(scan).save(truth, {label: "painted"}, {label: "#123456"})
    return truth


def test_what_was_painted_teaches_and_classes_go_by_their_names(scans, classifier):
    truth, told = paint(scans[0]), []
    learnt = learn_from_truths(classifier, scans, on_event=told.append)
    assert told == [Learned(scans[0].name, 100)]
    assert learnt.class_names[-1] == "painted"
    assert (learnt.predict(scans[0])[truth > 0] == learnt.n_classes).mean() > 0.9


def test_a_damaged_sidecar_is_said_and_the_others_learn_from_truths(scans, classifier):
    paint(scans[0])
    path = TruthFile(scans[1]).save(np.ones(scans[1].heights.shape, np.uint8), {}, {}).path
    path.write_bytes(b"no picture")
    told = []
    learn_from_truths(classifier, scans, on_event=told.append)
    assert [type(event) for event in told] == [Learned, Skipped]
    assert path.name in told[1].why


def test_the_command_writes_the_model_and_keeps_the_older(scans, classifier, tmp_path, capsys):
    model = classifier.save(tmp_path / "m.stmml")
    folder = str(tmp_path / "scans")
    assert main(["learn", folder, "--model", str(model)]) == 1
    assert "nothing was painted" in capsys.readouterr().out
    paint(scans[0])
    assert main(["learn", folder, "--model", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["learnt"][0]["painted"] == 100
    assert len(SurfaceClassifier.load(model).examples.sources) == 1
    assert len(list(tmp_path.glob("m.*.bak"))) == 1


def test_the_command_says_when_only_what_was_painted_is_shown(scans, classifier, tmp_path, capsys):
    model = classifier.save(tmp_path / "m.stmml")
    truth = np.zeros(scans[0].heights.shape, np.uint8)
    truth[20:30, 20:30], truth[40:50, 20:30] = 1, 2
    TruthFile(scans[0]).save(truth, {1: "rows", 2: "holes"}, {1: "#123456", 2: "#654321"})
    assert main(["learn", str(tmp_path / "scans"), "--model", str(model)]) == 0
    told = capsys.readouterr().out
    assert f"{model}: shows only the classes that were painted or named: rows, holes\n" in told
    assert told.endswith(f"{model}: pixels whose class is ahead of the next by less than 0.05 have none\n")
    assert main(["learn", str(tmp_path / "scans"), "--model", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["only_painted"], found["least_sure"]) == (True, 0.05)
