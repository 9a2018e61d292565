"""How long does a dab of the brush take, how long a refinement? Medians and worst in ms, as JSON.

Run as ``xvfb-run -a -s "-screen 0 1366x768x24" python benchmarks/correct.py [pixels [recipe]]``: a real
viewer, drawn by Mesa where there is no graphics card. A dab is one move of the mouse with the brush down,
through napari's own callbacks, until the canvas may draw; the end of a stroke is what follows when the button
is let go: what changed is found, kept for undo and handed to be saved. A refinement is from the click until
the new labels of the scan are on its layer.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_stmml import Scan, train_classifier
from napari_stmml.correction import edits
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.system.user_folder import VARIABLE
from napari_stmml.viewer.io.layers import scan_to_layer

DABS, STROKES, REFINEMENTS = 40, 10, 7
PIXELS_PER_NM = 15


def main() -> None:
    """Open a simulated scan for correction and work on it."""
    pixels = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    recipe = sys.argv[2] if len(sys.argv) > 2 else "instant"
    folder = Path(tempfile.mkdtemp(prefix="stmml-bench-"))
    os.environ[VARIABLE] = str(folder / "home")
    try:
        _measure(pixels, recipe, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(pixels: int, recipe: str, folder: Path) -> None:
    small = min(pixels, 1024)
    surface = simulate_si001((small, small), small / PIXELS_PER_NM, seed=0)
    heights = np.tile(surface.heights, (-(-pixels // small),) * 2)[:pixels, :pixels]
    scan = Scan(heights, (1 / PIXELS_PER_NM,) * 2, direction="forward/up")
    trained = Scan(surface.heights, scan.pixel_size, direction="forward/up")
    model = train_classifier([trained], recipe=recipe, n_clusters=20).save(folder / "model.stmml")
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1366, 740)
    data, meta, _ = scan_to_layer(scan)
    viewer.add_image(data, **meta)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Correct")
    panel.model.value = model
    panel.layers.value = panel.layers.choices
    started = time.perf_counter()
    panel.start_button.click()
    session = panel.session
    _until(lambda: session.scans and session.scans[0].labels.any() and not session.busy)
    about = {"pixels": pixels, "recipe": recipe, "open_s": round(time.perf_counter() - started, 1)}
    one = session.scans[0]
    truth = panel.correction.of(one).truth
    viewer.layers.selection.active = truth
    dabs, ends = _paint(truth, pixels)
    _settle(session)
    about |= _summary("dab", dabs) | _summary("end_of_stroke", ends)
    about |= _summary("refine", _refine(session, one)) | _summary("merge", _merge(session, one))
    print(json.dumps(about), flush=True)
    session.flush()
    viewer.close()


def _paint(layer, pixels) -> tuple[list[float], list[float]]:
    """Draw strokes as napari's brush does: a generator that is told of every move of the mouse."""
    from types import SimpleNamespace

    from napari.layers.labels._labels_mouse_bindings import draw

    rng = np.random.default_rng(0)
    layer.brush_size, layer.mode, dabs, ends = 20, "paint", [], []
    for stroke in range(STROKES):
        layer.selected_label = 1 + stroke % 3
        row, col = rng.uniform(0.1, 0.8, 2) * pixels
        event = SimpleNamespace(type="mouse_press", button=1, dims_displayed=[0, 1], view_direction=None)
        event.position = layer.data_to_world((row, col))
        work = draw(layer, event)
        next(work)
        event.type = "mouse_move"
        for dab in range(DABS // STROKES):
            event.position = layer.data_to_world((row + 5 * dab, col + 7 * dab))
            dabs.append(_timed(partial(next, work)))
            QApplication.processEvents()
        event.type = "mouse_release"

        def end(work=work) -> None:
            next(work, None)
            QApplication.processEvents()

        ends.append(_timed(end))
        _rest(0.3)
    return dabs, ends


def _refine(session, one) -> list[float]:
    took = []
    for _ in range(REFINEMENTS):
        took.append(_relabelled(session, one, session.learn))
        session.undo()
        _settle(session)
    return took


def _merge(session, one) -> list[float]:
    took = []
    for _ in range(REFINEMENTS):
        labels = session.model.classes.order[:2]
        merged = edits.merge(session.model, labels)
        took.append(_relabelled(session, one, partial(session.edit, *merged)))
        session.undo()
        _settle(session)
    return took


def _relabelled(session, one, do) -> float:
    """Return how many ms it takes until the scan has other labels."""
    told = []

    def hear(which) -> None:
        told.append(which)

    session.map_changed.connect(hear)
    started = time.perf_counter()
    do()
    _until(lambda: one in told)
    took = 1000 * (time.perf_counter() - started)
    session.map_changed.disconnect(hear)
    _settle(session)
    return took


def _settle(session) -> None:
    """Wait until all that was on its way has arrived."""
    _rest(0.2)
    _until(lambda: not session.busy)
    _rest(0.2)


def _summary(what: str, took: list[float]) -> dict[str, float]:
    return {f"{what}_ms": round(float(np.median(took)), 1), f"{what}_worst_ms": round(max(took), 1)}


def _timed(do) -> float:
    started = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - started)


def _rest(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        QApplication.processEvents()
        time.sleep(0.002)


def _until(condition, seconds: float = 300) -> None:
    until = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > until:
            raise TimeoutError("it did not happen in time")
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main()
