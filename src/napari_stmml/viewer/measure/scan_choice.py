"""Which open scan a map lies on: by what the map says of its scan, never by the names of layers."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PureWindowsPath
from typing import Any

from napari_stmml.io.names import folded
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import is_unplaced, lies_on


def image_of_map(layer: Any, images: Sequence[Any]) -> Any:
    """Return the image that a map lies on, as far as this is known.

    Parameters
    ----------
    layer : napari Labels layer
    images : sequence of napari Image layers

    Returns
    -------
    napari Image layer or None
        The scan that the map names, by file, channel and direction; if it names none, as a layer that napari
        itself has made, the only image of its shape and place. None where that leaves more than one, or none.
    """
    fits = [image for image in images if not misfit(layer, image)]
    known = layer.metadata.get(KEY) or {}
    if not known.get("source"):
        laid = [image for image in fits if lies_on(layer, image)]
        return laid[0] if len(laid) == 1 else None
    scans = [(image, recorded_scan(image)) for image in fits]
    own = [(image, scan) for image, scan in scans if _is_of(known, scan)]
    as_then = [image for image, scan in own if list(scan.history) == list(known.get("history") or [])]
    return next(iter([*as_then, *(image for image, _ in own)]), None)


def misfit(layer: Any, image: Any) -> str:
    """Say why a map cannot lie on an image; empty where it can.

    A layer that nobody has placed, such as the labels of another program, may lie on any image of its shape.

    Parameters
    ----------
    layer : napari Labels layer
    image : napari Image layer
    """
    if layer.data.shape != image.data.shape:
        (tall, wide), (rows, cols) = layer.data.shape, image.data.shape
        return f"“{layer.name}” has {wide} x {tall} px and “{image.name}” {cols} x {rows} px"
    return (
        ""
        if is_unplaced(layer) or lies_on(layer, image)
        else f"“{layer.name}” does not lie on “{image.name}”"
    )


def why_no_image(layer: Any, images: Sequence[Any]) -> str:
    """Say why no image was found for a map, and what to do.

    Parameters
    ----------
    layer : napari Labels layer
    images : sequence of napari Image layers
    """
    if all(misfit(layer, image) for image in images):
        return f"“{layer.name}”: no open scan has its size and place, so there are no heights."
    if source := (layer.metadata.get(KEY) or {}).get("source"):
        return f"The scan of “{layer.name}”, {_file_name(source)}, is not open: open it, or choose another."
    return f"“{layer.name}” does not say which scan it is of: choose it above."


def scan_names(images: Sequence[Any]) -> list[tuple[str, Any]]:
    """Name images by their scans: number, direction, bias and session, and what was done to their heights.

    Parameters
    ----------
    images : sequence of napari Image layers

    Returns
    -------
    list of (str, napari Image layer)
        Names are different from each other: those of layers tell apart what has no other difference.
    """
    names = [_name(image) for image in images]
    often = Counter(names)
    return [
        (name if often[name] == 1 else f"{name} · layer “{image.name}”", image)
        for name, image in zip(names, images, strict=True)
    ]


def _name(image: Any) -> str:
    scan = recorded_scan(image)
    return " · ".join([scan.name, *scan.history]) if scan.direction else str(image.name)


def _file_name(path: Any) -> str:
    return PureWindowsPath(str(path)).name  # takes both kinds of slashes


def _is_of(known: dict[str, Any], scan: Scan) -> bool:
    """Say whether these are the settings of a scan, wherever its file has gone."""
    own = scan.settings()
    if any((known.get(name) or "") != (own.get(name) or "") for name in ("channel", "direction")):
        return False
    if known["source"] == scan.source:
        return True
    same_name = folded(_file_name(known["source"])) == folded(_file_name(scan.source))
    return same_name and known.get("taken") is not None and known["taken"] == own["taken"]
