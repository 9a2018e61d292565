"""Scans and label maps as napari layers and back: exact inverse pairs, on plain tuples; imports no napari."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_stmml.colours import NOT_SCANNED, STM_COLOURS, UNLABELLED, class_colours, robust_limits
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import SHORT, Scan

LayerData = tuple[np.ndarray, dict[str, Any], str]
KEY = "stmml"  # of layer.metadata
LEAST_COLOURS = 40  # classes that have a colour before anybody paints with them
MOST_COLOURS = 2000  # labels above this number objects: they share one colour
SPARE_CLASSES = 8  # classes that have a name before anybody paints with them

STM_COLORMAP: dict[str, Any] = {
    "name": "stm",
    "colors": [[*colour, 1] for colour in STM_COLOURS],
    "nan_color": [*NOT_SCANNED, 1],
}


def scan_to_layer(scan: Scan, visible: bool = True) -> LayerData:
    """Make layer data of a scan.

    Parameters
    ----------
    scan : Scan
    visible : bool

    Returns
    -------
    (ndarray, dict, str)
        Heights (rows, cols), row 0 at the top; name, scale and units (nm) and metadata; ``image``.

    See Also
    --------
    scan_from_layer : the inverse.
    """
    meta = {
        "name": " · ".join([scan.short_name, *scan.history]),
        "colormap": STM_COLORMAP,
        "contrast_limits": robust_limits(scan.heights),
        "visible": visible,
        "metadata": {KEY: scan.settings()},
        **_place(scan.pixel_size),
    }
    return scan.heights, meta, "image"


def scans_to_layers(scans: Sequence[Scan]) -> list[LayerData]:
    """Make layer data of all directions of a file; the first, forward/up, lies on top and alone is shown."""
    return [scan_to_layer(scan, visible=scan is scans[0]) for scan in reversed(scans)]


def scan_from_layer(data: np.ndarray, meta: dict[str, Any]) -> Scan:
    """Make a scan of layer data.

    Parameters
    ----------
    data : ndarray, shape (rows, cols)
        Of this plugin's reader or of any other.
    meta : dict
        As napari gives it. The pixel size is what scale and units say now, None where they are not lengths;
        bias, setpoint and the like are in the metadata of this plugin's layers alone.

    Returns
    -------
    Scan
    """
    known = dict(meta.get("metadata", {}).get(KEY, {}))
    own = known if "direction" in known else {"source": str(meta.get("name", "")), "unit": ""}
    return Scan.from_settings(np.asarray(data), {**own, "pixel_size": pixel_size_nm(meta)})


def labels_to_layer(labels: LabelMap) -> LayerData:
    """Make layer data of a label map: same pixels, same place, class names and colours.

    Parameters
    ----------
    labels : LabelMap

    Returns
    -------
    (ndarray, dict, str)
        Labels (rows, cols), 0 = unlabelled; colours, names (``features``) and place; ``labels``.

    See Also
    --------
    labels_from_layer : the inverse.
    """
    last = max([int(labels.labels.max()), *labels.names])
    spare_to = last + SPARE_CLASSES if last < MOST_COLOURS else 0
    n_colours = min(max(LEAST_COLOURS, last + SPARE_CLASSES), MOST_COLOURS)
    colours = dict(enumerate(class_colours(n_colours), start=1)) | dict(labels.colours)
    colormap: dict[Any, str] = {**colours, 0: UNLABELLED, None: "#ff00ff"}
    spare = {label: _spare_name(label) for label in range(1, spare_to + 1)}
    names = dict(sorted({**spare, **labels.names}.items()))
    meta = {
        "name": labels.name,
        "opacity": 0.5,
        "colormap": colormap,
        "features": {"index": [0, *names], "class": ["unlabelled", *names.values()]},
        "metadata": {KEY: labels.scan},
        **_place(labels.pixel_size),
        **labels.placement,
    }
    return labels.labels, meta, "labels"


def labels_from_layer(data: np.ndarray, meta: dict[str, Any]) -> LabelMap:
    """Make a label map of a Labels layer.

    Parameters
    ----------
    data : ndarray of int, shape (rows, cols)
    meta : dict
        As napari gives it: colours are in ``colormap``, names of classes in ``features``.

    Returns
    -------
    LabelMap
    """
    data = np.asarray(data)
    painted = {int(label) for label in np.unique(data) if label > 0}
    found = class_names(meta.get("features"))
    names = {i: name for i, name in found.items() if name != _spare_name(i)}
    used = sorted(painted | set(names))
    return LabelMap(
        data,
        pixel_size_nm(meta),
        names=names,
        colours=_colours(meta.get("colormap"), used),
        name=str(meta.get("name", "labels")),
        scan=dict(meta.get("metadata", {}).get(KEY, {})),
        placement=placement(meta),
    )


def placement(meta: dict[str, Any]) -> dict[str, Any]:
    """Return translation (nm), rotation, shear and affine of a layer for JSON; only those that were set."""
    place: dict[str, Any] = {}
    in_nm = np.array([factor or 1.0 for factor in _nm_per_unit(meta)])
    if pixel_size_nm(meta) is None and not np.array_equal(meta.get("scale", (1, 1)), (1, 1)):
        place["scale"] = np.asarray(meta["scale"], dtype=float).tolist()
    for key, plain in (
        ("translate", np.zeros(2)),
        ("rotate", np.eye(2)),
        ("shear", np.zeros(1)),
        ("affine", np.eye(3)),
    ):
        if meta.get(key) is not None:
            values = np.array(meta[key], dtype=float)
            if key == "translate":
                values = values * in_nm
            elif key == "affine":
                values[:2, 2] *= in_nm
            if values.shape != plain.shape or not np.array_equal(values, plain):
                place[key] = values.tolist()
    return place


def pixel_size_nm(meta: dict[str, Any]) -> tuple[float, float] | None:
    """Return nm per pixel along rows and columns from a layer's scale and units.

    Parameters
    ----------
    meta : dict
        With ``scale`` and ``units`` of a layer.

    Returns
    -------
    (float, float) or None
        None if the units are no lengths.
    """
    factors = _nm_per_unit(meta)
    scale = np.asarray(meta.get("scale", (1, 1)), dtype=float)[-2:]
    if None in factors or (scale <= 0).any():
        return None
    rows, cols = (float(size) * float(factor or 0) for size, factor in zip(scale, factors, strict=True))
    return rows, cols


def _nm_per_unit(meta: dict[str, Any]) -> list[float | None]:
    """Return nm per unit along rows and columns, None where the unit is no length."""
    units = meta.get("units")
    units = (units, units) if isinstance(units, str) else units
    return [_in_nm(str(unit)) for unit in (units if units is not None else ("pixel", "pixel"))[-2:]]


def _in_nm(unit: str) -> float | None:
    import pint

    try:
        nm = pint.get_application_registry().Quantity(1.0, unit).to("nm").magnitude
    except pint.errors.PintError:
        return None
    return float(f"{nm:.12g}")  # pint makes 999.9999999999999 nm of 1 µm


def _place(pixel_size: tuple[float, float] | None) -> dict[str, Any]:
    unit = "pixel" if pixel_size is None else "nm"
    return {"scale": pixel_size or (1.0, 1.0), "units": (unit, unit), "axis_labels": ("y", "x")}


def _spare_name(label: int) -> str:
    return f"new class {label}"


def class_names(features: Any) -> dict[int, str]:
    """Return the names of classes by label, from the columns ``index`` and ``class`` of a table."""
    if features is None or "index" not in features or "class" not in features:
        return {}
    pairs = zip(features["index"], features["class"], strict=True)
    return {int(label): str(name) for label, name in pairs if int(label) > 0}


def _colours(colormap: Any, labels: list[int]) -> dict[int, str]:
    """Return the ``#rrggbb`` of labels in a colormap of napari's, or in a plain dict."""
    if colormap is None or not labels:
        return {}
    if isinstance(colormap, dict):
        return {label: colormap[label] for label in labels if label in colormap}
    table = colormap.map(np.array(labels))
    return {
        label: "#" + "".join(f"{round(float(part) * 255):02x}" for part in rgba[:3])
        for label, rgba in zip(labels, table, strict=True)
    }


def scan_of(layer: Any) -> Scan:
    """Make a scan of an Image layer as it is now."""
    data, meta, _ = layer.as_layer_data_tuple()
    return scan_from_layer(data, meta)


def brief_name(layer: Any) -> str:
    """Return the layer's name with FU for Z forward/up and so on, short enough for a list."""
    name = str(layer.name)
    for direction, short in SHORT.items():
        name = name.replace(f"Z {direction}", short).replace(direction, short)
    return name


def place_of(layer: Any) -> dict[str, Any]:
    """Return scale, translation, units ... of a layer, for another layer to lie exactly on it."""
    keys = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {key: getattr(layer, key) for key in keys}


def lay_on(layer: Any, other: Any) -> None:
    """Move a layer exactly onto another; equal properties are not set, as each change draws all layers."""
    for key, value in place_of(other).items():
        if not np.array_equal(np.asarray(getattr(layer, key)), np.asarray(value)):
            setattr(layer, key, value)
