"""Where the many files of a job are worked on: the seam of this machine's processes and a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from napari_stmml.events import Listener
from napari_stmml.system.folder_lock import FolderLock
from napari_stmml.system.pool import Outcome, Pool


class Engine(Protocol):
    """Calls functions on tasks, many at a time, and yields what came of each in the order of the tasks.

    A task that raises, or that ends its process, is an `Outcome` with ``error``; the others go on.
    """

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Outcome]:
        """Call a function, which stands at the top of a module, on tasks, which are drawn as needed."""
        ...


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster that is there: the address of its scheduler, or the file in which that has written it.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``.
    scheduler_file : str
    """

    address: str = ""
    scheduler_file: str = ""

    def __bool__(self) -> bool:
        return bool(self.address or self.scheduler_file)


HERE = Cluster()  # none: this machine


def open_engine(
    processes: int,
    cluster: Cluster,
    lock: FolderLock | None,
    report: Listener,
    should_stop: Callable[[], bool],
) -> AbstractContextManager[Engine]:
    """Return an engine, to be used in a ``with`` statement.

    Parameters
    ----------
    processes : int
        Of this machine, where no cluster is named; 0 for one a core.
    cluster : Cluster
    lock : FolderLock or None
        That of the job's folder; what works on a cluster sees by it whether it is to go on.
    report : callable
        Gets `Message`, that there are no workers yet or that one cannot be used, and `ClusterWorkers` when
        there are more or fewer.
    should_stop : callable
        Asked while a cluster works.

    Returns
    -------
    context manager of Engine

    Raises
    ------
    ValueError
        If no scheduler answers, or Dask is not installed.
    """
    if not cluster:
        return Pool(processes)
    from napari_stmml.batch.dask_engine import DaskEngine

    if lock is None:
        raise ValueError("only a job that holds the lock of its folder can work on a cluster")
    return DaskEngine(cluster.address, cluster.scheduler_file, lock, report, should_stop)
