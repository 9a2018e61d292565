"""Lay the feature space out in a process of its own, which ends when it is told to."""

import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QProcess, Signal

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.jobs.embedding_job import answer, ask

DIED = "the process that laid out the cells ended"


class Elsewhere(QObject):
    """One process at a time; what comes of it arrives by a signal."""

    done = Signal(object)  # Latent
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._process: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def running(self) -> bool:
        """Whether a process is on its way."""
        return self._process is not None

    def start(
        self, files: Sequence[str], groups: Sequence[np.ndarray], space: Prototypes, method: str
    ) -> None:
        """Lay out as ``latentjob.ask`` says; what runs is ended first."""
        self.cancel()
        self._folder = tempfile.TemporaryDirectory(prefix="stmml-explore-")
        command = ask(self._folder.name, files, groups, space, method)
        process = self._process = QProcess(self)
        process.finished.connect(lambda code, how: self._finished(process, code, how))
        process.errorOccurred.connect(lambda error: self._stopped(process, error))
        process.start(sys.executable, command)

    def cancel(self) -> None:
        """End the process; nothing comes of it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.waitForFinished(2000)
            self._tidy(process)

    def _finished(self, process: Any, code: int, how: Any) -> None:
        if process is not self._process:
            return
        self._process = None
        if code == 0 and how == QProcess.ExitStatus.NormalExit and self._folder is not None:
            found = answer(self._folder.name)
            self._tidy(process)
            self.done.emit(found)
            return
        said = bytes(process.readAllStandardError().data()).decode(errors="replace").splitlines()
        self._tidy(process)
        self.failed.emit(said[-1] if said else DIED)

    def _stopped(self, process: QProcess, error: Any) -> None:
        if process is self._process and error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self._tidy(process)
            self.failed.emit(f"{sys.executable} could not be started")

    def _tidy(self, process: QProcess) -> None:
        process.deleteLater()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
