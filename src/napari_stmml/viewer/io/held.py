"""Layers that work in progress is about: nothing else is shown in them meanwhile."""

from collections.abc import Iterable
from typing import Any

HELD = "stmml_held"  # in the metadata of such a layer
WITH_SCAN = "stmml_with_scan"  # in that of a map that was made while its scan was hidden: it is seen with it


def hold(layers: Iterable[Any]) -> None:
    """Let layers keep their scans: a job labels them, or a person corrects them.

    Parameters
    ----------
    layers : iterable of napari layers
    """
    for layer in layers:
        layer.metadata[HELD] = True


def is_held(layer: Any) -> bool:
    """Say whether a layer keeps its scan."""
    return bool(layer.metadata.get(HELD))
