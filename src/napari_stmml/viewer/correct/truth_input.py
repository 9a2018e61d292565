"""Keys and mouse on the truth of a scan: undo, classes by number, the next scan, whole regions."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_stmml.viewer.shared.slots import guarded

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_stmml.correction.corrected_scan import CorrectedScan


def take_input(layers: Any, one: "CorrectedScan", truth: "Labels") -> None:
    """Let keys and mouse on a truth do what `KEYS` of Correct says.

    Parameters
    ----------
    layers : SessionLayers
        Of ``viewer/correct/session_layers.py``, which imports this module.
    one : CorrectedScan
    truth : napari Labels layer
        That of the scan.
    """
    keys: dict[str, Callable[[], Any]] = {
        "Control-Z": layers.session.undo,
        "Control-Shift-Z": layers.session.redo,
        "N": layers.next_key.emit,
        "PageDown": partial(layers.go, 1),
        "PageUp": partial(layers.go, -1),
        **{f"Control-{number}": partial(_choose_class, layers, number) for number in range(1, 10)},
    }
    for key, do in keys.items():
        truth.bind_key(key, guarded(lambda layer, do=do: do()), overwrite=True)
    truth.mouse_drag_callbacks.append(guarded(lambda layer, event: _click(layers, one, layer, event)))


def _choose_class(layers: Any, number: int) -> None:
    """Choose a class by its row in the table, from 1."""
    labels = layers.session.model.classes.order
    if number <= len(labels):
        layers.pick(labels[number - 1])
        layers.class_key.emit(labels[number - 1])


def _click(layers: Any, one: "CorrectedScan", layer: Any, event: Any) -> None:
    """Pick the class under the mouse, or give all of its region the chosen class with Shift."""
    classes, at = layers.session.model.classes, layer.world_to_data(event.position)
    if "Shift" in event.modifiers:
        layers.session.paint(one, one.region_at(classes, *at), layer.selected_label)
    elif layer.mode == "pick" and (label := one.label_at(classes, *at)):
        layers.soon(guarded(lambda: layers.pick(label)))
