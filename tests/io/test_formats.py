import errno
import os
import re
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

import napari_stmml
from napari_stmml import Scan, find_scans, read_mtrx, read_scans
from napari_stmml.io import formats
from napari_stmml.io.formats import Format, files_of, is_scan_file, left_out, read_scan_file, read_settings
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.io.settings import Row, Setting
from napari_stmml.jobs.scan_stream import stream_scans
from napari_stmml.scan import DIRECTIONS, ScanFileError
from napari_stmml.system.progress import Stopped

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
    shutil.copyfile(scan, tmp_path / f"._{scan.name}")
    (tmp_path / "alone_0001.mtrx").write_bytes(b"ONTMATRX0101")
    (tmp_path / "notes.txt").write_text("x")
    why = {file.name: reason for file, reason in left_out(tmp_path)}
    assert (
        why.pop(current.name) == f"Not topography: {current.name} is channel I; a job takes Z images alone."
    )
    assert why.pop(f"{SESSION}--1_3.I(V)_mtrx").endswith("is spectroscopy; a job takes Z images alone.")
    assert why.pop(f"._{scan.name}").startswith("Leftover: ")
    assert why.pop("alone_0001.mtrx").startswith("No scans: no .Z_mtrx of this session")
    assert not why


# Links, and folders that nobody may open


@pytest.fixture
def linked(tmp_path):
    """Two folders of a scan each, that link to one another, to themselves and to what is not there."""
    (a,) = write_session(tmp_path / "a", [frame()])
    (b,) = write_session(tmp_path / "b" / "deep", [frame()])
    links = {"a/to_b": "b", "b/to_a": "a", "a/itself": "a", "b/above": ".", "a/nowhere": "gone"}
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    return a, b


def test_a_folder_behind_a_link_is_searched_once_and_loops_end(tmp_path, linked):
    a, b = linked
    assert find_scans(tmp_path) == [a, b]
    assert find_scans(tmp_path / "a") == [a, tmp_path / "a" / "to_b" / "deep" / b.name]
    assert [file for file, _ in files_of([tmp_path / "a", tmp_path / "b"])] == find_scans(tmp_path / "a")
    assert not list(left_out(tmp_path))


@pytest.fixture
def closed(monkeypatch):
    """Close folders whose name begins with 'closed', for the superuser too."""
    look = os.scandir

    def scandir(path):
        if Path(path).name.startswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr("os.scandir", scandir)


@pytest.mark.usefixtures("closed")
def test_a_folder_that_cannot_be_listed_is_called_unreadable_and_the_others_are_read(tmp_path):
    write_session(tmp_path / "closed", [frame()])
    write_session(tmp_path / "only" / "closed too", [frame()])
    for folder, named in [("closed", "closed"), ("only", "closed too")]:
        with pytest.raises(
            ScanFileError, match=rf"Unreadable folder: .*{named} cannot be listed \(Permission"
        ):
            find_scans(tmp_path / folder)
    (scan,) = write_session(tmp_path / "open", [frame()])
    assert find_scans(tmp_path) == [scan]
    said = dict(files_of([tmp_path]))
    assert said.pop(scan) == ""
    assert {folder.name for folder in said} == {"closed", "closed too"}
    assert dict(left_out(tmp_path)) == said
    with pytest.raises(ScanFileError, match="Unreadable folder"):
        read_scans(tmp_path)


def test_a_session_given_with_its_scans_and_its_folder_gives_each_scan_once(tmp_path):
    first, second = write_session(tmp_path, [frame(bias=-1.0), frame(bias=-2.0)])
    (tmp_path / "other name.Z_mtrx").symlink_to(first)
    paths = [second, tmp_path / f"{SESSION}_0001.mtrx", str(first), tmp_path, tmp_path / "gone"]
    missing = f"No such file or folder: {tmp_path / 'gone'}"
    assert list(files_of(paths)) == [(second, ""), (first, ""), (tmp_path / "gone", missing)]
    assert [scan.bias for scan in read_scans(paths[:-1])] == [-2.0] * 4 + [-1.0] * 4


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
        ("a.tif", True),
        ("a.sxm", True),
        ("a.GWY", True),
        ("a.jpg", False),
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
    with pytest.raises(ScanFileError, match=r"does not end in .Z_mtrx, .+ or .numbers"):
        read_scan_file(tmp_path / "notes.txt")


ACCIDENTS = [
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    PermissionError(errno.EACCES, "Permission denied"),
    OSError("the disk is gone"),
    UnicodeDecodeError("utf-8", b"x" * 10000, 0, 1, "invalid start byte"),
    UnicodeEncodeError("ascii", "ü" * 10000, 0, 1, "ordinal not in range"),
    re.error("nothing to repeat"),
    KeyError("y" * 10000),
    SystemError("of a library in C"),
]


@pytest.mark.parametrize(
    "error", [*ACCIDENTS, KeyboardInterrupt(), Stopped()], ids=lambda one: type(one).__name__
)
def test_whatever_a_reader_raises_is_one_sentence_and_the_other_files_are_read(tmp_path, monkeypatch, error):
    def read(path):
        if path.stem == "b":
            raise error
        return [Scan(np.ones((2, 2)), (0.1, 0.1), source=str(path))]

    def settings(path):
        raise error

    monkeypatch.setattr(formats, "FORMATS", (Format("odd", ("*.odd",), ".odd", read, settings),))
    for name in "abc":
        (tmp_path / f"{name}.odd").touch()
    if isinstance(error, KeyboardInterrupt | Stopped):
        with pytest.raises(type(error)):
            list(stream_scans([str(tmp_path)], print))
        return
    for door in (read_scan_file, read_settings):
        with pytest.raises(ScanFileError, match=r"(Damaged|Cannot be read|Too large): b.odd") as said:
            door(tmp_path / "b.odd")
        assert len(str(said.value)) < 200
    heard = []
    read_well = [Path(scan.source).stem for scan in stream_scans([str(tmp_path)], heard.append)]
    assert (read_well, [Path(event.scan).stem for event in heard]) == (["a", "c"], ["b"])


def test_napari_asks_the_reader_about_the_files_of_every_format():
    manifest = yaml.safe_load((Path(napari_stmml.__file__).parent / "napari.yaml").read_text("utf-8"))
    asked = set(manifest["contributions"]["readers"][0]["filename_patterns"])
    assert {pattern for one in formats.FORMATS for pattern in one.patterns} <= asked
