"""Sidecars of truths: what a person painted comes back, after any crash, and is overwritten by nobody."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from napari_stmml import Scan
from napari_stmml.classes import Classes
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan_key import ScanKey
from napari_stmml.system import files
from napari_stmml.system.older_files import KEPT
from napari_stmml.system.user_folder import VARIABLE
from napari_stmml.truth import truth_file, truth_paths
from napari_stmml.truth.overlay import read_truth
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.truth.truth_paths import ENDING, truth_stamp

NAMES, COLOURS = {1: "rows", 2: "holes"}, {1: "#ff0000", 2: "#00ff00"}
SHAPE = (40, 50)


@pytest.fixture(autouse=True)
def _home(home):
    pass


@pytest.fixture
def scan(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    source = folder / "default_2011Mar10-162902_STM-STM_Spectroscopy--1_3.Z_mtrx"
    source.write_bytes(b"the bytes of a scan")
    heights = np.random.default_rng(0).normal(size=SHAPE)
    return Scan(heights, (0.1, 0.1), "forward/up", source=str(source), bias=-1.7)


def painted(label=1, rows=slice(5, 10)):
    labels = np.zeros(SHAPE, np.uint8)
    labels[rows, 5:20] = label
    return labels


def save(scan, labels, file=None):
    return (file or TruthFile(scan)).save(labels, NAMES, COLOURS, "model")


def test_what_was_painted_comes_back_with_its_names_colours_and_place(scan):
    save(scan, painted(2))
    found = TruthFile(scan).load()
    np.testing.assert_array_equal(found.labels, painted(2))
    assert found.names == NAMES
    assert found.colours == COLOURS
    assert found.pixel_size == (0.1, 0.1)


def test_it_lies_beside_the_scan_and_names_its_direction(scan):
    path = save(scan, painted()).path
    assert path.parent == Path(scan.source).parent
    assert path.name == f"{scan.stem}_FU{ENDING}"
    assert {one.name for one in path.parent.iterdir()} == {path.name, Path(scan.source).name}


def test_nothing_painted_yet_is_nothing(scan):
    assert TruthFile(scan).load() is None


def test_a_scan_in_a_read_only_folder_has_its_truth_in_the_chosen_one(scan, tmp_path, monkeypatch):
    real = files.is_writable
    beside = Path(scan.source).parent
    monkeypatch.setattr(files, "is_writable", lambda folder: folder != beside and real(folder))
    chosen = tmp_path / "chosen"
    path = TruthFile(scan, folder=chosen).save(painted(), NAMES, COLOURS).path
    assert path.parent == chosen
    np.testing.assert_array_equal(TruthFile(scan, folder=chosen).load().labels, painted())


def test_strokes_on_a_truth_whose_folder_was_closed_since_are_kept_in_the_chosen_one(scan, monkeypatch):
    old = save(scan, painted(1)).path
    real, beside = files.is_writable, old.parent
    monkeypatch.setattr(files, "is_writable", lambda folder: folder != beside and real(folder))
    later = TruthFile(scan)
    later.load()
    new = save(scan, painted(1) + painted(2, slice(20, 25)), later)
    assert new.path.parent != beside
    assert not new.merged
    np.testing.assert_array_equal(LabelMap.read(old).labels, painted(1))
    np.testing.assert_array_equal(TruthFile(scan).load().labels, new.labels)


def test_a_disk_that_is_full_beside_the_scan_sends_the_truth_to_the_chosen_folder(scan, home, monkeypatch):
    old, write = save(scan, painted(1)).path, LabelMap.write

    def full(self, path):
        if Path(path).parent == old.parent:
            raise OSError("the disk is full")
        return write(self, path)

    monkeypatch.setattr(LabelMap, "write", full)
    later = TruthFile(scan)
    later.load()
    assert save(scan, painted(2), later).path.parent == home / "truth"
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(2))
    assert not list(old.parent.glob("*.bak"))


def test_where_nothing_can_be_written_it_is_said(scan, monkeypatch):
    monkeypatch.setattr(files, "is_writable", lambda folder: folder.name == "locks")
    with pytest.raises(OSError, match="neither beside the scan nor in"):
        save(scan, painted())


def test_a_scan_without_a_file_is_known_by_its_heights(scan, home):
    unsaved = Scan(scan.heights, (0.1, 0.1))
    path = save(unsaved, painted()).path
    assert path.parent == home / "truth"
    assert TruthFile(Scan(scan.heights.copy(), (0.1, 0.1))).load() is not None
    assert TruthFile(Scan(scan.heights + 1, (0.1, 0.1))).load() is None


def test_another_scan_of_the_same_name_has_a_truth_of_its_own(scan):
    first = save(scan, painted(1)).path
    Path(scan.source).write_bytes(b"another scan, under the name of the first")
    file = TruthFile(scan)
    assert file.load() is None
    assert file.problem == f"{first.name} is of another scan: it stays, and this one gets its own"
    second = save(scan, painted(2)).path
    assert second != first
    np.testing.assert_array_equal(LabelMap.read(first).labels, painted(1))
    assert file.load() is not None
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(2))
    assert file.problem == ""


def test_every_crop_of_a_scan_has_a_truth_of_its_own_and_all_are_found_again(scan):
    crops = [replace(scan, heights=scan.heights[: 40 - cut]) for cut in range(5)]
    for cut, crop in enumerate(crops):
        TruthFile(crop).save(np.full(crop.heights.shape, cut + 1, np.uint8), NAMES, COLOURS)
    assert [int(TruthFile(crop).load().labels[0, 0]) for crop in crops] == [1, 2, 3, 4, 5]


def test_a_channel_may_have_any_name(scan):
    path = save(replace(scan, channel="dI/dV", unit="nA"), painted()).path
    assert path.parent == Path(scan.source).parent
    assert "dI-dV" in path.name


def test_channel_and_direction_have_truths_of_their_own(scan):
    save(scan, painted())
    assert TruthFile(replace(scan, direction="backward/up")).load() is None
    assert TruthFile(replace(scan, channel="I", unit="nA")).load() is None


def test_the_older_sidecar_is_kept_once_a_session_and_not_once_a_stroke(scan):
    save(scan, painted(1))
    later = TruthFile(scan)
    later.load()
    first = save(scan, painted(2), later)
    second = save(scan, painted(1, slice(0, 3)), later)
    np.testing.assert_array_equal(LabelMap.read(first.backup).labels, painted(1))
    assert second.backup is None
    assert not first.merged
    assert first.sentence == ""


def test_of_many_backups_the_newest_are_kept(scan):
    for _ in range(KEPT + 4):
        later = TruthFile(scan)
        later.load()
        path = save(scan, painted(), later).path
    assert len(list(path.parent.glob("*.bak"))) == KEPT


def test_two_windows_keep_what_both_painted(scan):
    one, other = TruthFile(scan), TruthFile(scan)
    save(scan, painted(1), one)
    other.load()
    save(scan, painted(1) + painted(2, slice(20, 25)), other)
    joined = save(scan, painted(1) + painted(2, slice(30, 35)), one)
    assert joined.merged
    assert joined.disagreed == 0
    expected = painted(1) + painted(2, slice(20, 25)) + painted(2, slice(30, 35))
    np.testing.assert_array_equal(TruthFile(scan).load().labels, expected)
    assert "another window has painted" in joined.sentence
    assert LabelMap.read(joined.backup).labels[22, 10] == 2


def test_windows_that_take_turns_do_not_drive_out_what_an_earlier_session_left(scan):
    save(scan, painted(1))
    one, other = TruthFile(scan), TruthFile(scan)
    for window in (one, other):
        window.load()
    ours = theirs = painted(1)
    for turn in range(KEPT + 5):
        ours = save(scan, ours + painted(2, slice(20 + turn, 21 + turn)) * (turn % 2), one).labels
        theirs = save(scan, theirs + painted(2, slice(20 + turn, 21 + turn)) * (turn % 2 == 0), other).labels
    backups = [LabelMap.read(kept).labels for kept in Path(scan.source).parent.glob("*.bak")]
    assert len(backups) <= 4
    assert any(np.array_equal(kept, painted(1)) for kept in backups)


def test_windows_with_other_models_join_by_the_names_of_classes(scan):
    one = TruthFile(scan)
    save(scan, painted(1) + painted(2, slice(20, 25)), one)
    other = TruthFile(scan)
    classes = Classes.plain(("holes", "rows", "bumps"))
    found = read_truth(other, classes, "another model")
    names, colours = {1: "holes", 2: "rows", 3: "bumps"}, {3: "#0000ff"}
    theirs = other.save(found.labels + painted(3, slice(26, 28)), names, colours, "another model")
    assert not theirs.merged
    ours = painted(1) + painted(2, slice(20, 25)) + painted(1, slice(30, 35))
    joined = save(scan, ours, one)
    np.testing.assert_array_equal(joined.labels, ours + painted(3, slice(26, 28)))
    assert joined.disagreed == 0
    assert (joined.names[3], joined.colours[3]) == ("bumps", "#0000ff")
    back = other.save(theirs.labels, names, colours, "another model").labels
    np.testing.assert_array_equal(back, theirs.labels + painted(2, slice(30, 35)))


def test_a_window_that_never_looked_does_not_overwrite_what_is_there(scan):
    save(scan, painted(1))
    joined = save(scan, painted(2, slice(20, 25)))
    np.testing.assert_array_equal(joined.labels, painted(1) + painted(2, slice(20, 25)))


def test_where_two_windows_disagree_the_one_that_saves_wins_and_says_so(scan):
    one, other = TruthFile(scan), TruthFile(scan)
    save(scan, np.zeros(SHAPE, np.uint8), one)
    other.load()
    save(scan, painted(2), other)
    joined = save(scan, painted(1), one)
    assert joined.disagreed == np.count_nonzero(painted(1))
    assert f"on {joined.disagreed} px" in joined.sentence
    np.testing.assert_array_equal(joined.labels, painted(1))


def test_erasing_is_saved_too(scan):
    file = TruthFile(scan)
    save(scan, painted(1), file)
    save(scan, np.zeros(SHAPE, np.uint8), file)
    assert not TruthFile(scan).load().labels.any()


def test_a_damaged_sidecar_is_kept_aside_and_said(scan):
    path = save(scan, painted()).path
    path.write_bytes(path.read_bytes()[:200])
    damaged = path.read_bytes()
    for _ in range(2):  # whoever looks leaves it there, so that all are told
        file = TruthFile(scan)
        assert file.load() is None
        assert f"{path.name} cannot be read as what was painted" in file.problem
    save(scan, painted(2), file)
    kept = list(path.parent.glob("*.damaged.bak"))
    assert [one.read_bytes() for one in kept] == [damaged]
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(2))


def test_a_damaged_sidecar_that_cannot_be_moved_is_said_and_stays(scan, monkeypatch):
    def refuse(path):
        raise PermissionError("read-only")

    path = save(scan, painted()).path
    path.write_bytes(b"damaged")
    monkeypatch.setattr(truth_file, "put_aside", refuse)
    saved = save(scan, painted(2))
    assert saved.path != path
    assert path.read_bytes() == b"damaged"
    file = TruthFile(scan)
    np.testing.assert_array_equal(file.load().labels, painted(2))
    assert path.name in file.problem


def test_a_sidecar_of_a_newer_program_stays_where_it_is_and_is_said(scan, monkeypatch):
    path = save(scan, painted()).path
    newer = path.read_bytes().replace(b'"format": 1', b'"format": 9')
    path.write_bytes(newer)
    monkeypatch.setenv(VARIABLE, str(path.parent / "home"))
    file = TruthFile(scan)
    assert file.load() is None
    assert "update napari-stmml" in file.problem
    assert save(scan, painted(2), file).path != path
    assert path.read_bytes() == newer


def test_a_sidecar_that_may_not_be_read_stays_where_it_is_and_is_said(scan, monkeypatch):
    path, read = save(scan, painted()).path, LabelMap.read

    def refuse(place):
        if place != path:
            return read(place)
        raise ValueError(f"{place.name} cannot be read") from PermissionError("not allowed")

    monkeypatch.setattr(LabelMap, "read", refuse)
    file = TruthFile(scan)
    assert file.load() is None
    assert "is not shown" in file.problem
    assert save(scan, painted(2), file).path != path
    assert path.is_file()


def test_a_map_without_a_key_under_the_name_of_a_truth_stays(scan):
    path = save(scan, painted()).path
    LabelMap(painted(2)).write(path)
    assert save(scan, painted(1)).path != path
    np.testing.assert_array_equal(LabelMap.read(path).labels, painted(2))


def test_what_is_painted_is_saved_where_the_home_cannot_be_written(scan, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "home"))
    assert save(scan, painted()).path.parent == Path(scan.source).parent


def test_a_truth_of_another_shape_is_refused(scan):
    with pytest.raises(ValueError, match=r"\(3, 3\) px does not fit a scan of \(40, 50\) px"):
        TruthFile(scan).save(np.zeros((3, 3), np.uint8), NAMES, COLOURS)


def test_a_crash_while_writing_leaves_the_older_truth_whole(scan, monkeypatch):
    file = TruthFile(scan)
    save(scan, painted(1), file)

    def crash(self, path):
        raise OSError("the disk is full")

    monkeypatch.setattr(LabelMap, "write", crash)
    with pytest.raises(OSError, match="disk is full"):
        save(scan, painted(2), file)
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(1))


def test_two_processes_that_paint_at_once_lose_nothing(scan):
    code = """
import sys
import numpy as np
from napari_stmml import Scan
from napari_stmml.truth.truth_file import TruthFile
rows = int(sys.argv[2])
scan = Scan(np.zeros((40, 50)), (0.1, 0.1), "forward/up", source=sys.argv[1])
file, labels = TruthFile(scan), np.zeros((40, 50), np.uint8)
for stroke in range(15):
    labels = labels.copy()
    labels[rows + stroke, :] = 1 + stroke
    labels = file.save(labels, {}, {}).labels
"""
    work = [subprocess.Popen([sys.executable, "-c", code, scan.source, str(rows)]) for rows in (0, 20)]
    assert [one.wait(60) for one in work] == [0, 0]
    expected = np.zeros(SHAPE[0], int)
    expected[:15] = expected[20:35] = np.arange(15) + 1
    np.testing.assert_array_equal(TruthFile(scan).load().labels[:, 0], expected)


def test_a_save_that_waits_too_long_for_another_window_is_an_error_that_says_so(scan, home, monkeypatch):
    save(scan, painted())
    (lock,) = (home / "locks").iterdir()
    monkeypatch.setattr(truth_paths, "LOCK_SECONDS", 0.01)
    with FileLock(lock), pytest.raises(OSError, match=r"another window has held .*lock for more than 0.01 s"):
        save(scan, painted(2))
    save(scan, painted(2))


def test_looking_for_a_truth_writes_nothing(scan, home):
    before = sorted(Path(scan.source).parent.iterdir())
    assert TruthFile(scan).load() is None
    assert sorted(Path(scan.source).parent.iterdir()) == before
    assert not home.exists()


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    assert files.is_writable(tmp_path / "new" / "folder")
    assert not files.is_writable(tmp_path / "file" / "folder")
    assert not list((tmp_path / "new" / "folder").iterdir())


def test_the_stamp_of_a_scan_changes_when_somebody_paints_on_it_and_with_nothing_else(scan):
    key = ScanKey.of_scan(scan)
    assert truth_stamp(scan.source, "FU", key.sha256) == []
    save(scan, painted())
    first = truth_stamp(scan.source, "FU", key.sha256)
    assert first == truth_stamp(scan.source, "FU", key.sha256) != []
    assert truth_stamp(scan.source, "BU", key.sha256) == []
    save(scan, painted(2))
    assert truth_stamp(scan.source, "FU", key.sha256) != first


@pytest.mark.parametrize("length", [175, 225, 248])
def test_what_was_painted_on_a_scan_of_a_very_long_name_is_saved_beside_it(scan, length):
    source = Path(scan.source)
    longer = replace(scan, source=str(source.rename(source.with_name("s" * length + ".Z_mtrx"))))
    saved = save(longer, painted(2)).path
    np.testing.assert_array_equal(TruthFile(longer).load().labels, painted(2))
    assert saved.parent == source.parent
    assert truth_stamp(longer.source, "FU", "0" * 64)
