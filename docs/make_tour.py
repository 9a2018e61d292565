"""Make the pictures of docs/tour.md from the real viewer and simulated scans, in two to four minutes.

Run from anywhere as ``xvfb-run -a -s "-screen 0 1366x768x24" python docs/make_tour.py``. The panels
are driven by their own fields and buttons, the Labels layer by keys and mouse on the canvas. Scans, model and
labels follow from fixed seeds; only progress and times in the Train panel differ from run to run.
"""

import os

os.environ["NAPARI_CONFIG"] = ""  # neither read nor change the settings of whoever runs this

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import notification_manager
from PIL import Image
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QTableView, QWidget
from scipy.ndimage import gaussian_filter, maximum_filter

from napari_stmml.demo import simulate_session

PICTURES = Path(__file__).resolve().parent / "tour"
FOLDER = Path(tempfile.gettempdir()) / "stmml-tour"  # always the same: it is seen in the pictures
MODEL, MAP = FOLDER / "si001.stmml", FOLDER / "corrected.stmml.tif"
WIDTH, HEIGHT = 1366, 768
RECIPE = "srsml24"  # which has a loss to look at
EPOCHS, CLUSTERS, RATE = 6, 8, 1e-3  # two small scans are few windows: larger steps
FORWARD_UP = "Z forward/up -2 V"
SCAN = f"1_1 {FORWARD_UP}"
FLATTENED = "1_1 FU -2 V · poly_xy"
NAMES = {"surface", "adatom", "vacancy"}
WINDOW, HIGH_NM = 33, 0.04  # smoothed adatoms and vacancies are higher and deeper than that, rows are not
MOST_SECONDS = 300
ORPHAN_OF = "default_2026Nov23-120000_STM-STM_Spectroscopy--1_1.Z_mtrx"
ORPHAN = "default_2013Mar22-133720_STM-STM_Spectroscopy--44_2.Z_mtrx"  # has no parameter file
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


def main() -> None:
    """Take every step of the tour, in order."""
    started = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    PICTURES.mkdir(exist_ok=True)
    first, _, third = simulate_session(FOLDER / "scans")
    viewer = napari.Viewer()
    _of_type("_QtMainWindow").setGeometry(0, 0, WIDTH, HEIGHT)
    drop(viewer, first)
    at_once(viewer)
    prepare(viewer)
    train(viewer, third)
    predict(viewer)
    correct(viewer)
    reopen(viewer)
    scan_info(viewer)
    batch(viewer)
    viewer.close()
    command_line(first)
    shutil.rmtree(FOLDER)
    print(f"{len(list(PICTURES.glob('*.png')))} pictures in {time.monotonic() - started:.0f} s")


def drop(viewer: napari.Viewer, scan: Path) -> None:
    """Open a scan as a drop does, with no reader named."""
    viewer.open(scan, plugin=None)
    assert len(viewer.layers) == 4
    viewer.canvas.overlays.scale_bar.visible = True
    picture(viewer, "01-drop")


def at_once(viewer: napari.Viewer) -> None:
    """Cluster the scan without a model, with how sure each label is, and choose a cluster by its pictures."""
    panel = open_panel(viewer, "Predict")
    panel.layers.value = [viewer.layers[SCAN]]
    panel.clusters.value = CLUSTERS
    panel.confidence.native.click()
    panel.start_button.click()
    wait_until(lambda: not panel.running)
    panel.list.itemClicked.emit(panel.list.item(2))
    panel.list.setCurrentRow(2)
    picture(viewer, "10-at-once")
    panel.confidence.native.click()
    for layer in list(viewer.layers[-2:]):  # confidence and labels: the tour goes on with a trained model
        viewer.layers.remove(layer)
    viewer.window.remove_dock_widget(panel)


def prepare(viewer: napari.Viewer) -> None:
    """See the flattened scan and the grid of windows, then keep the flattened scan as a layer."""
    panel = open_panel(viewer, "Prepare")
    panel.layer.value = viewer.layers[SCAN]
    panel.grid.native.click()
    wait_until(lambda: "preview" in viewer.layers and not panel.status.text())
    picture(viewer, "02-prepare")
    panel.grid.native.click()
    panel.apply.native.click()
    wait_until(lambda: FLATTENED in viewer.layers)


def train(viewer: napari.Viewer, another: Path) -> None:
    """Train on the forward/up direction of two scans, and look at the loss before it is done."""
    viewer.open(another, plugin=None)
    panel = open_panel(viewer, "Train")
    panel.layers.value = [layer for layer in viewer.layers if layer.name.endswith(FORWARD_UP)]
    panel.out.value = MODEL
    panel.recipe.value = RECIPE
    fields = {field.name: field for field in panel.shown + panel.folded}
    fields["epochs"].value, fields["num_clusters"].value = EPOCHS, CLUSTERS
    fields["learning_rate"].value = RATE
    panel.start_button.click()
    wait_until(lambda: f"epoch {EPOCHS - 1} of" in panel.status.text())
    picture(viewer, "03-train")
    wait_until(lambda: not panel.running)
    assert MODEL.is_file(), panel.status.text()


def predict(viewer: napari.Viewer) -> None:
    """Label the flattened scan with the new model."""
    panel = open_panel(viewer, "Predict")
    panel.layers.value = [viewer.layers[FLATTENED]]
    panel.start_button.click()
    wait_until(lambda: not panel.running)
    for layer in viewer.layers:
        layer.visible = FLATTENED in layer.name
    picture(viewer, "04-predict")


def correct(viewer: napari.Viewer) -> None:
    """Make three classes of eight: fill those that mean the same, name them, paint what was missed."""
    labels, heights = viewer.layers[-1], gaussian_filter(viewer.layers[FLATTENED].data, 2)
    viewer.layers.selection = {labels}
    table = open_panel(viewer, "Features table widget", plugin="napari")
    # What a person sees at a glance: some classes lie about the adatoms, the others on bare rows.
    near = maximum_filter(heights, WINDOW) > HIGH_NM
    found = [label for label in np.unique(labels.data) if label]
    about = [label for label in found if near[labels.data == label].mean() > 0.5]
    rows = [label for label in found if label not in about]
    labels.contiguous = False  # fill a class everywhere
    for name, (kept, *others) in (("surface", rows), ("adatom", about)):
        select(viewer, kept)
        press(Qt.Key.Key_F)
        for other in others:
            stroke(viewer, [np.argwhere(labels.data == other)[0]])
        rename(table, kept, name)
    vacancy = rows[1]  # free since it was filled
    rename(table, vacancy, "vacancy")
    press(Qt.Key.Key_P)
    paint(viewer, vacancy, 11, -heights)
    paint(viewer, about[0], 14, np.where(labels.data == 0, heights, 0))
    picture(viewer, "05-correct")


def reopen(viewer: napari.Viewer) -> None:
    """Save the labels with napari's own save, close them, open the file: everything is there again."""
    labels = viewer.layers[-1]
    before, names = labels.data.copy(), list(labels.features["class"])
    colours = labels.colormap.map(np.arange(CLUSTERS + 1))
    assert set(names) > NAMES
    viewer.layers.selection = {labels}
    viewer.layers.save(str(MAP), selected=True)
    viewer.layers.remove(labels)
    viewer.open(MAP, plugin=None)
    again = viewer.layers[-1]
    assert list(again.features["class"]) == names
    assert np.array_equal(again.data, before)
    assert np.allclose(again.colormap.map(np.arange(CLUSTERS + 1)), colours, atol=1 / 255)
    picture(viewer, "06-reopen")


def scan_info(viewer: napari.Viewer) -> None:
    """Look up what was set for the scan."""
    viewer.layers.selection = {viewer.layers[SCAN]}
    panel = open_panel(viewer, "Scan info")
    wait_until(lambda: "settings" in panel.status.text())
    picture(viewer, "08-scan-info")


def batch(viewer: napari.Viewer) -> None:
    """Run a whole job on the folder of the session, and open a result."""
    shutil.copy(FOLDER / "scans" / ORPHAN_OF, FOLDER / "scans" / ORPHAN)
    panel = open_panel(viewer, "Batch")
    panel.fields.folder.value = FOLDER / "scans"
    panel.fields.name.value = "si001"
    panel.open_report.setChecked(False)
    panel.fields.recipe.value = RECIPE
    for name, value in {"epochs": 1, "num_clusters": CLUSTERS, "predict_window_pitch": 8}.items():
        panel.fields.fields[name].value = value
    panel.start_button.click()
    wait_until(lambda: not panel.running)
    QTest.qWait(1000)
    wait_until(lambda: panel.table.results.every)
    for layer in viewer.layers:
        layer.visible = False
    row = next(one for one in panel.results if one.direction == "FU" and one.labels)
    panel.open(row)
    wait_until(lambda: panel.status.text().startswith("opened"))
    picture(viewer, "09-batch")


def command_line(scan: Path) -> None:
    """Label the same file with the command ``stmml`` and keep its picture of the first direction."""
    out = FOLDER / "labels"
    command = [sys.executable, "-m", "napari_stmml.cli", "predict", "--model", MODEL, "--out", out, scan]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(out / f"{scan.stem}_FU_labels.png", PICTURES / "07-command-line.png")


def open_panel(viewer: napari.Viewer, name: str, plugin: str = "napari-stmml") -> Any:
    """Dock a widget, as the menu does, as a tab beside those that are open."""
    _, panel = viewer.window.add_plugin_dock_widget(plugin, name, tabify=True)
    QTest.qWait(500)
    return panel


def picture(viewer: napari.Viewer, name: str) -> None:
    """Take a picture of the whole window, which has no message in it."""
    viewer.reset_view()
    QTest.qWait(1200)
    told = [note.message for note in notification_manager.records]
    assert not told, told
    shot = viewer.screenshot(canvas_only=False, flash=False)
    assert shot.shape[:2] == (HEIGHT, WIDTH), f"{name}: {shot.shape}"
    pixels = Image.fromarray(shot[..., :3])
    # 256 colours, the rare ones included, are a third of the bytes.
    seen = pixels.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    seen.save(PICTURES / f"{name}.png", optimize=True)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Let the viewer run until something is so."""
    until = time.monotonic() + MOST_SECONDS
    while not is_so():
        assert time.monotonic() < until, f"waited {MOST_SECONDS} s in vain"
        QTest.qWait(20)


def press(key: Qt.Key) -> None:
    """Press a key with the canvas in focus."""
    QTest.keyClick(_of_type("CanvasBackendDesktop"), key)


def stroke(viewer: napari.Viewer, pixels: list[Any]) -> None:
    """Press the mouse on the first pixel (row, column) of the active layer, draw to the others, let go."""
    canvas, camera = _of_type("CanvasBackendDesktop"), viewer.scene.camera
    layer = viewer.layers.selection.active
    middle = np.array(viewer.canvas.size) / 2

    def send(kind: QEvent.Type, pixel: Any, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        away = (np.array(layer.data_to_world(pixel)) - camera.center[-2:]) * camera.zoom
        down, right = middle + away
        point = QPointF(right, down)
        where = QPointF(canvas.mapToGlobal(point.toPoint()))
        event = QMouseEvent(kind, point, where, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)
        QTest.qWait(30)

    send(QEvent.Type.MouseMove, pixels[0], NONE, NONE)
    send(QEvent.Type.MouseButtonPress, pixels[0], LEFT, LEFT)
    for pixel in pixels[1:]:
        send(QEvent.Type.MouseMove, pixel, NONE, LEFT)
    send(QEvent.Type.MouseButtonRelease, pixels[-1], LEFT, NONE)


def paint(viewer: napari.Viewer, label: int, brush: int, heights: np.ndarray) -> None:
    """Draw a short stroke of a label over every place that rises above ``HIGH_NM`` in ``heights``."""
    select(viewer, label)
    viewer.layers.selection.active.brush_size = brush
    rest = heights.copy()
    while rest.max() > HIGH_NM:
        row, col = np.unravel_index(rest.argmax(), rest.shape)
        stroke(viewer, [(row - 2, col), (row + 2, col)])
        rest[max(0, row - brush) : row + brush, max(0, col - brush) : col + brush] = 0


def select(viewer: napari.Viewer, label: int) -> None:
    """Choose the label to paint with, as the box in the layer's controls does."""
    viewer.layers.selection.active.selected_label = label


def rename(table: QWidget, label: int, name: str) -> None:
    """Type a new class name into the row of ``label`` of napari's table of features."""
    table.toggle.setChecked(True)  # "editable"
    rows = table.findChild(QTableView)
    cell = rows.model().index(label, 2)
    where = rows.visualRect(cell).center()
    QTest.mouseClick(rows.viewport(), LEFT, pos=where)
    QTest.mouseDClick(rows.viewport(), LEFT, pos=where)
    editor = rows.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, name)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_until(lambda: rows.findChild(QLineEdit) is None)


def _of_type(name: str) -> Any:
    """Return napari's one widget of a type that it keeps to itself: its window, its canvas."""
    return next(widget for widget in QApplication.allWidgets() if type(widget).__name__ == name)


if __name__ == "__main__":
    main()
