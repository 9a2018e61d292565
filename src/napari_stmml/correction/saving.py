"""Keep on disk what a person does: truths in the files of their scans, the model in its own."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from napari_stmml.correction.background_work import BackgroundWork
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.structures_file import stamp
from napari_stmml.system.files import free_path
from napari_stmml.system.older_files import keep_aside
from napari_stmml.truth.overlay import read_truth
from napari_stmml.truth.truth_file import Saved, TruthFile

Say = Callable[[str, bool], None]  # a sentence, and whether something went wrong


class TruthSaver:
    """Saves what is painted, each truth in the file of its scan.

    Parameters
    ----------
    work : BackgroundWork
    say : callable
        Gets sentences for the person.
    on_merged : callable
        Gets the key of a scan, the labels that were to be saved, and what was `Saved`, where another window
        had painted on the same scan.
    """

    def __init__(
        self, work: BackgroundWork, say: Say, on_merged: Callable[[ScanKey, np.ndarray, Saved], None]
    ) -> None:
        self._work, self._say, self._on_merged = work, say, on_merged
        self._files: dict[ScanKey, TruthFile] = {}

    def open(
        self, scan: Scan, key: ScanKey, classifier: SurfaceClassifier
    ) -> tuple[SurfaceClassifier, np.ndarray | None]:
        """Return what was painted on a scan before, (rows, cols), in labels of the model; None if nothing.

        The model is returned with the painted classes that it did not have.

        Raises
        ------
        ValueError
            If there would be too many classes.
        """
        self._work.flush()  # what was painted on a scan that was closed a moment ago
        file = self._files.setdefault(key, TruthFile(scan, key))
        found = read_truth(file, classifier.classes, lineage(classifier.training))
        if file.problem:
            self._say(file.problem, True)
        if found is None:
            return classifier, None
        self._say(f"{scan.name}: the strokes that were saved {found.saved} (UTC) are shown again.", False)
        if found.classes is not classifier.classes:
            classifier = replace(classifier, classes=found.classes)
        return classifier, found.labels

    def changed(self, key: ScanKey, labels: np.ndarray, classifier: SurfaceClassifier) -> None:
        """Save a truth, (rows, cols); a copy is made."""
        labels, classes = labels.copy(), classifier.classes
        names, colours = (dict(enumerate(known, 1)) for known in (classes.names, classes.colours))
        model = lineage(classifier.training)
        self._work.ask(
            key,
            lambda: self._files[key].save(labels, names, colours, model),
            partial(self._saved, key, labels),
            lambda error: self._say(f"What you painted could not be saved: {error}", True),
        )

    def _saved(self, key: ScanKey, labels: np.ndarray, saved: Saved) -> None:
        if saved.merged:
            self._say(saved.sentence, True)
            self._on_merged(key, labels, saved)


class Model(Protocol):
    """What a model file keeps: a model of pixels, or types of structures; each leaves the other in it."""

    def save(self, path: str | Path) -> Path:
        """Write it into a model file."""


class ModelSaver:
    """Saves the model in its file; one that another window has changed is never overwritten.

    Parameters
    ----------
    work, say
        As of `TruthSaver`.
    on_moved : callable
        Gets the file that the model is kept in from now on.
    of_types : bool
        Whether it saves types of structures.
    """

    def __init__(
        self, work: BackgroundWork, say: Say, on_moved: Callable[[Path], None], *, of_types: bool = False
    ) -> None:
        self.path: Path | None = None
        self._work, self._say, self._on_moved = work, say, on_moved
        self._stamp = partial(stamp, of_types=of_types)
        self._known: tuple[int, ...] = ()  # what tells the file, as this window knows it
        self._copied = False  # whether the model as it was found has been kept aside

    def use(self, path: Path) -> None:
        """Keep the model in a file from now on.

        Parameters
        ----------
        path : Path
            What waits to be saved is written to the file before it first.
        """
        self._work.flush()
        self.path, self._known, self._copied = path, self._stamp(path), False
        self._on_moved(path)

    @property
    def stale(self) -> bool:
        """Whether another window, or a training, has changed the file since."""
        self._work.flush()
        return self.path is not None and self._stamp(self.path) != self._known

    def changed(self, model: Model) -> None:
        """Save the model."""
        self._work.ask(
            "model",
            lambda: self._save(model),
            self._saved,
            lambda error: self._say(f"The model could not be saved: {error}", True),
        )

    def _save(self, model: Model) -> Path | None:
        """Write the file; return the path that it had, if it has another now."""
        old = path = self.path
        if path is None or old is None:
            return None
        if path.exists() and self._stamp(path) != self._known:
            path, self._copied = free_path(path, "-"), True
        if path.exists() and not self._copied:
            keep_aside(path)
        self._copied = True
        model.save(path)
        self.path, self._known = path, self._stamp(path)
        return None if path == old else old

    def _saved(self, old: Path | None) -> None:
        if old is not None and self.path is not None:
            self._say(f"{old} was changed by another window; this model is now kept as {self.path}", True)
            self._on_moved(self.path)
