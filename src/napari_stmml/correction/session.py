"""CorrectionSession: one model, the scans that are open, and every step that can be undone and is saved."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from psygnal import Signal

from napari_stmml.classes import MOST
from napari_stmml.correction import edits
from napari_stmml.correction.background_work import BackgroundWork, Submit, at_once
from napari_stmml.correction.corrected_scan import CellLabels, CorrectedScan
from napari_stmml.correction.history import History, ModelEdit, Strokes
from napari_stmml.correction.remarks import remarks
from napari_stmml.correction.saving import ModelSaver, TruthSaver
from napari_stmml.model.cell_file import CellFile
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.truth.painted_labels import completed
from napari_stmml.truth.truth_file import Saved

NO_MODEL = "Open a scan with a model first."
OFFERED = (
    "{} classes that you painted are new, and clusters are shown beside them:"
    " tick Only my classes to leave the clusters out."
)
ONLY_MINE = "Only your {} classes are shown now; untick Only my classes to see the clusters again."
CLOSED = "That scan is not open any more: its strokes stay as they were saved."


class CorrectionSession:
    """The model under correction and its scans; all methods are called on the main thread.

    Parameters
    ----------
    submit_save, submit_labels : callable
        Run a function without arguments in a thread; that for labels always in the same one.
    on_main : callable
        Runs a function without arguments on the main thread, soon.
    """

    model_changed = Signal()  # another classifier: classes edited, learnt, undone ...
    scans_changed = Signal()
    current_changed = Signal(object)  # CorrectedScan that a person looks at now
    map_changed = Signal(object)  # CorrectedScan, whose truth or prediction changed
    stroked = Signal(object)  # CorrectedScan that a person painted on just now
    shares_found = Signal(object, object)  # CorrectedScan; dict of Share, by label
    remarked = Signal(object, str)  # CorrectedScan; what is remarkable about its map, a line each
    said = Signal(str, bool)  # a sentence, and whether something went wrong
    model_moved = Signal(object)  # Path that the model is kept in from now on

    def __init__(
        self, submit_save: Submit = at_once, submit_labels: Submit = at_once, on_main: Submit = at_once
    ) -> None:
        self.classifier: SurfaceClassifier | None = None
        self.scans: list[CorrectedScan] = []
        self.history = History()
        self._saves = BackgroundWork(submit_save, on_main)
        self._labels = BackgroundWork(submit_labels, on_main)
        self.truths = TruthSaver(self._saves, self.said.emit, self._merge_in)
        self.models = ModelSaver(self._saves, self.said.emit, self.model_moved.emit)
        self._current: CorrectedScan | None = None
        self._most = 0  # label on scans that were closed

    @property
    def model(self) -> SurfaceClassifier:
        """The model; ValueError where none is open."""
        if self.classifier is None:
            raise ValueError(NO_MODEL)
        return self.classifier

    @property
    def path(self) -> Path | None:
        """Where the model is kept."""
        return self.models.path

    @property
    def busy(self) -> bool:
        """Whether labels or shares of a scan are being computed."""
        return self._labels.busy

    @property
    def current(self) -> CorrectedScan | None:
        """The scan that a person looks at: the last that was chosen, or else opened."""
        last = self.scans[-1] if self.scans else None
        return self._current if self._current in self.scans else last

    def choose(self, one: CorrectedScan) -> None:
        """Say which scan a person looks at; ``current_changed``, ``shares_found`` and ``remarked`` follow.

        Parameters
        ----------
        one : CorrectedScan

        Raises
        ------
        ValueError
            If no model is open.
        """
        self._current = one
        self.current_changed.emit(one)
        self._find_shares(one)

    # ---- opening and closing

    def use(self, classifier: SurfaceClassifier, path: Path) -> None:
        """Correct with another model, which is kept at ``path``; the scans of the one before are closed.

        Parameters
        ----------
        classifier : SurfaceClassifier
        path : Path

        Raises
        ------
        ValueError
            If it has more classes than a person can paint.
        OSError
            If what was painted or changed with the one before cannot be saved: then that stays.
        """
        if classifier.n_classes > MOST:
            raise ValueError(f"{classifier.n_classes} classes are too many to correct: {MOST} can be painted")
        if not self.flush():
            raise OSError("what was painted could not be saved: until it is, no other model can be opened")
        self.scans, self.history, self._most = [], History(), 0
        self.classifier = classifier
        self.models.use(path)
        self.scans_changed.emit()
        self.model_changed.emit()

    def open_scan(self, scan: Scan, name: str, file: CellFile) -> CorrectedScan:
        """Open a scan, with what was painted on it before; one that is open stays as it is.

        Parameters
        ----------
        scan : Scan
        name : str
            What a person knows it by.
        file : CellFile
            What the model makes of its cells.

        Raises
        ------
        ValueError
            If there would be too many classes.
        """
        key = ScanKey.of_scan(scan)
        if known := self.of_key(key):  # what another window has painted comes with the next save
            return known
        classifier, painted = self.truths.open(scan, key, self.model)
        truth = np.zeros(scan.heights.shape, np.uint8) if painted is None else np.array(painted, np.uint8)
        if classifier is not self.classifier:
            self.edit(classifier, f"added the classes that were painted on {name} before")
        one = CorrectedScan(scan, key, name, truth, classifier.encoder.grid, file)
        self.scans = [*self.scans, one]
        self._label(one)
        self.scans_changed.emit()
        return one

    def close_scan(self, one: CorrectedScan) -> None:
        """Close a scan; what is painted on it stays in its file.

        Parameters
        ----------
        one : CorrectedScan
        """
        self.look(one)
        self._most = max(self._most, int(one.truth.max()))
        self.scans = [other for other in self.scans if other is not one]
        self.scans_changed.emit()

    def of_key(self, key: ScanKey) -> CorrectedScan | None:
        """Find an open scan."""
        return next((one for one in self.scans if one.key == key), None)

    def flush(self) -> bool:
        """Wait until everything that was painted or changed is on disk; say whether it is."""
        for one in self.scans:
            self.look(one)
        return self._saves.flush()

    def save_as(self, path: Path) -> None:
        """Save the model in another file, and keep it there from now on.

        Parameters
        ----------
        path : Path
            ``.stmml`` is added where the name does not end in it.

        Raises
        ------
        ValueError
            If no model is open.
        """
        path = path if path.suffix == ".stmml" else path.with_name(f"{path.name}.stmml")
        self.models.use(self.model.save(path))
        self.said.emit(f"Saved as {path}; changes go there from now on.", False)

    # ---- steps

    def edit(self, classifier: SurfaceClassifier, what: str, *, with_previous: bool = False) -> None:
        """Put another model in place of the one there is, as one step that can be undone.

        Parameters
        ----------
        classifier : SurfaceClassifier
            The one to go on with; where it is the one there is, nothing happens.
        what : str
            What was done.
        with_previous : bool
            Whether it is undone together with the step before it.

        Raises
        ------
        ValueError
            If no model is open.
        """
        if classifier is self.model:
            return
        self.history.push(what, ModelEdit(self.model, classifier), with_previous=with_previous)
        self._put(classifier)
        self.said.emit(f"{what[:1].upper()}{what[1:]}.", False)

    def learn(self, *, with_stroke: bool = False) -> None:
        """Learn from what is painted on the open scans, as `edits.learn` does.

        Parameters
        ----------
        with_stroke : bool
            Whether it is undone together with the stroke before it; where that was undone meanwhile,
            nothing is learnt.

        Raises
        ------
        ValueError
            If no model is open, or as `edits.learn`.
        """
        if not (with_stroke and self.history.can_redo):
            before, with_previous = self.model, with_stroke and self.history.painted_last
            self.edit(*edits.learn(before, self.scans), with_previous=with_previous)
            new = self.model.new_labels
            if self.model.shows_only_painted:
                if not before.shows_only_painted:
                    self.said.emit(ONLY_MINE.format(len(self.model.own_labels)), False)
            elif self.model.only_painted is None and len(new) > max(1, len(before.new_labels)):
                self.said.emit(OFFERED.format(len(new)), False)

    def show_only_mine(self, on: bool) -> None:
        """Show only the classes that a person painted or named, or the clusters as well.

        Parameters
        ----------
        on : bool

        Raises
        ------
        ValueError
            If no model is open, or as `edits.show_only_mine`.
        """
        self.edit(*edits.show_only_mine(self.model, on))

    def set_least_sure(self, least: float) -> None:
        """Give cells of less confidence no class, where only the classes of a person are shown.

        Parameters
        ----------
        least : float
            0 to 1.

        Raises
        ------
        ValueError
            If no model is open, or as `edits.set_least_sure`.
        """
        self.edit(*edits.set_least_sure(self.model, least))

    def undo(self) -> None:
        """Undo the last step."""
        self._step(forward=False)

    def redo(self) -> None:
        """Redo what was undone last."""
        self._step(forward=True)

    def paint(self, one: CorrectedScan, where: Any, label: int) -> None:
        """Paint on a scan, as one step; 0 erases.

        Parameters
        ----------
        one : CorrectedScan
        where : ndarray of bool, shape (rows, cols), or any index of it
            The pixels to paint.
        label : int
            0 to 255; 0 erases.
        """
        one.truth[where] = label
        self.look(one)

    def look(self, one: CorrectedScan) -> None:
        """See what was painted on a scan since the last look: it becomes a step, and is saved.

        A label that has no class yet gets one.

        Parameters
        ----------
        one : CorrectedScan
        """
        strokes = one.new_strokes()
        if strokes is None:
            return
        most = int(strokes.after.max())
        added = most > self.model.n_classes
        if added:
            classes = self.model.classes.with_labels(most)
            self.edit(replace(self.model, classes=classes), f"new class: {classes.names[-1]}")
        self.history.push(f"painted on {one.name}", strokes, with_previous=added)
        self._painted(one)
        self.stroked.emit(one)

    # ---- inside

    def _step(self, *, forward: bool) -> None:
        for one in self.scans:
            self.look(one)  # what was painted a moment ago is a step, too
        steps = self.history.redo() if forward else self.history.undo()
        done = [self._apply(step.change, forward) for step in steps]
        if steps:
            what = steps[0 if forward else -1].what
            self.said.emit(f"{'Redone' if forward else 'Undone'}: {what}." if all(done) else CLOSED, False)

    def _apply(self, change: ModelEdit | Strokes, forward: bool) -> bool:
        """Redo or undo a change; say whether it could be."""
        if isinstance(change, ModelEdit):
            self._put(change.after if forward else change.before)
            return True
        one = self.of_key(change.key)
        if one is None:
            return False
        one.apply(change, forward=forward)
        self._painted(one)
        return True

    def _painted(self, one: CorrectedScan) -> None:
        self.truths.changed(one.key, one.truth, self.model)
        self._map_changed(one)

    def _map_changed(self, one: CorrectedScan) -> None:
        self.map_changed.emit(one)
        self._find_shares(one)

    def _put(self, classifier: SurfaceClassifier) -> None:
        """Go on with another model, in which every painted label keeps its class."""
        before = self.model.classes
        # A label that is painted, on a scan that is closed too, keeps its class; it never becomes another.
        most = max([self._most, *(int(one.truth.max()) for one in self.scans)])
        classes = classifier.classes.with_labels_of(before, most)
        if classes is not classifier.classes:
            classifier = replace(classifier, classes=classes)
        self.classifier = classifier
        if classes.names != before.names:
            # Another model reads strokes by the names of their classes: they must not be the old ones.
            for one in self.scans:
                if one.truth.any():
                    self.truths.changed(one.key, one.truth, classifier)
        self.models.changed(classifier)
        for one in sorted(self.scans, key=lambda one: one is not self.current):
            self._label(one)
        self.model_changed.emit()

    def _label(self, one: CorrectedScan) -> None:
        """Label the cells of a scan with the model, in the thread."""
        model = self.model
        work = partial(one.labels_of, model)
        self._labels.ask(("labels", one.key), work, partial(self._take_labels, one, model), self._fail)

    def _take_labels(self, one: CorrectedScan, model: SurfaceClassifier, found: CellLabels) -> None:
        if one in self.scans and model is self.classifier:
            one.take_labels(found)
            self._map_changed(one)

    def _find_shares(self, one: CorrectedScan) -> None:
        """Find how much of a scan each class has, and what is remarkable, in the thread."""
        work: Callable[[], object] = partial(one.shares, self.model.classes)
        self._labels.ask(("shares", one.key), work, partial(self.shares_found.emit, one), self._fail)
        work = partial(remarks, one, self.model)
        self._labels.ask(("remarks", one.key), work, partial(self.remarked.emit, one), self._fail)

    def _fail(self, error: Exception) -> None:
        self.said.emit(f"The map could not be updated: {error}", True)

    def _merge_in(self, key: ScanKey, asked: np.ndarray, saved: Saved) -> None:
        """Show what another window painted on the same scan; what was painted here since stays.

        Its classes come with it, and are no step of this window.
        """
        one = self.of_key(key)
        if one is None:
            return
        self.look(one)
        one.change((saved.labels != asked) & (one.truth == asked), saved.labels)
        known = self.model.classes
        classes = completed(saved.labels, saved.names, saved.colours, known)
        if classes is not known:
            self._put(replace(self.model, classes=classes))  # after the change: it saves the truth
        self._map_changed(one)
