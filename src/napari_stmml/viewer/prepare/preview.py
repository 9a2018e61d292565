"""The live preview: the flattened scan on top of the images, and the scan itself for comparison."""

from typing import Any

import numpy as np

from napari_stmml.viewer.io.placement import lay_on, place_of
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY, active_kept, find, move_above, remove

PREVIEW = "preview"


class Preview:
    """A temporary layer; no data of other layers change."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._hidden: list[Any] = []  # layers over the scan, while it is compared
        self._shown: Any = None  # the scan, if it was hidden before

    def show(self, layer: Any, flat: np.ndarray, limits: tuple[float, float]) -> None:
        """Show ``flat``, (rows, cols), where ``layer`` is."""
        preview = find(self.viewer, PREVIEW)
        if preview is not None and preview.data.shape == flat.shape:
            preview.data, preview.contrast_limits = flat, limits
            lay_on(preview, layer)
            return
        self.remove()
        highest = [one for one in self.viewer.layers if one is layer or _covers(one)][-1]
        look = {"colormap": layer.colormap, "contrast_limits": limits, "metadata": {TEMPORARY: PREVIEW}}
        with active_kept(self.viewer):
            self.viewer.add_image(flat, name=PREVIEW, **look, **place_of(layer))
            move_above(self.viewer, highest)

    def remove(self) -> None:
        """Remove the layer."""
        remove(self.viewer, PREVIEW)

    def compare(self, layer: Any, on: bool) -> None:
        """Show the scan itself by hiding the images over it; or show those again."""
        for one in self._hidden:
            one.visible = True
        if self._shown is not None:
            self._shown.visible = False
        self._hidden, self._shown = [], None
        layers = self.viewer.layers
        if not on or layer is None or layer not in layers:
            return
        self._hidden = [one for one in layers[layers.index(layer) + 1 :] if _covers(one)]
        for one in self._hidden:
            one.visible = False
        if not layer.visible:
            layer.visible, self._shown = True, layer


def _covers(layer: Any) -> bool:
    from napari.layers import Image

    return isinstance(layer, Image) and layer.visible
