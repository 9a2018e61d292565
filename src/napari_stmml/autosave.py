"""Save what changed at once, one save at a time: what changes during a save is saved right after it."""

import threading
from collections.abc import Callable
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
        Gets the OSError or ValueError of a save that failed, in that thread; the next change tries again.
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
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def changed(self, value: Any) -> None:
        """Save a value as soon as the save that may be running has ended; it must not change any more."""
        with self._lock:
            self._waiting = [value]
            if not self._idle.is_set():
                return
            self._idle.clear()
        self._submit(self._run)

    def flush(self, seconds: float = 30.0) -> bool:
        """Wait until all is saved; say whether it is."""
        return self._idle.wait(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle.set()
                    return
                value = self._waiting.pop()
            try:
                outcome = self._save(value)
            except (OSError, ValueError) as error:
                self._on_error(error)
            else:
                self._on_saved(outcome)
