"""How late is a 20 ms timer of the viewer while models are trained and scans labelled? One JSON line each.

Run as ``python benchmarks/responsiveness.py``, in a process of its own, as napari is: a test suite that has
imported TensorFlow itself stops for half a second whenever Python collects its garbage.
"""

import json
import os
import tempfile
import time
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["NAPARI_CONFIG"] = ""

import napari
import napari._qt.qt_viewer  # has chosen its way to OpenGL when this is imported
import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer
from vispy.gloo import gl

from napari_stmml import read_mtrx
from napari_stmml.simulate.session import simulate_session
from napari_stmml.viewer.io.layers import scan_to_layer

TICK_MS = 20


def main() -> None:
    """Train, then predict, through the buttons of the widgets; print how late the timer was."""
    # Offscreen there is no graphics card to ask.
    gl.glGetParameter = lambda question: {gl.GL_EXTENSIONS: "texture_float"}.get(question, 16384)
    viewer = napari.Viewer(show=False)
    with tempfile.TemporaryDirectory() as folder:
        for scan in read_mtrx(simulate_session(folder)[0]):
            data, meta, _ = scan_to_layer(scan)
            viewer.add_image(data, **meta)
        train, predict = (_dock(viewer, name) for name in ("Train", "Predict"))
        train.layers.value = list(train.layers.choices)[:2]
        train.out.value = Path(folder) / "model.stmml"
        for field in train.shown:
            field.value = {"epochs": 2, "num_clusters": 8}[field.name]
        print(json.dumps({"what": "training", **_lateness(train)}), flush=True)
        predict.model.value = Path(folder) / "model.stmml"
        predict.layers.value = list(predict.layers.choices)
        print(json.dumps({"what": "prediction", **_lateness(predict)}), flush=True)
        for panel in (train, predict):
            panel.worker.close()
    viewer.close()


def _dock(viewer: napari.Viewer, name: str):
    dock, panel = viewer.window.add_plugin_dock_widget("napari-stmml", name)
    dock.setFloating(True)  # in sight, also where the main window is not
    dock.show()
    return panel


def _lateness(panel) -> dict[str, object]:
    """Press the panel's button and return, when its job has ended, how late the timer was, in ms."""
    loop, late = QEventLoop(), []
    started = last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        late.append(1000 * (now - last) - TICK_MS)
        last = now
        if not panel.running:
            loop.quit()

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    panel.start_button.click()
    timer.start(TICK_MS)
    loop.exec()
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "worst_ms": round(max(late)),
        "p99_ms": round(float(np.percentile(late, 99))),
        "over_200_ms": sum(ms > 200 for ms in late),
        "ticks": len(late),
        "status": panel.status.text(),
    }


if __name__ == "__main__":
    main()
