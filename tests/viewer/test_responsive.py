"""Measure how late a timer of 20 ms is while the worker process imports TensorFlow, trains and predicts."""

import time
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.viewer.layers import scan_to_layer

TICK_MS = 20
ALLOWED_MS = 200  # of lateness; promised to users, measured here, asserted nowhere: machines differ


@pytest.fixture
def viewer(make_napari_viewer, session_files):
    """Make a viewer with the four directions of a scan."""
    viewer = make_napari_viewer()
    for scan in read_mtrx(session_files[0]):
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    return viewer


@pytest.fixture
def shown(viewer, dock):
    """Return a function that docks a panel with a process of its own, floating: the viewer is not shown.

    Mesa's llvmpipe and a TensorFlow that other tests have loaded crash each other in one process.
    """

    def shown_(name):
        panel = dock(viewer, name, worker=None)
        docked = panel.parent()
        docked.setFloating(True)
        docked.show()
        return panel

    return shown_


@pytest.fixture
def watch(qtbot, measured):
    """Return a function that runs a panel's job to its end beside a timer and reports how late that was."""

    def watch_(panel, what):
        late, at, last = [], [], time.perf_counter()

        def tick():
            nonlocal last
            now = time.perf_counter()
            late.append(1000 * (now - last) - TICK_MS)
            at.append(now - started)
            last = now

        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(tick)
        last = started = time.perf_counter()
        timer.start(TICK_MS)
        panel.start_button.click()
        qtbot.waitUntil(lambda: not panel.running, timeout=120_000)
        tick()
        timer.stop()
        seconds = time.perf_counter() - started
        over = sum(ms > ALLOWED_MS for ms in late)
        measured(
            f"{what}, {seconds:.0f} s with the first import of TensorFlow: a timer of {TICK_MS} ms was late"
            f" by {max(late):.0f} ms at worst, {at[np.argmax(late)]:.1f} s after the start"
            f" ({np.percentile(late, 99):.0f} ms in 99 of 100 cases; {over} of {len(late)} over {ALLOWED_MS})"
        )
        return late, seconds

    return watch_


def test_the_viewer_answers_while_a_model_is_trained(viewer, shown, watch, tiny_recipe, tmp_path):
    panel = shown("Train")
    for field in (*panel.shown, *panel.folded):
        field.value = getattr(replace(tiny_recipe, epochs=2, window_pitch=8), field.name)
    panel.layers.value = list(viewer.layers)
    panel.out.value = tmp_path / "model.stmml"
    late, seconds = watch(panel, "Training")
    assert len(late) > 10 * seconds  # it ticked all along, at a fifth of its rate or better
    assert panel.status.text().startswith("Done in")
    assert SurfaceClassifier.load(tmp_path / "model.stmml").training["history"][-1]["epoch"] == 2


def test_the_viewer_answers_while_scans_are_labelled(viewer, shown, watch, tiny_model):
    panel = shown("Predict")
    panel.model.value = tiny_model
    panel.pitch.value = 2
    panel.layers.value = list(viewer.layers)
    late, seconds = watch(panel, "Prediction")
    assert len(late) > 10 * seconds
    assert panel.status.text().startswith("4 of 4 scans labelled")
    assert sum(type(layer).__name__ == "Labels" for layer in viewer.layers) == 4
