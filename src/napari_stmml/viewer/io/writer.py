"""What napari calls to save a Labels layer as a label map: a TIFF with classes, colours and place."""

from pathlib import Path
from typing import Any

from napari_stmml.viewer.io.layers import labels_from_layer
from napari_stmml.viewer.io.reader import prefer_our_maps
from napari_stmml.viewer.shared.plain_text import notify


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one Labels layer; return the path that was written, none if it could not be."""
    try:
        written = labels_from_layer(data, meta).write(path)
    except (ValueError, OSError) as error:
        notify(f"{Path(path).name} was not saved: {error}")
        return []
    prefer_our_maps()
    return [str(written)]
