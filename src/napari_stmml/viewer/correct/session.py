"""What is being corrected in a viewer: one model, some open scans, and every step that can be undone."""

import weakref
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stmml.classes import MOST, Classes
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.scan_key import ScanKey
from napari_stmml.truth.history import History, ModelEdit, Strokes, applied, difference
from napari_stmml.truth.truth import completed
from napari_stmml.truth.truth_file import Saved
from napari_stmml.viewer.correct.keeper import Keeper
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.relabel import Relabeller

_SESSIONS: "weakref.WeakKeyDictionary[Any, weakref.ref[Session]]" = weakref.WeakKeyDictionary()
_VIEW_PX = 700  # about what a canvas measures
CLOSED = "That scan is not open any more: its strokes stay as they were saved."


def session_of(viewer: Any) -> "Session":
    """Return the session of a viewer, which lives as long as the viewer."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # a proxy is not the viewer itself
    link = _SESSIONS.get(viewer)
    session = None if link is None else link()
    if session is None:
        session = Session(viewer)
        _SESSIONS[viewer] = weakref.ref(session)
    return session


class Session(QObject):
    """The model under correction and its scans; layers are touched here on the main thread alone."""

    model_changed = Signal()  # another classifier: classes edited, learnt, undone ...
    relabelled = Signal(object)  # OpenScan whose shown map changed
    scans_changed = Signal()
    stroked = Signal(object)  # OpenScan that a person painted on just now
    shared = Signal(object, object)  # OpenScan; how much of it each class has
    said = Signal(str, bool)  # a sentence, and whether something went wrong

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self.classifier: SurfaceClassifier | None = None
        self.scans: list[OpenScan] = []
        self.history = History()
        self.hidden: set[int] = set()
        self.keeper = Keeper()
        self.keeper.told.connect(self.said)
        self.keeper.joined.connect(self._take_joined)
        self._relabel = Relabeller()
        self._relabel.answered.connect(self._take_answers)
        self._relabel.shared.connect(self.shared)
        self._relabel.failed.connect(lambda sentence: self.said.emit(sentence, True))
        self._snapshots: dict[ScanKey, np.ndarray] = {}
        self._most = 0  # label on scans that were closed
        # The viewer alone holds the session: its layers know panels, and these the viewer.
        viewer.layers.events.removed.connect(lambda event: self._drop_removed(event))

    @property
    def viewer(self) -> Any:
        """The viewer; None after it has gone."""
        return self._viewer()

    @property
    def path(self) -> Path | None:
        """Where the model is kept."""
        return self.keeper.path

    @property
    def busy(self) -> bool:
        """Whether scans are being labelled anew."""
        return self._relabel.busy

    @property
    def current(self) -> OpenScan | None:
        """The scan that one of the active layers belongs to, or else the last."""
        active = self.viewer.layers.selection.active
        own = [one for one in self.scans if active in (one.layer, one.predicted, one.truth)]
        return own[0] if own else self.scans[-1] if self.scans else None

    # ---- what is corrected

    def open_model(self, path: Path) -> None:
        """Correct with another model; the scans of the one before are put aside.

        Raises
        ------
        ValueError, OSError
            If the file is no model, or cannot be read.
        """
        self.use(SurfaceClassifier.load(path), path)

    def use(self, classifier: SurfaceClassifier, path: Path) -> None:
        """Correct with a model that is kept at ``path``; nothing of the one before can be undone any more.

        The scans of the one before are closed: nobody would save what is painted on their layers.

        Raises
        ------
        ValueError
            If it has more classes than a person can paint.
        OSError
            If what was painted or changed with the one before cannot be saved; then it stays.
        """
        if classifier.n_classes > MOST:
            raise ValueError(f"{classifier.n_classes} classes are too many to correct: {MOST} can be painted")
        if not self.flush():
            raise OSError("what was painted could not be saved: until it is, no other model can be opened")
        closed, self.scans = self.scans, []
        self.history, self.hidden, self._most = History(), set(), 0
        self._snapshots.clear()
        for layer in [layer for one in closed for layer in (one.predicted, one.truth)]:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.classifier = classifier
        self.keeper.use(path)
        self.scans_changed.emit()
        self.model_changed.emit()

    def add(self, one: OpenScan) -> None:
        """Take a scan in, whose layers are in the viewer already."""
        if known := self.of_key(one.key):
            self.look(known)
        self.scans = [known for known in self.scans if known.key != one.key] + [one]
        self._snapshots[one.key] = one.truth.data.copy()
        self._listen(one)
        assert self.classifier is not None
        one.recolour(self.classifier.classes, self.hidden)
        self._relabel.label(self.classifier, [one])
        self.scans_changed.emit()

    def of_key(self, key: ScanKey) -> OpenScan | None:
        """Find an open scan."""
        return next((one for one in self.scans if one.key == key), None)

    # ---- steps

    def edit(self, classifier: SurfaceClassifier, what: str, *, joined: bool = False) -> None:
        """Put another model in place of the one there is, as one step that can be undone.

        What is ``joined`` is undone together with the step before it.
        """
        before = self.classifier
        assert before is not None
        self.history.push(what, ModelEdit(before, classifier), joined=joined)
        self._put(classifier)
        self.said.emit(f"{what[:1].upper()}{what[1:]}.", False)

    def undo(self) -> None:
        """Take the last step back."""
        self._step(forward=False)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._step(forward=True)

    def paint(self, one: OpenScan, where: np.ndarray, label: int) -> None:
        """Paint on a scan's truth, (rows, cols) bool, as one step; 0 takes back what was painted there."""
        one.truth.data[where] = label
        one.truth.refresh()
        self.look(one)

    def look(self, one: OpenScan) -> None:
        """See what was painted since the last look: it becomes a step, and is saved.

        A label that has no class yet gets one.
        """
        before = self._snapshots.get(one.key)
        if before is None or before.shape != one.truth.data.shape:
            return
        strokes = difference(before, one.truth.data, one.key)
        if strokes is None:
            return
        applied(before, strokes, forward=True)
        assert self.classifier is not None
        born = int(strokes.after.max()) > self.classifier.n_classes
        if born:
            classes = self.classifier.classes.with_labels(int(strokes.after.max()))
            self.edit(replace(self.classifier, classes=classes), f"new class {classes.names[-1]}")
        self.history.push(f"painted on {one.name}", strokes, joined=born)
        self._painted(one)
        self.stroked.emit(one)

    def show_only(self, hidden: Collection[int]) -> None:
        """Put classes out of sight; nothing else changes."""
        self.hidden = set(hidden)
        self._recolour()

    def fly_to(self, one: OpenScan, row: float, col: float, side_nm: float) -> None:
        """Show a scan alone, and move the camera to a place of it, ``side_nm`` of which fill the view."""
        own = (one.layer, one.predicted, one.truth)
        known = [layer for other in self.scans for layer in (other.predicted, other.truth)]
        for layer in self.viewer.layers:
            if (isinstance(layer, Image) or layer in known) and layer.visible != (layer in own):
                layer.visible = layer in own  # where nothing changes, napari would end painting
        pixel = 1.0 if one.scan.pixel_size is None else one.scan.pixel_size[0]
        self.show_place(one.truth, row, col, side_nm / pixel)
        self.viewer.layers.selection.active = one.truth

    def show_place(self, layer: Any, row: float, col: float, side: float) -> None:
        """Move the camera to a place of a layer, ``side`` px of which fill the view."""
        camera = self.viewer.scene.camera
        camera.center = tuple(layer.data_to_world((row, col)))
        camera.zoom = _VIEW_PX / max(side * float(np.mean(np.abs(layer.scale))), 1e-9)

    def flush(self) -> bool:
        """Wait until everything that was painted or changed is on disk; say whether it is."""
        for one in self.scans:
            self.look(one)
        return self.keeper.flush()

    # ---- inside

    def _step(self, forward: bool) -> None:
        for one in self.scans:
            self.look(one)  # what was painted a moment ago is a step, too
        steps = self.history.redo() if forward else self.history.undo()
        done = [self._apply(step.change, forward) for step in steps]
        if steps:
            what = steps[0 if forward else -1].what
            self.said.emit(f"{'Redone' if forward else 'Undone'}: {what}." if all(done) else CLOSED, False)

    def _apply(self, change: ModelEdit | Strokes, forward: bool) -> bool:
        """Make a change, or take it back; say whether it could be."""
        if isinstance(change, ModelEdit):
            self._put(change.after if forward else change.before)
            return True
        one = self.of_key(change.key)
        if one is None:
            return False
        applied(one.truth.data, change, forward=forward)
        applied(self._snapshots[one.key], change, forward=forward)
        one.truth.refresh()
        self._painted(one)
        return True

    def _painted(self, one: OpenScan) -> None:
        assert self.classifier is not None
        self.keeper.truth_changed(one.key, one.truth.data, self.classifier)
        self.relabelled.emit(one)
        self.share(one)

    def share(self, one: OpenScan) -> None:
        """Find how much of a scan each class has; ``shared`` tells it."""
        assert self.classifier is not None
        self._relabel.share(one, self.classifier.classes)

    def _put(self, classifier: SurfaceClassifier) -> None:
        assert self.classifier is not None
        # A label that is painted, on a scan that is closed too, keeps its class; it never becomes another.
        most = max([self._most, *(int(one.truth.data.max()) for one in self.scans)])
        before, classes = self.classifier.classes, classifier.classes
        classes = classes.with_labels_of(before, most)
        if classes is not classifier.classes:
            classifier = replace(classifier, classes=classes)
        self.classifier = classifier
        for one in self.scans:
            _choose(one.truth, classes)
            if classes.names != before.names and one.truth.data.any():
                # Another model reads strokes by the names of their classes: let it not be the old ones.
                self.keeper.truth_changed(one.key, one.truth.data, classifier)
        self.hidden &= set(classifier.classes.order)
        self._recolour()
        self.keeper.model_changed(classifier)
        current = self.current
        order = ([current] if current else []) + [one for one in self.scans if one is not current]
        self._relabel.label(classifier, order)
        self.model_changed.emit()

    def _recolour(self) -> None:
        if self.classifier is not None:
            for one in self.scans:
                one.recolour(self.classifier.classes, self.hidden)

    def _take_answers(self, one: OpenScan, found: tuple[np.ndarray, ...]) -> None:
        if one not in self.scans:
            return
        one.labels, one.confidence, one.runner_up = found[:3]
        one.predicted.data[...] = found[3]
        one.predicted.refresh()
        self.relabelled.emit(one)
        self.share(one)

    def _take_joined(self, key: ScanKey, asked: np.ndarray, saved: Saved) -> None:
        """Show what another window painted on the same scan; what was painted here since stays.

        Classes that it made come with it, and are no step of this window.
        """
        one = self.of_key(key)
        if one is None or self.classifier is None:
            return
        self.look(one)
        known = self.classifier.classes
        classes = completed(saved.labels, saved.names, saved.colours, known)
        if classes is not known:
            self._put(replace(self.classifier, classes=classes))
        theirs = (saved.labels != asked) & (one.truth.data == asked)
        for labels in (one.truth.data, self._snapshots[key]):
            labels[theirs] = saved.labels[theirs]
        one.truth.refresh()
        self.relabelled.emit(one)
        self.share(one)

    def _listen(self, one: OpenScan) -> None:
        """Look at a truth once the event that changed it is over; napari tells of strokes before they are."""
        link, own = weakref.ref(self), weakref.ref(one)

        def soon(event: Any = None) -> None:
            def now() -> None:
                session, scan = link(), own()
                if session is not None and scan is not None and scan in session.scans:
                    session.look(scan)

            QTimer.singleShot(0, now)

        for event in (one.truth.events.paint, one.truth.events.set_data):
            event.connect(soon)
        for key, do in (("Control-Z", "undo"), ("Control-Shift-Z", "redo")):
            one.truth.bind_key(key, lambda layer, do=do: getattr(link(), do)(), overwrite=True)

    def _drop_removed(self, event: Any) -> None:
        """Close a scan whose truth was removed; one without the model's answer is painted and saved on."""
        gone = [one for one in self.scans if event.value is one.truth]
        for one in gone:
            self.look(one)
            self._most = max(self._most, int(one.truth.data.max()))
            self.scans.remove(one)
        if gone:
            self.scans_changed.emit()


def _choose(truth: Any, classes: Classes) -> None:
    """Let nobody paint with a class that has gone: with what it was merged into, or else the first."""
    chosen = int(truth.selected_label)
    if 0 < chosen <= classes.n and chosen not in classes.order:
        truth.selected_label = int(classes.lookup[chosen]) or next(iter(classes.order), 0)
