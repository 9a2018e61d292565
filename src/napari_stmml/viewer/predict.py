"""The Predict widget: a model file and scans give Labels layers that lie exactly on the scans."""

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from magicgui.widgets import SpinBox
from napari.layers import Labels

from napari_stmml.classifier import SurfaceClassifier
from napari_stmml.jobs import PredictJob
from napari_stmml.labelmap import LabelMap
from napari_stmml.recipe import Recipe
from napari_stmml.viewer import remembered
from napari_stmml.viewer.job_panel import JobPanel
from napari_stmml.viewer.layers import labels_to_layer
from napari_stmml.viewer.panel import brief_name, place_of, scan_of
from napari_stmml.viewer.reader import prefer_our_maps
from napari_stmml.viewer.recipe_form import field_for


class PredictWidget(JobPanel):
    """Label open scans with a trained model, in a process that stays ready for the next time."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Predict")
        self.model = self.file(
            "Model file",
            mode="r",
            filter="*.stmml",
            nullable=True,
            value=remembered.model,
            tooltip="made by Train",
        )
        self.layers = self.some_scans("Open scans")
        self.pitch: SpinBox = field_for("predict_window_pitch", Recipe())
        self.pitch.label = "Pitch (px)"
        self.model.changed.connect(self._take_pitch)
        self._take_pitch()
        self.form(self.model, self.layers, self.pitch)
        self.add_buttons()
        self.column.addStretch()
        self._targets: list[Any] = []
        self._made: list[str] = []
        self._waiting: list[Labels] = []
        self._skipped: list[str] = []
        self.reset_choices()

    def showEvent(self, event: Any) -> None:
        """Offer the model that was trained last, where none is chosen."""
        super().showEvent(event)
        if self.model.value is None and remembered.model is not None:
            self.model.value = remembered.model

    def _take_pitch(self) -> None:
        """Offer the step between windows that the model was made for."""
        try:
            if self.model.value is not None:
                self.pitch.value = SurfaceClassifier.load(self.model.value).recipe.predict_window_pitch
        except ValueError:
            return  # said when it is to be used

    def on_start(self) -> None:
        """Start labelling the chosen scans."""
        layers = list(self.layers.value)
        if self.model.value is None:
            raise ValueError("choose a model file; the Train widget makes one")
        if not layers:
            raise ValueError("choose at least one open scan to label")
        recipe = SurfaceClassifier.load(self.model.value).recipe  # says at once if the file is no model
        remembered.model = Path(self.model.value)
        scans = [scan_of(layer) for layer in layers]
        self._targets = [weakref.ref(layer) for layer in layers]
        self._made, self._skipped = [], []
        pitch = min(self.pitch.value, recipe.window_size)
        out = str(self.worker.folder / "labels")
        self.start(PredictJob(str(self.model.value), out, pitch=pitch, figures=False), scans)
        threading.Thread(target=_import_early, daemon=True).start()
        unscaled = [scan.name for scan in scans if scan.pixel_size is None]
        if unscaled:
            self.say(
                f"{', '.join(unscaled)}: no scale in nm, so its pixels are taken to be at the model's"
                f" {recipe.pixel_density:g} px/nm"
            )

    def on_event(self, event: dict[str, Any]) -> bool:
        """Show how far the prediction is, and each map as soon as it is there."""
        match event:
            case {"event": "progress", "scan": scan, "done": done, "total": total}:
                self.progress.setRange(0, 1000 * len(self._targets))
                finished = len(self._made) + len(self._skipped)
                self.progress.setValue(round(1000 * (finished + done / total)))
                self.say(f"{scan}: {done} of {total} windows")
            case {"event": "predicted", "number": number, "labels": path}:
                self._add(LabelMap.read(path), self._targets[number]())
                return True
            case {"event": "skipped", "why": why}:
                self._skipped.append(why)
                self.say(f"left out: {why}", wrong=True)
        return False

    def on_end(self, event: dict[str, Any]) -> None:
        """Say what was labelled and what was not."""
        done = f"{len(self._made)} of {len(self._targets)} scans labelled"
        if event["cancelled"]:
            self.say(f"Cancelled; {done}.")
        elif event["event"] != "finished":
            self.say(f"Prediction stopped: {event['why']}; {done}.", wrong=True)
        elif self._skipped:
            self.say(f"{done}. Left out: {'; '.join(self._skipped)}")
        else:
            self.say(
                f"{done}. Choose the new Labels layer to paint on it;"
                " File > Save Selected Layers keeps names and colours."
            )
            prefer_our_maps()

    def _add(self, labels: LabelMap, layer: Any) -> None:
        """Add a label map to the viewer, on its scan; the scan may have been removed meanwhile."""
        self._made.append(labels.name)
        if layer is None or layer not in self.viewer.layers:
            self.say(f"{labels.name}: its scan was removed meanwhile; the map was dropped")
            return
        data, meta, _ = labels_to_layer(labels)
        meta |= place_of(layer) | {"name": f"labels {brief_name(layer)}"}
        self._waiting.append(Labels(data, **meta))

    def _poll(self) -> None:
        """Show a map that was made in an earlier turn, for each of the two takes a while; else listen."""
        if self._waiting:
            with _garbage_waits():
                self.viewer.add_layer(self._waiting.pop(0))
        else:
            super()._poll()


@contextmanager
def _garbage_waits() -> Iterator[None]:
    """Keep Python from collecting garbage, a fifth of a second in a viewer, on top of building a layer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _import_early() -> None:
    """Import what reading a map and napari's first Labels layer would stop the viewer for, half a second."""
    for module in ("tifffile", "pandas", "skimage.color"):
        import_module(module)
