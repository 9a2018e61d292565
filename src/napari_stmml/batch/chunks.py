"""What a worker of a cluster does: a chunk of tasks, while the job that sent it goes on, in its own cores."""

import os
import platform
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from napari_stmml import __version__
from napari_stmml.system.folder_lock import holder
from napari_stmml.system.pool import Outcome, outcome_of
from napari_stmml.system.threads import own_threads

MOST_TASKS = 100  # of a chunk
MOST_BYTES = 64 << 20  # of the files of a chunk, which take some 20 s to a minute
_ALONE = threading.Lock()  # drawing is not safe in threads, and a task may use all cores of its worker


@dataclass(frozen=True)
class Ticket:
    """What tells a worker which job it works for.

    Parameters
    ----------
    lock, token : str
        The file of the lock of the job's folder, and what the job has written there.
    program, python : str
        Versions that all machines have to have in common.
    """

    lock: str
    token: str
    program: str = __version__
    python: str = "{}.{}".format(*sys.version_info)

    @property
    def is_wanted(self) -> bool:
        """Whether the job still goes on."""
        return holder(Path(self.lock)) == (self.token, True)


@dataclass(frozen=True)
class Done:
    """What came of a chunk: of its first tasks if it was to stop, or its worker can do no more, and why."""

    outcomes: tuple[Outcome, ...]
    refused: str = ""
    worker: str = ""  # its address, if it can do no more


def cut(
    tasks: Iterable[Any], workers: Callable[[], int], size_of: Callable[[Any], int]
) -> Iterator[list[Any]]:
    """Cut tasks into chunks: small ones first and last, so that all workers are busy to the end.

    Parameters
    ----------
    tasks : iterable
        Two chunks for each worker are drawn beforehand, to see the end come.
    workers : callable
        Says how many there are.
    size_of : callable
        Gets a task; returns the bytes of its file.

    Yields
    ------
    list
        Of 1 to ``MOST_TASKS`` tasks; no more than ``MOST_BYTES``, unless it is one task.
    """
    tasks, known = iter(tasks), deque[Any]()
    for number in count():
        there = workers()
        known.extend(islice(tasks, max(0, 2 * there * MOST_TASKS - len(known))))
        if not known:
            return
        most = min(MOST_TASKS, 1 + number // there, max(1, len(known) // (2 * there)))
        chunk = [known.popleft()]
        size = size_of(chunk[0])
        while known and len(chunk) < most and size + (more := size_of(known[0])) <= MOST_BYTES:
            chunk.append(known.popleft())
            size += more
        yield chunk


def size_of(task: Any) -> int:
    """Return the bytes of the file that a task names as its ``source``; 0 where there is none."""
    try:
        return Path(task.source).stat().st_size
    except (AttributeError, OSError):
        return 0


def refusal(ticket: Ticket) -> str:
    """Say why this machine cannot work for a job; empty if it can."""
    if ticket.program != __version__:
        return f"it has napari-stmml {__version__}, and the job {ticket.program}: install the same everywhere"
    python = Ticket("", "").python
    if ticket.python != python:
        return f"it has Python {python}, and the job {ticket.python}: install the same everywhere"
    if holder(Path(ticket.lock))[0] != ticket.token and not Path(ticket.lock).is_file():
        folder = Path(ticket.lock).parent
        return f"it does not see the folder of the job, {folder}: mount it there on all machines"
    return ""


def do_chunk(ticket: Ticket, threads: int, function: Callable[[Any], Any], tasks: list[Any]) -> Done:
    """Call a function on tasks, one after the other, until the job does not go on.

    Parameters
    ----------
    ticket : Ticket
    threads : int
        How many this worker has, for BLAS and TensorFlow.
    function : callable
    tasks : list

    Returns
    -------
    Done
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(threads)  # read when TensorFlow starts
    with _ALONE, own_threads(threads):
        if why := refusal(ticket):
            return Done((), f"{platform.node()}: {why}")
        outcomes: list[Outcome] = []
        for task in tasks:
            if not ticket.is_wanted:
                break
            outcome = outcome_of(function, task)
            if outcome.no_room:
                return Done(tuple(outcomes), f"{platform.node()}: {outcome.error}; make room there")
            outcomes.append(outcome)
        return Done(tuple(outcomes))
