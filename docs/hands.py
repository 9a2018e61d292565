"""Hands and eyes for a real viewer: open panels, press buttons and keys, draw with the mouse, look."""

import os
import tempfile

os.environ["NAPARI_CONFIG"] = ""  # neither read nor change the settings of whoever runs this
os.environ["NAPARI_STMML_HOME"] = tempfile.mkdtemp()  # nor the models: the last of a scan is offered again

import atexit
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import notification_manager
from PIL import Image
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QPushButton, QTableView, QWidget

from napari_stmml.viewer.io import offer

PICTURES = Path(__file__).resolve().parent / "tour"
WIDTH, HEIGHT = 1366, 768
MOST_SECONDS = 400
atexit.register(shutil.rmtree, os.environ["NAPARI_STMML_HOME"], ignore_errors=True)
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


@contextmanager
def window(*, steps: bool = False) -> Iterator[napari.Viewer]:
    """Open napari in a window of the size that all pictures have, and close it; ``steps``: STM may come."""
    offer.wanted = lambda: steps
    viewer = napari.Viewer()
    _of_type("_QtMainWindow").setGeometry(0, 0, WIDTH, HEIGHT)
    yield viewer
    viewer.close()
    QTest.qWait(200)


def picture(viewer: napari.Viewer, name: str, folder: Path = PICTURES, *, whole: bool = True) -> None:
    """Take a picture of the window, which has no message in it; of the whole scan, or where the camera is."""
    if whole:
        viewer.reset_view()
    QTest.qWait(1200)
    messages = [note.message for note in notification_manager.records]
    assert not messages, messages
    shot = viewer.screenshot(canvas_only=False, flash=False)
    assert shot.shape[:2] == (HEIGHT, WIDTH), f"{name}: {shot.shape}"
    keep(Image.fromarray(shot[..., :3]), name, folder)


def keep(pixels: Image.Image, name: str, folder: Path = PICTURES) -> None:
    """Write a picture with 256 colours, the rare ones included: a third of the bytes."""
    seen = pixels.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    seen.save(folder / f"{name}.png", optimize=True)


def open_panel(viewer: napari.Viewer, name: str, plugin: str = "napari-stmml") -> Any:
    """Dock a widget, as the menu does, as a tab beside those that are open."""
    _, panel = viewer.window.add_plugin_dock_widget(plugin, name, tabify=True)
    QTest.qWait(500)
    return panel


def wait_until(is_so: Callable[[], bool]) -> None:
    """Let the viewer run until something is so."""
    until = time.monotonic() + MOST_SECONDS
    while not is_so():
        assert time.monotonic() < until, f"waited {MOST_SECONDS} s in vain"
        QTest.qWait(20)


def settle(correct: Any) -> None:
    """Wait until the scans of a Correct panel are open, labelled and counted."""
    wait_until(lambda: not correct.running)
    QTest.qWait(100)
    session = correct.session
    wait_until(lambda: not session.busy and all(one.labels.any() for one in session.scans))
    QTest.qWait(300)


def drop(path: Path) -> None:
    """Drop a file on napari, as from a window of files."""
    viewer, files = _of_type("QtViewer"), QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(path))])
    where, nothing = QPointF(viewer.rect().center()), Qt.KeyboardModifier.NoModifier
    viewer.dropEvent(QDropEvent(where, Qt.DropAction.CopyAction, files, LEFT, nothing))


def click(panel: QWidget, text: str) -> None:
    """Press the button of a panel that has a text on it."""
    button = next(one for one in panel.findChildren(QPushButton) if one.text() == text)
    QTest.mouseClick(button, LEFT)


def press(key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key with the canvas in focus."""
    QTest.keyClick(_of_type("CanvasBackendDesktop"), key, held)


def stroke(viewer: napari.Viewer, pixels: Sequence[Any]) -> None:
    """Press the mouse on the first pixel (row, column) of the active layer, draw to the others, let go."""
    camera, layer = viewer.scene.camera, viewer.layers.selection.active
    middle = np.array(viewer.canvas.size) / 2
    away = [(np.array(layer.data_to_world(pixel)) - camera.center[-2:]) * camera.zoom for pixel in pixels]
    drag(_of_type("CanvasBackendDesktop"), [QPointF(*(middle + one)[::-1]) for one in away])


def drag(widget: QWidget, points: Sequence[QPointF]) -> None:
    """Move the mouse to the first of some points of a widget, and with its left button held to the others."""

    def send(kind: QEvent.Type, point: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        where = QPointF(widget.mapToGlobal(point.toPoint()))
        event = QMouseEvent(kind, point, where, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(widget, event)
        QTest.qWait(30)

    send(QEvent.Type.MouseMove, points[0], NONE, NONE)
    send(QEvent.Type.MouseButtonPress, points[0], LEFT, LEFT)
    for point in points[1:]:
        send(QEvent.Type.MouseMove, point, NONE, LEFT)
    send(QEvent.Type.MouseButtonRelease, points[-1], LEFT, NONE)


def click_cell(table: QTableView, row: int, column: int, *, twice: bool = False) -> None:
    """Click on a cell of a table, or double-click."""
    index = table.model().index(row, column)
    table.scrollTo(index)
    where = table.visualRect(index).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=where)
    if twice:
        QTest.mouseDClick(table.viewport(), LEFT, pos=where)


def type_into(table: QTableView, row: int, column: int, text: str) -> None:
    """Type a text into a cell of a table."""
    click_cell(table, row, column, twice=True)
    editor = table.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    wait_until(lambda: table.findChild(QLineEdit) is None)


def _of_type(name: str) -> Any:
    """Return napari's one widget of a type that it keeps to itself: its window, its canvas."""
    found = [widget for widget in QApplication.allWidgets() if type(widget).__name__ == name]
    return next((widget for widget in found if widget.isVisible()), found[-1])
