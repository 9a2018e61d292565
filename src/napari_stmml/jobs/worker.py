"""A process of its own that runs jobs, seen from the viewer: TensorFlow can neither block nor kill it."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from napari_stmml.events import Died, Ended, Event, Failed, ModelKept, from_json
from napari_stmml.jobs.runner import Job, TrainJob
from napari_stmml.scan import Scan, save_scans

SECONDS_TO_STOP = 1.8  # a cancelled job that has not ended by then is ended


class Worker:
    """A process of its own that runs one job after the other, and stays for the next.

    Everything that it reports arrives in ``events``; every job ends with one event of the type `Ended`.
    A process that dies takes nothing with it.
    """

    def __init__(self) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.job: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="stmml-", ignore_cleanup_errors=True)
        self._cancelled = False
        self._kept = False  # whether the job has written a model so far
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """A folder for this worker's files; it goes with the worker."""
        return Path(self._folder.name)

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return None if self._process is None else self._process.pid

    def warm(self) -> None:
        """Start the process and let it import what clustering needs, so that the first job finds it ready."""
        if self.job is None and self._process is None:
            threading.Thread(target=self._warm, daemon=True).start()

    def _warm(self) -> None:
        with self._lock:
            if self._process is not None or self._cancelled:
                return
            self._process = self._start()
        self._tell({"ready": True})

    def submit(self, job: Job, scans: Iterable[Scan] = ()) -> None:
        """Start a job and return at once; ``scans`` travel to it through a file, written in a thread.

        Raises
        ------
        RuntimeError
            If a job is still running.
        """
        if self.job is not None:
            raise RuntimeError("a job is still running")
        self.job, self._cancelled, self._kept = job, False, False
        # Writing scans and starting Python takes a while: not in the thread that asks.
        threading.Thread(target=self._deliver, args=(job, scans), daemon=True).start()

    def cancel(self) -> None:
        """Ask the job to stop and keep what it has; if it has not within 1.8 s, end the process."""
        job = self.job
        if job is None or self._cancelled:
            return
        self._cancelled = True
        self._tell({"stop": True})
        timer = threading.Timer(SECONDS_TO_STOP, lambda: self.kill() if self.job is job else None)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End the process now."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._cancelled = True  # on purpose: what ends now is no failure
        self.kill()
        if self._process is not None:
            self._process.wait(5)
        if self.job is not None:
            self._settle(self.job)
        self._folder.cleanup()

    def _deliver(self, job: Job, scans: Iterable[Scan]) -> None:
        try:
            values = asdict(job)
            if taken := list(scans):
                values["scans"] = str(self.folder / "scans.npz")
                save_scans(values["scans"], taken)
            if self._cancelled:
                self._end(Failed("it was cancelled before it began"))
                return
            with self._lock:
                if self._process is None or self._process.poll() is not None:
                    self._process = self._start()
            self._tell({"job": job.kind, "values": values})
            if self._cancelled:  # asked for while all this went on
                self._tell({"stop": True})
        except Exception as error:  # noqa: BLE001 - the edge of a thread: without an end a panel would wait for ever
            self._end(Failed(f"the job could not be started: {error}"))

    def _start(self) -> subprocess.Popen[str]:
        with (self.folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "napari_stmml.jobs.runner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would open a console
                text=True,
                encoding="utf-8",
            )
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _tell(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            return  # it has gone; _listen says so

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = from_json(line)
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
            with contextlib.suppress(OSError):  # what it was told last, it did not hear
                process.stdin.close()
        if self.job is not None and process is self._process:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._end(Died(f"its process ended before its work was done ({how})"))

    def _end(self, event: Ended) -> None:
        job, self.job = self.job, None
        event = replace(event, cancelled=self._cancelled)
        if isinstance(event, Failed):
            event = replace(event, model=self._settle(job))
        self.events.put(event)

    def _settle(self, job: Job | None) -> str | None:
        """Put the model so far of a training that did not finish in its place; return where it is."""
        if not (self._kept and isinstance(job, TrainJob)):
            return None
        try:
            return str(job.settle() or job.out)
        except OSError:
            return str(job.checkpoint)
