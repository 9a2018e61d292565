"""LockedMaps: nobody paints on maps of Predict while the truth of their scan is open: that is painted on."""

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from napari_stmml.scan import Scan
from napari_stmml.viewer.io.predicted_layer import maps_of


class LockedMaps:
    """Remembers which maps it has locked, so that a map that a person has locked stays so."""

    def __init__(self) -> None:
        self._locked: weakref.WeakSet[Any] = weakref.WeakSet()

    def renew(self, layers: Iterable[Any], scans: Sequence[Scan]) -> None:
        """Lock the maps of the scans that are open now, and free those of others.

        Parameters
        ----------
        layers : iterable of napari layers
            All of the viewer.
        scans : sequence of Scan
            Those that are open in Correct.
        """
        for layer in maps_of(layers, scans):
            if layer.editable:
                layer.editable = False
                self._locked.add(layer)
        open_now = maps_of(self._locked, scans)
        for layer in [layer for layer in self._locked if layer not in open_now]:
            layer.editable = True
            self._locked.discard(layer)
