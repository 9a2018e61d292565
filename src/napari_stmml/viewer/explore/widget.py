"""The Explore widget: the feature space of the open scans; a selection is shown there and on the scans."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_stmml.clustering.embedding import METHODS, Latent, look
from napari_stmml.correction import edits
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.events import Ended, Event, Failed, LayoutReady
from napari_stmml.jobs.embedding_files import load_view, save_question
from napari_stmml.jobs.requests import LayOutCells
from napari_stmml.text import counted, number
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.explore.highlight import Highlight, unlike_all
from napari_stmml.viewer.explore.point_colours import BY, CONFIDENCE, SCAN, by_class, by_confidence, by_scan
from napari_stmml.viewer.explore.points import inside
from napari_stmml.viewer.explore.scatter import Scatter, packed
from napari_stmml.viewer.explore.selected_cells import area_nm2, of_class, of_region, on_click
from napari_stmml.viewer.shared.docking import bring_to_front
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.panel import Callbacks, button, delayed, row_of, wrapped
from napari_stmml.viewer.shared.slots import guarded, slot

SETTLE_MS = 300  # after scans, labels or classes have changed
NOTHING = "No scan is open in Correct yet: Open scan opens the one that you look at, and shows it here."
NO_FEATURES = "This model labels windows, whose features are not kept; Explore needs one that labels cells."
OTHERS = "Other scans are open now: Update shows them."
HELP = "Drag a lasso around points, or Ctrl+click a region on the scan."
_NONE = np.zeros((0, 2), np.float32)


class ExploreWidget(JobPanel):
    """See the cells of all open scans by their features, select some, and make a class of them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Update")
        self.correction = correction_of(napari_viewer)
        self.session = self.correction.session
        tip = "PCA takes a moment; the others keep neighbours together, and take a minute or more"
        self.method = ComboBox(label="Method", choices=METHODS, tooltip=tip)
        self.colour = ComboBox(label="Colour by", choices=BY)
        self.name = LineEdit(label="Name", tooltip="of the class; “class N” if left empty")
        self.name.native.setPlaceholderText("name of a new class")
        self.canvas = Scatter()
        self.legend, self.text = wrapped("legend", rich=True), wrapped("selection")
        self.text.setMinimumHeight(2 * self.text.fontMetrics().lineSpacing())  # the canvas keeps its size
        tip = "open the scan that you look at in Correct; then its feature space is shown here"
        self.open_button = button("Open scan", tip, self.open_scan)
        self.form(self.method, self.colour)
        self.add(row_of(self.open_button, self.start_button, self.cancel_button), self.progress)
        self.column.addWidget(self.canvas, 1)
        self.add(self.legend, self.text, self._selection_buttons(), self.status)
        self.view: Latent | None = None
        self.scans: list[CorrectedScan] = []  # which the view is of
        self.masks: list[np.ndarray] = []  # selected cells, (cells,) bool for each of these
        self.highlight = Highlight(self.correction)
        self._asked: list[CorrectedScan] = []  # which the running job is about
        self._opening = False  # whether Correct opens a scan for this panel, which is then seen again
        self.starters.append(self.method.native)
        self._connect()
        self._take_scans()

    def _selection_buttons(self) -> QWidget:
        tip = "select the class that is chosen in the table of Correct, on all scans"
        self.class_button = button("Select chosen class", tip, self.select_class)
        self.clear_button = button("Clear", "select nothing", self.clear)
        tip = "make a class of the selected cells, and of cells with similar features on every scan"
        self.make_button = button("Make class", tip, self.make_class)
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        cells = (self.class_button, self.clear_button, self.name.native, self.make_button)
        for at, one in enumerate(cells):
            grid.addWidget(one, at // 2, at % 2)
        return box

    def _connect(self) -> None:
        self._scans_timer = delayed(self, SETTLE_MS, self._take_scans)
        self._colours_timer = delayed(self, SETTLE_MS, self._recolour)
        self.follow(self.session.scans_changed, guarded(lambda: self._scans_timer.start()))
        self.follow(self.session.model_changed, guarded(lambda: self._colours_timer.start()))
        self.follow(self.session.map_changed, guarded(lambda one: self._colours_timer.start()))
        click = on_click(self.correction, self.select_region)
        self.follow(Callbacks(self.viewer.mouse_drag_callbacks), guarded(click, self.say))
        self.method.changed.connect(guarded(self.on_start))
        self.colour.changed.connect(self._recolour)
        self.canvas.lassoed.connect(self._select_inside)

    # ---- the view

    def on_start(self) -> None:
        """Lay out the cells of the scans that are open now: PCA at once, the others by a job."""
        scans = list(self.session.scans)
        self.open_button.setVisible(not scans)
        features = [one.features for one in scans if one.features is not None]
        if not scans or len(features) < len(scans):
            self._show(None, [])
            self.say(NO_FEATURES if scans else NOTHING)
            return
        groups, space = [one.labels.ravel() for one in scans], self.session.model.clusters
        if self.method.value == "PCA":
            flat = [one.reshape(-1, one.shape[2]) for one in features]
            self._show(look(flat, groups, space), scans)
        else:
            given, out = (str(self.worker.folder / name) for name in ("given.npz", "view.npz"))
            save_question(given, groups, space)
            self._asked, files = scans, tuple(one.file.path for one in scans)
            self.start(LayOutCells(out, files, given, self.method.value))
            self.say(f"{self.method.value}: laying out the cells …")

    def open_scan(self) -> None:
        """Open the scan that a person looks at in Correct, with the model that is offered there.

        Raises
        ------
        ValueError
            If no scan is open in napari, or there is no model yet.
        """
        _, correct = self.viewer.window.add_plugin_dock_widget("napari-stmml", "Correct")
        correct.on_start()
        self._opening = correct.running
        if self._opening:
            self.say(f"Correct opens {counted(len(correct.layers.value), 'scan')} …")

    def cancel(self) -> None:
        """End the job at once: no method of neighbours can be asked to stop."""
        super().cancel()
        self.worker.kill()

    def on_event(self, event: Event) -> bool:
        """Show the cells that were laid out."""
        if isinstance(event, LayoutReady):
            self._show(load_view(event.path), self._asked)
        return True

    def on_end(self, event: Ended) -> None:
        """Say why nothing was laid out; the view stays as it is."""
        if isinstance(event, Failed):
            self.say_stopped(event, f"{self.method.value} failed")

    def on_close(self) -> None:
        """Leave nothing behind."""
        super().on_close()
        self.highlight.remove()

    @slot
    def _take_scans(self) -> None:
        """Follow the scans that are open: at once where that is fast, else when it is asked for."""
        if self.session.busy:
            self._scans_timer.start()
        elif self.method.value == "PCA" or not self.session.scans:
            self.attempt(self.on_start)
        elif self.session.scans != self.scans:
            self.say(OTHERS)

    def _show(self, view: Latent | None, scans: list[CorrectedScan]) -> None:
        self.view, self.scans = view, scans
        self.highlight.remove()
        if view is None:
            self.canvas.show_points(_NONE, _NONE, packed([]), ("", ""))
            self.legend.clear()
        else:
            points = view.drawn.of(view.points)
            colours = np.zeros(len(points), np.uint32)
            self.canvas.show_points(np.concatenate(view.points), points, colours, view.axes)
            cells = sum(int(np.isfinite(some[:, 0]).sum()) for some in view.points)
            drawn = len(view.drawn)
            if self._opening:
                bring_to_front(self)
                self._opening = False
            coloured = f", {number(drawn)} of them in colour" if drawn < cells else ""
            self.say(f"{counted(cells, 'cell')}{coloured}.")
        self.clear()
        self._recolour()

    @slot
    def _recolour(self) -> None:
        if self.view is None or self.session.classifier is None:
            return
        drawn, classes = self.view.drawn, self.session.classifier.classes
        if self.colour.value == CONFIDENCE:
            colours, legend = by_confidence(drawn, self.scans)
        elif self.colour.value == SCAN:
            colours, legend = by_scan(drawn, self.scans)
        else:
            shown = [one.shown_cells(classes).ravel() for one in self.scans]
            colours, legend = by_class(drawn, shown, classes)
        self.canvas.recolour(colours)
        self.legend.setText(legend)

    # ---- what is selected

    def select(self, masks: Sequence[np.ndarray], what: str) -> None:
        """Select cells, (cells,) bool for each scan of the view: they are marked here and on the scans."""
        chosen = sum(int(mask.sum()) for mask in masks)
        if self.view is None or not chosen:
            self.clear()
            self.text.setText(f"No cell is {what}. {HELP}")
            return
        self.masks = list(masks)
        colour = unlike_all(self.session.model.class_colours)
        marked = [points[mask] for points, mask in zip(self.view.points, masks, strict=True)]
        self.canvas.mark(np.concatenate(marked), colour)
        for one, mask in zip(self.scans, masks, strict=True):
            if one in self.session.scans:
                self.highlight.show(one, mask.reshape(one.labels.shape), colour)
        area = area_nm2(self.scans, self.masks)
        size = "" if area is None else f" ({number(area)} nm²)"
        self.text.setText(f"{counted(chosen, 'cell')}{size} {what}.")
        self.make_button.setEnabled(True)

    def clear(self) -> None:
        """Select nothing."""
        self.masks = []
        self.canvas.mark(_NONE, "#000000")
        self.highlight.blank()
        self.text.setText(HELP if self.view is not None else "")
        self.make_button.setEnabled(False)

    @slot
    def _select_inside(self, corners: np.ndarray) -> None:
        if self.view is not None:
            self.select([inside(corners, points) for points in self.view.points], "inside the lasso")

    def select_class(self) -> None:
        """Select the cells of the class that is chosen to paint with, on all scans."""
        one = self.session.current
        if one is None:
            self.say(NOTHING)
            return
        model, chosen = self.session.model, self.correction.of(one).truth.selected_label
        label = int(model.classes.lookup[chosen]) if chosen <= model.n_classes else 0
        if label:
            masks = of_class(self.scans, model.classes, label)
            self.select(masks, f"of {model.class_names[label - 1]}")
        else:
            self.say("Choose a class in the table of Correct first.")

    @slot
    def select_region(self, one: CorrectedScan, row: float, col: float) -> None:
        """Select the cells of the region that is shown at a position in px of a scan."""
        if one in self.scans:
            model = self.session.model
            masks, label = of_region(self.scans, model.classes, one, row, col)
            name = model.class_names[label - 1] if label else "no class"
            self.select(masks, f"of a region of {name} on {one.name}")

    def make_class(self) -> None:
        """Make a class of what is selected: a step that can be undone, and that ends in the table."""
        if not set(self.scans) <= set(self.session.scans):  # they may be of another model
            self.say(OTHERS)
        elif self.masks:
            self.attempt(self._make_class)

    def _make_class(self) -> None:
        name = self.name.value.strip()
        made, what = edits.class_of_cells(self.session.model, self.scans, self.masks, name)
        self.clear()
        self.name.value = ""
        self.session.edit(made, what)
        self.say(f"{what[:1].upper()}{what[1:]}; Undo in Correct takes it back.")
