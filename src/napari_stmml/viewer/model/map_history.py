"""MapHistory: a new map of a scan takes the place of the one before, which can be brought back."""

import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from psygnal import Signal

from napari_stmml.viewer.shared.slots import guarded

MOST = 10  # maps of a scan that are kept
LOOKS = ("opacity", "blending", "contour", "name")  # what a map takes over from the one before
_OF_VIEWERS: "weakref.WeakKeyDictionary[Any, MapHistory]" = weakref.WeakKeyDictionary()


def history_of(viewer: Any) -> "MapHistory":
    """Return the history of maps of a viewer; it lives as long as the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Or a proxy of one.

    Returns
    -------
    MapHistory
        A new one if the viewer has none.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)  # a proxy is not the viewer itself
    return _OF_VIEWERS.setdefault(viewer, MapHistory(viewer))


@dataclass(eq=False)
class _Series:
    """The maps of a scan, the oldest first, and which of them is shown."""

    maps: list[Any] = field(default_factory=list)
    at: int = -1


class MapHistory:
    """Which maps there were, by the image layer of their scan."""

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._of: weakref.WeakKeyDictionary[Any, _Series] = weakref.WeakKeyDictionary()

    def show(self, image: Any, layer: Any) -> bool:
        """Show a new map of a scan; say whether it has taken the place of another.

        Parameters
        ----------
        image : napari Image layer
        layer : napari Labels layer
            In no viewer yet.
        """
        series = self._of.setdefault(image, _Series())
        before = self._shown(series)
        series.maps = [*series.maps, layer][-MOST:]
        series.at = len(series.maps) - 1
        for key, do in (("Control-Z", self._undo), ("Control-Shift-Z", self._redo)):
            layer.bind_key(key, guarded(partial(do, weakref.ref(image))), overwrite=True)
        self._swap(before, layer)
        self.changed.emit()
        return before is not None

    def has_map(self, image: Any) -> bool:
        """Say whether a map of a scan, given by its image layer, was ever shown."""
        return image in self._of

    def can_step(self, image: Any, by: int) -> bool:
        """Say whether a scan has an earlier map (-1), or a later one (1).

        Parameters
        ----------
        image : napari Image layer
        by : int
        """
        series = self._of.get(image)
        return series is not None and 0 <= series.at + by < len(series.maps)

    def step(self, image: Any, by: int) -> Any:
        """Show the earlier map (-1), or the later one (1).

        Parameters
        ----------
        image : napari Image layer
        by : int

        Returns
        -------
        napari Labels layer or None
            The map that is now shown; None if there was no earlier or later one.
        """
        if not self.can_step(image, by):
            return None
        series = self._of[image]
        before = self._shown(series)
        series.at += by
        series.maps[series.at].visible = True
        self._swap(before, series.maps[series.at])
        self.changed.emit()
        return series.maps[series.at]

    def _shown(self, series: _Series) -> Any:
        """Return the map of a series that is in the viewer; None where somebody has removed it."""
        viewer = self._viewer()
        layer = series.maps[series.at] if series.maps else None
        return layer if viewer is not None and layer in viewer.layers else None

    def _swap(self, old: Any, new: Any) -> None:
        """Put a map where another was, as that looked, or on top where there was none."""
        viewer: Any = self._viewer()
        if viewer is None or new in viewer.layers:
            return
        if old is None:
            viewer.add_layer(new)
            return
        at, active = viewer.layers.index(old), viewer.layers.selection.active
        for look in LOOKS:
            setattr(new, look, getattr(old, look))
        viewer.layers.remove(old)
        viewer.layers.insert(at, new)
        viewer.layers.selection.active = new if active is old else active

    def _undo(self, link: Any, layer: Any) -> None:
        """Undo a stroke on a map or, where there is none, show the map before."""
        self._strokes_or_maps(layer.undo, link(), layer, -1)

    def _redo(self, link: Any, layer: Any) -> None:
        self._strokes_or_maps(layer.redo, link(), layer, 1)

    def _strokes_or_maps(self, strokes: Any, image: Any, layer: Any, by: int) -> None:
        before = np.array(layer.data)
        strokes()
        if image is not None and np.array_equal(before, layer.data):
            self.step(image, by)
