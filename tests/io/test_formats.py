import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

import napari_stmml
from napari_stmml import Scan, find_scans, read_mtrx, read_scans
from napari_stmml.io import formats
from napari_stmml.io.formats import Format, is_scan_file, left_out, read_scan_file, read_settings
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.io.settings import Row, Setting
from napari_stmml.scan import DIRECTIONS, ScanFileError

SESSION = "default_2026Nov23-120000_STM-STM_Spectroscopy"


def frame(directions=DIRECTIONS, **settings):
    heights = {direction: np.arange(30.0).reshape(6, 5) / 100 for direction in directions}
    return Frame(heights, width_nm=24.9, height_nm=12.3, **settings)


def test_scans_are_ordered_by_number_and_not_by_text(tmp_path):
    paths = write_session(tmp_path, [frame(DIRECTIONS[:1])] * 11)
    assert find_scans(tmp_path) == paths
    assert find_scans(tmp_path / f"{SESSION}_0001.mtrx") == paths
    for run in (2, 10):
        shutil.copyfile(paths[0], tmp_path / f"{SESSION}--{run}_1.Z_mtrx")
    assert [path.name.partition("--")[2] for path in find_scans(tmp_path)[-3:]] == [
        "1_11.Z_mtrx",
        "2_1.Z_mtrx",
        "10_1.Z_mtrx",
    ]


def test_a_folder_stands_for_all_topographies_below_it(tmp_path):
    (a,) = write_session(tmp_path / "a" / "deep", [frame()])
    (b, _) = write_session(tmp_path / "b", [frame(), frame(channel="I")])
    (tmp_path / "b" / "notes.txt").write_text("x")
    assert find_scans(tmp_path) == [a, b]


def test_a_parameter_file_stands_for_its_own_session(tmp_path):
    mine = write_session(tmp_path, [frame()] * 2, session="mine")
    write_session(tmp_path, [frame()], session="mine_too")
    assert find_scans(tmp_path / "mine_0001.mtrx") == mine


def test_a_result_file_of_any_channel_stands_for_itself(tmp_path):
    (path,) = write_session(tmp_path, [frame(channel="I")])
    assert find_scans(path) == [path]
    assert find_scans(str(path)) == [path]


def test_another_file_stands_for_itself_and_is_refused_when_it_is_read(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert find_scans(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "No such file or folder: .*none"),
        (".", "No scans: in .* and below it no file ends in .Z_mtrx"),
        ("a_0001.mtrx", "No scans: no .Z_mtrx of this session lies beside the parameter file a_0001.mtrx"),
    ],
)
def test_a_path_that_stands_for_no_scan_is_refused(tmp_path, name, message):
    (tmp_path / "a_0001.mtrx").write_bytes(b"ONTMATRX0101")
    with pytest.raises(ScanFileError, match=message):
        find_scans(tmp_path / name)


def test_files_of_a_folder_that_are_no_topographies_are_listed_with_why(tmp_path):
    (scan, current) = write_session(tmp_path, [frame(), frame(channel="I")])
    shutil.copyfile(scan, tmp_path / f"{SESSION}--1_3.I(V)_mtrx")
    shutil.copyfile(scan, tmp_path / "a.Z_mtrx")
    shutil.copyfile(scan, tmp_path / f"._{scan.name}")
    (tmp_path / "alone_0001.mtrx").write_bytes(b"ONTMATRX0101")
    (tmp_path / "notes.txt").write_text("x")
    why = {file.name: reason for file, reason in left_out(tmp_path)}
    assert (
        why.pop(current.name) == f"Not topography: {current.name} is channel I; a job takes Z images alone."
    )
    assert why.pop(f"{SESSION}--1_3.I(V)_mtrx").endswith("is spectroscopy; a job takes Z images alone.")
    assert why.pop("a.Z_mtrx") == "Not a MATRIX scan: a.Z_mtrx is not named session--run_cycle.Z_mtrx."
    assert why.pop(f"._{scan.name}").startswith("Leftover: ")
    assert why.pop("alone_0001.mtrx").startswith("No scans: no .Z_mtrx of this session")
    assert not why


# Reading


def test_scans_of_a_file_a_session_a_folder_and_a_list_are_read(tmp_path):
    first, second = write_session(tmp_path, [frame(bias=-1.0), frame(DIRECTIONS[:2], bias=-2.0)])
    both = [-1.0] * 4 + [-2.0] * 2
    assert [scan.bias for scan in read_scans(first)] == [-1.0] * 4
    assert [scan.bias for scan in read_scans(tmp_path / f"{SESSION}_0001.mtrx")] == both
    assert [scan.bias for scan in read_scans(str(tmp_path))] == both
    assert [scan.bias for scan in read_scans([second, str(first)])] == [-2.0] * 2 + [-1.0] * 4
    for one, other in zip(read_scans(first), read_mtrx(first), strict=True):
        assert one.settings() == other.settings()
        assert np.array_equal(one.heights, other.heights)


def test_a_file_of_a_folder_that_cannot_be_read_is_named(tmp_path):
    path, _ = write_session(tmp_path, [frame(), frame()])
    path.write_bytes(b"")
    with pytest.raises(ScanFileError, match=f"Empty file: {path.name}"):
        read_scans(tmp_path)


@pytest.mark.parametrize("read", [read_scan_file, read_settings])
def test_a_file_of_no_known_format_is_refused_saying_how_scans_are_named(tmp_path, read):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ScanFileError, match=r"Not a scan: notes.txt does not end in .Z_mtrx"):
        read(tmp_path / "notes.txt")
    with pytest.raises(ScanFileError, match=r"No such file: .*gone.txt"):
        read(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a--1_1.Z_mtrx", True),
        ("A--1_1.I(V)_MTRX", True),
        ("a_0001.mtrx", True),
        ("a_0001.mtrx.bak", False),
        ("a.tif", False),
        ("mtrx", False),
    ],
)
def test_a_scan_file_is_known_by_its_name(name, is_one):
    assert is_scan_file(Path("folder") / name) == is_one


# One more format


class Numbers:
    """What a file of plain numbers says beside them."""

    def as_dict(self):
        return {"parameters": {}}

    def rows(self):
        return [Row("Timing", "Taken", "never", "scan file", Setting("taken", datetime(2026, 1, 1)))]


@pytest.fixture
def numbers(monkeypatch):
    """Add a format of plain numbers, as one entry of the table."""

    def read(path):
        return [Scan(np.loadtxt(path), (0.1, 0.1), source=str(path))]

    more = Format("plain numbers", ("*.numbers",), ".numbers", read, lambda path: Numbers())
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, more))


@pytest.mark.usefixtures("numbers")
def test_a_format_that_is_added_is_found_read_and_shown_beside_the_others(tmp_path):
    write_session(tmp_path / "session", [frame()])
    path = tmp_path / "a.numbers"
    np.savetxt(path, np.ones((3, 4)))
    assert is_scan_file(path)
    assert [file.suffix for file in find_scans(tmp_path)] == [".numbers", ".Z_mtrx"]
    assert [scan.heights.shape for scan in read_scans(tmp_path)] == [(3, 4)] + [(6, 5)] * 4
    assert read_settings(path).rows()[0].text == "never"
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ScanFileError, match=r"does not end in .Z_mtrx or .numbers"):
        read_scan_file(tmp_path / "notes.txt")


def test_napari_asks_the_reader_about_the_files_of_every_format():
    manifest = yaml.safe_load((Path(napari_stmml.__file__).parent / "napari.yaml").read_text("utf-8"))
    asked = set(manifest["contributions"]["readers"][0]["filename_patterns"])
    assert {pattern for one in formats.FORMATS for pattern in one.patterns} <= asked
