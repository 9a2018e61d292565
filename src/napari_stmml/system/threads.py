"""Threads of one process: one alone for products of small matrices, a second beside."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from multiprocessing import parent_process
from typing import Any, TypeVar

_T = TypeVar("_T")
_S = TypeVar("_S")
_own = 0  # threads that this process was given; 0 if nobody has said so
MOST_THREADS = "NAPARI_STMML_THREADS"  # an environment variable: how many threads and processes work at most
_MOST = 8  # threads, beyond which these pieces of work are too small


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which products of matrices and k-means run in one thread.

    For a product of some MFLOP a second thread is a loss: the threads wait for each other, on busy cores ten
    times as long as the product takes.

    Returns
    -------
    context manager
    """
    return _libraries("sklearn" in sys.modules, "scipy.linalg" in sys.modules).limit(limits=1)


@lru_cache(2)
def _libraries(*loaded: bool) -> Any:
    """Return what limits the libraries that are loaded; finding them takes some ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def in_threads(function: Callable[[_S], _T], items: Iterable[_S]) -> list[_T]:
    """Call a function on items, in a thread for each core: numpy and scipy work at the same time.

    In a process of a pool there is one thread: other processes have the other cores. See ``own_threads``.

    Parameters
    ----------
    function : callable
        Takes an item; where it writes, items have places of their own.
    items : iterable

    Returns
    -------
    list
        What it returned, in the order of the items; the same as without threads.
    """
    items = list(items)
    most = _own or (cores() if parent_process() is None else 1)
    threads = min(len(items), most, _MOST)
    if threads < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="stmml-part") as pool:
        return list(pool.map(function, items))


@contextmanager
def own_threads(number: int) -> Iterator[None]:
    """Let libraries and ``in_threads`` use so many threads: the cores that a worker of a cluster was given.

    Parameters
    ----------
    number : int
    """
    from threadpoolctl import threadpool_limits

    global _own
    before, _own = _own, number
    try:
        with threadpool_limits(number):
            yield
    finally:
        _own = before


def cores() -> int:
    """Count the cores that this process may use: those there are, or fewer by ``NAPARI_STMML_THREADS``."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = os.environ.get(MOST_THREADS, "")
    return min(there, max(1, int(most))) if most.isdecimal() else there


@contextmanager
def beside(function: Callable[[], _T]) -> Iterator[Callable[[], _T]]:
    """Call a function in a thread beside this one.

    Parameters
    ----------
    function : callable
        Takes nothing.

    Yields
    ------
    callable
        Waits for the end of the call; returns what it returned, or raises what it raised.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="stmml-beside") as pool:
        yield pool.submit(function).result
