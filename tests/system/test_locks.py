"""Locks of one user: in a private folder that all of its processes find, whoever has taken its name."""

import os
import stat
import tempfile

import pytest

from napari_stmml.system.locks import lock_folder, take_lock
from napari_stmml.system.user_folder import VARIABLE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_locks_and_their_folder_are_private_though_an_earlier_version_made_it(home):
    (home / "locks").mkdir(parents=True, mode=0o755)
    with take_lock("a", 0), pytest.raises(TimeoutError, match=r"another window has held .*a\.lock for more"):
        take_lock("a", 0)
    assert lock_folder() == home / "locks"
    assert (mode(home / "locks"), mode(home / "locks" / "a.lock")) == (0o700, 0o600)


def test_where_the_home_cannot_be_written_the_folder_is_a_private_one_among_temporary_files(
    tmp_path, temporary, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "home"))
    first = lock_folder()
    assert first.parent == temporary
    assert mode(first) == 0o700
    assert lock_folder() == first


def test_links_and_files_under_the_name_of_the_folder_are_left_alone(tmp_path, home, temporary):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    home.mkdir()
    (home / "locks").symlink_to(theirs)
    first = lock_folder()
    assert first.parent == temporary
    first.rmdir()
    first.symlink_to(theirs)
    second = lock_folder()
    assert second.parent == temporary
    assert second != first
    second.rmdir()
    second.symlink_to(tmp_path / "nowhere")
    with take_lock("a", 0):
        assert lock_folder() not in (first, second)
    assert list(theirs.iterdir()) == []
    assert mode(theirs) == 0o755
    assert not (tmp_path / "nowhere").exists()


def test_where_there_is_no_place_it_is_said(tmp_path, temporary, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(OSError, match="no place for locks"):
        lock_folder()
