"""The benchmark of kills, on the subject that is quickest: it finds what is the same, and what is not."""

import random

import pytest

from benchmarks.kills import contents, faults, kill_often, leftovers, subjects, write_scans


@pytest.fixture
def scans(tmp_path):
    write_scans(tmp_path / "scans")
    return tmp_path / "scans"


def test_a_saver_that_is_killed_and_started_again_ends_as_one_that_was_not(scans, tmp_path):
    subject = subjects()[-1]
    kill_often(subject, 1, tmp_path, random.Random(0))
    assert (subject.kills, subject.same, subject.complaints) == (1, 1, [])


def test_what_is_half_written_left_or_lost_is_found(tmp_path):
    (tmp_path / "tmp" / "stmml-0123456789abcdef").mkdir(parents=True)
    (tmp_path / ".stmml-0.npy").touch()
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY half")
    (tmp_path / "m.stmml").touch()
    assert [path.name for path in leftovers(tmp_path)] == [".stmml-0.npy", "stmml-0123456789abcdef"]
    assert [fault.split(": ")[:2] for fault in faults(tmp_path, "")] == [
        ["half written", "a.npy"],
        ["half written", "m.stmml"],
    ]
    (tmp_path / "a.npy").unlink()
    (tmp_path / "m.stmml").unlink()
    assert contents(tmp_path) == {}
