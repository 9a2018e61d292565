import runpy
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_parameters import PARAMETERS, in_order
from napari_stmml.parameter_type import parameter, parameters_of
from napari_stmml.recipe import DEFAULT, RECIPES, get_recipe
from napari_stmml.viewer.batch.form import JobForm, keep
from napari_stmml.viewer.shared.panel import Panel
from napari_stmml.viewer.shared.shared_state import shared_state

DOCS = Path(__file__).resolve().parents[3] / "docs"
SMALL = {"window_size": 16, "window_pitch": 16, "predict_window_pitch": 8}


@pytest.fixture
def scans(tmp_path):
    """Make a folder of scans, empty: a form does not look into it."""
    (tmp_path / "scans").mkdir()
    return tmp_path / "scans"


@pytest.fixture
def form(viewer, qtbot):
    """Lay a form out in a panel."""
    panel = Panel(viewer)
    qtbot.addWidget(panel)
    form = JobForm(panel)
    panel.column.addWidget(form.shown())
    panel.column.addWidget(form.folded())
    yield form
    panel.close()


@pytest.fixture
def one_more():
    """Declare one parameter more, for one test."""

    @dataclass(frozen=True)
    class Sharper:
        sharpness: float = parameter(0.5, "how sharp tips are", 0, 2, group="Clustering", unit="1/nm")

    known = dict(PARAMETERS)
    more = in_order(known | parameters_of(Sharper))
    PARAMETERS.clear()
    PARAMETERS.update(more)
    yield more["sharpness"]
    PARAMETERS.clear()
    PARAMETERS.update(known)


def test_a_parameter_that_is_declared_is_in_the_job_file_the_form_and_the_page(one_more, form, scans):
    assert "# how sharp tips are (1/nm); 0 to 2\nsharpness = 0.5\n" in JobFile({}, scans).text()
    form.folder.value = scans
    field = form.fields["sharpness"]
    assert (field.label, field.min, field.max) == ("Sharpness (1/nm)", 0, 2)
    field.value = 1.5
    assert form.job().values["sharpness"] == 1.5
    page = runpy.run_path(str(DOCS / "make_parameters.py"))["page"]()
    assert "| `sharpness` | `0.5` | 1/nm | how sharp tips are (0 to 2) |  |\n" in page


def test_the_form_has_every_parameter_once_with_its_default(form, scans):
    form.folder.value = scans
    assert form.results.value == scans.parent
    values, recipe = form.job().values, {**get_recipe(DEFAULT).as_dict(), "recipe": DEFAULT}
    for name, known in PARAMETERS.items():
        if name not in ("train_path", "out_folder"):
            assert values[name] == recipe.get(name, known.default), name
    assert list(form.fields) == list(PARAMETERS)
    for name, field in form.fields.items():
        assert PARAMETERS[name].help in field.tooltip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_the_fields_and_shows_those_that_it_uses(form, scans, name):
    form.folder.value = scans
    for other in set(RECIPES) - {name}:
        form.fields["recipe"].value = other
        form.fields["num_clusters"].value = 3
        form.fields["recipe"].value = name
        assert form.job().recipe == get_recipe(name)
        trains = not form.fields["epochs"].native.isHidden()
        assert trains == get_recipe(name).trains == (not form.validate.native.isHidden())
        assert form.fields["predict_window_pitch"].native.isHidden() != get_recipe(name).of_windows


@pytest.mark.parametrize(
    ("values", "recipe"),
    [
        ({"num_clusters": 5}, get_recipe("srsml24", num_clusters=5)),  # as before there was a choice
        ({"recipe": "learned", "epochs": 2, "test_path": "scans"}, get_recipe("learned", epochs=2)),
    ],
)
def test_a_loaded_job_has_its_own_values_and_not_those_of_its_recipe(form, scans, tmp_path, values, recipe):
    form.load(JobFile({"train_path": "scans", **values}, tmp_path))
    assert form.fields["recipe"].value == recipe.name
    assert form.job().recipe == recipe


def test_a_chain_given_to_training_stays_when_the_recipe_changes(form, viewer, scans):
    form.folder.value = scans
    shared_state(viewer).use_for_training("row_median + poly_xy")
    form.fields["recipe"].value = "instant"
    assert form.job().values["flatten_method"] == "row_median + poly_xy"


def test_loading_and_saving_a_job_is_the_identity(form, scans, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    values = {
        "job_name": "full",
        "train_path": ("scans", "other", str(other)),
        "test_path": ("./other",),
        "out_folder": "other",
        "include": ("default--1_3_FU",),
        "learning_rate": 1.23456789e-7,
        "data_scaling": 2.5e9,
        "overlay_alpha": 0.123456,
        "normalisation": "fixed",
        "save_jpg": True,
        "cmap": "viridis",
        **SMALL,
    }
    job = JobFile(values, tmp_path)
    form.load(job)
    assert form.results.value == other
    assert form.job(tmp_path) == job
    saved = form.job(other)
    assert saved.absolute().values | {"out_folder": ""} == job.absolute().values | {"out_folder": ""}
    assert saved.folder == job.folder
    form.fields["learning_rate"].value = 1e-3
    assert form.job().values["learning_rate"] == 1e-3


def test_no_file_that_is_not_a_job_is_overwritten_and_an_older_job_is_kept(scans, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("[tool.poetry]\nname = 'not ours'\n")
    job = JobFile({"train_path": ("scans",)}, tmp_path)
    with pytest.raises(ValueError, match="is no job file; choose another name"):
        keep(job, path)
    path.unlink()
    keep(job, path)
    keep(job, path)
    assert not (tmp_path / "run-older-1.toml").exists()
    for epochs in (7, 8):
        keep(JobFile({**job.values, "epochs": epochs}, tmp_path), path)
    assert JobFile.read(tmp_path / "run-older-1.toml") == job
    assert JobFile.read(tmp_path / "run-older-2.toml").values["epochs"] == 7
