"""Make the pictures of docs/tour.md from the real viewer and simulated scans, in about three minutes.

Run from anywhere as ``xvfb-run -a -s "-screen 0 1366x768x24" python docs/make_tour.py``, with the names of
parts (``PARTS``) for some of the pictures. The panels are driven by their own fields and buttons, the layers
by keys and mouse on the canvas. Scans, models and labels follow from fixed seeds; only progress and times
differ from run to run.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hands  # first: it keeps napari from reading the settings of whoever runs this
import napari
import numpy as np
from hands import (
    click,
    click_cell,
    drag,
    keep,
    open_panel,
    picture,
    press,
    settle,
    stroke,
    type_into,
    wait_until,
    window,
)
from PIL import Image
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest
from scipy.ndimage import gaussian_filter, maximum_filter

from napari_stmml.events import ignore
from napari_stmml.jobs.requests import TrainModel
from napari_stmml.jobs.run_request import run
from napari_stmml.recipe import get_recipe
from napari_stmml.simulate.session import simulate_session

FOLDER = Path(tempfile.gettempdir()) / "stmml-tour"  # always the same: it is seen in the pictures
SCANS, MODEL, MAP = FOLDER / "scans", FOLDER / "si001.stmml", FOLDER / "corrected.stmml.tif"
CLUSTERS = 8
FORWARD_UP = "Z forward/up -2 V"
ORPHAN_OF = "default_2026Nov23-120000_STM-STM_Spectroscopy--1_1.Z_mtrx"
ORPHAN = "default_2013Mar22-133720_STM-STM_Spectroscopy--44_2.Z_mtrx"  # has no parameter file
FLAT = "· poly_xy"
NAMES = ("surface", "vacancy", "adatom")
NAME = 2  # column of the table of classes
BRUSH, STROKES = 7, (2, 2, 1)  # px; of each of these classes
MISSED_NM, HIGH_NM = 0.02, 0.03  # of smoothed heights: rows are lower, adatoms and vacancies are not


def main() -> None:
    """Make the pictures of the parts that are named; of all, where none is."""
    started = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    hands.PICTURES.mkdir(exist_ok=True)
    files = simulate_session(SCANS)
    for name in sys.argv[1:] or PARTS:
        PARTS[name](files)
    shutil.rmtree(FOLDER)
    print(f"{time.monotonic() - started:.0f} s; pictures are in {hands.PICTURES}")


# ---- from a scan to labels


def first(files: list[Path]) -> None:
    """Open a scan, cluster it at once, see it flattened, and what was set."""
    with window() as viewer:
        drop(viewer, files[0])
        at_once(viewer)
        prepare(viewer)
        scan_info(viewer)


def drop(viewer: napari.Viewer, scan: Path) -> None:
    """Open a scan as a drop does, with no reader named; see what comes next."""
    viewer.open(scan, plugin=None)
    assert len(viewer.layers) == 4
    viewer.canvas.overlays.scale_bar.visible = True
    panel = open_panel(viewer, "STM")
    picture(viewer, "drop")
    viewer.window.remove_dock_widget(panel)


def at_once(viewer: napari.Viewer) -> None:
    """Cluster the scan without a model, with how sure each label is, and choose a cluster by its pictures."""
    panel = open_panel(viewer, "Predict")
    panel.layers.value = forward_up(viewer)
    panel.clusters.value = CLUSTERS
    panel.confidence.native.click()
    panel.start_button.click()
    wait_until(lambda: not panel.running)
    panel.list.itemClicked.emit(panel.list.item(2))
    panel.list.setCurrentRow(2)
    *_, confidence, labels = viewer.layers
    confidence.visible = False
    picture(viewer, "at-once")
    confidence.visible, labels.visible = True, False
    picture(viewer, "confidence")
    panel.confidence.native.click()
    for layer in list(viewer.layers[-2:]):  # confidence and labels
        viewer.layers.remove(layer)
    viewer.window.remove_dock_widget(panel)


def prepare(viewer: napari.Viewer) -> None:
    """See the flattened scan."""
    panel = open_panel(viewer, "Prepare")
    viewer.layers.selection.active = panel.layer.value = forward_up(viewer)[0]
    panel.grid.native.click()
    wait_until(lambda: "preview" in viewer.layers and not panel.status.text())
    picture(viewer, "prepare")
    panel.grid.native.click()
    viewer.window.remove_dock_widget(panel)


def scan_info(viewer: napari.Viewer) -> None:
    """Look up what was set for the scan."""
    viewer.layers.selection = set(forward_up(viewer))
    panel = open_panel(viewer, "Scan info")
    wait_until(lambda: "settings" in panel.status.text())
    picture(viewer, "scan-info")


def train(files: list[Path]) -> None:
    """Train on the forward/up direction of two scans, looking at the loss; then label one of them."""
    with window() as viewer:
        open_two(viewer, files)
        panel = open_panel(viewer, "Train")
        panel.layers.value = forward_up(viewer)
        panel.out.value = FOLDER / "trained.stmml"
        panel.recipe.value = "learned"
        panel.fields["num_clusters"].value = CLUSTERS
        panel.start_button.click()
        wait_until(lambda: "epoch 5 of" in panel.status.text())
        picture(viewer, "train")
        wait_until(lambda: not panel.running)
        assert (FOLDER / "trained.stmml").is_file(), panel.status.text()
        show_first(viewer)
        predict = open_panel(viewer, "Predict")
        predict.layers.value = forward_up(viewer)[:1]
        predict.start_button.click()
        wait_until(lambda: not predict.running)
        picture(viewer, "predict")


# ---- correct, review, explore, measure


def correct(files: list[Path]) -> None:
    """Make three classes of eight on two scans at once, let the model learn, and use what it knows."""
    make_model(files)
    with window() as viewer:
        open_two(viewer, files)
        flatten_two(viewer)
        panel = open_panel(viewer, "Correct")
        panel.model.value = MODEL
        panel.layers.value = flattened(viewer)[::-1]  # the first is opened last, and lies on top
        panel.start_button.click()
        settle(panel)
        show_first(viewer)
        picture(viewer, "correct-before")
        merge(panel)
        paint(viewer, panel)
        picture(viewer, "correct-after")
        review(viewer, panel)
        explore(viewer, panel)
        measure(viewer, panel)
        panel.save_map(MAP)


def merge(panel: Any) -> None:
    """Make one class each of what is bare, low and high, as seen on the first scan, and name it."""
    one, table = panel.session.current, panel.table
    heights = smooth(one)
    found: dict[str, list[int]] = {name: [] for name in NAMES}
    for label in table.labels:
        own = heights[one.predicted == label]
        low, high = (np.mean(side > HIGH_NM) > 0.5 if own.size else False for side in (-own, own))
        found["vacancy" if low else "adatom" if high else "surface"].append(label)
    for name, labels in found.items():
        table.select(labels)
        if len(labels) > 1:
            click(panel, "Merge")
            settle(panel)
        type_into(table, table.labels.index(labels[0]), NAME, name)
        settle(panel)
    table.select(found["surface"][:1])
    click(panel, "Background")
    settle(panel)


def paint(viewer: napari.Viewer, panel: Any) -> None:
    """Paint strokes of each class, those of defects on missed ones if there are any, and refine."""
    one = panel.session.current
    heights, names = smooth(one), panel.session.model.class_names
    truth = panel.correction.of(one).truth
    bare = -maximum_filter(abs(heights), 25)
    for name, rises, strokes in zip(NAMES, (bare, -heights, heights), STROKES, strict=True):
        number = 1 + [names[label - 1] for label in panel.table.labels].index(name)
        press(getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        press(Qt.Key.Key_P)
        label = truth.selected_label
        assert names[label - 1] == name
        truth.brush_size = BRUSH
        known = maximum_filter(one.predicted == label, 15) & (name != "surface")
        left = np.where(known | (rises < MISSED_NM), rises - 1, rises)  # what was missed comes first
        for _ in range(strokes):
            row, col = np.unravel_index(left.argmax(), left.shape)
            stroke(viewer, [(row, max(0, col - 1)), (row, min(left.shape[1] - 1, col + 1))])
            left[max(0, row - 16) : row + 16, max(0, col - 16) : col + 16] = -9
    click(panel, "Refine")
    settle(panel)


def review(viewer: napari.Viewer, panel: Any) -> None:
    """Let N show the area whose label is least certain."""
    press(Qt.Key.Key_N)
    settle(panel)
    picture(viewer, "look-next", whole=False)
    panel.review_panel.leave()
    show_first(viewer)
    first = next(one for one in panel.session.scans if "1_1" in one.name)
    viewer.layers.selection.active = panel.correction.of(first).truth


def explore(viewer: napari.Viewer, correct: Any) -> None:
    """Ring the points of the vacancies in the feature space: their cells are highlighted on the scan."""
    panel = open_panel(viewer, "Explore")
    wait_until(lambda: panel.view is not None and "cells" in panel.status.text())
    wanted = correct.session.model.class_names.index("vacancy") + 1
    labels = np.concatenate([one.labels.ravel() for one in correct.session.scans])
    own = np.concatenate(panel.view.points)[labels == wanted]
    middle, wide = np.median(own, 0), 2.5 * np.median(abs(own - np.median(own, 0)), 0)
    turn = np.linspace(0, 2 * np.pi, 40)
    canvas = panel.canvas
    (left, right), (low, high) = canvas.limits
    box = canvas._box()
    ring = middle + wide * np.column_stack([np.cos(turn), np.sin(turn)])
    x = box.left() + (ring[:, 0] - left) / (right - left) * box.width()
    y = box.bottom() - (ring[:, 1] - low) / (high - low) * box.height()
    drag(canvas, [QPointF(*at) for at in zip(x, y, strict=True)])
    picture(viewer, "explore")
    panel.clear()
    viewer.window.remove_dock_widget(panel)


def measure(viewer: napari.Viewer, correct: Any) -> None:
    """Measure the map, and choose a region in the table."""
    panel = open_panel(viewer, "Measure")
    panel.maps.value = correct.correction.of(correct.session.current).truth
    click(panel, "Measure")
    wait_until(lambda: panel.measured is not None)
    QTest.qWait(300)
    click_cell(panel.regions, list(panel.regions.rows.table["name"]).index("vacancy"), 0)
    picture(viewer, "measure", whole=False)


def structures(files: list[Path]) -> None:
    """Find every object on two scans, and fly to the most typical one of the second type."""
    with window() as viewer:
        open_two(viewer, files)
        viewer.layers.selection.active = forward_up(viewer)[0]
        panel = open_panel(viewer, "Structures")
        panel.where.setCurrentIndex(1)
        click(panel, "Find structures")
        wait_until(lambda: panel.session.structures is not None and not panel.finder.running)
        wait_until(lambda: not panel.layers.busy)
        QTest.qWait(1000)  # for the mean images
        click_cell(panel.types, 1, NAME)
        shown = panel.gallery.visualRect(panel.gallery.members.index(0)).center()
        QTest.mouseClick(panel.gallery.viewport(), Qt.MouseButton.LeftButton, pos=shown)
        picture(viewer, "structures")


# ---- whole folders


def batch(files: list[Path]) -> None:
    """Run a whole job on the folder of the session, and open a result."""
    shutil.copy(SCANS / ORPHAN_OF, SCANS / ORPHAN)
    with window() as viewer:
        panel = open_panel(viewer, "Batch")
        form, page = panel.job_form, panel.results_page
        form.folder.value = SCANS
        form.fields["job_name"].value = "si001"
        form.fields["recipe"].value = "instant"
        form.fields["num_clusters"].value = CLUSTERS
        page.open_report.setChecked(False)
        panel.start_button.click()
        wait_until(lambda: not panel.running)
        QTest.qWait(1000)
        wait_until(lambda: page.table.rows.every)
        page.open(next(one for one in page.results if one.direction == "FU" and one.labels))
        wait_until(lambda: panel.status.text().startswith("opened"))
        picture(viewer, "batch")
    (SCANS / ORPHAN).unlink()


def command_line(files: list[Path]) -> None:
    """Label a file and measure a map with the command ``stmml``, and keep a picture of each."""
    make_model(files)
    out = FOLDER / "labels"
    stmml("predict", "--model", MODEL, "--out", out, files[0])
    labels = out / f"{files[0].stem}_FU_labels.tif"
    keep(Image.open(labels.with_suffix(".png")).convert("RGB"), "command-line")
    if not MAP.exists():
        return  # it is what part ``correct`` makes
    stmml("measure", "--background", "surface", "--out", out, MAP)
    keep(Image.open(next(out.glob("*_regions.png"))).convert("RGB"), "command-line-measure")


# ---- what several parts do


def open_two(viewer: napari.Viewer, files: list[Path]) -> None:
    """Open both Si(001) scans of the session; the first lies on top."""
    viewer.open(files[2], plugin=None)
    viewer.open(files[0], plugin=None)
    viewer.canvas.overlays.scale_bar.visible = True
    show_first(viewer)


def show_first(viewer: napari.Viewer) -> None:
    """Show forward/up of the first scan, with what lies on it, and nothing else."""
    for layer in viewer.layers:
        on = "1_1 FU" in layer.name or f"1_1 {FORWARD_UP}" in layer.name
        if layer.visible != on:
            layer.visible = on


def forward_up(viewer: napari.Viewer) -> list[Any]:
    """List the images of forward/up, that of the first scan first."""
    own = [layer for layer in viewer.layers if layer.name.endswith(FORWARD_UP)]
    return sorted(own, key=lambda layer: str(layer.name))


def flatten_two(viewer: napari.Viewer) -> None:
    """Make a flattened layer of forward/up of both scans."""
    panel = open_panel(viewer, "Prepare")
    for number, layer in enumerate(forward_up(viewer), 1):
        viewer.layers.selection.active = panel.layer.value = layer
        wait_until(lambda: "preview" in viewer.layers)
        QTest.qWait(500)
        panel.apply.click()
        wait_until(lambda number=number: len(flattened(viewer)) == number)
    viewer.window.remove_dock_widget(panel)


def flattened(viewer: napari.Viewer) -> list[Any]:
    """List the flattened images, that of the first scan first."""
    own = [layer for layer in viewer.layers if FLAT in layer.name and isinstance(layer, napari.layers.Image)]
    return sorted(own, key=lambda layer: str(layer.name))


def make_model(files: list[Path]) -> None:
    """Cluster both Si(001) scans, where that has not been done yet."""
    if not MODEL.exists():
        recipe = get_recipe("instant", num_clusters=CLUSTERS).as_dict()
        run(TrainModel(str(MODEL), (str(files[0]), str(files[2])), recipe=recipe), ignore, lambda: False)


def smooth(one: Any) -> np.ndarray:
    """Return the heights of an open, flattened scan without their rows, 0 where nothing was scanned."""
    return gaussian_filter(np.nan_to_num(one.scan.heights), 2)


def stmml(*words: Any) -> None:
    """Run the command."""
    command = [sys.executable, "-m", "napari_stmml.cli", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)


PARTS: dict[str, Callable[[list[Path]], None]] = {
    "first": first,
    "train": train,
    "correct": correct,
    "structures": structures,
    "batch": batch,
    "command-line": command_line,
}

if __name__ == "__main__":
    main()
