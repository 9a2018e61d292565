"""The Train widget: choose scans and parameters, watch the loss, keep the model."""

import re
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, SpinBox
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer
from superqt import QCollapsible

from napari_stmml.export import loss_figure
from napari_stmml.jobs import TrainJob
from napari_stmml.recipe import RECIPES, get_recipe
from napari_stmml.viewer import remembered
from napari_stmml.viewer.job_panel import JobPanel, time_left
from napari_stmml.viewer.panel import form_of, scan_of
from napari_stmml.viewer.recipe_form import field_for, values

REDRAW_MS = 500  # between two pictures of the loss curve
SHOWN = ("epochs", "num_clusters")
FOLDED = (
    "flatten_method",
    "resample",
    "pixel_density",
    "pixel_limit",
    "normalisation",
    "data_scaling",
    "window_size",
    "window_pitch",
    "batch_size",
    "buffer_size",
    "learning_rate",
    "cluster_batch_size",
    "cluster_buffer_size",
    "n_init",
    "max_iter",
    "reassignment_ratio",
    "predict_window_pitch",
)


class TrainWidget(JobPanel):
    """Train a model on open layers, a folder, or both, in a process of its own."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Train")
        recipe = next(iter(RECIPES.values()))
        self.layers = self.some_scans("Open scans")
        self.folder = self.file(
            "Folder", mode="d", nullable=True, value=None, tooltip="train on every .Z_mtrx below it as well"
        )
        self.out = self.file(
            "Model file",
            mode="w",
            filter="*.stmml",
            value=_free(Path.home() / "model.stmml"),
            tooltip="where the model goes",
        )
        self.recipe = ComboBox(label="Recipe", choices=list(RECIPES), value=recipe.name)
        self.shown = [field_for(name, recipe) for name in SHOWN]
        self.folded = [field_for(name, recipe) for name in FOLDED]
        self.seed = SpinBox(
            name="seed", value=0, max=2**31 - 1, tooltip="the same seed gives the same labels"
        )
        self.form(self.layers, self.folder, self.out, self.recipe, *self.shown)
        more = QCollapsible("More parameters", expandedIcon="▾", collapsedIcon="▸")
        more.addWidget(form_of(*self.folded, self.seed))
        self.column.addWidget(more)
        self.add_buttons()
        theme = get_theme(get_settings().appearance.theme)
        figure, self._draw = loss_figure(paper=theme.background.as_hex(), ink=theme.text.as_hex())
        self.canvas = FigureCanvasQTAgg(figure)
        self.canvas.setMinimumHeight(190)
        self.canvas.setAccessibleName("loss curve")
        self.column.addWidget(self.canvas)
        self.column.addStretch()
        self.canvas.draw()  # the first time takes longest: now, not in the middle of a training
        self._redraw_timer = QTimer(self)
        self._redraw_timer.setSingleShot(True)
        self._redraw_timer.setInterval(REDRAW_MS)
        self._redraw_timer.timeout.connect(self._redraw)
        self._losses: list[tuple[float, float]] = []
        self._validation: list[tuple[float, float]] = []
        self._ingest = ""  # what was taken in, in one line
        remembered.news.flatten_method.connect(self.take_chain)
        if remembered.flatten_method is not None:
            self.take_chain(remembered.flatten_method)
        self.reset_choices()

    def take_chain(self, chain: str) -> None:
        """Flatten by this chain, which Prepare was told to use for training."""
        next(field for field in self.folded if field.name == "flatten_method").value = chain
        if not self.running:
            self.say(f"Flatten method, from Prepare: {chain}")

    def on_start(self) -> None:
        """Start training on what is chosen."""
        scans = [scan_of(layer) for layer in self.layers.value]
        folder = self.folder.value
        if not scans and folder is None:
            raise ValueError("choose at least one open scan, or a folder of scans, to train on")
        if not self.out.value or not self.out.value.name:
            raise ValueError("choose a file for the model")
        out = Path(self.out.value).expanduser()
        out = out if out.suffix == ".stmml" else out.with_name(f"{out.name}.stmml")
        if out.exists():
            raise ValueError(f"{out} exists already; choose another name for the new model")
        recipe = get_recipe(self.recipe.value, **values([*self.shown, *self.folded]))
        self._losses, self._validation = [], []
        self._redraw_soon()
        paths = () if folder is None else (str(folder),)
        self.start(TrainJob(str(out), paths, recipe=recipe.as_dict(), seed=self.seed.value), scans)

    def on_event(self, event: dict[str, Any]) -> bool:
        """Show how far the training is."""
        match event:
            case {"event": "windows", "scans": scans, "train": train, "validation": held}:
                self.say(f"{scans} scans: {train} windows to train on, {held} to validate; starting …")
            case {"event": "batch"}:
                self._on_batch(event)
            case {"event": "epoch", "epoch": epoch, "val_loss": loss}:
                self._validation.append((epoch, loss))
                self._redraw_soon()
            case {"event": "clustering", "done": done, "total": total}:
                self.say(f"clustering: {done} of {total} windows")
            case {"event": "report", "summary": line, "html": page}:
                self._ingest = f"{line}; report: {page}"
            case {"event": "trained"}:
                self._on_trained(event)
            case {"event": "skipped", "why": why}:
                self.say(f"left out: {why}", wrong=True)
        return False

    def on_end(self, event: dict[str, Any]) -> None:
        """Say how it ended, and which model there is."""
        model = event.get("model")
        if event["event"] == "finished":
            return
        if model:
            remembered.model = Path(model)
        kept = f"the model so far is kept in {model}" if model else "there was no model to keep yet"
        if event["cancelled"]:
            self.say(f"Cancelled; {kept}.")
        elif model or event["event"] == "died":
            self.say(f"Training stopped: {event['why']}; {kept}.", wrong=True)
        else:  # it never began, and the reason says what to do
            self.say(f"Training stopped: {event['why']}", wrong=True)

    def _on_batch(self, event: dict[str, Any]) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * event["fraction"]))
        left = time_left(event["seconds_left"])
        self.say(f"epoch {event['epoch']} of {event['epochs']}, loss {event['loss']:.3g}, {left}")
        self._losses.append((event["fraction"] * event["epochs"], event["loss"]))
        self._redraw_soon()

    def _on_trained(self, event: dict[str, Any]) -> None:
        remembered.model = Path(event["model"])
        state = "Cancelled; the model so far is" if event["stopped"] else f"Done in {event['seconds']:.0f} s:"
        made = f"{len(event['cluster_sizes'])} clusters, {event['epochs']} full epochs"
        self.say(f"{state} {event['model']} ({made}). {self._ingest}")
        self.out.value = _free(Path(event["model"]))

    def _redraw_soon(self) -> None:
        if not self._redraw_timer.isActive():
            self._redraw_timer.start()

    def _redraw(self) -> None:
        self._draw(self._losses, self._validation)
        self.canvas.draw_idle()


def _free(path: Path) -> Path:
    """Return the path, or with a number behind its name the first that does not exist yet."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{re.sub('-[0-9]+$', '', path.stem)}-{number}{path.suffix}")
    return free
