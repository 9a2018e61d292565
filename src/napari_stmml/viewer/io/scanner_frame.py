"""A scan and all that lies on it, placed in the frame of the microscope, beside its neighbours."""

from typing import Any

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.viewer.io.curve_layer import ON_SCAN
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.placement import pixel_size_nm


def is_in_scanner_frame(layer: Any) -> bool:
    """Say whether a layer is placed in the frame of the microscope."""
    wanted = _affine_of(layer)
    return wanted is not None and np.allclose(np.asarray(layer.affine), wanted, atol=1e-6)


def can_be_in_scanner_frame(layer: Any) -> bool:
    """Say whether the place of a layer's frame is known: offset, angle and scale in nm."""
    return _affine_of(layer) is not None


def place_in_scanner_frame(viewer: Any, layer: Any, on: bool) -> None:
    """Place a scan, and the maps and curves on it, in the frame of the microscope, or as they were.

    Coordinates are then those of the scanner in nm, along columns x, along rows -y.

    Parameters
    ----------
    viewer : napari viewer
    layer : napari Image layer
        Without effect where `can_be_in_scanner_frame` is false.
    on : bool
        False: every scan begins at the origin.
    """
    affine = _affine_of(layer)
    if affine is None:
        return
    source, before = _source(layer), np.asarray(layer.affine)
    for one in viewer.layers:
        if one is layer or (
            source and _source(one) == source and np.allclose(np.asarray(one.affine), before)
        ):
            one.affine = affine if on else np.eye(3)


def _affine_of(layer: Any) -> np.ndarray | None:
    """Return what takes a place in nm, (row, column), to (-y, x) of the scanner; None where not known."""
    about = layer.metadata.get(KEY)
    pixel_size = pixel_size_nm({"scale": layer.scale, "units": layer.units})
    if not isinstance(about, dict) or layer.ndim != 2 or pixel_size is None:
        return None
    if about.get("offset") is None or about.get("angle") is None or str(layer.units[-1]) != "nanometer":
        return None
    scan = Scan.from_settings(np.zeros(layer.data.shape[:2], bool), {**about, "pixel_size": pixel_size})
    half_row, half_col = pixel_size[0] / 2, pixel_size[1] / 2
    x, y = scan.in_scanner(np.array([0.0, 0.0, 1.0]) + half_col, np.array([0.0, 1.0, 0.0]) + half_row)
    places = np.array([-y, x])  # of the origin, of one nm down, of one nm to the right
    affine = np.eye(3)
    affine[:2] = np.column_stack([places[:, 1] - places[:, 0], places[:, 2] - places[:, 0], places[:, 0]])
    return affine


def _source(layer: Any) -> str:
    about = layer.metadata.get(KEY)
    own = about.get("source") if isinstance(about, dict) else ""
    return str(own or layer.metadata.get(ON_SCAN) or "")
