"""A panel that runs one job at a time in a process of its own, shows how far it is, and can cancel it."""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QProgressBar, QPushButton

from napari_stmml import events
from napari_stmml.jobs.requests import Request
from napari_stmml.jobs.worker_process import Worker
from napari_stmml.scan import Scan
from napari_stmml.system.temporary import TemporaryFolder
from napari_stmml.text import counted, number
from napari_stmml.viewer.shared.panel import Panel, row_of
from napari_stmml.viewer.shared.slots import guarded, slot

POLL_MS = 50
BUDGET_S = 0.03  # for events at a time; the viewer is to answer in between


@cache
def features_folder() -> TemporaryFolder:
    """Return the folder in which the processes of all panels keep features for each other."""
    return TemporaryFolder()


class JobPanel(Panel):
    """Start, Cancel, a progress bar; what a job reports arrives in ``on_event`` on the main thread."""

    def __init__(self, napari_viewer: Any, start: str) -> None:
        super().__init__(napari_viewer)
        self.worker = Worker(features_folder().path)
        self.start_button, self.cancel_button = QPushButton(start), QPushButton("Cancel")
        self.starters = [self.start_button]  # what cannot be pressed while a job runs
        self.start_button.clicked.connect(guarded(self.on_start))
        self.cancel_button.clicked.connect(self.cancel)
        self.progress = QProgressBar()
        self.progress.setAccessibleName("progress")
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        # The lambda holds the worker, not this panel, which is gone when it is called.
        self.destroyed.connect(guarded(lambda *_, worker=self.worker: worker.close()))
        self._set_running(False)

    def add_buttons(self) -> None:
        """Add buttons, bar and status line to the column, and keep the rest of it free."""
        self.add(row_of(self.start_button, self.cancel_button), self.progress, self.status)

    def start(self, request: Request, scans: Iterable[Scan] = ()) -> None:
        """Start a job; the viewer stays free.

        Parameters
        ----------
        request : Request
            What the job is to do.
        scans : iterable of Scan
            Scans that the job works on.

        Raises
        ------
        RuntimeError
            If a job is still running.
        """
        self.worker.submit(request, scans)
        self._set_running(True)
        self.say("starting …")
        self._timer.start()

    @slot
    def cancel(self) -> None:
        """Ask the running job to stop; within two seconds it has, and what it had is kept."""
        self.cancel_button.setEnabled(False)
        self.say("cancelling …")
        self.worker.cancel()

    @property
    def running(self) -> bool:
        """Whether a job has been started and has not ended."""
        return self._timer.isActive()

    def on_close(self) -> None:
        """End the process."""
        self.worker.close()

    def on_start(self) -> None:
        """Read the form and call ``start``; a ValueError is shown to the user."""
        raise NotImplementedError

    def on_event(self, event: events.Event) -> bool:
        """Take one event of the running job; say whether that was enough for this turn."""
        raise NotImplementedError

    def on_end(self, event: events.Ended) -> None:
        """Say how the job ended."""
        raise NotImplementedError

    def measure(self, done: float, total: float) -> None:
        """Show in the bar how much of the job is done.

        Parameters
        ----------
        done : float
            How much is done, in the unit of ``total``.
        total : float
            How much there is to do; 0 leaves the bar empty.
        """
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * done / total) if total else 0)

    def show_progress(self, event: events.Event) -> None:
        """Say how far the job is, and show it in the bar; what else is reported is left to others.

        Parameters
        ----------
        event : events.Event
            What the job reported; a kind that is not known here changes nothing.
        """
        match event:
            case events.Message(text):
                self.say(text)
            case events.TrainingWindows(scans, train, held):
                on, beside = counted(train, "example"), f"{number(held)} to validate" if held else ""
                self.say(f"{counted(scans, 'scan')}: {_joined(f'{on} to train on', beside)}; starting …")
            case events.BatchDone(epoch, epochs=epochs, loss=loss):
                self.measure(event.fraction, 1)
                left = time_left(event.seconds_left)
                self.say(_joined(f"epoch {epoch} of {epochs}", f"loss {number(loss, 3)}", left))
            case events.Clustering(done, total, of):
                self.measure(done, total)
                self.say(f"clustering: {number(done)} of {counted(total, of)}")
            case events.FilesDone(step, done, total):
                self.measure(done, total)
                pace = f"{number(event.per_second, 3)} scans/s" if event.per_second else ""
                left = time_left(event.seconds_left) if done < total else ""
                self.say(_joined(f"{step}: {number(done)} of {counted(total, 'scan')}", pace, left))
            case events.Skipped(why=why):
                self.say(f"left out: {why}", wrong=True)

    def say_stopped(self, event: events.Failed, what: str, kept: str = "") -> None:
        """Say that a job was cancelled, or that it failed and why, and what is left of it.

        Parameters
        ----------
        event : events.Failed
            How the job ended.
        what : str
            What failed, said before the reason; not used if the job was cancelled.
        kept : str
            What is left of the job, without a full stop; empty if nothing is.
        """
        kept = f"; {kept}." if kept else ""
        if event.cancelled:
            self.say(f"Cancelled{kept or '.'}")
        else:
            self.say(f"{what}: {event.why}{kept}", wrong=True)

    @slot
    def _poll(self) -> None:
        until = time.perf_counter() + BUDGET_S
        while not self.worker.events.empty() and time.perf_counter() < until:
            event = self.worker.events.get()
            if isinstance(event, events.Ended):
                self._timer.stop()
                self._set_running(False)
                self.on_end(event)
            elif self.on_event(event):
                break

    def _set_running(self, running: bool) -> None:
        for button in self.starters:
            button.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        self.progress.setRange(0, 0 if running else 100)  # 0 to 0: busy, no measure yet
        if not running:
            self.progress.reset()


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def time_left(seconds: float | None) -> str:
    """Say how long something will take.

    >>> time_left(75)
    'about 1 min 15 s left'
    """
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s left" if minutes else f"about {rest} s left"
