"""Many files through all cores: a pool of processes that a bad file cannot stop, in bounded memory."""

import errno
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from napari_stmml.system.threads import cores

KILLED = "its process ended while it worked on it: a crash, or no memory left"
_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
AHEAD = 2  # tasks in flight for every process; results wait no longer than that


@dataclass(frozen=True)
class Outcome:
    """What came of one task: its result, or the error in words, and whether that is a disk without room."""

    task: Any
    result: Any = None
    error: str = ""
    no_room: bool = False


class Pool:
    """Processes that call functions on tasks; use it in a ``with`` statement.

    They are started anew, not forked, so that they are the same on every system, and they end when
    their parent does, however it ended.
    """

    def __init__(self, processes: int = 0) -> None:
        if processes < 0:
            raise ValueError(f"processes must be 0 (one a core) or more, got {processes}")
        most = 61 if os.name == "nt" else 4096  # Windows waits for no more at a time
        self.processes = min(processes or cores(), most)
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes after what they are doing; what waits is dropped."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], ahead: int = 0) -> Iterator[Outcome]:
        """Call a function on every task; yield what came of each, in order, ``ahead`` at most in flight.

        A task that raises, or whose process ends (a crash, no memory left), is an ``Outcome`` with
        ``error``; the others go on.

        Parameters
        ----------
        function : callable
            Gets a task; it is sent to other processes, so it stands at the top of a module.
        tasks : iterable
            Taken one by one, as results are asked for.
        ahead : int
            Tasks in flight at most; 0 = two for every process.

        Yields
        ------
        Outcome
            One for each task, in the order of the tasks.
        """
        waiting: deque[tuple[Any, Future[Outcome]]] = deque()
        for task in tasks:
            waiting.append((task, self._submit(function, task)))
            if len(waiting) >= (ahead or AHEAD * self.processes):
                yield self._next(function, waiting)
        while waiting:
            yield self._next(function, waiting)

    def _next(self, function: Callable[[Any], Any], waiting: deque[tuple[Any, "Future[Outcome]"]]) -> Outcome:
        task, future = waiting.popleft()
        try:
            return replace(future.result(), task=task)
        except (BrokenProcessPool, OSError):
            # One process died, and all tasks in flight are lost: do each again, this one alone.
            self._executor = None
            outcome = self._alone(function, task)
            again = [(later, self._submit(function, later)) for later, _ in waiting]
            waiting.clear()
            waiting.extend(again)
            return outcome
        except Exception as error:  # noqa: BLE001 - a task or a result that cannot be sent
            return Outcome(task, error=f"{type(error).__name__}: {error}")

    def _alone(self, function: Callable[[Any], Any], task: Any) -> Outcome:
        try:
            return replace(self._submit(function, task).result(), task=task)
        except BrokenProcessPool:
            self._executor = None
            return Outcome(task, error=KILLED)
        except Exception as error:  # noqa: BLE001 - as above
            return Outcome(task, error=f"{type(error).__name__}: {error}")

    def _submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Outcome]":
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self.processes, multiprocessing.get_context("spawn"), initializer=_end_with_parent
            )
        try:
            return self._executor.submit(outcome_of, function, task)
        except (BrokenProcessPool, OSError) as error:
            # It broke since, or breaks now, while it starts a process (then its handles are closed): what was
            # in flight says so when it is asked for.
            failed: Future[Outcome] = Future()
            failed.set_exception(error)
            return failed


def outcome_of(function: Callable[[Any], Any], task: Any) -> Outcome:
    """Call a function on a task: an exception comes back in words, for not every one can be sent.

    Parameters
    ----------
    function : callable
    task : object

    Returns
    -------
    Outcome
        Without the task, which the caller has.
    """
    try:
        return Outcome(None, function(task))
    except Exception as error:  # noqa: BLE001 - whatever a file does to a library stays with that file
        return Outcome(None, error=f"{type(error).__name__}: {error}", no_room=is_full(error))


def is_full(error: BaseException) -> bool:
    """Say whether an error is that a disk has no room, or a user no more of it.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    bool
    """
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _end_with_parent() -> None:
    """End this process when its parent has gone: a killed job leaves nothing running.

    Ctrl-C in a terminal reaches every process; it is the parent's to answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
