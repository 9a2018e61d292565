"""The engine of a Dask cluster: chunks of tasks go to its workers, and what dies with one is done again."""

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_stmml.batch.chunks import Done, Ticket, cut, do_chunk, refusal, size_of
from napari_stmml.events import ClusterWorkers, Listener, Message
from napari_stmml.system.folder_lock import FolderLock
from napari_stmml.system.pool import AHEAD, KILLED, Outcome
from napari_stmml.text import counted

SECONDS_TO_CONNECT = 20
_LOOK = 1.0  # seconds between two looks at the scheduler, its workers and whether to stop
_TRIES = 3  # of one task alone: two workers may be killed by others while they do it
_BUFFERED = 8  # chunks for each in flight that may be done and wait for one before them


@dataclass(eq=False)
class _Part:
    """A chunk on its way."""

    tasks: list[Any]
    future: Any = None
    outcomes: list[Outcome] | None = None
    tries: int = 0
    workers: tuple[str, ...] = ()  # the only ones that may do it; empty for any

    @property
    def result(self) -> Iterator[Outcome]:
        """What came of its tasks, or of its first ones if it was to stop."""
        for task, outcome in zip(self.tasks, self.outcomes or (), strict=False):
            yield replace(outcome, task=task)


class DaskEngine:
    """A client of a Dask cluster; use it in a ``with`` statement.

    Parameters
    ----------
    address, scheduler_file : str
        As `Cluster` has them: one of the two.
    lock : FolderLock
    report : callable
    should_stop : callable
        As `open_engine` takes them.

    Raises
    ------
    ValueError
        If no scheduler answers, or Dask is not installed.
    """

    def __init__(
        self,
        address: str,
        scheduler_file: str,
        lock: FolderLock,
        report: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        self._lock, self._report, self._should_stop = lock, report, should_stop
        self._name = address or scheduler_file
        self._client = _connect(address, scheduler_file)
        self._ticket = Ticket(str(lock.path.absolute()), lock.token)
        self._refused: dict[str, str] = {}
        self._good: tuple[str, ...] = ()
        self._looked = float("-inf")
        self._waits = False
        self._told: ClusterWorkers | None = None

    def __enter__(self) -> "DaskEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close(timeout=2)

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Outcome]:
        """Call a function on every task; yield what came of each, in order, a few chunks in flight.

        Parameters
        ----------
        function : callable
            At the top of a module of this package, or a partial of one.
        tasks : iterable
            Taken as workers become free. They travel, so they are paths and parameters.

        Yields
        ------
        Outcome
            One for each task, in the order of the tasks; those that were not begun when the job was to stop
            are left out.

        Raises
        ------
        ValueError
            If the scheduler has gone, or no worker can be used.
        """
        chunks = cut(tasks, self._workers, size_of)
        line: deque[_Part] = deque()
        suspects: deque[_Part] = deque()
        ended: queue.SimpleQueue[_Part] = queue.SimpleQueue()
        going, more = 0, True
        try:
            while more or line:
                while more and going < self._most_going(line) and len(line) < self._most_in_line():
                    chunk = next(chunks, None)
                    if more := chunk is not None:
                        line.append(self._submit(_Part(chunk or []), function, ended))
                        going += 1
                while line and line[0].outcomes is not None:
                    yield from line.popleft().result
                if line and (part := self._next(ended, line, function)):
                    again = self._settle(part)
                    self._put(line, part, again)
                    going += len(again) - 1
                    for one in self._at_once(again, suspects, going):
                        self._submit(one, function, ended)
        finally:
            for part in filter(lambda one: one.future is not None, line):
                part.future.release()

    @staticmethod
    def _at_once(again: list[_Part], suspects: deque[_Part], going: int) -> list[_Part]:
        """Return which parts are done again at once; those that died alone wait among the suspects."""
        suspects += [one for one in again if one.tries]
        if suspects and going == len(suspects):  # nothing else may die with it, or kill it
            return [suspects.popleft()]
        return [one for one in again if not one.tries]

    def _most_going(self, line: deque[_Part]) -> int:
        """Return how many parts may be in flight; none but those that are, while one is done by itself."""
        doubted = any(part.tries and part.outcomes is None for part in line)
        return 0 if doubted else AHEAD * self._workers()

    def _most_in_line(self) -> int:
        return _BUFFERED * AHEAD * self._workers()

    def _submit(self, part: _Part, function: Callable, ended: "queue.SimpleQueue[_Part]") -> _Part:
        part.workers = self._good if self._refused else ()
        part.future = self._client.submit(
            _work, self._ticket, function, part.tasks, pure=False, workers=part.workers or None
        )
        part.future.add_done_callback(lambda future: ended.put(part) if part.future is future else None)
        return part

    def _next(
        self, ended: "queue.SimpleQueue[_Part]", line: deque[_Part], function: Callable
    ) -> _Part | None:
        """Wait a moment for the end of a part; see meanwhile whether all is well."""
        try:
            return ended.get(timeout=_LOOK)
        except queue.Empty:
            pass
        self._check()
        for part in line:
            if part.outcomes is None and part.workers and not set(part.workers) & set(self._good):
                old, part.future = part.future, None  # so that its end is not heard
                old.cancel()  # all that may do it have gone
                self._submit(part, function, ended)
        return None

    def _settle(self, part: _Part) -> list[_Part]:
        """Take the outcomes of a part; return what is to be done again."""
        from distributed import CancelledError, KilledWorker

        try:
            done: Done = part.future.result()
        except (CancelledError, OSError) as error:
            raise self._gone() from error
        except Exception as error:  # noqa: BLE001 - it died with its workers, or cannot be sent
            part.future.release()
            if len(part.tasks) > 1:
                part.outcomes = []
                return [_Part([task]) for task in part.tasks]
            killed = isinstance(error, KilledWorker)
            if killed and (tries := part.tries + 1) < _TRIES:
                return [_Part(part.tasks, tries=tries)]
            part.outcomes = [Outcome(None, error=KILLED if killed else f"{type(error).__name__}: {error}")]
            return []
        part.future.release()
        part.outcomes = list(done.outcomes)
        if done.refused:
            self._refuse({done.worker: done.refused})
            self._look(at_once=True)
        left = part.tasks[len(part.outcomes) :]
        return [_Part(left)] if left and not self._stops() else []

    @staticmethod
    def _put(line: deque[_Part], part: _Part, again: list[_Part]) -> None:
        """Put what is to be done again where its part stands, after what is done of that."""
        if again:
            at = line.index(part)
            if not part.outcomes:
                del line[at]
                at -= 1
            for number, one in enumerate(again, at + 1):
                line.insert(number, one)

    def _stops(self) -> bool:
        if self._should_stop() or self._lock.lost:
            self._lock.stop()
            return True
        return False

    def _check(self) -> None:
        self._stops()
        self._look()

    def _workers(self) -> int:
        """Count the workers that can be used; one at least, for some may come."""
        self._look()
        return max(1, len(self._good))

    def _look(self, at_once: bool = False) -> None:
        """See which workers are there, and refuse those that cannot work for this job."""
        if not at_once and time.monotonic() < self._looked + _LOOK:
            return
        self._looked = time.monotonic()
        if self._client.status != "running":
            raise self._gone()
        try:
            there = tuple(self._client.nthreads())
        except OSError as error:
            raise self._gone() from error
        if new := [one for one in there if one not in self._good and one not in self._refused]:
            self._refuse(self._client.run(refusal, self._ticket, workers=new, on_error="return"))
        self._good = tuple(one for one in there if one not in self._refused)
        self._tell(there)

    def _tell(self, there: tuple[str, ...]) -> None:
        """Say that there are no workers, or how many; raise ValueError where all are refused."""
        refused = [why for address, why in self._refused.items() if address in there]
        if refused and not self._good:
            raise ValueError(f"no worker of {self._name} can be used: {refused[0]}")
        if not there and not self._waits:
            self._report(Message(f"{self._name} has no workers; waiting until one comes"))
        self._waits = not there
        if self._told is None:
            if not self._good:
                return
            page = self._dashboard()
            watch = f", watch them at {page}" if page else ""
            self._report(Message(f"{self._name}: {counted(len(self._good), 'worker')}{watch}"))
            self._told = ClusterWorkers(0, page)
        if len(self._good) != self._told.count:
            self._told = replace(self._told, count=len(self._good))
            self._report(self._told)

    def _dashboard(self) -> str:
        """Return the address of Dask's page of the cluster, if it has one."""
        known = self._client.scheduler_info()["services"]
        return self._client.dashboard_link if "dashboard" in known else ""

    def _refuse(self, answers: dict[str, Any]) -> None:
        for address, answer in answers.items():
            if isinstance(answer, ImportError):
                answer = "it has not got napari-stmml: install the same version everywhere"
            # Another error is that it has just gone.
            if isinstance(answer, str) and answer and address not in self._refused:
                self._refused[address] = f"worker {address}: {answer}"
                self._report(Message(f"left out: {self._refused[address]}"))

    def _gone(self) -> ValueError:
        return ValueError(
            f"the scheduler {self._name} has gone; start it and the job again, and it goes on where it was"
        )


def _work(ticket: Ticket, function: Callable[[Any], Any], tasks: list[Any]) -> Done:
    """Do a chunk in a worker, with as many threads as it has."""
    from distributed import get_worker

    worker = get_worker()
    return replace(do_chunk(ticket, worker.state.nthreads, function, tasks), worker=worker.address)


def _connect(address: str, scheduler_file: str) -> Any:
    """Return a client; an address or a file at which no scheduler answers is a ValueError."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError('Dask is not installed: pip install "napari-stmml[cluster]"') from error
    for name in ("distributed", *logging.root.manager.loggerDict):  # what it tells, we say in a sentence
        if name.split(".")[0] == "distributed":  # some have a level of their own
            logging.getLogger(name).setLevel(logging.CRITICAL)
    given = {"address": address} if address else {"scheduler_file": scheduler_file}
    if not address and not Path(scheduler_file).is_file():
        raise ValueError(f"there is no scheduler file {scheduler_file}: is the scheduler running?")
    try:  # results come from the workers themselves, so that the scheduler holds none
        return Client(
            **given,
            timeout=SECONDS_TO_CONNECT,
            set_as_default=False,
            name="napari-stmml",
            direct_to_workers=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        name = address or scheduler_file
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"no scheduler answers at {name} ({why}): is it running, and its port open?"
        ) from error
