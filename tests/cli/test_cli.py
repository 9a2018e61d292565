import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version

import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.cli import _show_progress, main
from napari_stmml.events import ScanLabelled
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix import read_settings
from napari_stmml.io.matrix_writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

SEED = ("--recipe", "srsml24")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Write a folder of a scan in four directions and one in two."""
    surface = simulate_si001((64, 64), 6.0, seed=1)
    frames = [
        Frame(dict.fromkeys(directions, surface.heights), width_nm=6.0, height_nm=6.0, bias=-1.7)
        for directions in (DIRECTIONS, DIRECTIONS[:2])
    ]
    return write_session(tmp_path_factory.mktemp("session"), frames)


@pytest.fixture(scope="module")
def folder(session):
    return str(session[0].parent)


@pytest.fixture
def damaged(session, tmp_path):
    """Make a data file that is cut short, beside nothing."""
    path = tmp_path / "cut--1_1.Z_mtrx"
    path.write_bytes(session[0].read_bytes()[:300])
    return path


@pytest.fixture(scope="module")
def model(session, tmp_path_factory):
    """Train a model on the command line; return its path."""
    path = tmp_path_factory.mktemp("model") / "m.stmml"
    code = main(["train", *SEED, str(session[1]), "--out", str(path), "--clusters", "2", "--epochs", "1"])
    assert code == 0
    return str(path)


def interrupt_when(is_time):
    """Press Ctrl-C as soon as ``is_time()``, from a thread."""

    def wait():
        while not is_time():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_info_says_what_every_scan_is_in_one_line(folder, capsys):
    assert main(["info", folder]) == 0
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith(
        "1_1 Z forward/up -1.7 V (2026Nov23-120000): 64 x 64 px, 6 x 6 nm, 50 pA, 0 deg,"
    )


def test_info_as_json_is_all_of_every_scan_and_nothing_else(session, folder, capsys):
    assert main(["info", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["skipped"] == []
    scan = read_mtrx(session[0])[0]
    first = told["scans"][0]
    assert first["range"] == [scan.heights.min(), scan.heights.max()]
    assert (first["shape"], first["scanned_rows"]) == ([64, 64], 64)
    assert scan.settings().items() <= first.items()


def test_info_as_json_has_all_that_each_file_says_once(session, folder, capsys):
    assert main(["info", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["file"] for file in told["files"]] == [str(path) for path in session]
    for file in told["files"]:
        assert file == read_settings(file["file"]).as_dict()
        assert file["parameters"]["EEPA::GapVoltageControl.Voltage"] == {"value": -1.7, "unit": "Volt"}
        assert file["derived"]["scan_speed"]["value"] == pytest.approx(6e-9 / (64 * 0.0005))


def test_info_of_all_is_a_table_of_each_file_below_its_scans(session, folder, capsys):
    assert main(["info", folder, "--all"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines.count("Bias and current") == len(session)
    assert [line.startswith("1_1 Z") for line in lines[:5]] == [True] * 4 + [False]
    for line in ("Bias -1.7 V", "Setpoint 50 pA", "Width 6 nm", "Raster time 0.5 ms", "Gain I 3 %"):
        assert lines.count(line) == len(session)
    assert "Scan speed 187.5 nm/s (derived: width / (points x raster time))" in lines
    assert "Comment -" in lines


def test_a_file_that_is_skipped_is_named_on_standard_error_and_the_others_are_told(
    session, damaged, tmp_path, capsys
):
    assert main(["info", str(damaged), str(tmp_path / "gone"), str(session[1])]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == ["skipped", "skipped"]
    assert "cut--1_1.Z_mtrx" in err
    assert "gone" in err


def test_info_on_nothing_readable_fails_and_is_still_json(damaged, capsys):
    assert main(["info", str(damaged), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["scans"] == []
    assert told["skipped"][0]["file"] == str(damaged)


def test_train_makes_a_usable_model_and_says_so(session, tmp_path, capsys):
    out = tmp_path / "m.stmml"
    assert main(["train", *SEED, str(session[1]), "--out", str(out), "--clusters", "2", "--epochs", "1"]) == 0
    told, progress = capsys.readouterr()
    assert told.startswith("done: 1 epochs in")
    assert str(out) in told
    assert "2 scans:" in progress
    classifier = SurfaceClassifier.load(out)
    assert (classifier.recipe.num_clusters, classifier.recipe.epochs) == (2, 1)
    assert classifier.predict(read_mtrx(session[0])[0]).max() > 0


def test_train_as_json_is_json_alone(session, damaged, tmp_path, capsys):
    out = tmp_path / "m.stmml"
    paths = [str(damaged), str(session[1])]
    options = ["--out", str(out), "--clusters", "2", "--epochs", "1", "--seed", "4", "--json"]
    assert main(["train", *SEED, *paths, *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == str(out)
    assert [epoch["epoch"] for epoch in told["history"]] == [1]
    assert [skipped["scan"] for skipped in told["skipped"]] == [str(damaged)]
    assert SurfaceClassifier.load(out).training["seed"] == 4


def test_predict_leaves_a_map_and_a_picture_of_every_scan_under_the_promised_names(
    session, model, tmp_path, capsys
):
    assert main(["predict", str(session[0]), "--model", model, "--out", str(tmp_path), "--pitch", "16"]) == 0
    out, err = capsys.readouterr()
    names = {f"{session[0].stem}_{short}_labels" for short in ("FU", "BU", "FD", "BD")}
    expected = {f"{name}{ending}" for name in names for ending in (".tif", ".png")}
    assert {file.name for file in tmp_path.iterdir()} == expected | {"report"}
    assert out.splitlines()[-3] == "4 scans labelled, 0 skipped"
    assert out.splitlines()[-2] == "4 directions kept, none skipped"
    assert out.splitlines()[-1] == f"report: {tmp_path / 'report' / 'ingest.html'}"
    assert "windows" not in out
    assert "100%" in err
    assert LabelMap.read(tmp_path / f"{session[0].stem}_FU_labels.tif").labels.max() > 0


def test_predict_as_json_is_json_alone(session, model, damaged, tmp_path, capsys):
    paths = [str(session[1]), str(damaged)]
    out = str(tmp_path / "out")
    assert main(["predict", *paths, "--model", model, "--out", out, "--pitch", "16", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [os.path.exists(one["labels"]) and os.path.exists(one["figure"]) for one in told["maps"]] == [
        True
    ] * 2
    assert [skipped["scan"] for skipped in told["skipped"]] == [str(damaged)]


def test_predict_says_which_maps_hold_what_a_person_did(capsys):
    about = {"edited": "m_edited.tif", "painted": 7, "problem": "x cannot be read"}
    _show_progress()(ScanLabelled("m", "m.tif", **about))
    assert capsys.readouterr().err.splitlines() == [
        "m.tif had been edited: the edited map is kept as m_edited.tif",
        "m.tif: 7 px are as a person painted them",
        "m.tif: x cannot be read",
    ]


def test_a_pitch_beyond_the_window_labels_nothing_and_says_why(session, model, tmp_path, capsys):
    assert main(["predict", str(session[1]), "--model", model, "--out", str(tmp_path), "--pitch", "99"]) == 1
    assert "pitch must be 1 to 32 px (the window), got 99" in capsys.readouterr().err


def test_predict_on_nothing_usable_fails(damaged, model, tmp_path, capsys):
    assert main(["predict", str(damaged), "--model", model, "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "0 scans labelled, 1 skipped",
        "0 directions kept, 1 skipped: 1 cut short",
    ]
    assert "cut--1_1.Z_mtrx" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "{scan}", "--model", "{tmp}/gone.stmml", "--out", "{tmp}"], "there is no model file"),
        (["predict", "{scan}", "--model", "{scan}", "--out", "{tmp}"], "is not a napari-stmml model"),
        (["predict", "{scan}", "--model", "{model}", "--out", "{model}/x"], "Errno"),
        (["train", "{tmp}", "--out", "{tmp}/m.stmml"], "no scan can be used for training"),
        (
            ["train", "{scan}", "--out", "{tmp}/m.stmml", "--clusters", "1"],
            "num_clusters must be 2 to 1000, got 1",
        ),
        (
            ["train", *SEED, "{scan}", "--out", "{tmp}/m.stmml", "--epochs", "0"],
            "epochs must be 1 to 100000, got 0",
        ),
        (
            ["train", *SEED, "{scan}", "--out", "{tmp}/m.stmml", "--clusters", "999"],
            "need at least as many windows",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(
    session, model, tmp_path, capsys, arguments, sentence
):
    filled = [one.format(scan=session[1], tmp=tmp_path, model=model) for one in arguments]
    assert main(filled) == 1
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith(f"stmml {arguments[0]}: ")
    assert sentence in last


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["info"],
        ["train", "x"],
        ["train", "x", "--out", "m", "--recipe", "unheard-of"],
        ["train", "x", "--out", "m", "--epochs", "many"],
        ["predict", "x", "--out", "m"],
    ],
)
def test_a_command_that_is_not_understood_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: stmml" in err


def test_ctrl_c_in_training_keeps_a_usable_model(session, tmp_path, capsys):
    out = tmp_path / "m.stmml"
    handler = signal.getsignal(signal.SIGINT)
    thread = interrupt_when((tmp_path / "m.stmml.checkpoint").exists)
    assert (
        main(["train", *SEED, str(session[1]), "--out", str(out), "--clusters", "2", "--epochs", "90000"])
        == 0
    )
    thread.join()
    told, progress = capsys.readouterr()
    assert told.startswith("stopped early: ")
    assert "what there is will be kept" in progress
    assert SurfaceClassifier.load(out).predict(read_mtrx(session[0])[0]).max() > 0
    assert signal.getsignal(signal.SIGINT) is handler
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.stmml", "m_report"]


def test_ctrl_c_in_prediction_keeps_the_maps_that_were_made(session, folder, model, tmp_path, capsys):
    first = tmp_path / f"{session[0].stem}_FU_labels.png"
    thread = interrupt_when(first.exists)
    assert main(["predict", folder, "--model", model, "--out", str(tmp_path), "--pitch", "1"]) == 0
    thread.join()
    maps = list(tmp_path.glob("*_labels.tif"))
    assert 1 <= len(maps) < 6
    assert f"{len(maps)} scans labelled, 0 skipped" in capsys.readouterr().out.splitlines()


def test_ctrl_c_before_there_is_anything_is_one_sentence(session, model, tmp_path, capsys, monkeypatch):
    from napari_stmml.jobs import scan_stream

    def read_and_interrupt(file):
        os.kill(os.getpid(), signal.SIGINT)
        return read_mtrx(file)

    monkeypatch.setattr(scan_stream, "read_scan_file", read_and_interrupt)
    assert main(["predict", str(session[0]), "--model", model, "--out", str(tmp_path)]) == 1
    assert "prediction was stopped" in capsys.readouterr().err.splitlines()[-1]
    assert [file.name for file in tmp_path.iterdir()] == ["report"]


def test_a_second_ctrl_c_ends_the_command_at_once(session, model, tmp_path, capsys, monkeypatch):
    from napari_stmml.jobs import scan_stream

    def interrupt_twice(file):
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(scan_stream, "read_scan_file", interrupt_twice)
    assert main(["predict", str(session[0]), "--model", model, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "stmml predict: interrupted"


def test_running_out_of_memory_is_one_sentence(session, model, tmp_path, capsys, monkeypatch):
    from napari_stmml.jobs import scan_stream

    def full(file):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(scan_stream, "read_scan_file", full)
    assert main(["predict", str(session[0]), "--model", model, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "stmml predict: the work could not be done (RuntimeError: out of memory)"
    )


def test_the_command_starts_as_a_program_and_says_its_version():
    run = subprocess.run(
        [sys.executable, "-m", "napari_stmml.cli", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout.strip()) == (0, f"napari-stmml {version('napari-stmml')}")


# Job files


@pytest.fixture
def job_file(folder, tmp_path):
    """Write the job file that `stmml init` writes, made small; return its path."""
    path = tmp_path / "job.toml"
    assert main(["init", str(path)]) == 0
    small = {
        "recipe": '"srsml24"',
        "features": '"windows"',
        "flatten_method": '"poly_xy"',
        "normalisation": '"image"',
        "job_name": '"tiny"',
        "train_path": f"[{json.dumps(folder)}]",
        "pixel_density": "8",
        "window_size": "16",
        "epochs": "1",
        "batch_size": "128",
        "learning_rate": "0.0001",
        "sampled_windows": "0",
        "num_clusters": "3",
        "predict_window_pitch": "8",
    }
    text = path.read_text("utf-8")
    for name, value in small.items():
        text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert found == 1
    path.write_text(text, "utf-8")
    return path


def test_init_writes_a_job_file_that_says_how_to_go_on_and_never_overwrites_one(tmp_path, capsys):
    path = tmp_path / "job.toml"
    assert main(["init", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}: look through it, then `stmml run {path}`\n"
    path.write_text("mine")
    assert main(["init", str(path)]) == 1
    assert capsys.readouterr().err == f"stmml init: {path} exists already; it is left as it is\n"
    assert path.read_text() == "mine"


def test_run_does_the_whole_job_and_says_in_one_line_what_was_taken_in(job_file, capsys):
    capsys.readouterr()
    assert main(["run", str(job_file), "--processes", "1"]) == 0
    out, err = capsys.readouterr()
    folder = job_file.parent / "tiny"
    assert out.splitlines() == [
        "6 directions kept, none skipped",
        f"report: {folder / 'report' / 'ingest.html'}",
        f"files:  {folder}",
    ]
    assert "100%" in err
    assert len(list((folder / "predictions").rglob("*_labels.tif"))) == 6
    assert main(["predict", str(job_file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(folder)
    assert told["labelled"] == 0  # all were done already
    assert told["summary"] == "6 directions kept, none skipped"
    assert all(os.path.isfile(told[name]) for name in ("csv", "html"))
    for step in ("process", "train", "cluster"):
        assert main([step, str(job_file)]) == 0
        assert f"{step}: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "process", "train", "cluster", "predict"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("window_sice = 32", "job.toml: there is no parameter 'window_sice'; did you mean 'window_size'?"),
        ("epochs = true", "job.toml: epochs must be a whole number, got True"),
        ("window_size = 20", "job.toml: window_size must be a multiple of 8 px"),
        ('train_path = "gone"', "job.toml: train_path names"),
        ("epochs =", "job.toml is not valid TOML"),
    ],
)
def test_a_bad_job_file_is_one_sentence_and_nothing_is_written(tmp_path, capsys, command, text, sentence):
    path = tmp_path / "job.toml"
    path.write_text(text)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"stmml {command}: {sentence}")
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_step_before_its_time_says_what_to_do_first(job_file, capsys):
    assert main(["train", str(job_file)]) == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("has not been processed with these parameters: do the step process first")
    )
    assert main(["process", str(job_file), "--processes", "1"]) == 0
    assert main(["predict", str(job_file)]) == 1
    assert "do the step cluster first" in capsys.readouterr().err.splitlines()[-1]


def test_a_skipped_scan_is_said_and_can_be_included(session, job_file, capsys):
    job_file.write_text(
        job_file.read_text("utf-8").replace("pixel_limit = 20000", "pixel_limit = 40"), "utf-8"
    )
    capsys.readouterr()
    assert main(["process", str(job_file), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"] == "0 directions kept, 6 skipped: 6 over pixel_limit 40"
    assert err.count("skipped: ") == 6
    names = ["--include", session[0].stem, "--include", f"{session[1].stem}_FU"]
    assert main(["process", str(job_file), *names]) == 0
    summary = "0 directions kept, 5 forced in, 1 skipped: 1 over pixel_limit 40"
    assert capsys.readouterr().out.splitlines()[0] == summary
    assert (job_file.parent / "tiny" / "report" / "ingest.html").is_file()


def test_ctrl_c_in_a_job_leaves_the_report_and_says_how_to_go_on(job_file, capsys):
    text = job_file.read_text("utf-8").replace("epochs = 1\n", "epochs = 90000\n")
    job_file.write_text(text, "utf-8")
    thread = interrupt_when((job_file.parent / "tiny" / "model" / "autoencoder.checkpoint").exists)
    assert main(["run", str(job_file), "--processes", "1"]) == 1
    thread.join()
    said = capsys.readouterr().err.splitlines()
    assert any(
        line.endswith("stmml run: stopped; start it again, and it goes on where it was") for line in said
    )
    assert (job_file.parent / "tiny" / "report" / "ingest.html").is_file()
    assert (job_file.parent / "tiny" / "model" / "autoencoder.checkpoint").is_file()


def test_a_verbose_job_says_what_became_of_every_scan(session, job_file, capsys):
    job_file.write_text(job_file.read_text("utf-8").replace("verbose = false", "verbose = true"), "utf-8")
    assert main(["process", str(job_file), "--processes", "1"]) == 0
    err = capsys.readouterr().err
    assert f"{session[0].parent.name}/{session[0].stem} FU: kept, 25 windows" in err


def test_options_that_a_job_file_says_itself_are_refused_beside_one(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", str(tmp_path / "job.toml"), "--epochs", "7", "--set", "pixel_density=3"])
    assert "--epochs and --set: a job file says this itself" in capsys.readouterr().err


def test_options_of_a_job_are_refused_without_one(session, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", str(session[0]), "--out", str(tmp_path / "m.stmml"), "--include", "x"])
    assert "--include: only of a job file" in capsys.readouterr().err


def test_scans_of_one_name_in_two_folders_are_two_rows_of_the_report(session, model, tmp_path, capsys):
    for folder in ("a", "b"):
        shutil.copytree(session[0].parent, tmp_path / folder)
    paths = [str(tmp_path / folder / session[0].name) for folder in ("a", "b")]
    assert main(["predict", *paths, "--model", model, "--out", str(tmp_path / "out"), "--pitch", "16"]) == 0
    assert "8 directions kept, none skipped" in capsys.readouterr().out
