import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml.batch import process
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.prepare_file import FileTask, give_up, prepare_file
from napari_stmml.events import FileTaken, ReportWritten, Skipped, ignore, of_type
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

TINY = {
    "pixel_density": 8.0,
    "window_size": 16,
    "window_pitch": 8,
    "epochs": 2,
    "num_clusters": 3,
    "batch_size": 32,
    "predict_window_pitch": 4,
}
SILICON = simulate_si001((64, 64), 6.0, seed=1).heights
BOTH = ("FU", "BU")


@pytest.fixture(autouse=True)
def _here(here):
    """Take files in here, not in processes."""


def frame(heights=SILICON, size=6.0, **more):
    return Frame(dict.fromkeys(DIRECTIONS[:2], heights), width_nm=size, height_nm=size, **more)


def take(tmp_path, *paths, events=None, **values):
    """Do the step process of a job on these paths; return it."""
    values = {"train_path": [str(path) for path in paths]} | TINY | values
    run = JobRun(JobFile(values, tmp_path), ignore if events is None else events.append)
    process.process(run)
    run.write_report()
    return run


def told(job):
    """Say what became of each file: name -> (direction, status, reason) of every row."""
    rows = {}
    for row in job.rows():
        rows.setdefault(Path(row.source).name, []).append((row.direction, row.status, row.reason))
    return {name: sorted(said) for name, said in rows.items()}


def each(status, reason="", directions=BOTH):
    return sorted((direction, status, reason) for direction in directions)


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """Write a folder with every kind of bad file, two good ones among them; return it."""
    folder = tmp_path_factory.mktemp("bad")
    rng = np.random.default_rng(0)
    frames = [
        frame(),
        frame(points_scanned=2 * 64 * 32),
        frame(np.full((64, 64), 2.0)),
        frame(size=1.5),
        frame(rng.random((8, 8))),
        frame(rng.random((64, 64)), size=16.0),
        *[frame()] * 4,
        frame(np.abs(SILICON), channel="I"),
        frame(),
    ]
    files = write_session(folder, frames, session="s")
    files[6].write_bytes(b"")
    files[7].write_bytes(files[7].read_bytes()[:-1000])
    files[8].write_bytes(b"this is no scan " * 100)
    files[9].rename(folder / "s--1_42.Z_mtrx")
    (folder / "s--1_13.Aux2(V)_mtrx").write_bytes(b"curves")
    (folder / "._s--1_1.Z_mtrx").write_bytes(b"left by macOS")
    alone = write_session(folder / "alone", [frame()], session="alone")[0]
    alone.with_name("alone_0001.mtrx").unlink()
    write_session(folder / "empty", [frame()], session="none")[0].unlink()
    (folder / "notes.txt").write_text("no scan at all")
    return folder


LIMITED = {"pixel_limit": 100, "pixel_ratio": 0.7}
EXPECTED = {
    "s--1_1.Z_mtrx": each("kept"),
    "s--1_2.Z_mtrx": each("skipped", "below pixel_ratio 0.7"),
    "s--1_3.Z_mtrx": each("skipped", "constant"),
    "s--1_4.Z_mtrx": each("skipped", "no window of 16 px fits"),
    "s--1_5.Z_mtrx": each("skipped", "coarser than 1/4 of pixel_density"),
    "s--1_6.Z_mtrx": each("skipped", "over pixel_limit 100"),
    "s--1_7.Z_mtrx": each("skipped", "empty file", [""]),
    "s--1_8.Z_mtrx": each("skipped", "cut short", [""]),
    "s--1_9.Z_mtrx": each("skipped", "not a matrix file", [""]),
    "s--1_42.Z_mtrx": each("skipped", "not in its session", [""]),
    "s--1_11.I_mtrx": each("skipped", "not topography", [""]),
    "s--1_12.Z_mtrx": each("kept"),
    "s--1_13.Aux2(V)_mtrx": each("skipped", "not topography", [""]),
    "._s--1_1.Z_mtrx": each("skipped", "leftover", [""]),
    "alone--1_1.Z_mtrx": each("skipped", "parameter file missing", [""]),
    "none_0001.mtrx": each("skipped", "no scans", [""]),
}


def test_every_kind_of_bad_file_is_a_row_that_says_why_and_the_good_ones_are_kept(bad, tmp_path):
    events = []
    job = take(tmp_path, bad, events=events, **LIMITED)
    assert told(job) == EXPECTED
    skipped = [row for row in job.rows() if row.status == "skipped"]
    for row in skipped:
        assert len(row.why) > 20
        if not row.direction:
            assert Path(row.source).name in row.why
    for event in of_type(events, Skipped):
        assert Path(event.scan).name in event.why
    kept = [row for row in job.rows() if row.status == "kept"]
    assert {(row.rows, row.cols, row.windows, row.scanned) for row in kept} == {(64, 64, 25, 1.0)}
    assert {(round(row.frame_width_nm, 9), row.bias) for row in kept} == {(6.0, -2.0)}
    partial = next(row for row in skipped if row.reason.startswith("below"))
    assert partial.scanned == pytest.approx(32 / 64)


def test_the_summary_the_table_and_the_page_count_the_same(bad, tmp_path):
    events = []
    job = take(tmp_path, bad, events=events, **LIMITED)
    (report,) = of_type(events, ReportWritten)
    rows = list(csv.DictReader(Path(report.csv).read_text("utf-8").splitlines()))
    count = Counter(row["status"] for row in rows)
    assert count == {"kept": 4, "skipped": 19}
    begins, _, reasons = report.summary.partition(": ")
    assert begins == "4 directions kept, 19 skipped"
    assert sum(int(reason.split()[0]) for reason in reasons.split(", ")) == 19
    assert "2 below pixel_ratio 0.7" in reasons
    page = Path(report.html).read_text("utf-8")
    assert report.summary in page
    for row in job.rows():
        assert Path(row.source).name in page
        if row.thumbnail:
            assert (Path(report.html).parent / row.thumbnail).is_file()
    assert sum(bool(row.thumbnail) for row in job.rows()) == 14


@pytest.mark.parametrize("name", ["s--1_2", "s--1_2_FU", "s--1_2.Z_mtrx"])
def test_a_partial_scan_is_forced_in_by_stem_by_direction_and_by_file_name(bad, tmp_path, name):
    job = take(tmp_path, bad / "s--1_2.Z_mtrx", include=[name])
    reason = "below pixel_ratio 0.7"
    wanted = ("FU",) if name.endswith("FU") else BOTH
    others = [(direction, "skipped", reason) for direction in BOTH if direction not in wanted]
    assert told(job)["s--1_2.Z_mtrx"] == sorted([*each("forced", reason, wanted), *others])
    forced = [row for row in job.rows() if row.status == "forced"]
    assert all(row.windows > 0 for row in forced)
    assert len(list((tmp_path / "stmml-job" / "prepared").rglob("*.npy"))) == len(wanted)


def test_only_what_a_limit_left_out_can_be_forced_in(bad, tmp_path):
    names = [f"s--1_{number}" for number in range(1, 13)] + ["alone--1_1", "s--1_42", "unheard-of"]
    forced = {
        **EXPECTED,
        "s--1_2.Z_mtrx": each("forced", "below pixel_ratio 0.7"),
        "s--1_5.Z_mtrx": each("forced", "coarser than 1/4 of pixel_density"),
        "s--1_6.Z_mtrx": each("forced", "over pixel_limit 100"),
    }
    assert told(take(tmp_path, bad, include=names, **LIMITED)) == forced


def test_naming_one_scan_leaves_what_was_made_of_the_others(bad, tmp_path):
    take(tmp_path, bad, **LIMITED)
    before = modified(tmp_path / "stmml-job" / "prepared")
    events = []
    take(tmp_path, bad, include=["s--1_2"], events=events, **LIMITED)
    after = modified(tmp_path / "stmml-job" / "prepared")
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2
    taken = {event.scan for event in of_type(events, FileTaken)}
    assert {"bad0/s--1_2"} <= taken
    assert "bad0/s--1_1" not in taken


def modified(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_pixel_ratio_1_keeps_complete_scans_only_and_0_keeps_all(bad, tmp_path):
    reason = "below pixel_ratio 1"
    path = bad / "s--1_2.Z_mtrx"
    assert told(take(tmp_path, path, pixel_ratio=1))[path.name] == each("skipped", reason)
    assert told(take(tmp_path, path, pixel_ratio=0))[path.name] == each("kept")
    assert told(take(tmp_path, path, pixel_ratio=32 / 64))[path.name] == each("kept")


# Many files


@pytest.mark.parametrize("collate", [False, True])
def test_places_that_would_be_one_when_collated_or_counted_are_kept_apart(tmp_path, collate):
    folders = ["1/scans", "2/scans", "3/scans-2", "4/a/b_c", "5/a_b/c", "6/a~b/c", "7/A_B/C"]
    for folder in folders:
        write_session(tmp_path / "in" / folder, [frame()], session="s")
    paths = [tmp_path / "in" / folder for folder in folders[:3]]
    paths += [tmp_path / "in" / folder.rpartition("/")[0] for folder in folders[3:]]
    job = take(tmp_path, *paths, collate=collate)
    assert len(job.rows()) == 2 * len(folders)
    made = [file.relative_to(job.folder.path) for file in job.folder.path.rglob("*_windows.npy")]
    assert len(made) == 2 * len(folders)
    assert len({str(file).lower() for file in made}) == len(made)
    assert len(list((job.folder.path / "state" / "process").iterdir())) == len(folders)
    assert len(list((job.folder.path / "prepared").rglob("*.npy"))) == 2 * len(folders)
    if collate:
        assert {file.parent.as_posix() for file in made} == {"windows"}


def test_a_folder_without_scans_and_one_that_is_empty_are_rows(tmp_path):
    (tmp_path / "empty").mkdir()
    job = take(tmp_path, tmp_path / "empty")
    ((_, status, reason),) = told(job)["empty"]
    assert (status, reason) == ("skipped", "no scans")


def test_files_beyond_a_data_limit_are_rows_too(tmp_path):
    write_session(tmp_path / "in", [frame()] * 3, session="s")
    rows = take(tmp_path, tmp_path / "in", mtrx_train_data_limit=1).rows()
    assert [row.status for row in rows].count("kept") == 2
    beyond = [row for row in rows if row.reason == "beyond mtrx_train_data_limit 1"]
    assert len(beyond) == 2
    assert all(Path(row.source).name in row.why for row in beyond)
    assert len(rows) == 4


# One file


@pytest.fixture
def task(tmp_path):
    """One good file to prepare."""
    (file,) = write_session(tmp_path / "in", [frame()], session="s")
    return FileTask(str(file), "in/s--1_1", "train", JobFile({**TINY, "train_path": ["in"]}, tmp_path))


def test_a_file_is_done_when_all_it_left_is_there(task):
    assert not task.is_done()
    record = prepare_file(task)
    assert task.is_done()
    for output in record.outputs:
        path = task.job.folder / output
        kept = path.with_name("kept")
        path.rename(kept)
        assert not task.is_done()
        kept.rename(path)
    assert task.is_done()


def test_the_record_is_what_is_read_again(task):
    assert task.record() is None
    record = prepare_file(task)
    assert task.record() == record
    assert record.place == "in/s--1_1"
    assert len(record.sha256) == 64


@pytest.mark.parametrize("damage", ["", "{", "[]", "3", "{}", '{"fingerprint": 3}', "\x00\x00"])
def test_a_damaged_record_is_none_and_the_file_is_prepared_again(task, damage):
    record = prepare_file(task)
    task.record_path.write_text(damage)
    assert not task.is_done()
    assert prepare_file(task) == record
    assert task.is_done()


def test_a_scan_that_is_only_labelled_is_prepared_too_and_a_record_without_its_map_is_not_current(task):
    task = replace(task, set="predict")
    record = prepare_file(task)
    assert [known.direction for known in record.maps] == list(DIRECTIONS[:2])
    assert task.is_current(record)
    assert not task.is_current(replace(record, maps=()))  # as earlier versions left it


def test_other_bytes_or_a_later_date_are_another_file(task):
    prepare_file(task)
    path = Path(task.source)
    path.touch()
    assert not task.is_done()
    prepare_file(task)
    path.write_bytes(path.read_bytes()[:-4])
    assert not task.is_done()


def test_a_file_whose_parameter_file_comes_later_is_prepared_then(task):
    parameters = Path(task.source).with_name("s_0001.mtrx")
    away = parameters.rename(parameters.with_name("elsewhere"))
    record = prepare_file(task)
    assert [row.reason for row in record.rows] == ["parameter file missing"]
    assert not task.is_done()
    away.rename(parameters)
    assert [row.status for row in prepare_file(task).rows] == ["kept", "kept"]
    assert task.is_done()


def test_a_file_that_has_gone_meanwhile_is_a_row_and_stops_nothing(tmp_path, monkeypatch):
    first, second = write_session(tmp_path / "in", [frame(), frame()], session="s")

    def prepare_after_it_has_gone(task):
        first.unlink(missing_ok=True)
        return prepare_file(task)

    monkeypatch.setattr(process, "prepare_file", prepare_after_it_has_gone)
    job = take(tmp_path, tmp_path / "in")
    assert told(job) == {
        first.name: [("", "skipped", "no such file")],
        second.name: each("kept"),
    }


def test_a_file_that_ends_the_process_is_a_row_that_says_so(task):
    record = give_up(task, "its process ended")
    (row,) = record.rows
    assert (row.status, row.reason) == ("skipped", "failed")
    assert row.why == "Failed: s--1_1.Z_mtrx could not be prepared (its process ended)."
    assert not task.is_done()


def test_a_fault_of_ours_stays_with_its_file(tmp_path, monkeypatch):
    first, second = write_session(tmp_path / "in", [frame(), frame()], session="s")

    def fail(task):
        if task.source == str(first):
            raise ZeroDivisionError("of ours")
        return prepare_file(task)

    monkeypatch.setattr(process, "prepare_file", fail)
    job = take(tmp_path, tmp_path / "in")
    assert told(job) == {first.name: [("", "skipped", "failed")], second.name: each("kept")}


def test_a_deep_tree_of_long_names_is_taken_in(tmp_path):
    deep = Path(*["a folder that somebody gave a really long name to"] * 6)
    folder = tmp_path / "in"
    files = write_session(folder / deep, [frame()], session="default_2026Nov23-120000_STM-STM_Spectroscopy")
    for collate in (False, True):
        job = take(tmp_path, folder, collate=collate, job_name=f"job {collate}")
        assert told(job) == {files[0].name: each("kept")}
        assert len(list(job.folder.path.rglob("*_windows.npy"))) == 2
        again = []
        take(tmp_path, folder, collate=collate, job_name=f"job {collate}", events=again)
        assert of_type(again, FileTaken) == []


def test_real_scans_are_taken_in(shared_data, tmp_path):
    shutil.copytree(shared_data, tmp_path / "in")
    job = take(tmp_path, tmp_path / "in", window_size=32)
    assert {row.status for row in job.rows()} & {"kept", "skipped"}
    for row in job.rows():
        assert row.status == "kept" or row.why
