import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.label_files import Wanted
from napari_stmml.batch.labelling import Labeller, label_tasks
from napari_stmml.batch.run import run_job
from napari_stmml.cli import main
from napari_stmml.events import FilesDone, ReportWritten, ScanLabelled, Skipped, of_type
from napari_stmml.io.formats import read_scans
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.system.progress import FileCount, Stopped
from napari_stmml.system.temporary import begin_file

SILICON = simulate_si001((64, 64), 6.0, seed=1).heights


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Write three files of two directions; the second one is constant."""
    surfaces = (SILICON, np.full((64, 64), 2.0), SILICON[::-1])
    frames = [
        Frame(dict.fromkeys(DIRECTIONS[:2], heights), width_nm=6.0, height_nm=6.0) for heights in surfaces
    ]
    folder = tmp_path_factory.mktemp("in")
    write_session(folder, frames, session="s")
    return folder


@pytest.fixture(scope="module")
def model(session, tmp_path_factory):
    """Make a model of clusters of filters: no network."""
    classifier = train_classifier(read_scans(session / "s--1_1.Z_mtrx"), recipe="instant", n_clusters=3)
    return classifier.save(tmp_path_factory.mktemp("model") / "m.stmml"), classifier


def rows_of(csv_file):
    with Path(csv_file).open(encoding="utf-8", newline="") as file:
        return [
            (Path(row["source"]).name, row["direction"], row["status"], row["reason"])
            for row in csv.DictReader(file)
        ]


EVERY = sorted(
    (f"s--1_{number}.Z_mtrx", direction, *became)
    for number, became in ((1, ("kept", "")), (2, ("skipped", "constant")), (3, ("kept", "")))
    for direction in ("BU", "FU")
)


def test_each_scan_is_one_row_of_the_report_of_the_command_line(session, model, tmp_path):
    path, _ = model
    assert main(["predict", str(session), "--model", str(path), "--out", str(tmp_path)]) == 0
    assert sorted(rows_of(tmp_path / "report" / "ingest.csv")) == EVERY


def test_each_scan_is_one_row_of_the_report_of_a_training(session, tmp_path):
    out = tmp_path / "m.stmml"
    both = ["--recipe", "instant-both", "--clusters", "3"]
    assert main(["train", str(session), "--out", str(out), *both]) == 0
    assert sorted(rows_of(tmp_path / "m_report" / "ingest.csv")) == EVERY


def test_each_scan_is_one_row_of_the_report_of_a_job(session, tmp_path, here):
    events = []
    job = JobFile({"train_path": [str(session)], "recipe": "instant", "num_clusters": 3}, tmp_path)
    run_job(job, report=events.append)
    assert sorted(rows_of(of_type(events, ReportWritten)[0].csv)) == EVERY
    assert len(of_type(events, ScanLabelled)) == 4


def label(session, model, out, should_stop=bool, **wanted):
    path, classifier = model
    events = []
    count = FileCount("predict", 0, 3, events.append)
    tasks = label_tasks(read_scans(session))
    wanted = Wanted(str(path), str(out), **wanted)
    labeller = Labeller(classifier, wanted, events.append, should_stop)
    return list(labeller.folder(tasks, count)), events


def test_a_folder_is_labelled_in_order_as_the_model_labels_each_scan(session, model, tmp_path):
    labelled, events = label(session, model, tmp_path)
    assert [task.number for task, _ in labelled] == list(range(6))
    assert [type(event) for _, event in labelled] == [ScanLabelled] * 2 + [Skipped] * 2 + [ScanLabelled] * 2
    for task, event in labelled[:2]:
        assert np.array_equal(LabelMap.read(event.labels).labels, model[1].predict(task.scan))
    done = [event.done for event in of_type(events, FilesDone)]
    assert (done[0], done[-1]) == (0, 3)


@pytest.fixture
def network(model, monkeypatch):
    """Let the model's encoder say that it has a network, which labels in this process."""
    monkeypatch.setattr(type(model[1].encoder), "has_network", True)


def test_a_network_labels_here_and_one_scan_that_cannot_be_labelled_stops_none(
    session, model, network, here, tmp_path, monkeypatch
):
    asked, real = [], SurfaceClassifier.label

    def sometimes(*given, **more):
        asked.append(1)
        if len(asked) == 2:
            raise MemoryError("no room")
        return real(*given, **more)

    monkeypatch.setattr(SurfaceClassifier, "label", sometimes)
    labelled, _ = label(session, model, tmp_path)
    task, failed = labelled[1]
    assert failed.why == f"{task.name} could not be labelled: MemoryError: no room"
    assert (failed.reason, failed.direction) == ("not labelled", task.scan.short_direction)
    assert Counter(type(event) for _, event in labelled) == {ScanLabelled: 3, Skipped: 3}


@pytest.mark.parametrize("processes", ["many", "a network here"])
def test_what_is_labelled_is_written_when_it_is_to_stop(session, model, tmp_path, here, processes, request):
    if processes != "many":
        request.getfixturevalue("network")
    asked = []
    labelled, _ = label(session, model, tmp_path, lambda: asked.append(1) or len(asked) > 2)
    assert 0 < len(labelled) < 6
    assert all(Path(event.labels).is_file() for _, event in labelled if isinstance(event, ScanLabelled))


def test_one_after_the_other_stops_between_two_scans(session, model, tmp_path):
    path, classifier = model
    wanted = Wanted(str(path), str(tmp_path))
    labeller = Labeller(classifier, wanted, should_stop=lambda: any(tmp_path.iterdir()))
    with pytest.raises(Stopped, match="prediction was stopped"):
        list(labeller.here(label_tasks(read_scans(session))))
    assert len(list(tmp_path.iterdir())) == 1


def test_scans_of_the_same_name_get_files_of_their_own():
    scan = Scan(np.zeros((2, 2)), None, "forward/up", source="a/x--1_1.Z_mtrx")
    scans = [scan, replace(scan, source="b/x--1_1.Z_mtrx"), scan, replace(scan, channel="I")]
    assert [task.stem for task in label_tasks(scans)] == [
        *("x--1_1_FU", "x--1_1_FU_2", "x--1_1_FU_3", "x--1_1_I_FU")
    ]


def test_scans_of_names_of_any_length_are_labelled(model, tmp_path):
    path, classifier = model
    scans = [
        Scan(SILICON, (0.1, 0.1), "forward/up", source=f"{letter * n}--1_1.Z_mtrx")
        for letter, n in (("a", 200), ("a", 225), ("a", 243), ("é", 121))
    ]
    wanted = Wanted(str(path), str(tmp_path), confidence=True, figure=True)
    made = list(Labeller(classifier, wanted).here(label_tasks(scans)))
    for event in made:
        assert event.labels.endswith("--1_1_FU_labels.tif")
        assert np.array_equal(LabelMap.read(event.labels).labels, classifier.predict(scans[0]))
    assert len({event.labels for event in made}) == len(scans)
    for name in tmp_path.iterdir():
        name.rename(name.with_name(f"{name.stem}_edited_2{name.suffix}"))  # there is room for more


def test_what_a_killed_process_left_half_written_in_the_folder_of_the_maps_is_swept(
    session, model, tmp_path, here
):
    (tmp_path / "elsewhere").mkdir()
    left, held = (begin_file(tmp_path / "elsewhere", ending) for ending in (".png", ".tif"))
    out = tmp_path / "out"
    (out / "report" / "thumbnails").mkdir(parents=True)
    left[0].close()  # as a process that was killed does
    places = (out, out / "report", out / "report" / "thumbnails")
    for folder in places:
        shutil.copy(left[1], folder)
    beside = held[1].rename(out / held[1].name)
    assert main(["predict", str(session), "--model", str(model[0]), "--out", str(out)]) == 0
    assert [path for folder in places for path in folder.glob(".stmml-*")] == [beside]
    held[0].close()
