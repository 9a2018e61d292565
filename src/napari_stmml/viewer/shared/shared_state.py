"""What the panels of one viewer share: the last model, the chain of flatten methods for training."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

_STATES: "WeakKeyDictionary[Any, SharedState]" = WeakKeyDictionary()


class SharedState(QObject):
    """Values that one panel sets and the next one reads; they live as long as the viewer."""

    chain_given = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.model: Path | None = None  # trained or used last
        self.unsaved_model: Path | None = None  # of scans that Predict clustered without a model
        self.flatten_method: str | None = None  # chain that Prepare gave to training
        self.confidence = False  # whether Predict shows how sure each label is

    def use_for_training(self, chain: str) -> None:
        """Give a chain of flatten methods to the Train and Batch panels, open now or later.

        Parameters
        ----------
        chain : str
            Methods joined by ``+``.
        """
        self.flatten_method = chain
        self.chain_given.emit(chain)


def shared_state(viewer: Any) -> SharedState:
    """Return the state that the panels of a viewer share."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # a proxy is not the viewer itself
    return _STATES.setdefault(viewer, SharedState())
