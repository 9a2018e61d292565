"""How long from a change of the chain to the preview on the screen? Median and worst of 20, in ms, as JSON.

Run as ``xvfb-run -a -s "-screen 0 1366x768x24" python benchmarks/preview.py [pixels [chain …]]``: a real
viewer, drawn by Mesa where there is no graphics card.
"""

import json
import os
import sys
import time

os.environ["NAPARI_CONFIG"] = ""

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from napari_stmml import Scan
from napari_stmml.heights.flatten import METHODS, flatten
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.prepare.preview import PREVIEW

TIMES = 20
OTHER = "none"  # the chain in between
SLOW = ("peaks", "iterate_mask", "facet", "terraces", "scars", "line_jumps", "clip_spikes")


def main() -> None:
    """Change the chain to and fro, and measure until the canvas was drawn with the new heights."""
    pixels = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    heights = simulate_si001((pixels, pixels), pixels / 15, seed=0).heights
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1366, 740)
    data, meta, _ = scan_to_layer(Scan(heights, (1 / 15, 1 / 15)))
    viewer.add_image(data, **meta)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Prepare")
    _until(lambda: PREVIEW in viewer.layers and not panel.busy)
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    chosen = sys.argv[2:]
    fast = [name for name, method in METHODS.items() if method.function and name not in (OTHER, *SLOW)]
    for chain in chosen or (*fast, "row_median + poly_xy"):
        took, alone = [], []
        for _ in range(TIMES):
            _change(viewer, panel, canvas, OTHER)
            took.append(_change(viewer, panel, canvas, chain))
            started = time.perf_counter()
            flatten(heights, chain)
            alone.append(1000 * (time.perf_counter() - started))
        found = {"median_ms": np.median(took), "worst_ms": max(took), "flatten_alone_ms": np.median(alone)}
        print(json.dumps({"chain": chain, **{key: round(ms) for key, ms in found.items()}}), flush=True)
    viewer.close()


def _change(viewer, panel, canvas, chain) -> float:
    """Choose a chain; return how many ms it took until the canvas showed what came of it."""
    before, loop = viewer.layers[PREVIEW].data, QEventLoop()

    def look(event) -> None:
        if viewer.layers[PREVIEW].data is not before:
            loop.quit()

    canvas.events.draw.connect(look, position="last")
    started = time.perf_counter()
    panel.chain.value = chain
    QTimer.singleShot(30_000, loop.quit)
    loop.exec()
    took = 1000 * (time.perf_counter() - started)
    canvas.events.draw.disconnect(look)
    QTimer.singleShot(250, loop.quit)  # the histogram is drawn after the preview
    loop.exec()
    return took


def _until(there) -> None:
    """Let Qt work until something is there."""
    limit = time.perf_counter() + 30
    while not there():
        QApplication.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() > limit:
            raise TimeoutError("it took longer than 30 s")


if __name__ == "__main__":
    main()
