"""Highlight: shows on their scans the cells that are selected, by layers that are no scans."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_stmml.colours import UNLABELLED, as_rgb
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.viewer.correct.session_layers import SessionLayers
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY, active_kept

SELECTED = "selected cells"  # what such a layer is, in its metadata
CANDIDATES = ("#ff00ff", "#00ffff", "#ffff00", "#00ff00")  # bright on any scan, in any theme
OPACITY = 0.8


def unlike_all(colours: Sequence[str]) -> str:
    """Return the bright colour that differs most from these.

    >>> unlike_all(["#ff00aa", "#33ddff"])
    '#ffff00'
    """
    taken = np.array([as_rgb(colour) for colour in colours] or [(255, 255, 255)], float)
    return max(CANDIDATES, key=lambda one: np.abs(taken - as_rgb(one)).sum(1).min())


class Highlight:
    """One layer for each scan that has selected cells, right over what a person painted on it."""

    def __init__(self, correction: SessionLayers) -> None:
        self._correction = correction
        self._layers: dict[CorrectedScan, Labels] = {}

    def show(self, one: CorrectedScan, cells: np.ndarray, colour: str) -> None:
        """Show the selected cells of a scan, (cells down, cells across) bool."""
        layers, layer = self._correction.viewer.layers, self._layers.get(one)
        if layer is None or layer not in layers:
            if not cells.any():
                return
            layer = self._layers[one] = self._add(one)
        layer.data[...] = one.to_pixels(cells.astype(np.uint8))
        layer.colormap = {0: UNLABELLED, 1: colour, None: UNLABELLED}
        layer.refresh()

    def blank(self) -> None:
        """Show nothing; the layers stay, for to add one takes a while."""
        for layer in self._layers.values():
            layer.data[...] = 0
            layer.refresh()

    def remove(self) -> None:
        """Remove the layers."""
        viewer = self._correction.viewer
        with active_kept(viewer):
            for layer in self._layers.values():
                if layer in viewer.layers:
                    viewer.layers.remove(layer)
        self._layers.clear()

    def _add(self, one: CorrectedScan) -> Labels:
        viewer, truth = self._correction.viewer, self._correction.of(one).truth
        layer = Labels(
            np.zeros(one.truth.shape, np.uint8),
            name=f"{SELECTED} {one.name}",
            opacity=OPACITY,
            metadata={TEMPORARY: SELECTED},
            **place_of(truth),
        )
        layer.editable = False
        layer.visible = truth.visible
        with active_kept(viewer):
            viewer.layers.insert(viewer.layers.index(truth) + 1, layer)
        truth.events.visible.connect(self._follow)
        return layer

    @slot
    def _follow(self, event: Any) -> None:
        """Show or hide the selected cells of a scan with its truth."""
        one = self._correction.scan_of(event.source)
        if one in self._layers:
            self._layers[one].visible = event.source.visible
