"""What a viewer shows of a scan beside its picture: a scale bar in nm, and heights with their unit."""

from typing import Any
from weakref import WeakSet, ref

from napari.layers import Image

from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.placement import pixel_size_nm
from napari_stmml.viewer.shared.slots import guarded

_WATCHED: "WeakSet[Any]" = WeakSet()


def show_units(viewer: Any) -> None:
    """Let scans that are added to a viewer from now on have a scale bar, and units in the status bar.

    Parameters
    ----------
    viewer : napari viewer
        Or a proxy of one; with the first scan its scale bar is shown, once.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer in _WATCHED:
        return
    _WATCHED.add(viewer)
    known = ref(viewer)
    waiting = [True]

    def added(event: Any) -> None:
        layer, there = event.value, known()
        about = layer.metadata.get(KEY)
        if not (isinstance(layer, Image) and isinstance(about, dict) and about.get("unit")):
            return
        _say_unit(layer, str(about["unit"]))
        if waiting and there is not None and pixel_size_nm({"scale": layer.scale, "units": layer.units}):
            waiting.clear()
            there.canvas.overlays.scale_bar.visible = True

    viewer.layers.events.inserted.connect(guarded(added))


def _say_unit(layer: Any, unit: str) -> None:
    """Put the unit behind the value that a layer says for the status bar."""
    plain = type(layer).get_status

    def with_unit(*args: Any, **options: Any) -> dict[str, str]:
        said: dict[str, str] = plain(layer, *args, **options)
        if said["value"] and said["value"] != "nan":
            said |= {name: f"{said[name]} {unit}" for name in ("value", "coordinates")}
        return said

    layer.get_status = with_unit
