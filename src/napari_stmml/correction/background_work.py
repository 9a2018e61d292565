"""BackgroundWork: runs work in threads of the caller's; of what is asked for meanwhile, the newest alone."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

Submit = Callable[[Callable[[], None]], Any]


def at_once(do: Callable[[], None]) -> None:
    """Run a function here and now, in place of a thread."""
    do()


@dataclass(frozen=True)
class _Task:
    """Work, and what to do on the main thread with its result, or with its error."""

    work: Callable[[], Any]
    done: Callable[[Any], Any]
    failed: Callable[[Exception], Any]


class BackgroundWork:
    """Runs one task of a kind at a time; while it runs, only the newest of the same kind is kept.

    Parameters
    ----------
    submit : callable
        Runs a function without arguments in a thread.
    on_main : callable
        Runs a function without arguments on the main thread, soon.
    """

    def __init__(self, submit: Submit, on_main: Submit) -> None:
        self._submit, self._on_main = submit, on_main
        self._changed = threading.Condition()  # holds the four below
        self._waiting: dict[Hashable, _Task] = {}
        self._failed: dict[Hashable, _Task] = {}  # the newest of a kind, if it failed
        self._running: set[Hashable] = set()
        self._told = 0  # results that have not arrived on the main thread

    @property
    def busy(self) -> bool:
        """Whether any result is still to come."""
        return bool(self._running) or self._told > 0

    def ask(
        self,
        kind: Hashable,
        work: Callable[[], Any],
        done: Callable[[Any], Any] = lambda result: None,
        failed: Callable[[Exception], Any] = lambda error: None,
    ) -> None:
        """Run work as soon as what runs of its kind has ended.

        Parameters
        ----------
        kind : hashable
        work : callable
            What it uses must not change any more.
        done, failed : callable
            Get its result, or its error, on the main thread. After an error, a flush tries again.
        """
        with self._changed:
            self._waiting[kind] = _Task(work, done, failed)
            self._failed.pop(kind, None)
            if kind in self._running:
                return
            self._running.add(kind)
        self._submit(partial(self._run, kind))

    def flush(self, seconds: float = 30.0) -> bool:
        """Wait until all is done, trying once more what failed; say whether it is."""
        if not self._wait(seconds):
            return False
        for kind, task in list(self._failed.items()):
            self.ask(kind, task.work, task.done, task.failed)
        return self._wait(seconds) and not self._failed

    def _wait(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _run(self, kind: Hashable) -> None:
        while True:
            with self._changed:
                if kind not in self._waiting:
                    self._running.discard(kind)
                    self._changed.notify_all()
                    return
                task = self._waiting.pop(kind)
            try:
                tell = partial(task.done, task.work())
            except Exception as error:  # noqa: BLE001 - the edge of a thread: said on the main thread
                tell = partial(task.failed, error)
                with self._changed:
                    if kind not in self._waiting:
                        self._failed[kind] = task
            with self._changed:
                self._told += 1
            self._on_main(partial(self._tell, tell))

    def _tell(self, tell: Callable[[], Any]) -> None:
        with self._changed:
            self._told -= 1
        tell()
