"""MapTruth: what a person paints on a map that a model made, kept as truth of the scan, stroke by stroke."""

from collections.abc import Collection, Mapping
from threading import Lock

import numpy as np

from napari_stmml.classes import MOST, is_numbered
from napari_stmml.scan import Scan
from napari_stmml.text import counted, quoted
from napari_stmml.truth.painted_labels import name_of
from napari_stmml.truth.truth_file import Saved, TruthFile


class MapTruth:
    """The truth of a scan as painted on one map of it; threads may ask at once.

    Parameters
    ----------
    scan : Scan
    model : str
        ``lineage`` of the model that made the map.
    predicted : ndarray of int, shape (rows, cols)
        The map before anybody painted on it.
    classes : collection of int
        Labels of the model. Others that are painted are new classes; the truth may number them otherwise.
    """

    def __init__(
        self, scan: Scan, model: str, predicted: np.ndarray, classes: Collection[int] = range(1, MOST + 1)
    ) -> None:
        self._scan, self._model, self._classes = scan, model, frozenset(classes)
        self._predicted = self._kept = predicted
        self._file: TruthFile | None = None
        self._under = np.zeros(predicted.shape, np.uint8)  # the truth without what is painted on this map
        self._wrote = np.zeros(predicted.shape, np.uint8)  # what is painted on it, in labels of the truth
        self._numbers: dict[int, int] = {}  # of new classes: label on the map, label in the truth
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
        """Lay what is painted over the truth as its file has it now; other windows may have written it."""
        if self._file is None:
            self._file = TruthFile(self._scan)
        own = {label: _lasting(name) for label, name in names.items() if label in self._classes}
        found = self._file.load_as(self._in_truth(painted), own, {}, self._model)
        added = self._add_classes(painted, names, found)
        painted = self._in_truth(painted)
        under = np.where((self._wrote > 0) & (found.labels == self._wrote), self._under, found.labels)
        truth, named = np.where(painted > 0, painted, under), {**found.names, **added}
        shown = {self._numbers.get(label, label): colour for label, colour in colours.items()}
        saved = self._file.save(truth, named, {**shown, **found.colours}, self._model)
        self._under = np.where(painted > 0, under, saved.labels)
        self._wrote = painted

    def _in_truth(self, painted: np.ndarray) -> np.ndarray:
        """Return painted labels, (rows, cols) uint8, as those of the truth."""
        table = np.arange(MOST + 1, dtype=np.uint8)
        for label, number in self._numbers.items():
            table[label] = number
        return table[painted]

    def _add_classes(self, painted: np.ndarray, names: Mapping[int, str], found: Saved) -> dict[int, str]:
        """Give new classes numbers, so that none is taken for another; return names that a person gave them.

        A class has its number of the map, unless the truth has another class of that number by now.
        """
        there = {name: label for label, name in found.names.items()}
        for label in np.unique(painted[painted > 0]).tolist():
            if label in self._classes or label in self._numbers:
                continue
            name, given = name_of(label, names), self._numbers.values()
            number = there.get(name, label)
            if name not in there and (label in found.names or label in given):
                number = max(label, *given, *found.names, int(found.labels.max())) + 1
            if number > MOST:
                raise ValueError(f"there can be {MOST} classes in all, {quoted(name)} would be one too many")
            self._numbers[label] = number
        return {number: names[label] for label, number in self._numbers.items() if label in names}


def _lasting(name: str) -> str:
    """Return a name that no other model has for something else, as each has a cluster 1.

    >>> _lasting("cluster 3"), _lasting("step edge")
    ('cluster 3 as painted', 'step edge')
    """
    return f"{name} as painted" if is_numbered(name) else name
