import subprocess
import sys
import threading
import time

import pytest

from napari_stmml.system import folder_lock
from napari_stmml.system.folder_lock import FolderLock, holder

HOLD = """
import sys, time
from pathlib import Path
from napari_stmml.system import folder_lock
if sys.argv[2] == "elsewhere":
    folder_lock._machine = lambda: "another machine"
lock = folder_lock.FolderLock(Path(sys.argv[1]))
folder_lock.BEAT = 0.1
lock.take()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_lock, "BEAT", 0.1)
    monkeypatch.setattr(folder_lock, "PATIENCE", 1.5)
    monkeypatch.setattr(folder_lock, "_LOOKS", 0.05)
    return tmp_path / ".lock"


def held_elsewhere(path, where):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), where], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_lock_holds_while_its_holder_lives_and_is_taken_over_when_it_was_killed(path, where):
    process = held_elsewhere(path, where)
    waited = []
    with pytest.raises(TimeoutError, match="is held on"):
        FolderLock(path).take(waited.append)
    process.kill()
    process.wait(30)
    lock = FolderLock(path)
    lock.take(waited.append)
    assert holder(path) == (lock.token, True)
    assert bool(waited) == (where == "elsewhere")
    lock.release()
    assert list(path.parent.iterdir()) == []


def test_of_many_that_find_a_dead_holder_one_gets_the_lock(path):
    path.write_text("f" * 32 + "\nanother machine\n1\n\n")
    got, refused = [], []

    def take():
        lock = FolderLock(path)
        try:
            lock.take()
            got.append(lock)
        except TimeoutError:
            refused.append(lock)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    time.sleep(0.5)
    assert len(refused) == 5
    assert [lock.lost for lock in got] == [False]
    got[0].release()


def test_a_holder_whose_lock_was_taken_over_notices(path):
    lock = FolderLock(path)
    lock.take()
    path.write_text("f" * 32 + "\nanother machine\n1\n\n")
    end = time.monotonic() + 10
    while not lock.lost:
        assert time.monotonic() < end
        time.sleep(0.02)
    lock.release()
    assert holder(path) == ("f" * 32, True)


def test_a_deleted_file_is_made_anew_and_a_stop_is_seen_by_others(path):
    lock = FolderLock(path)
    lock.take()
    path.unlink()
    lock.stop()
    assert holder(path)[0] in ("", lock.token)
    end = time.monotonic() + 10
    while holder(path) != (lock.token, False):
        assert time.monotonic() < end
        time.sleep(0.02)
    lock.release()
    assert holder(path) == ("", False)
