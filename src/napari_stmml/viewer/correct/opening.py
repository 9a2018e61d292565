"""Open scans for correction: a job makes what the model sees of them, then they get their layers."""

import shutil
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.events import (
    CellsReady,
    Ended,
    Event,
    Failed,
    FilesDone,
    ScanProgress,
    Skipped,
    UncertainFound,
)
from napari_stmml.heights.two_biases import with_way_back
from napari_stmml.jobs.requests import ComputeCells, FindUncertain
from napari_stmml.model.cell_store import CellFile
from napari_stmml.scan_key import ScanKey
from napari_stmml.truth.truth_file import HOME
from napari_stmml.viewer.correct.look_next import Far, LookNext
from napari_stmml.viewer.correct.open_scan import OpenScan, new_layers
from napari_stmml.viewer.correct.session import session_of
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.panel import scan_of

NO_MODEL = "made by Train, or found by Predict without a model"
LIST_PX = 74  # of the list of scans: the classes need the room


class OpeningPanel(JobPanel):
    """A choice of model and scans, and the job that opens these; what is corrected is in the session."""

    next: LookNext

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Correct")
        self.session = session_of(napari_viewer)
        self.model = self.file(
            "Model file", mode="r", filter="*.stmml", nullable=True, value=self.shared.model, tooltip=NO_MODEL
        )
        self.model.line_edit.native.setPlaceholderText(NO_MODEL)
        self.session.keeper.moved.connect(self._follow)
        self.layers = self.some_scans("Open scans")
        self.layers.native.setMaximumHeight(LIST_PX)
        self.form(self.model, self.layers)
        self.add_buttons()
        self._opening: list[tuple[Any, Any]] = []  # layers and scans that a job is about
        self._opened = 0
        self._looking = False
        self._far: Far | None = None  # a place that is shown when its scan is open
        for one in self.session.scans:  # of a panel that was closed
            self._bind(one.truth)

    def _bind(self, truth: Any) -> None:
        """Give a truth the keys and clicks of this panel, once; a panel that was closed loses it."""
        clicks = truth.mouse_drag_callbacks
        if not any(getattr(click, "__self__", None) is self for click in clicks):
            clicks[:] = [
                one for one in clicks if not isinstance(getattr(one, "__self__", None), OpeningPanel)
            ]
            self.bind(truth)

    def bind(self, truth: Any) -> None:
        """Give a truth that was opened its keys and clicks."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Make what the model sees of the chosen scans; then they can be corrected."""
        layers = list(self.layers.value)
        if not layers:
            raise ValueError("choose at least one open scan to correct")
        path = self._open_model()
        scans = [scan_of(layer) for layer in layers]
        self._opening, self._opened = list(zip(layers, scans, strict=True)), 0
        assert self.session.classifier is not None
        preparation = self.session.classifier.recipe.preprocessing
        scans_to_send = with_way_back(scans, self._all(), preparation)
        self.start(ComputeCells(str(path), str(self.worker.folder)), scans_to_send)

    def _open_model(self) -> Path:
        """Take the model that is chosen, or that of scans clustered at once, which is kept from now on."""
        if self.model.value is None:
            if self.shared.unsaved_model is None or not self.shared.unsaved_model.is_file():
                raise ValueError("choose a model first: Train makes one, Predict clusters scans without one")
            kept = HOME / "models" / f"{datetime.now():%Y-%m-%d_%H%M%S}.stmml"
            kept.parent.mkdir(parents=True, exist_ok=True)
            self.model.value = shutil.copy(self.shared.unsaved_model, kept)
            self.say(f"The clusters that Predict found are kept as the model {kept}.")
        path = Path(self.model.value)
        if self.session.path != path or self.session.keeper.stale:
            self.session.open_model(path)
        self.shared.model = path
        return path

    def _follow(self, path: Path) -> None:
        """Show where the model is kept now, so that it is this one that more scans are opened with."""
        self.model.value = self.shared.model = path

    def on_event(self, event: Event) -> bool:
        """Take a scan in as soon as what the model sees of it is there."""
        match event:
            case ScanProgress(scan, done, total):
                self.progress.setRange(0, total)
                self.progress.setValue(done)
                self.say(f"{scan}: {100 * done / total:.0f} %")
            case CellsReady(number, path, content, shape):
                layer, scan = self._opening[number]
                self.attempt(partial(self._take, layer, scan, CellFile(path, content, shape)))
                return True
            case UncertainFound():
                self.next.add_far(event)
            case FilesDone(done=done, total=total):
                self.progress.setRange(0, total)
                self.progress.setValue(done)
                self.say(f"looked at {done} of {total} files")
            case Skipped(why=why):
                self.say(f"left out: {why}", wrong=True)
        return False

    def on_end(self, event: Ended) -> None:
        """Say what can be corrected now."""
        if self._looking:
            self._looked(event)
            return
        verb = "is" if self._opened == 1 else "are"
        done = f"{self._opened} of {len(self._opening)} scans {verb} open for correction"
        if event.cancelled:
            self.say(f"Cancelled; {done}.")
        elif isinstance(event, Failed):
            self.say(f"Opening stopped: {event.why}; {done}.", wrong=True)
        else:
            self.say(f"{done}. Paint on the layer that begins with “truth”: it is saved after every stroke.")
        if self._far is not None:
            self._fly_to_far(self._far)

    # ---- places to look at, in a whole folder

    def look_through(self, folder: str) -> None:
        """Find the places of a folder's scans that the model is least sure of; N opens and shows them."""
        path = self._open_model()
        self.session.flush()
        self.next.far = []  # places of another look, or of another model
        self._looking = True
        self.start(FindUncertain(str(path), (folder,)))

    def _looked(self, event: Ended) -> None:
        self._looking = False
        ended = "Stopped" if isinstance(event, Failed) else "Looked through"
        scans = len({(far.source, far.direction) for far in self.next.far})
        why = f": {event.why}" if type(event) is Failed and not event.cancelled else ""
        what = f"{len(self.next.far)} places on {scans} scans"
        self.say(f"{ended}{why}; {what}. N shows them.", wrong=bool(why))

    def open_far(self, far: Far) -> None:
        """Open the scan of a place that is not open, for correction; then the camera goes there."""
        if self.running:
            self.next.far.append(far)
            self.say("Wait until the running work has ended.")
            return
        before = set(self._images())
        try:
            self.viewer.open([far.source], plugin="napari-stmml")
        except Exception as error:  # noqa: BLE001 - napari's readers raise what they like
            self.say(f"{far.scan} could not be opened: {error}", wrong=True)
            return
        new = [layer for layer in self._images() if layer not in before]
        own = [layer for layer in new if far.is_on(scan_of(layer))]
        if not own:
            self.say(f"{far.scan} could not be opened", wrong=True)
            return
        self._far = far
        self.reset_choices()
        self.layers.value = own
        self.attempt(self.on_start)

    def _fly_to_far(self, far: Far) -> None:
        self._far = None
        one = next((one for one in self.session.scans if far.is_on(one.scan)), None)
        if one is not None:
            self.next.show_place(one, far.doubt)

    def _take(self, layer: Any, scan: Any, file: CellFile) -> None:
        """Put the layers of a scan over it, with what was painted there before."""
        session = self.session
        if layer not in self.viewer.layers or session.classifier is None:
            self.say(f"{scan.name}: it was removed meanwhile, and is not opened for correction")
            return
        key = ScanKey.of_scan(scan)
        known = session.of_key(key)
        if known:  # what another window has painted comes with the next save
            classifier, predicted, truth = session.classifier, known.predicted, known.truth
        else:
            classifier, painted = session.keeper.open_truth(scan, key, session.classifier)
            predicted, truth = new_layers(layer, scan, painted)
        grid = session.classifier.encoder.grid
        cells = np.load(file.path, mmap_mode="r", allow_pickle=False)
        if classifier is not session.classifier:
            session.edit(classifier, f"took the classes painted on {scan.name} before")
        for one in (predicted, truth):
            if one not in self.viewer.layers:
                self.viewer.add_layer(one)
        session.add(OpenScan(layer, scan, key, predicted, truth, grid, file, cells))
        self._bind(truth)
        self._opened += 1
        truth.mode = "paint"
        self.viewer.layers.selection.active = truth

    def _all(self) -> list[Any]:
        return [scan_of(layer) for layer in self._images() if layer.metadata.get(KEY, {}).get("direction")]
