"""Rings around objects: a layer that is there while objects are selected, and no scan."""

from typing import Any

import numpy as np
from napari.layers import Points

from napari_stmml.viewer.io.placement import pixel_size_nm, place_of
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY, active_kept, find, remove

RINGS = "selected objects"
COLOUR = "#ffff40"
ACROSS_NM = 1.8


def show_rings(viewer: Any, image: Any, places: np.ndarray) -> None:
    """Draw rings, in place of those that there are.

    Parameters
    ----------
    viewer : napari viewer
    image : napari Image layer
        That they lie on.
    places : ndarray of float, shape (n, 2)
        Px of the image.
    """
    known = find(viewer, RINGS)
    if known is not None and (not len(places) or lies_as(known, image)):
        known.data = places
    elif len(places):
        size = min(pixel_size_nm({"scale": image.scale, "units": image.units}) or (1.0, 1.0))
        look: dict[str, Any] = {"face_color": "transparent", "border_color": COLOUR, "border_width": 0.04}
        about = {"metadata": {TEMPORARY: RINGS}, **place_of(image)}
        with active_kept(viewer):
            remove(viewer, RINGS)
            made = Points(places, name=RINGS, size=ACROSS_NM / size, **look, **about)
            made.editable = False
            viewer.add_layer(made)


def remove_rings(viewer: Any) -> None:
    """Remove the layer of rings."""
    with active_kept(viewer):
        remove(viewer, RINGS)


def lies_as(layer: Any, image: Any) -> bool:
    """Say whether a layer has the place of an image."""
    ours, theirs = place_of(layer), place_of(image)
    return all(np.array_equal(np.asarray(ours[key]), np.asarray(theirs[key])) for key in ours)
