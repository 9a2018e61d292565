"""The folder of the program: that of an earlier version is still used, a variable names another."""

from pathlib import Path

from napari_stmml.system.user_folder import VARIABLE, user_folder


def test_the_folder_of_an_earlier_version_is_still_used(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert user_folder() != tmp_path / ".napari-stmml"
    assert user_folder().name == "napari-stmml"
    (tmp_path / ".napari-stmml").mkdir()
    assert user_folder() == tmp_path / ".napari-stmml"


def test_a_variable_names_another_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "here"))
    assert user_folder() == tmp_path / "here"
