"""What a record of a job's folder may say: the folder may come from a stranger."""

import json
import os
from dataclasses import asdict, replace

import pytest

from napari_stmml.batch.job_folder import JobFolder
from napari_stmml.batch.records import (
    FileRecord,
    LabelRecord,
    MapRecord,
    StepRecord,
    read_record,
    write_record,
)
from napari_stmml.batch.report import Row

MAP = MapRecord("prepared/s/a_FU.npy", "forward/up", 9, 8, 1)
ROW = Row("/scans/a.Z_mtrx", "FU", thumbnail="thumbnails/s/a_FU.jpg")
OUTPUTS = ("windows/s/a_FU", "windows/a_FU_*", "model/autoencoder.stmml", "jpg/s/..a.jpg", "jpg/a\\b.jpg")
RECORDS = (
    StepRecord({"epochs": 1}, OUTPUTS, done=True),
    LabelRecord("f" * 64, OUTPUTS, "/scans/a.Z_mtrx"),
    FileRecord({"epochs": 1}, OUTPUTS, "s/a", rows=(ROW,), maps=(MAP,)),
)
OUTSIDE = (
    *("../victim", "../../victim", "windows/../../victim", "windows/s/../../../victim", "..", "/etc/passwd"),
    *("../*", "windows/../../*", "", ".", "./", "*", "old*", "older", "older/1", "state/x.json", ".lock"),
    *("windows/a\0b", "windows/\ud800", f"windows/{'a' * 256}", "windows/" + "a/" * 1000),
)


@pytest.fixture
def folder(tmp_path):
    """Make a job's folder, and beside it a folder that is not the job's."""
    (tmp_path / "job").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "thesis.txt").write_text("years of work")
    yield tmp_path / "job"
    assert (tmp_path / "victim" / "thesis.txt").read_text() == "years of work"


def read(folder, record):
    write_record(folder / "state" / "record.json", record)
    return read_record(folder / "state" / "record.json", type(record))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_as_it_was_written(folder, record):
    assert read(folder, record) == record
    odd = replace(record, outputs=("windows/\udcff/a", "windows/測/a"))  # a name that is no UTF-8
    assert read(folder, odd) == odd


@pytest.mark.parametrize("output", OUTSIDE)
def test_a_record_that_lists_what_no_job_makes_counts_as_absent(folder, output):
    for record in RECORDS:
        assert read(folder, replace(record, outputs=(*record.outputs, output))) is None
    file = RECORDS[-1]
    assert read(folder, replace(file, maps=(MAP, replace(MAP, path=output)))) is None
    if output and not output.startswith(("older", "state", ".", "*", "old*")):
        assert read(folder, replace(file, rows=(ROW, replace(ROW, thumbnail=f"../{output}")))) is None


@pytest.mark.parametrize(
    "counts",
    [(-1, 0, 0), (9, -8, 1), (9, 8, -1), (9, 10, 0), (9, 0, 10), (10**12, 8, 1), (10**30, 8, 1), (2.5, 1, 1)],
)
def test_a_record_of_windows_that_a_map_cannot_have_counts_as_absent(folder, counts):
    odd = MapRecord(MAP.path, MAP.direction, *counts)
    assert read(folder, replace(RECORDS[-1], maps=(odd,))) is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b"9" * 5000, b"[" * 100_000, b'{"a":' * 100_000),
        json.dumps(asdict(RECORDS[0]) | {"outputs": "windows"}).encode(),
        json.dumps(asdict(RECORDS[0]) | {"fingerprint": []}).encode(),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_damaged_record_counts_as_absent(folder, content):
    path = folder / "record.json"
    path.write_bytes(content)
    assert [read_record(path, type(record)) for record in RECORDS] == [None] * 3


def test_what_is_no_file_is_no_record(folder):
    os.mkfifo(folder / "pipe.json")
    for name in ("pipe.json", ".", "gone.json"):
        assert read_record(folder / name, StepRecord) is None


@pytest.mark.parametrize("output", OUTSIDE)
def test_a_step_of_other_parameters_moves_nothing_that_is_not_the_jobs(folder, output):
    job = JobFolder(folder)
    job.note("step", {"epochs": 1}, [output], done=True)
    before = sorted(folder.rglob("*"))
    assert job.begin("step", {"epochs": 2}) == (False, "")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["windows", "state", "predictions/s", ".lock"])
def test_a_link_that_leads_out_of_the_folder_is_refused_before_any_work(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    victim = folder.parent / "victim"
    (folder / name).symlink_to(victim / "thesis.txt" if name == ".lock" else victim)
    refused = pytest.raises(
        ValueError, match=r"is a link that leads out of the folder of the job; remove it$"
    )
    with refused, JobFolder(folder).locked():
        pass
    (folder / name).unlink()
    (folder / "here").mkdir()
    (folder / "there").symlink_to(folder / "here")
    with JobFolder(folder).locked():
        pass
