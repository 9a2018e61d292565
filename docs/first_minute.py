"""The first minute of a new physicist in the real viewer: drop a scan, and click as the panel STM says.

Prints seconds and clicks of each step, and writes a picture of each::

    xvfb-run -a -s "-screen 0 1366x768x24" python docs/first_minute.py SCAN FOLDER
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hands import click, drop, picture, settle, wait_until, window
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from qtpy.QtTest import QTest


def main(scan: Path, folder: Path) -> None:
    """Drop a scan, and take each step once."""
    folder.mkdir(exist_ok=True)
    began, clicks = time.monotonic(), 0

    def done(name: str) -> None:
        nonlocal began
        seconds = time.monotonic() - began
        errors = [note.message for note in notification_manager.records]
        print(f"{name}: {seconds:.1f} s, {clicks} clicks, messages: {errors or 'none'}", flush=True)
        picture(viewer, name, folder)
        began = time.monotonic() - seconds  # nobody waits for a picture

    def press(name: str, text: str) -> Any:
        nonlocal clicks
        clicks += 1
        click(panel(viewer, name), text)
        QTest.qWait(700)

    with window(steps=True) as viewer:
        picture(viewer, "0-empty", folder)
        began = time.monotonic()
        drop(scan)
        wait_until(lambda: len(viewer.layers) > 0)
        QTest.qWait(500)
        done("1-dropped")
        press("STM", "Clusters")
        done("2-predict-open")
        press("Predict", "Predict")
        wait_until(lambda: any(isinstance(one, Labels) for one in viewer.layers))
        wait_until(lambda: not panel(viewer, "Predict").running)
        done("3-first-map")
        front(viewer, "STM")
        clicks += 1
        done("4-what-next")
        press("STM", "Correct")
        press("Correct", "Correct")
        settle(panel(viewer, "Correct"))
        done("5-correct")
        front(viewer, "STM")
        clicks += 1
        press("STM", "Measure")
        press("Measure", "Measure")
        wait_until(lambda: panel(viewer, "Measure").measured is not None)
        done("6-measured")
        front(viewer, "STM")
        clicks += 1
        done("7-all-steps")
        press("STM", "Figure")
        QTest.qWait(2000)
        done("8-figure")


def panel(viewer: Any, name: str) -> Any:
    """Return a panel that is docked."""
    return viewer.window.dock_widgets[f"{name} (napari-stmml)"]


def front(viewer: Any, name: str) -> None:
    """Bring the tab of a panel to the front, as a click on it does."""
    panel(viewer, name).parentWidget().raise_()
    QTest.qWait(500)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_STMML_HOME"] = home  # as of somebody who has never used it
        main(Path(sys.argv[1]), Path(sys.argv[2]))
