"""The Correct widget: classes beside the scan, a truth that is painted, a model that learns from it."""

from functools import partial
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QGridLayout, QInputDialog, QLabel, QPushButton
from superqt import QCollapsible

from napari_stmml.viewer.correct import class_actions
from napari_stmml.viewer.correct.class_table import ClassTable
from napari_stmml.viewer.correct.look_next import LookNext
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.opening import OpeningPanel

LIVE_MS = 250  # after a stroke, before the model learns from it
KEYS = (
    "<b>Ctrl+1 … Ctrl+9</b> choose a class · <b>P</b> paint, <b>E</b> erase (back to the model's answer),"
    " <b>F</b> fill, <b>L</b> pick · <b>Shift+click</b> gives a whole region the chosen class ·"
    " <b>N</b> next place to look at · <b>Ctrl+Z</b>, <b>Ctrl+Shift+Z</b> undo, redo: strokes, merges and"
    " what was learnt · <b>Alt+move</b> brush size"
)


class CorrectWidget(OpeningPanel):
    """Edit the classes of a model on open scans, paint what is right, and let the model learn from it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.table = ClassTable()
        self.column.addWidget(self.table, 1)
        self.column.addLayout(self._class_buttons())
        self.live = CheckBox(text="Live", tooltip="learn after every stroke, without a click on Refine")
        self.column.addLayout(self._learning_buttons())
        self.next = LookNext(self.session, self.table)
        self.column.addWidget(self.next)
        self._fold_keys()
        self._live_timer = QTimer(self, singleShot=True, interval=LIVE_MS)
        self._live_timer.timeout.connect(lambda: self._do(partial(class_actions.refine, joined=True)))
        self._connect()
        self._show_model()

    # ---- what a person does

    def pick(self, label: int) -> None:
        """Choose a class to paint with, in the table and in every truth."""
        for one in self.session.scans:
            one.truth.selected_label = label
        if self.table.chosen != [label]:
            self.table.select([label])

    def _connect(self) -> None:
        session, table = self.session, self.table
        session.model_changed.connect(self._show_model)
        session.scans_changed.connect(self._show_scans)
        session.shared.connect(self._show_shares)
        session.said.connect(lambda sentence, wrong: self.say(sentence, wrong))
        session.stroked.connect(self._stroked)
        self.next.wanted.connect(self.open_far)
        table.picked.connect(self.pick)
        table.renamed.connect(lambda label, name: self._do(class_actions.rename, label, name))
        table.recoloured.connect(lambda label, colour: self._do(class_actions.recolour, label, colour))
        table.eyes_changed.connect(lambda: session.show_only(table.hidden))
        self.viewer.layers.selection.events.active.connect(self._show_shares_of_current)

    def _do(self, action: Any, *values: Any) -> None:
        """Do something to the classes; where it cannot be done, a sentence says why."""
        if self.session.classifier is None:
            self.say("Open a scan with a model first.")
            return
        self.attempt(lambda: action(self.session, *values))
        self._show_model()

    def _class_buttons(self) -> QGridLayout:
        actions = (
            ("Merge", "make one class of the selected ones; the first keeps its name", self._merge),
            ("Split…", "find 2 or more classes within the selected one", self._split),
            ("New", "a class to paint that the model does not know yet", self._new),
            ("Delete", "nothing has the selected classes any more", self._delete),
            ("▲", "move the selected class up", lambda: self._do(class_actions.move, self.table.chosen, -1)),
            ("▼", "move the selected class down", lambda: self._do(class_actions.move, self.table.chosen, 1)),
            (
                "Background",
                "no structure: shown faintly, and left out of the statistics of regions",
                lambda: self._do(class_actions.background, self.table.chosen),
            ),
            ("All in sight", "show every class", lambda: self.table.show_only(None)),
        )
        return _grid(actions, 4)

    def _learning_buttons(self) -> QGridLayout:
        actions = (
            ("Undo", "the last stroke, merge or refinement (Ctrl+Z)", self.session.undo),
            ("Redo", "what was undone last (Ctrl+Shift+Z)", self.session.redo),
            ("Refine", "learn from what was painted", lambda: self._do(class_actions.refine)),
            ("Save model as…", "the model with its classes and what it learnt", self._ask_save),
            ("Save map…", "the labels of this scan, a person's over the model's", self._ask_map),
            (
                "Forget scan",
                "what was painted on this scan teaches no more",
                lambda: self._do(class_actions.forget),
            ),
            ("Look through…", "find places to look at in a whole folder; N opens them", self._ask_folder),
        )
        grid = _grid(actions, 3)
        grid.addWidget(self.live.native, 2, 2)  # below Refine
        return grid

    def _merge(self) -> None:
        self._do(class_actions.merge, self.table.chosen)

    def _new(self) -> None:
        self._do(class_actions.new)
        if self.session.classifier is not None:
            self.pick(self.session.classifier.classes.order[-1])

    def _delete(self) -> None:
        self._do(class_actions.delete, self.table.chosen)

    def _split(self) -> None:
        n, ok = QInputDialog.getInt(self, "Split", "How many classes?", 2, 2, 9)
        if ok:
            self._do(class_actions.split, self.table.chosen, n)

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model", str(self.session.path), "Models (*.stmml)"
        )
        if path:
            self._do(class_actions.save_as, Path(path))

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Look through a folder of scans")
        if folder:
            self.attempt(lambda: self.look_through(folder))

    def _ask_map(self) -> None:
        one = self.session.current
        if one is None:
            self.say("Open a scan for correction first.")
            return
        name = str(Path.home() / f"{one.scan.stem}_{one.scan.short_direction}.stmml.tif")
        kinds = "Labelled maps (*.stmml.tif);;Gwyddion, a mask for each class (*.gwy)"
        path, _ = QFileDialog.getSaveFileName(self, "Save the map", name, kinds)
        if path:
            self._do(class_actions.save_map, one, Path(path))

    def bind(self, truth: Any) -> None:
        """Give a truth that was opened its keys and clicks."""
        for number in range(1, 10):
            key = f"Control-{number}"
            truth.bind_key(key, lambda layer, number=number: self._key(number), overwrite=True)
        truth.bind_key("N", lambda layer: self.next.go(), overwrite=True)
        truth.mouse_drag_callbacks.append(self._click)

    def _key(self, number: int) -> None:
        labels = self.session.classifier.classes.order if self.session.classifier else ()
        if number <= len(labels):
            self.pick(labels[number - 1])
            self.next.answer(labels[number - 1])

    def _click(self, layer: Any, event: Any) -> None:
        """Pick what is shown under the mouse, or give all of its region the chosen class with Shift."""
        one = next((one for one in self.session.scans if one.truth is layer), None)
        if one is not None and "Shift" in event.modifiers:
            class_actions.give_region(self.session, one, layer.world_to_data(event.position))
        elif one is not None and layer.mode == "pick":
            label = class_actions.label_at(self.session, one, layer.world_to_data(event.position))
            if label:
                QTimer.singleShot(0, lambda: self.pick(label))

    # ---- what is shown

    def _stroked(self, one: OpenScan) -> None:
        self.next.stroked(one)
        if self.live.value and self.parent() is not None:  # a panel that was closed teaches nothing
            self._live_timer.start()

    def _show_model(self) -> None:
        classifier = self.session.classifier
        strokes = {} if classifier is None or classifier.lessons is None else classifier.lessons.counts
        self.table.show_classes(None if classifier is None else classifier.classes, strokes)

    def _show_scans(self) -> None:
        self._show_shares_of_current()
        self.next.renew()

    def _show_shares_of_current(self, event: Any = None) -> None:
        if self.session.classifier is not None and self.session.current is not None:
            self.session.share(self.session.current)

    def _show_shares(self, one: OpenScan, shares: Any) -> None:
        if one is self.session.current:
            self.table.show_shares(shares)

    def _fold_keys(self) -> None:
        fold = QCollapsible("Keys")
        text = QLabel(KEYS)
        text.setWordWrap(True)
        fold.addWidget(text)
        self.column.addWidget(fold)


def _grid(actions: Any, columns: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    for number, (text, tip, do) in enumerate(actions):
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False, do=do: do())
        grid.addWidget(button, number // columns, number % columns)
    return grid
