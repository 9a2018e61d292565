"""Models that were used are found again: in a list, and each by the scans that it was used on."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Scan, SurfaceClassifier, read_mtrx
from napari_stmml.model.recent_models import keep_model, model_info, model_of, note_use, recent_models
from napari_stmml.system.user_folder import set_work_folder


@pytest.fixture
def scan(home, small_session, tmp_path):
    shutil.copytree(small_session[0].parent, tmp_path / "scans")
    return read_mtrx(tmp_path / "scans" / small_session[0].name)[0]


def test_a_model_says_its_date_scans_and_classes_without_being_loaded(model_copy, instant_classifier):
    found = model_info(model_copy)
    assert found.classes == instant_classifier.class_names
    assert found.scans == len(instant_classifier.training["files"]) == 1
    assert found.made.isoformat() == instant_classifier.training["created"]
    assert found.line().startswith("corrected · 20")
    assert found.line().endswith(" · 1 scan · 4 classes")
    classes = instant_classifier.classes.renamed(2, "step edge").merged([3], into=1)
    replace(instant_classifier, classes=classes).save(model_copy)
    assert model_info(model_copy).classes == ("cluster 1", "step edge", "cluster 4")  # as it is now


def test_models_that_were_used_come_first_then_those_of_the_folder_old_ones_too(
    home, instant_model, model_copy, tmp_path
):
    assert recent_models() == []
    (home / "models").mkdir(parents=True)
    old = home / "models" / "old.stmml"
    shutil.copy(instant_model, old)
    os.utime(old, (1, 1))
    set_work_folder(tmp_path / "lab")
    (home / "models" / "none.stmml").write_bytes(b"no model")
    note_use(model_copy)
    note_use(instant_model)
    assert [one.path.name for one in recent_models()] == ["filters.stmml", "corrected.stmml", "old.stmml"]
    assert [one.path.name for one in recent_models(most=1)] == ["filters.stmml"]


def test_the_model_of_a_scan_is_the_last_one_for_all_its_directions_wherever_the_file_goes(
    scan, instant_model, model_copy, tmp_path
):
    assert model_of(scan) is None
    note_use(instant_model, [scan])
    note_use(model_copy, [scan])
    note_use(instant_model)
    shutil.move(tmp_path / "scans", tmp_path / "moved")
    back = read_mtrx(tmp_path / "moved" / f"{scan.stem}.Z_mtrx")[1]
    assert model_of(back) == model_copy
    os.remove(model_copy)
    assert model_of(back) is None
    assert model_of(Scan(np.zeros((9, 9)), None)) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"models": 3}', b'{"scans": {"a": []}}', b"\xff"])
def test_a_damaged_list_is_an_empty_one(scan, home, instant_model, content):
    home.mkdir(exist_ok=True)
    (home / "recent_models.json").write_bytes(content)
    assert model_of(scan) is None
    assert recent_models() == []
    note_use(instant_model, [scan])
    assert model_of(scan) == instant_model
    assert set(json.loads((home / "recent_models.json").read_bytes())) == {"models", "scans"}


def test_what_was_clustered_at_once_is_kept_by_the_name_of_its_scan_and_overwrites_nothing(
    scan, home, instant_model, tmp_path, monkeypatch
):
    first, second = (keep_model(instant_model, scan, tmp_path) for _ in range(2))
    assert first == home / "models" / "1_1_FU_2026Nov23-120000_4-classes.stmml"
    assert second == home / "models" / "1_1_FU_2026Nov23-120000_4-classes-2.stmml"
    assert SurfaceClassifier.load(second).n_clusters == 4
    monkeypatch.setattr("napari_stmml.model.recent_models.is_writable", lambda folder: False)
    assert keep_model(instant_model, scan, tmp_path).parent == tmp_path
