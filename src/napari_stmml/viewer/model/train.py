"""The Train widget: choose scans, a recipe and its parameters, watch the training, keep the model."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicgui.widgets import PushButton

from napari_stmml import events
from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.jobs.requests import ProposeClusters, TrainModel
from napari_stmml.model.recent_models import note_use
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import STORIES, Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.system.files import free_path, with_ending
from napari_stmml.system.user_folder import models_folder
from napari_stmml.text import counted
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.preferences import preferences
from napari_stmml.viewer.model.curves import Curves
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.panel import beside, wrapped
from napari_stmml.viewer.shared.parameter_form import (
    field_for,
    more_parameters,
    show_used,
    take_recipe,
    value_of,
)
from napari_stmml.viewer.shared.slots import guarded, slot

SHOWN = ("num_clusters", "epochs")


class TrainWidget(JobPanel):
    """Train a model on open layers, a folder, or both, in a process of its own."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Train")
        tip = "train on every topography in it and below it as well"
        self.folder = self.file("Folder", mode="d", nullable=True, value=None, tooltip=tip)
        self.layers = self.some_scans("Open scans", suits=lambda _: self.folder.value is None)
        self.layers.native.setMaximumHeight(104)  # seven layers, and the curve is in sight at 768 px
        models: dict[str, Any] = {"filter": "*.stmml"}
        home = free_path(models_folder() / "model.stmml", "-")
        self.out = self.file("Model file", mode="w", value=home, tooltip="where the model goes", **models)
        tip = "an older model: clusters of the new one that are alike keep their names and colours"
        self.like = self.file("Keep names of", mode="r", nullable=True, value=None, tooltip=tip, **models)
        self.recipe = field_for(PARAMETERS["recipe"], preferences().recipe)
        self.story = wrapped("what the recipe is")
        known = parameters_of(Recipe).values()
        self.fields = {one.name: field_for(one) for one in known if one.used_by != ()}
        self.seed = field_for(PARAMETERS["random_seed"])
        self.propose = PushButton(text="Propose", tooltip="how many clusters do the chosen scans suggest?")
        self.curves = Curves()
        self._lay_out()
        self._job: TrainModel | ProposeClusters | None = None
        self._scans: list[Scan] = []  # that it trains on
        self._intake = self._matched = self._found = ""  # scans taken, names kept, clusters found, in words
        self.recipe.changed.connect(self._take_recipe)
        self.propose.changed.connect(guarded(self.on_propose))
        self.folder.changed.connect(self._leave_out_one)
        self.shared.chain_given.connect(self.take_chain)
        self._take_recipe()
        self.reset_choices()

    def _lay_out(self) -> None:
        clusters, epochs = (self.fields[name] for name in SHOWN)
        scans = (self.layers, self.folder, self.out, self.like)
        self.form(*scans, self.recipe, self.story, beside(clusters, self.propose), epochs)
        folded = [field for name, field in self.fields.items() if name not in SHOWN]
        self.column.addWidget(more_parameters({"": [*folded, self.seed]}))
        self.add_buttons()
        self.starters.append(self.propose.native)
        self.column.addWidget(self.curves)
        self.column.addStretch()

    @slot
    def take_chain(self, chain: str) -> None:
        """Flatten by this chain, which was sent from Prepare."""
        self.fields["flatten_method"].value = chain
        if not self.running:
            self.say(f"Flatten method, from Prepare: {chain}")

    def chosen_recipe(self) -> Recipe:
        """Return the recipe with its parameters as they are set."""
        recipe = get_recipe(self.recipe.value)
        return replace(recipe, **{name: value_of(self.fields[name]) for name in recipe.used})

    def on_propose(self) -> None:
        """Start looking for a number of clusters that suits the chosen scans."""
        scans, paths = self._chosen()
        self._job = ProposeClusters(paths, recipe=self.chosen_recipe().as_dict(), seed=self.seed.value)
        self.start(self._job, scans)

    def on_start(self) -> None:
        """Start training on the chosen scans."""
        scans, paths = self._chosen()
        if not self.out.value or not self.out.value.name:
            raise ValueError("choose a file for the model")
        out = with_ending(self.out.value, ".stmml")
        if out.exists():
            raise ValueError(f"{out} exists already; choose another name for the new model")
        recipe = self.chosen_recipe()
        like = "" if self.like.value is None else str(self.like.value)
        self._scans = scans
        self._job = TrainModel(str(out), paths, recipe=recipe.as_dict(), seed=self.seed.value, like=like)
        self._intake = self._matched = self._found = ""
        self.curves.begin(recipe.trains)
        self.start(self._job, scans)

    def on_event(self, event: events.Event) -> bool:
        """Show how far the training is."""
        match event:
            case events.BatchDone(epochs=epochs, loss=loss):
                self.show_progress(event)
                self.curves.add_loss(event.fraction * epochs, loss)
            case events.EpochDone(epoch, val_loss=float(loss)):
                self.curves.add_validation(epoch, loss)
            case events.Message(text):
                self._matched = f"{text}. " if self.like.value is not None else ""
                self.say(text)
            case events.ClustersProposed(clusters, curve, sentence):
                self._found = sentence
                if isinstance(self._job, ProposeClusters):
                    self.fields["num_clusters"].value = clusters if curve else 0
                if curve:
                    self.curves.show_proposal(list(curve), clusters)
                self.say(sentence)
            case events.ReportWritten(line, html=page):
                self._intake = f"{line}; report: {page}"
            case events.ModelTrained():
                self._on_trained(event)
            case _:
                self.show_progress(event)
        return False

    def on_end(self, event: events.Ended) -> None:
        """Say how it ended, and which model there is."""
        if not isinstance(event, events.Failed):
            return
        if isinstance(self._job, ProposeClusters):
            self.say_stopped(event, "Nothing proposed")
            return
        kept = "there was no model to keep yet"
        if event.model:
            self.shared.model = Path(event.model)
            kept = f"the model so far is kept in {event.model}"
        elif not event.cancelled and not isinstance(event, events.Died):
            kept = ""  # training never began, and the reason says what to do
        self.say_stopped(event, "Training stopped", kept)

    def _on_trained(self, event: events.ModelTrained) -> None:
        self.shared.model = Path(event.model)
        note_use(event.model, self._scans)
        state = "Cancelled; the model so far is" if event.stopped else f"Done in {event.seconds:.0f} s:"
        epochs = f", {counted(event.epochs, 'full epoch')}" if event.epochs else ""
        made = f"{counted(len(event.cluster_sizes), 'cluster')}{epochs}, recipe {event.recipe}"
        found = f"{self._found}. " if self._found else ""
        self.say(f"{state} {event.model} ({made}). {found}{self._matched}{self._intake}")
        unnumbered = re.sub("-[0-9]+$", "", Path(event.model).stem)
        self.out.value = free_path(Path(event.model).with_stem(unnumbered), "-")

    def _chosen(self) -> tuple[list[Scan], tuple[str, ...]]:
        """Return the chosen scans and folders."""
        folder = self.folder.value
        layers = self.layers.value if folder is not None else self.scans_in(self.layers)
        return [recorded_scan(layer) for layer in layers], () if folder is None else (str(folder),)

    @slot
    def _leave_out_one(self) -> None:
        """Train on a folder alone, unless somebody has chosen several scans beside it."""
        if self.folder.value is not None and len(self.layers.value) == 1:
            self.layers.value = []

    @slot
    def _take_recipe(self) -> None:
        """Show what the recipe is, and the values of the parameters that it uses."""
        recipe = get_recipe(self.recipe.value)
        self.story.setText(STORIES[recipe.name])
        take_recipe(self.fields, recipe, self.shared.flatten_method)
        show_used(self.fields, recipe)
