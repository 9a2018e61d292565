"""MainThread: brings functions from threads to the main thread, where layers and widgets may be touched."""

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, QTimer, Signal

from napari_stmml.viewer.shared.slots import guarded, slot

Do = Callable[[], None]


class MainThread(QObject):
    """Lives in the thread that made it, and runs functions there."""

    _asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._asked.connect(self._run)

    def run(self, do: Do) -> None:
        """Run a function: at once if this is the main thread, or else as soon as that is free."""
        with suppress(RuntimeError):  # Qt's, if the window has gone: nobody is there to be told
            self._asked.emit(do)

    def soon(self, do: Do) -> None:
        """Run a function when the event that is being handled is over.

        Parameters
        ----------
        do : callable without arguments
            Its result is not used.
        """
        QTimer.singleShot(0, guarded(do))

    @slot
    def _run(self, do: Do) -> None:
        do()
