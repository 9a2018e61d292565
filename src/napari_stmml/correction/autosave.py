"""AutoSave: writes the newest value at once, one save at a time, in the caller's threads."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Outcome = TypeVar("Outcome")
Submit = Callable[[Callable[[], None]], Any]


def at_once(do: Callable[[], None]) -> None:
    """Run a function here and now, in place of a thread."""
    do()


class AutoSave(Generic[Value, Outcome]):
    """Saves the newest value; what changes during a save is saved right after it.

    Parameters
    ----------
    save : callable
        Gets a value, writes it, and returns what came of it.
    submit : callable
        Runs a function without arguments in a thread.
    on_saved : callable
        Gets a value and what ``save`` returned of it, in that thread.
    on_error : callable
        Gets the error of a save that failed, in that thread; the next change, or a flush, tries again.
    """

    def __init__(
        self,
        save: Callable[[Value], Outcome],
        submit: Submit,
        on_saved: Callable[[Value, Outcome], None] = lambda value, outcome: None,
        on_error: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._save, self._submit, self._on_saved, self._on_error = save, submit, on_saved, on_error
        self._waiting: list[Value] = []
        self._failed: list[Value] = []  # the newest value, if it could not be saved
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def changed(self, value: Value) -> None:
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
                self._on_error(error)
            else:
                self._on_saved(value, outcome)
