"""Structures of a scan as layers: outlines and centres, one row of features an object; imports no napari."""

import pandas as pd

from napari_stmml.colours import type_colour
from napari_stmml.measuring.structure_maps import structure_map
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.viewer.io.layers import KEY, LayerData, categories, labels_to_layer
from napari_stmml.viewer.io.placement import layer_scale

_CENTRE_NM = 0.4  # size of the mark of a centre
_MEASURED = ["score", "peak_nm", "area_nm2", "angle_deg", "border"]


def structures_to_layers(found: Structures, scan: int) -> tuple[LayerData, LayerData]:
    """Make layer data of the objects of a scan: their outlines, and their centres.

    Both lie on the scan as `scan_to_layer` lays it. Saving the outlines, and *Measure*, see a label map of
    types that knows each object.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    outlines : (ndarray, dict, str)
        ``labels``, (rows, cols): number of the object, from 1 in the order of the table; colours are those
        of types. One row of ``features`` an object: ``index`` (its number), ``type`` (name), ``score``,
        ``peak_nm``, ``area_nm2``, ``angle_deg``, ``border``.
    centres : (ndarray, dict, str)
        ``points``, (objects, 2) in px; the same features.
    """
    outlines, meta, kind = labels_to_layer(structure_map(found, scan))
    own = found.table[found.table.scan == scan]
    names = {one.number: one.name for one in found.types}
    features = pd.DataFrame({"index": range(1, len(own) + 1)})
    features["type"] = categories([names.get(of, UNLIKE) for of in own.type])
    features[_MEASURED] = own[_MEASURED].to_numpy()
    features = features.astype(dict.fromkeys(_MEASURED[:-1], float) | {"border": bool})
    one = found.scans[scan]
    centres = {
        "name": f"centres {one.short_name}",
        "features": features,
        "face_color": [type_colour(of) for of in own.type] or "transparent",
        "border_color": "white",
        "size": _CENTRE_NM / (1.0 if one.pixel_size is None else min(one.pixel_size)),
        "metadata": {KEY: one.settings()},
        **layer_scale(one.pixel_size),
    }
    return (
        (outlines, {**meta, "features": features}, kind),
        (own[["row", "col"]].to_numpy(), centres, "points"),
    )
