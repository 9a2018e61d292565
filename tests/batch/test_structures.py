"""The step structures of a job: off unless asked for, over all scans, made again after changes alone."""

import csv

import pytest

from napari_stmml.batch import structure_run
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.events import FilesDone, Message, ReportWritten, of_type
from napari_stmml.figures import drawing, structures_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.structures.structures import Structures
from napari_stmml.system.progress import Stopped
from tests.batch.test_structure_run import write_scans
from tests.conftest import Here

STEPS = ("process", "structures")


@pytest.fixture(autouse=True)
def _quick(here, monkeypatch):
    """Leave other processes and drawing out: a figure is the same few bytes."""

    def save(figure, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"figure")
        return path

    monkeypatch.setattr(structure_run, "Pool", Here)
    monkeypatch.setattr(structures_figure, "structures_figure", lambda *given: None)
    monkeypatch.setattr(drawing, "save_figure", save)


@pytest.fixture
def job(tmp_path):
    """Write three scans, one of them broken; return a function that does the job and returns what it said."""
    scans = tmp_path / "scans"
    scans.mkdir()
    write_scans(scans, 3)

    def do(steps=STEPS, should_stop=bool, **values):
        table = {"find": True, **values}
        given = {"recipe": "instant", "train_path": ["scans"], "save_windows": False, "structures": table}
        heard = []
        run_job(JobFile(given, tmp_path), steps, report=heard.append, should_stop=should_stop)
        return heard

    do.folder = tmp_path / "stmml-job"
    return do


def said(heard):
    return [event.text for event in of_type(heard, Message) if event.text.startswith("structures")]


def files_of(job):
    return {
        path: path.stat().st_mtime_ns for path in (job.folder / "structures").rglob("*") if path.is_file()
    }


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_job_finds_structures_only_if_it_is_asked_to(job):
    heard = job(find=False)
    assert not (job.folder / "structures").exists()
    assert said(heard) == []


def test_all_scans_have_tables_a_page_and_maps_and_a_second_run_does_nothing(job):
    heard = job()
    assert "structures: 14 objects of 2 types on 2 scans" in said(heard)[0]
    assert len(read(job.folder / "structures" / "objects.csv")) == 14
    assert "14 objects of 2 types" in (job.folder / "structures" / "structures.html").read_text("utf-8")
    labels = LabelMap.read(job.folder / "structures" / "scans" / "s--1_1_FU_structures.stmml.tif")
    assert labels.objects.max() == 7
    assert of_type(heard, FilesDone)[-1].done == 2
    before = files_of(job)
    heard = job()
    assert said(heard) == ["structures: done already"]
    assert files_of(job) == before
    assert not (job.folder / "older").exists()


def test_other_parameters_and_other_scans_make_them_anew_and_the_old_go_aside(job):
    job()
    heard = job(gwy=True)
    assert "structures.gwy was False and is True" in said(heard)[0]
    aside = {path.name for path in (job.folder / "older").rglob("*")}
    assert {"objects.csv", "structures.html", "s--1_1_FU_structures.stmml.tif"} <= aside
    assert len(list((job.folder / "structures").rglob("*.gwy"))) == 2
    (job.folder.parent / "scans" / "s--1_2.Z_mtrx").unlink()
    assert "7 objects" in said(job(gwy=True))[-1]
    assert [path.name for path in (job.folder / "structures" / "scans").glob("*.tif")] == [
        "s--1_1_FU_structures.stmml.tif"
    ]


def test_a_stopped_search_goes_on_where_it_was(job):
    def should_stop():
        return bool(list((job.folder / "state" / "structures").glob("*.json")))

    with pytest.raises(Stopped):
        job(should_stop=should_stop)
    (first,) = (job.folder / "structures").rglob("*.tif")
    time = first.stat().st_mtime_ns
    heard = job()
    assert "14 objects" in said(heard)[-1]
    assert first.stat().st_mtime_ns == time


def test_a_file_that_was_deleted_is_made_again(job):
    job()
    (picture,) = (job.folder / "structures").rglob("s--1_2_FU.jpg")
    picture.unlink()
    assert "14 objects" in said(job())[-1]
    assert picture.is_file()


def test_a_scan_that_fails_is_said_in_the_report_and_the_others_go_on(job, monkeypatch):
    from napari_stmml.batch.structure_files import Search

    find = Search.find

    def fails(self, scan, **options):
        if "1_2" in scan.source:
            raise ValueError("something is odd")
        return find(self, scan, **options)

    monkeypatch.setattr(Search, "find", fails)
    for heard in (job(), job()):  # the second time nothing is done, and it is known all the same
        report = read(job.folder / "report" / "ingest.csv")
        (row,) = (row for row in report if row["source"].endswith("s--1_2.Z_mtrx"))
        assert (row["status"], row["why"]) == ("kept", "no structures: s--1_2.Z_mtrx: something is odd")
        assert of_type(heard, ReportWritten)
    assert said(heard) == ["structures: done already"]
    page = (job.folder / "structures" / "structures.html").read_text("utf-8")
    assert "something is odd" in page
    assert len(read(job.folder / "structures" / "objects.csv")) == 7


def test_known_types_are_used_and_what_they_are_counts(job, tmp_path):
    job()
    known, types = tmp_path / "known.stmml", job.folder / "structures" / "types.csv"
    Structures.load(types.with_name("types.stmml")).renamed(1, "adatom").save(known)
    job(model=str(known))
    assert [row["type_name"] for row in read(types)] == ["adatom", "type 2"]
    Structures.load(known).renamed(2, "vacancy").save(known)
    job(model=str(known))
    assert [row["type_name"] for row in read(types)] == ["adatom", "vacancy"]


def test_the_scans_have_to_be_processed_first(job):
    with pytest.raises(ValueError, match="do the step process first"):
        job(("structures",))
