import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.events import (
    BatchDone,
    Clustering,
    EpochDone,
    FilesDone,
    ModelKept,
    ModelTrained,
    ReportWritten,
    ScanLabelled,
    Skipped,
    TrainingWindows,
    ignore,
    of_type,
)
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.jobs.requests import LabelScans, RunJobFile, TrainModel
from napari_stmml.jobs.run_request import run
from napari_stmml.truth.truth_file import TruthFile

NEVER = bool  # "should I stop?": no


def run_here(request, should_stop=NEVER):
    events = []
    run(request, events.append, should_stop)
    return events


def names_of(events):
    """List the kinds of events, each run of the same kind once."""
    names = [type(event) for event in events]
    return [name for i, name in enumerate(names) if not i or names[i - 1] != name]


def test_training_tells_what_it_does_in_order_and_its_time_left_falls_to_nothing(session, recipe, tmp_path):
    out = tmp_path / "m.stmml"
    events = run_here(TrainModel(str(out), (str(session[0]),), recipe=recipe | {"epochs": 2}))
    epoch = [BatchDone, EpochDone, ModelKept]
    begins = [TrainingWindows, BatchDone, ModelKept, *epoch[1:], *epoch]
    assert names_of(events) == [*begins, Clustering, ReportWritten, ModelTrained]
    first, *_, last = of_type(events, BatchDone)
    assert (first.seconds_left, last.seconds_left) == (None, 0)
    assert (last.fraction, last.epochs) == (1, 2)
    (trained,) = of_type(events, ModelTrained)
    assert trained.model == str(out)
    assert (trained.epochs, trained.stopped) == (2, False)
    assert sum(trained.cluster_sizes) == of_type(events, Clustering)[-1].total
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.stmml", "m_report"]
    (report,) = of_type(events, ReportWritten)
    assert report.summary == "2 directions kept, none skipped"
    assert (tmp_path / "m_report" / "ingest.html").is_file()


def test_a_damaged_file_is_skipped_and_the_others_are_labelled(session, model, tmp_path):
    events = run_here(LabelScans(model, str(tmp_path), (str(session[0].parent),), figures=False))
    (skipped,) = of_type(events, Skipped)
    assert session[1].name in skipped.why
    directions = [f"{file.stem}_{short}" for file in (session[0], session[2]) for short in ("BU", "FU")]
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{name}_labels.tif" for name in directions]


def test_a_path_that_is_not_there_is_skipped(session, model, tmp_path):
    job = LabelScans(model, str(tmp_path), (str(tmp_path / "gone"), str(session[0])), figures=False)
    events = run_here(job)
    assert "gone" in of_type(events, Skipped)[0].why
    assert len(of_type(events, ScanLabelled)) == 2


def test_a_map_has_the_models_classes_its_scans_place_and_a_picture(
    session, model, tiny_classifier, tmp_path
):
    (event, _) = of_type(run_here(LabelScans(model, str(tmp_path), (str(session[0]),))), ScanLabelled)
    scan = read_mtrx(session[0])[0]
    labelled = LabelMap.read(event.labels)
    assert np.array_equal(labelled.labels, tiny_classifier.predict(scan))
    assert labelled.pixel_size == pytest.approx(scan.pixel_size)
    assert tuple(labelled.names.values()) == tiny_classifier.class_names
    assert tuple(labelled.colours.values()) == tiny_classifier.class_colours
    assert labelled.scan["model"] == "tiny.stmml"
    assert event.pixels == {label: int((labelled.labels == label).sum()) for label in labelled.names}
    with open(event.figure, "rb") as figure:
        assert figure.read(4) == b"\x89PNG"


@pytest.fixture
def painted_scan(session, tmp_path, home):
    """Copy the first scan, and paint on its first direction."""
    shutil.copytree(session[0].parent, tmp_path / "scans")
    scan = read_mtrx(tmp_path / "scans" / session[0].name)[0]
    truth = np.zeros(scan.heights.shape, np.uint8)
    truth[5:15, 5:15] = 9
    TruthFile(scan).save(truth, {9: "a person's"}, {9: "#123456"})
    return scan, truth


def test_what_a_person_painted_wins_in_a_prediction_which_says_so_and_is_none_the_less_replaced(
    painted_scan, model, tmp_path
):
    scan, truth = painted_scan
    job = LabelScans(model, str(tmp_path / "out"), (scan.source,), figures=False)
    for _ in range(2):
        first, *others = of_type(run_here(job), ScanLabelled)
        assert first.painted == 100
        assert all(event.painted is None for event in others)
        assert first.edited is first.problem is None
        found = LabelMap.read(first.labels)
        (label,) = np.unique(found.labels[truth > 0])
        assert found.names[label] == "a person's"
        assert first.pixels[label] == 100
        assert found.scan["painted by a person"] == 100


def test_a_prediction_says_that_what_was_painted_cannot_be_read(painted_scan, model, tmp_path):
    scan, _ = painted_scan
    (path,) = Path(scan.source).parent.glob("*.truth.stmml.tif")
    path.write_bytes(b"damaged")
    first, *_ = of_type(
        run_here(LabelScans(model, str(tmp_path / "out"), (scan.source,), figures=False)), ScanLabelled
    )
    assert path.name in first.problem
    assert first.painted is None


def test_a_map_that_a_person_edited_is_put_aside_and_a_predicted_one_replaced(session, model, tmp_path):
    job = LabelScans(model, str(tmp_path), (str(session[0]),), figures=False)
    first, _ = of_type(run_here(job), ScanLabelled)
    assert not [event for event in of_type(run_here(job), ScanLabelled) if event.edited]
    mine = LabelMap.read(first.labels)
    painted = mine.labels.copy()
    painted[:9] = 3
    replace(mine, labels=painted).write(first.labels)
    again, _ = of_type(run_here(job), ScanLabelled)
    assert np.array_equal(LabelMap.read(again.edited).labels, painted)
    assert np.array_equal(LabelMap.read(again.labels).labels, mine.labels)


def test_stopping_a_training_keeps_a_usable_model(session, recipe, tmp_path):
    job = TrainModel(str(tmp_path / "m.stmml"), (str(session[0]),), recipe=recipe | {"epochs": 50})
    events = []
    run(job, events.append, lambda: bool(of_type(events, ModelKept)))
    assert of_type(events, ModelTrained)[0].stopped
    assert not job.checkpoint.exists()
    labels = SurfaceClassifier.load(job.out).predict(read_mtrx(session[0])[0])
    assert labels.max() > 0


def test_a_checkpoint_left_behind_settles_as_the_model(tmp_path):
    job = TrainModel(str(tmp_path / "m.stmml"))
    assert job.settle() is None
    job.checkpoint.write_bytes(b"so far")
    assert job.settle() == tmp_path / "m.stmml"
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"so far"]


def test_a_folder_is_no_file_for_a_model(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        run(TrainModel(str(tmp_path)), ignore, NEVER)


def test_a_scan_can_be_forced_into_a_job_by_its_name(session, job_file):
    text = job_file.read_text().replace("# pixel_limit = 20000", "pixel_limit = 40")
    job_file.write_text(text)
    events = run_here(RunJobFile(str(job_file), ("process",), processes=1))
    assert of_type(events, ReportWritten)[0].summary.startswith(
        "0 directions kept, 5 skipped: 4 over pixel_limit 40"
    )
    events = run_here(RunJobFile(str(job_file), ("process",), (f"{session[2].stem}_FU",), processes=1))
    summary = of_type(events, ReportWritten)[0].summary
    assert summary == "0 directions kept, 1 kept anyway, 4 skipped: 3 over pixel_limit 40, 1 cut short"


def test_a_folder_that_a_network_labels_is_written_by_other_processes_and_the_same(session, model, tmp_path):
    folder = str(session[0].parent)
    plain = of_type(run_here(LabelScans(model, str(tmp_path / "a"), (folder,), figures=False)), ScanLabelled)
    made = run_here(LabelScans(model, str(tmp_path / "b"), (folder,), processes=2))
    pooled = of_type(made, ScanLabelled)
    assert len(pooled) == len(plain) > 1
    for one, other in zip(plain, pooled, strict=True):
        assert one.pixels == other.pixels
        assert Path(other.figure).is_file()
    last = of_type(made, FilesDone)[-1]
    assert last.done == last.total == len(session)
