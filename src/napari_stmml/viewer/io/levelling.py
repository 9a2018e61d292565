"""Scans as people look at them: the best plane taken out, and the recorded heights kept beside it.

A layer shows levelled heights, and its history says which. Whatever prepares or measures heights begins from
the recorded ones, so that its result is the same however the scan is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_stmml.colours import robust_limits
from napari_stmml.heights.flatten import flatten
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.viewer.io.layers import KEY, LayerData, scan_from_layer, scan_to_layer

RECORDED = "stmml_recorded"  # of layer.metadata
AS_RECORDED = "as recorded"
LEVELLINGS = {  # what the history says -> the chain of flatten methods
    AS_RECORDED: "none",
    "plane taken out": "poly_xy",
    "row medians and plane taken out": "poly_xy + row_median",
}
FLATTENED = "flattened with "  # before a chain of flatten methods, which a scan is shown flattened with


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a levelled layer was made of.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        As recorded.
    shown : ndarray, shape (rows, cols)
        As the layer shows them; another array there is nothing that is known here.
    """

    heights: np.ndarray = field(repr=False)
    shown: np.ndarray = field(repr=False)


def levelled(scan: Scan, how: str) -> Scan:
    """Level the heights of a scan that nothing was done to yet.

    Parameters
    ----------
    scan : Scan
        A current, or a scan that was flattened, is returned as it is, and so is one without heights.
    how : str
        One of `LEVELLINGS`, or as of `flattened_with`.

    Returns
    -------
    Scan
        With ``how`` in its history.
    """
    if how == AS_RECORDED or scan.channel != TOPOGRAPHY or scan.history:
        return scan
    if not np.isfinite(scan.heights).any():
        return scan
    chain = LEVELLINGS.get(how) or how.removeprefix(FLATTENED)
    return replace(scan, heights=flatten(scan.heights, chain), history=(how,))


def flattened_with(chain: str) -> str:
    """Return how a scan is levelled that is shown flattened.

    Parameters
    ----------
    chain : str
        Flatten methods, joined by ``+``.

    Returns
    -------
    str
        One of `LEVELLINGS` where that is the same.
    """
    same = [how for how, one in LEVELLINGS.items() if one == chain]
    return same[0] if same else f"{FLATTENED}{chain}"


def levelled_to_layer(scan: Scan, how: str, visible: bool = True) -> LayerData:
    """Make layer data of a scan as people look at it.

    Parameters
    ----------
    scan : Scan
        As recorded.
    how : str
        One of `LEVELLINGS`.
    visible : bool

    Returns
    -------
    (ndarray, dict, str)
        As of `scan_to_layer`; the name is that of the scan.

    See Also
    --------
    recorded_scan : the inverse.
    """
    shown = levelled(scan, how)
    data, meta, kind = scan_to_layer(shown, visible)
    if shown is not scan:
        meta["name"] = scan.short_name
        meta["metadata"] |= {RECORDED: Recorded(scan.heights, shown.heights)}
    return data, meta, kind


def recorded_scan(layer: Any) -> Scan:
    """Make a scan of an Image layer with the heights that were recorded, however it is levelled.

    Parameters
    ----------
    layer : napari Image layer

    Returns
    -------
    Scan
        As `scan_of` where nothing is known of recorded heights: of other layers, and where somebody has
        given the layer heights of its own.
    """
    data, meta, _ = layer.as_layer_data_tuple()
    return recorded_from_layer(data, meta)


def recorded_from_layer(data: np.ndarray, meta: dict[str, Any]) -> Scan:
    """Make a scan of layer data with the heights that were recorded.

    Parameters
    ----------
    data : ndarray, shape (rows, cols)
    meta : dict
        As napari gives it.

    Returns
    -------
    Scan
        As of `recorded_scan`.
    """
    scan, known = scan_from_layer(data, meta), _recorded(data, meta.get("metadata") or {})
    if known is None:
        return scan
    return replace(scan, heights=known.heights, history=scan.history[1:])


def recorded_heights(layer: Any) -> Any:
    """Return the recorded heights of a layer, (rows, cols), or its data where these are not known."""
    known = _recorded(layer.data, layer.metadata)
    return layer.data if known is None else known.heights


def levelling_of(layer: Any) -> str:
    """Return how a layer is levelled: as of `level_layer`, or empty where that has no meaning."""
    if _recorded(layer.data, layer.metadata) is not None:
        return str(layer.metadata[KEY]["history"][0])
    about = layer.metadata.get(KEY)
    if not isinstance(about, dict) or "direction" not in about or about.get("history"):
        return ""
    return AS_RECORDED if about.get("channel") == TOPOGRAPHY else ""


def level_layer(layer: Any, how: str) -> None:
    """Let a layer show its scan levelled in another way; it stays where it is.

    Parameters
    ----------
    layer : napari Image layer
        Without any effect where `levelling_of` is empty.
    how : str
        One of `LEVELLINGS`, or as of `flattened_with`.
    """
    if levelling_of(layer) not in ("", how):
        scan = recorded_scan(layer)
        show_levelled(layer, scan, levelled(scan, how))


def show_levelled(layer: Any, scan: Scan, shown: Scan) -> None:
    """Let a layer show its scan as `levelled` has made it; it stays where it is.

    Parameters
    ----------
    layer : napari Image layer
        One of which `levelling_of` is not empty.
    scan, shown : Scan
        As recorded, and levelled.
    """
    about = {name: value for name, value in layer.metadata.items() if name != RECORDED}
    about[KEY] = {**about[KEY], "history": list(shown.history)}
    if shown is not scan:
        about[RECORDED] = Recorded(scan.heights, shown.heights)
    layer.data = shown.heights
    layer.reset_contrast_limits_range()
    layer.contrast_limits = robust_limits(shown.heights)
    layer.metadata = about


def _recorded(data: Any, metadata: Mapping[str, Any]) -> Recorded | None:
    known = metadata.get(RECORDED)
    return known if isinstance(known, Recorded) and known.shown is data else None
