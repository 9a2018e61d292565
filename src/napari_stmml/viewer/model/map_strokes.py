"""MapStrokes: what a person paints on maps of Predict is kept as truth of their scans, after every stroke."""

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from psygnal import Signal

from napari_stmml.viewer.io.predicted_layer import lost_sentence, painted_state, truth_of
from napari_stmml.viewer.shared.main_thread import MainThread
from napari_stmml.viewer.shared.of_viewer import OfViewers
from napari_stmml.viewer.shared.plain_text import notify
from napari_stmml.viewer.shared.slots import guarded, slot

KEPT = "kept as truth of the scan."
TO_CORRECT = "Correct opens the scan with it, and the model learns from it."


def strokes_of(viewer: Any) -> "MapStrokes":
    """Return what follows the maps of a viewer; it lives as long as the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Or a proxy of one.

    Returns
    -------
    MapStrokes
        A new one if the viewer has none.
    """
    return _OF_VIEWERS.of(viewer)


class MapStrokes:
    """Looks at a map when an event on it is over, and saves what is new in a thread."""

    said = Signal(str)  # what was kept

    def __init__(self, viewer: Any) -> None:
        self._main = MainThread()
        self._saving = ThreadPoolExecutor(1, thread_name_prefix="stmml-strokes")
        self._followed: weakref.WeakSet[Any] = weakref.WeakSet()
        self._seen: weakref.WeakKeyDictionary[Any, np.ndarray] = weakref.WeakKeyDictionary()  # as last saved
        self._asked: weakref.WeakSet[Any] = weakref.WeakSet()  # layers that are looked at soon
        # The viewer alone holds this: panels come and go.
        viewer.layers.events.inserted.connect(guarded(lambda event: self.take(event.value)))
        for layer in viewer.layers:
            self.take(layer)

    def take(self, layer: Any) -> None:
        """Follow a layer from now on, if it is a map of Predict.

        Parameters
        ----------
        layer : napari layer
        """
        if layer in self._followed or truth_of(layer) is None:
            return
        self._followed.add(layer)
        link = weakref.ref(layer)
        for event in (layer.events.paint, layer.events.set_data, layer.events.data):
            event.connect(guarded(lambda event: self._ask(link())))

    def flush(self) -> None:
        """Wait until what was painted is on disk."""
        for layer in list(self._followed):
            self._look(layer)
        self._saving.submit(bool).result()

    def _ask(self, layer: Any) -> None:
        if layer is not None and layer not in self._asked:  # napari tells of strokes before they are
            self._asked.add(layer)
            self._main.soon(partial(self._look, layer))

    @slot
    def _look(self, layer: Any) -> None:
        self._asked.discard(layer)
        truth = truth_of(layer)
        seen = self._seen.get(layer)
        if truth is None or (seen is not None and np.array_equal(layer.data, seen)):
            return
        if not truth.is_kept(layer.data):
            labels, names, colours = painted_state(layer)
            self._seen[layer] = labels
            self._saving.submit(self._save, str(layer.name), partial(truth.keep, labels, names, colours))

    def _save(self, name: str, keep: Callable[[str], str]) -> None:
        """Keep what was painted, in the thread; what became of it is said on the main thread."""
        try:
            sentence, wrong = keep(name), False
        except (ValueError, OSError) as error:
            sentence, wrong = lost_sentence(name, error), True
        if sentence:
            self._main.run(partial(self._say, sentence, wrong))

    @slot
    def _say(self, sentence: str, wrong: bool) -> None:
        if wrong:
            notify(sentence)
        else:
            self.said.emit(f"{sentence} {TO_CORRECT}" if sentence.endswith(KEPT) else sentence)


_OF_VIEWERS = OfViewers(MapStrokes)
