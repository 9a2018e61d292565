import subprocess
import sys
import time
from dataclasses import replace
from queue import Empty

import numpy as np
import pytest

from napari_stmml import Scan, SurfaceClassifier, read_mtrx
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import look
from napari_stmml.events import (
    Died,
    Ended,
    Failed,
    FileTaken,
    Finished,
    LayoutReady,
    Message,
    ModelKept,
    ModelTrained,
    ReportWritten,
    ScanLabelled,
    from_json,
    ignore,
    of_type,
)
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.scan_archive import save_scans
from napari_stmml.jobs.embedding_files import load_view, save_question
from napari_stmml.jobs.requests import LabelScans, LayOutCells, RunJobFile, TrainModel, to_json
from napari_stmml.jobs.run_request import run
from napari_stmml.jobs.worker_process import Worker
from napari_stmml.recipe import Recipe, get_recipe

SECONDS = 120  # for the first import of TensorFlow on a busy machine


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


def events_of(worker):
    """Collect the events of a job to its end."""
    events = []
    while not events or not isinstance(events[-1], Ended):
        try:
            events.append(worker.events.get(timeout=SECONDS))
        except Empty:
            pytest.fail(f"no news for {SECONDS} s after {events}")
    return events


def test_a_process_trains_and_labels_as_this_one_does(worker, session, tmp_path):
    scans, recipe = read_mtrx(session[0]), get_recipe("instant", num_clusters=3).as_dict()
    there, here = (TrainModel(str(tmp_path / f"{place}.stmml"), recipe=recipe) for place in ("there", "here"))
    worker.submit(there, scans)
    events = events_of(worker)
    assert [type(event) for event in events[-2:]] == [ModelTrained, Finished]
    assert events[-1] == Finished()
    save_scans(tmp_path / "scans.npz", scans)
    run(replace(here, scans=str(tmp_path / "scans.npz")), ignore, lambda: False)
    model = SurfaceClassifier.load(here.out)
    assert np.array_equal(SurfaceClassifier.load(there.out).clusters.centres, model.clusters.centres)
    first = worker.pid
    worker.submit(LabelScans(there.out, str(tmp_path / "labels"), figures=False), scans)
    maps = of_type(events_of(worker), ScanLabelled)
    assert [event.number for event in maps] == [0, 1]
    for event, scan in zip(maps, scans, strict=True):
        assert np.array_equal(LabelMap.read(event.labels).labels, model.predict(scan))
    assert worker.pid == first


def test_a_process_lays_cells_out_as_this_one_does(worker, tmp_path, rng):
    cells, groups = rng.normal(size=(20, 30, 6)).astype(np.float32), rng.integers(0, 3, 600)
    space = Prototypes.plain(rng.normal(size=(3, 6)).astype(np.float32))
    np.save(tmp_path / "cells.npy", cells)
    save_question(tmp_path / "given.npz", [groups], space)
    request = LayOutCells(
        str(tmp_path / "view.npz"), (str(tmp_path / "cells.npy"),), str(tmp_path / "given.npz"), "PCA"
    )
    worker.submit(request)
    assert events_of(worker) == [LayoutReady(request.out), Finished()]
    found, expected = load_view(request.out), look([cells.reshape(600, 6)], [groups], space)
    assert found.axes == expected.axes
    for one, other in (
        (found.points[0], expected.points[0]),
        (found.drawn.scans, expected.drawn.scans),
        (found.drawn.cells, expected.drawn.cells),
    ):
        np.testing.assert_array_equal(one, other)
    worker.submit(replace(request, method="MDS"))
    (failed,) = events_of(worker)
    assert "got 'MDS'" in failed.why


def test_a_job_that_cannot_be_done_fails_in_a_sentence_and_the_process_goes_on(worker, tmp_path):
    for content in (b"no model", b""):
        (tmp_path / "no.stmml").write_bytes(content)
        worker.submit(LabelScans(str(tmp_path / "no.stmml"), str(tmp_path)))
        (failed,) = events_of(worker)
        assert isinstance(failed, Failed)
        assert failed.why.startswith("no.stmml cannot be read: it is no zip file")
        assert worker.request is None


def test_an_unknown_parameter_fails_in_a_sentence(worker, tmp_path):
    worker.submit(TrainModel(str(tmp_path / "m.stmml"), recipe={"colour": 3}))
    (failed,) = events_of(worker)
    assert failed.why == "unknown recipe parameter: colour"


def test_a_fault_of_ours_is_said_and_traced_in_the_log(worker, tmp_path):
    np.save(tmp_path / "cells.npy", np.float32(1))  # no cells, whatever is asked
    save_question(tmp_path / "given.npz", [], Prototypes.plain(np.zeros((2, 6), np.float32)))
    files = [str(tmp_path / name) for name in ("view.npz", "cells.npy", "given.npz")]
    worker.submit(LayOutCells(files[0], (files[1],), files[2], "PCA"))
    (failed,) = events_of(worker)
    assert failed.why.startswith("an unexpected IndexError")
    assert "Traceback" in (worker.folder / "log.txt").read_text()


def test_a_process_that_is_killed_is_said_to_have_died_and_the_next_job_gets_another(tmp_path):
    worker = Worker()
    try:
        scan = Scan(np.random.default_rng(0).normal(size=(64, 64)), (0.1, 0.1))
        worker.submit(TrainModel(str(tmp_path / "m.stmml")), [scan])
        while worker.pid is None:
            time.sleep(0.01)
        first = worker.pid
        worker.kill()
        died = events_of(worker)[-1]
        assert isinstance(died, Died)
        assert "signal 9" in died.why
        assert died.model is None
        worker.submit(LabelScans(str(tmp_path / "no.stmml"), str(tmp_path)))
        assert isinstance(events_of(worker)[-1], Failed)
        assert worker.pid != first
    finally:
        worker.close()
    assert not worker.folder.exists()


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("writes", [False, True])
def test_a_model_so_far_that_the_process_could_not_tell_of_is_kept(tmp_path, monkeypatch, older, writes):
    request = TrainModel(str(tmp_path / "m.stmml"))
    if older:
        request.checkpoint.write_text("of another training")
    dies = "import os, pathlib, sys; sys.stdin.readline(); "
    if writes:
        dies += f"new = pathlib.Path({str(tmp_path / 'new')!r}); new.write_text('of this one'); "
        dies += f"new.replace({str(request.checkpoint)!r}); "
    start = subprocess.Popen
    command = [sys.executable, "-c", dies + "os.kill(os.getpid(), 9)"]
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: start(command, **options))
    worker = Worker()
    try:
        worker.submit(request)
        (died,) = events_of(worker)
    finally:
        worker.close()
    assert isinstance(died, Died)
    assert died.model == (request.out if writes else None)
    if writes:
        assert (tmp_path / "m.stmml").read_text() == "of this one"
    assert request.checkpoint.is_file() == (older and not writes)


def test_a_second_job_is_refused_while_one_runs(tmp_path):
    worker = Worker()
    try:
        worker.submit(TrainModel(str(tmp_path / "m.stmml")), [])
        with pytest.raises(RuntimeError, match="still running"):
            worker.submit(TrainModel(str(tmp_path / "m.stmml")), [])
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
    worker.submit(TrainModel(str(tmp_path / "m.stmml")), [Scan(np.zeros((2, 2)), None)])
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


def test_a_process_whose_viewer_has_gone_keeps_the_model_and_goes(session, recipe, tmp_path, monkeypatch):
    out = tmp_path / "m.stmml"
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    process = started("-m", "napari_stmml.jobs.worker_process")
    request = TrainModel(str(out), (str(session[0]),), recipe=recipe | {"epochs": 100_000})
    process.stdin.write(to_json(request) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        if isinstance(from_json(line), ModelKept):
            break
    process.stdin.close()
    rest = [from_json(line) for line in process.stdout]
    assert process.wait(SECONDS) == 0
    assert process.stderr.read() == ""  # neither TensorFlow nor Keras has written into the log
    process.stdout.close()
    process.stderr.close()
    assert [type(event) for event in rest[-2:]] == [ModelTrained, Finished]
    assert SurfaceClassifier.load(out).predict(read_mtrx(session[0])[0]).max() > 0


def test_what_libraries_print_does_not_reach_the_wire():
    noisy = (
        "import os, sys\n"
        "from napari_stmml.events import Message\n"
        "from napari_stmml.jobs import run_request, worker_process\n"
        "def run(request, report, should_stop, store):\n"
        "    report(Message('before'))\n"
        "    print('printed'); os.write(1, b'written\\n'); os.system('echo by a child')\n"
        "    report(Message('after µ'))\n"
        "run_request.run = run\n"
        "worker_process.main()\n"
    )
    process = started("-c", noisy)
    wire, log = process.communicate(to_json(RunJobFile("job.toml")) + "\n", timeout=SECONDS)
    events = [from_json(line) for line in wire.splitlines()]
    assert events == [Message("before"), Message("after µ"), Finished()]
    assert {"printed", "written", "by a child"} <= set(log.splitlines())


@pytest.mark.parametrize("line", ['{"request": "lab', "\udcff", None])
def test_a_process_that_is_sent_no_request_or_has_no_input_says_so_and_ends_by_itself(line):
    script = 'exec "$0" -m napari_stmml.jobs.worker_process'
    process = subprocess.Popen(
        ["sh", "-c", script if line else f"{script} <&-", sys.executable],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if line:
        process.stdin.write(f"{line}\n".encode(errors="surrogateescape"))
        process.stdin.flush()  # and it stays open, as that of a viewer that lives
    assert process.wait(SECONDS) == 0
    assert [type(from_json(said)) for said in process.stdout.read().decode().splitlines()] == [Failed]
    assert process.stderr.read() == b""
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def test_what_cannot_be_stopped_does_not_keep_a_process_whose_viewer_has_gone():
    stuck = (
        "import time\n"
        "from napari_stmml.events import Message\n"
        "from napari_stmml.jobs import run_request, worker_process\n"
        "def run(request, report, should_stop, store):\n"
        "    report(Message('begun'))\n"
        "    time.sleep(1000)\n"
        "run_request.run = run\n"
        "worker_process.SECONDS_TO_GO = 0.1\n"
        "worker_process.main()\n"
    )
    process = started("-c", stuck)
    process.stdin.write(to_json(RunJobFile("job.toml")) + "\n")
    process.stdin.flush()
    assert from_json(process.stdout.readline()) == Message("begun")
    process.communicate(timeout=SECONDS)
    assert process.returncode == 1


def test_a_job_that_fails_at_once_does_not_pass_an_older_checkpoint_off_as_its_own(tmp_path):
    job = TrainModel(str(tmp_path / "m.stmml"), (str(tmp_path),), recipe=Recipe().as_dict())
    job.checkpoint.write_bytes(b"of another day")
    worker = Worker()
    worker.submit(job)
    events = []
    while not events or not isinstance(events[-1], Failed):
        events.append(worker.events.get(timeout=120))
    worker.close()
    assert events[-1].model is None
    assert not (tmp_path / "m.stmml").exists()


def test_a_process_runs_a_job_file_and_stops_it_and_goes_on(worker, job_file, tmp_path):
    worker.submit(RunJobFile(str(job_file), processes=1))
    events = []
    while not events or not isinstance(events[-1], FileTaken):
        events.append(worker.events.get(timeout=SECONDS))
    worker.cancel()
    stopped = events_of(worker)
    assert isinstance(stopped[-1], Failed | Finished)
    assert of_type(events + stopped, ReportWritten)
    worker.submit(RunJobFile(str(job_file), processes=1))
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


def test_a_bad_job_file_fails_in_a_sentence_that_begins_with_its_name(worker, tmp_path):
    (tmp_path / "job.toml").write_text("epoch = 3")
    worker.submit(RunJobFile(str(tmp_path / "job.toml")))
    (failed,) = events_of(worker)
    assert failed.why == "job.toml: there is no parameter 'epoch'; did you mean 'epochs'?"
    assert [file.name for file in tmp_path.iterdir()] == ["job.toml"]
