"""The Correct widget: the classes of a model beside the scans; what is painted there, the model learns."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, FloatSpinBox
from qtpy.QtWidgets import QFileDialog, QGridLayout, QInputDialog
from superqt import QCollapsible

from napari_stmml.correction import edits
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.correction.map_file import save_map
from napari_stmml.correction.session import NO_MODEL
from napari_stmml.measuring.class_statistics import Share
from napari_stmml.model.classifier import LEAST_SURE, SurfaceClassifier
from napari_stmml.text import short_stem
from napari_stmml.viewer.correct.class_table import ClassTable
from napari_stmml.viewer.correct.opening import OpeningPanel
from napari_stmml.viewer.correct.scan_switch import ScanSwitch
from napari_stmml.viewer.shared.keys import as_html
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import button, delayed, wrapped
from napari_stmml.viewer.shared.slots import guarded, slot

LIVE_MS = 250  # after a stroke, before the model learns from it
ONLY_MINE = (
    "Every pixel is of a class that you named or painted, or of none where an object is unlike all of them."
    " Off: what you did not paint keeps its cluster."
)
NOT_SURE = (
    "With Only my classes: a pixel has no class where the likeliest one is less ahead of the next than this,"
    " 0 (every pixel has one) to 1."
)


class CorrectWidget(OpeningPanel):
    """Edit the classes of a model on open scans, paint what is right, and let the model learn from it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.table = ClassTable()
        self.live = CheckBox(text="Live", tooltip="learn after every stroke, without a click on Refine")
        self.only_mine = CheckBox(text="Only my classes")
        self.least_sure = FloatSpinBox(min=0, max=1, step=0.05, tooltip=NOT_SURE)
        self.least_sure.native.setPrefix("Not sure below ")
        self.least_sure.native.setKeyboardTracking(False)
        self.switch = ScanSwitch(self.correction)
        self.remarks = wrapped("remarks about the map")
        self.remarks.hide()
        self.column.addWidget(self.switch)
        self.column.addWidget(self.table, 1)
        self.column.addWidget(self.remarks)
        self.column.addLayout(_grid(self._class_buttons(), 4))
        grid = _grid(self._learning_buttons(), 3)
        grid.addWidget(self.live.native, 2, 2)  # below Refine
        grid.addWidget(self.only_mine.native, 3, 0)
        grid.addWidget(self.least_sure.native, 3, 1, 1, 2)
        self.column.addLayout(grid)
        keys, text = QCollapsible("Keys"), wrapped("keys", rich=True)
        text.setText(as_html("Correct"))
        keys.addWidget(text)
        self.add(self.review_panel, keys)
        self._live_timer = delayed(self, LIVE_MS, self._learn_live)
        self._connect()
        self._show_model()

    def _connect(self) -> None:
        session, table = self.session, self.table
        self.follow(session.model_changed, self._show_model)
        self.follow(session.scans_changed, self._show_scans)
        self.follow(session.current_changed, guarded(lambda one: self.switch.show_state()))
        self.follow(session.shares_found, self._show_shares)
        self.follow(session.remarked, self._show_remarks)
        self.follow(session.said, self.say)
        self.follow(session.stroked, self._take_stroke)
        self.follow(self.correction.class_picked, self._select)
        self.follow(self.correction.class_key, self.review_panel.answer)
        self.follow(self.correction.next_key, self.review_panel.go)
        self.only_mine.changed.connect(
            guarded(lambda on: self._do(lambda: session.show_only_mine(on)), self.say)
        )
        self.least_sure.changed.connect(
            guarded(lambda least: self._do(lambda: session.set_least_sure(least)), self.say)
        )
        table.picked.connect(self.correction.pick)
        table.renamed.connect(guarded(lambda label, name: self.edit(edits.rename, label, name), self.say))
        table.recoloured.connect(guarded(lambda label, colour: self.edit(edits.recolour, label, colour)))
        table.eyes_changed.connect(guarded(lambda: self.correction.hide(table.hidden)))

    def on_close(self) -> None:
        """Ask about nothing any more."""
        super().on_close()
        self._live_timer.stop()
        self.review_panel.leave()

    # ---- what a person does

    def edit(self, edit: Callable[..., edits.Edit], *values: Any) -> None:
        """Edit the model as one step; where it cannot be done, a sentence says why."""
        self._do(lambda: self.session.edit(*edit(self.session.model, *values)))

    def _do(self, action: Callable[[], Any]) -> None:
        if self.session.classifier is None:
            self.say(NO_MODEL)
        else:
            self.attempt(action)
            self._show_model()  # a name that was refused goes back

    def _class_buttons(self) -> Sequence["_Button"]:
        def edit(edit: Callable[..., edits.Edit], *values: Any) -> Callable[[], None]:
            return lambda: self.edit(edit, self.table.chosen, *values)

        return (
            ("Merge", "make one class of the selected ones; the first keeps its name", edit(edits.merge)),
            ("Split…", "find 2 or more classes within the selected one", self._split),
            ("New", "add a class to paint with, which the model then learns", self._new),
            ("Delete", "delete the selected classes; what had them is unlabelled", edit(edits.delete)),
            ("▲", "move the selected class up", edit(edits.move, -1)),
            ("▼", "move the selected class down", edit(edits.move, 1)),
            (
                "Background",
                "mark as background, or as structure again: shown faintly, left out of statistics of regions",
                edit(edits.background),
            ),
            ("Show all", "show every class again", lambda: self.table.show_only(None)),
        )

    def _learning_buttons(self) -> Sequence["_Button"]:
        session = self.session
        return (
            ("Undo", "undo the last stroke, merge or refinement (Ctrl+Z)", session.undo),
            ("Redo", "redo what was undone last (Ctrl+Shift+Z)", session.redo),
            ("Refine", "let the model learn from what is painted", lambda: self._do(session.learn)),
            (
                "Save model as…",
                "save the model with its classes and what it learnt in another file",
                self._ask_save,
            ),
            ("Save map…", "save the labels of this scan, painted ones over predicted ones", self._ask_map),
            (
                "Remove examples",
                "the model forgets what it learnt from this scan; the strokes stay",
                lambda: self.edit(edits.forget, session.current),
            ),
            (
                "Review uncertain areas…",
                "search a folder for areas whose label is uncertain; N then opens them one by one",
                self._ask_folder,
            ),
            ("Save figure…", "a figure for a paper of this scan and its classes", self._open_figure),
        )

    def _new(self) -> None:
        self.edit(edits.new_class)
        if self.session.classifier is not None:
            self.correction.pick(self.session.classifier.classes.order[-1])

    def _split(self) -> None:
        n, ok = QInputDialog.getInt(self, "Split", "Number of classes:", 2, 2, 9)
        if ok:
            self.edit(edits.split, self.session.scans, self.table.chosen, n)

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model", str(self.session.path), "Models (*.stmml)"
        )
        if path:
            self._do(lambda: self.session.save_as(Path(path)))

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Search a folder of scans for uncertain areas")
        if folder:
            self.attempt(lambda: self.search_folder(folder))

    def _open_figure(self) -> None:
        one = self.session.current
        open_figure(self.viewer, layer=None if one is None else self.correction.of(one).truth)

    def _ask_map(self) -> None:
        one = self.session.current
        if one is None:
            self.say("Open a scan for correction first.")
            return
        stem = short_stem(f"{one.scan.stem}_{one.scan.short_direction}")
        name = str(Path.home() / f"{stem}.stmml.tif")
        kinds = "Label maps (*.stmml.tif);;Gwyddion, a mask for each class (*.gwy)"
        path, _ = QFileDialog.getSaveFileName(self, "Save the map", name, kinds)
        if path:
            self.attempt(lambda: self.save_map(path))

    def save_map(self, path: str | Path) -> None:
        """Save the labels of the current scan, painted ones over predicted ones."""
        one = self.session.current
        if one is not None:
            saved = save_map(path, one, self.session.model.classes, str(self.session.path))
            self.say(f"Saved {saved}; {(one.truth > 0).mean():.1%} of it was painted by a person.")

    # ---- what is shown

    @slot
    def _select(self, label: int) -> None:
        if label not in self.table.chosen:  # several rows may be: to be merged
            self.table.select([label])

    @slot
    def _take_stroke(self, one: CorrectedScan) -> None:
        self.review_panel.take_stroke(one)
        if self.live.value:
            self._live_timer.start()

    @slot
    def _learn_live(self) -> None:
        self.session.learn(with_stroke=True)

    @slot
    def _show_model(self) -> None:
        classifier = self.session.classifier
        if classifier is None:
            self.table.show_classes(None, {})
        else:
            examples = {} if classifier.examples is None else classifier.examples.counts
            self.table.show_classes(classifier.classes, examples, classifier.left_out)
        self._show_switch(classifier)

    def _show_switch(self, classifier: SurfaceClassifier | None) -> None:
        of_windows = classifier is not None and classifier.encoder.has_pitch
        with self.only_mine.changed.blocked():
            self.only_mine.value = classifier is not None and classifier.shows_only_painted
        self.only_mine.enabled = classifier is not None and not of_windows
        with self.least_sure.changed.blocked():
            self.least_sure.value = LEAST_SURE if classifier is None else classifier.least_sure
        self.least_sure.enabled = self.only_mine.value
        self.only_mine.tooltip = edits.OF_WINDOWS if of_windows else ONLY_MINE

    @slot
    def _show_scans(self) -> None:
        if self.session.current is not None:
            self.session.choose(self.session.current)
        self.switch.show_state()
        self.review_panel.renew()

    @slot
    def _show_shares(self, one: CorrectedScan, shares: dict[int, Share]) -> None:
        if one is self.session.current:
            self.table.show_shares(shares)

    @slot
    def _show_remarks(self, one: CorrectedScan, said: str) -> None:
        if one is self.session.current:
            self.remarks.setText(said)
            self.remarks.setVisible(bool(said))


_Button = tuple[str, str, Callable[[], Any]]  # what stands on it, its tooltip, what it does


def _grid(buttons: Sequence[_Button], columns: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    for number, one in enumerate(buttons):
        grid.addWidget(button(*one), number // columns, number % columns)
    return grid
