"""Folders of the program: a person sees and chooses that of models and truths; earlier ones are found."""

import json
from pathlib import Path

import pytest

from napari_stmml.system import user_folder as folders
from napari_stmml.system.user_folder import (
    VARIABLE,
    earlier_folders,
    models_folder,
    set_work_folder,
    truth_folder,
    user_folder,
    work_folder,
)


@pytest.fixture
def person(tmp_path, monkeypatch):
    """Give a person with documents and no variable; return the home."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(folders, "user_documents_path", lambda: tmp_path / "Documents")
    monkeypatch.setattr(folders, "user_data_path", lambda name, appauthor: tmp_path / "data" / name)
    (tmp_path / "Documents").mkdir()
    return tmp_path


def test_the_folder_of_an_earlier_version_is_still_used(person):
    assert user_folder() != person / ".napari-stmml"
    assert user_folder().name == "napari-stmml"
    (person / ".napari-stmml").mkdir()
    assert user_folder() == person / ".napari-stmml"


def test_a_variable_names_another_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "here"))
    assert user_folder() == work_folder() == tmp_path / "here"


def test_models_and_truths_lie_among_the_documents_and_nothing_is_made_before_it_is_needed(person):
    assert models_folder() == person / "Documents" / "napari-stmml" / "models"
    assert truth_folder() == person / "Documents" / "napari-stmml" / "truth"
    assert earlier_folders() == [user_folder()]  # where earlier versions kept them
    assert not list((person / "Documents").iterdir())
    (person / "Documents").rmdir()
    assert work_folder() == person / "napari-stmml"  # as on a computer without documents


def test_a_chosen_folder_lasts_and_the_ones_before_are_still_looked_into(person):
    usual = work_folder()
    first, second = person / "lab", person / "disk" / "napari-stmml"
    assert set_work_folder(first) == work_folder() == first / "napari-stmml"
    assert set_work_folder(str(second)) == work_folder() == second
    assert earlier_folders() == [first / "napari-stmml", usual, user_folder()]
    assert set_work_folder("") == work_folder() == usual
    assert earlier_folders() == [second, first / "napari-stmml", user_folder()]
    assert not first.exists()


def test_what_is_no_folder_is_refused_and_a_damaged_choice_is_none(person):
    file = person / "notes.txt"
    file.write_text("")
    with pytest.raises(ValueError, match=r"notes\.txt is a file, not a folder"):
        set_work_folder(file)
    with pytest.raises(ValueError, match="'scans' is no full path"):
        set_work_folder("scans")
    user_folder().mkdir(parents=True)
    for content in ("", "[]", json.dumps({"folders": 3}), json.dumps({"folders": ["here"]})):
        (user_folder() / "folder.json").write_text(content)
        assert work_folder() == person / "Documents" / "napari-stmml"
