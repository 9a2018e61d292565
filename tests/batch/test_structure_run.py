"""Structures of many scans: the same types whether all scans fit into memory or not, and one page of all."""

import csv
import re
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from napari_stmml import find_structures, read_scans
from napari_stmml.batch import structure_run
from napari_stmml.batch.records import StructuresRecord, read_record, write_record
from napari_stmml.batch.structure_files import Search, StructureFiles, StructureTask
from napari_stmml.batch.structure_run import StructureRun
from napari_stmml.events import FilesDone, Skipped, of_type
from napari_stmml.figures import drawing, structures_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.measuring.measurements import measure_scan
from napari_stmml.system.pool import Outcome
from napari_stmml.system.progress import Stopped

PLACES = [(2.5, 3), (2.5, 9.5), (6.2, 6.3), (9.8, 3), (9.8, 9.8), (6.3, 10.5), (6.2, 2.3)]


def write_scans(folder, count):
    """Write scans of 12.5 nm with four bumps and three pits each; the last is broken."""
    rows, cols = np.indices((100, 100)) / 8
    frames = []
    for seed in range(count):
        heights = np.random.default_rng(seed).normal(0, 0.004, rows.shape)
        for number, (y, x) in enumerate(PLACES):
            sign = 1 if number < 4 else -1
            heights += sign * 0.15 * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 0.18)
        frames.append(Frame({"forward/up": heights}, width_nm=12.5, height_nm=12.5, bias=-1.7))
    files = write_session(folder, frames, session="s")
    files[-1].write_bytes(files[-1].read_bytes()[:40])
    return files


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Leave drawing out, which takes most of the time: a figure is the same few bytes."""

    def save(figure, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"figure" * 1000)
        return path

    monkeypatch.setattr(structures_figure, "structures_figure", lambda *given: None)
    monkeypatch.setattr(drawing, "save_figure", save)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("<i>scans"), 3)


@pytest.fixture
def begin(scans, tmp_path):
    """Return a function that makes a run over the scans."""

    def begin_(heard=None, **options):
        tasks = [StructureTask(str(file), "FU", file.stem, "same") for file in scans]
        files = StructureFiles(str(tmp_path / "out"), str(tmp_path), str(tmp_path / "state"), Search())
        return StructureRun(
            tasks, replace(files, **options), report=(heard if heard is not None else []).append
        )

    return begin_


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_types_are_those_of_all_scans_at_once_and_every_scan_has_its_files(begin, scans, tmp_path):
    heard = []
    run = begin(heard, gwy=True)
    run.find()
    tables = run.write_tables("Structures")
    found = find_structures([scan for file in scans[:2] for scan in read_scans(file)])
    objects = read(tmp_path / "out" / "objects.csv")
    assert [int(row["type"]) for row in objects] == found.table.type.tolist()
    assert [float(row["angle_deg"]) for row in objects] == pytest.approx(found.table.angle_deg.tolist())
    assert [row["n"] for row in tables.types] == [one.count for one in found.types] == [8, 6]
    for number, file in enumerate(scans[:2]):
        labels = LabelMap.read(tmp_path / "out" / f"{file.stem}_FU_structures.stmml.tif")
        assert np.array_equal(labels.labels, found.labels(number, "type"))
        assert np.array_equal(labels.objects, found.labels(number))
        known = {"names": labels.names, "objects": labels.objects}
        measured = measure_scan(labels.labels, found.scans[number], **known)
        assert measured.classes["count"].tolist() == [4, 3]
        for end in (".gwy", ".png"):
            assert (tmp_path / "out" / f"{file.stem}_FU_structures{end}").stat().st_size > 5_000
    (skipped,) = of_type(heard, Skipped)
    assert skipped.why.startswith("Cut short: the header of s--1_3.Z_mtrx")
    assert [row["why"] for row in read(tmp_path / "out" / "left_out.csv")] == [skipped.why]
    assert of_type(heard, FilesDone)[-1].done == 3


def test_scans_that_do_not_fit_into_memory_are_sorted_one_by_one_into_the_types(begin, tmp_path, monkeypatch):
    monkeypatch.setattr(structure_run, "MOST_PX", 1)
    run = begin()
    run.find()
    tables = run.write_tables("Structures")
    assert sorted(row["n"] for row in tables.types) == [6, 8]
    assert len(read(tmp_path / "out" / "objects.csv")) == 14
    assert len(read(tmp_path / "out" / "left_out.csv")) == 1


@pytest.mark.parametrize("ahead", [1, 3])
def test_types_are_found_on_the_same_scans_however_many_are_in_flight(begin, monkeypatch, ahead):
    class Engine:
        def map(self, function, tasks):
            tasks = iter(tasks)
            while some := list(islice(tasks, ahead)):
                yield from [Outcome(task, function(task)) for task in some]

    used = []
    together = structure_run.typed_together
    monkeypatch.setattr(structure_run, "MOST_PX", 1)
    monkeypatch.setattr(structure_run, "_FEW", 0)
    monkeypatch.setattr(
        structure_run,
        "typed_together",
        lambda parts, **more: used.extend(parts) or together(parts, **more),
    )
    replace(begin(), engine=lambda: nullcontext(Engine())).find()
    assert [one.scans[0].stem for one in used] == ["s--1_1"]


def test_files_with_a_current_record_are_left_alone_and_others_are_written_anew(begin, scans, tmp_path):
    run = begin()
    run.find()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*_structures.*")}
    (tmp_path / "out" / f"{scans[1].stem}_FU_structures.png").unlink()
    heard = []
    begin(heard).find()
    changed = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {f"{scans[1].stem}_FU_structures.{end}" for end in ("png", "stmml.tif")}
    assert of_type(heard, FilesDone)[0].done == 2


def test_a_stopped_search_keeps_what_is_written(begin, tmp_path):
    run = begin()
    run.should_stop = lambda: len(list((tmp_path / "state").glob("*.json"))) >= 2
    with pytest.raises(Stopped, match="the search for structures was stopped"):
        run.find()
    assert len(list(run.records())) == 2


def test_no_scan_at_all_is_one_sentence(begin, scans):
    run = begin()
    run.tasks = run.tasks[-1:]
    with pytest.raises(ValueError, match="there is no scan to find structures on: Cut short"):
        run.find()


def test_the_page_shows_types_scans_and_what_was_left_out_and_escapes_every_value(begin, scans, tmp_path):
    run = begin()
    run.find()
    bad = '<script>alert("x")</script>'
    path = run.files.record_path(run.tasks[0])
    record = read_record(path, StructuresRecord)
    counts = tuple({**row, "type_name": f"{row['type_name']} {bad}"} for row in record.counts)
    write_record(path, replace(record, name=bad, about=bad, counts=counts))
    tables = run.write_tables(bad, [(f"a{bad}", f"unreadable {bad}")])
    page = tables.files[-1].read_text("utf-8")
    assert page.count("<script>") == 1  # its own
    assert "&lt;script&gt;" in page
    assert "14 objects of 2 types\non 2 scans" in page
    assert page.count("data:image/png;base64,") == 2
    for picture in re.findall(r'(?:src|href)="([^":]+\.(?:jpg|png|csv))"', page):
        assert (tmp_path / "out" / picture).is_file()
    assert "unreadable" in page
    assert "Cut short: the header of s--1_3.Z_mtrx" in page


def test_a_record_that_no_job_can_have_written_is_none(begin, tmp_path):
    path = tmp_path / "a.json"
    for wrong in (
        {"outputs": ("../a.png",)},
        {"figure": "../../secret.png"},
        {"thumbnail": "x.jpg"},
        {"counts": ({"n": 1},)},
    ):
        write_record(path, replace(StructuresRecord("same", ("a.png",), "a.Z_mtrx"), **wrong))
        assert read_record(path, StructuresRecord) is None
