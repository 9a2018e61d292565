"""OpeningPanel: opens scans for correction, when a job has computed the features of their cells."""

from functools import partial
from pathlib import Path
from typing import Any

from napari_stmml.correction.uncertain_area_review import AreaToOpen
from napari_stmml.events import (
    CellsReady,
    Ended,
    Event,
    Failed,
    ScanProgress,
    UncertainFound,
    doubts,
)
from napari_stmml.heights.two_biases import with_way_back
from napari_stmml.jobs.requests import ComputeCells, FindUncertain
from napari_stmml.model.cell_file import CellFile
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage, lineage_of
from napari_stmml.model.recent_models import model_of, note_use
from napari_stmml.scan import Scan
from napari_stmml.text import counted, percent
from napari_stmml.viewer.correct.ask_model import ask_which
from napari_stmml.viewer.correct.review_panel import ReviewPanel
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.held import hold
from napari_stmml.viewer.io.layers import KEY, brief_name
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.predicted_layer import Prediction, maps_of, note_model, prediction_of, shown_map
from napari_stmml.viewer.io.scan_files import in_file
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.model_choice import ModelChoice
from napari_stmml.viewer.shared.slots import slot

NO_MODEL = "that of the map, or used last"
TIP = "of the map that is shown on the scan, or used last on this scan; or choose another"
LIST_PX = 74  # of the list of scans: the classes need the room


class OpeningPanel(JobPanel):
    """A choice of model and scans, the job that opens these, and the review of uncertain areas."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Correct")
        self.correction = correction_of(napari_viewer)
        self.session = self.correction.session
        self.model = ModelChoice("Model", NO_MODEL, TIP)
        self.follow(self.session.model_moved, self._show_path)
        self.layers = self.some_scans("Open scans")
        self.layers.native.setMaximumHeight(LIST_PX)
        self.layers.changed.connect(self._offer_model)
        self.form(self.model, self.layers)
        self.add_buttons()
        self.review_panel = ReviewPanel(self.correction)
        self.review = self.review_panel.review
        self.review_panel.scan_wanted.connect(self.open_area)
        self._opening: list[tuple[Any, Scan]] = []  # layers and scans that a job is about
        self._opened = 0
        self._doubts: list[tuple[str, str | None]] = []  # about the labels of each scan
        self._also = ""  # sentences about the opening that are said at its end
        self._searching = False  # a folder, for uncertain areas
        self._next: AreaToOpen | None = None  # an area that is shown when its scan is open
        self._offer_model()

    def on_start(self) -> None:
        """Compute the features of the chosen scans; then they can be corrected."""
        layers = self.scans_in(self.layers)
        self._also, self._doubts = self.keep_strokes(), []
        hold(layers)
        scans = [recorded_scan(layer) for layer in layers]
        path = self._open_model()
        if path is None:
            return
        self._opening, self._opened = list(zip(layers, scans, strict=True)), 0
        preparation = self.session.model.recipe.preprocessing
        request = ComputeCells(str(path), str(self.correction.folder.path))
        self.start(request, with_way_back(scans, self._directions(), preparation, in_file))

    def _open_model(self) -> Path | None:
        """Open the model that is chosen, or that of the map that is shown; None if a person wants neither."""
        self._offer_model()
        path = self._wanted_model()
        if path is None:
            return None
        if self.session.path != path or self.session.models.stale:
            closed = len(self.session.scans)
            self.session.use(SurfaceClassifier.load(path), path)
            if closed:
                what = f"{counted(closed, 'scan')} that another model had opened"
                self._also += f" Closed: {what}; what was painted on them is saved."
        self.shared.model = path
        self._also += self._other_maps(lineage(self.session.model.training), path)
        return path

    def _wanted_model(self) -> Path | None:
        """Return the model that is chosen; where another made the map that is shown, a person is asked."""
        made, path = self._made, self.model.value
        of_map = None if made is None or not made.model.is_file() else made.model
        path = path or of_map or self.shared.clustered
        if path is None:
            raise ValueError("choose a model first: Train makes one, Predict clusters scans without one")
        if not self.model.chosen or made is None or of_map is None or lineage_of(path) == made.lineage:
            return path
        return ask_which(self, of_map, path)

    @property
    def _made(self) -> Prediction | None:
        """What is known of the map that is shown on the chosen scans."""
        shown = shown_map(self.viewer, [recorded_scan(layer) for layer in self.layers.value])
        return None if shown is None else prediction_of(shown)

    def _other_maps(self, model: str, path: Path) -> str:
        """Say which maps of the chosen scans another model made; ``model`` is the lineage of that in use."""
        maps = maps_of(self.viewer.layers, [recorded_scan(layer) for layer in self.layers.value])
        known = ((layer.name, prediction_of(layer)) for layer in maps)
        other = [f"“{name}”" for name, made in known if made and made.lineage != model]
        if not other:
            return ""
        verb = "was" if len(other) == 1 else "were"
        return f" {', '.join(other)} {verb} made by another model than {path.name}."

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now, and the model of a map that has come."""
        super().reset_choices(event)
        self._offer_model()

    @slot
    def _offer_model(self) -> None:
        """Offer the model of the map that is shown on the chosen scans, or else the one used last on them."""
        made, layers = self._made, self.layers.value
        last = model_of(recorded_scan(layers[0])) if layers else None
        known = last or self.shared.model or self.shared.clustered
        self.model.offer(made.model if made is not None and made.model.is_file() else known)

    @slot
    def _show_path(self, path: Path) -> None:
        """Show where the model is kept now: more scans are opened with this one."""
        self.shared.model = path
        self.model.take(path)
        note_use(path, [one.scan for one in self.session.scans])
        if self.session.classifier is not None:
            note_model(self.viewer.layers, lineage(self.session.classifier.training), path)

    def on_event(self, event: Event) -> bool:
        """Open a scan as soon as its features are there."""
        match event:
            case ScanProgress(name, done, total):
                self.measure(done, total)
                self.say(f"{name}: {percent(done / total)}")
            case CellsReady(number, path, content, shape, doubt):
                layer, scan = self._opening[number]
                self._doubts.append((scan.name, doubt))
                self.attempt(partial(self._open, layer, scan, CellFile(path, content, shape)))
                return True
            case UncertainFound():
                self.review.to_open += [AreaToOpen(event, area) for area in event.areas]
            case _:
                self.show_progress(event)
        return False

    def _open(self, layer: Any, scan: Scan, file: CellFile) -> None:
        """Open a scan in the session, and put its layers over it."""
        if layer not in self.viewer.layers or self.session.classifier is None:
            self.say(f"{scan.name}: it was removed meanwhile, and is not opened for correction")
            return
        truth = self.correction.show(self.session.open_scan(scan, brief_name(layer), file), layer)
        self._opened += 1
        note_use(str(self.session.path), [scan])
        truth.mode = "paint"
        self.viewer.layers.selection.active = truth

    def on_end(self, event: Ended) -> None:
        """Say what can be corrected now, or how many uncertain areas were found."""
        if self._searching:
            self._end_search(event)
            return
        verb = "is" if self._opened == 1 else "are"
        done = f"{self._opened} of {counted(len(self._opening), 'scan')} {verb} open for correction"
        if isinstance(event, Failed):
            self.say_stopped(event, "Opening stopped", f"{done}.{self._also}".rstrip("."))
        else:
            self._also += "".join(f" {doubt}." for doubt in doubts(self._doubts))
            paint = "Paint on the layer that begins with “truth”: it is saved after every stroke."
            self.say(f"{done}.{self._also} {paint}")
        wanted, self._next = self._next, None
        one = next((one for one in self.session.scans if wanted and wanted.is_on(one.scan)), None)
        if one is not None and wanted is not None:
            self.review.ask(one, wanted.area)
            self.review_panel.show_area()

    # ---- uncertain areas of a whole folder

    def search_folder(self, folder: str) -> None:
        """Find the uncertain areas of all scans of a folder; N opens and shows them."""
        self._also = ""
        path = self._open_model()
        if path is None:
            return
        self.session.flush()
        self.review.to_open = []  # areas of another search, or of another model
        self._searching = True
        self.start(FindUncertain(str(path), (folder,)))

    def _end_search(self, event: Ended) -> None:
        self._searching = False
        found = self.review.to_open
        scans = counted(len({(far.found.source, far.found.direction) for far in found}), "scan")
        what = f"{counted(len(found), 'uncertain area')} on {scans}"
        if isinstance(event, Failed):
            self.say_stopped(event, "The search stopped", f"{what} found, which N shows")
        else:
            self.say(f"{what} found. N shows them.")

    @slot
    def open_area(self, far: AreaToOpen) -> None:
        """Open the scan of an area for correction; then the camera goes there."""
        if self.running:
            self.review.to_open.append(far)
            self.say("Wait until the running work has ended.")
            return
        before, why = set(self._images()), ""
        try:
            self.viewer.open([far.found.source], plugin="napari-stmml")
        except Exception as error:  # noqa: BLE001 - napari's readers raise what they like
            why = f": {error}"
        own = [layer for layer in self._images() if layer not in before and far.is_on(recorded_scan(layer))]
        if not own:
            self.say(f"{far.found.scan} could not be opened{why}", wrong=True)
            return
        self._next = far
        self.reset_choices()
        self.layers.value = own
        self.attempt(self.on_start)

    def _directions(self) -> list[Scan]:
        """List all open scans that know their direction."""
        return [
            recorded_scan(layer) for layer in self._images() if layer.metadata.get(KEY, {}).get("direction")
        ]
