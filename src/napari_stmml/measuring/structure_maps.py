"""The label map of structures: types are its classes, and each object is known by its number."""

from dataclasses import replace

from napari_stmml.colours import type_colour
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.structures.structures import Structures


def structure_map(found: Structures, scan: int, model: str = "") -> LabelMap:
    """Make the label map of the objects of a scan.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.
    model : str
        Name of the file of the types.

    Returns
    -------
    LabelMap
        On the scan's own pixels: labels are types (0 = none, or unlike any other), ``objects`` numbers the
        objects from 1 in the order of the table.
    """
    one = found.scans[scan]
    names = {kind.number: kind.name for kind in found.types}
    colours = {number: type_colour(number) for number in names}
    made = predicted_map(found.labels(scan, "type"), one, names, colours, model)
    return replace(made, name=f"structures {one.short_name}", objects=found.labels(scan))
