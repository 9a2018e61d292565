"""How long do thousands of scans take to list, to see and to open? One JSON line each.

Run as ``python benchmarks/browse.py make FOLDER``, which writes 5,000 small simulated scans, and then as
``python benchmarks/browse.py FOLDER``, offscreen or, with a screen, in napari's window.
"""

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["NAPARI_CONFIG"] = ""

import napari
import napari._qt.qt_viewer  # has chosen its way to OpenGL when this is imported
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication
from vispy.gloo import gl

from napari_stmml.io.matrix.frame import Frame
from napari_stmml.io.matrix.writer import write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import Surface, simulate_si001, with_artefacts

SCANS, EACH, PIXELS, SIZE_NM = 5000, 250, 64, 10.0  # in all, a session, px a side, nm a side
SURFACES = 24  # that differ: the rest are these at other biases and sizes, with noise of their own
SESSION, LARGE = 40, 500  # scans of the session that is dropped, px a side
SEEN = 30  # thumbnails
OPENED = 8  # scans, one after the other
TICK_MS = 20


def make(folder: Path, scans: int = SCANS) -> None:
    """Write sessions of small scans, each in a folder of its own, as a laboratory has them."""
    shape = (PIXELS, PIXELS)
    surfaces = [simulate_si001(shape, SIZE_NM, seed=seed, angle=15 * seed) for seed in range(SURFACES)]
    for first in range(0, scans, EACH):
        started = datetime(2024, 1, 8, 9, tzinfo=UTC) + timedelta(days=first // EACH)
        frames = [_frame(surfaces[n % SURFACES], n) for n in range(first, min(first + EACH, scans))]
        session = f"default_{started:%Y%b%d-%H%M%S}_STM-STM_Spectroscopy"
        write_session(folder / f"{started:%Y-%m-%d}", frames, session=session, started=started)


def _frame(surface: Surface, number: int) -> Frame:
    heights = {
        direction: with_artefacts(surface, tilt_nm=0.4, bow_nm=0.02, seed=2 * number + way).heights
        for way, direction in enumerate(DIRECTIONS[:2])
    }
    side = SIZE_NM * (1 + number % 5)
    points = 3 * PIXELS * PIXELS // 2 if number % 20 == 19 else None
    bias = (-2.0, -1.5, 1.2, 2.0)[number % 4]
    return Frame(heights, side, side, bias=bias, points_scanned=points)


def measure(folder: Path) -> None:
    """Print what listing, thumbnails, opening and a dropped session take."""
    say(what="stmml info", **of_info(folder))
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_STMML_HOME"] = home
        if os.environ.get("QT_QPA_PLATFORM") == "offscreen":  # there is no graphics card to ask
            gl.glGetParameter = lambda question: {gl.GL_EXTENSIONS: "texture_float"}.get(question, 16384)
        viewer = napari.Viewer(show=os.environ.get("QT_QPA_PLATFORM") != "offscreen")
        dock, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Browse")
        dock.setFloating(True)
        dock.resize(900, 1000)
        dock.show()
        clock = Clock()
        clock.spin(1.5)
        for cached in (False, True):
            say(what="thumbnails", cached=cached, **of_thumbnails(panel, folder, clock))
        say(what="opening, one scan in the place of another", **of_opening(panel, clock))
        viewer.layers.clear()
        with tempfile.TemporaryDirectory() as session:
            say(what="session dropped", **of_session(viewer, panel, Path(session), clock))
        viewer.close()


def of_info(folder: Path) -> dict[str, object]:
    """Run ``stmml info``; what it prints is counted."""
    from napari_stmml.cli.info import info

    printed, started, used = io.StringIO(), time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(printed):
        info([str(folder)])
    lines = printed.getvalue().count("\n")
    return {"lines": lines, "seconds": since(started), "processor": round(time.process_time() - used, 2)}


def of_thumbnails(panel, folder: Path, clock: "Clock") -> dict[str, object]:
    """Show a folder; return when the first thumbnails, and all that the files say, are there."""
    panel.scans.forget_pictures()
    clock.begin()
    started, seen = time.perf_counter(), None
    panel.show_paths([folder])
    while panel.busy:
        clock.spin(0.005)
        for row in range(min(SEEN, panel.scans.rowCount())):
            panel.scans.picture(row)
        rows = range(min(SEEN, panel.scans.rowCount()))
        if seen is None and rows and all(panel.scans.picture(row)[0] is not None for row in rows):
            seen = since(started)
    return {"seen": SEEN, "seconds": seen, "all listed": since(started), "latest tick ms": clock.latest()}


def of_opening(panel, clock: "Clock") -> dict[str, object]:
    """Open scans one after the other; return how late the timer was, and how many layers there are."""
    late = []
    for row in range(OPENED + 1):
        clock.begin()
        panel.open(row)
        while panel.busy:
            clock.spin(0.005)
        clock.spin(0.5)
        late.append(clock.latest())
    return {"first ms": late[0], "others ms": sorted(late[1:]), "layers": len(panel.viewer.layers)}


def of_session(viewer, panel, folder: Path, clock: "Clock") -> dict[str, object]:
    """Drop the parameter file of a session of large scans."""
    surface = simulate_si001((LARGE, LARGE), 20.0, seed=1)
    heights = {name: with_artefacts(surface, seed=way).heights for way, name in enumerate(DIRECTIONS)}
    write_session(folder, [Frame(heights, 20.0, 20.0)] * SESSION)
    before = memory()
    clock.begin()
    started = time.perf_counter()
    viewer.open(str(next(folder.glob("*.mtrx"))), plugin="napari-stmml")
    answered = since(started)
    while panel.busy:
        clock.spin(0.005)
    return {
        "scans": panel.scans.rowCount(),
        "answered": answered,
        "seconds": since(started),
        "MB": memory() - before,
        "layers": len(viewer.layers),
        "latest tick ms": clock.latest(),
    }


class Clock:
    """A timer of the viewer, and how late it was at most."""

    def __init__(self) -> None:
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.setInterval(TICK_MS)
        self.timer.timeout.connect(self.tick)
        self.timer.start()
        self.begin()

    def begin(self) -> None:
        """Forget how late it was."""
        self.last, self.late = time.perf_counter(), 0.0

    def tick(self) -> None:
        """Note how late it is."""
        now = time.perf_counter()
        self.late, self.last = max(self.late, 1e3 * (now - self.last) - TICK_MS), now

    def latest(self) -> int:
        """Return how late it was at most, ms."""
        return round(self.late)

    def spin(self, seconds: float) -> None:
        """Let the viewer do what it has to."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            QApplication.processEvents()
            time.sleep(0.001)
        self.tick()


def since(started: float) -> float:
    """Return the seconds since then."""
    return round(time.perf_counter() - started, 2)


def memory() -> int:
    """Return the largest memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def say(**what: object) -> None:
    """Print a line of JSON."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        measure(Path(sys.argv[1]))
