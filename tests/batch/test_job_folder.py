import json
import signal
import subprocess
import sys

import pytest

from napari_stmml.batch.job_folder import JobFolder, difference, digest
from napari_stmml.batch.records import StepRecord, read_record

HOLD = """
import sys, time
from pathlib import Path
from napari_stmml.batch.job_folder import JobFolder
with JobFolder(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    time.sleep(60)
"""


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")


@pytest.fixture
def folder(tmp_path):
    folder = JobFolder(tmp_path / "job")
    folder.path.mkdir()
    return folder


def finish(folder, fingerprint, *names):
    """Do a step as the pipeline does: begin, note what comes, make it, note that it is there."""
    assert folder.begin("step", fingerprint)[0] is False
    folder.note("step", fingerprint, names)
    put(folder.path, *names)
    folder.note("step", fingerprint, names, done=True)


def test_a_digest_is_the_same_for_the_same_values_only():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(digest({})) == 64


def test_the_difference_names_what_changed_and_only_that():
    before = {"epochs": 5, "window_size": 32, "scans": "0" * 64}
    assert difference(before, before | {"epochs": 6}) == "epochs was 5 and is 6"
    assert difference(before, before | {"scans": "1" * 64}) == "scans changed"
    two = difference(before, before | {"epochs": 6, "scans": "1" * 64})
    assert two == "epochs was 5 and is 6"


def test_a_step_is_done_when_all_its_files_are_there_with_the_same_parameters(folder):
    finish(folder, {"epochs": 1}, "a.txt", "deep/b.txt")
    assert folder.begin("step", {"epochs": 1}) == (True, "")
    (folder / "deep/b.txt").unlink()
    assert folder.begin("step", {"epochs": 1}) == (False, "")
    assert (folder / "a.txt").exists()
    assert not (folder / "older").exists()


def test_a_step_that_was_begun_only_is_not_done(folder):
    folder.begin("step", {"epochs": 1})
    folder.note("step", {"epochs": 1}, ["a.txt"])
    put(folder.path, "a.txt")
    assert folder.begin("step", {"epochs": 1}) == (False, "")
    assert read_record(folder / "state/step.json", StepRecord).outputs == ("a.txt",)


def test_files_of_other_parameters_are_put_aside_whole_and_a_sentence_says_why(folder):
    put(folder.path, "mine.txt")
    finish(folder, {"epochs": 1}, "a.txt", "deep/b.txt")
    done, said = folder.begin("step", {"epochs": 2})
    older = folder / "older/1"
    assert not done
    assert said == f"step: epochs was 1 and is 2; the files made before are now in {older}"
    assert (older / "deep/b.txt").read_text() == "this is deep/b.txt"
    assert sorted(file.name for file in older.rglob("*") if file.is_file()) == ["a.txt", "b.txt"]
    assert not (folder / "a.txt").exists()
    assert (folder / "mine.txt").exists()


def test_every_run_puts_aside_in_a_folder_of_its_own(folder):
    for number in (1, 2, 3):
        again = JobFolder(folder.path)
        finish(again, {"epochs": number}, "a.txt")
    assert sorted(file.name for file in (folder / "older").iterdir()) == ["1", "2"]
    assert (folder / "older/1/a.txt").read_text() == "this is a.txt"


def test_a_folder_is_put_aside_with_all_that_is_in_it(folder):
    put(folder.path, "windows/x/0.npy", "windows/x/1.npy", "windows/y/0.npy")
    older = folder.put_aside(["windows/x", "windows/x/0.npy", "gone.txt"])
    assert (older / "windows/x/1.npy").exists()
    assert sorted(file.name for file in (folder / "windows").iterdir()) == ["y"]


@pytest.mark.parametrize("damage", ["", "{", "[1]", "3", '"x"', "\x00"])
def test_what_a_step_left_behind_is_not_known_where_its_record_is_damaged(folder, damage):
    finish(folder, {"epochs": 1}, "a.txt")
    (folder / "state/step.json").write_text(damage)
    assert not folder.is_done("step", {"epochs": 1})
    assert folder.begin("step", {"epochs": 1}) == (False, "")


@pytest.mark.parametrize("damage", [{}, {"done": True}, {"fingerprint": {"epochs": 1}, "done": True}])
def test_a_record_that_lacks_parts_does_not_stop_a_step(folder, damage):
    finish(folder, {"epochs": 1}, "a.txt")
    (folder / "state/step.json").write_text(json.dumps(damage))
    assert folder.begin("step", {"epochs": 1})[0] is False


def test_a_folder_is_locked_for_one_at_a_time(folder):
    refused = pytest.raises(ValueError, match=r"another job is at work in .*job; wait for it or stop it")
    with folder.locked(), refused, JobFolder(folder.path).locked():
        pass
    with JobFolder(folder.path).locked():
        pass


def test_a_lock_goes_with_the_process_that_was_killed(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder.path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "locked\n"
    with pytest.raises(ValueError, match="another job is at work"), JobFolder(folder.path).locked():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    with JobFolder(folder.path).locked():
        pass


def test_what_a_killed_job_left_half_written_is_swept_and_nothing_else(folder):
    put(folder.path, "windows/.stmml-abc.npy", "model/.stmml-1", "windows/a.npy")
    with folder.locked():
        left = sorted(file.name for file in folder.path.rglob("*") if file.is_file())
    assert left == [".lock", "a.npy"]


def test_one_that_is_refused_sweeps_nothing(folder):
    with folder.locked():
        put(folder.path, ".stmml-being-written")
        with pytest.raises(ValueError, match="another job"), JobFolder(folder.path).locked():
            pass
        assert (folder / ".stmml-being-written").exists()
