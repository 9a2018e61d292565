"""What napari calls when a scan's file or a label map is dropped on it."""

import os
import traceback
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from napari_stmml.io.curve_files import is_curve_file, read_curves
from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.formats import (
    files_of,
    find_scans,
    is_found_in_folders,
    is_scan_file,
    read_masks,
    read_scan_file,
)
from napari_stmml.io.label_tiff import LabelMap, is_label_map
from napari_stmml.io.nanonis_grid import is_grid_file, read_grid
from napari_stmml.io.pictures import NoScale
from napari_stmml.scan import ScanFileError
from napari_stmml.viewer.io.ask_scale import ask_scale
from napari_stmml.viewer.io.curve_layer import add_curves, curves_to_layer
from napari_stmml.viewer.io.grid_layer import grid_to_layer
from napari_stmml.viewer.io.in_window import show_units
from napari_stmml.viewer.io.layers import LayerData, labels_to_layer
from napari_stmml.viewer.io.offer import offer_steps
from napari_stmml.viewer.io.preferences import opened
from napari_stmml.viewer.shared.plain_text import notify

MOST_AT_ONCE = 4  # files that are opened as layers together; more are listed in Browse
MOST_NAMES = 20_000  # of files, among which a scan is looked for
OUR_MAPS = ("*.stmml.tif", "*--*_??_labels.tif")  # names that no other program gives its files


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list] | None:
    """Return a function that reads ``path``, or None if another reader must; never raises."""
    return read if all(map(_is_ours, _listed(path))) else None


def _is_ours(path: Path) -> bool:
    """Say whether a folder holds scans, or a file is one; named like one of our maps, whether it is that."""
    if path.is_dir():
        return _has_scans(path)
    if _is_named_as_map(path):
        return is_label_map(path)
    return is_scan_file(path) or is_grid_file(path)


def _is_named_as_map(path: Path) -> bool:
    return any(fnmatchcase(path.name.lower(), pattern) for pattern in OUR_MAPS)


def read(path: str | list[str]) -> list:
    """Read files as layers. A file that gives none is reported in one sentence, and the others open."""
    asked = _listed(path)
    viewer, dropped = _opening()
    if viewer is not None:
        show_units(viewer)
        if hasattr(viewer, "window") and (listed := _to_browse(asked, dropped)) is not None:
            if listed:
                _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Browse")
                panel.show_paths(listed)
            return [(None,)]
    elsewhere = {os.path.realpath(one) for one in set(dropped) - set(asked)}
    layers: list = []
    for file, why in files_of(asked):
        if file not in asked and os.path.realpath(file) in elsewhere:
            continue
        try:
            layers += _layers_of(viewer, file, why)
        except ValueError as error:
            notify(str(error))
    if layers:
        offer_steps(viewer)
    return layers or [(None,)]  # napari's way to say: handled, nothing to show


def _layers_of(viewer: Any, file: Path, why: str) -> list[LayerData]:
    """Read one file as layers: a grid of curves, curves, or else scans and maps."""
    if is_grid_file(file):
        return [grid_to_layer(one, not at) for at, one in enumerate(read_grid(file))][::-1]
    return _curves(viewer, file) if is_curve_file(file) else _layers(file, why)


def _to_browse(asked: list[Path], dropped: list[Path]) -> list[Path] | None:
    """Return what Browse is to list in place of layers that hide each other; None where layers are better.

    Of many files that are dropped together, napari asks one by one: the first one stands for all, and nothing
    is left for the others.
    """
    scans = [one for one in dropped if not one.is_dir() and _is_scan(one)]
    if len(scans) > MOST_AT_ONCE and set(asked) <= set(scans):
        return scans if scans[0] in asked else []
    several = [one for one in asked if one.is_dir() or _is_session(one)]
    return asked if several else None


def _is_scan(path: Path) -> bool:
    return is_scan_file(path) and not (_is_named_as_map(path) or is_curve_file(path))


def _curves(viewer: Any, path: Path) -> list[LayerData]:
    """Show the curves of a file on a scan of the viewer, and in the panel; without a viewer, as a layer."""
    curves = read_curves(path)
    if viewer is None:
        return [curves_to_layer(curves)]
    said = add_curves(viewer, curves)
    if hasattr(viewer, "window"):
        _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Curves")
        panel.say(said)
    return []


def _is_session(path: Path) -> bool:
    """Say whether a file stands for several scans."""
    if not is_scan_file(path):
        return False
    try:
        return len(find_scans(path)) > 1
    except ValueError:  # which is said when it is read
        return False


def _has_scans(folder: Path) -> bool:
    """Say whether a scan lies in a folder or below, as far as is found in little time."""
    left = MOST_NAMES
    for here, _, names in os.walk(folder):
        if any(is_found_in_folders(Path(here, name)) for name in names):
            return True
        left -= 1 + len(names)
        if left < 0:
            return False
    return False


def prefer_our_maps() -> None:
    """Let napari open our label maps here without asking, unless the user has chosen otherwise."""
    from napari.settings import get_settings

    chosen = get_settings().plugins.extension2reader
    ours = dict.fromkeys(OUR_MAPS, "napari-stmml")
    if not ours.keys() <= chosen.keys():
        get_settings().plugins.extension2reader = ours | chosen


def _layers(path: Path, why: str) -> list[LayerData]:
    if why:
        raise ScanFileError(why)
    if path.name.lower().endswith((".tif", ".tiff")) and is_label_map(path):
        with one_sentence(path.name, said=ValueError):
            return [labels_to_layer(LabelMap.read(path))]
    try:
        scans = read_scan_file(path)
    except NoScale:
        if not ask_scale(path):
            raise
        scans = read_scan_file(path)
    return opened(scans) + [labels_to_layer(one) for one in read_masks(path)]


def _opening() -> tuple[Any, list[Path]]:
    """Return the viewer that opens files now, None without one, and all that it opens.

    A session is often dropped with its scans, and napari asks for file after file and does not say what else
    it opens; its ``open`` knows.
    """
    for frame, _ in traceback.walk_stack(None):
        names = frame.f_globals.get("__name__"), frame.f_code.co_name
        if names == ("napari.components.viewer_model", "open"):
            return frame.f_locals.get("self"), _listed(frame.f_locals.get("path", []))
    return None, []


def _listed(path: str | list[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str | Path) else path)]
