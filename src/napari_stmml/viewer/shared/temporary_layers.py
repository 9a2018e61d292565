"""Layers that a panel shows while it is open, such as a preview or a mark; they are no scans."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

TEMPORARY = "stmml_temporary"  # in the metadata of such a layer: what it shows


def lasting_layers(viewer: Any, *kinds: type) -> list[Any]:
    """List the layers of some types that are not temporary.

    Parameters
    ----------
    viewer : Any
        napari viewer.
    *kinds : type
        Classes of napari layers.

    Returns
    -------
    list of Any
        Layers in the order of the viewer.
    """
    lasting = [one for one in viewer.layers if TEMPORARY not in one.metadata]
    return [one for one in lasting if isinstance(one, kinds)]


def watch(old: Any, new: Any, events: Sequence[str], do: Callable[..., None]) -> None:
    """Call ``do`` at these events of a layer, and no more at those of the old one; either may be None.

    Parameters
    ----------
    old : Any
        napari layer that was watched before, or None.
    new : Any
        napari layer to watch, or None.
    events : sequence of str
        Names of events that both layers have.
    do : callable
        Called with the event.
    """
    for layer, change in ((old, "disconnect"), (new, "connect")):
        for event in events if layer is not None else ():
            getattr(getattr(layer.events, event), change)(do)


@contextmanager
def active_kept(viewer: Any) -> Iterator[None]:
    """Let the same layer be active after layers were added or removed, if it is still there.

    Parameters
    ----------
    viewer : Any
        napari viewer.

    Yields
    ------
    None
    """
    active = viewer.layers.selection.active
    yield
    if active in viewer.layers:
        viewer.layers.selection.active = active


def find(viewer: Any, what: str) -> Any:
    """Return the temporary layer that shows this; None if there is none. Its name does not matter.

    Parameters
    ----------
    viewer : Any
        napari viewer.
    what : str
        What the layer shows, as in its metadata.

    Returns
    -------
    Any
        napari layer, or None; the first one if there are several.
    """
    return next((layer for layer in viewer.layers if layer.metadata.get(TEMPORARY) == what), None)


def remove(viewer: Any, what: str) -> None:
    """Remove the temporary layer that shows this, if there is one.

    Parameters
    ----------
    viewer : Any
        napari viewer.
    what : str
        What the layer shows, as in its metadata.
    """
    layer = find(viewer, what)
    if layer is not None:
        viewer.layers.remove(layer)


def move_above(viewer: Any, layer: Any) -> None:
    """Move the layer that was added last right above another one, so that labels stay visible.

    Parameters
    ----------
    viewer : Any
        napari viewer.
    layer : Any
        Layer of the viewer to move it above.
    """
    viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(layer) + 1)
