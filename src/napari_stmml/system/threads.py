"""Threads of one process: one alone for products of small matrices, a second beside."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

_T = TypeVar("_T")


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which products of matrices and k-means run in one thread.

    For a product of some MFLOP a second thread is a loss: the threads wait for each other, on busy cores ten
    times as long as the product takes. Entering takes some ms.

    Returns
    -------
    context manager
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


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
