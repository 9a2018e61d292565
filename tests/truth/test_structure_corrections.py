import json
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.scan import Scan
from napari_stmml.truth.structure_corrections import CorrectedObject, CorrectionsFile

SAID = (CorrectedObject(3.25, 7.5, "dangling bond"), CorrectedObject(12.0, 1.0, "no object"))


@pytest.fixture
def scan(tmp_path):
    source = tmp_path / "scans" / "a.Z_mtrx"
    source.parent.mkdir()
    source.write_bytes(b"heights")
    return Scan(np.zeros((16, 20)), (0.1, 0.1), direction="forward/up", source=str(source))


def file_of(scan, tmp_path):
    return CorrectionsFile(scan, folder=tmp_path / "mine")


def test_what_was_said_stands_beside_the_scan_and_is_read_again(scan, tmp_path):
    path = file_of(scan, tmp_path).save(SAID, "m.stmml")
    assert path.parent == tmp_path / "scans"
    found = file_of(scan, tmp_path).load()
    assert (found.objects, found.model) == (SAID, "m.stmml")


def test_nothing_said_is_nothing(scan, tmp_path):
    assert file_of(scan, tmp_path).load() is None


def test_corrections_are_of_one_direction_and_one_file(scan, tmp_path):
    file_of(scan, tmp_path).save(SAID, "")
    assert file_of(replace(scan, direction="backward/up"), tmp_path).load() is None


def test_a_scan_without_a_file_has_its_corrections_in_the_users_folder(scan, tmp_path):
    path = file_of(replace(scan, source=""), tmp_path).save(SAID, "")
    assert path.parent == tmp_path / "mine"
    assert file_of(replace(scan, source=""), tmp_path).load().objects == SAID


def test_two_windows_lose_nothing_and_the_later_word_holds(scan, tmp_path):
    one, other = file_of(scan, tmp_path), file_of(scan, tmp_path)
    one.load(), other.load()
    one.save(SAID, "m")
    near = CorrectedObject(3.0, 7.0, "vacancy")  # 0.06 nm from the first
    far = CorrectedObject(10.0, 15.0, "vacancy")
    other.save([near, far], "m")
    found = file_of(scan, tmp_path).load().objects
    assert set(found) == {near, far, SAID[1]}


def test_what_was_taken_back_stays_away(scan, tmp_path):
    one = file_of(scan, tmp_path)
    one.save(SAID, "m")
    file_of(scan, tmp_path).save([*SAID, CorrectedObject(10.0, 15.0, "x")], "m")
    one.save(SAID[1:], "m")
    assert {each.said for each in file_of(scan, tmp_path).load().objects} == {"no object", "x"}


def test_the_file_before_is_kept_aside_once_a_window(scan, tmp_path):
    first = file_of(scan, tmp_path).save(SAID, "m")
    again = file_of(scan, tmp_path)
    again.load()
    for _ in range(3):
        again.save(SAID[:1], "m")
    (kept,) = [one for one in first.parent.iterdir() if one.suffix == ".bak"]
    assert len(json.loads(kept.read_text())["objects"]) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda about: about.pop("key"),
        lambda about: about["key"].update(shape=3),
        lambda about: about["objects"][0].update(row=1e9),
        lambda about: about["objects"][0].update(said=""),
        lambda about: about.update(objects=7),
    ],
)
def test_a_damaged_file_is_put_aside_and_said_and_the_next_is_written(scan, tmp_path, damage):
    path = file_of(scan, tmp_path).save(SAID, "m")
    about = json.loads(path.read_text())
    damage(about)
    path.write_text(json.dumps(about))
    file = file_of(scan, tmp_path)
    assert file.load() is None
    assert path.name in file.problem
    assert "kept aside" in file.problem
    damaged = path.read_bytes()
    file.save(SAID, "m")
    assert damaged in [one.read_bytes() for one in path.parent.iterdir() if one.suffix == ".bak"]
    assert file_of(scan, tmp_path).load().objects == SAID


def test_a_file_of_a_newer_program_stays(scan, tmp_path):
    path = file_of(scan, tmp_path).save(SAID, "m")
    about = json.loads(path.read_text()) | {"format": 2}
    path.write_text(json.dumps(about))
    file = file_of(scan, tmp_path)
    assert file.load() is None
    assert "update it" in file.problem
    assert file.save(SAID, "m") != path
    assert json.loads(path.read_text()) == about
