"""Curves as points of a layer, each at its place on the scan that lies there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.curves import Curve
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import KEY, LayerData
from napari_stmml.viewer.io.placement import layer_scale, pixel_size_nm, place_of

CURVES = "stmml_curves"  # in metadata of a Points layer: curves by the path of their file
ON_SCAN = "stmml_on_scan"  # in metadata of such a layer: file of the scan it lies on, or empty
FILE = "file"  # feature of a point: the path of its curves
_ACROSS = 0.025  # of a frame: size of a point
_COLOUR = "#4fc3f7"


def curves_to_layer(curves: Sequence[Curve], image: Any = None) -> LayerData:
    """Make layer data of the curves of one file.

    Parameters
    ----------
    curves : sequence of Curve
        Of one place.
    image : napari Image layer, optional
        The scan that they lie on, see `scan_below`.

    Returns
    -------
    (ndarray, dict, str)
        One point: on the scan, or without one in coordinates of the scanner in nm (y upwards), or at the
        origin where the place is not known.
    """
    first = curves[0]
    place = (0.0, 0.0) if first.place is None else first.place
    if image is None:
        at, where, size = (-place[1], place[0]), layer_scale((1.0, 1.0)), 1.0
    else:
        at, where, size = _on(image, place), place_of(image), max(2.0, _ACROSS * max(image.data.shape))
    on_scan = "" if image is None else str(image.metadata[KEY].get("source") or image.name)
    meta = {
        "name": "curves" if image is None else f"curves on {image.name}",
        "features": {FILE: [first.source]},
        "face_color": _COLOUR,
        "border_color": "black",
        "size": size,
        "metadata": {CURVES: {first.source: list(curves)}, ON_SCAN: on_scan},
        **where,
    }
    return np.array([at]), meta, "points"


def add_curves(viewer: Any, curves: Sequence[Curve]) -> str:
    """Show the curves of one file in a viewer, in the layer of others on the same scan or a new one.

    The new point is selected, and the layer is active.

    Parameters
    ----------
    viewer : napari viewer
    curves : sequence of Curve
        Of one place.

    Returns
    -------
    str
        Where they lie, in a sentence.
    """
    image = scan_below(viewer, curves[0].place)
    (at,), meta, _ = curves_to_layer(curves, image)
    layer = next((one for one in curve_layers(viewer) if _lies_as(one, meta)), None)
    if layer is None:
        layer = viewer.add_points([at], **meta)
    else:
        layer.metadata[CURVES] |= meta["metadata"][CURVES]
        files = [*layer.features[FILE], curves[0].source]
        layer.data = np.vstack([layer.data, at])
        layer.features = {FILE: files}
        layer.size = meta["size"]
    layer.mode = "select"
    viewer.layers.selection.active = layer
    layer.selected_data = {len(layer.data) - 1}
    return _where(curves[0], image)


def curve_layers(viewer: Any) -> list[Any]:
    """List the layers of a viewer that hold curves."""
    return [one for one in viewer.layers if CURVES in one.metadata]


def selected_curves(layer: Any) -> list[list[Curve]]:
    """Return the curves of the selected points of a layer, a list for each point."""
    files = list(layer.features[FILE])
    known = layer.metadata[CURVES]
    chosen = sorted(one for one in layer.selected_data if one < len(files))
    return [known[files[one]] for one in chosen if files[one] in known]


def scan_below(viewer: Any, place: tuple[float, float] | None) -> Any:
    """Return the scan of a viewer on which a place of the scanner lies: the active one, or the topmost.

    Parameters
    ----------
    viewer : napari viewer
    place : (float, float) or None
        x and y of the scanner in nm.

    Returns
    -------
    napari Image layer or None
        None where no open scan of known offset and angle covers the place.
    """
    if place is None:
        return None
    covering = [layer for layer in viewer.layers if _covers(layer, place)]  # from the lowest
    active = viewer.layers.selection.active
    return max(reversed(covering), key=lambda one: (one is active, one.visible), default=None)


def _covers(layer: Any, place: tuple[float, float]) -> bool:
    """Say whether a layer is a scan on which a place of the scanner lies."""
    if (
        not isinstance(layer.metadata.get(KEY), dict)
        or layer.ndim != 2
        or not hasattr(layer, "contrast_limits")
    ):
        return False
    rows, cols = layer.data.shape[:2]
    row, col = _on(layer, place)
    return -0.5 <= row <= rows - 0.5 and -0.5 <= col <= cols - 0.5


def _on(image: Any, place: tuple[float, float]) -> tuple[float, float]:
    """Return the row and column of a scan at a place of the scanner; NaN where its frame is not known."""
    pixel_size = pixel_size_nm({"scale": image.scale, "units": image.units})
    scan = Scan.from_settings(image.data, {**image.metadata[KEY], "pixel_size": pixel_size})
    if pixel_size is None:
        return np.nan, np.nan
    x, y = scan.from_scanner(np.array(place[0]), np.array(place[1]))
    return float(y) / pixel_size[0] - 0.5, float(x) / pixel_size[1] - 0.5


def _lies_as(layer: Any, meta: dict[str, Any]) -> bool:
    names = ("scale", "translate", "rotate", "affine")
    fresh = {"translate": np.zeros(2), "rotate": np.eye(2), "affine": np.eye(3)}
    wanted = fresh | {name: meta[name] for name in names if name in meta}
    same = all(np.allclose(np.asarray(getattr(layer, name)), np.asarray(wanted[name])) for name in names)
    return same and layer.metadata.get(ON_SCAN) == meta["metadata"][ON_SCAN]


def _where(curve: Curve, image: Any) -> str:
    name = Path(curve.source).name
    if curve.place is None:
        return f"{name} does not say where it was taken: its point lies at the origin."
    if image is None:
        return f"No open scan covers the place of {name}: its point lies in coordinates of the scanner."
    return f"{name} lies on {image.name}."
