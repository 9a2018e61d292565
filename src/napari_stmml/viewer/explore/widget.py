"""The Explore widget: the feature space of the open scans; a lasso there lights cells up here, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QPushButton

from napari_stmml.clustering.embedding import METHODS, Latent, look
from napari_stmml.model import editing
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.session import session_of
from napari_stmml.viewer.explore.chosen_cells import area_nm2, listen, of_class, of_region, shown_on_cells
from napari_stmml.viewer.explore.embedding_process import EmbeddingProcess
from napari_stmml.viewer.explore.highlight import Highlight, unlike_all
from napari_stmml.viewer.explore.point_colours import BY, CONFIDENCE, SCAN, by_class, by_confidence, by_scan
from napari_stmml.viewer.explore.points import inside
from napari_stmml.viewer.explore.scatter import Scatter, packed
from napari_stmml.viewer.shared.panel import Panel, wrapped

SETTLE_MS = 300  # after scans, labels or classes have changed
NOTHING = "Open scans with Correct first; their feature space is shown here."
OF_WINDOWS = "This model looks at windows, whose features are not kept; Explore needs a model of places."
OTHERS = "Other scans are open now: Update shows them."
HELP = "Drag a lasso around points, or Ctrl+click a region on the scan."
_NONE = np.zeros((0, 2), np.float32)


class ExploreWidget(Panel):
    """See the cells of all open scans by their features, select some, and make a class of them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.session = session_of(napari_viewer)
        tip = "PCA is there at once; the others keep neighbours together, and take a minute or more"
        self.method = ComboBox(label="Method", choices=METHODS, tooltip=tip)
        self.colour = ComboBox(label="Colour by", choices=BY)
        self.name = LineEdit(label="Name", tooltip="of the class; “class N” if left empty")
        self.name.native.setPlaceholderText("name of a new class")
        self.canvas = Scatter()
        self.legend, self.text = wrapped("legend"), wrapped("selection")
        self.text.setMinimumHeight(2 * self.text.fontMetrics().lineSpacing())  # the canvas keeps its size
        self.busy = QProgressBar(maximum=0)
        self.busy.setAccessibleName("busy")
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the canvas keeps its size
        self.busy.setSizePolicy(policy)
        self._lay_out()
        self.view: Latent | None = None
        self.scans: list[OpenScan] = []  # which the view is of
        self.masks: list[np.ndarray] = []  # selected cells, (cells,) bool for each of these
        self.highlight = Highlight(napari_viewer)
        self.embedding = EmbeddingProcess(self)
        self._asked: list[OpenScan] = []  # what is laid out elsewhere
        self._scans_timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._colours_timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._connect()
        self._take_scans()

    # ---- the view

    def update_view(self) -> None:
        """Lay out the cells of the scans that are open now: at once, or in a process of its own."""
        self.embedding.cancel()
        classifier, scans = self.session.classifier, list(self.session.scans)
        features = [one.features for one in scans if one.features is not None]
        if classifier is None or not scans or len(features) < len(scans):
            self._show(None, [])
            self.say(OF_WINDOWS if scans else NOTHING)
            return
        groups = [one.labels.ravel() for one in scans]
        try:
            if self.method.value == "PCA":
                flat = [one.reshape(-1, one.shape[2]) for one in features]
                self._show(look(flat, groups, classifier.clusters), scans)
                return
            files, self._asked = [one.file.path for one in scans], scans
            self.embedding.start(files, groups, classifier.clusters, self.method.value)
            self.say(f"{self.method.value}: laying out the cells …")
        except (ValueError, OSError) as error:
            self.say(str(error), wrong=True)
        self._show_running()

    def cancel(self) -> None:
        """End what is being laid out; the view stays as it is."""
        self.embedding.cancel()
        self.say("Cancelled.")
        self._show_running()

    # ---- what is selected

    def select(self, masks: Sequence[np.ndarray], what: str) -> None:
        """Select cells, (cells,) bool for each scan of the view: they light up here and on the scans."""
        chosen = sum(int(mask.sum()) for mask in masks)
        if self.view is None or not chosen:
            self.clear()
            self.text.setText(f"No cell is {what}. {HELP}")
            return
        self.masks = list(masks)
        classifier = self.session.classifier
        colour = unlike_all([] if classifier is None else classifier.class_colours)
        marked = [points[mask] for points, mask in zip(self.view.points, masks, strict=True)]
        self.canvas.mark(np.concatenate(marked), colour)
        for one, mask in zip(self.scans, masks, strict=True):
            if one in self.session.scans:
                self.highlight.show(one, mask.reshape(one.labels.shape), colour)
        area = area_nm2(self.scans, self.masks)
        size = "" if area is None else f" ({area:.4g} nm²)"
        self.text.setText(f"{_many(chosen)} cells{size} are {what}.")
        self.make_button.setEnabled(True)

    def clear(self) -> None:
        """Select nothing."""
        self.masks = []
        self.canvas.mark(_NONE, "#000000")
        self.highlight.blank()
        self.text.setText(HELP if self.view is not None else "")
        self.make_button.setEnabled(False)

    def select_class(self) -> None:
        """Select the cells of the class that is chosen to paint with, on all scans."""
        one, classifier = self.session.current, self.session.classifier
        if one is None or classifier is None:
            self.say(NOTHING)
            return
        chosen = one.truth.selected_label
        label = int(classifier.classes.lookup[chosen]) if chosen <= classifier.n_classes else 0
        if not label:
            self.say("Choose a class in the table of Correct first.")
            return
        masks = of_class(self.scans, classifier.classes, label)
        self.select(masks, f"of {classifier.class_names[label - 1]}")

    def select_region(self, one: OpenScan, row: float, col: float) -> None:
        """Select the cells of the region that is shown at a place of a scan, in px."""
        classifier = self.session.classifier
        if classifier is not None and one in self.scans:
            masks, label = of_region(self.scans, classifier.classes, one, row, col)
            name = classifier.class_names[label - 1] if label else "no class"
            self.select(masks, f"of a region of {name} on {one.name}")

    def make_class(self) -> None:
        """Make a class of what is selected: a step that can be undone, and that ends in the table."""
        classifier = self.session.classifier
        if classifier is None or not self.masks:
            return
        if not set(self.scans) <= set(self.session.scans):  # they may be of another model
            self.say(OTHERS)
            return
        pairs = zip(self.scans, self.masks, strict=True)
        features = np.concatenate([one.cells.reshape(-1, one.cells.shape[2])[mask] for one, mask in pairs])
        try:
            made, label = editing.carve(classifier, features, self.name.value.strip() or None)
        except ValueError as error:
            self.say(str(error), wrong=True)
            return
        self.clear()
        self.name.value = ""
        what = f"made {made.class_names[label - 1]} of {len(features)} cells"
        self.session.edit(made, what)
        self.say(f"{what[:1].upper()}{what[1:]}; Undo in Correct takes it back.")

    # ---- inside

    def _lay_out(self) -> None:
        self.form(self.method, self.colour)
        row = QHBoxLayout()
        self.update_button = _button("Update", "lay out the scans that are open now", self.update_view)
        self.cancel_button = _button("Cancel", "end what is being laid out", self.cancel)
        for button in (self.update_button, self.cancel_button):
            row.addWidget(button)
        self.column.addLayout(row)
        self.column.addWidget(self.busy)
        self.column.addWidget(self.canvas, 1)
        self.column.addWidget(self.legend)
        self.column.addWidget(self.text)
        tip = "the class that is chosen in the table of Correct, on all scans"
        self.class_button = _button("Show chosen class", tip, self.select_class)
        self.clear_button = _button("Clear", "select nothing", self.clear)
        tip = "a class of the selected cells, and of what is like them, on every scan"
        self.make_button = _button("Make this a class", tip, self.make_class)
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, one in enumerate(
            (self.class_button, self.clear_button, self.name.native, self.make_button)
        ):
            grid.addWidget(one, number // 2, number % 2)
        self.column.addLayout(grid)
        self.column.addWidget(self.status)

    def _connect(self) -> None:
        self.method.changed.connect(self.update_view)
        self.colour.changed.connect(self._recolour)
        self.canvas.lassoed.connect(self._lasso)
        self.embedding.done.connect(lambda view: self._show(view, self._asked))
        self.embedding.failed.connect(self._fail)
        self._scans_timer.timeout.connect(self._take_scans)
        self._colours_timer.timeout.connect(self._recolour)
        self._clicked = listen(self.session, self.select_region)
        self._heard = False
        self._hear(True)

    def _hear(self, on: bool) -> None:
        """Follow what happens to the session and in the viewer; or no more."""
        if on == self._heard:
            return
        self._heard, session, callbacks = on, self.session, self.viewer.mouse_drag_callbacks
        for signal, do in (
            (session.scans_changed, self._scans_timer.start),
            (session.model_changed, self._colours_timer.start),
            (session.relabelled, self._recolour_soon),
        ):
            (signal.connect if on else signal.disconnect)(do)
        (callbacks.append if on else callbacks.remove)(self._clicked)

    def _take_scans(self) -> None:
        """Follow the scans that are open: at once where that is fast, else when it is asked for."""
        if self.session.busy:
            self._scans_timer.start()
        elif self.method.value == "PCA" or not self.session.scans:
            self.update_view()
        elif self.session.scans != self.scans:
            self.say(OTHERS)

    def _show(self, view: Latent | None, scans: list[OpenScan]) -> None:
        self.view, self.scans = view, scans
        self.highlight.remove()
        if view is None:
            self.canvas.show_points(_NONE, _NONE, packed([]), ("", ""))
            self.legend.clear()
        else:
            points = view.drawn.of(view.points)
            self.canvas.show_points(
                np.concatenate(view.points), points, np.zeros(len(points), np.uint32), view.axes
            )
            cells = sum(int(np.isfinite(some[:, 0]).sum()) for some in view.points)
            self.say(f"{_many(cells)} cells, {_many(len(view.drawn))} of them in colour.")
        self.clear()
        self._recolour()
        self._show_running()

    def _recolour_soon(self, one: OpenScan) -> None:
        self._colours_timer.start()

    def _recolour(self) -> None:
        classifier = self.session.classifier
        if self.view is None or classifier is None:
            return
        drawn = self.view.drawn
        if self.colour.value == CONFIDENCE:
            colours, legend = by_confidence(drawn, self.scans)
        elif self.colour.value == SCAN:
            colours, legend = by_scan(drawn, self.scans)
        else:
            shown = [shown_on_cells(one, classifier.classes) for one in self.scans]
            colours, legend = by_class(drawn, shown, classifier.classes)
        self.canvas.recolour(colours)
        self.legend.setText(legend)

    def _lasso(self, corners: np.ndarray) -> None:
        if self.view is not None:
            self.select([inside(corners, points) for points in self.view.points], "inside the lasso")

    def _fail(self, sentence: str) -> None:
        self.say(sentence, wrong=True)
        self._show_running()

    def _show_running(self) -> None:
        running = self.embedding.running
        self.busy.setVisible(running)
        self.cancel_button.setEnabled(running)

    def changeEvent(self, event: Any) -> None:
        """Leave nothing behind when napari takes the panel out of its window: it is closed, not destroyed."""
        if event.type() == QEvent.Type.ParentChange:
            self._hear(self.parent() is not None)
            if self.parent() is None:
                self.embedding.cancel()
                self.highlight.remove()
        super().changeEvent(event)


def _button(text: str, tip: str, do: Any) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda checked=False: do())
    return button


def _many(n: int) -> str:
    """Write a large number.

    >>> _many(300000)
    '300 000'
    """
    return f"{n:,}".replace(",", " ")
