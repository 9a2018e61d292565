"""What the panels of one viewer share: the last model, the chain of flatten methods for training."""

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_stmml.system.temporary import TemporaryFolder

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
        self._folder = TemporaryFolder()  # of models that nobody has saved

    def take_unsaved(self, model: str | Path) -> Path:
        """Copy a model that nobody has saved, so that every map of it can be corrected with it.

        Parameters
        ----------
        model : str or Path
            Its file, which the next clustering writes anew.

        Returns
        -------
        Path
            ``unsaved_model`` from now on; it lives as long as the viewer.
        """
        self.unsaved_model = Path(shutil.copy(model, self._folder.path / f"{uuid4().hex}.stmml"))
        return self.unsaved_model

    def is_unsaved(self, model: Path) -> bool:
        """Whether a model is one that nobody has saved."""
        return model.parent == self._folder.path

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
