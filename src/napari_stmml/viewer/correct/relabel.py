"""Label the cells of open scans anew in a thread, the scan that is looked at first."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_stmml.classes import Classes
from napari_stmml.measuring.class_statistics import class_shares
from napari_stmml.model.cell_store import cell_answers
from napari_stmml.model.classifier import SurfaceClassifier

Task = Callable[[], Any]


class Relabeller(QObject):
    """One thread; what was asked for last is all that counts, for each kind of work and each scan."""

    answered = Signal(
        object, object
    )  # OpenScan; labels, confidence, runner-up on its cells, labels on pixels
    shared = Signal(object, object)  # OpenScan; how much of it each class has
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="stmml-relabel")
        self._asked: WeakKeyDictionary[Any, SurfaceClassifier] = WeakKeyDictionary()  # of each scan, the last
        self._left = 0
        self._classes: Classes | None = None
        self._shared_soon: list[Any] = []

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self._left > 0

    def label(self, classifier: SurfaceClassifier, scans: Sequence[Any]) -> None:
        """Label scans with a model, in this order; what was asked for them before is dropped."""
        for scan in scans:
            self._asked[scan] = classifier
            self._submit(partial(self._label, classifier, scan))

    def share(self, scan: Any, classes: Classes) -> None:
        """Find how much of a scan each class has; of many requests, those that wait are one."""
        self._classes = classes
        if scan in self._shared_soon:
            return
        self._shared_soon.append(scan)

        def find() -> None:
            self._shared_soon.remove(scan)
            shown = scan.shown(self._classes)
            self.shared.emit(scan, class_shares(shown, scan.scan.pixel_size))

        self._submit(find)

    def close(self) -> None:
        """Wait for what runs, and drop the rest."""
        self._asked.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _label(self, classifier: SurfaceClassifier, scan: Any) -> None:
        if self._asked.get(scan) is not classifier:
            return
        answers = cell_answers(classifier, scan.cells, scan.file.kind)
        if self._asked.get(scan) is classifier:
            self.answered.emit(scan, (*answers, scan.to_pixels(answers[0])))

    def _submit(self, task: Task) -> None:
        self._left += 1

        def run() -> None:
            try:
                task()
            except Exception as error:  # noqa: BLE001 - the edge of a thread: said in the panel
                self.failed.emit(f"labelling anew went wrong: {error}")
            finally:
                self._left -= 1

        self._pool.submit(run)
