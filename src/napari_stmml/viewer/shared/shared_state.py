"""What the panels of one viewer share: the last model, the chain of flatten methods for training."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_stmml.model.recent_models import keep_model
from napari_stmml.scan import Scan
from napari_stmml.system.temporary import TemporaryFolder

_STATES: "WeakKeyDictionary[Any, SharedState]" = WeakKeyDictionary()


class SharedState(QObject):
    """Values that one panel sets and the next one reads; they live as long as the viewer."""

    chain_given = Signal(str)
    said = Signal()  # a panel has said something: it may have done a step

    def __init__(self) -> None:
        super().__init__()
        self.model: Path | None = None  # trained or used last
        self.clustered: Path | None = None  # of scans that Predict clustered without a model, the last
        self.flatten_method: str | None = None  # chain that Prepare gave to training
        self.flattened = True  # whether Predict shows scans flattened below their maps
        self.confidence = False  # whether Predict shows how sure each label is
        self._notes: dict[str, tuple[tuple[str, ...], str]] = {}
        self._folder = TemporaryFolder()  # of models, where no other can be written to

    def keep_clustered(self, model: str | Path, scan: Scan) -> Path:
        """Keep a model of scans that were clustered at once, so that their maps can be corrected at any time.

        Parameters
        ----------
        model : str or Path
            Its file, which the next clustering writes anew.
        scan : Scan
            The first of the scans, whose name it gets.

        Returns
        -------
        Path
            ``clustered`` from now on, in the folder of models.
        """
        self.clustered = keep_model(model, scan, self._folder.path)
        return self.clustered

    def note(self, step: str, scan: Scan, words: str) -> None:
        """Note what a step has given, such as *Measure*, for the panel STM.

        Parameters
        ----------
        step : str
        scan : Scan
        words : str
            A few.
        """
        self._notes[step] = _identity(scan), words
        self.said.emit()

    def noted(self, step: str, scan: Scan) -> str:
        """Return what a step has given for a scan; empty where it was not done, or for another scan.

        Parameters
        ----------
        step : str
        scan : Scan

        Returns
        -------
        str
        """
        known, words = self._notes.get(step, ((), ""))
        return words if known == _identity(scan) else ""

    def use_for_training(self, chain: str) -> None:
        """Give a chain of flatten methods to the Train and Batch panels, open now or later.

        Parameters
        ----------
        chain : str
            Methods joined by ``+``.
        """
        self.flatten_method = chain
        self.chain_given.emit(chain)


def _identity(scan: Scan) -> tuple[str, ...]:
    return scan.source, scan.channel, scan.direction


def shared_state(viewer: Any) -> SharedState:
    """Return the state that the panels of a viewer share."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # a proxy is not the viewer itself
    return _STATES.setdefault(viewer, SharedState())
