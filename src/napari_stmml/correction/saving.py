"""Keep on disk what a person does, at once and in threads: truths beside the scans, the model in its file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.correction.autosave import AutoSave, Submit
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.files import free_path, identity, keep_aside
from napari_stmml.truth.overlay import read_truth
from napari_stmml.truth.truth_file import Saved, TruthFile

Say = Callable[[str, bool], None]  # a sentence, and whether something went wrong


@dataclass(frozen=True, eq=False)
class _Truth:
    """A truth to be saved, which does not change any more."""

    labels: np.ndarray
    classes: Classes
    model: str


class TruthSaver:
    """Saves what is painted, each truth in the file of its scan.

    Parameters
    ----------
    submit, on_main : callable
        Run a function without arguments in a thread, and on the main thread.
    say : callable
        Gets sentences for the person, on the main thread.
    on_merged : callable
        Gets, on the main thread, the key of a scan, the labels that were to be saved, and what was `Saved`
        where another window had painted on the same scan.
    """

    def __init__(
        self,
        submit: Submit,
        on_main: Submit,
        say: Say,
        on_merged: Callable[[ScanKey, np.ndarray, Saved], None],
    ) -> None:
        self._submit, self._on_main, self._say, self._on_merged = submit, on_main, say, on_merged
        self._files: dict[ScanKey, TruthFile] = {}
        self._saves: dict[ScanKey, AutoSave[_Truth, Saved]] = {}

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
        if key in self._saves:
            self._saves[key].flush()  # of a scan that was closed a moment ago
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
        if key not in self._saves:
            self._saves[key] = AutoSave(
                partial(_save, self._files[key]),
                self._submit,
                lambda truth, saved: self._on_main(partial(self._saved, key, truth, saved)),
                lambda error: self._on_main(partial(self._failed, error)),
            )
        truth = _Truth(labels.copy(), classifier.classes, lineage(classifier.training))
        self._saves[key].changed(truth)

    def flush(self) -> bool:
        """Wait until all is on disk; say whether it is."""
        saved = [saves.flush() for saves in self._saves.values()]  # each of them
        return all(saved)

    def _saved(self, key: ScanKey, truth: _Truth, saved: Saved) -> None:
        if saved.merged:
            self._say(saved.sentence, True)
            self._on_merged(key, truth.labels, saved)

    def _failed(self, error: Exception) -> None:
        self._say(f"What you painted could not be saved: {error}", True)


def _save(file: TruthFile, truth: _Truth) -> Saved:
    names, colours = (dict(enumerate(known, 1)) for known in (truth.classes.names, truth.classes.colours))
    return file.save(truth.labels, names, colours, truth.model)


class ModelSaver:
    """Saves the model in its file; one that another window has changed is never overwritten.

    Parameters
    ----------
    submit, on_main, say : callable
        As of `TruthSaver`.
    on_moved : callable
        Gets, on the main thread, the file that the model is kept in from now on.
    """

    def __init__(self, submit: Submit, on_main: Submit, say: Say, on_moved: Callable[[Path], None]) -> None:
        self.path: Path | None = None
        self._on_main, self._say, self._on_moved = on_main, say, on_moved
        self._saves: AutoSave[SurfaceClassifier, None] = AutoSave(
            self._save,
            submit,
            on_error=lambda error: self._soon(f"The model could not be saved: {error}"),
        )
        self._known: tuple[int, ...] = ()  # what tells the file, as this window knows it
        self._copied = False  # whether the model as it was found has been kept aside

    def use(self, path: Path) -> None:
        """Keep the model in a file from now on."""
        self._saves.flush()
        self.path, self._known, self._copied = path, identity(path), False
        self._on_moved(path)

    @property
    def stale(self) -> bool:
        """Whether another window, or a training, has changed the file since."""
        self._saves.flush()
        return self.path is not None and identity(self.path) != self._known

    def changed(self, classifier: SurfaceClassifier) -> None:
        """Save the model."""
        self._saves.changed(classifier)

    def flush(self) -> bool:
        """Wait until it is on disk; say whether it is."""
        return self._saves.flush()

    def _save(self, classifier: SurfaceClassifier) -> None:
        path = self.path
        if path is None:
            return
        if path.exists() and identity(path) != self._known:
            path = free_path(path, "-")
            self._soon(f"{self.path} was changed by another window; this model is now kept as {path}")
            self.path, self._copied = path, True
            self._on_main(partial(self._on_moved, path))
        if path.exists() and not self._copied:
            keep_aside(path)
        self._copied = True
        classifier.save(path)
        self._known = identity(path)

    def _soon(self, sentence: str) -> None:
        """Say on the main thread that something went wrong."""
        self._on_main(partial(self._say, sentence, True))
