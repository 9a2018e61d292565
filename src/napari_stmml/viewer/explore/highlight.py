"""Cells that are selected elsewhere, lit up on their scans by layers that pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_stmml.colours import UNLABELLED, as_rgb
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.shared.overlays import PASSING
from napari_stmml.viewer.shared.panel import place_of

SELECTED = "selected cells"  # what such a layer is, in its metadata
CANDIDATES = ("#ff00ff", "#00ffff", "#ffff00", "#00ff00")  # bright on any scan, in any theme
OPACITY = 0.8


def unlike_all(colours: Sequence[str]) -> str:
    """Return the bright colour that is least like any of these.

    >>> unlike_all(["#ff00aa", "#33ddff"])
    '#ffff00'
    """
    taken = np.array([as_rgb(colour) for colour in colours] or [(255, 255, 255)], float)
    return max(CANDIDATES, key=lambda one: np.abs(taken - as_rgb(one)).sum(1).min())


class Highlight:
    """One layer for each scan that has selected cells, right over what a person painted on it."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._lit: dict[OpenScan, Labels] = {}
        self._follow: dict[OpenScan, Any] = {}

    def show(self, one: OpenScan, cells: np.ndarray, colour: str) -> None:
        """Light the cells of a scan, (cells down, cells across) bool."""
        layer, layers = self._lit.get(one), self._viewer.layers
        known = layer is not None and layer in layers
        if not known and (not cells.any() or one.truth not in layers):
            return
        where = one.to_pixels(cells.astype(np.uint8))
        if layer is not None and known:
            layer.data[...] = where
            layer.colormap = _colours(colour)
            layer.refresh()
            return
        active = layers.selection.active
        layer = Labels(
            where,
            name=f"{SELECTED} {one.name}",
            colormap=_colours(colour),
            opacity=OPACITY,
            metadata={PASSING: SELECTED},
            **place_of(one.truth),
        )
        layer.editable = False
        layer.visible = one.truth.visible
        layers.insert(layers.index(one.truth) + 1, layer)
        layers.selection.active = active
        self._lit[one] = layer

        def follow(event: Any) -> None:
            layer.visible = one.truth.visible

        self._follow[one] = one.truth.events.visible.connect(follow)

    def blank(self) -> None:
        """Light nothing; the layers stay, for to add one takes a while."""
        for layer in self._lit.values():
            layer.data[...] = 0
            layer.refresh()

    def remove(self) -> None:
        """Take the layers away."""
        layers = self._viewer.layers
        active = layers.selection.active
        for one, layer in self._lit.items():
            one.truth.events.visible.disconnect(self._follow[one])
            if layer in layers:
                layers.remove(layer)
        self._lit.clear()
        self._follow.clear()
        if active in layers:
            layers.selection.active = active


def _colours(colour: str) -> dict[int | None, str]:
    return {0: UNLABELLED, 1: colour, None: UNLABELLED}
