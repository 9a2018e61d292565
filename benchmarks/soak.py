"""Does anything grow or stay when scans are opened, predicted, corrected, measured and closed? A table.

Run as ``python -m benchmarks.soak headless 300`` without a window, and in napari, on a screen, as
``xvfb-run -a -s "-screen 0 1366x768x24" python -m benchmarks.soak napari 60``. Every tenth round is a row:
memory of this process and of its workers in MB, and what is left after the round: layers, threads, processes,
timers that run, open files, temporary folders.
"""

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

ROWS = ("round", "MB", "MB of workers", "layers", "threads", "processes", "timers", "files", "folders", "s")
EVERY = 10
LONG = 120.0  # s that a step may take


def main(kind: str, rounds: int) -> None:
    """Do rounds of a kind, and print the table."""
    os.environ["NAPARI_CONFIG"] = ""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ["NAPARI_STMML_HOME"] = str(Path(folder) / "home")
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        file, model = prepared(Path(folder))
        print(f"| {' | '.join(ROWS)} |\n|{'---|' * len(ROWS)}", flush=True)
        do = {"headless": headless, "napari": in_napari}[kind]
        do(file, model, rounds)


def prepared(folder: Path) -> tuple[Path, Path]:
    """Write a scan of 128 px, and a model of it; return their files."""
    from napari_stmml import read_mtrx, train_classifier
    from napari_stmml.io.matrix.writer import Frame, write_session
    from napari_stmml.simulate.surfaces import simulate_si001

    heights = simulate_si001((128, 128), 12.8, seed=1).heights
    (file,) = write_session(folder, [Frame({"forward/up": heights}, 12.8, 12.8)])
    model = train_classifier(read_mtrx(file), recipe="instant", n_clusters=4)
    return file, model.save(folder / "model.stmml")


class Row:
    """Counts what is left, and prints it every tenth round."""

    def __init__(self) -> None:
        self._began, self._own = time.monotonic(), psutil.Process()

    def show(self, number: int, layers: int) -> None:
        """Print a row, if it is its turn."""
        if number % EVERY and number != 1:
            return
        gc.collect()
        children = self._own.children(recursive=True)
        memory = [sum(one.memory_info().rss for one in some) / 2**20 for some in ([self._own], children)]
        left = list(Path(tempfile.gettempdir()).glob("stmml-*"))
        cells = [number, *(f"{megabytes:.0f}" for megabytes in memory), layers, threading.active_count()]
        cells += [len(children), timers(), len(self._own.open_files()), len(left)]
        print(f"| {' | '.join(map(str, cells))} | {time.monotonic() - self._began:.0f} |", flush=True)


def timers() -> int:
    """Count the timers of Qt that run, where Qt is there."""
    if "qtpy.QtCore" not in sys.modules:
        return 0
    from qtpy.QtCore import QTimer

    return sum(isinstance(one, QTimer) and one.isActive() for one in gc.get_objects())


# ---- without a window


def headless(file: Path, model: Path, rounds: int) -> None:
    """Do the work of the panels without them; every tenth round has a worker of its own."""
    from napari_stmml.jobs.worker_process import Worker

    row, worker = Row(), Worker()
    for number in range(1, rounds + 1):
        one_round(file, model, worker)
        row.show(number, 0)
        if number % EVERY == 0:
            worker.close()
            worker = Worker()
    worker.close()


def one_round(file: Path, model: Path, worker) -> None:
    """Open, predict, correct, measure and close a scan."""
    from napari_stmml import SurfaceClassifier, read_mtrx
    from napari_stmml.correction.session import CorrectionSession
    from napari_stmml.events import CellsReady, ScanLabelled, of_type
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.jobs.requests import ComputeCells, LabelScans
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.model.cell_file import CellFile

    (scan,) = read_mtrx(file)[:1]
    out = str(worker.folder / "labels")
    (made,) = of_type(answer(worker, LabelScans(str(model), out, figures=False), [scan]), ScanLabelled)
    labels = LabelMap.read(made.labels)
    (ready,) = of_type(answer(worker, ComputeCells(str(model), str(worker.folder)), [scan]), CellsReady)
    session = CorrectionSession()
    session.use(SurfaceClassifier.load(model), model)
    one = session.open_scan(scan, scan.name, CellFile(ready.path, ready.content, ready.shape))
    session.paint(one, np.s_[40:44, 40:44], 2)
    session.learn()
    session.undo()
    session.undo()
    assert session.flush()
    session.close_scan(one)
    measure_scan(labels.labels, scan, names=labels.names)
    Path(ready.path).unlink()


def answer(worker, request, scans) -> list:
    """Return the events of a request, when it has ended."""
    from napari_stmml.events import Ended, Failed

    worker.submit(request, scans)
    heard = []
    while not heard or not isinstance(heard[-1], Ended):
        heard.append(worker.events.get(timeout=LONG))
    assert not isinstance(heard[-1], Failed), heard[-1]
    return heard


# ---- in napari


def in_napari(file: Path, model: Path, rounds: int) -> None:
    """Do it in one viewer, with panels that are opened and closed in every round."""
    import napari

    viewer, row = napari.Viewer(show_welcome_screen=False), Row()
    for number in range(1, rounds + 1):
        round_of_panels(viewer, file, model)
        row.show(number, len(viewer.layers))
    viewer.close()


def round_of_panels(viewer, file: Path, model: Path) -> None:
    """Open a scan, press Predict, Correct and Measure, paint and undo, and close all of it."""
    viewer.open([str(file)], plugin="napari-stmml")
    predict, correct, measure = (
        viewer.window.add_plugin_dock_widget("napari-stmml", name)[1]
        for name in ("Predict", "Correct", "Measure")
    )
    for panel in (predict, correct):
        panel.model.value = model
        panel.layers.value = panel.layers.choices[:1]
        panel.start_button.click()
        until(lambda panel=panel: not panel.running)
        assert panel.status.text().startswith("1 of 1 scan"), panel.status.text()
    session = correct.session
    truth = correct.correction.of(session.scans[0]).truth
    truth.paint((40, 40), 2)
    until(lambda: session.history.painted_last and not session.busy)
    session.undo()
    measure.reset_choices()
    measure.maps.value = measure.maps.choices[-1]
    measure.measure()
    until(lambda: measure.measured is not None)
    assert session.flush()
    viewer.window.remove_dock_widget("all")
    viewer.layers.clear()
    until(lambda: not session.busy and not session.scans)


def until(is_so: Callable[[], bool]) -> None:
    """Let napari work until something is so, in a loop of Qt: without one, Qt deletes nothing later."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop, timer, end = QEventLoop(), QTimer(), time.monotonic() + LONG
    timer.timeout.connect(lambda: loop.quit() if is_so() or time.monotonic() > end else None)
    timer.start(10)
    loop.exec()
    timer.stop()
    assert is_so(), "nothing came of it"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
