"""Save what changed at once, one save at a time: what changes during a save is saved right after it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Submit = Callable[[Callable[[], None]], Any]


class AutoSave:
    """Saves the newest value; threads are the caller's.

    Parameters
    ----------
    save : callable
        Gets a value, writes it, and returns what came of it.
    submit : callable
        Runs a function without arguments in a thread.
    on_saved : callable
        Gets what ``save`` returned, in that thread.
    on_error : callable
        Gets the error of a save that failed, in that thread; the next change, or a flush, tries again.
    """

    def __init__(
        self,
        save: Callable[[Any], Any],
        submit: Submit,
        on_saved: Callable[[Any], None] = lambda outcome: None,
        on_error: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._save, self._submit, self._on_saved, self._on_error = save, submit, on_saved, on_error
        self._waiting: list[Any] = []
        self._failed: list[Any] = []  # the newest value, if it could not be saved
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def changed(self, value: Any) -> None:
        """Save a value as soon as the save that may be running has ended; it must not change any more."""
        with self._lock:
            self._waiting, self._failed = [value], []
            if not self._idle.is_set():
                return
            self._idle.clear()
        self._submit(self._run)

    def flush(self, seconds: float = 30.0) -> bool:
        """Wait until all is saved, trying once more what could not be; say whether it is."""
        if not self._idle.wait(seconds):
            return False
        if self._failed:
            self.changed(self._failed[0])
        return self._idle.wait(seconds) and not self._failed

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                value = self._waiting.pop()
            try:
                outcome = self._save(value)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next stroke has to be saved
                with self._lock:
                    self._failed = [] if self._waiting else [value]
                self._tell(self._on_error, error)
            else:
                self._tell(self._on_saved, outcome)

    @staticmethod
    def _tell(whom: Callable[[Any], None], what: Any) -> None:
        with suppress(RuntimeError):  # Qt's, if the window has gone: strokes are saved all the same
            whom(what)
