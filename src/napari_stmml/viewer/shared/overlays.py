"""Layers that pass: what a panel shows while it is in sight, on top of a scan."""

from typing import Any

import numpy as np

from napari_stmml.viewer.shared.panel import place_of

PREVIEW, GRID = "preview", "window grid"
PASSING = "stmml_passing"  # in the metadata of layers that are no scans, though images: what it is


def find(viewer: Any, name: str) -> Any:
    """Find the layer of ours that passes, whatever other layers are called; None if there is none."""
    return next((layer for layer in viewer.layers if layer.metadata.get(PASSING) == name), None)


def remove(viewer: Any, name: str) -> None:
    """Take the passing layer away, if it is there."""
    layer = find(viewer, name)
    if layer is not None:
        viewer.layers.remove(layer)


def put_over(viewer: Any, layer: Any) -> None:
    """Move the newest layer from the top to right over ``layer``, so that labels stay in sight."""
    viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(layer) + 1)


class Preview:
    """The flattened scan on top of the images in sight, and the scan itself for comparison."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._hidden: list[Any] = []  # layers that cover the scan, while it is looked at
        self._shown: Any = None  # the scan, if it was hidden before

    @property
    def layer(self) -> Any:
        """The passing layer; None while there is none."""
        return find(self.viewer, PREVIEW)

    def show(self, layer: Any, flat: np.ndarray, limits: tuple[float, float]) -> None:
        """Show ``flat``, (rows, cols), in the place of ``layer``."""
        preview = self.layer
        if preview is not None and preview.data.shape == flat.shape:
            _renew(preview, layer, flat, limits)
            return
        remove(self.viewer, PREVIEW)
        active = self.viewer.layers.selection.active
        below = self._highest_image(layer)
        look = {"colormap": layer.colormap, "contrast_limits": limits, "metadata": {PASSING: PREVIEW}}
        self.viewer.add_image(flat, name=PREVIEW, **look, **place_of(layer))
        put_over(self.viewer, below)
        self.viewer.layers.selection.active = active

    def remove(self) -> None:
        """Take the preview away."""
        remove(self.viewer, PREVIEW)

    def before(self, layer: Any, on: bool) -> None:
        """Show the scan itself by hiding the images over it; or show those again. No data change."""
        self._back()
        layers = self.viewer.layers
        if not on or layer is None or layer not in layers:
            return
        self._hidden = [one for one in layers[layers.index(layer) + 1 :] if _covers(one)]
        for one in self._hidden:
            one.visible = False
        if not layer.visible:
            layer.visible, self._shown = True, layer

    def _back(self) -> None:
        for one in self._hidden:
            one.visible = True
        if self._shown is not None:
            self._shown.visible = False
        self._hidden, self._shown = [], None

    def _highest_image(self, layer: Any) -> Any:
        """Return the topmost image in sight, or ``layer`` if it lies higher."""
        seen = [one for one in self.viewer.layers if one is layer or _covers(one)]
        return seen[-1]


def _covers(layer: Any) -> bool:
    from napari.layers import Image

    return isinstance(layer, Image) and layer.visible


def _renew(preview: Any, layer: Any, flat: np.ndarray, limits: tuple[float, float]) -> None:
    """Give the preview other heights, and another place only where it changed: each draws all anew."""
    preview.data = flat
    preview.contrast_limits = limits
    put_where(preview, layer)


def put_where(layer: Any, other: Any) -> None:
    """Lay a layer exactly on another."""
    for key, value in place_of(other).items():
        if not _same(getattr(layer, key), value):
            setattr(layer, key, value)


def _same(one: Any, other: Any) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))
