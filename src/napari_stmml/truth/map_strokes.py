"""MapTruth: what a person paints on a map that a model made, kept as truth of the scan, stroke by stroke."""

from collections.abc import Mapping
from threading import Lock

import numpy as np

from napari_stmml.classes import MOST, is_numbered
from napari_stmml.scan import Scan
from napari_stmml.text import counted
from napari_stmml.truth.truth_file import TruthFile


class MapTruth:
    """The truth of a scan as painted on one map of it; threads may ask at once.

    Parameters
    ----------
    scan : Scan
    model : str
        ``lineage`` of the model that made the map.
    predicted : ndarray of int, shape (rows, cols)
        The map before anybody painted on it.
    """

    def __init__(self, scan: Scan, model: str, predicted: np.ndarray) -> None:
        self._scan, self._model = scan, model
        self._predicted = self._kept = predicted
        self._file: TruthFile | None = None
        self._under = np.zeros(predicted.shape, np.uint8)  # the truth without what is painted on this map
        self._names: dict[int, str] = {}
        self._colours: dict[int, str] = {}
        self._lock = Lock()

    def is_kept(self, labels: np.ndarray) -> bool:
        """Whether a state of the map, (rows, cols), is the one that was kept last."""
        return np.array_equal(labels, self._kept)

    def keep(
        self, labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], name: str = "the map"
    ) -> str:
        """Keep a state of the map; what was undone, or erased, is as it was before anybody painted here.

        Parameters
        ----------
        labels : ndarray of int, shape (rows, cols)
            It must not change any more.
        names, colours : mapping of int to str
            Of its labels.
        name : str
            What a person knows the map by.

        Returns
        -------
        str
            What is kept, in a sentence; empty where nothing was painted since the last time.

        Raises
        ------
        ValueError
            If a label is above 255, or there would be too many classes.
        OSError
            If the truth cannot be written anywhere.
        """
        with self._lock:
            if self.is_kept(labels):
                return ""
            painted = (labels != self._predicted) & (labels > 0)
            most = int(labels[painted].max(initial=0))
            if most > MOST:
                raise ValueError(f"label {most} is above {MOST}, the highest that a truth can hold")
            if painted.any() or self._file is not None:
                self._save(np.where(painted, labels, 0).astype(np.uint8), names, colours)
            self._kept = labels
            if np.array_equal(labels, self._predicted):
                return f"What was painted on “{name}” is undone: the truth of the scan is as it was."
            pixels = int(np.count_nonzero(painted))
            if not pixels:
                return f"What was erased on “{name}” comes back: the truth of a scan holds classes alone."
            verb = "is" if pixels == 1 else "are"
            return f"{counted(pixels, 'pixel')} painted on “{name}” {verb} kept as truth of the scan."

    def _save(self, painted: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str]) -> None:
        names = {label: _lasting(name) for label, name in names.items()}
        if self._file is None:
            file = TruthFile(self._scan)
            found = file.load_as(painted, names, colours, self._model)
            self._under, self._names, self._colours = found.labels, dict(found.names), dict(found.colours)
            self._file = file
        names, colours = {**self._names, **names}, {**self._colours, **colours}
        truth = np.where(painted > 0, painted, self._under)
        saved = self._file.save(truth, names, colours, self._model)
        self._under = np.where(painted > 0, self._under, saved.labels)
        self._names, self._colours = dict(saved.names), dict(saved.colours)


def _lasting(name: str) -> str:
    """Return a name that no other model has for something else, as each has a cluster 1.

    >>> _lasting("cluster 3"), _lasting("step edge")
    ('cluster 3 as painted', 'step edge')
    """
    return f"{name} as painted" if is_numbered(name) else name
