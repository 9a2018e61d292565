"""Other channels of a frame as layers: currents and the like in colours of their own."""

from typing import Any

from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import KEY, LayerData, scan_to_layer
from napari_stmml.viewer.io.placement import place_of

_COLOURS = {"nm": "gray", "nA": "viridis", "Hz": "magma", "V": "cividis"}


def channel_to_layer(scan: Scan, layer: Any) -> LayerData:
    """Make layer data of a channel that was recorded with a scan.

    Parameters
    ----------
    scan : Scan
        The channel.
    layer : napari Image layer
        The scan's own; the channel lies on it where both have the same pixels.

    Returns
    -------
    (ndarray, dict, str)
        As of `scan_to_layer`, in the colours of its unit, which its name ends with.
    """
    data, meta, kind = scan_to_layer(scan)
    unit = f" ({scan.unit})" if scan.unit else ""
    meta |= {"name": f"{scan.short_name}{unit}", "colormap": _COLOURS.get(scan.unit, "inferno")}
    if data.shape == layer.data.shape:
        meta |= place_of(layer)
    return data, meta, kind


def missing_channels(viewer: Any, layer: Any, scans: list[Scan]) -> list[Scan]:
    """Return the channels of a layer's direction that the viewer does not show yet."""
    keys = ("source", "channel", "direction")
    there = [tuple(known.get(key) for key in keys) for known in map(_about, viewer.layers)]
    direction = _about(layer).get("direction")
    same = [one for one in scans if one.direction == direction]
    return [one for one in same if (one.source, one.channel, one.direction) not in there]


def _about(layer: Any) -> dict[str, Any]:
    about = layer.metadata.get(KEY)
    return about if isinstance(about, dict) else {}
