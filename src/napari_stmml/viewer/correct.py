"""The Correct widget: classes beside the scan, a truth that is painted, a model that learns from it."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QGridLayout, QInputDialog, QLabel, QPushButton
from superqt import QCollapsible

from napari_stmml.cellfiles import CellFile
from napari_stmml.classifier import SurfaceClassifier
from napari_stmml.corrections import ScanKey
from napari_stmml.jobs import CellsJob
from napari_stmml.viewer import class_actions, remembered
from napari_stmml.viewer.class_table import ClassTable
from napari_stmml.viewer.instant import with_way_back
from napari_stmml.viewer.job_panel import JobPanel
from napari_stmml.viewer.layers import KEY
from napari_stmml.viewer.look_next import LookNext
from napari_stmml.viewer.open_scan import OpenScan, new_layers
from napari_stmml.viewer.panel import scan_of
from napari_stmml.viewer.session import session_of

LIST_PX = 74  # of the list of scans: the classes need the room
LIVE_MS = 250  # after a stroke, before the model learns from it
NO_MODEL = "made by Train, or kept by Predict"
KEYS = (
    "<b>Ctrl+1 … Ctrl+9</b> choose a class · <b>P</b> paint, <b>E</b> erase (back to the model's answer),"
    " <b>F</b> fill, <b>L</b> pick · <b>Shift+click</b> gives a whole region the chosen class ·"
    " <b>N</b> next place to look at · <b>Ctrl+Z</b>, <b>Ctrl+Shift+Z</b> undo, redo: strokes, merges and"
    " what was learnt · <b>Alt+move</b> brush size"
)


class CorrectWidget(JobPanel):
    """Edit the classes of a model on open scans, paint what is right, and let the model learn from it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Correct")
        self.session = session_of(napari_viewer)
        self.model = self.file(
            "Model file", mode="r", filter="*.stmml", nullable=True, value=remembered.model, tooltip=NO_MODEL
        )
        self.model.line_edit.native.setPlaceholderText(NO_MODEL)
        self.layers = self.some_scans("Open scans")
        self.layers.native.setMaximumHeight(LIST_PX)
        self.form(self.model, self.layers)
        self.add_buttons()
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
        self._opening: list[tuple[Any, Any]] = []  # layers and scans that a job is about
        self._opened = 0
        self._connect()
        self._show_model()

    # ---- the job that opens scans for correction

    def on_start(self) -> None:
        """Make what the model sees of the chosen scans; then they can be corrected."""
        path, layers = self.model.value, list(self.layers.value)
        if path is None:
            raise ValueError("choose a model first: Train makes one, Predict can keep one")
        if not layers:
            raise ValueError("choose at least one open scan to correct")
        path = Path(path)
        if self.session.path != path:
            self.session.open_model(path)
        remembered.model = path
        scans = [scan_of(layer) for layer in layers]
        self._opening, self._opened = list(zip(layers, scans, strict=True)), 0
        assert self.session.classifier is not None
        both = self.session.classifier.recipe.both_biases
        self.start(
            CellsJob(str(path), str(self.worker.folder)), with_way_back(scans, self._all()) if both else scans
        )

    def on_event(self, event: dict[str, Any]) -> bool:
        """Take a scan in as soon as what the model sees of it is there."""
        match event:
            case {"event": "progress", "scan": scan, "done": done, "total": total}:
                self.progress.setRange(0, total)
                self.progress.setValue(done)
                self.say(f"{scan}: {100 * done / total:.0f} %")
            case {"event": "cells", "number": number, "path": path, "kind": kind, "shape": shape}:
                layer, scan = self._opening[number]
                self._take(layer, scan, CellFile(path, kind, (shape[0], shape[1])))
                return True
            case {"event": "skipped", "why": why}:
                self.say(f"left out: {why}", wrong=True)
        return False

    def on_end(self, event: dict[str, Any]) -> None:
        """Say what can be corrected now."""
        done = f"{self._opened} of {len(self._opening)} scans are open for correction"
        if event["cancelled"]:
            self.say(f"Cancelled; {done}.")
        elif event["event"] != "finished":
            self.say(f"Opening stopped: {event['why']}; {done}.", wrong=True)
        else:
            self.say(f"{done}. Paint on the layer that begins with “truth”: it is saved after every stroke.")

    def _take(self, layer: Any, scan: Any, file: CellFile) -> None:
        """Put the layers of a scan over it, with what was painted there before."""
        session = self.session
        if layer not in self.viewer.layers or session.classifier is None:
            self.say(f"{scan.name}: it was removed meanwhile, and is not opened for correction")
            return
        key = ScanKey.of_scan(scan)
        known = session.of_key(key)
        classifier, painted = session.keeper.open_truth(scan, key, session.classifier)
        predicted, truth = (known.predicted, known.truth) if known else new_layers(layer, scan, painted)
        grid = session.classifier.recipe.prediction_grid
        cells = np.load(file.path, mmap_mode="r", allow_pickle=False)
        if classifier is not session.classifier:
            session.edit(classifier, f"took the classes painted on {scan.name} before")
        for one in () if known else (predicted, truth):
            self.viewer.add_layer(one)
        session.add(OpenScan(layer, scan, key, predicted, truth, grid, file, cells))
        self._bind(truth)
        self._opened += 1
        truth.mode = "paint"
        self.viewer.layers.selection.active = truth

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
            (
                "Forget scan",
                "what was painted on this scan teaches no more",
                lambda: self._do(class_actions.forget),
            ),
            ("Save model as…", "the model with its classes and what it learnt", self._ask_save),
            ("Save map…", "the labels of this scan, a person's over the model's", self._ask_map),
        )
        grid = _grid(actions, 3)
        grid.addWidget(self.live.native, 2, 0)
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

    def _ask_map(self) -> None:
        one = self.session.current
        if one is None:
            self.say("Open a scan for correction first.")
            return
        name = str(Path.home() / f"{one.scan.stem}_{one.scan.short_direction}.stmml.tif")
        path, _ = QFileDialog.getSaveFileName(self, "Save the map", name, "Labelled maps (*.stmml.tif)")
        if path:
            self._do(class_actions.save_map, one, Path(path))

    def _bind(self, truth: Any) -> None:
        """Give a truth its keys and clicks."""
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
        if self.live.value:
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

    def _all(self) -> list[Any]:
        return [scan_of(layer) for layer in self._images() if layer.metadata.get(KEY, {}).get("direction")]

    def model_of(self) -> SurfaceClassifier | None:
        """Return the model as it is now."""
        return self.session.classifier


def _grid(actions: Any, columns: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    for number, (text, tip, do) in enumerate(actions):
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False, do=do: do())
        grid.addWidget(button, number // columns, number % columns)
    return grid
