"""Lay the feature space out in a process of its own, which ends when it is told to."""

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.events import Failed, LayoutReady
from napari_stmml.jobs.embedding_files import load_view, save_question
from napari_stmml.jobs.requests import LayOutCells
from napari_stmml.jobs.worker import Worker

POLL_MS = 50


class EmbeddingProcess(QObject):
    """One process at a time; what comes of it arrives by a signal."""

    done = Signal(object)  # Latent
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.worker: Worker | None = None
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        """Whether a process is on its way."""
        return self.worker is not None

    def start(
        self, files: Sequence[str], groups: Sequence[np.ndarray], space: Prototypes, method: str
    ) -> None:
        """Lay the cells of ``files`` out, else as `clustering.embedding.look`; what runs is ended first."""
        self.cancel()
        self.worker = Worker()
        given, out = (str(self.worker.folder / name) for name in ("given.npz", "view.npz"))
        save_question(given, groups, space)
        self.worker.submit(LayOutCells(out, tuple(files), given, method))
        self._timer.start()

    def cancel(self) -> None:
        """End the process; nothing comes of it."""
        self._timer.stop()
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def _poll(self) -> None:
        if self.worker is None or self.worker.events.empty():
            return
        match self.worker.events.get():
            case LayoutReady(path):
                view = load_view(path)
                self.cancel()
                self.done.emit(view)
            case Failed(why=why):
                self.cancel()
                self.failed.emit(why)
