"""The examples run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[one.stem for one in EXAMPLES])
def test_an_example_runs_and_leaves_its_picture(path, tmp_path):
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if f"{path.stem}.png" in path.read_text("utf-8"):
        assert (tmp_path / f"{path.stem}.png").stat().st_size > 5000


def test_there_are_six():
    assert [one.stem[0] for one in EXAMPLES] == list("123456")
