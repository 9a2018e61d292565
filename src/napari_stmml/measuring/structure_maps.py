"""The label map of structures: types are its classes, and each object is known by its number."""

from napari_stmml.colours import type_colour
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.structures.structures import Structures


def structure_map(found: Structures, scan: int) -> LabelMap:
    """Make the label map of the objects of a scan.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    LabelMap
        On the scan's own pixels: labels are types (0 = none, or unlike any other), ``objects`` numbers the
        objects from 1 in the order of the table.
    """
    one, types = found.scans[scan], found.types
    return LabelMap(
        found.labels(scan, "type"),
        one.pixel_size,
        names={kind.number: kind.name for kind in types},
        colours={kind.number: type_colour(kind.number) for kind in types},
        name=f"structures {one.short_name}",
        scan=one.settings(),
        objects=found.labels(scan),
    )
