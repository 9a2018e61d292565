import csv
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from napari_stmml.batch.job_file import SETS, JobFile
from napari_stmml.batch.job_parameters import PARAMETERS, flat
from napari_stmml.io.tables import save_parameters
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import DEFAULT, RECIPES, Recipe, get_recipe

DEFAULTS = {name: known.default for name, known in PARAMETERS.items()}
ODD = {
    "job_name": "Si(001) 'H' µ",
    "verbose": True,
    "include": ["a--1_1", "b\\c\t'd'", "ß 走査"],
    "pixel_density": -0.5,
    "flatten_method": "row_median+poly_xy",
    "learning_rate": 1e-8,
    "data_scaling": 2.5e9,
    "cmap": "viridis",
    "buffer_size": 9_999_999,
    "train_data_limit": 2**31 - 1,
}


def written(tmp_path, text, name="job.toml"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_new_job_file_has_every_key_with_default_unit_and_help(tmp_path):
    text = JobFile({}, tmp_path).write(tmp_path / "job.toml").read_text("utf-8")
    lines = text.splitlines()
    for name, known in PARAMETERS.items():
        mark = "# " if name in parameters_of(Recipe) else ""
        table, _, own = name.rpartition(".")
        start = lines.index(f"[{table}]") if table else 0
        begins = f"{mark}{own} = "
        at = next(number for number, line in enumerate(lines) if number >= start and line.startswith(begins))
        assert lines[at - 1] == f"# {known.described}"
        assert known.help in lines[at - 1]
        assert known.unit in lines[at - 1]
    assert "stmml run job.toml" in text


@pytest.mark.parametrize("name", RECIPES)
def test_whoever_names_another_recipe_in_a_new_job_file_gets_that_recipe(tmp_path, name):
    text = JobFile({"recipe": DEFAULT}, tmp_path).text()
    job = JobFile.read(written(tmp_path, text.replace(f'recipe = "{DEFAULT}"', f'recipe = "{name}"')))
    assert job.recipe == get_recipe(name)


@pytest.mark.parametrize("name", RECIPES)
def test_the_job_as_it_was_run_states_every_value_and_is_not_called_by_the_name_of_another(tmp_path, name):
    text = JobFile({"recipe": DEFAULT}, tmp_path).text(every=True)
    assert list(flat(tomllib.loads(text))) == list(PARAMETERS)
    job = JobFile.read(written(tmp_path, text.replace(f'recipe = "{DEFAULT}"', f'recipe = "{name}"')))
    assert replace(job.recipe, name=DEFAULT) == get_recipe(DEFAULT)
    if name != DEFAULT:
        assert job.recipe.title.startswith(f"{name} (changed: features")
    (row,) = (row for row in job.table() if row["name"] == "recipe")
    assert row["value"] == f'"{job.recipe.title}"'


def test_a_table_of_structures_asks_for_them_unless_it_says_not(tmp_path):
    (tmp_path / "known.stmml").touch()
    job = JobFile.read(written(tmp_path, '[structures]\nmirror_apart = true\nmodel = "known.stmml"'))
    assert job.values["structures.find"]
    assert job.values["structures.mirror_apart"]
    assert job.known_types == tmp_path / "known.stmml"
    assert JobFile(job.values, tmp_path) == job
    assert JobFile.read(job.write(tmp_path / "again.toml")) == job
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert JobFile.read(job.absolute().write(elsewhere / "a.toml")).known_types == job.known_types
    assert not JobFile.read(written(tmp_path, "[structures]\nfind = false")).values["structures.find"]
    assert not JobFile({}, tmp_path).values["structures.find"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[structures]\nmirror = true",
            "no parameter 'structures.mirror'; did you mean 'structures.mirror_apart'",
        ),
        (
            "[structures]\nfalse_per_1000_nm2 = 0",
            "structures.false_per_1000_nm2 must be 0.001 to 1000, got 0",
        ),
        ("structures = true", "there is no parameter 'structures'; did you mean 'structures"),
        ('[structures]\nmodel = "no.stmml"', "structures.model names 'no.stmml', and there is no such file"),
    ],
)
def test_what_a_table_of_structures_cannot_say_is_named(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=rf"job\.toml: .*{sentence}"):
        JobFile.read(written(tmp_path, text))


@pytest.mark.parametrize("values", [{}, ODD])
def test_what_is_written_reads_back_as_the_same(tmp_path, values):
    job = JobFile(values, tmp_path)
    back = JobFile.read(job.write(tmp_path / "job.toml"))
    assert back == job
    assert back.values == DEFAULTS | {name: PARAMETERS[name].check(value) for name, value in values.items()}
    assert [file.name for file in tmp_path.iterdir()] == ["job.toml"]


def test_a_job_file_that_says_nothing_is_all_defaults(tmp_path):
    assert JobFile.read(written(tmp_path, "")).values == DEFAULTS
    assert JobFile.read(written(tmp_path, "\ufeffepochs = 3")).values["epochs"] == 3


def test_paths_are_relative_to_the_file_wherever_one_stands(tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    path = written(tmp_path, 'train_path = "scans"\nout_folder = "out"\njob_name = "x"')
    monkeypatch.chdir(tmp_path)
    job = JobFile.read(path.name)
    monkeypatch.chdir("/")
    assert job.paths("train") == [tmp_path / "scans"]
    assert job.folder == tmp_path / "out" / "x"
    there = job.absolute().write(tmp_path / "scans" / "other.toml")
    again = JobFile.read(there)
    assert again.paths("train") == job.paths("train")
    assert again.folder == job.folder


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("window_sizes = 32", "there is no parameter 'window_sizes'; did you mean 'window_size'?"),
        ("[process]\nepochs = 3", "there is no parameter 'process'"),
        ("[epochs]\nvalue = 3", "epochs must be a whole number"),
        ("epochs = true", "epochs must be a whole number, got True"),
        ('epochs = "3"', "epochs must be a whole number, got '3'"),
        ("epochs = 3.0", "epochs must be a whole number, got 3.0"),
        ("epochs = 0", "epochs must be 1 to 100000, got 0"),
        ('learning_rate = "fast"', "learning_rate must be a number, got 'fast'"),
        ("learning_rate = nan", "learning_rate must be"),
        ("learning_rate = inf", "learning_rate must be"),
        ("job_name = 7", "job_name must be a text, got 7"),
        ("verbose = 1", "verbose must be true or false, got 1"),
        ("include = [1]", "include must be a list of texts"),
        ("pixel_ratio = 1.1", "pixel_ratio must be 0 to 1, got 1.1"),
        ("pixel_density = 0.001", "pixel_density must be at least 0.01 px/nm"),
        ("num_clusters = 1", "num_clusters must be 2 to 1000, got 1"),
        ("window_size = 20", "window_size must be a multiple of 8 px"),
        (
            "window_size = 16\nwindow_pitch = 17",
            "window_pitch must be at most the window_size, 16 px, got 17",
        ),
        ("predict_window_pitch = 33", "predict_window_pitch must be at most the window_size, 32 px, got 33"),
        ('cmap = "viridus"', "viridis"),
        ('flatten_method = "poly_xyz"', "poly_xy"),
        ('flatten_method = "poly_xy+poly_xyz"', "poly_xy"),
        ('flatten_method = ""', "flatten_method"),
        ('normalisation = "imgae"', "did you mean 'image'?"),
        ('train_path = "gone"', "train_path names"),
        ('test_path = ["gone"]', "test_path names"),
        ('predict_path = ["gone"]', "predict_path names"),
        ("train_path = []", "train_path names no file or folder to train on"),
        ('job_name = ""', "job_name must be usable as the name of a file, got ''"),
        ('job_name = ".."', "job_name must be usable as the name of a file, got '..'"),
        ('job_name = "a/b"', "job_name must be usable as the name of a file, got 'a/b'"),
        ('model_name = "a:b"', "model_name must be usable as the name of a file"),
        ('cluster_model_name = "\\\\"', "cluster_model_name must be usable as the name of a file"),
        ('train_path = "~nobody-here/x"', "'~nobody-here/x' names a user that this computer does not know"),
        ('out_folder = "~nobody-here"', "'~nobody-here' names a user that this computer does not know"),
        (f'train_path = "{"a" * 5000}"', "train_path names '"),
        ('train_path = "a\\u0000b"', "train_path names '"),
        (f'out_folder = "{"a" * 300}"', "out_folder names '"),
        (f'job_name = "{"a" * 176}"', "job_name must be usable as the name of a file, got 'aaa"),
        ('job_name = "a\\nb"', "job_name must be usable as the name of a file, got 'a\\nb'"),
        (f"epochs = {'9' * 5000}", "is not valid TOML: a number has thousands of digits"),
        (f"epochs = 0x{'f' * 5000}", "epochs must be 1 to 100000, got a value too long to show"),
        (f"learning_rate = 0x{'f' * 5000}", "learning_rate must be a number of ordinary size"),
        (f"epochs = {'[' * 2000}{']' * 2000}", "is not valid TOML: too many brackets within brackets"),
        (f"epochs = {'{a = ' * 2000}1{'}' * 2000}", "is not valid TOML: too many brackets within brackets"),
        (f"epochs = {'[' * 90}{']' * 90}", "epochs must be a whole number, got [[["),
        (f"{'k' * 5000} = 1", "there is no parameter 'kkk"),
        (f"[{'k' * 5000}]\n[{'k' * 5000}]", "is not valid TOML: Cannot declare"),
        *(
            (f'{name} = "{"x" * 5000}"', f"{name}")
            for name in ("recipe", "normalisation", "cmap", "flatten_method", "epochs", "features")
        ),
        ("epochs = ", "is not valid TOML"),
        ("epochs = 3\nepochs = 4", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_written(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(ValueError) as refused:
        JobFile.read(path)
    assert str(refused.value).startswith("job.toml")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_there_or_no_text_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"^gone\.toml cannot be read: "):
        JobFile.read(tmp_path / "gone.toml")
    for place in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match=rf"^{place.name} is a (folder|device), not a file$"):
            JobFile.read(place)
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ValueError, match=r"^pipe\.toml is a pipe, not a file$"):
        JobFile.read(tmp_path / "pipe.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(ValueError, match=r"^large\.toml is too large: 2 MiB, at most 1 MiB are read$"):
        JobFile.read(tmp_path / "large.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00epochs")
    with pytest.raises(ValueError, match=r"^b\.toml is not valid TOML: "):
        JobFile.read(tmp_path / "b.toml")


def test_a_recipe_has_the_values_of_the_file(tmp_path):
    job = JobFile({"window_size": 16, "epochs": 9, "normalisation": "robust"}, tmp_path)
    assert (job.recipe.window_size, job.recipe.epochs) == (16, 9)
    assert job.recipe.as_dict().items() <= {**job.values, "name": "srsml24"}.items()
    assert set(SETS) == {"train", "test", "predict"}


def test_the_parameter_table_has_every_parameter_with_its_value(tmp_path):
    path = save_parameters(tmp_path / "parameters.csv", JobFile({"epochs": 77}, tmp_path).table())
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(PARAMETERS)
    assert (rows["epochs"]["value"], rows["epochs"]["default"]) == ("77", "5")
    assert rows["pixel_density"]["unit"] == "px/nm"
    for name, row in rows.items():
        assert row["help"] == PARAMETERS[name].help
        read = tomllib.loads(f"value = {row['default']}")["value"]
        assert PARAMETERS[name].check(read) == DEFAULTS[name]


def test_a_job_does_not_work_in_the_folder_of_its_scans(tmp_path):
    (tmp_path / "scans" / "monday").mkdir(parents=True)
    for path in ("scans", "scans/monday"):
        with pytest.raises(ValueError, match="train_path lies in the job's own folder"):
            JobFile({"job_name": "scans", "train_path": [path]}, tmp_path)


def test_fewer_windows_than_clusters_are_refused_before_any_work(tmp_path):
    with pytest.raises(
        ValueError, match=r"train_data_limit must be 0 \(all\) or at least num_clusters, 20, got 5"
    ):
        JobFile({"train_data_limit": 5}, tmp_path)


def test_a_windows_path_in_double_quotes_is_answered_with_a_hint(tmp_path):
    (tmp_path / "job.toml").write_text('train_path = ["C:\\Users\\me"]')
    with pytest.raises(ValueError, match=r"not valid TOML: .*; write paths with / or in 'single quotes'"):
        JobFile.read(tmp_path / "job.toml")
