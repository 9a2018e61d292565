import json
import os

import pytest

from napari_stmml.batch.job_file import JobFile
from napari_stmml.cli import main
from napari_stmml.recipe import DEFAULT, RECIPES


@pytest.fixture
def job_file(folder, tmp_path):
    """Write a job of recipe instant on the session; return its path."""
    values = {"recipe": "instant", "num_clusters": 3, "job_name": "tiny", "train_path": [folder]}
    return JobFile(values, tmp_path).write(tmp_path / "job.toml")


@pytest.fixture
def job_of_a_network(folder, tmp_path):
    """Write a job that trains on windows for longer than anybody waits; return its path."""
    values = {"recipe": "srsml24", "pixel_density": 8, "window_size": 16, "num_clusters": 3, "epochs": 90_000}
    values |= {"predict_window_pitch": 8, "job_name": "tiny", "train_path": [folder]}
    return JobFile(values, tmp_path).write(tmp_path / "job.toml")


def test_init_writes_a_job_file_that_says_how_to_go_on_and_never_overwrites_one(tmp_path, capsys):
    path = tmp_path / "job.toml"
    assert main(["init", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}: look through it, then `stmml run {path}`\n"
    assert JobFile.read(path).values["recipe"] == DEFAULT
    path.write_text("mine")
    assert main(["init", str(path)]) == 1
    assert capsys.readouterr().err == f"stmml init: {path} exists already; it is left as it is\n"
    assert path.read_text() == "mine"


def test_init_writes_the_job_of_any_recipe(tmp_path, capsys):
    for name, recipe in RECIPES.items():
        path = tmp_path / f"{name}.toml"
        assert main(["init", str(path), "--recipe", name]) == 0
        assert JobFile.read(path).recipe == recipe
    capsys.readouterr()
    assert main(["init", str(tmp_path / "x.toml"), "--recipe", "srsml25"]) == 2
    assert "'srsml25' is none of" in capsys.readouterr().err


def test_a_job_that_is_no_longer_the_recipe_it_names_says_so_and_its_report_too(job_file, capsys):
    text = job_file.read_text("utf-8").replace('recipe = "instant"', 'recipe = "srsml24"')
    job_file.write_text(text.replace('# features = "filters"', 'features = "filters"'), "utf-8")
    assert main(["process", str(job_file), "--processes", "1"]) == 0
    title = "srsml24 (changed: features)"
    said = f"recipe: {title}; without these lines it is srsml24 itself"
    assert capsys.readouterr().err.splitlines()[0] == said
    for name in ("report/ingest.html", "parameters.csv"):
        assert title in (job_file.parent / "tiny" / name).read_text("utf-8")


def test_run_does_the_whole_job_and_says_in_one_line_what_was_taken_in(job_file, capsys):
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
        job_file.read_text("utf-8").replace("# pixel_limit = 20000", "pixel_limit = 40"), "utf-8"
    )
    capsys.readouterr()
    assert main(["process", str(job_file), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"] == "0 directions kept, 6 skipped: 6 over pixel_limit 40"
    assert err.count("skipped: ") == 6
    names = ["--include", session[0].stem, "--include", f"{session[1].stem}_FU"]
    assert main(["process", str(job_file), *names]) == 0
    summary = "0 directions kept, 5 kept anyway, 1 skipped: 1 over pixel_limit 40"
    assert capsys.readouterr().out.splitlines()[0] == summary
    assert (job_file.parent / "tiny" / "report" / "ingest.html").is_file()


def test_ctrl_c_in_a_job_leaves_the_report_and_says_how_to_go_on(job_of_a_network, capsys, interrupt_when):
    job_file = job_of_a_network
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
    assert f"{session[0].parent.name}/{session[0].stem} FU: kept, " in err


def test_options_that_a_job_file_says_itself_are_refused_beside_one(tmp_path, capsys):
    assert main(["train", str(tmp_path / "job.toml"), "--epochs", "7", "--set", "pixel_density=3"]) == 2
    assert "--epochs and --set: a job file says this itself" in capsys.readouterr().err


def test_options_of_a_job_are_refused_without_one(session, tmp_path, capsys):
    assert main(["train", str(session[0]), "--out", str(tmp_path / "m.stmml"), "--include", "x"]) == 2
    assert "--include: only of a job file" in capsys.readouterr().err
