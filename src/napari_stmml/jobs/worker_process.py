"""A process of its own that does one request after the other: `main` runs in it, `Worker` is its other side.

Requests go to its standard input and events come from its standard output, one line of JSON each; TensorFlow
can neither block nor kill whoever asks.
"""

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from napari_stmml import events
from napari_stmml.events import Died, Ended, Event, Failed, Finished, Listener, ModelKept
from napari_stmml.jobs import requests
from napari_stmml.jobs.requests import Request, Stop, TrainModel, WarmUp
from napari_stmml.system.temporary import TemporaryFolder, hold, sweep_temporary

if TYPE_CHECKING:
    from napari_stmml.features.store import FeatureStore
    from napari_stmml.scan import Scan

SECONDS_TO_STOP = 1.8  # a cancelled request that has not ended by then is ended with its process
SECONDS_TO_GO = 60.0  # for what runs when the viewer goes to keep what it has; then the process ends anyhow


class Worker:
    """A process of its own that does one request after the other, and stays for the next.

    Everything that it reports arrives in ``events``; every request ends with one event of the type `Ended`.
    A process that dies takes nothing with it.

    Parameters
    ----------
    features : path, optional
        The folder in which several workers' processes keep features for each other; without it, each process
        keeps its own.
    """

    def __init__(self, features: str | Path | None = None) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.request: Request | None = None
        self._process: subprocess.Popen[str] | None = None
        self._folder = TemporaryFolder()
        self._folders = [str(one) for one in (self._folder.path, features) if one is not None]
        self._cancelled = False
        self._kept = False  # whether the request has said that it wrote a model so far
        self._before: tuple[int, int] | None = None  # the model so far that an older request has left
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """A folder for this worker's files; it goes with the worker."""
        return self._folder.path

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return None if self._process is None else self._process.pid

    def warm(self) -> None:
        """Start the process and let it import what clustering needs, so that the first request finds it."""
        if self.request is None and self._process is None:
            threading.Thread(target=self._deliver, args=(WarmUp(), ()), daemon=True).start()

    def submit(self, request: Request, scans: "Iterable[Scan]" = ()) -> None:
        """Ask for something and return at once.

        Parameters
        ----------
        request : Request
        scans : iterable of Scan
            They travel to the process through a file, which is written in a thread.

        Raises
        ------
        RuntimeError
            If another request is still being done.
        """
        if self.request is not None:
            raise RuntimeError("a job is still running")
        self.request, self._cancelled, self._kept = request, False, False
        self._before = request.so_far() if isinstance(request, TrainModel) else None
        # Writing scans and starting Python takes a while: not in the thread that asks.
        threading.Thread(target=self._deliver, args=(request, scans), daemon=True).start()

    def cancel(self) -> None:
        """Ask the process to stop and keep what it has; if it has not within 1.8 s, end it."""
        request = self.request
        if request is None or self._cancelled:
            return
        self._cancelled = True
        self._send(Stop())
        timer = threading.Timer(SECONDS_TO_STOP, lambda: self.kill() if self.request is request else None)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End the process now."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and remove its folder, and what the process leaves."""
        self._cancelled = True  # on purpose: what ends now is no failure
        self.kill()
        if self._process is not None:
            self._process.wait(5)
        if self.request is not None:
            self._settle(self.request)
        self._folder.cleanup()
        sweep_temporary()

    def _deliver(self, request: Request, scans: "Iterable[Scan]") -> None:
        try:
            if taken := list(scans):
                from napari_stmml.io.scan_archive import save_scans

                request = replace(request, scans=str(self.folder / "scans.npz"))
                save_scans(request.scans, taken)
            if self._cancelled:
                self._end(Failed("it was cancelled before it began"))
                return
            with self._lock:
                if self._process is None or self._process.poll() is not None:
                    self._process = self._start()
            self._send(request)
            if self._cancelled:  # asked for while all this went on
                self._send(Stop())
        except Exception as error:  # noqa: BLE001 - the edge of a thread: without an end a panel would wait for ever
            self._end(Failed(f"the job could not be started: {error}"))

    def _start(self) -> subprocess.Popen[str]:
        with (self.folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "napari_stmml.jobs.worker_process", *self._folders],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would open a console
                text=True,
                encoding="utf-8",
                errors="replace",  # a line that is cut short is no JSON, and the others are read
            )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _send(self, request: Request) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # it has gone; _listen says so
                process.stdin.write(requests.to_json(request) + "\n")
                process.stdin.flush()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = events.from_json(line)
            except ValueError:
                continue  # the process was ended in the middle of a line
            self._kept = self._kept or isinstance(event, ModelKept)
            if isinstance(event, Ended):
                self._end(event)
            else:
                self.events.put(event)
        code = process.wait()
        process.stdout.close()
        if process.stdin is not None:
            with suppress(OSError):  # what it was sent last, it did not read
                process.stdin.close()
        if process is self._process:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._end(Died(f"its process ended before its work was done ({how})"))

    def _end(self, event: Ended) -> None:
        request, self.request = self.request, None
        if request is None:  # nobody waits for a process that was only warmed
            return
        event = replace(event, cancelled=self._cancelled)
        if isinstance(event, Failed):
            event = replace(event, model=self._settle(request))
        self.events.put(event)

    def _settle(self, request: Request) -> str | None:
        """Put the model so far of a training that did not finish in its place; return where it is."""
        if not isinstance(request, TrainModel):
            return None
        if not self._kept and request.so_far() in (None, self._before):
            return None  # a process that was killed may have written one that it could not tell of
        try:
            return str(request.settle() or request.out)
        except OSError:
            return str(request.checkpoint)


# ---- in the process


def main() -> None:
    """Do requests as they come on standard input, until it is closed or brings what is no request.

    Arguments of the command are folders of the viewer, which stay until this process ends: one for files of
    this worker and, if there is a second, one for features.
    """
    held = [hold(folder) for folder in sys.argv[1:]]
    # Whatever a library prints goes to the log: standard output is for events alone.
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)  # the viewer goes first
    waiting: SimpleQueue[Request | Failed | None] = SimpleQueue()
    stop = threading.Event()

    def report(event: Event) -> None:
        with suppress(OSError):  # nobody listens any more: the work is finished all the same
            wire.write(events.to_json(event) + "\n")
            wire.flush()

    threading.Thread(target=_hear, args=(waiting, stop), daemon=True).start()
    from napari_stmml.features.store import FeatureStore

    store = FeatureStore(*sys.argv[2:3])
    while (request := waiting.get()) is not None:
        ended = request if isinstance(request, Failed) else _do(request, report, stop.is_set, store)
        if not isinstance(request, WarmUp):
            report(ended)
    del held


def _hear(waiting: "SimpleQueue[Request | Failed | None]", stop: threading.Event) -> None:
    """Take requests from standard input; at its end, however it comes, let the process end."""
    try:
        for line in sys.stdin:
            request = requests.from_json(line)
            if isinstance(request, Stop):
                stop.set()
                continue
            if not isinstance(request, WarmUp):
                stop.clear()
            waiting.put(request)
    except Exception as error:  # noqa: BLE001 - a line that is cut short, or no standard input at all
        waiting.put(Failed(f"what the viewer asked for cannot be understood: {error}"))
    stop.set()  # the viewer has gone: keep the model so far and go as well
    waiting.put(None)
    # What cannot be stopped has nothing to keep.
    timer = threading.Timer(SECONDS_TO_GO, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _do(request: Request, report: Listener, should_stop: Callable[[], bool], store: "FeatureStore") -> Ended:
    """Do a request; return how it ended."""
    from napari_stmml.jobs.run_request import run  # loads everything, which the other side must not
    from napari_stmml.system.progress import Stopped

    try:
        run(request, report, should_stop, store)
    except (ValueError, OSError, Stopped) as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - the edge of a process: said there, traced in its log
        traceback.print_exc()
        return Failed(f"an unexpected {type(error).__name__}: {error}")
    return Finished()


if __name__ == "__main__":
    main()
