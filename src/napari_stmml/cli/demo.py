"""The command ``stmml demo``: scans are simulated as MATRIX files, a model made, and napari opened."""

import subprocess
import sys
import time
from pathlib import Path

from napari_stmml.cli.options import Headless
from napari_stmml.cli.progress import progress_shown
from napari_stmml.events import BatchDone, EpochDone, Event, Listener, Message, ScanLabelled, of_type
from napari_stmml.jobs.requests import LabelScans, TrainModel
from napari_stmml.recipe import DEFAULT, Recipe, get_recipe
from napari_stmml.system.temporary import TemporaryFolder


def demo(headless: Headless = None) -> int:
    """Simulate scans, make a model, predict, and show or keep the result."""
    if headless:
        _make(Path(headless))
        return 0
    with TemporaryFolder() as folder:
        scan, label_map = _make(folder)
        print("opening napari; close its window to end the demo and remove its files", file=sys.stderr)
        return open_in_napari(scan, label_map)


def _make(folder: Path) -> tuple[Path, str]:
    """Simulate scans and label the first; return its file and its label map."""
    from napari_stmml.simulate.session import simulate_session

    with progress_shown() as show:
        show(Message(f"simulating three scans as MATRIX files in {folder}"))
        files = simulate_session(folder)
        return files[0], train_and_label(folder, files, get_recipe(DEFAULT), show)


def train_and_label(folder: Path, files: list[Path], recipe: Recipe, show: Listener) -> str:
    """Make a model of the first and third scan, label the first; return the first label map.

    Parameters
    ----------
    folder : Path
        Where the model and the maps go, and ``loss.png`` where the recipe trains a network.
    files : list of Path
        Data files of `simulate.session.simulate_session`.
    recipe : Recipe
    show : callable
        Gets all events.
    """
    from napari_stmml.figures.curves import loss_figure
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.jobs.run_request import run

    started, heard, model = time.monotonic(), list[Event](), str(folder / "demo.stmml")

    def listen(event: Event) -> None:
        heard.append(event)
        show(event)

    def step(what: str) -> None:
        show(Message(f"[{time.monotonic() - started:5.1f} s] {what}"))

    how = "" if recipe.trains else ", which trains no network and needs no TensorFlow"
    step(f"making a model of both Si(001) scans, with recipe {recipe.title}{how}")
    silicon = (str(files[0]), str(files[2]))
    run(TrainModel(model, silicon, recipe.as_dict()), listen, lambda: False)
    if recipe.trains:
        figure, draw = loss_figure()
        draw(
            [(one.fraction * one.epochs, one.loss) for one in of_type(heard, BatchDone)],
            [(one.epoch, one.val_loss) for one in of_type(heard, EpochDone) if one.val_loss is not None],
        )
        save_figure(figure, folder / "loss.png")
    step("labelling the four directions of the first scan")
    run(LabelScans(model, str(folder), silicon[:1]), listen, lambda: False)
    maps = [event.labels for event in of_type(heard, ScanLabelled)]
    step(f"done: {len(maps)} label maps beside the scans, model in {model}")
    return maps[0]


def open_in_napari(scan: str | Path, label_map: str | Path) -> int:
    """Open a scan and its label map in a napari of its own; return its exit status once it is closed."""
    command = [sys.executable, "-m", "napari", "--plugin", "napari-stmml", str(scan), str(label_map)]
    return subprocess.run(command, check=False).returncode
