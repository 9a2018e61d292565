import json
import os
import shutil
import signal

import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.cli import main
from napari_stmml.cli.progress import progress_shown
from napari_stmml.events import ScanLabelled
from napari_stmml.io.label_tiff import LabelMap

INSTANT = ("--recipe", "instant", "--clusters", "3")
TINY = ("--recipe", "srsml24", "--set", "window_size=16", "--set", "pixel_density=8", "--clusters", "3")


def test_train_makes_a_usable_model_and_says_so(session, tmp_path, capsys):
    out = tmp_path / "m.stmml"
    assert main(["train", *INSTANT, str(session[1]), "--out", str(out), "--set", "pixel_density=8"]) == 0
    told, progress = capsys.readouterr()
    assert told.startswith("done: ")
    assert f"recipe instant, model in {out}" in told
    assert "2 scans: nothing to train" in progress
    assert "100%" in progress
    classifier = SurfaceClassifier.load(out)
    assert (classifier.recipe.num_clusters, classifier.recipe.pixel_density) == (3, 8.0)
    assert classifier.predict(read_mtrx(session[0])[0]).max() > 0


def test_training_a_network_writes_what_was_asked(session, damaged, tmp_path, capsys):
    out = tmp_path / "m.stmml"
    options = ["--out", str(out), "--epochs", "1", "--seed", "4", "--json"]
    assert main(["train", *TINY, str(damaged), str(session[1]), *options]) == 0
    answer, progress = capsys.readouterr()
    told = json.loads(answer)
    assert told["model"] == str(out)
    assert [epoch["epoch"] for epoch in told["history"]] == [1]
    assert [skipped["scan"] for skipped in told["skipped"]] == [str(damaged)]
    assert SurfaceClassifier.load(out).training["seed"] == 4
    begins = ("skipped: ", "2 scans: ", "training ", "clustering ")
    assert [line for line in progress.splitlines() if not line.startswith(begins)] == []


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
    assert err == ""
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
    with progress_shown() as show:
        show(ScanLabelled("m", "m.tif", **about))
    assert capsys.readouterr().err.splitlines() == [
        "m.tif had been edited: the edited map is kept as m_edited.tif",
        "m.tif: 7 px are as a person painted them",
        "m.tif: x cannot be read",
    ]


def test_a_pitch_beyond_the_window_labels_nothing_and_says_why(session, model, tmp_path, capsys):
    assert main(["predict", str(session[1]), "--model", model, "--out", str(tmp_path), "--pitch", "99"]) == 1
    assert "pitch must be 1 to 16 px (the window), got 99" in capsys.readouterr().err


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
        (["predict", "{scan}", "--model", "{scan}", "--out", "{tmp}"], "cannot be read: it is no zip file"),
        (["predict", "{scan}", "--model", "{model}", "--out", "{model}/x"], "Errno"),
        (["train", "{tmp}", "--out", "{tmp}/m.stmml"], "no scan can be used for training"),
        (
            ["train", "{scan}", "--out", "{tmp}/m.stmml", "--clusters", "1"],
            "num_clusters must be 2 to 1000, got 1",
        ),
        (
            ["train", *TINY, "{scan}", "--out", "{tmp}/m.stmml", "--epochs", "0"],
            "epochs must be 1 to 100000, got 0",
        ),
        (
            ["train", *TINY, "{scan}", "--out", "{tmp}/m.stmml", "--clusters", "999"],
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


def test_ctrl_c_in_training_keeps_a_usable_model(session, tmp_path, capsys, interrupt_when):
    out = tmp_path / "m.stmml"
    handler = signal.getsignal(signal.SIGINT)
    thread = interrupt_when((tmp_path / "m.stmml.checkpoint").exists)
    assert main(["train", *TINY, str(session[1]), "--out", str(out), "--epochs", "90000"]) == 0
    thread.join()
    told, progress = capsys.readouterr()
    assert told.startswith("stopped early: ")
    assert "what there is will be kept" in progress
    assert SurfaceClassifier.load(out).predict(read_mtrx(session[0])[0]).max() > 0
    assert signal.getsignal(signal.SIGINT) is handler
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.stmml", "m_report"]


def test_ctrl_c_in_prediction_keeps_the_maps_that_were_made(
    session, folder, model, tmp_path, capsys, interrupt_when
):
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


def test_scans_of_one_name_in_two_folders_are_two_rows_of_the_report(
    session, instant_model, tmp_path, capsys
):
    for folder in ("a", "b"):
        shutil.copytree(session[0].parent, tmp_path / folder)
    paths = [str(tmp_path / folder / session[1].name) for folder in ("a", "b")]
    assert main(["predict", *paths, "--model", str(instant_model), "--out", str(tmp_path / "out")]) == 0
    assert "4 directions kept, none skipped" in capsys.readouterr().out
