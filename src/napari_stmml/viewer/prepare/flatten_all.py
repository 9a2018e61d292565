"""Flatten every open scan by one chain, one after the other, with a progress bar and Cancel."""

from collections.abc import Iterator, Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QProgressBar, QPushButton, QWidget
from superqt.utils import create_worker

from napari_stmml.text import counted
from napari_stmml.viewer.io.levelling import recorded_heights
from napari_stmml.viewer.prepare.flattening import Flattened, FlattenRequest, add_flattened, flatten_layer
from napari_stmml.viewer.shared.panel import column_of, row_of
from napari_stmml.viewer.shared.slots import slot


class FlattenAll(QWidget):
    """Visible while scans are flattened; ``said`` has a sentence, and whether something went wrong."""

    said = Signal(str, bool)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._worker: Any = None
        self._requests: list[FlattenRequest] = []
        self._made = 0
        self._problems: list[str] = []
        self.progress, self.cancel_button = QProgressBar(), QPushButton("Cancel")
        self.progress.setAccessibleName("progress")
        self.cancel_button.clicked.connect(self.cancel)
        column_of(self, row_of(self.progress, self.cancel_button))
        self.hide()

    @property
    def running(self) -> bool:
        """Whether scans are being flattened."""
        return self._worker is not None

    def start(self, layers: Sequence[Any], chain: str) -> None:
        """Flatten layers; each result is a new layer above its scan, visible if that is."""
        self._requests = [FlattenRequest(layer, recorded_heights(layer), chain) for layer in layers]
        self._made, self._problems = 0, []
        self.progress.setRange(0, len(layers))
        self.cancel_button.setEnabled(True)
        self.show()
        self._say_progress(0)
        connect = {"yielded": self._add, "finished": self._end}
        self._worker = create_worker(_flatten_each, self._requests, _connect=connect)

    @slot
    def cancel(self) -> None:
        """Flatten no more scans; layers that are made stay."""
        if self._worker is not None:
            self._worker.quit()
        self.cancel_button.setEnabled(False)

    @slot
    def _add(self, result: Flattened) -> None:
        if self._worker.abort_requested:
            return
        layer = result.request.layer
        active = self.viewer.layers.selection.active
        if result.error:
            self._problems.append(f"{layer.name}: {result.error}")
        elif add_flattened(self.viewer, result, visible=layer.visible):
            self._made += 1
            self.viewer.layers.selection.active = active
        else:
            self._problems.append(f"{layer.name}: closed meanwhile")
        self._problems += [f"{layer.name}: {warning}" for warning in result.warned]
        self._say_progress(self._requests.index(result.request) + 1)

    def _say_progress(self, done: int) -> None:
        self.progress.setValue(done)
        if done < len(self._requests):
            chain, total = self._requests[0].chain, len(self._requests)
            self.said.emit(f"flattening with {chain}: scan {done + 1} of {total} …", False)

    @slot
    def _end(self) -> None:
        cancelled, self._worker = self._worker.abort_requested, None
        self.hide()
        total = counted(len(self._requests), "scan")
        sentence = f"{self._made} of {total} flattened with {self._requests[0].chain}"
        if cancelled:
            sentence = f"Cancelled: {sentence}"
        if self._problems:
            sentence = f"{sentence}. {'; '.join(self._problems)}"
        self.said.emit(sentence, bool(self._problems))


def _flatten_each(requests: Sequence[FlattenRequest]) -> Iterator[Flattened]:
    for request in requests:
        yield flatten_layer(request)
