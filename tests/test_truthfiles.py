"""Sidecars of truths: what a person painted comes back, after any crash, and is overwritten by nobody."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import Scan, truthfiles
from napari_stmml.classes import Classes
from napari_stmml.corrections import ScanKey, lineage, over
from napari_stmml.files import KEPT
from napari_stmml.labelmap import LabelMap
from napari_stmml.truthfiles import ENDING, TruthFile, merge, with_painted

NAMES, COLOURS = {1: "rows", 2: "holes"}, {1: "#ff0000", 2: "#00ff00"}
SHAPE = (40, 50)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(truthfiles, "HOME", tmp_path / "home")
    return tmp_path / "home"


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
    real = truthfiles._writable
    beside = Path(scan.source).parent
    monkeypatch.setattr(truthfiles, "_writable", lambda folder: folder != beside and real(folder))
    chosen = tmp_path / "chosen"
    path = TruthFile(scan, folder=chosen).save(painted(), NAMES, COLOURS).path
    assert path.parent == chosen
    np.testing.assert_array_equal(TruthFile(scan, folder=chosen).load().labels, painted())


def test_a_scan_without_a_file_is_known_by_its_heights(scan, home):
    unsaved = Scan(scan.heights, (0.1, 0.1))
    path = save(unsaved, painted()).path
    assert path.parent == home / "truth"
    assert TruthFile(Scan(scan.heights.copy(), (0.1, 0.1))).load() is not None
    assert TruthFile(Scan(scan.heights + 1, (0.1, 0.1))).load() is None


def test_another_scan_of_the_same_name_has_a_truth_of_its_own(scan):
    first = save(scan, painted(1)).path
    Path(scan.source).write_bytes(b"another scan, under the name of the first")
    assert TruthFile(scan).load() is None
    second = save(scan, painted(2)).path
    assert second != first
    np.testing.assert_array_equal(LabelMap.read(first).labels, painted(1))
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(2))


def test_channel_and_direction_have_truths_of_their_own(scan):
    save(scan, painted())
    from dataclasses import replace

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
    file = TruthFile(scan)
    assert file.load() is None
    assert path.name in file.problem
    kept = list(path.parent.glob("*.bak"))
    assert [one.read_bytes() for one in kept] == [damaged]
    save(scan, painted(2), file)
    np.testing.assert_array_equal(TruthFile(scan).load().labels, painted(2))


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


def test_two_processes_that_paint_at_once_lose_nothing(scan, home):
    code = """
import sys
from pathlib import Path
import numpy as np
from napari_stmml import Scan, truthfiles
truthfiles.HOME = Path(sys.argv[2])
rows = int(sys.argv[3])
scan = Scan(np.zeros((40, 50)), (0.1, 0.1), "forward/up", source=sys.argv[1])
file, labels = truthfiles.TruthFile(scan), np.zeros((40, 50), np.uint8)
for stroke in range(15):
    labels = labels.copy()
    labels[rows + stroke, :] = 1 + stroke
    labels = file.save(labels, {}, {}).labels
"""
    work = [
        subprocess.Popen([sys.executable, "-c", code, scan.source, str(home), str(rows)]) for rows in (0, 20)
    ]
    assert [one.wait(60) for one in work] == [0, 0]
    expected = np.zeros(SHAPE[0], int)
    expected[:15] = expected[20:35] = np.arange(15) + 1
    np.testing.assert_array_equal(TruthFile(scan).load().labels[:, 0], expected)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_process_killed_while_it_paints_loses_at_most_the_last_stroke(scan, home, tmp_path):
    code = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from napari_stmml import Scan, truthfiles
from napari_stmml.autosave import AutoSave
truthfiles.HOME = Path(sys.argv[2])
scan = Scan(np.zeros((40, 50)), (0.1, 0.1), "forward/up", source=sys.argv[1])
file, labels = truthfiles.TruthFile(scan), np.zeros((40, 50), np.uint8)
saves = AutoSave(lambda labels: file.save(labels, {}, {}), ThreadPoolExecutor(1).submit)
for stroke in range(2000):
    labels.flat[stroke] = 1
    saves.changed(labels.copy())
    print(stroke + 1, flush=True)
    time.sleep(0.05)
"""
    for seconds in (0.3, 0.72, 1.11):
        process = subprocess.Popen(
            [sys.executable, "-c", code, scan.source, str(home)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline().strip() == "1"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        strokes = 1 + len(process.stdout.read().split())
        process.wait()
        kept = np.count_nonzero(TruthFile(scan).load().labels)
        assert kept >= strokes - 1
        TruthFile(scan).path.unlink()


def test_merging_is_ours_where_we_changed_and_theirs_elsewhere():
    rng = np.random.default_rng(1)
    base, ours, theirs = (rng.integers(0, 3, SHAPE).astype(np.uint8) for _ in range(3))
    joined, disagreed = merge(base, ours, theirs)
    changed = ours != base
    np.testing.assert_array_equal(joined[changed], ours[changed])
    np.testing.assert_array_equal(joined[~changed], theirs[~changed])
    assert disagreed == np.count_nonzero(changed & (theirs != base) & (ours != theirs))


def test_a_truth_wins_over_a_prediction_where_it_was_painted():
    prediction = np.full(SHAPE, 2, np.uint8)
    shown = over(prediction, painted(1))
    np.testing.assert_array_equal(shown == 1, painted(1) > 0)
    with pytest.raises(ValueError, match="does not fit"):
        over(prediction, np.zeros((2, 2), np.uint8))


def test_a_key_is_of_the_files_bytes_and_not_of_its_name(scan, tmp_path):
    copy = tmp_path / "renamed.Z_mtrx"
    copy.write_bytes(Path(scan.source).read_bytes())
    from dataclasses import replace

    key = ScanKey.of_scan(scan)
    assert ScanKey.of_scan(replace(scan, source=str(copy))) == key
    assert ScanKey.of_dict(key.as_dict()) == key
    assert key.shape == SHAPE


def test_looking_for_a_truth_writes_nothing(scan, home):
    before = sorted(Path(scan.source).parent.iterdir())
    assert TruthFile(scan).load() is None
    assert sorted(Path(scan.source).parent.iterdir()) == before
    assert not home.exists()


def test_what_was_painted_wins_in_what_is_exported_and_goes_by_names_in_another_model(scan):
    classes = Classes.plain(("rows", "holes"))
    prediction = np.ones(SHAPE, np.uint8)
    assert with_painted(prediction, scan, classes, "a model")[1:] == (classes, 0)
    TruthFile(scan).save(painted(2), NAMES, COLOURS, "a model")
    shown, same, own = with_painted(prediction, scan, classes.renamed(2, "vacancies"), "a model")
    np.testing.assert_array_equal(shown, np.where(painted(2) > 0, 2, 1))
    assert own == np.count_nonzero(painted(2))
    assert same.names == ("rows", "vacancies")
    shown, other, _ = with_painted(prediction, scan, Classes.plain(("holes", "bumps")), "another model")
    assert other.names == ("holes", "bumps")
    assert (shown == 1).all()
    shown, other, _ = with_painted(prediction, scan, Classes.plain(("rows", "bumps")), "another model")
    assert other.names == ("rows", "bumps", "holes")
    np.testing.assert_array_equal(shown, np.where(painted(2) > 0, 3, 1))


def test_edits_of_classes_and_lessons_leave_the_lineage_and_another_training_does_not():
    training = {"files": ["a"], "seed": 0, "cluster_sizes": [1, 2]}
    assert lineage(training) == lineage(training | {"cluster_sizes": [3]})
    assert lineage(training) != lineage(training | {"seed": 1})
