"""The Train widget: choose scans, a recipe and its parameters, watch how it goes, keep the model."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from magicgui.widgets import PushButton

from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.events import (
    BatchDone,
    Clustering,
    ClustersProposed,
    Died,
    Ended,
    EpochDone,
    Event,
    Failed,
    Message,
    ModelTrained,
    ReportWritten,
    Skipped,
    TrainingWindows,
)
from napari_stmml.jobs.runner import ProposeJob, TrainJob
from napari_stmml.parameters import parameters_of
from napari_stmml.recipe import DEFAULT, STORIES, Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.viewer.model.curves import Curves
from napari_stmml.viewer.shared.job_panel import JobPanel, time_left
from napari_stmml.viewer.shared.panel import beside, scan_of, wrapped
from napari_stmml.viewer.shared.parameter_form import (
    field_for,
    more_parameters,
    show_used,
    take_recipe,
    value_of,
)

SHOWN = ("num_clusters", "epochs")


class TrainWidget(JobPanel):
    """Train a model on open layers, a folder, or both, in a process of its own."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Train")
        self.layers = self.some_scans("Open scans")
        self.layers.native.setMaximumHeight(104)  # seven layers, and the curve is in sight at 768 px
        self.folder = self.file(
            "Folder", mode="d", nullable=True, value=None, tooltip="train on every .Z_mtrx below it as well"
        )
        models: dict[str, Any] = {"filter": "*.stmml"}
        home = _free(Path.home() / "model.stmml")
        self.out = self.file("Model file", mode="w", value=home, tooltip="where the model goes", **models)
        self.like = self.file(
            "Keep names of",
            mode="r",
            nullable=True,
            value=None,
            tooltip="an older model: clusters that the new one has too keep their names and colours",
            **models,
        )
        self.recipe, self.story = field_for(PARAMETERS["recipe"], DEFAULT), wrapped("what the recipe is")
        known = parameters_of(Recipe).values()
        self.fields = {one.name: field_for(one) for one in known if one.used_by != ()}
        self.seed = field_for(PARAMETERS["random_seed"])
        self.propose = PushButton(text="Propose", tooltip="how many clusters do the chosen scans suggest?")
        self.curves = Curves()
        self._lay_out()
        self._job: TrainJob | ProposeJob | None = None
        self._ingest, self._matched = "", ""  # what was taken in, and which names were kept, in one line
        self.recipe.changed.connect(self._take_recipe)
        self.propose.changed.connect(lambda: self.attempt(self.on_propose))
        self.shared.chain_given.connect(self.take_chain)
        self._take_recipe()
        self.reset_choices()

    def _lay_out(self) -> None:
        scans = (self.layers, self.folder, self.out, self.like)
        clusters, epochs = (self.fields[name] for name in SHOWN)
        self.form(*scans, self.recipe, self.story, beside(clusters, self.propose), epochs)
        folded = [field for name, field in self.fields.items() if name not in SHOWN]
        self.column.addWidget(more_parameters({"": [*folded, self.seed]}))
        self.add_buttons()
        self.starters.append(self.propose.native)
        self.column.addWidget(self.curves)
        self.column.addStretch()

    def take_chain(self, chain: str) -> None:
        """Flatten by this chain, which Prepare was told to use for training."""
        self.fields["flatten_method"].value = chain
        if not self.running:
            self.say(f"Flatten method, from Prepare: {chain}")

    def chosen_recipe(self) -> Recipe:
        """Return the recipe with its parameters as they are set."""
        recipe = get_recipe(self.recipe.value)
        return replace(recipe, **{name: value_of(self.fields[name]) for name in recipe.used})

    def on_propose(self) -> None:
        """Start looking for a number of clusters that suits what is chosen."""
        scans, paths = self._chosen()
        self._job = ProposeJob(paths, recipe=self.chosen_recipe().as_dict(), seed=self.seed.value)
        self.start(self._job, scans)

    def on_start(self) -> None:
        """Start training on what is chosen."""
        scans, paths = self._chosen()
        if not self.out.value or not self.out.value.name:
            raise ValueError("choose a file for the model")
        out = Path(self.out.value).expanduser()
        out = out if out.suffix == ".stmml" else out.with_name(f"{out.name}.stmml")
        if out.exists():
            raise ValueError(f"{out} exists already; choose another name for the new model")
        recipe = self.chosen_recipe()
        like = "" if self.like.value is None else str(self.like.value)
        self._job = TrainJob(str(out), paths, recipe=recipe.as_dict(), seed=self.seed.value, like=like)
        self._ingest = self._matched = ""
        self.curves.begin(recipe.trains)
        self.start(self._job, scans)

    def on_event(self, event: Event) -> bool:
        """Show how far the training is."""
        match event:
            case TrainingWindows(scans, train, held):
                validate = f", {held} to validate" if held else ""
                self.say(f"{scans} scans: {train} windows to train on{validate}; starting …")
            case BatchDone():
                self._on_batch(event)
            case EpochDone(epoch, val_loss=float(loss)):
                self.curves.add_validation(epoch, loss)
            case Clustering(done, total):
                self._on_clustering(done, total)
            case Message(text):
                self._matched = f"{text}. " if self.like.value is not None else ""
                self.say(text)
            case ClustersProposed():
                self._on_proposed(event)
            case ReportWritten(line, html=page):
                self._ingest = f"{line}; report: {page}"
            case ModelTrained():
                self._on_trained(event)
            case Skipped(why=why):
                self.say(f"left out: {why}", wrong=True)
        return False

    def on_end(self, event: Ended) -> None:
        """Say how it ended, and which model there is."""
        if not isinstance(event, Failed):
            return
        model = event.model
        if isinstance(self._job, ProposeJob):
            stopped = "Cancelled." if event.cancelled else f"Nothing proposed: {event.why}"
            self.say(stopped, wrong=not event.cancelled)
            return
        if model:
            self.shared.model = Path(model)
        kept = f"the model so far is kept in {model}" if model else "there was no model to keep yet"
        if event.cancelled:
            self.say(f"Cancelled; {kept}.")
        elif model or isinstance(event, Died):
            self.say(f"Training stopped: {event.why}; {kept}.", wrong=True)
        else:  # it never began, and the reason says what to do
            self.say(f"Training stopped: {event.why}", wrong=True)

    def _on_batch(self, event: BatchDone) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * event.fraction))
        left = time_left(event.seconds_left)
        self.say(f"epoch {event.epoch} of {event.epochs}, loss {event.loss:.3g}, {left}")
        self.curves.add_loss(event.fraction * event.epochs, event.loss)

    def _on_trained(self, event: ModelTrained) -> None:
        self.shared.model = Path(event.model)
        state = "Cancelled; the model so far is" if event.stopped else f"Done in {event.seconds:.0f} s:"
        epochs = f", {event.epochs} full epochs" if event.epochs else ""
        made = f"{len(event.cluster_sizes)} clusters{epochs}"
        self.say(f"{state} {event.model} ({made}). {self._matched}{self._ingest}")
        self.out.value = _free(Path(event.model))

    def _on_clustering(self, done: int, total: int) -> None:
        recipe = get_recipe(self.recipe.value)
        what = "windows" if recipe.of_windows and isinstance(self._job, TrainJob) else "scans"
        if not recipe.trains or isinstance(self._job, ProposeJob):  # there is nothing else to wait for
            self.progress.setRange(0, total)
            self.progress.setValue(done)
        self.say(f"clustering: {done} of {total} {what}")

    def _on_proposed(self, event: ClustersProposed) -> None:
        self.fields["num_clusters"].value = event.clusters
        self.curves.show_proposal(list(event.curve), event.clusters)
        self.say(event.sentence)

    def _chosen(self) -> tuple[list[Scan], tuple[str, ...]]:
        """Return the chosen scans and folders."""
        scans = [scan_of(layer) for layer in self.layers.value]
        folder = self.folder.value
        if not scans and folder is None:
            raise ValueError("choose at least one open scan, or a folder of scans, to train on")
        return scans, () if folder is None else (str(folder),)

    def _take_recipe(self) -> None:
        """Show what the recipe is, and those parameters that matter to it, as it has them."""
        recipe = get_recipe(self.recipe.value)
        self.story.setText(STORIES[recipe.name])
        take_recipe(self.fields, recipe, self.shared.flatten_method)
        show_used(self.fields, recipe)


def _free(path: Path) -> Path:
    """Return the path, or with a number behind its name the first that does not exist yet."""
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{re.sub('-[0-9]+$', '', path.stem)}-{number}{path.suffix}")
    return free
