"""The Predict widget: scans, and a model or none, give Labels layers that lie exactly on the scans."""

import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_stmml import events
from napari_stmml.heights.two_biases import way_back, with_way_back
from napari_stmml.jobs.requests import ClusterAtOnce, LabelScans
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage, lineage_of
from napari_stmml.model.recent_models import model_of, note_use
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import Recipe, at_once_recipe
from napari_stmml.system.files import copy, with_ending
from napari_stmml.system.user_folder import models_folder
from napari_stmml.text import number
from napari_stmml.viewer.io.held import hold
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.predicted_layer import note_model
from napari_stmml.viewer.io.reader import prefer_our_maps
from napari_stmml.viewer.io.scan_files import in_file
from napari_stmml.viewer.model.cluster_list import ClusterList
from napari_stmml.viewer.model.map_view import MapView
from napari_stmml.viewer.model.new_maps import NewMaps
from napari_stmml.viewer.model.outcome import Outcome
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.model_choice import ModelChoice
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import button, row_of, show_row
from napari_stmml.viewer.shared.parameter_form import field_for
from napari_stmml.viewer.shared.slots import slot

NO_MODEL = "none: cluster scans at once"
TIP = "made by Train, or used before; with none, the chosen scans are clustered at once"
NO_PITCH = "this model labels every cell of a scan: there is no step between windows"
BOTH = "forward and backward of a frame are taken as two views of one surface"


class PredictWidget(JobPanel):
    """Label open scans, with a trained model or at once, in a process that stays ready for the next time."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Predict")
        known = parameters_of(Recipe)
        self.model = ModelChoice("Model", NO_MODEL, TIP)
        self.model.offer(self.shared.model)
        self.layers = self.some_scans("Open scans")
        self.clusters, self.pitch = (
            field_for(known["num_clusters"], 0),
            field_for(known["predict_window_pitch"]),
        )
        self.both = CheckBox(text=known["both_biases"].label, name="both_biases")
        tip = "a second layer: how sure each label is"
        self.confidence = CheckBox(text="Confidence", value=self.shared.confidence, tooltip=tip)
        self.form(self.model, self.layers, self.clusters, self.both, self.pitch, self.confidence)
        self.add_buttons()
        tip = "find single objects in place of clusters of pixels, and sort them into types"
        self.structures_button = button("Structures…", tip, self._open_structures)
        tip = "a figure for a paper of the map and its scan: PNG, SVG or PDF"
        self.figure_button = button("Save figure…", tip, lambda: open_figure(napari_viewer))
        self._maps = NewMaps(napari_viewer)
        self.map_view = MapView(self._maps.history, self.shared)
        self.add(row_of(self.structures_button, self.figure_button, None), self.map_view)
        self.keep_button = QPushButton("Save model as…")
        self.keep_button.setToolTip("the model of these clusters is kept already: give it a name of your own")
        self.column.addWidget(self.keep_button)
        self.list = ClusterList(napari_viewer)
        self.column.addWidget(self.list, 1)
        self.column.addStretch()
        self._outcome = Outcome()  # of the running prediction, or the last one
        self._chain = ""  # how its model flattens
        self._seen = self.shared.model  # the model that was trained or used last, as it was offered here
        self._clustered: Path | None = None  # the model of scans that were clustered at once
        self._connect()
        self.reset_choices()
        self._take_scans()
        self._take_model()

    def _connect(self) -> None:
        self.keep_button.clicked.connect(self._ask_keep)
        self.model.changed.connect(self._take_model)
        self.layers.changed.connect(self._take_scans)
        self.confidence.changed.connect_setattr(self.shared, "confidence", maxargs=1)
        self.map_view.said.connect(self.say)
        self.follow(self._maps.history.changed, self.map_view.show_steps)
        self.follow(self._maps.strokes.said, self.say)

    @slot
    def showEvent(self, event: Any) -> None:
        """Get the process ready, and offer a model that was trained or used elsewhere meanwhile."""
        super().showEvent(event)
        self.worker.warm()
        threading.Thread(target=_import_early, daemon=True).start()
        if self.shared.model not in (None, self._seen):
            self._seen = self.shared.model
            self.model.offer(self._seen)

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; two views of a frame may be among them."""
        super().reset_choices(event)
        self._offer_both()

    def on_start(self) -> None:
        """Start labelling the chosen scans."""
        layers = self.scans_in(self.layers)
        hold(layers)
        scans = [recorded_scan(layer) for layer in layers]
        kept, model = self.keep_strokes(), self.model.value
        recipe = self._cluster(scans) if model is None else self._predict(scans, model)
        self._maps.begin(layers, scans)
        self._chain = recipe.flatten_method
        self._outcome = Outcome("Clustering" if model is None else "Prediction", kept, len(scans))
        unscaled = [scan.name for scan in scans if scan.pixel_size is None]
        if unscaled and recipe.resample:
            self.say(
                f"{', '.join(unscaled)}: no scale in nm, so its pixels are taken to be at the model's"
                f" {number(recipe.pixel_density, 3)} px/nm"
            )

    def on_event(self, event: events.Event) -> bool:
        """Show how far the prediction is, and each map as soon as it is there."""
        match event:
            case events.ScanProgress(scan, done, total):
                self.measure(self._outcome.ended + done / total, len(self._maps))
                self.say(f"{scan}: {100 * done / total:.0f} %")
            case events.ModelTrained(model):
                self._clustered = self.shared.keep_clustered(model, self._maps.scans[0])
                self._maps.model = self._clustered, lineage_of(model)
            case events.ScanLabelled(number=int(number)):
                self._outcome.made.append(event)
                if not self._maps.add(event, number, self.confidence.value):
                    self.say(f"{event.scan}: it was removed meanwhile; its map was dropped")
                return True
            case events.ClustersProposed(sentence=sentence):
                self._outcome.found = sentence
                self.say(f"{sentence}; labelling …")
            case events.Skipped(why=why) if why in self._outcome.skipped:
                pass  # which was said when the scan could not be clustered
            case _:
                self._outcome.skipped += [event.why] if isinstance(event, events.Skipped) else []
                self.show_progress(event)
        return False

    def on_end(self, event: events.Ended) -> None:
        """Say what was labelled and what was not."""
        outcome = self._outcome
        if outcome.made:
            self._note_use()
            self.map_view.show_new(self._maps.images, self._chain)
        if isinstance(event, events.Failed):
            self.say_stopped(event, f"{outcome.doing} stopped", outcome.done)
        elif event.cancelled:
            self.say(f"Cancelled; {outcome.done}.")
        else:
            self.say(outcome.sentence(bool(self._maps.replaced), self.confidence.value))
            prefer_our_maps()
        self._show_clusters()

    def keep(self, path: str | Path) -> None:
        """Give the model of the scans that were clustered at once a name, and predict with it from now on."""
        path = with_ending(path, ".stmml")
        if self._clustered is None:
            raise ValueError("there is no model to keep yet: cluster some scans first")
        if path.exists():
            raise ValueError(f"{path} exists already; choose another name for the model")
        self._maps.model = copy(self._clustered, path), lineage_of(self._clustered)
        note_model(self.viewer.layers, self._maps.model[1], path)
        self.shared.model = self._seen = self.model.value = path
        self._note_use()
        self.say(f"Kept as {path}. Predict now uses it; choose “none” above to cluster anew.")

    def _cluster(self, scans: list[Any]) -> Recipe:
        """Start clustering without a model; return the recipe."""
        recipe = at_once_recipe(scans, self.clusters.value, self.both.enabled and self.both.value)
        self.start(ClusterAtOnce(self._out, recipe=recipe.as_dict()), scans)
        self.say("clustering …")
        return recipe

    def _predict(self, scans: list[Any], path: Path) -> Recipe:
        """Start labelling with a model file; return its recipe."""
        model = SurfaceClassifier.load(path)  # says at once if the file is no model
        self.shared.model = self._seen = path
        self._maps.model = path, lineage(model.training)
        pitch = min(self.pitch.value, model.recipe.window_size) if model.encoder.has_pitch else None
        options: dict[str, Any] = {"figures": False, "confidence": self.confidence.value}
        job = LabelScans(str(path), self._out, pitch=pitch, **options)
        others = [
            recorded_scan(layer) for layer in self._images() if layer.metadata.get(KEY, {}).get("direction")
        ]
        self.start(job, with_way_back(scans, others, model.recipe.preprocessing, in_file))
        return model.recipe

    @property
    def _out(self) -> str:
        return str(self.worker.folder / "labels")

    @slot
    def _take_model(self) -> None:
        """Show what suits the model: its pitch and clusters, or what is asked for where there is none."""
        there = self.model.value is not None
        show_row(self.pitch, there)
        show_row(self.clusters, not there)
        show_row(self.both, not there)
        model = self._show_clusters()
        if there and model is not None:
            self.pitch.value = model.recipe.predict_window_pitch
            self.pitch.enabled = model.encoder.has_pitch
            tip = parameters_of(Recipe)["predict_window_pitch"].tip
            self.pitch.tooltip = tip if self.pitch.enabled else NO_PITCH

    def _note_use(self) -> None:
        """Note which model labelled which scans: it is offered again for them."""
        scans = [self._maps.scans[one.number] for one in self._outcome.made if one.number is not None]
        note_use(self._maps.model[0], scans)

    @slot
    def _take_scans(self) -> None:
        """Offer what suits the chosen scans: both biases, earlier maps, and the model that was used last."""
        self._offer_both()
        self.map_view.look_at(self.layers.value)
        if layers := self.layers.value:
            self.model.offer(model_of(recorded_scan(layers[0])) or self.shared.model)

    @slot
    def _offer_both(self) -> None:
        """Let both biases be chosen where forward and backward of a frame are."""
        scans = [recorded_scan(layer) for layer in self.layers.value]
        self.both.enabled = any(way_back(scan, scans) for scan in scans)
        self.both.tooltip = BOTH if self.both.enabled else f"{BOTH}: choose both among the open scans"

    def _show_clusters(self) -> SurfaceClassifier | None:
        """Show the clusters of the chosen model, or those that were found at once; return the model."""
        path = self.model.value or self._clustered
        self.keep_button.setVisible(self.model.value is None and self._clustered is not None)
        try:
            model = None if path is None else SurfaceClassifier.load(path)
        except (ValueError, OSError):
            model = None  # which is said when it is to be used
        self.list.show_model(model)
        return model

    def _poll(self) -> None:
        """Show one layer, or else listen."""
        if not self._maps.show_next():
            super()._poll()

    @slot
    def _open_structures(self) -> None:
        self.viewer.window.add_plugin_dock_widget("napari-stmml", "Structures")

    @slot
    def _ask_keep(self) -> None:
        options = QFileDialog.Option.DontConfirmOverwrite  # keep() refuses, and says so
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model", str(models_folder() / "model.stmml"), "Models (*.stmml)", options=options
        )
        if path:
            self.attempt(lambda: self.keep(path))


def _import_early() -> None:
    """Import what reading a map and napari's first Labels layer would stop the viewer for, half a second."""
    for module in ("tifffile", "pandas", "skimage.color"):
        import_module(module)
