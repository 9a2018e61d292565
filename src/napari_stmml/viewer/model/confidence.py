"""How sure each label is, as a layer on its scan and as a sentence."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from napari_stmml.colours import UNLABELLED
from napari_stmml.events import ScanLabelled
from napari_stmml.viewer.io.layers import brief_name
from napari_stmml.viewer.io.placement import lay_on, place_of
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY

CONFIDENCE = "confidence"  # what such a layer is, in its metadata
GREYS = (0.08, 0.96)  # of the least and the most sure: under labels, they leave hues as they are
UNLIKE = "#ff2d95"  # a pink that no height has
MUCH_UNLIKE = 0.05  # of the surface, which is said also where nobody asked


def confidence_layer(values: np.ndarray, scan_layer: Any) -> Any:
    """Make the Image layer of confidence, (rows, cols) float in -1..1, that lies exactly on a scan's.

    Dark is unsure, pink is below 0: unlike anything the model has seen; NaN is transparent.
    """
    from napari.layers import Image
    from napari.utils.colormaps import Colormap

    greys = [[grey, grey, grey, 1] for grey in GREYS]
    colours = Colormap(greys, name=CONFIDENCE, low_color=UNLIKE, nan_color=UNLABELLED)
    return Image(
        values,
        name=f"{CONFIDENCE} {brief_name(scan_layer)}",
        colormap=colours,
        contrast_limits=(0, 1),
        opacity=0.7,
        metadata={TEMPORARY: CONFIDENCE},
        **place_of(scan_layer),
    )


def show_confidence(viewer: Any, layer: Any) -> None:
    """Add a layer of confidence, or bring one of an earlier prediction of the same scan up to date."""
    for known in viewer.layers:
        ours = known.metadata.get(TEMPORARY) == CONFIDENCE and known.name == layer.name
        if ours and known.data.shape == layer.data.shape:
            known.data = layer.data
            lay_on(known, layer)
            return
    viewer.add_layer(layer)


def unlike_share(events: Iterable[ScanLabelled]) -> float:
    """Return which part of what was labelled is unlike anything seen, from what was reported of each.

    >>> unlike_share([ScanLabelled("a", "a.tif", pixels={1: 90, 2: 10}, unlike=5)])
    0.05
    """
    events = list(events)
    labelled = sum(sum((event.pixels or {}).values()) for event in events)
    return sum(event.unlike or 0 for event in events) / labelled if labelled else 0.0


def unlike_sentence(share: float, asked: bool) -> str:
    """Say how much of the surface is unlike anything seen, where that was asked for, or is much.

    >>> unlike_sentence(0.0234, asked=True)
    '2.3 % of the surface is unlike anything the model has seen.'
    """
    if not (asked or share >= MUCH_UNLIKE):
        return ""
    if not share:
        return "Nothing of the surface is unlike what the model has seen."
    much = f"{100 * share:.1f}" if share >= 0.001 else "Less than 0.1"
    return f"{much} % of the surface is unlike anything the model has seen."
