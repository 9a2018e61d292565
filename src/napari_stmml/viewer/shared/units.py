"""Layers that filters of other plugins made of ours get the units of the scan, to be measured in nm."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image, Labels

from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.placement import pixel_size_nm
from napari_stmml.viewer.shared.slots import guarded

_VIEWERS: "WeakSet[Any]" = WeakSet()


def keep_units(viewer: Any) -> None:
    """Give layers that come, and those that are there, the units of their scan, from now on.

    Parameters
    ----------
    viewer : napari.Viewer
        Or a proxy of one.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _VIEWERS:
        _VIEWERS.add(viewer)
        viewer.layers.events.inserted.connect(guarded(lambda event: take_units(event.value, event.source)))
        for layer in list(viewer.layers):
            take_units(layer, viewer.layers)


def take_units(layer: Any, layers: Sequence[Any]) -> None:
    """Give a layer the units of a scan whose shape and scale it has, with pixels as units.

    napari keeps the units of an array that a function of another plugin returns, but not of what is returned
    with a scale of its own.

    Parameters
    ----------
    layer : napari layer
    layers : sequence of napari layers
        All of the viewer.
    """
    if isinstance(layer, Image | Labels) and layer.ndim == 2 and _size(layer) is None:
        for one in layers:
            if _is_scan(one) and one.data.shape == layer.data.shape and _has_scale_of(layer, one):
                layer.units, layer.axis_labels = one.units, one.axis_labels
                return


def _has_scale_of(layer: Any, scan: Any) -> bool:
    return bool(np.allclose(scan.scale, layer.scale)) and not np.allclose(layer.scale, 1)


def _is_scan(layer: Any) -> bool:
    known = layer.metadata.get(KEY)
    is_ours = isinstance(layer, Image) and isinstance(known, dict) and "direction" in known
    return is_ours and _size(layer) is not None


def _size(layer: Any) -> tuple[float, float] | None:
    return pixel_size_nm({"scale": layer.scale, "units": layer.units})
