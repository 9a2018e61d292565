import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.batch.report import Row
from napari_stmml.events import FilesDone
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix_writer import Frame, write_session
from napari_stmml.jobs.worker import Worker
from napari_stmml.recipe import DEFAULT, RECIPES, get_recipe
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.viewer.batch import widget
from napari_stmml.viewer.batch.form import keep
from napari_stmml.viewer.batch.results import Result, Results, layers_of, read_results
from napari_stmml.viewer.batch.table import ResultsModel
from napari_stmml.viewer.io.layers import place_of

LONG = 120_000  # ms
TINY = {
    "recipe": "srsml24",  # first: it sets the others
    "pixel_density": 8.0,
    "window_size": 16,
    "window_pitch": 16,
    "epochs": 1,
    "num_clusters": 3,
    "predict_window_pitch": 8,
}


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def opened(monkeypatch):
    """List what is opened outside the viewer, instead of opening it."""
    paths = []

    class Services:
        @staticmethod
        def openUrl(url):
            paths.append(Path(url.toLocalFile()))
            return True

    monkeypatch.setattr(widget, "QDesktopServices", Services)
    return paths


@pytest.fixture
def scans(tmp_path):
    """Write two files of four directions, one that broke off, and one that has lost its parameter file."""
    heights = simulate_si001((48, 48), 6.0, seed=1).heights
    whole = Frame(dict.fromkeys(DIRECTIONS, heights), width_nm=6.0, height_nm=6.0)
    broken_off = {"width_nm": 6.0, "height_nm": 6.0, "points_scanned": 24 * 48}
    partial = Frame({"forward/up": heights}, **broken_off)
    folder = tmp_path / "scans"
    first, *_ = write_session(folder, [whole, whole, partial])
    shutil.copy(first, folder / "default_2013Mar22-133720_STM-STM_Spectroscopy--44_2.Z_mtrx")
    return folder


@pytest.fixture
def panel(viewer, dock, scans, opened):
    """Dock a Batch panel, set to a quick job on the scans."""
    panel = dock(viewer, "Batch")
    panel.job_form.folder.value = scans
    panel.job_form.fields["job_name"].value = "tiny"
    for name, value in TINY.items():
        panel.job_form.fields[name].value = value
    return panel


@pytest.fixture
def settled(panel, finish, qtbot):
    """Return a function that waits until the job has ended and the table shows it."""

    def settled_():
        finish(panel)
        qtbot.waitUntil(lambda: panel.table.results.every and not panel.table.results.every[0].waits)
        qtbot.waitUntil(lambda: "kept" in panel.summary.text())
        qtbot.wait(300)

    return settled_


def only(panel, *steps):
    for step, box in panel.steps.items():
        box.setChecked(step in steps)


def row_of(panel, **wanted):
    """Return the row of the first result with these values."""
    for number, result in enumerate(panel.table.results.shown):
        if all(getattr(result, name) == value for name, value in wanted.items()):
            return number
    raise AssertionError(f"no row has {wanted}")


def test_a_whole_run_ends_with_labels_that_a_click_opens_exactly_on_their_scan(
    viewer, panel, settled, opened, qtbot, scans, tmp_path
):
    panel.start_button.click()
    assert panel.running
    settled()
    assert panel.status.text().startswith("Done in")
    assert panel.status.text().endswith("8 directions labelled")
    assert panel.summary.text().startswith("8 directions kept, 2 skipped: ")
    report = tmp_path / "tiny" / "report" / "ingest.html"
    assert opened == [report]
    assert report.is_file()
    assert (tmp_path / "tiny.toml").is_file()

    panel.report_button.click()
    panel.folder_button.click()
    assert opened[1:] == [report, tmp_path / "tiny"]

    row = next(i for i, one in enumerate(panel.table.results.shown) if one.labels and one.direction == "BD")
    chosen = panel.table.results.shown[row]
    panel.table.doubleClicked.emit(panel.table.results.index(row, 0))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LONG)
    image, labels = viewer.layers
    (scan,) = (one for one in read_mtrx(chosen.source) if one.direction == "backward/down")
    assert np.array_equal(image.data, scan.heights, equal_nan=True)
    assert np.array_equal(labels.data, LabelMap.read(chosen.labels).labels)
    assert labels.data.max() > 0
    for key, value in place_of(image).items():
        assert np.array_equal(getattr(labels, key), value), key
    assert viewer.layers.selection.active is labels

    viewer.layers.selection.clear()
    panel.table.selectRow(row)
    panel.open_button.click()
    qtbot.wait(200)
    assert len(viewer.layers) == 2
    assert viewer.layers.selection.active is labels

    panel.table.selectRow(row_of(panel, direction="FU", labels="", status="skipped"))
    qtbot.keyClick(panel.table, "\r")
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=LONG)
    assert [layer.visible for layer in viewer.layers] == [False, False, True]


def test_skipped_rows_say_why_and_one_that_is_forced_in_is_kept_next_time(panel, settled, viewer):
    only(panel, "process")
    panel.open_report.setChecked(False)
    panel.on_start()
    settled()
    row = row_of(panel, reason="below pixel_ratio 0.7")
    result = panel.table.results.shown[row]
    assert "50% of the lines were scanned" in result.tip
    assert result.source in result.tip
    assert result.cells[2:] == ("skipped", "", "below pixel_ratio 0.7")

    panel.table.selectRow(row_of(panel, reason="parameter file missing"))
    assert not panel.force_button.isEnabled()
    panel.open_button.click()
    assert panel.status.text().startswith("Parameter file missing")

    panel.table.selectRow(row)
    panel.force_button.click()
    panel.force_button.click()
    assert panel.job_form.fields["include"].value == result.forcible
    panel.start_button.click()
    settled()
    assert row_of(panel, source=result.source, status="forced") is not None
    assert "1 forced in" in panel.summary.text()
    assert panel.job.values["include"] == (result.forcible,)
    assert panel.job.folder.with_name("tiny-older-1.toml").is_file()


def test_start_after_cancel_goes_on_where_it_was(viewer, panel, settled, opened, qtbot, monkeypatch):
    only(panel, "process")
    started = []

    def listen(event, take=panel.on_event):
        if isinstance(event, FilesDone):
            started.append((event.done, event.total))
            if len(started) == 2:  # the first of the files is done
                panel.cancel_button.click()
        return take(event)

    monkeypatch.setattr(panel, "on_event", listen)
    panel.start_button.click()
    settled()
    assert panel.status.text() == f"Cancelled; {widget.GO_ON}."
    assert opened == []
    assert "kept" in panel.summary.text()
    before = len(list((panel.job.folder / "state" / "process").glob("*.json")))
    assert before > 0
    started[2:] = [(0, 0)]
    panel.start_button.click()
    settled()
    assert started[3][0] >= min(before, 3)  # the one that could not be read is tried again
    assert panel.status.text().startswith("Done in")
    assert len(opened) == 1


def test_a_killed_process_keeps_what_is_done_and_has_its_report_all_the_same(
    viewer, dock, panel, qtbot, finish, opened, said
):
    panel.worker, warm = type(panel.worker)(), panel.worker
    panel.start_button.click()
    qtbot.waitUntil(lambda: "train:" in panel.status.text(), timeout=LONG)
    os.kill(panel.worker.pid, signal.SIGKILL)
    finish(panel)
    assert panel.status.text().startswith("Stopped: its process ended")
    assert panel.status.text().endswith(f"{widget.GO_ON}.")
    assert said() == [panel.status.text()]
    qtbot.waitUntil(lambda: bool(opened), timeout=LONG)
    assert opened[0].is_file()
    panel.worker.close()
    panel.worker = warm


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("window_size", 20, "window_size must be a multiple of 8 px"),
        ("flatten_method", "row_medium", "did you mean 'row_median'?"),
        ("predict_path", "/no/such/folder", "predict_path names /no/such/folder"),
        ("model_name", "a/b", "model_name must be usable as the name of a file"),
    ],
)
def test_a_bad_parameter_is_one_sentence(viewer, panel, said, name, value, sentence):
    panel.job_form.fields[name].value = value
    panel.start_button.click()
    assert len(said()) == 1
    assert sentence in said()[0]
    assert panel.status.text() == said()[0]
    assert not panel.running


@pytest.mark.parametrize(
    ("empty", "sentence"),
    [("folder", "choose a folder of scans"), ("results", "choose a folder for the results"), ("steps", "")],
)
def test_what_is_missing_is_one_sentence(viewer, panel, said, empty, sentence):
    if empty == "steps":
        only(panel)
    else:
        getattr(panel.job_form, empty).value = None
    panel.start_button.click()
    assert said() == [sentence or "choose at least one step"]


def test_the_form_has_every_parameter_once_with_its_default(viewer, panel, scans):
    fresh = widget.JobForm(panel)
    fresh.folder.value = scans
    assert fresh.results.value == scans.parent
    values, recipe = fresh.job().values, {**get_recipe(DEFAULT).as_dict(), "recipe": DEFAULT}
    for name, known in PARAMETERS.items():
        if name not in ("train_path", "out_folder"):
            assert values[name] == recipe.get(name, known.default), name
    for name, field in fresh.fields.items():
        assert PARAMETERS[name].help in field.tooltip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_the_fields_and_shows_those_that_matter_to_it(panel, name):
    form = panel.job_form
    for other in set(RECIPES) - {name}:
        form.fields["recipe"].value = other
        form.fields["num_clusters"].value = 3
        form.fields["recipe"].value = name
        job = form.job()
        assert job.recipe == get_recipe(name)
        trains = not form.fields["epochs"].native.isHidden()
        assert trains == get_recipe(name).trains == (not form.validate.native.isHidden())
        assert form.fields["predict_window_pitch"].native.isHidden() != get_recipe(name).of_windows


def test_a_loaded_job_has_its_own_values_and_one_without_a_recipe_is_srsml24(panel, scans, tmp_path):
    path = tmp_path / "old.toml"
    path.write_text('train_path = ["scans"]\nnum_clusters = 5\n')
    panel.load(path)
    assert panel.job_form.fields["recipe"].value == "srsml24"
    assert panel.job_form.job().recipe == get_recipe("srsml24", num_clusters=5)
    path.write_text('train_path = ["scans"]\nrecipe = "learned"\nepochs = 2\ntest_path = ["scans"]\n')
    panel.load(path)
    assert panel.job_form.job().recipe == get_recipe("learned", epochs=2)


def test_a_chain_used_for_training_reaches_the_form(panel):
    panel.shared.use_for_training("row_median + poly_xy")
    assert panel.job_form.job().values["flatten_method"] == "row_median + poly_xy"


def test_loading_and_saving_a_job_is_the_identity(viewer, panel, scans, tmp_path):
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
        **TINY,
    }
    job = JobFile(values, tmp_path)
    job.write(tmp_path / "job.toml")
    text = (tmp_path / "job.toml").read_text()
    panel.load(tmp_path / "job.toml")
    assert panel.job_form.results.value == other
    panel.save(tmp_path / "job.toml")
    assert (tmp_path / "job.toml").read_text() == text
    assert not list(tmp_path.glob("job-older*"))
    panel.save(other / "elsewhere")
    saved = JobFile.read(other / "elsewhere.toml")
    assert saved.absolute().values | {"out_folder": ""} == job.absolute().values | {"out_folder": ""}
    assert saved.folder == job.folder
    panel.job_form.fields["learning_rate"].value = 1e-3
    assert panel.job_form.job().values["learning_rate"] == 1e-3


@pytest.mark.parametrize("content", ["epochs = ", "epocs = 3", "epochs = 'three'", "\xff"])
def test_a_bad_job_file_is_one_sentence_and_changes_nothing(viewer, panel, said, tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_text(content, "latin-1")
    before = panel.job_form.job()
    panel._try(panel.load, str(path))
    assert len(said()) == 1
    assert said()[0].startswith("bad.toml")
    assert panel.job_form.job() == before


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


def test_what_is_told_while_results_are_read_is_newer_than_what_was_read():
    def row(source, status):
        return Row(source, "FU", status=status)

    results, read = Results(), Results()
    results.take([row("gone", "kept")])
    results.mark()
    results.take([row("a", "kept")])
    results.label("a", "x_FU_labels.tif")
    read.take([row("a", "skipped"), row("b", "skipped")])
    results.fill(read)
    assert {one.source: (one.status, one.labels) for one in results} == {
        "a": ("kept", "x_FU_labels.tif"),
        "b": ("skipped", ""),
    }
    results.fail("place/b_FU", "no memory")
    assert next(one for one in results if one.source == "b").why == "no memory"


def test_the_results_of_an_earlier_run_are_read_from_its_folder(scans, tmp_path):
    job = JobFile({"train_path": ("scans",), **TINY}, tmp_path)
    results, rows = read_results(job)
    assert {one.cells[2] for one in results} == {"waiting"}
    assert len(rows) == 4


def test_a_scan_that_has_gone_meanwhile_is_a_sentence(viewer, panel, said, qtbot, scans):
    panel.open(Result(str(scans / "gone--1_1.Z_mtrx"), "FU", "kept"))
    qtbot.waitUntil(lambda: bool(said()), timeout=LONG)
    assert said()[0].startswith("gone--1_1_FU cannot be opened")
    with pytest.raises(ValueError, match="has no direction BD"):
        layers_of(Result(str(sorted(scans.glob("*1_3.Z_mtrx"))[0]), "BD", "kept"))


@pytest.mark.parametrize("close", ["panel", "viewer"])
def test_closing_while_results_are_read_is_quiet(viewer, panel, qtbot, scans, said, close):
    panel.worker = Worker()  # its own: it ends when the panel is closed
    panel._look_at(panel.job_form.job())
    panel.open(Result(str(scans / "gone--1_1.Z_mtrx"), "FU", "kept"))
    viewer.window.remove_dock_widget(panel) if close == "panel" else viewer.close()
    qtbot.wait(300)
    assert said() == []


def test_a_table_of_40000_rows_is_sorted_and_filtered_while_more_come(measured):
    results = [Result(f"run--{n}_1.Z_mtrx", way, "kept") for n in range(10_000) for way in ("FU", "BU") * 2]
    model = ResultsModel()
    model.show(results)
    began = time.perf_counter()
    model.show(results)
    measured(f"Batch: 40,000 rows shown again in {1000 * (time.perf_counter() - began):.0f} ms")
    assert [one.cells[0] for one in model.shown[:9:4]] == ["run--0_1", "run--1_1", "run--2_1"]
    model.filter("fu run--99_")
    assert [one.key for one in model.shown] == [("run--99_1.Z_mtrx", "FU")] * 2
