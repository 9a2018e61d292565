import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.batch import prepare_file
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_folder import JobFolder
from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.run import STEPS, run_job
from napari_stmml.batch.train import load_checkpoint
from napari_stmml.events import (
    BatchDone,
    Clustering,
    EpochDone,
    FilesDone,
    FileTaken,
    Message,
    ReportWritten,
    ScanLabelled,
    Skipped,
    TrainingWindows,
    of_type,
)
from napari_stmml.figures import curves, drawing, labels_figure
from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.model.model_file import read as read_bundle
from napari_stmml.model.training_record import TrainingRecord
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001
from napari_stmml.srsml24 import window_stream
from napari_stmml.system import files
from napari_stmml.system.progress import Stopped
from napari_stmml.truth.truth_file import TruthFile
from tests.window_tables import read_log

FILES = 5
WINDOWS = 25  # of a direction: 48 px, windows of 16 px every 8
TINY = {
    "job_name": "tiny",
    "pixel_density": 8.0,
    "window_size": 16,
    "window_pitch": 8,
    "epochs": 4,
    "batch_size": 32,
    "num_clusters": 3,
    "cluster_batch_size": 64,
    "predict_window_pitch": 4,
    "save_jpg": True,
    "save_window_jpgs": True,
}
OF_THE_RUN = {"job_as_run.toml", "parameters.csv", "report/ingest.html"}  # they name the folder
NEVER = bool  # "should I stop?": no
SECONDS = 120  # for the first import of TensorFlow on a busy machine


@pytest.fixture
def quick(here, monkeypatch):
    """Leave drawing out, which takes most of the time of small jobs: any figure is the same few bytes."""

    def save(figure, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"figure")
        return path

    for module, name in (
        (labels_figure, "labels_figure"),
        (curves, "history_figure"),
        (curves, "convergence_figure"),
    ):
        monkeypatch.setattr(module, name, lambda *given: None)
    monkeypatch.setattr(drawing, "save_figure", save)


def write_scans(folder, count, seed=0):
    """Write a session of small scans, Si(001) and hexagonal in turn, forward and backward."""
    frames = []
    for number in range(count):
        simulate = simulate_hexagonal if number % 2 else simulate_si001
        noise = np.random.default_rng(seed + number).normal(0, 0.002, (2, 64, 64))
        surface = simulate((64, 64), 6.0, seed=seed + number).heights
        maps = {direction: surface + one for direction, one in zip(DIRECTIONS, noise, strict=False)}
        frames.append(Frame(maps, width_nm=6.0, height_nm=6.0))
    return write_session(folder, frames, session="s")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session") / "scans"
    write_scans(folder, FILES)
    return folder


@dataclass
class Run:
    """A job that was run: its file, its folder, and all events."""

    job: JobFile
    folder: Path
    events: list

    def of(self, kind):
        return of_type(self.events, kind)

    @property
    def said(self):
        """What was said, but for the first sentence: values of these jobs are not those of their recipe."""
        told = [event.text for event in self.of(Message)]
        if not self.job.recipe.changed:
            return told
        assert told[0].startswith(f"recipe: {self.job.values['recipe']} (changed: ")
        return told[1:]


def do_job(base, steps=STEPS, should_stop=NEVER, **values):
    """Run steps of a job in this process."""
    job = JobFile({**TINY, **values}, base)
    run = Run(job, job.folder, [])
    run_job(job, steps, report=run.events.append, should_stop=should_stop)
    return run


FILTERS = {"recipe": "instant", "save_jpg": False, "save_window_jpgs": False, "epochs": 1}  # nothing to train


@pytest.fixture(scope="module")
def finished(scans, tmp_path_factory):
    """Run the whole job once, through processes as it really is."""
    return do_job(tmp_path_factory.mktemp("finished"), train_path=[str(scans)])


@pytest.fixture
def copy(finished, scans, tmp_path):
    """Copy the finished job to where it can be broken; return a function that goes on with it."""
    shutil.copytree(finished.folder, tmp_path / "tiny")

    def go_on(steps=STEPS, should_stop=NEVER, **values):
        return do_job(tmp_path, steps, should_stop, **{"train_path": [str(scans)], **values})

    go_on.folder = tmp_path / "tiny"
    return go_on


def files_of(folder, older=True):
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    names = {path.relative_to(folder).as_posix() for path in paths}
    return {name for name in names if older or not name.startswith("older/")}


def results_of(folder):
    """Read every file that the science is in: name -> bytes."""
    away = ("state/", "report/ingest", "older/")
    names = (name for name in files_of(folder) - OF_THE_RUN if not name.startswith(away))
    return {name: (folder / name).read_bytes() for name in names}


def kinds(names):
    return {name.partition("/")[0] for name in names}


def modified(folder, names):
    return {name: (folder / name).stat().st_mtime_ns for name in names}


# What is left by a whole job


def test_a_job_leaves_all_files_of_every_scan(finished):
    stems = [f"s--1_{number}_{short}" for number in range(1, FILES + 1) for short in ("FU", "BU")]
    expected = {
        *(f"model/autoencoder{end}" for end in (".stmml", "_summary.txt", "_history.json", "_history.png")),
        *(f"cluster_model/clusters{end}" for end in (".stmml", "_convergence.txt", "_convergence.png")),
        *(f"latent_features/autoencoder_latent_{number:05d}.npy" for number in range(4)),
        *(f"state/{step}.json" for step in ("train", "latent", "cluster", "predict", "measure")),
        *(f"state/process/scans~s--1_{number}.json" for number in range(1, FILES + 1)),
        *("job_as_run.toml", "parameters.csv", "report/ingest.csv", "report/ingest.html"),
        *("measurements/summary.csv", "measurements/left_out.csv"),
    }
    for stem in stems:
        expected |= {
            f"prepared/scans/{stem}.npy",
            f"report/thumbnails/scans/{stem}.jpg",
            *(f"windows/scans/{stem}/{stem}{end}" for end in ("_windows.npy", "_coordinates.txt", ".txt")),
            *(f"windows-jpg/scans/{stem}/{stem}_{number:05d}.jpg" for number in range(WINDOWS)),
            *(f"jpg/scans/{stem}{end}" for end in (".jpg", ".txt")),
            *(f"predictions/scans/{stem}_{end}" for end in ("labels.tif", "labels.png")),
            *(f"predictions/scans/{stem}_{end}" for end in ("overlay.png", "windows.txt")),
            f"state/predict/scans~{stem}.json",
            *(f"measurements/scans/{stem}_{table}.csv" for table in ("regions", "classes")),
            f"state/measure/scans~{stem}.json",
        }
    assert files_of(finished.folder) == expected
    (report,) = finished.of(ReportWritten)
    assert report.summary == f"{2 * FILES} directions kept, none skipped"


def test_no_file_of_a_job_is_a_pickle(finished):
    names = files_of(finished.folder)
    assert {name.rpartition(".")[2] for name in names} == {
        *("stmml", "txt", "json", "png", "npy", "toml", "csv", "html", "jpg", "tif")
    }
    for name in names:
        content = (finished.folder / name).read_bytes()
        assert content[:1] != b"\x80"
        if name.endswith(".npy"):
            assert np.load(finished.folder / name, allow_pickle=False).dtype == np.float32
        if name.endswith(".stmml"):
            read_bundle(finished.folder / name)


def test_a_label_map_is_what_the_model_says_of_the_scan_itself(finished, scans):
    classifier = SurfaceClassifier.load(finished.folder / "cluster_model" / "clusters.stmml")
    seen = set()
    for number in (1, 2):
        for scan in read_mtrx(scans / f"s--1_{number}.Z_mtrx"):
            stem = finished.folder / "predictions" / "scans" / f"s--1_{number}_{scan.short_direction}"
            labelled = LabelMap.read(f"{stem}_labels.tif")
            assert np.array_equal(labelled.labels, classifier.predict(scan))
            assert labelled.pixel_size == pytest.approx(scan.pixel_size)
            assert tuple(labelled.names.values()) == classifier.class_names
            assert labelled.scan["model"] == "clusters.stmml"
            seen |= set(np.unique(labelled.labels))
    assert len(seen) > 2


def test_painting_the_log_of_windows_gives_the_label_map(finished):
    grid = finished.job.recipe.prediction_grid
    for path in sorted((finished.folder / "predictions" / "scans").glob("*_windows.txt")):
        starts, labels, sure = read_log(path)
        nearest = np.zeros(grid.shape((48, 48)), np.uint8)
        nearest[tuple((starts // 4).T)] = labels
        assert len(starts) == 81
        assert ((sure >= 0) & (sure <= 1)).all()
        painted = to_own_pixels(grid.paint(nearest, (48, 48)), (64, 64))
        stem = path.name.removesuffix("_windows.txt")
        assert np.array_equal(LabelMap.read(path.with_name(f"{stem}_labels.tif")).labels, painted)


def test_the_history_is_that_of_the_model_and_of_the_events(finished):
    history = json.loads((finished.folder / "model" / "autoencoder_history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4]
    assert {"loss", "mse", "mae", "val_loss", "val_mse", "val_mae"} <= set(history[0])
    assert history[-1]["loss"] < history[0]["loss"]
    for model in ("model/autoencoder", "cluster_model/clusters"):
        about, _ = read_bundle(finished.folder / f"{model}.stmml")
        assert about["training"]["history"] == history
    events = [event.as_dict() for event in finished.of(EpochDone)]
    assert events == [{"event": "epoch", **epoch} for epoch in history]


def test_the_summary_counts_the_parameters_of_the_network(finished):
    text = (finished.folder / "model" / "autoencoder_summary.txt").read_text("utf-8")
    assert "1,162,465" in text
    assert "bottleneck" in text


def test_all_features_are_left_in_batches(finished):
    files = sorted((finished.folder / "latent_features").iterdir())
    features = [np.load(file, allow_pickle=False) for file in files]
    assert [len(batch) for batch in features] == [64] * 3 + [58]
    assert sum(map(len, features)) == 2 * FILES * WINDOWS
    assert {batch.shape[1] for batch in features} == {1024}


def test_the_convergence_is_that_of_the_model(finished):
    text = (finished.folder / "cluster_model" / "clusters_convergence.txt").read_text()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    classifier = SurfaceClassifier.load(finished.folder / "cluster_model" / "clusters.stmml")
    steps = classifier.training["convergence"]
    assert [int(row[0]) for row in rows] == np.cumsum(steps["windows"]).tolist()
    assert int(rows[-1][0]) == classifier.training["clustered_windows"] == 2 * FILES * WINDOWS
    assert [float(row[1]) for row in rows] == pytest.approx(steps["inertia"], rel=1e-5)
    assert sum(classifier.training["cluster_sizes"]) == 2 * FILES * WINDOWS


def test_the_model_knows_the_scans_it_was_trained_on(finished, scans):
    about, _ = read_bundle(finished.folder / "cluster_model" / "clusters.stmml")
    known = {(one["name"], one["direction"], one["set"]) for one in about["training"]["files"]}
    names = [f"s--1_{number}.Z_mtrx" for number in range(1, FILES + 1)]
    assert known == {(name, direction, "train") for name in names for direction in DIRECTIONS[:2]}
    assert len({one["sha256"] for one in about["training"]["files"]}) == FILES


def test_the_table_of_parameters_and_the_job_as_it_was_run_are_left(finished, scans):
    with (finished.folder / "parameters.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row["value"] for row in csv.DictReader(file)}
    assert list(rows) == list(PARAMETERS)
    assert (rows["epochs"], rows["window_size"], rows["save_jpg"]) == ("4", "16", "true")
    again = JobFile.read(finished.folder / "job_as_run.toml")
    assert again.folder == finished.folder
    assert again.paths("train") == [scans]
    paths = {"train_path", "out_folder"}
    assert {name: value for name, value in again.values.items() if name not in paths} == {
        name: value for name, value in finished.job.values.items() if name not in paths
    }


def test_progress_is_told_to_its_end(finished):
    for step in ("process", "predict"):
        told = [event for event in finished.of(FilesDone) if event.step == step]
        assert (told[0].done, told[-1].done) == (0, FILES)
        assert {event.total for event in told} == {FILES}
        assert told == sorted(told, key=lambda event: event.done)
        for event in told:
            for number in (event.per_second, event.seconds_left):
                assert number is None or number >= 0
        assert told[-1].seconds_left == 0
    batches = finished.of(BatchDone)
    fractions = [event.fraction for event in batches]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert finished.of(Clustering)[-1] == Clustering(250, 250)
    assert len(finished.of(FileTaken)) == FILES
    assert len(finished.of(ScanLabelled)) == 2 * FILES
    for event in finished.of(ScanLabelled):
        assert all(Path(path).is_file() for path in (event.labels, event.figure, event.overlay, event.log))


def test_a_finished_job_run_again_leaves_everything_as_it_is(copy, here):
    names = files_of(copy.folder) - {"state/predict.json"}
    same = {name for name in names if not name.startswith(("report/ingest", "job_as_run", "parameters"))}
    before = modified(copy.folder, same)
    again = copy()
    assert modified(copy.folder, same) == before
    assert files_of(copy.folder) == names | {"state/predict.json"}
    assert again.said == [
        f"process: {FILES} of {FILES} files are done already",
        "train: done already",
        "cluster: done already",
        f"predict: {FILES} of {FILES} files are done already",
        "measure: done already",
    ]
    assert not again.of(BatchDone)
    assert not again.of(ScanLabelled)


# Killed in the middle


def killed_when(job, is_time):
    """Run a job as a program and kill it as soon as ``is_time()``; return what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "napari_stmml.cli", "run", str(job), "--processes", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    ) as process:
        end = time.monotonic() + SECONDS
        while not is_time():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        said = process.stderr.read()
        assert process.wait(SECONDS) == -signal.SIGKILL
    assert not re.search(
        r"^[IWE]\d{4} |: [IWE] |WARNING|absl|oneDNN", said, re.MULTILINE
    )  # as TensorFlow logs
    return said


def whole_records(folder):
    """List the records of files that were taken in, not only begun."""
    records = sorted(folder.glob("state/process/[!.]*.json"))
    return [record for record in records if not json.loads(record.read_text())["begun"]]


def done(folder, *patterns):
    """Note files that are there already and may not be made again."""
    names = {file.relative_to(folder).as_posix() for one in patterns for file in folder.glob(one)}
    assert names
    return modified(folder, names)


def outputs_of(folder, records):
    """Note the files that records vouch for, and the records themselves."""
    outputs = {name for record in records for name in json.loads(record.read_text())["outputs"]}
    return modified(folder, outputs | {record.relative_to(folder).as_posix() for record in records})


def assert_same_results(folder, undisturbed):
    """Compare all files, byte for byte; of models, which are dated, all but the date."""
    assert files_of(folder) == files_of(undisturbed)
    assert not list(folder.rglob(".stmml-*"))
    ours, theirs = results_of(folder), results_of(undisturbed)
    dated = {name for name in ours if name.endswith(".stmml")}
    assert [name for name in ours if name not in dated and ours[name] != theirs[name]] == []
    for name in dated:
        (about, arrays), (about_it, arrays_it) = (read_bundle(one / name) for one in (folder, undisturbed))
        assert arrays.keys() == arrays_it.keys()
        assert [key for key in arrays if arrays[key].tobytes() != arrays_it[key].tobytes()] == []
        for one in (about, about_it):
            one["training"].pop("created", None)
        assert about == about_it


def test_a_job_that_is_killed_while_files_are_taken_in_or_labelled_ends_with_the_same_files(
    scans, tmp_path, here
):
    values = {**FILTERS, "train_path": [str(scans)]}
    job = JobFile({**TINY, **values}, tmp_path)
    path, folder = job.write(tmp_path / "job.toml"), job.folder

    killed_when(path, lambda: len(whole_records(folder)) >= 2)
    whole = whole_records(folder)
    assert 2 <= len(whole) < FILES
    processed = outputs_of(folder, whole)
    begun = 2 * len(whole) + 2 * 2  # each of two processes was at one file more, of two directions
    assert len(list(folder.glob("prepared/*/[!.]*.npy"))) <= begun

    def labelled():
        return list(folder.glob("state/predict/[!.]*.json"))

    said = killed_when(path, lambda: len(labelled()) >= 1)
    assert f"of {FILES} files are done already" in said
    before = len(labelled())
    assert 1 <= before < 2 * FILES
    predicted = done(folder, "cluster_model/[!.]*") | outputs_of(folder, labelled())

    last = do_job(tmp_path, **values)
    assert len(last.of(ScanLabelled)) == 2 * FILES - before
    for one in (processed, predicted):
        assert modified(folder, one) == one
    assert_same_results(folder, do_job(tmp_path / "undisturbed", **values).folder)


def test_a_job_that_is_killed_while_it_trains_or_encodes_ends_with_the_same_files(
    finished, scans, tmp_path, here
):
    run = do_job(tmp_path, ("process",), train_path=[str(scans)])
    path, folder = run.job.write(tmp_path / "job.toml"), run.folder
    said = killed_when(path, (folder / "model" / "autoencoder.checkpoint").exists)
    assert f"process: {FILES} of {FILES} files are done already" in said
    (epoch,) = {read_bundle(folder / "model" / "autoencoder.checkpoint")[0]["epoch"]}
    assert 1 <= epoch < 4
    assert not (folder / "model" / "autoencoder.stmml").exists()

    def encoded():
        return len(list(folder.glob("latent_features/[!.]*.npy")))

    said = killed_when(path, lambda: encoded() >= 2)
    assert f"train: goes on after epoch {epoch}" in said
    assert 2 <= encoded() < 4
    before = done(folder, "latent_features/[!.]*.npy", "model/[!.]*")
    do_job(tmp_path, train_path=[str(scans)])
    assert modified(folder, before) == before
    assert_same_results(folder, finished.folder)


# Never mixed


def test_other_parameters_put_aside_exactly_what_depends_on_them(copy, quick):
    """Change one parameter after the other, of later and later steps first."""
    parts = {
        "predict_window_pitch": {"predictions", "measurements"},
        "num_clusters": {"cluster_model", "predictions", "measurements"},
        "epochs": {"model", "latent_features", "cluster_model", "predictions", "measurements"},
    }
    parts["window_size"] = parts["epochs"] | {"prepared", "windows", "windows-jpg", "jpg", "report"}
    changes = {"predict_window_pitch": 8, "num_clusters": 4, "epochs": 2, "window_size": 24}
    values = {}
    for number, (name, value) in enumerate(changes.items(), 1):
        before = results_of(copy.folder)
        values[name] = value
        again = copy(**values)
        moved = files_of(copy.folder / "older" / str(number))
        assert {one for one in before if kinds([one]) <= parts[name]} == {
            one for one in moved if not one.startswith("state/")
        }
        for one, content in before.items():
            path = copy.folder / (f"older/{number}/{one}" if one in moved else one)
            assert path.read_bytes() == content
        assert any(f"{name} was {TINY[name]} and is {value}" in said for said in again.said)
        assert any(f"older/{number}" in said for said in again.said)
        assert len(list((copy.folder / "older").iterdir())) == number
    windows = 2 * FILES * 16  # windows of 24 px in 48 px: at 0, 8, 16 and 24
    features = [np.load(file) for file in (copy.folder / "latent_features").iterdir()]
    assert sum(map(len, features)) == windows
    assert {batch.shape[1] for batch in features} == {3 * 3 * 256}
    cut = [np.load(file).shape for file in (copy.folder / "windows").rglob("*.npy")]
    assert cut == [(16, 24, 24)] * 2 * FILES
    assert len(list((copy.folder / "windows-jpg").rglob("*.jpg"))) == windows
    assert len(list((copy.folder / "predictions").rglob("*.tif"))) == 2 * FILES
    (told,) = again.of(TrainingWindows)
    assert told.train + told.validation <= windows


@pytest.mark.parametrize("collate", [False, True])
def test_windows_one_by_one_of_other_sizes_are_never_mixed(small, here, collate):
    values = {"together": False, "save_window_jpgs": True, "collate": collate}
    small(("process",), **values)
    before = results_of(small.folder)
    small(("process",), **values, window_size=24)
    older = small.folder / "older" / "1"
    assert {name for name in files_of(older) if "state" not in name} == before.keys()
    assert all((older / name).read_bytes() == content for name, content in before.items())
    cut = [np.load(file).shape for file in (small.folder / "windows").rglob("*.npy")]
    assert cut == [(24, 24)] * 4 * 16
    assert len(list((small.folder / "windows-jpg").rglob("*.jpg"))) == 4 * 16


@pytest.fixture
def small(tmp_path):
    """Write a folder of two scans that a test may change, and a job of one epoch on it."""
    files = write_scans(tmp_path / "scans", 2)

    def run(steps=STEPS, should_stop=NEVER, **values):
        quick = {"epochs": 1, "save_jpg": False, "save_window_jpgs": False, "train_path": ["scans"]}
        return do_job(tmp_path, steps, should_stop, **{**quick, **values})

    run.files, run.folder = files, tmp_path / "tiny"
    return run


def test_a_scan_that_was_removed_takes_its_files_along(small, quick):
    small(**FILTERS)
    before = results_of(small.folder)
    of_it = {name for name in before if "s--1_2" in name}
    small.files[1].unlink()
    again = small(**FILTERS)
    older = small.folder / "older" / "1"
    assert {one for one in files_of(older) if "s--1_2" in one and "state" not in one} == of_it
    assert not [name for name in files_of(small.folder, older=False) if "s--1_2" in name]
    assert all((older / name).read_bytes() == before[name] for name in of_it)
    assert "process: scans/s--1_2 is not in the job" in again.said[0]
    assert len(again.of(ScanLabelled)) == 2


def test_a_scan_whose_bytes_changed_is_done_again_and_only_that(small, quick):
    (other,) = write_scans(small.folder.parent / "more", 1, seed=7)
    values = {**FILTERS, "predict_path": ["more"]}
    small(**values)
    (first,) = {path: path.read_bytes() for path in small.folder.rglob("*FU_labels.tif")}.items()
    write_scans(other.parent, 1, seed=8)
    again = small(**values)
    assert len(again.of(ScanLabelled)) == 2
    assert "cluster: done already" in again.said
    assert first[0].read_bytes() != first[1]
    older = small.folder / "older" / "1" / first[0].relative_to(small.folder)
    assert older.read_bytes() == first[1]


def test_a_parameter_file_that_comes_later_brings_its_scans_in(small, quick):
    lost = small.files[0].with_name("s_0001.mtrx")
    away = lost.rename(lost.with_name("away"))
    with pytest.raises(ValueError, match="no scan can be used for training; the report says why"):
        small(("process", "train"))
    assert "2 parameter file missing" in (small.folder / "report" / "ingest.html").read_text("utf-8")
    away.rename(lost)
    again = small(("process",))
    assert again.of(ReportWritten)[0].summary == "4 directions kept, none skipped"


def test_files_that_are_gone_are_made_again(copy, quick):
    before = results_of(copy.folder)
    victims = [
        "prepared/scans/s--1_1_FU.npy",
        "latent_features/autoencoder_latent_00001.npy",
        "predictions/scans/s--1_2_BU_overlay.png",
    ]
    for name in victims:
        (copy.folder / name).unlink()
    again = copy()
    after = results_of(copy.folder)
    assert after.keys() == before.keys()
    assert [name for name in victims if after[name] != before[name]] == []
    assert not again.of(BatchDone)
    assert len(again.of(FileTaken)) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[1, 2]", b'{"done": true}', b"\xff\xfe\x00"])
def test_damaged_records_do_not_stop_a_job(copy, quick, damage):
    no_figures = ("_labels.png",)
    before = {name: one for name, one in results_of(copy.folder).items() if not name.endswith(no_figures)}
    for name in ("process/scans~s--1_1", "predict/scans~s--1_2_FU", "predict"):
        (copy.folder / "state" / f"{name}.json").write_bytes(damage)
    again = copy()
    after = results_of(copy.folder)
    assert [name for name in before if after[name] != before[name]] == []
    assert len(again.of(FileTaken)) == 1
    assert len(again.of(ScanLabelled)) == 1


def stop_when(events, kind, count=1):
    return lambda: len(of_type(events, kind)) >= count


def run_and_stop(tmp_path, kind, count, **values):
    """Run a job until it has told so many events of a kind, then ask it to stop."""
    job = JobFile({**TINY, **values}, tmp_path)
    run = Run(job, job.folder, [])
    with pytest.raises(Stopped) as stopped:
        run_job(job, report=run.events.append, should_stop=stop_when(run.events, kind, count))
    assert str(stopped.value) == "stopped; start it again, and it goes on where it was"
    assert len(run.of(ReportWritten)) == 1
    assert (run.folder / "report" / "ingest.html").is_file()
    return run


def test_a_damaged_checkpoint_does_not_stop_a_job(finished, copy, scans, tmp_path, quick):
    values = {"train_path": [str(scans)], "epochs": 2}  # files are taken in already
    stopped = run_and_stop(tmp_path, EpochDone, 1, **values)
    checkpoint = stopped.folder / "model" / "autoencoder.checkpoint"
    whole = checkpoint.read_bytes()
    told = []
    working, record = JobRun(stopped.job, told.append), TrainingRecord((), 0)
    assert load_checkpoint(working, checkpoint, record).epoch == 1
    assert len(record.history) == 1
    for damaged in (b"", whole[:-100], b"x" + whole[1:500], whole[: len(whole) // 2] + b"x" * 100):
        checkpoint.write_bytes(damaged)
        told.clear()
        assert load_checkpoint(working, checkpoint, record) is None
        assert "autoencoder.checkpoint" in told[0].text
        assert "begins anew" in told[0].text
    again = do_job(tmp_path, ("train",), **values)
    assert any("begins anew" in said for said in again.said)
    assert [event.epoch for event in again.of(EpochDone)] == [1, 2]
    assert not checkpoint.exists()
    history = json.loads((finished.folder / "model" / "autoencoder_history.json").read_text())
    assert json.loads((stopped.folder / "model" / "autoencoder_history.json").read_text()) == history[:2]


# Stopped


def test_a_job_that_was_stopped_says_how_to_go_on_and_does(finished, scans, tmp_path, quick):
    values = {"train_path": [str(scans)]}
    run = run_and_stop(tmp_path, FileTaken, 3, **values)
    assert len(list((run.folder / "state" / "process").iterdir())) in (3, 4)
    assert "not processed yet" in run.of(ReportWritten)[0].summary
    run = run_and_stop(tmp_path, EpochDone, 2, **values)
    assert (run.folder / "model" / "autoencoder.checkpoint").is_file()
    run = run_and_stop(tmp_path, Clustering, 2, **values)
    assert "train: goes on after epoch 2" in run.said
    run = run_and_stop(tmp_path, ScanLabelled, 3, **values)
    records = len(list((run.folder / "state" / "predict").iterdir()))
    assert 3 <= records < 2 * FILES
    last = do_job(tmp_path, **values)
    assert len(last.of(ScanLabelled)) == 2 * FILES - records
    ours, theirs = results_of(run.folder), results_of(finished.folder)
    assert ours.keys() == theirs.keys()
    drawn = (".stmml", "_labels.png", "_history.png", "_convergence.png")
    assert [name for name in ours if ours[name] != theirs[name] and not name.endswith(drawn)] == []


# One at a time


def test_a_second_process_in_the_same_folder_is_refused(copy):
    holding = JobFolder(copy.folder)
    before = {name: (copy.folder / name).read_bytes() for name in OF_THE_RUN}
    with holding.locked(), pytest.raises(ValueError, match=r"another job is at work in .*tiny; wait"):
        copy()
    assert {name: (copy.folder / name).read_bytes() for name in OF_THE_RUN} == before


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("train", r"s--1_1\.Z_mtrx has not been processed with these parameters: do the step process first"),
        ("cluster", "do the step process first"),
        ("predict", "do the step process first"),
    ],
)
def test_a_step_whose_turn_has_not_come_says_what_comes_first(small, quick, step, sentence):
    with pytest.raises(ValueError, match=sentence):
        small((step,))
    assert files_of(small.folder) >= {"report/ingest.html", "parameters.csv"}


def test_steps_done_one_by_one_say_what_comes_first_and_are_the_whole_job(small, quick):
    small(("process",))
    for step, before in (("cluster", "train"), ("predict", "cluster")):
        with pytest.raises(ValueError, match=f"do the step {before} first"):
            small((step,))
    for step in ("train", "cluster", "predict"):
        small((step,))
    assert [said.partition(":")[0] for said in small().said] == list(
        STEPS[:-1]
    )  # no structures are asked for
    assert len(list((small.folder / "predictions").rglob("*.tif"))) == 4


# Which scans are for what


def test_scans_to_validate_on_are_all_of_theirs_and_none_is_held_out(small, quick):
    write_scans(small.folder.parent / "test", 1, seed=5)
    run = small(("process", "train"), test_path=["test"])
    (told,) = run.of(TrainingWindows)
    assert (told.train, told.validation) == (4 * WINDOWS, 2 * WINDOWS)
    about, _ = read_bundle(small.folder / "model" / "autoencoder.stmml")
    assert [one["set"] for one in about["training"]["files"]].count("test") == 2


def test_a_job_of_cells_without_a_pixel_density_takes_that_of_its_scans(scans, tmp_path, quick):
    values = {"recipe": "objects", "pixel_density": 0, "save_jpg": False, "save_window_jpgs": False}
    run = do_job(tmp_path, ("process", "train", "cluster"), train_path=[str(scans)], **values)
    size = read_mtrx(next(scans.glob("*Z_mtrx")))[0].pixel_size
    known = SurfaceClassifier.load(next((run.folder / "cluster_model").glob("*.stmml"))).recipe
    assert known.pixel_density == round(1 / size[0], 4)
    again = JobFile.read(run.folder / "job_as_run.toml")
    assert again.recipe.pixel_density == known.pixel_density


def test_limits_of_windows_hold(small, quick):
    run = small(("process", "train"), train_data_limit=20, test_data_limit=7)
    (told,) = run.of(TrainingWindows)
    assert (told.train, told.validation) == (20, 7)


def test_a_file_to_train_on_can_be_one_to_label_and_the_others_take_their_labels_along(small, quick):
    small(**FILTERS)
    run = small(**FILTERS, predict_path=["scans/s--1_2.Z_mtrx"])
    assert "predict: 1 of 1 files are done already" in run.said
    left = {path.name for path in (small.folder / "predictions").rglob("*.tif")}
    assert left == {"s--1_2_FU_labels.tif", "s--1_2_BU_labels.tif"}
    assert len(list((small.folder / "older" / "1" / "predictions").rglob("*.tif"))) == 2


def test_features_are_left_only_if_they_are_asked_for(copy, quick):
    features = copy.folder / "latent_features"
    before = {file.name: file.read_bytes() for file in features.iterdir()}
    copy(save_latent=False)
    assert not list(features.iterdir())
    assert len(list((copy.folder / "older" / "1" / "latent_features").iterdir())) == len(before)
    again = copy(save_latent=True)
    assert {file.name: file.read_bytes() for file in features.iterdir()} == before
    assert not again.of(BatchDone)


def test_a_bad_file_does_not_stop_the_others(small):
    small.files[0].write_bytes(b"")
    run = small(("process",))
    assert run.of(ReportWritten)[0].summary == "2 directions kept, 1 skipped: 1 empty file"
    (skipped,) = run.of(Skipped)
    assert "s--1_1.Z_mtrx" in skipped.why


# Memory


def test_only_a_few_maps_are_in_memory_however_many_there_are(copy, quick, monkeypatch):
    alive, most, loads = weakref.WeakSet(), [], []

    class Map(np.ndarray):
        """An array that can be told from others by what it is, as a set needs it."""

        __hash__ = object.__hash__

        def __eq__(self, other):
            return self is other

    original = StoredMap.load

    def load(stored):
        heights = original(stored).view(Map)
        alive.add(heights)
        loads.append(stored.path)
        most.append(len(alive))
        return heights

    monkeypatch.setattr(StoredMap, "load", load)
    copy(("process", "train", "cluster"), buffer_size=1, cluster_buffer_size=1, epochs=1)
    assert len(loads) >= 3 * 2 * FILES  # to train, to validate and to cluster
    assert max(most) <= 2 * window_stream.LEAST_TOGETHER < 2 * FILES


# What a fresh pair of eyes found


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("collate", [True, False])
def test_windows_of_a_killed_run_are_never_mixed_with_those_of_other_parameters(
    small, quick, monkeypatch, together, collate
):
    look = {"together": together, "collate": collate, "save_window_jpgs": True}

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(prepare_file, "sha256", killed)  # which is asked for when all else is written
        with pytest.raises(KeyboardInterrupt):
            small(("process",), window_pitch=4, **look)
    left = {name for name in files_of(small.folder) if name.startswith(("windows", "prepared"))}
    assert left
    run = small(("process",), window_pitch=16, **look)
    assert any("window_pitch was 4 and is 16" in said for said in run.said)
    assert {f"older/1/{name}" for name in left} <= files_of(small.folder)
    now = {name for name in files_of(small.folder) if not name.startswith(("older", "state"))}
    fresh = {
        name for path in small.folder.glob("state/process/*.json") for name in _files(small.folder, path)
    }
    assert {name for name in now if name.startswith(("windows", "prepared", "jpg"))} == {
        name for name in fresh if name.startswith(("windows", "prepared", "jpg"))
    }


def _files(folder, record):
    """List the files that a record vouches for, those in its folders as well."""
    for output in json.loads(record.read_text())["outputs"]:
        path = folder / output
        inside = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
        yield from (file.relative_to(folder).as_posix() for file in inside)


def test_an_edited_label_map_is_put_aside_before_its_scan_is_labelled_again(copy, here):
    path = next(copy.folder.rglob("*_FU_labels.tif"))
    painted = LabelMap.read(path)
    labels = painted.labels.copy()
    labels[:5] = 3
    replace(painted, labels=labels).write(path)
    path.with_name(path.name.replace("labels.tif", "overlay.png")).unlink()
    again = copy()
    (event,) = again.of(ScanLabelled)
    assert Path(event.edited).name == path.name.replace(".tif", "_edited.tif")
    assert np.array_equal(LabelMap.read(event.edited).labels, labels)
    assert not np.array_equal(LabelMap.read(path).labels, labels)


def test_what_a_person_painted_since_is_in_the_maps_of_the_next_run_and_of_no_other_scan(
    copy, scans, here, home, monkeypatch
):
    real = files.is_writable
    monkeypatch.setattr(files, "is_writable", lambda folder: folder != scans and real(folder))
    scan = read_mtrx(sorted(scans.glob("*.Z_mtrx"))[0])[0]
    truth = np.zeros(scan.heights.shape, np.uint8)
    truth[5:15, 5:15] = 9
    file = TruthFile(scan)
    file.save(truth, {9: "a person's"}, {9: "#123456"})
    (event,) = copy().of(ScanLabelled)
    assert event.painted == 100
    found = LabelMap.read(event.labels)
    (label,) = np.unique(found.labels[truth > 0])
    assert found.names[label] == "a person's"
    assert copy().of(ScanLabelled) == []
    file.save(np.zeros_like(truth), {}, {})
    (event,) = copy().of(ScanLabelled)
    assert event.painted is None


def test_a_folder_to_validate_on_that_gives_nothing_is_refused(small, quick, tmp_path):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with pytest.raises(ValueError, match="nothing that test_path names can be used to validate on"):
        small(("process", "train"), test_path=[str(nothing)])


def test_a_name_to_include_that_no_scan_has_is_said_with_the_nearest(small, quick):
    run = small(("process",), include=["s--1_1_FX"])
    assert "include: no scan of this job is called 's--1_1_FX'; did you mean 's--1_1_FU'?" in run.said


def test_a_scan_that_cannot_be_labelled_is_a_row_of_the_report_and_stops_nothing(copy, quick, monkeypatch):
    from napari_stmml.model.classifier import SurfaceClassifier

    label = SurfaceClassifier.label
    calls = []

    def sometimes(self, *arguments, **more):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("no room")
        return label(self, *arguments, **more)

    monkeypatch.setattr(SurfaceClassifier, "label", sometimes)
    run = copy(predict_window_pitch=8)
    assert len(run.of(ScanLabelled)) == 2 * FILES - 1
    assert "1 not labelled" in run.of(ReportWritten)[0].summary
    assert run.of(FilesDone)[-1].done == FILES
    again = copy(predict_window_pitch=8)
    assert len(again.of(ScanLabelled)) == 1
