"""One at a time, whoever it is, and nobody waits for ever."""

import subprocess
import sys
import time

import pytest

from napari_stmml.system.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from napari_stmml.system.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "a.lock")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_whoever_waits_too_long_for_another_process_is_told(tmp_path, holder):
    with (
        pytest.raises(TimeoutError, match=r"another window has held .*a.lock for more than 0.1 s"),
        locked(tmp_path / "a.lock", 0.1),
    ):
        raise AssertionError("two hold it")


def test_a_process_that_dies_lets_go(tmp_path, holder):
    holder.kill()
    holder.wait()
    began = time.monotonic()
    with locked(tmp_path / "a.lock"):
        assert time.monotonic() - began < 5


def test_the_next_gets_it_when_the_first_has_ended(tmp_path):
    for _ in range(2):
        with (
            locked(tmp_path / "new" / "a.lock", 0),
            pytest.raises(TimeoutError),
            locked(tmp_path / "new" / "a.lock", 0),
        ):
            raise AssertionError("two hold it")
