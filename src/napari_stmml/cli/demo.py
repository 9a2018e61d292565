"""The main job on simulated scans, end to end: write MATRIX files, train, predict, show."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from napari_stmml.events import BatchDone, EpochDone, Event, Listener, Message, ScanLabelled, of_type
from napari_stmml.figures.curves import loss_figure
from napari_stmml.figures.drawing import save_figure
from napari_stmml.io.matrix_writer import Frame, write_session
from napari_stmml.jobs.requests import LabelScans, TrainModel
from napari_stmml.jobs.runner import run
from napari_stmml.recipe import DEFAULT, get_recipe
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import Surface, simulate_hexagonal, simulate_si001, with_artefacts

SIZE_NM, PIXELS = 16.0, 240
CLUSTERS = 8
BIAS, ALTERNATE_BIAS, SETPOINT = -2.0, 2.0, 0.05


def simulate_session(folder: str | Path) -> list[Path]:
    """Write a session of three simulated scans as MATRIX files; return the data files.

    Si(001) rows, a hexagonal lattice with a step edge, and Si(001) again, broken off half-way down.
    All have four directions, forward at one bias and backward at the other.
    """
    shape = (PIXELS, PIXELS)
    # Normalising each scan by its highest point, the seed's method would see little beside a tall cluster.
    silicon: dict[str, Any] = {"angle": 20, "clusters": 0.0, "vacancies": 0.05, "adatoms": 0.05}
    complete = [
        simulate_si001(shape, SIZE_NM, seed=1, **silicon),
        simulate_hexagonal(shape, SIZE_NM, seed=2, step_edge=True),
        simulate_si001(shape, SIZE_NM, seed=3, **silicon),
    ]
    broken_off = PIXELS * PIXELS * 3  # forward and backward up, and half of the way down
    points = [None, None, broken_off]
    frames = [
        _frame(surface, seed, scanned)
        for seed, (surface, scanned) in enumerate(zip(complete, points, strict=True))
    ]
    return write_session(folder, frames)


def run_demo(headless: str | None, show: Listener) -> int:
    """Run the main job; open napari with the result, or leave all files in the folder ``headless``."""
    started = time.monotonic()
    folder = Path(headless or tempfile.mkdtemp(prefix="stmml-demo-"))
    folder.mkdir(parents=True, exist_ok=True)

    def step(what: str) -> None:
        show(Message(f"[{time.monotonic() - started:5.1f} s] {what}"))

    step(f"simulating three scans as MATRIX files in {folder}")
    files = simulate_session(folder)
    model = folder / "demo.stmml"
    silicon = [files[0], files[2]]
    step("training a small network on both Si(001) scans, then clustering its features")
    recipe = get_recipe(DEFAULT, num_clusters=CLUSTERS)
    history: list[Event] = []

    def listen(event: Event) -> None:
        history.append(event)
        show(event)

    run(TrainModel(str(model), tuple(map(str, silicon)), recipe=recipe.as_dict()), listen, lambda: False)
    figure, draw = loss_figure()
    draw(
        [(one.fraction * one.epochs, one.loss) for one in of_type(history, BatchDone)],
        [(one.epoch, one.val_loss) for one in of_type(history, EpochDone) if one.val_loss is not None],
    )
    save_figure(figure, folder / "loss.png")
    step("labelling the four directions of the first scan")
    run(LabelScans(str(model), str(folder), (str(files[0]),)), listen, lambda: False)
    maps = [event.labels for event in of_type(history, ScanLabelled)]
    step(f"done: {len(maps)} label maps beside the scans, model in {model}")
    if headless is not None:
        return 0
    step("opening napari; close its window to end the demo and remove its files")
    shown = subprocess.run(
        [sys.executable, "-m", "napari", "--plugin", "napari-stmml", str(files[0]), maps[0]]
    )
    shutil.rmtree(folder, ignore_errors=True)
    return shown.returncode


def _frame(surface: Surface, seed: int, points_scanned: int | None) -> Frame:
    """Measure a surface in four directions: each with noise of its own, the tilt the same."""
    heights = {}
    for number, direction in enumerate(DIRECTIONS):
        heights[direction] = with_artefacts(
            surface, tilt_nm=0.4, bow_nm=0.02, seed=10 * seed + number
        ).heights
    return Frame(
        heights=heights,
        width_nm=SIZE_NM,
        height_nm=SIZE_NM,
        bias=BIAS,
        alternate_bias=ALTERNATE_BIAS,
        alternate_voltage_enabled=True,
        setpoint=SETPOINT,
        points_scanned=points_scanned,
        sample="simulated",
        comment="made by napari-stmml",
    )
