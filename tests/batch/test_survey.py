import pytest

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.survey import files_of, survey
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

HEIGHTS = simulate_si001((16, 16), 6.0, seed=1).heights


def write(folder, count=2):
    frames = [Frame(dict.fromkeys(DIRECTIONS[:2], HEIGHTS), width_nm=6.0, height_nm=6.0)] * count
    return write_session(folder, frames, session="s")


@pytest.fixture
def tree(tmp_path):
    """Two folders of one name, each with a session of the same name, one deeper than the other."""
    for place in ("a/scans", "b/scans/day 1"):
        write(tmp_path / place)
    return tmp_path


def test_a_file_that_two_paths_reach_is_taken_once(tree):
    scans = tree / "a" / "scans"
    (scans / "s--1_7.I_mtrx").write_bytes(b"a current")
    paths = [scans, scans, tree / "a", scans / "s--1_1.Z_mtrx", scans / "../scans", scans / "s_0001.mtrx"]
    found = list(survey(("train", path) for path in paths))
    assert sorted(one.path.name for one in found) == ["s--1_1.Z_mtrx", "s--1_2.Z_mtrx", "s--1_7.I_mtrx"]
    assert {one.place for one in found} == {"scans/s--1_1", "scans/s--1_2", ""}


def test_a_link_to_a_file_is_the_file(tree):
    (tree / "linked").symlink_to(tree / "a" / "scans", target_is_directory=True)
    found = list(survey([("train", tree / "a" / "scans"), ("predict", tree / "linked")]))
    assert [one.set for one in found] == ["train", "train"]


def test_two_folders_of_the_same_name_do_not_collide(tree):
    found = list(survey([("train", tree / "a" / "scans"), ("test", tree / "b" / "scans")]))
    assert [(one.set, one.place) for one in found] == [
        ("train", "scans/s--1_1"),
        ("train", "scans/s--1_2"),
        ("test", "scans-2/day 1/s--1_1"),
        ("test", "scans-2/day 1/s--1_2"),
    ]


def test_files_of_one_folder_named_one_by_one_stand_in_one_folder(tree):
    files = sorted((tree / "a" / "scans").glob("*.Z_mtrx"))
    assert [one.place for one in survey(("train", file) for file in files)] == [
        "scans/s--1_1",
        "scans/s--1_2",
    ]


def test_a_file_beyond_a_limit_can_still_be_labelled(tmp_path):
    write(tmp_path / "scans", 3)
    limited = {"train_path": ["scans"], "mtrx_train_data_limit": 1}
    left = files_of(JobFile(limited, tmp_path))
    assert [(one.set, one.problem[:32]) for one in left if not one.place] == [
        ("train", "Beyond mtrx_train_data_limit 1: ")
    ] * 2
    both = files_of(JobFile({**limited, "predict_path": ["scans"]}, tmp_path))
    assert [one.set for one in both if one.place] == ["train", "predict", "predict"]


def test_a_scan_to_validate_on_is_none_to_train_on_wherever_it_lies(tmp_path):
    *_, last = write(tmp_path / "scans", 3)
    found = files_of(JobFile({"train_path": ["scans"], "test_path": [str(last)]}, tmp_path))
    assert [(one.path.name, one.set) for one in found] == [
        ("s--1_1.Z_mtrx", "train"),
        ("s--1_2.Z_mtrx", "train"),
        (last.name, "test"),
    ]


def test_names_as_long_as_a_disk_allows_leave_room_for_those_of_our_files(tmp_path):
    folder = tmp_path / ("f" * 255)
    folder.mkdir()
    write_session(
        folder, [Frame({"forward/up": HEIGHTS}, width_nm=6.0, height_nm=6.0)] * 2, session="s" * 243
    )
    found = list(survey([("train", folder)]))
    assert {len(part) for one in found for part in one.place.split("/")} == {175}
    assert len({one.place for one in found}) == len(found) == 2
    assert all(one.place.endswith(one.path.stem[-20:]) for one in found)
