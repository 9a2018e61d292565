"""What napari calls when a scan's file or a label map is dropped on it."""

from collections.abc import Callable
from pathlib import Path

from napari_stmml.io.formats import find_scans, is_scan_file, read_scan_file
from napari_stmml.io.label_tiff import LabelMap, is_label_map
from napari_stmml.viewer.io.layers import LayerData, labels_to_layer, scans_to_layers

OUR_MAPS = ("*.stmml.tif", "*--*_??_labels.tif")  # names that no other program gives its files


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list] | None:
    """Return a function that reads ``path``, or None if another reader must; never raises."""
    for one in _listed(path):
        name = one.name.lower()
        if not (is_scan_file(one) or (name.endswith((".tif", ".tiff")) and is_label_map(one))):
            return None
    return read


def read(path: str | list[str]) -> list:
    """Read files as layers. A file that gives none is reported in one sentence, and the others open."""
    from napari.utils.notifications import show_error

    layers: list = []
    for one in _listed(path):
        try:
            layers += _layers(one)
        except (ValueError, OSError) as error:
            show_error(str(error))
    return layers or [(None,)]  # napari's way to say: handled, nothing to show


def prefer_our_maps() -> None:
    """Let napari open our label maps here without asking, unless the user has chosen otherwise."""
    from napari.settings import get_settings

    chosen = get_settings().plugins.extension2reader
    ours = dict.fromkeys(OUR_MAPS, "napari-stmml")
    if not ours.keys() <= chosen.keys():
        get_settings().plugins.extension2reader = ours | chosen


def _layers(path: Path) -> list[LayerData]:
    if path.name.lower().endswith((".tif", ".tiff")):
        return [labels_to_layer(LabelMap.read(path))]
    files = find_scans(path)
    if files == [path]:
        return scans_to_layers(read_scan_file(path))
    return [layer for file in files for layer in _layers_of_scan(file, path)]


def _layers_of_scan(file: Path, session: Path) -> list[LayerData]:
    """Read one scan of a session; a damaged one does not keep the others from opening."""
    from napari.utils.notifications import show_error

    try:
        return scans_to_layers(read_scan_file(file))
    except (ValueError, OSError) as error:
        show_error(f"{session.name}: {error}")
        return []


def _listed(path: str | list[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str | Path) else path)]
