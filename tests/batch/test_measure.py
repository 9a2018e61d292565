"""The step measure: tables of every label map and one of all, in any process, going on where it was."""

import shutil
from dataclasses import replace

import pytest

from napari_stmml.batch import measure as step
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.events import Message, ReportWritten, Skipped, of_type
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.tables import read_table
from napari_stmml.system.progress import Stopped
from tests.batch.test_run import FILTERS, TINY, modified, results_of, write_scans

FILES = 3
NEVER = bool


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Do a job up to its label maps."""
    base = tmp_path_factory.mktemp("measured")
    write_scans(base / "scans", FILES)
    do(base, ("process", "train", "cluster", "predict"))
    return base


@pytest.fixture
def base(labelled, tmp_path):
    shutil.copytree(labelled / "tiny", tmp_path / "tiny")
    return tmp_path


def do(base, steps=("measure",), should_stop=NEVER, scans=None, **values):
    """Do steps of the job; return what was said."""
    own = {**TINY, **FILTERS, "save_latent": False, "train_path": [str((scans or base) / "scans")]}
    heard = []
    run_job(JobFile({**own, **values}, base), steps, report=heard.append, should_stop=should_stop)
    return heard


def said(heard):
    return [one.text for one in of_type(heard, Message) if one.text.startswith("measure")]


def summary(base):
    return read_table(base / "tiny/measurements/summary.csv")


def tables(base):
    return {name: got for name, got in results_of(base / "tiny").items() if name.startswith("measurements")}


def test_every_map_has_its_tables_and_the_summary_every_class_on_every_map(base, labelled):
    do(base, scans=labelled)
    rows = summary(base)
    assert len(rows) == 2 * FILES * 3
    assert {row["direction"] for row in rows} == {"FU", "BU"}
    assert len({row["background_classes"] for row in rows}) == 1
    for row in rows:
        name = row["labels"].removeprefix("predictions/").removesuffix("_labels.tif")
        own = read_table(base / f"tiny/measurements/{name}_classes.csv")
        (same,) = [one for one in own if one["name"] == row["name"]]
        assert all(
            same[column] == row[column] for column in ("n", "density_per_nm2", "height_mean_nm", "date")
        )
        assert len(read_table(base / f"tiny/measurements/{name}_regions.csv")) == sum(
            int(one["count"]) for one in own
        )


def test_a_job_that_was_stopped_goes_on_and_other_processes_give_the_same_bytes(base, labelled, monkeypatch):
    calls = iter([False] * (FILES + 2) + [True] * 99)
    with pytest.raises(Stopped):
        do(base, scans=labelled, should_stop=lambda: next(calls))
    records = [
        path.relative_to(base / "tiny").as_posix() for path in (base / "tiny/state/measure").glob("*.json")
    ]
    assert 0 < len(records) < 2 * FILES
    before = modified(base / "tiny", records)
    heard = do(base, scans=labelled)
    assert said(heard)[0].endswith(f"of {FILES} files are done already")
    assert modified(base / "tiny", records) == before
    assert said(do(base, scans=labelled)) == ["measure: done already"]
    here = tables(base)
    shutil.rmtree(base / "tiny/measurements")
    shutil.rmtree(base / "tiny/state/measure")
    monkeypatch.setattr(step, "_FEW", 0)
    do(base, scans=labelled)
    assert tables(base) == here


def test_what_was_measured_with_another_background_or_map_is_put_aside(base, labelled):
    do(base, scans=labelled)
    heard = do(base, scans=labelled, **{"measure.background": ["cluster 2"]})
    assert "measure.background was [] and is ['cluster 2']" in said(heard)[0]
    assert {row["background_classes"] for row in summary(base)} == {"cluster 2"}
    assert (base / "tiny/older/1/measurements/summary.csv").is_file()
    path = base / "tiny" / summary(base)[0]["labels"]
    found = LabelMap.read(path)
    replace(found, labels=found.labels * 0 + 2).write(path)
    heard = do(base, scans=labelled, **{"measure.background": ["cluster 2"]})
    assert f"measure: {FILES - 1} of {FILES} files are done already" in said(heard)
    assert [row["coverage"] for row in summary(base)[:3]] == ["0.0", "1.0", "0.0"]


def test_a_map_that_cannot_be_measured_is_named_and_the_others_are_measured(base, labelled):
    (base / "tiny/predictions/scans/s--1_2_FU_labels.tif").write_bytes(b"no map")
    heard = do(base, scans=labelled)
    (skipped,) = of_type(heard, Skipped)
    assert skipped.why.startswith("s--1_2_FU_labels.tif cannot be read as a TIFF")
    assert len(summary(base)) == (2 * FILES - 1) * 3
    ((row),) = read_table(base / "tiny/measurements/left_out.csv")
    assert row["why"] == skipped.why
    report = of_type(heard, ReportWritten)[-1]
    assert any(one["why"].startswith("not measured: s--1_2_FU") for one in read_table(report.csv))
    assert said(do(base, scans=labelled))[0] != "measure: done already"


def test_a_job_without_maps_or_with_no_such_class_says_so(base, labelled):
    with pytest.raises(ValueError, match=r"no label map could be measured: .*there is no class 'sea' to be"):
        do(base, scans=labelled, **{"measure.background": ["sea"]})
    assert said(do(base, scans=labelled, **{"measure.tables": False})) == []
    shutil.rmtree(base / "tiny/predictions")
    with pytest.raises(ValueError, match="there are no label maps to measure: do the step predict first"):
        do(base, scans=labelled)


def test_details_are_made_where_asked_for(base, labelled):
    do(base, scans=labelled, **{"measure.details": True})
    made = {path.name for path in (base / "tiny/measurements").rglob("*")}
    assert {
        "s--1_1_FU_regions.png",
        "s--1_1_FU_profile_cluster_3.csv",
        "s--1_1_FU_average_cluster_3.tif",
    } <= made
