"""Open results of a job as layers: read in a thread, each once, one scan visible at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from superqt.utils import create_worker

from napari_stmml.scan import SHORT
from napari_stmml.viewer.batch.results import Key, Result, layers_of
from napari_stmml.viewer.io.layers import KEY, LayerData
from napari_stmml.viewer.io.levelling import levelling_of
from napari_stmml.viewer.shared.slots import guarded

OPENED = "stmml_batch"  # in the metadata of layers opened here: when their label map was written


class BatchLayers:
    """What was opened from a table of results; layers are found again by their metadata."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.closed = False
        self._opening: set[Key] = set()

    def open(self, result: Result, say: Callable[..., None]) -> None:
        """Open a direction and its label map, or the one that is not open; then choose them."""
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
        create_worker(layers_of, result, _connect={"returned": guarded(done), "errored": guarded(failed)})

    def find(self, result: Result) -> tuple[Any, Any]:
        """Return the Image and the Labels layer of a result, None where there is none."""
        image = labels = None
        for layer in self.viewer.layers:
            known = layer.metadata.get(KEY, {})
            of = known.get("source", ""), SHORT.get(known.get("direction", ""), "")
            if of == result.key:
                if isinstance(layer, Image) and levelling_of(layer):
                    image = layer
                elif isinstance(layer, Labels) and layer.metadata.get(OPENED) in (None, written(result)):
                    labels = layer
        return image, labels

    def _add(self, result: Result, layers: list[LayerData]) -> None:
        for (data, meta, kind), known in zip(layers, self.find(result), strict=False):
            if known is None:
                meta["metadata"] = {**meta["metadata"], OPENED: written(result)}
                self.viewer.add_layer((Image if kind == "image" else Labels)(data, **meta))

    def _choose(self, result: Result) -> None:
        """Select a scan's layers, and hide the others that were opened here."""
        own = [layer for layer in self.find(result) if layer is not None]
        for layer in self.viewer.layers:
            if layer in own or OPENED in layer.metadata:
                layer.visible = layer in own
        self.viewer.layers.selection.active = own[-1]


def written(result: Result) -> int:
    """Return when a result's label map was written, in ns: another prediction is another map."""
    try:
        return Path(result.labels).stat().st_mtime_ns if result.labels else 0
    except OSError:
        return 0
