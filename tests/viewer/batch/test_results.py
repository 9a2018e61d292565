import time

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.report import Row
from napari_stmml.viewer.batch.results import Result, Results, read_results
from napari_stmml.viewer.batch.table import ResultsModel


def test_what_is_told_while_results_are_read_is_newer_than_what_was_read():
    def row(source, status):
        return Row(source, "FU", status=status)

    results, read = Results(), Results()
    results.take([row("gone", "kept")])
    results.mark()
    results.take([row("a", "kept")])
    results.label("a", "x_FU_labels.tif")
    read.take([row("a", "skipped"), row("b", "skipped")])
    results.fill(read)
    assert {one.source: (one.status, one.labels) for one in results} == {
        "a": ("kept", "x_FU_labels.tif"),
        "b": ("skipped", ""),
    }
    results.fail("b", "FU", "no memory")
    assert next(one for one in results if one.source == "b").why == "no memory"


def test_files_that_a_job_has_not_come_to_are_waiting(small_session, tmp_path):
    job = JobFile({"train_path": (str(small_session[0].parent),)}, tmp_path)
    read = read_results(job)
    assert {one.cells[2] for one in read.results} == {"waiting"}
    assert len(list(read.results)) == 2
    assert read.report is None


def test_a_table_of_40000_rows_is_sorted_and_filtered_while_more_come(measured):
    results = [Result(f"run--{n}_1.Z_mtrx", way, "kept") for n in range(10_000) for way in ("FU", "BU") * 2]
    model = ResultsModel()
    model.show(results)
    began = time.perf_counter()
    model.show(results)
    measured(f"Batch: 40,000 rows shown again in {1000 * (time.perf_counter() - began):.0f} ms")
    assert [one.cells[0] for one in model.shown[:9:4]] == ["run--0_1", "run--1_1", "run--2_1"]
    model.filter("fu run--99_")
    assert [one.key for one in model.shown] == [("run--99_1.Z_mtrx", "FU")] * 2
