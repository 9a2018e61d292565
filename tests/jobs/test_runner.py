import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from queue import Empty

import numpy as np
import pytest

from napari_stmml import Scan, SurfaceClassifier, read_mtrx
from napari_stmml.events import (
    BatchDone,
    Clustering,
    Died,
    Ended,
    EpochDone,
    Failed,
    FilesDone,
    FileTaken,
    Finished,
    Message,
    ModelKept,
    ModelTrained,
    ReportWritten,
    ScanLabelled,
    Skipped,
    TrainingWindows,
    from_json,
    ignore,
    of_type,
)
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix_writer import Frame, write_session
from napari_stmml.jobs.predict_scans import free_name
from napari_stmml.jobs.runner import PredictJob, RunJob, TrainJob
from napari_stmml.jobs.worker import Worker
from napari_stmml.recipe import Recipe
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.truth import truth_file

SECONDS = 120  # for the first import of TensorFlow on a busy machine
NEVER = bool  # "should I stop?": no


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Write a folder of two small scans, forward and backward, and a damaged one between them."""
    surfaces = [simulate_si001((64, 64), 6.0, seed=seed) for seed in (1, 2, 3)]
    frames = [
        Frame(dict.fromkeys(("forward/up", "backward/up"), surface.heights), width_nm=6.0, height_nm=6.0)
        for surface in surfaces
    ]
    files = write_session(tmp_path_factory.mktemp("small"), frames)
    files[1].write_bytes(files[1].read_bytes()[:-1000])
    return files


@pytest.fixture(scope="module")
def model(tiny_classifier, tmp_path_factory):
    return str(tiny_classifier.save(tmp_path_factory.mktemp("model") / "tiny.stmml"))


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def recipe(tiny_recipe):
    return tiny_recipe.as_dict()


def events_of(worker):
    """Collect the events of a job to its end."""
    events = []
    while not events or not isinstance(events[-1], Ended):
        try:
            events.append(worker.events.get(timeout=SECONDS))
        except Empty:
            pytest.fail(f"no news for {SECONDS} s after {events}")
    return events


def run_here(job, should_stop=NEVER):
    events = []
    job.run(events.append, should_stop)
    return events


def names_of(events):
    """List the kinds of events, each run of the same kind once."""
    names = [type(event) for event in events]
    return [name for i, name in enumerate(names) if not i or names[i - 1] != name]


# In this process


def test_training_tells_what_it_does_in_order(session, recipe, tmp_path):
    out = tmp_path / "m.stmml"
    events = run_here(TrainJob(str(out), (str(session[0]),), recipe=recipe))
    begins = [TrainingWindows, BatchDone, ModelKept, EpochDone, ModelKept]
    assert names_of(events) == [*begins, Clustering, ReportWritten, ModelTrained]
    last = of_type(events, BatchDone)[-1]
    assert (last.fraction, last.epochs) == (1, 1)
    (trained,) = of_type(events, ModelTrained)
    assert trained.model == str(out)
    assert (trained.epochs, trained.stopped) == (1, False)
    assert sum(trained.cluster_sizes) == of_type(events, Clustering)[-1].total
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.stmml", "m_report"]
    (report,) = of_type(events, ReportWritten)
    assert report.summary == "2 directions kept, none skipped"
    assert (tmp_path / "m_report" / "ingest.html").is_file()


def test_time_left_falls_to_nothing(session, recipe, tmp_path):
    job = TrainJob(str(tmp_path / "m.stmml"), (str(session[0]),), recipe=recipe | {"epochs": 3})
    left = [event.seconds_left for event in of_type(run_here(job), BatchDone)]
    assert left[0] is None
    assert left[-1] == 0


def test_a_damaged_file_is_skipped_and_the_others_are_labelled(session, model, tmp_path):
    events = run_here(PredictJob(model, str(tmp_path), (str(session[0].parent),), figures=False))
    (skipped,) = of_type(events, Skipped)
    assert session[1].name in skipped.why
    directions = [f"{file.stem}_{short}" for file in (session[0], session[2]) for short in ("BU", "FU")]
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{name}_labels.tif" for name in directions]


def test_a_path_that_is_not_there_is_skipped(session, model, tmp_path):
    job = PredictJob(model, str(tmp_path), (str(tmp_path / "gone"), str(session[0])), figures=False)
    events = run_here(job)
    assert "gone" in of_type(events, Skipped)[0].why
    assert len(of_type(events, ScanLabelled)) == 2


def test_a_map_has_the_models_classes_its_scans_place_and_a_picture(
    session, model, tiny_classifier, tmp_path
):
    (event, _) = of_type(run_here(PredictJob(model, str(tmp_path), (str(session[0]),))), ScanLabelled)
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


def test_scans_of_the_same_name_get_files_of_their_own():
    scan = Scan(np.zeros((2, 2)), None, "forward/up", source="a/x--1_1.Z_mtrx")
    scans = [scan, replace(scan, source="b/x--1_1.Z_mtrx"), scan, replace(scan, channel="I")]
    taken = set()
    names = [free_name(one, taken) for one in scans]
    assert names == ["x--1_1_FU", "x--1_1_FU_2", "x--1_1_FU_3", "x--1_1_I_FU"]


@pytest.fixture
def painted_scan(session, tmp_path, monkeypatch):
    """Copy the first scan, and paint on its first direction."""
    monkeypatch.setattr(truth_file, "HOME", tmp_path / "home")
    shutil.copytree(session[0].parent, tmp_path / "scans")
    scan = read_mtrx(tmp_path / "scans" / session[0].name)[0]
    truth = np.zeros(scan.heights.shape, np.uint8)
    truth[5:15, 5:15] = 9
    truth_file.TruthFile(scan).save(truth, {9: "a person's"}, {9: "#123456"})
    return scan, truth


def test_what_a_person_painted_wins_in_a_prediction_which_says_so_and_is_none_the_less_replaced(
    painted_scan, model, tmp_path
):
    scan, truth = painted_scan
    job = PredictJob(model, str(tmp_path / "out"), (scan.source,), figures=False)
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
    path = truth_file.TruthFile(scan).path
    path.write_bytes(b"damaged")
    first, *_ = of_type(
        run_here(PredictJob(model, str(tmp_path / "out"), (scan.source,), figures=False)), ScanLabelled
    )
    assert path.name in first.problem
    assert first.painted is None


def test_a_map_that_a_person_edited_is_put_aside_and_a_predicted_one_replaced(session, model, tmp_path):
    job = PredictJob(model, str(tmp_path), (str(session[0]),), figures=False)
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
    job = TrainJob(str(tmp_path / "m.stmml"), (str(session[0]),), recipe=recipe | {"epochs": 50})
    events = []
    job.run(events.append, lambda: bool(of_type(events, ModelKept)))
    assert of_type(events, ModelTrained)[0].stopped
    assert not job.checkpoint.exists()
    labels = SurfaceClassifier.load(job.out).predict(read_mtrx(session[0])[0])
    assert labels.max() > 0


def test_a_checkpoint_left_behind_settles_as_the_model(tmp_path):
    job = TrainJob(str(tmp_path / "m.stmml"))
    assert job.settle() is None
    job.checkpoint.write_bytes(b"so far")
    assert job.settle() == tmp_path / "m.stmml"
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"so far"]


# In a process of its own


def test_a_process_trains_and_labels_as_this_one_does(worker, session, recipe, tmp_path):
    scans = read_mtrx(session[0])
    job = TrainJob(str(tmp_path / "there.stmml"), recipe=recipe, seed=3)
    worker.submit(job, scans)
    events = events_of(worker)
    assert names_of(events)[-2:] == [ModelTrained, Finished]
    assert events[-1] == Finished()
    run_here(TrainJob(str(tmp_path / "here.stmml"), (str(session[0]),), recipe=recipe, seed=3))
    there, here = (SurfaceClassifier.load(tmp_path / f"{place}.stmml") for place in ("there", "here"))
    assert np.array_equal(there.clusters.centres, here.clusters.centres)
    first = worker.pid
    worker.submit(PredictJob(job.out, str(tmp_path / "labels"), figures=False), scans)
    maps = of_type(events_of(worker), ScanLabelled)
    assert [event.number for event in maps] == [0, 1]
    for event, scan in zip(maps, scans, strict=True):
        assert np.array_equal(LabelMap.read(event.labels).labels, here.predict(scan))
    assert worker.pid == first


def test_a_job_that_cannot_be_done_fails_in_a_sentence_and_the_process_goes_on(worker, tmp_path):
    for content in (b"no model", b""):
        (tmp_path / "no.stmml").write_bytes(content)
        worker.submit(PredictJob(str(tmp_path / "no.stmml"), str(tmp_path)))
        (failed,) = events_of(worker)
        assert isinstance(failed, Failed)
        assert failed.why.startswith("no.stmml is not a napari-stmml model")
        assert worker.job is None


def test_an_unknown_parameter_fails_in_a_sentence(worker, tmp_path):
    worker.submit(TrainJob(str(tmp_path / "m.stmml"), recipe={"colour": 3}))
    (failed,) = events_of(worker)
    assert failed.why == "unknown recipe parameter: colour"


def test_a_fault_of_ours_is_said_and_traced_in_the_log(worker, tmp_path):
    worker.submit(TrainJob(str(tmp_path / "m.stmml"), paths=(1,)))  # a number is no path
    (failed,) = events_of(worker)
    assert failed.why.startswith("an unexpected TypeError")
    assert "Traceback" in (worker.folder / "log.txt").read_text()


def test_a_process_that_is_killed_is_said_to_have_died_and_the_next_job_gets_another(tmp_path):
    worker = Worker()
    try:
        scan = Scan(np.random.default_rng(0).normal(size=(64, 64)), (0.1, 0.1))
        worker.submit(TrainJob(str(tmp_path / "m.stmml")), [scan])
        while worker.pid is None:
            time.sleep(0.01)
        first = worker.pid
        worker.kill()
        died = events_of(worker)[-1]
        assert isinstance(died, Died)
        assert "signal 9" in died.why
        assert died.model is None
        worker.submit(PredictJob(str(tmp_path / "no.stmml"), str(tmp_path)))
        assert isinstance(events_of(worker)[-1], Failed)
        assert worker.pid != first
    finally:
        worker.close()
    assert not worker.folder.exists()


def test_a_second_job_is_refused_while_one_runs(tmp_path):
    worker = Worker()
    try:
        worker.submit(TrainJob(str(tmp_path / "m.stmml")), [])
        with pytest.raises(RuntimeError, match="still running"):
            worker.submit(TrainJob(str(tmp_path / "m.stmml")), [])
        events_of(worker)
    finally:
        worker.close()


def test_a_worker_without_a_job_can_be_cancelled_and_closed():
    worker = Worker()
    worker.cancel()
    worker.kill()
    worker.close()
    assert worker.pid is None
    assert not worker.folder.exists()


def test_a_job_for_a_worker_that_was_closed_fails_in_a_sentence(tmp_path):
    worker = Worker()
    worker.close()
    worker.submit(TrainJob(str(tmp_path / "m.stmml")), [Scan(np.zeros((2, 2)), None)])
    assert events_of(worker)[-1].why.startswith("the job could not be started")


# On the wire


def started(*command):
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def message(job, **values):
    return json.dumps({"job": job, "values": values}) + "\n"


def test_a_process_whose_viewer_has_gone_keeps_the_model_and_goes(session, recipe, tmp_path):
    out = tmp_path / "m.stmml"
    process = started("-m", "napari_stmml.jobs.runner")
    recipe |= {"epochs": 100_000}
    process.stdin.write(message("train", out=str(out), paths=[str(session[0])], recipe=recipe))
    process.stdin.flush()
    for line in process.stdout:
        if isinstance(from_json(line), ModelKept):
            break
    process.stdin.close()
    rest = [from_json(line) for line in process.stdout]
    assert process.wait(SECONDS) == 0
    process.stdout.close()
    process.stderr.close()
    assert names_of(rest)[-2:] == [ModelTrained, Finished]
    assert SurfaceClassifier.load(out).predict(read_mtrx(session[0])[0]).max() > 0


def test_what_libraries_print_does_not_reach_the_wire(tmp_path):
    noisy = (
        "import os, sys, napari_stmml.jobs.runner as jobs\n"
        "from napari_stmml.events import Message\n"
        "def run(job, report, should_stop):\n"
        "    report(Message('before'))\n"
        "    print('printed'); os.write(1, b'written\\n'); os.system('echo by a child')\n"
        "    report(Message('after µ'))\n"
        "jobs.PredictJob.run = run\n"
        "jobs.main()\n"
    )
    process = started("-c", noisy)
    wire, log = process.communicate(message("predict", model="m", out=str(tmp_path)), timeout=SECONDS)
    events = [from_json(line) for line in wire.splitlines()]
    assert events == [Message("before"), Message("after µ"), Finished()]
    assert {"printed", "written", "by a child"} <= set(log.splitlines())


def test_a_process_without_work_goes_when_its_viewer_does():
    process = started("-m", "napari_stmml.jobs.runner")
    assert process.communicate("", timeout=SECONDS)[0] == ""
    assert process.returncode == 0


def test_a_job_that_fails_at_once_does_not_pass_an_older_checkpoint_off_as_its_own(tmp_path):
    job = TrainJob(str(tmp_path / "m.stmml"), (str(tmp_path),), recipe=Recipe().as_dict())
    job.checkpoint.write_bytes(b"of another day")
    worker = Worker()
    worker.submit(job)
    events = []
    while not events or not isinstance(events[-1], Failed):
        events.append(worker.events.get(timeout=120))
    worker.close()
    assert events[-1].model is None
    assert not (tmp_path / "m.stmml").exists()


def test_a_folder_is_no_file_for_a_model(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        TrainJob(str(tmp_path)).run(ignore, lambda: False)


# A job file


@pytest.fixture
def job_file(session, tmp_path):
    """Write a small job on the folder of two good scans and a damaged one."""
    from napari_stmml.batch.job_file import JobFile

    tiny = {"pixel_density": 8.0, "window_size": 16, "epochs": 1, "batch_size": 32, "num_clusters": 3}
    values = {**tiny, "train_path": [str(session[0].parent)], "predict_window_pitch": 8, "job_name": "tiny"}
    return JobFile(values, tmp_path).write(tmp_path / "job.toml")


def test_a_process_runs_a_job_file_and_stops_it_and_goes_on(worker, job_file, tmp_path):
    worker.submit(RunJob(str(job_file), processes=1))
    events = []
    while not events or not isinstance(events[-1], FileTaken):
        events.append(worker.events.get(timeout=SECONDS))
    worker.cancel()
    stopped = events_of(worker)
    assert isinstance(stopped[-1], Failed | Finished)
    assert of_type(events + stopped, ReportWritten)
    worker.submit(RunJob(str(job_file), processes=1))
    events = events_of(worker)
    assert isinstance(events[-1], Finished)
    (report,) = of_type(events, ReportWritten)
    assert report.summary == "4 directions kept, 1 skipped: 1 cut short"
    for name in ("csv", "html"):
        assert (tmp_path / "tiny" / "report" / f"ingest.{name}").samefile(getattr(report, name))
    maps = of_type(events, ScanLabelled)
    assert len(maps) == 4
    classifier = SurfaceClassifier.load(tmp_path / "tiny" / "cluster_model" / "clusters.stmml")
    for event in maps:
        scans = {scan.short_direction: scan for scan in read_mtrx(event.source)}
        labelled = LabelMap.read(event.labels)
        direction = event.labels.removesuffix("_labels.tif")[-2:]
        assert np.array_equal(labelled.labels, classifier.predict(scans[direction]))


def test_a_scan_can_be_forced_into_a_job_by_its_name(session, job_file):
    text = job_file.read_text().replace("pixel_limit = 20000", "pixel_limit = 40")
    job_file.write_text(text)
    events = run_here(RunJob(str(job_file), ("process",), processes=1))
    assert of_type(events, ReportWritten)[0].summary.startswith(
        "0 directions kept, 5 skipped: 4 over pixel_limit 40"
    )
    events = run_here(RunJob(str(job_file), ("process",), (f"{session[2].stem}_FU",), processes=1))
    summary = of_type(events, ReportWritten)[0].summary
    assert summary == "0 directions kept, 1 forced in, 4 skipped: 3 over pixel_limit 40, 1 cut short"


def test_a_bad_job_file_fails_in_a_sentence_that_begins_with_its_name(worker, tmp_path):
    (tmp_path / "job.toml").write_text("epoch = 3")
    worker.submit(RunJob(str(tmp_path / "job.toml")))
    (failed,) = events_of(worker)
    assert failed.why == "job.toml: there is no parameter 'epoch'; did you mean 'epochs'?"
    assert [file.name for file in tmp_path.iterdir()] == ["job.toml"]


def test_a_folder_that_a_network_labels_is_written_by_other_processes_and_the_same(session, model, tmp_path):
    folder = str(session[0].parent)
    plain = of_type(run_here(PredictJob(model, str(tmp_path / "a"), (folder,), figures=False)), ScanLabelled)
    made = run_here(PredictJob(model, str(tmp_path / "b"), (folder,), processes=2))
    pooled = of_type(made, ScanLabelled)
    assert len(pooled) == len(plain) > 1
    for one, other in zip(plain, pooled, strict=True):
        assert one.pixels == other.pixels
        assert Path(other.figure).is_file()
    assert of_type(made, FilesDone)[-1].done == len(session) - 1  # one cannot be read
