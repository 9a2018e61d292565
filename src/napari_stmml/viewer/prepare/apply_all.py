"""Flatten every open scan by one chain, one after the other: a button, how far it is, and Cancel."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_stmml.viewer.prepare.flattener import Flattener, Result, Wish, add_made


class ApplyToAll(QWidget):
    """A bar and Cancel, in sight while scans are flattened; ``said`` has a sentence and if it is bad."""

    said = Signal(str, bool)

    def __init__(self, viewer: Any, flattener: Flattener) -> None:
        super().__init__()
        self.viewer = viewer
        self._flattener = flattener
        self._queue: list[Any] = []
        self._chain = ""
        self._total = self._made = 0
        self._problems: list[str] = []
        self.running = False
        self.progress, self.cancel_button = QProgressBar(), QPushButton("Cancel")
        self.progress.setAccessibleName("progress")
        self.cancel_button.clicked.connect(lambda: self.cancel())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress)
        row.addWidget(self.cancel_button)
        self.hide()

    def start(self, layers: list[Any], chain: str) -> None:
        """Flatten layers; each result is a new layer over its scan, in sight if that is."""
        self._queue, self._chain, self._problems = list(layers), chain, []
        self._total, self._made = len(layers), 0
        self.progress.setRange(0, self._total)
        self.cancel_button.setEnabled(True)
        self.running = True
        self.show()
        self._next()

    def cancel(self) -> None:
        """Flatten no more scans; what was made stays."""
        self._queue.clear()
        self.cancel_button.setEnabled(False)

    def _next(self) -> None:
        self.progress.setValue(self._total - len(self._queue))
        if not self._queue:
            self._end()
            return
        layer = self._queue[0]
        number = self._total - len(self._queue) + 1
        self.said.emit(f"flattening with {self._chain}: scan {number} of {self._total} …", False)
        self._flattener.start(Wish(layer, layer.data, self._chain), self._done, self._failed)

    def _done(self, result: Result) -> None:
        def add() -> None:
            active = self.viewer.layers.selection.active
            if add_made(self.viewer, result, visible=result.wish.layer.visible):
                self._made += 1
                self.viewer.layers.selection.active = active
            else:
                self._problems.append(f"{result.wish.layer.name}: closed meanwhile")
            self._problems.extend(f"{result.wish.layer.name}: {note}" for note in result.notes)

        self._step(add)

    def _failed(self, wish: Wish, error: Exception) -> None:
        self._step(lambda: self._problems.append(f"{wish.layer.name}: {error}"))

    def _step(self, take: Callable[[], None]) -> None:
        """Take what came of a scan, unless it was cancelled meanwhile, and go on."""
        if self._queue:
            take()
            self._queue.pop(0)
        self._next()

    def _end(self) -> None:
        self.running = False
        self.hide()
        done = f"{self._made} of {self._total} scans flattened with {self._chain}"
        cancelled = self.cancel_button.isEnabled() is False
        problems = "; ".join(self._problems)
        sentence = ("Cancelled: " if cancelled else "") + done + (f". {problems}" if problems else "")
        self.said.emit(sentence, bool(problems))
