"""What tests of the viewer share: no graphics card needed, notifications, a warm process, docked panels."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManager

from napari_stmml import read_mtrx, train_classifier
from napari_stmml.io.matrix_writer import Frame, write_session
from napari_stmml.jobs.worker import Worker
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001

LONG = 120_000  # ms: the first import of TensorFlow on a busy machine


@pytest.fixture(autouse=True, scope="session")
def _graphics_card():
    """Answer napari's two questions to a graphics card where Qt is offscreen and there is none."""
    if os.environ.get("QT_QPA_PLATFORM") != "offscreen":
        yield
        return
    import napari._qt.qt_viewer  # noqa: F401 - has chosen its way to OpenGL when this is imported
    from vispy.gloo import gl

    with pytest.MonkeyPatch.context() as patch:
        answers = {gl.GL_EXTENSIONS: "texture_float"}
        patch.setattr(gl, "glGetParameter", lambda question: answers.get(question, 16384))
        yield


@pytest.fixture
def new_viewer():
    """Return a function that makes a viewer without a window, in milliseconds, on napari's own settings."""
    from napari.components import ViewerModel
    from napari.settings import get_settings

    PluginManager.instance().discover()
    get_settings().reset()
    yield ViewerModel
    get_settings().reset()


@pytest.fixture
def viewer(new_viewer):
    return new_viewer()


@pytest.fixture
def said():
    """Return a function that lists the errors which napari has shown since the test began."""
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    yield lambda: [record.message for record in notification_manager.records if record.type == "error"]
    notification_manager.records.clear()


@pytest.fixture(scope="session")
def small_session(tmp_path_factory):
    """Write scans of Si(001) and hexagonal, 64 px on 6 nm, four directions each; return the files."""
    surfaces = [simulate_si001((64, 64), 6.0, seed=1), simulate_hexagonal((64, 64), 6.0, seed=2)]
    frames = [
        Frame(dict.fromkeys(DIRECTIONS, surface.heights), width_nm=6.0, height_nm=6.0) for surface in surfaces
    ]
    return write_session(tmp_path_factory.mktemp("small"), frames)


@pytest.fixture(scope="session")
def small_scan(small_session):
    return read_mtrx(small_session[0])[0]


@pytest.fixture(scope="session")
def tiny_model(tiny_classifier, tmp_path_factory):
    """Save the tiny model; return its path."""
    return tiny_classifier.save(tmp_path_factory.mktemp("model") / "tiny.stmml")


@pytest.fixture(scope="session")
def instant_classifier(small_scan):
    """Cluster the small scan into four by the filters."""
    return train_classifier([small_scan], recipe="instant", n_clusters=4)


@pytest.fixture(scope="session")
def instant_model(instant_classifier, tmp_path_factory):
    """Save the model of the filters; return its path."""
    return instant_classifier.save(tmp_path_factory.mktemp("model") / "filters.stmml")


class Lent(Worker):
    """A worker that outlives the panels it is lent to: its process stays from test to test."""

    def close(self) -> None:
        """Stay; the fixture that made it ends it."""


@pytest.fixture(scope="session")
def warm_worker():
    """Keep a worker whose process stays from test to test, as it does for a person from job to job."""
    worker = Lent()
    yield worker
    Worker.close(worker)


@pytest.fixture
def dock(warm_worker, qtbot, monkeypatch):
    """Return a function that docks one of our panels by its name, by default with the warm process."""
    from napari_stmml.viewer.shared import job_panel

    def dock_(viewer, name, worker=warm_worker):
        with monkeypatch.context() as patch:
            if worker is not None:
                patch.setattr(job_panel, "Worker", lambda: worker)
            _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", name)
        return panel

    yield dock_
    if warm_worker.request is not None:
        warm_worker.kill()
        qtbot.waitUntil(lambda: warm_worker.request is None, timeout=LONG)
    while not warm_worker.events.empty():
        warm_worker.events.get()


@pytest.fixture
def finish(qtbot):
    """Return a function that waits until a panel's job has ended."""
    return lambda panel: qtbot.waitUntil(lambda: not panel.running, timeout=LONG)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keep truths and locks out of the home of whoever runs the tests."""
    from napari_stmml.truth import truth_file

    monkeypatch.setattr(truth_file, "HOME", tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def model_copy(instant_model, tmp_path):
    """Copy the model of the filters, to be changed."""
    return shutil.copy(instant_model, tmp_path / "corrected.stmml")


@pytest.fixture
def correcting(viewer, qtbot, home, model_copy, small_session, tmp_path):
    """Return a session with a model and two directions of a scan of its own open for correction."""
    from napari_stmml.model.cell_store import write_cells
    from napari_stmml.scan_key import ScanKey
    from napari_stmml.viewer.correct.open_scan import OpenScan, new_layers
    from napari_stmml.viewer.correct.session import session_of
    from napari_stmml.viewer.io.layers import scan_to_layer

    for name in small_session[0].parent.iterdir():
        shutil.copy(name, tmp_path)
    session = session_of(viewer)
    session.open_model(Path(model_copy))
    for number, scan in enumerate(read_mtrx(tmp_path / small_session[0].name)[:2]):
        data, meta, _ = scan_to_layer(scan)
        layer = viewer.add_image(data, **meta)
        key = ScanKey.of_scan(scan)
        _, painted = session.keeper.open_truth(scan, key, session.classifier)
        file = write_cells(session.classifier, scan, tmp_path / f"cells{number}.npy")
        predicted, truth = new_layers(layer, scan, painted)
        viewer.add_layer(predicted)
        viewer.add_layer(truth)
        cells = np.load(file.path, mmap_mode="r")
        grid = session.classifier.encoder.grid
        session.add(OpenScan(layer, scan, key, predicted, truth, grid, file, cells))
    qtbot.waitUntil(lambda: not session.busy and session.scans[1].labels.any(), timeout=LONG)
    yield session
    session.flush()
