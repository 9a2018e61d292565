"""NewMaps: layers of labelled scans, made when their files are there, and shown one at a time."""

import gc
import weakref
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels

from napari_stmml.events import ScanLabelled
from napari_stmml.io.label_tiff import LabelMap, read_values
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.held import WITH_SCAN
from napari_stmml.viewer.io.layers import brief_name, labels_to_layer
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.io.predicted_layer import PREDICTION, Prediction
from napari_stmml.viewer.model.confidence import confidence_layer, show_confidence
from napari_stmml.viewer.model.map_history import history_of
from napari_stmml.viewer.model.map_strokes import strokes_of


class NewMaps:
    """What a prediction is of and by, and the layers that wait to be shown.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.history = history_of(viewer)
        self.strokes = strokes_of(viewer)
        self.model = Path(), ""  # what labels the scans: its file, and what tells its labels
        self._targets: list[tuple[weakref.ref[Any], Scan]] = []  # layers and scans at work
        self._waiting: list[tuple[Any, Any]] = []  # layers, and the images that they are of
        self.replaced = 0  # maps that took the place of others

    def begin(self, layers: list[Any], scans: list[Scan]) -> None:
        """Take layers and their scans for those that are labelled next."""
        self.replaced = 0
        self._targets = [(weakref.ref(layer), scan) for layer, scan in zip(layers, scans, strict=True)]

    @property
    def scans(self) -> list[Scan]:
        """The scans that are labelled."""
        return [scan for _, scan in self._targets]

    @property
    def images(self) -> list[Any]:
        """The image layers of these that are still there and have got a map."""
        known = [layer for layer in (link() for link, _ in self._targets) if layer is not None]
        return [layer for layer in known if self.history.has_map(layer) and layer in self.viewer.layers]

    def __len__(self) -> int:
        return len(self._targets)

    def add(self, event: ScanLabelled, number: int, confidence: bool) -> bool:
        """Make the layers of a labelled scan; say whether its own is still there to lie on."""
        link, scan = self._targets[number]
        layer = link()
        if layer is None or layer not in self.viewer.layers:
            return False
        if confidence and event.confidence:
            self._waiting.append((confidence_layer(read_values(event.confidence), layer), layer))
        data, meta, _ = labels_to_layer(LabelMap.read(event.labels))
        meta |= place_of(layer) | {"name": f"labels {brief_name(layer)}", "visible": self._is_seen(number)}
        meta["metadata"][WITH_SCAN] = not meta["visible"]
        meta["metadata"][PREDICTION] = Prediction(scan, *self.model, data.copy())
        self._waiting.append((Labels(data, **meta), layer))
        return True

    def _is_seen(self, number: int) -> bool:
        """Say whether a scan is seen, or is the first of scans that are all hidden: so is its map."""
        seen = [bool(layer is not None and layer.visible) for layer in (link() for link, _ in self._targets)]
        return seen[number] or (number == 0 and not any(seen))

    def show_next(self) -> bool:
        """Show one layer, which takes a while; say whether there was one. Python collects no garbage then."""
        if not self._waiting:
            return False
        gc.disable()  # which would stop the viewer for another fifth of a second
        try:
            layer, image = self._waiting.pop(0)
            if isinstance(layer, Image):
                show_confidence(self.viewer, layer)
            else:
                self.replaced += self.history.show(image, layer)
        finally:
            gc.enable()
        return True
