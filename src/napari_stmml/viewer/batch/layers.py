"""Open results of a job as layers: read in a thread, each once, one scan in sight at a time."""

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from superqt.utils import create_worker

from napari_stmml.scan import SHORT
from napari_stmml.viewer.batch.results import Key, Result, layers_of
from napari_stmml.viewer.io.layers import KEY, LayerData


class BatchLayers:
    """What was opened from a table of results; layers are found again by what they say of themselves."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.closed = False
        self._opening: set[Key] = set()
        self._opened: weakref.WeakKeyDictionary[Any, Key] = weakref.WeakKeyDictionary()
        self._written: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def open(self, result: Result, say: Callable[..., None]) -> None:
        """Open a direction and its label map, or what of the two is not open; then choose them."""
        if result.key in self._opening:
            return
        image, labels = self.find(result)
        if image is not None and (labels is not None or not result.labels):
            self._choose(result)
            say(f"{result.name} is open")
            return

        def done(layers: list[LayerData]) -> None:
            self._opening.discard(result.key)
            if not self.closed:
                self._add(result, layers)
                self._choose(result)
                say(f"opened {result.name}" + ("" if result.labels else ", which has no labels"))

        def failed(error: Exception) -> None:
            self._opening.discard(result.key)
            if not self.closed:
                say(f"{result.name} cannot be opened: {error}", wrong=True)

        self._opening.add(result.key)
        create_worker(layers_of, result, _connect={"returned": done, "errored": failed})

    def close(self) -> None:
        """Open nothing that is still being read: the panel has gone."""
        self.closed = True

    def find(self, result: Result) -> tuple[Any, Any]:
        """Return the Image and the Labels layer of a result, None where there is none."""
        image = labels = None
        for layer in map(_bare, self.viewer.layers):
            known = layer.metadata.get(KEY, {})
            of = known.get("source", ""), SHORT.get(known.get("direction", ""), "")
            if of != result.key or known.get("history"):
                continue
            if isinstance(layer, Image):
                image = layer
            elif isinstance(layer, Labels) and self._written.get(layer, written(result)) == written(result):
                labels = layer
        return image, labels

    def _add(self, result: Result, layers: list[LayerData]) -> None:
        there = self.find(result)
        for (data, meta, kind), known in zip(layers, there, strict=False):
            if known is None:
                make = Image if kind == "image" else Labels
                layer = make(data, **meta)
                self._opened[layer] = result.key
                if kind == "labels":
                    self._written[layer] = written(result)
                self.viewer.add_layer(layer)

    def _choose(self, result: Result) -> None:
        """Select a scan's layers, and hide what else was opened from here."""
        image, labels = self.find(result)
        for layer in map(_bare, self.viewer.layers):
            if layer in (image, labels):
                layer.visible = True
            elif layer in self._opened:
                layer.visible = False
        self.viewer.layers.selection.active = labels if labels is not None else image


def written(result: Result) -> int:
    """Return when a result's label map was written: another prediction is another map."""
    try:
        return Path(result.labels).stat().st_mtime_ns if result.labels else 0
    except OSError:
        return 0


def _bare(layer: Any) -> Any:
    """Return the layer itself where a plugin is given a proxy of it."""
    return getattr(layer, "__wrapped__", layer)
