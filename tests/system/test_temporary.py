"""What a process leaves when it is killed goes with the next start; what a living one has stays."""

import os
import signal
import stat
import subprocess
import sys
import tempfile

import pytest

from napari_stmml.system.atomic import atomic
from napari_stmml.system.temporary import TemporaryFolder, begin_file, hold, sweep, sweep_temporary


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Give the tests a folder for temporary files of their own, and the processes that they start as well."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


OWNER = """
import sys
from pathlib import Path
from napari_stmml.system.temporary import TemporaryFolder, begin_file
own = TemporaryFolder()
(own.path / "below").mkdir()
(own.path / "below" / "large.npy").write_bytes(b"x" * 1000)
held = begin_file(Path(sys.argv[1]), ".tif")
print(own.path, held[1], flush=True)
sys.stdin.read()
"""


def owner(folder):
    """Start a process that owns a temporary folder and a file in another; return both."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, *process.stdout.readline().split()


def write(path):
    with atomic(path) as beside:
        beside.write_text("x")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path, temporary):
    gone, alive = tmp_path / "gone", tmp_path / "alive"
    for folder in (gone, alive):
        folder.mkdir()
    (killed, *left), (living, *kept) = owner(gone), owner(alive)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert all(map(os.path.exists, (*left, *kept)))
    sweep_temporary()
    write(gone / "a.txt")
    write(alive / "a.txt")
    assert not any(map(os.path.exists, left))
    assert all(map(os.path.exists, kept))
    assert sorted(one.name for one in gone.iterdir()) == ["a.txt"]
    held = hold(kept[0])  # as a worker holds the folder of its viewer
    living.communicate()
    assert os.path.exists(kept[0])
    held.close()
    sweep_temporary()
    assert list(temporary.iterdir()) == []


def test_a_temporary_folder_is_private_and_goes_when_it_is_no_longer_used(temporary):
    with TemporaryFolder() as folder:
        assert folder.parent == temporary
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "a").write_text("x")
        sweep_temporary()
        assert (folder / "a").exists()
    own = TemporaryFolder()
    path = own.path
    assert path.is_dir()
    assert path != folder
    del own
    assert list(temporary.iterdir()) == []


def test_folders_of_other_people_and_programs_stay(temporary, tmp_path):
    mine = tmp_path / "mine"
    (mine / "below").mkdir(parents=True)
    (mine / ".owner").touch()
    (temporary / "stmml-results").mkdir()
    (temporary / "stmml-0123456789abcdef").symlink_to(mine)
    (temporary / "stmml-0123456789abcde0").mkdir()
    (temporary / "stmml-0123456789abcde0" / "a").touch()  # no lock: not known to be ours
    before = sorted(temporary.iterdir())
    sweep_temporary()
    assert sorted(temporary.iterdir()) == before
    assert (mine / "below").is_dir()


def test_a_link_in_a_temporary_folder_goes_and_what_it_names_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").touch()
    with TemporaryFolder() as folder:
        (folder / "link").symlink_to(tmp_path / "mine")
    assert (tmp_path / "mine" / "a").exists()


def test_a_folder_that_has_gone_or_is_no_temporary_one_cannot_be_held(tmp_path):
    assert hold(tmp_path / "gone") is None
    assert hold(tmp_path) is None


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_half_written_files_are_private(tmp_path):
    with atomic(tmp_path / "a.txt") as beside:
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600


def test_in_a_folder_where_nobody_else_writes_all_half_written_files_go(tmp_path):
    (tmp_path / "deep" / ".stmml-folder").mkdir(parents=True)
    (tmp_path / "deep" / ".stmml-old.png").touch()
    (tmp_path / "deep" / "a.png").touch()
    _, path = begin_file(tmp_path, ".npy")
    sweep(tmp_path)
    assert not path.exists()
    assert sorted(one.name for one in (tmp_path / "deep").iterdir()) == [".stmml-folder", "a.png"]
