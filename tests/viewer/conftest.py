"""What tests of the viewer share: no graphics card needed, notifications, a warm process, docked panels."""

import os
from pathlib import Path

import pytest
from npe2 import PluginManager

from napari_stmml.jobs.worker_process import Worker
from napari_stmml.system.user_folder import VARIABLE

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


@pytest.fixture(autouse=True)
def _own_preferences(tmp_path, monkeypatch):
    """Keep preferences out of the home of whoever runs the tests, and theirs out of the tests."""
    from napari import settings

    monkeypatch.setattr("napari_stmml.viewer.io.preferences.user_folder", lambda: tmp_path / "preferences")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))  # models that were used, and which was on a scan
    monkeypatch.setattr("napari_stmml.viewer.io.offer.wanted", lambda: False)
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "napari" / "settings.yaml"))
    settings.get_plugin_settings().clear()  # read anew from there


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
def tiny_model(tiny_classifier, tmp_path_factory):
    """Save the tiny model; return its path."""
    return tiny_classifier.save(tmp_path_factory.mktemp("model") / "tiny.stmml")


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
    """Return a function that docks one of our panels by its name, by default with the warm process.

    On a viewer without a window it is made as it would be docked there, which takes no seconds.
    """
    from napari_stmml.viewer.shared import job_panel

    def dock_(viewer, name, worker=warm_worker):
        with monkeypatch.context() as patch:
            if worker is not None:
                patch.setattr(job_panel, "Worker", lambda features=None: worker)
            if hasattr(viewer, "window"):
                return viewer.window.add_plugin_dock_widget("napari-stmml", name)[1]
            widgets = PluginManager.instance().iter_widgets()
            panel = next(one for one in widgets if one.display_name == name).get_callable()(viewer)
        qtbot.addWidget(panel)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(panel.reset_choices)
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
def correction(viewer, qtbot, correcting_files, model_copy):
    """Return the correction of a viewer: a model and two directions of a scan of its own, with layers."""
    from napari_stmml import SurfaceClassifier
    from napari_stmml.viewer.correct.session_layers import correction_of
    from napari_stmml.viewer.io.layers import scan_to_layer

    correction = correction_of(viewer)
    correction.session.use(SurfaceClassifier.load(model_copy), Path(model_copy))
    for scan, file in correcting_files:
        data, meta, _ = scan_to_layer(scan)
        image = viewer.add_image(data, **meta)
        one = correction.session.open_scan(scan, scan.short_direction, file)
        viewer.layers.selection.active = correction.show(one, image)
    session = correction.session
    qtbot.waitUntil(lambda: not session.busy, timeout=LONG)
    yield correction
    session.flush()
