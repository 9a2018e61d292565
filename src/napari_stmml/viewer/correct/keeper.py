"""Keep what a person does on disk, at once and in threads: truths beside scans, the model in its file."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_stmml.classes import Classes
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.files import identity, keep_aside
from napari_stmml.truth.autosave import AutoSave
from napari_stmml.truth.recall import recall
from napari_stmml.truth.truth_file import Saved, TruthFile


class Keeper(QObject):
    """Saves; what a save has to say arrives on the main thread."""

    joined = Signal(object, object, object)  # ScanKey; labels that were to be saved; Saved, with another's
    told = Signal(str, bool)
    moved = Signal(object)  # Path where the model is kept from now on

    def __init__(self) -> None:
        super().__init__()
        self.path: Path | None = None
        self._files: dict[ScanKey, TruthFile] = {}
        self._truths: dict[ScanKey, AutoSave] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="stmml-save")
        self._pool.submit(import_module, "tifffile")  # so that the first stroke is saved at once, too
        self._models = AutoSave(self._save_model, self._pool.submit, on_error=self._model_error)
        self._mine: tuple[int, ...] = ()  # the model file as this window knows it
        self._copied = False  # whether the model as it was found has been kept aside

    def use(self, path: Path) -> None:
        """Keep the model in a file from now on."""
        self._models.flush()
        self.path, self._mine, self._copied = path, identity(path), False
        self.moved.emit(path)

    @property
    def stale(self) -> bool:
        """Whether another window, or a training, has changed the model's file since."""
        self._models.flush()
        return self.path is not None and identity(self.path) != self._mine

    def model_changed(self, classifier: SurfaceClassifier) -> None:
        """Save the model."""
        self._models.changed(classifier)

    def open_truth(
        self, scan: Scan, key: ScanKey, classifier: SurfaceClassifier
    ) -> tuple[SurfaceClassifier, np.ndarray | None]:
        """Return what was painted on a scan before, (rows, cols), in labels of the model; None if nothing.

        The model is returned with the classes that were painted and that it did not have.
        """
        if key in self._truths:
            self._truths[key].flush()  # of a scan that was closed a moment ago
        file = self._files.setdefault(key, TruthFile(scan, key))
        found = recall(file, classifier.classes, lineage(classifier.training))
        if file.problem:
            self.told.emit(file.problem, True)
        if found is None:
            return classifier, None
        self.told.emit(f"{scan.name}: what was painted before ({found.saved}, UTC) is back.", False)
        same = found.classes is classifier.classes
        return (classifier if same else replace(classifier, classes=found.classes)), found.labels

    def truth_changed(self, key: ScanKey, labels: np.ndarray, classifier: SurfaceClassifier) -> None:
        """Save a truth, (rows, cols); a copy is made."""
        saves = self._truths.get(key)
        if saves is None:
            file = self._files[key]
            saves = self._truths[key] = AutoSave(
                lambda value: (value[0], _save(file, *value)),
                self._pool.submit,
                lambda outcome: self._saved(key, *outcome),
                lambda error: self.told.emit(f"What you painted could not be saved: {error}", True),
            )
        saves.changed((labels.copy(), classifier.classes, lineage(classifier.training)))

    def flush(self) -> bool:
        """Wait until all is on disk; say whether it is."""
        saved = [saves.flush() for saves in (*self._truths.values(), self._models)]  # each of them
        return all(saved)

    def _saved(self, key: ScanKey, asked: np.ndarray, saved: Saved) -> None:
        if saved.merged:
            self.told.emit(saved.sentence, True)
            self.joined.emit(key, asked, saved)

    def _save_model(self, classifier: SurfaceClassifier) -> None:
        path = self.path
        if path is None:
            return
        if path.exists() and identity(path) != self._mine:
            path = _free(path)
            self.told.emit(
                f"{self.path} was changed by another window; this model is now kept as {path}", True
            )
            self.path, self._copied = path, True
            self.moved.emit(path)
        if path.exists() and not self._copied:
            keep_aside(path)
        self._copied = True
        classifier.save(path)
        self._mine = identity(path)

    def _model_error(self, error: Exception) -> None:
        self.told.emit(f"The model could not be saved: {error}", True)


def _save(file: TruthFile, labels: np.ndarray, classes: Classes, model: str) -> Saved:
    names, colours = (dict(enumerate(known, 1)) for known in (classes.names, classes.colours))
    return file.save(labels, names, colours, model)


def _free(path: Path) -> Path:
    number = 2
    while (free := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
        number += 1
    return free
