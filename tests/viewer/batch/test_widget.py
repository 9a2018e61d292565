import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.events import ClusterWorkers, FilesDone
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.jobs.worker_process import Worker
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.viewer.batch import results_page
from napari_stmml.viewer.batch.results import Result, layers_of
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.shared.parameter_form import set_values

LONG = 120_000  # ms
SMALL = {"pixel_density": 8.0, "window_size": 16, "window_pitch": 16, "num_clusters": 3}


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

    monkeypatch.setattr(results_page, "QDesktopServices", Services)
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
    panel.job_form.fields["recipe"].value = "instant"
    set_values(panel.job_form.fields, SMALL)
    return panel


@pytest.fixture
def page(panel):
    return panel.results_page


@pytest.fixture
def settled(panel, page, finish, qtbot):
    """Return a function that waits until the job has ended and the table shows it."""

    def settled_():
        finish(panel)
        qtbot.waitUntil(lambda: page.table.rows.every and not page.table.rows.every[0].waits)
        qtbot.waitUntil(lambda: "kept" in page.summary.text())
        qtbot.wait(300)

    return settled_


def only(panel, *steps):
    for step, box in panel.steps.items():
        box.setChecked(step in steps)


def row_of(page, **wanted):
    """Return the row of the first result with these values."""
    for number, result in enumerate(page.table.rows.shown):
        if all(getattr(result, name) == value for name, value in wanted.items()):
            return number
    raise AssertionError(f"no row has {wanted}")


def test_a_whole_run_ends_with_labels_that_a_click_opens_exactly_on_their_scan(
    viewer, panel, page, settled, opened, qtbot, scans, tmp_path
):
    panel.start_button.click()
    assert panel.running
    settled()
    assert panel.status.text().startswith("Done in")
    assert panel.status.text().endswith("8 directions labelled")
    assert page.summary.text().startswith("8 directions kept, 2 skipped: ")
    report = tmp_path / "tiny" / "report" / "ingest.html"
    assert opened == [report]
    assert report.is_file()
    assert (tmp_path / "tiny.toml").is_file()

    page.report_button.click()
    page.folder_button.click()
    assert opened[1:] == [report, tmp_path / "tiny"]
    assert not page.structures_button.isEnabled()
    (tmp_path / "tiny" / "structures").mkdir()
    (found := tmp_path / "tiny" / "structures" / "structures.html").write_text(
        "as the step structures writes it"
    )
    page.show_structures()
    assert opened[-1] == found

    row = next(i for i, one in enumerate(page.table.rows.shown) if one.labels and one.direction == "BD")
    chosen = page.table.rows.shown[row]
    page.table.doubleClicked.emit(page.table.rows.index(row, 0))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LONG)
    image, labels = viewer.layers
    (scan,) = (one for one in read_mtrx(chosen.source) if one.direction == "backward/down")
    assert np.array_equal(recorded_scan(image).heights, scan.heights, equal_nan=True)
    assert np.array_equal(labels.data, LabelMap.read(chosen.labels).labels)
    assert labels.data.max() > 0
    for key, value in place_of(image).items():
        assert np.array_equal(getattr(labels, key), value), key
    assert viewer.layers.selection.active is labels

    viewer.layers.selection.clear()
    page.table.selectRow(row)
    page.open_button.click()
    qtbot.wait(200)
    assert len(viewer.layers) == 2
    assert viewer.layers.selection.active is labels

    page.table.selectRow(row_of(page, direction="FU", labels="", status="skipped"))
    qtbot.keyClick(page.table, "\r")
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=LONG)
    assert [layer.visible for layer in viewer.layers] == [False, False, True]


def test_skipped_rows_say_why_and_one_to_keep_anyway_is_kept_next_time(panel, page, settled):
    only(panel, "process")
    page.open_report.setChecked(False)
    panel.on_start()
    settled()
    row = row_of(page, reason="below pixel_ratio 0.7")
    result = page.table.rows.shown[row]
    assert "50% of the lines were scanned" in result.tip
    assert result.source in result.tip
    assert result.cells[2:] == ("skipped", "", "below pixel_ratio 0.7")

    page.table.selectRow(row_of(page, reason="parameter file missing"))
    assert not page.keep_button.isEnabled()
    page.open_button.click()
    assert panel.status.text().startswith("Parameter file missing")

    page.table.selectRow(row)
    page.keep_button.click()
    page.keep_button.click()
    assert panel.job_form.fields["include"].value == result.keepable
    assert panel.status.text() == f"{result.keepable}: the next Start keeps it"
    panel.start_button.click()
    settled()
    kept = page.table.rows.shown[row_of(page, source=result.source, status="forced")]
    assert kept.cells[2:] == ("kept", "", "kept anyway: below pixel_ratio 0.7")
    assert "1 kept anyway" in page.summary.text()
    assert page.job.values["include"] == (result.keepable,)
    assert page.job.folder.with_name("tiny-older-1.toml").is_file()


def test_start_after_cancel_goes_on_where_it_was(panel, page, settled, opened, qtbot, monkeypatch):
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
    assert panel.status.text() == f"Cancelled; {results_page.GO_ON}."
    assert opened == []
    assert "kept" in page.summary.text()
    before = len(list((page.job.folder / "state" / "process").glob("*.json")))
    assert before > 0
    started[2:] = [(0, 0)]
    panel.start_button.click()
    settled()
    assert started[3][0] >= min(before, 3)  # the one that could not be read is tried again
    assert panel.status.text().startswith("Done in")
    assert len(opened) == 1


def test_a_killed_process_keeps_what_is_done_and_has_its_report_all_the_same(
    viewer, dock, panel, qtbot, finish, opened, said, tmp_path
):
    panel.worker, warm = type(panel.worker)(), panel.worker
    panel.start_button.click()
    qtbot.waitUntil(lambda: any(tmp_path.glob("tiny/state/process/[!.]*.json")), timeout=LONG)
    os.kill(panel.worker.pid, signal.SIGKILL)
    finish(panel)
    assert panel.status.text().startswith("Stopped: its process ended")
    assert panel.status.text().endswith(f"{results_page.GO_ON}.")
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
        ("predict_path", "/no/such/folder", "predict_path names '/no/such/folder'"),
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


def test_a_job_that_is_saved_is_loaded_with_what_it_has_done(panel, page, qtbot, tmp_path):
    panel.save(tmp_path / "mine")
    assert panel.status.text() == f"wrote {tmp_path / 'mine.toml'}"
    before = panel.job_form.job()
    panel.job_form.fields["num_clusters"].value = 9
    panel.load(tmp_path / "mine.toml")
    assert panel.status.text() == "loaded mine.toml, recipe instant"
    assert panel.job_form.job() == before
    qtbot.waitUntil(lambda: len(page.table.rows.every) == 4)
    assert "4 skipped: 4 not processed yet" in page.summary.text()


@pytest.mark.parametrize("content", ["epochs = ", "epocs = 3", "epochs = 'three'", "\xff"])
def test_a_bad_job_file_is_one_sentence_and_changes_nothing(viewer, panel, said, tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_text(content, "latin-1")
    before = panel.job_form.job()
    panel.attempt(lambda: panel.load(path))
    assert len(said()) == 1
    assert said()[0].startswith("bad.toml")
    assert panel.job_form.job() == before


def test_a_scan_that_has_gone_meanwhile_is_a_sentence(page, said, qtbot, scans):
    page.open(Result(str(scans / "gone--1_1.Z_mtrx"), "FU", "kept"))
    qtbot.waitUntil(lambda: bool(said()), timeout=LONG)
    assert said()[0].startswith("gone--1_1_FU cannot be opened")
    with pytest.raises(ValueError, match="has no direction BD"):
        layers_of(Result(str(sorted(scans.glob("*1_3.Z_mtrx"))[0]), "BD", "kept"))


@pytest.mark.parametrize("close", ["panel", "viewer"])
def test_closing_while_results_are_read_is_quiet(viewer, panel, page, qtbot, scans, said, close):
    panel.worker = Worker()  # its own: it ends when the panel is closed
    page.look_at(panel.job_form.job(), running=False)
    page.open(Result(str(scans / "gone--1_1.Z_mtrx"), "FU", "kept"))
    viewer.window.remove_dock_widget(panel) if close == "panel" else viewer.close()
    qtbot.wait(300)
    assert said() == []


def test_the_workers_of_a_cluster_are_shown_with_a_link_while_a_job_runs(panel, page, settled, qtbot):
    distributed = pytest.importorskip("distributed")
    seen = []
    take = panel.workers.take
    panel.workers.take = lambda event: (take(event), seen.append(panel.workers.text()))
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as one:
        panel.job_form.fields["cluster.scheduler"].value = one.scheduler_address
        for step in ("train", "cluster", "predict", "structures"):
            panel.steps[step].setChecked(False)
        panel.start_button.click()
        settled()
    assert seen[0].startswith("Cluster: 1 worker")
    assert panel.workers.isHidden()
    assert "8 directions kept" in page.summary.text()
    take(ClusterWorkers(3, "http://host:8787/status"))
    assert not panel.workers.isHidden()
    assert panel.workers.text().startswith('Cluster: 3 workers · <a href="http://host:8787/status" ')
    take(ClusterWorkers(3, "javascript:no"))
    assert "href" not in panel.workers.text()
