"""What a figure is drawn of: layers of the viewer as scans with their classes, copied at one moment."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Shapes

from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.measuring.structure_maps import structure_map
from napari_stmml.viewer.correct.layer_looks import ROLE
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.layers import labels_from_layer, scan_of
from napari_stmml.viewer.io.predicted_layer import prediction_of
from napari_stmml.viewer.measure.scan_choice import image_of_map
from napari_stmml.viewer.shared.temporary_layers import lasting_layers
from napari_stmml.viewer.structures.layers import structures_of

VERSIONS_OF = ("napari",)
LINE_COLOUR = "#d55e00"


def maps_of(viewer: Any) -> list[Any]:
    """List the label maps that a figure may show; of a scan under correction, its truth alone."""
    labels = lasting_layers(viewer, Labels)
    return [one for one in labels if one.ndim == 2 and one.metadata.get(ROLE) != "predicted"]


def image_below(viewer: Any, layer: Any, images: Sequence[Any]) -> Any:
    """Return the scan that a map lies on, as it is looked at; None where that is not known."""
    structures, correction = structures_of(viewer), correction_of(viewer)
    key = structures.key_of(layer)
    if key is not None:
        own = structures.of(key)
        return own.flat if own.flat in images else own.image
    one = correction.scan_of(layer)
    if one is not None:
        return correction.of(one).image
    return image_of_map(layer, images)


def map_over(viewer: Any, image: Any, maps: Sequence[Any]) -> Any:
    """Return the topmost map that is seen on a scan, or on its flattened heights; None if there is none."""
    structures, images = structures_of(viewer), [one for one in viewer.layers if isinstance(one, Image)]
    scan = structures.image_of(image)
    for layer in reversed([one for one in maps if one.visible]):
        below = image_below(viewer, layer, images)
        if below is not None and structures.image_of(below) == scan:
            return layer
    return None


def shown_scan(viewer: Any, image: Any, layer: Any = None) -> ShownScan:
    """Return a scan as it is shown, with the classes of a map, and what a person says in Correct.

    Parameters
    ----------
    viewer : napari.Viewer
    image : napari Image layer
    layer : napari Labels layer, optional

    Returns
    -------
    ShownScan
        Copies: layers may change while the figure is drawn.

    Raises
    ------
    ValueError
        If the map has another size than the scan.
    """
    scan = scan_of(image)
    scan = replace(scan, heights=np.array(scan.heights))
    low, high = (float(one) for one in image.contrast_limits)
    labels, model = (None, "") if layer is None else _labels(viewer, layer)
    return ShownScan(scan, labels, (low, high), model)


def _labels(viewer: Any, layer: Any) -> tuple[LabelMap, str]:
    """Return the classes that a layer shows, and the file of their model, empty where it is not known."""
    structures, correction = structures_of(viewer), correction_of(viewer)
    key = structures.key_of(layer)
    if key is not None and key in structures.session.keys and structures.session.structures is not None:
        path = structures.session.path
        found, scan = structures.session.structures, structures.session.keys.index(key)
        return structure_map(found, scan, "" if path is None else path.name), str(path or "")
    one, session = correction.scan_of(layer), correction.session
    data, meta, _ = layer.as_layer_data_tuple()
    found_map = labels_from_layer(np.array(data), meta)
    if one is not None and session.classifier is not None:
        classes = session.classifier.classes
        names, colours = classes.legend
        painted = {"painted by a person": int((one.truth > 0).sum()), BACKGROUND: list(classes.background)}
        model = str(session.path or "")
        about = {**one.scan.settings(), **painted, "model": model}
        shown = np.array(one.shown(classes))
        return LabelMap(shown, one.scan.pixel_size, names, colours, found_map.name, about), model
    made = prediction_of(layer)
    return found_map, "" if made is None or not made.model.is_file() else str(made.model)


def with_background_of(shown: ShownScan, background: Collection[int]) -> ShownScan:
    """Return the same with other labels as background."""
    assert shown.labels is not None
    about = {**shown.labels.scan, BACKGROUND: sorted(background)}
    return replace(shown, labels=replace(shown.labels, scan=about))


def structure_facts(viewer: Any, layer: Any) -> dict[str, Any]:
    """Say how the objects of a map were found, for the record; empty where it shows none."""
    structures = structures_of(viewer)
    found = structures.session.structures
    if layer is None or found is None or structures.key_of(layer) is None:
        return {}
    facts = {name: getattr(found, name) for name in ("sensitivity", "mirror_apart", "with_disordered")}
    return {"structures": {**facts, "corrected_by_a_person": len(found.given)}}


def drawn_lines(viewer: Any, image: Any) -> list[np.ndarray]:
    """Return the lines of the active or topmost Shapes layer in px of a scan: those selected, or all."""
    active = viewer.layers.selection.active
    for shapes in (active, *reversed(viewer.layers)):
        if not isinstance(shapes, Shapes) or shapes.ndim != 2:
            continue
        kinds = [i for i, kind in enumerate(shapes.shape_type) if kind == "line"]
        chosen = [i for i in kinds if i in shapes.selected_data] or kinds
        if chosen:
            return [_in_pixels(shapes, image, shapes.data[i]) for i in chosen]
    return []


def _in_pixels(shapes: Any, image: Any, ends: Any) -> np.ndarray:
    return np.array([image.world_to_data(shapes.data_to_world(end)) for end in ends], dtype=float)


def start_line(viewer: Any, image: Any) -> None:
    """Let a person draw a line: in the topmost Shapes layer, or in a new one."""
    shapes = _lines_layer(viewer, image)
    viewer.layers.selection.active = shapes
    shapes.mode = "add_line"


def add_line(viewer: Any, image: Any, line: np.ndarray) -> None:
    """Add a line, start and end (2, 2) in px of a scan, to the layer of lines, unless it is there."""
    if any(np.allclose(line, one) for one in drawn_lines(viewer, image)):
        return
    shapes = _lines_layer(viewer, image)
    shapes.add_lines(np.array([shapes.world_to_data(image.data_to_world(end)) for end in line]))


def _lines_layer(viewer: Any, image: Any) -> Any:
    """Return the topmost Shapes layer, or a new one that lies on a scan."""
    there = [one for one in viewer.layers if isinstance(one, Shapes) and one.ndim == 2]
    if there:
        return there[-1]
    sides = [n * scale for n, scale in zip(image.data.shape, image.scale, strict=True)]
    look = {"name": "lines", "edge_color": LINE_COLOUR, "edge_width": 0.004 * max(sides)}
    return viewer.add_shapes(ndim=2, units=image.units, axis_labels=image.axis_labels, **look)
