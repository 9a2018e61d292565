import os
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.classes import Classes
from napari_stmml.events import Clustering, ClustersProposed, Failed, Finished, TrainingWindows
from napari_stmml.jobs.requests import ProposeClusters
from napari_stmml.jobs.worker_process import SECONDS_TO_STOP
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import DEFAULT, RECIPES, STORIES, Recipe, get_recipe
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.parameter_form import set_values

ENDLESS = 100_000  # epochs
INSTANT = get_recipe("instant", num_clusters=3)
LONG = 120_000  # ms


def with_scans(viewer, files):
    """Add the four directions of a small scan to a viewer."""
    for scan in read_mtrx(files[0]):
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    return viewer


@pytest.fixture
def viewer(new_viewer, small_session):
    return with_scans(new_viewer(), small_session)


@pytest.fixture
def window(make_napari_viewer, small_session):
    return with_scans(make_napari_viewer(), small_session)


@pytest.fixture
def panel_of(dock, tmp_path):
    """Return a function that docks a Train panel, set to a recipe and a new model file."""

    def panel_of_(viewer, recipe=INSTANT, **options):
        panel = dock(viewer, "Train", **options)
        set_recipe(panel, recipe)
        panel.out.value = tmp_path / "model.stmml"
        return panel

    return panel_of_


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.stmml"


@pytest.fixture
def in_mid_training(viewer, panel_of, qtbot, tiny_recipe, tmp_path):
    """Start a training without end; return its panel as soon as there is a model so far."""
    panel = panel_of(viewer, replace(tiny_recipe, epochs=ENDLESS))
    choose(panel, viewer.layers)
    panel.start_button.click()
    qtbot.waitUntil((tmp_path / "model.stmml.checkpoint").exists, timeout=LONG)
    return panel


def set_recipe(panel, recipe):
    panel.recipe.value = recipe.name
    set_values(panel.fields, recipe.as_dict())


def choose(panel, layers):
    panel.layers.value = list(layers)


def shown_curves(panel):
    return [name for name, canvas in panel.curves.canvases.items() if canvas.isVisibleTo(panel)]


def is_running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def is_usable(model, scan):
    labels = SurfaceClassifier.load(model).predict(scan)
    return labels.shape == scan.heights.shape and labels.max() > 0


def test_the_form_gives_back_the_recipe_it_shows(viewer, dock):
    panel = dock(viewer, "Train")
    panel.recipe.value = "srsml24"
    assert panel.chosen_recipe() == Recipe()
    identity = {"features", "both_biases"}  # which choosing a recipe sets
    assert set(panel.fields) == set(parameters_of(Recipe)) - identity
    other = Recipe(
        learning_rate=3e-7, epochs=4000, window_size=64, reassignment_ratio=0.25, pixel_density=7.5
    )
    set_recipe(panel, other)
    assert panel.chosen_recipe() == other


def test_training_on_open_layers_shows_its_loss_and_makes_a_usable_model(
    viewer, panel_of, finish, model, small_scan, tiny_recipe
):
    panel = panel_of(viewer, replace(tiny_recipe, epochs=2))
    choose(panel, list(viewer.layers)[:2])
    panel.start_button.click()
    assert panel.running
    assert not panel.start_button.isEnabled()
    finish(panel)
    assert [epoch for epoch, _ in panel.curves.validation] == [1, 2]
    assert panel.curves.training[-1][0] == 2
    assert shown_curves(panel) == ["loss curve"]
    assert panel.status.text().startswith("Done in")
    assert str(model) in panel.status.text()
    assert "2 directions kept, none skipped; report: " in panel.status.text()
    assert is_usable(model, small_scan)
    trained = SurfaceClassifier.load(model)
    assert trained.recipe == replace(tiny_recipe, epochs=2)
    assert [source["direction"] for source in trained.training["files"]] == ["forward/up", "backward/up"]
    assert panel.start_button.isEnabled()
    assert not panel.cancel_button.isEnabled()
    assert not model.with_name("model.stmml.checkpoint").exists()


def test_the_next_training_is_offered_another_name_and_prediction_the_model(viewer, panel_of, finish, model):
    panel = panel_of(viewer)
    choose(panel, list(viewer.layers)[:1])
    panel.on_start()
    finish(panel)
    assert panel.out.value.name == "model-2.stmml"
    assert panel.shared.model == model


def test_a_folder_is_trained_on_and_what_cannot_be_used_is_named(
    viewer, panel_of, finish, model, small_session, said
):
    panel = panel_of(viewer)
    viewer.add_image(np.full((64, 64), np.nan), name="empty", scale=(0.1, 0.1), units="nm")
    panel.folder.value = small_session[0].parent
    assert panel.layers.value == []  # a folder alone, unless somebody wants more
    choose(panel, [viewer.layers["empty"]])
    panel.on_start()
    finish(panel)
    assert len(SurfaceClassifier.load(model).training["files"]) == 8
    (sentence,) = said()
    assert sentence.startswith("left out: empty")


def test_a_panel_works_on_the_viewer_that_plugins_are_given(
    make_napari_viewer_proxy, qtbot, finish, warm_worker, tmp_path, small_scan
):
    from napari_stmml.viewer.model.train import TrainWidget

    viewer = make_napari_viewer_proxy()
    data, meta, _ = scan_to_layer(small_scan)
    viewer.add_image(data, **meta)
    panel = TrainWidget(viewer)
    qtbot.addWidget(panel)
    panel.worker = warm_worker
    set_recipe(panel, INSTANT)
    panel.out.value = tmp_path / "model.stmml"
    panel.layers.value = list(panel.layers.choices)
    panel.start_button.click()
    finish(panel)
    assert panel.status.text().startswith("Done in")


def test_a_chain_used_for_training_reaches_an_open_panel_and_a_later_one(window, dock):
    viewer = window
    panel = dock(viewer, "Train", worker=None)  # its process ends when it is closed
    prepare = dock(viewer, "Prepare")
    prepare.preview.value = False
    prepare.chain.value = "row_median + poly_xy"
    prepare.train.click()
    assert panel.fields["flatten_method"].value == "row_median + poly_xy"
    assert panel.status.text() == "Flatten method, from Prepare: row_median + poly_xy"
    viewer.window.remove_dock_widget(panel)
    assert dock(viewer, "Train").fields["flatten_method"].value == "row_median + poly_xy"


def test_a_chain_that_is_none_is_a_sentence(viewer, panel_of, said):
    panel = panel_of(viewer)
    choose(panel, viewer.layers)
    panel.fields["flatten_method"].value = "row_medium + poly_xy"
    panel.start_button.click()
    assert "'row_medium' is not known; did you mean 'row_median'?" in said()[0]
    assert not panel.running


def test_training_on_nothing_is_a_sentence(new_viewer, panel_of, said):
    panel = panel_of(new_viewer())
    panel.start_button.click()
    assert said() == [NO_SCAN]
    assert not panel.running


def test_an_existing_model_is_never_overwritten(viewer, panel_of, model, said):
    model.write_bytes(b"the only model of a long night")
    panel = panel_of(viewer)
    choose(panel, viewer.layers)
    panel.start_button.click()
    assert said() == [f"{model} exists already; choose another name for the new model"]
    assert model.read_bytes() == b"the only model of a long night"
    assert not panel.running


def test_a_parameter_out_of_its_bounds_is_a_sentence(viewer, panel_of, said):
    panel = panel_of(viewer, get_recipe("srsml24"))
    choose(panel, viewer.layers)
    panel.fields["window_size"].value = 20
    panel.start_button.click()
    assert "window_size must be a multiple of 8 px" in said()[0]


def test_scans_that_give_no_window_are_a_sentence_and_no_model(viewer, panel_of, finish, model, said):
    panel = panel_of(viewer)
    layer = viewer.add_image(np.random.default_rng(0).normal(size=(5, 5)), name="speck")
    choose(panel, [layer])
    panel.on_start()
    finish(panel)
    assert panel.status.text().startswith("Training stopped: no scan can be used for training: speck")
    assert panel.status.text() in said()
    assert not model.exists()


def test_cancelling_in_mid_training_keeps_a_usable_model(
    in_mid_training, finish, model, small_scan, measured
):
    panel, clicked = in_mid_training, time.perf_counter()
    assert not panel.propose.enabled
    assert not panel.start_button.isEnabled()
    panel.cancel_button.click()
    finish(panel)
    measured(
        f"Cancel in mid-training: {time.perf_counter() - clicked:.2f} s until the model was kept"
        f" (the process is ended after {SECONDS_TO_STOP} s)"
    )
    assert panel.status.text().startswith("Cancelled; the model so far is")
    assert is_usable(model, small_scan)
    assert panel.start_button.isEnabled()
    assert panel.propose.enabled


def test_cancelling_before_there_is_a_model_leaves_none_and_says_so(
    viewer, panel_of, tiny_recipe, finish, model
):
    panel = panel_of(viewer, tiny_recipe, worker=None)  # whose process has yet to import TensorFlow
    choose(panel, viewer.layers)
    panel.start_button.click()
    panel.cancel_button.click()
    finish(panel)
    assert panel.status.text() == "Cancelled; there was no model to keep yet."
    assert not model.exists()


def test_a_process_killed_before_there_was_a_model_says_so(viewer, panel_of, qtbot, finish, model, said):
    panel = panel_of(viewer, worker=None)
    choose(panel, viewer.layers)
    panel.on_start()
    qtbot.waitUntil(lambda: panel.worker.pid is not None)
    os.kill(panel.worker.pid, signal.SIGKILL)
    finish(panel)
    assert panel.status.text().endswith("there was no model to keep yet.")
    assert said() == [panel.status.text()]
    assert not model.exists()


@pytest.mark.parametrize("close", ["panel", "viewer"])
def test_closing_while_a_job_runs_ends_its_process_quietly(window, panel_of, qtbot, close, said):
    viewer = window
    panel = panel_of(viewer, worker=None)
    choose(panel, viewer.layers)
    panel.on_start()
    qtbot.waitUntil(lambda: panel.worker.pid is not None)
    pid, folder = panel.worker.pid, panel.worker.folder
    assert is_running(pid)
    if close == "panel":
        # What the x of a dock does.
        (docked,) = [d for d in viewer.window.dock_widgets.values() if d is panel]
        viewer.window.remove_dock_widget(docked)
    else:
        viewer.close()
    qtbot.waitUntil(lambda: not is_running(pid), timeout=10_000)
    assert not folder.exists()
    qtbot.wait(200)  # a panel that lives on looks for news
    assert said() == []


def test_a_worker_refuses_a_second_job_while_one_runs(viewer, panel_of, model):
    panel = panel_of(viewer, worker=None)
    choose(panel, viewer.layers)
    panel.on_start()
    with pytest.raises(RuntimeError, match="still running"):
        panel.on_start()
    panel.worker.close()


def test_a_training_process_that_is_killed_takes_nothing_with_it(
    viewer, in_mid_training, finish, model, small_scan, said
):
    before = [(layer.name, layer.data.copy()) for layer in viewer.layers]
    panel = in_mid_training
    os.kill(panel.worker.pid, signal.SIGKILL)
    finish(panel)
    assert [layer.name for layer in viewer.layers] == [name for name, _ in before]
    for layer, (_, data) in zip(viewer.layers, before, strict=True):
        assert np.array_equal(layer.data, data)
    sentence = panel.status.text()
    assert sentence.startswith("Training stopped: its process ended before its work was done (signal 9)")
    assert f"the model so far is kept in {model}" in sentence
    assert said() == [sentence]
    assert is_usable(model, small_scan)
    assert panel.shared.model == model


OF_EVERY_RECIPE = {"flatten_method", "resample", "pixel_density", "pixel_limit", "num_clusters"}
OF_TRAINING = {"epochs", "batch_size", "learning_rate"}
OF_WINDOWS = {"window_size", "window_pitch", "buffer_size", "n_init", "normalisation", "predict_window_pitch"}


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("instant", set(), OF_TRAINING | OF_WINDOWS | {"sampled_windows"}),
        ("instant-both", set(), OF_TRAINING | OF_WINDOWS | {"sampled_windows"}),
        ("learned", OF_TRAINING | {"sampled_windows"}, OF_WINDOWS),
        ("srsml24", OF_TRAINING | OF_WINDOWS, {"sampled_windows"}),
        ("srsml24-dense", OF_TRAINING | OF_WINDOWS, {"sampled_windows"}),
    ],
)
def test_a_recipe_sets_the_fields_and_shows_those_that_it_uses(viewer, dock, name, there, not_there):
    panel = dock(viewer, "Train")
    assert panel.recipe.value == DEFAULT
    for other in set(RECIPES) - {name}:  # whatever was chosen before
        panel.recipe.value = other
        panel.fields["num_clusters"].value = 3
        panel.recipe.value = name
        assert panel.chosen_recipe() == get_recipe(name)
        assert panel.story.text() == STORIES[name]
        seen = {name for name, field in panel.fields.items() if not field.native.isHidden()}
        assert OF_EVERY_RECIPE | there <= seen
        assert not not_there & seen


def test_what_is_hidden_does_not_change_a_recipe(viewer, dock):
    panel = dock(viewer, "Train")
    panel.recipe.value = "instant"
    panel.fields["epochs"].value = 77
    assert panel.chosen_recipe() == get_recipe("instant")


def test_a_chain_given_to_training_stays_when_the_recipe_changes(viewer, dock):
    panel = dock(viewer, "Train")
    panel.shared.use_for_training("row_median")
    for name in ("instant", "learned"):
        panel.recipe.value = name
        assert panel.chosen_recipe() == get_recipe(name, flatten_method="row_median")


def test_clustering_without_training_counts_scans_and_keeps_the_names_of_an_older_model(
    viewer, dock, finish, model, small_scan
):
    panel = dock(viewer, "Train")
    choose(panel, list(viewer.layers)[:2])
    panel.recipe.value = "instant"
    panel.fields["num_clusters"].value = 3
    panel.out.value = model
    panel.on_start()
    assert shown_curves(panel) == []
    finish(panel)
    assert panel.status.text().startswith("Done in")
    assert "(3 clusters, recipe instant). 2 directions kept" in panel.status.text()
    made = SurfaceClassifier.load(model)
    named = replace(made, classes=Classes.plain(("rows", "holes", "bumps")))
    panel.like.value = named.save(model.with_name("named.stmml"))
    panel.on_start()
    finish(panel)
    assert "3 of 3 older classes kept their names" in panel.status.text()
    assert SurfaceClassifier.load(model.with_name("model-2.stmml")).class_names == named.class_names


def test_how_far_a_job_is_counts_scans_where_nothing_is_trained_and_else_examples(viewer, dock):
    panel = dock(viewer, "Train")
    panel.recipe.value = "instant"
    panel.on_event(Clustering(2, 8, "scan"))
    assert panel.status.text() == "clustering: 2 of 8 scans"
    assert panel.progress.value() / panel.progress.maximum() == 1 / 4
    panel.recipe.value = "learned"
    panel.on_event(TrainingWindows(1, 4096, 0))
    assert panel.status.text() == "1 scan: 4096 examples to train on; starting …"


def test_a_proposal_sets_the_number_of_clusters_and_shows_why(viewer, dock, monkeypatch):
    panel = dock(viewer, "Train")
    choose(panel, list(viewer.layers)[:1])
    started = []
    monkeypatch.setattr(panel, "start", lambda *job_and_scans: started.append(job_and_scans))
    panel.fields["pixel_density"].value = 9.0
    panel.propose.native.click()
    ((job, scans),) = started
    assert isinstance(job, ProposeClusters)
    assert job.recipe["pixel_density"] == 9
    assert len(scans) == 1
    sentence = "7 clusters: beyond, they are told apart less well"
    panel.on_event(ClustersProposed(7, ((4, 0.2), (7, 0.5), (12, 0.3)), sentence))
    assert panel.fields["num_clusters"].value == 7
    assert panel.status.text() == sentence
    assert shown_curves(panel) == ["proposal"]
    panel.on_end(Finished())
    assert panel.status.text() == sentence


def test_a_proposal_that_fails_or_is_cancelled_is_a_sentence_about_the_proposal(
    viewer, dock, monkeypatch, said
):
    panel = dock(viewer, "Train")
    choose(panel, list(viewer.layers)[:1])
    monkeypatch.setattr(panel, "start", lambda *job_and_scans: None)
    panel.on_propose()
    panel.on_end(Failed("no scan can be used"))
    assert panel.status.text() == "Nothing proposed: no scan can be used"
    panel.on_end(Failed("it was stopped", cancelled=True))
    assert panel.status.text() == "Cancelled."


def test_a_real_proposal_comes_from_the_chosen_scans(viewer, dock, finish):
    panel = dock(viewer, "Train")
    panel.recipe.value = "instant"
    choose(panel, list(viewer.layers)[:1])
    panel.propose.native.click()
    assert panel.running
    finish(panel)
    number = panel.fields["num_clusters"].value
    assert panel.status.text().startswith(f"{number} clusters: ")
    assert shown_curves(panel) == ["proposal"]
