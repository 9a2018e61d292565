"""LatestWork: runs work in one thread of the caller's; of the same kind of work, only the newest counts."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from napari_stmml.correction.autosave import Submit

Result = TypeVar("Result")


class LatestWork:
    """Runs work in the order in which it was asked for; what was asked for anew since is dropped.

    Parameters
    ----------
    submit : callable
        Runs a function without arguments in a thread: always the same one, so that the order is kept.
    on_main : callable
        Runs a function without arguments on the main thread, soon.
    on_error : callable
        Gets the error of work that failed, on the main thread.
    """

    def __init__(self, submit: Submit, on_main: Submit, on_error: Callable[[Exception], None]) -> None:
        self._submit, self._on_main, self._on_error = submit, on_main, on_error
        self._asked: dict[Hashable, object] = {}
        self._left = 0

    @property
    def busy(self) -> bool:
        """Whether the result of something is still to come."""
        return self._left > 0

    def ask(self, kind: Hashable, work: Callable[[], Result], done: Callable[[Result], Any]) -> None:
        """Run work in the thread; ``done`` gets its result on the main thread.

        Parameters
        ----------
        kind : hashable
            Work of the same kind that was asked for before is dropped, and its result too.
        work, done : callable
        """
        token = self._asked[kind] = object()
        self._left += 1

        def run() -> None:
            result, error = None, None
            try:
                if self._asked.get(kind) is token:
                    result = work()
            except Exception as caught:  # noqa: BLE001 - the edge of a thread: said on the main thread
                error = caught
            self._on_main(lambda: end(result, error))

        def end(result: Any, error: Exception | None) -> None:
            self._left -= 1
            if self._asked.get(kind) is not token:
                return
            del self._asked[kind]
            if error is not None:
                self._on_error(error)
            else:
                done(result)

        self._submit(run)
