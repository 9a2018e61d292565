"""What was made of a file is kept until the file changes, and never longer."""

import os

import pytest

from napari_stmml.system.kept import Kept

LONG_AGO = 1_000_000_000


@pytest.fixture
def read():
    calls = []

    def make(*paths):
        calls.append(paths)
        return "".join(path.read_text() for path in paths)

    kept = Kept(make, 2)
    kept.calls = calls
    return kept


def file(tmp_path, name, text, age=LONG_AGO):
    path = tmp_path / name
    path.write_text(text)
    os.utime(path, (age, age))
    return path


@pytest.fixture
def settled(monkeypatch):
    """Let what the disk notes of a change be long ago."""
    monkeypatch.setattr("napari_stmml.system.kept.SETTLED_S", -1.0)


def test_a_file_that_stays_is_read_once(tmp_path, read, settled):
    path = file(tmp_path, "a", "1")
    assert [read(path), read(path)] == ["1", "1"]
    assert len(read.calls) == 1


def test_a_file_that_changes_is_read_again(tmp_path, read, settled):
    path = file(tmp_path, "a", "1")
    assert read(path) == "1"
    file(tmp_path, "a", "2", LONG_AGO + 1)
    assert read(path) == "2"


def test_a_file_that_was_just_written_is_not_kept(tmp_path, read):
    path = file(tmp_path, "a", "1")
    assert [read(path), read(path)] == ["1", "1"]
    assert len(read.calls) == 2


def test_of_many_the_one_that_was_used_longest_ago_goes(tmp_path, read, settled):
    first, second, third = (file(tmp_path, name, name) for name in "abc")
    for path in (first, second, first, third, first, second):
        assert read(path) == path.name
    assert [paths[0].name for paths in read.calls] == ["a", "b", "c", "b"]


def test_a_file_that_is_not_there_is_not_kept(tmp_path, read):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")
