import os
import stat

import pytest

from napari_stmml.system import atomic as module
from napari_stmml.system.atomic import atomic, replace


def test_what_was_written_stands_under_its_name_and_nothing_else(tmp_path):
    with atomic(tmp_path / "a.txt") as beside:
        beside.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_the_old_file_whole(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")

    def fail():
        with atomic(tmp_path / "a.txt") as beside:
            beside.write_text("half of the n")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_folders_on_the_way_are_made(tmp_path):
    with atomic(tmp_path / "new" / "deep" / "a.txt") as beside:
        beside.write_text("x")
    assert (tmp_path / "new" / "deep" / "a.txt").read_text() == "x"


def test_the_file_beside_keeps_the_ending_and_the_folder(tmp_path):
    with atomic(tmp_path / "a.stmml.tif") as beside:
        assert (beside.suffix, beside.parent) == (".tif", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").write_text("x")
        with atomic(tmp_path / "ours") as beside:
            beside.write_text("x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")]
    assert modes == [0o666 & ~umask] * 2


def test_the_mask_of_the_process_is_not_touched_which_other_threads_would_see(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)
    with atomic(tmp_path / "a.txt") as beside:
        beside.write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"


@pytest.mark.skipif(os.name != "posix", reason="folders can be waited for on POSIX")
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_counts_as_saved(
    tmp_path, monkeypatch
):
    done, sync, rename = [], os.fsync, os.replace

    def on_disk(handle):
        sync(handle)
        done.append(os.path.realpath(f"/proc/self/fd/{handle}"))

    def renamed(source, target):
        rename(source, target)
        done.append("renamed")

    monkeypatch.setattr(os, "fsync", on_disk)
    monkeypatch.setattr(os, "replace", renamed)
    with atomic(tmp_path / "new" / "a.txt") as beside:
        beside.write_text("x")
    assert done == [str(one) for one in (tmp_path, beside, "renamed", tmp_path / "new")]
    with atomic(tmp_path / "new" / "a.txt", durable=False) as beside:
        beside.write_text("y")
    assert done[4:] == ["renamed"]


@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_file_that_another_program_holds_for_a_moment_is_waited_for(tmp_path, monkeypatch, number):
    held, rename = PermissionError("the process cannot access the file"), os.replace
    held.winerror = number  # as on Windows
    tries = []

    def held_twice(source, target):
        tries.append(source)
        if len(tries) < 3:
            raise held
        rename(source, target)

    monkeypatch.setattr(os, "replace", held_twice)
    with atomic(tmp_path / "a.txt") as beside:
        beside.write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"
    monkeypatch.setattr(module, "SECONDS_HELD", 0.0)
    tries.clear()
    with pytest.raises(PermissionError, match=r"a\.txt is open in another program: close it there"):
        replace(tmp_path / "a.txt", tmp_path / "a.txt")


def test_a_file_that_may_not_be_replaced_is_not_waited_for(tmp_path, monkeypatch):
    def refused(source, target):
        tries.append(source)
        raise PermissionError("not yours")

    tries = []
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError, match="not yours"), atomic(tmp_path / "a.txt"):
        pass
    assert len(tries) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"), atomic(tmp_path / "file" / "a.txt"):
        raise AssertionError("nothing can be written there")
