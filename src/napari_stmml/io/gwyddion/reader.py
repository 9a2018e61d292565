"""Read files of Gwyddion, ``.gwy``: heights as scans, masks as label maps."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.gwyddion.channel import MOST_PIXELS, Channel, heights_among, scans_of, settings_of
from napari_stmml.io.gwyddion.container import read_container
from napari_stmml.io.gwyddion.writer import CLASS, MADE_BY, UNSCANNED
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.named_settings import NamedSettings
from napari_stmml.scan import Scan

_DATA = re.compile(r"/(\d{1,9})/data")


def read_gwy(path: str | Path) -> list[Scan]:
    """Read every channel of heights of a file of Gwyddion as a scan; other channels are left out.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan
        Heights in nm. What Gwyddion has no place for, such as direction or bias, is known where the texts of
        the channel say it; a centre of the frame, where its corner is not 0, 0.

    Raises
    ------
    ScanFileError
        If the file is not of Gwyddion, is damaged, or has no heights.
    """
    with one_sentence(Path(path).name):
        return [scan for scan, _ in _groups(Path(path))]


def read_masks(path: str | Path) -> list[LabelMap]:
    """Read the masks of a file of Gwyddion as label maps.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of LabelMap
        One for each scan that has masks. The mask of a channel is label 1; those that `write_gwy` wrote have
        the labels and names of their classes.

    Raises
    ------
    ScanFileError
        As `read_gwy`.
    """
    with one_sentence(Path(path).name):
        maps = []
        for scan, masked in _groups(Path(path)):
            labels, names = np.zeros(scan.heights.shape, np.int64), {}
            for one in masked:
                number, _, name = one.meta.get(CLASS, "1 mask").partition(" ")
                if not (number.isdecimal() and 0 < int(number) < 2**16):
                    raise ValueError(f"a class has the label {number[:20]!r}")
                labels[one.mask], names[int(number)] = int(number), name
            if masked:
                title = f"labels {scan.short_name}"
                maps.append(LabelMap(labels, scan.pixel_size, names, name=title, scan=scan.settings()))
        return maps


def read_settings(path: str | Path) -> NamedSettings:
    """Read all texts that a file of Gwyddion has of its channels.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    NamedSettings

    Raises
    ------
    ScanFileError
        If the file is not of Gwyddion, or is damaged.
    """
    with one_sentence(Path(path).name):
        return settings_of(_channels(Path(path)), str(path))


def is_foreign(path: Path) -> bool:
    """Say whether a file is not one that `write_gwy` wrote: results are no scans of a folder."""
    try:
        with path.open("rb") as file:
            return MADE_BY.encode() not in file.read(64)
    except OSError:
        return True


def why_no_scan(path: Path) -> str:
    """Say why a file of a folder gives no scan; empty for one of Gwyddion itself."""
    written = f"Result: {path.name} was written by napari-stmml, so it is no new scan."
    return "" if is_foreign(path) else written


def _groups(path: Path) -> list[tuple[Scan, list[Channel]]]:
    """Return the scans of a file, each with the channels of the same size whose masks belong to it."""
    channels = _channels(path)
    first = [one for one in channels if CLASS not in one.meta]
    heights = heights_among(first, path.name)
    groups: list[tuple[Scan, list[Channel]]] = []
    for one, scan in zip(heights, scans_of(heights, str(path), path.name), strict=True):
        missing = one.mask if UNSCANNED in one.meta else None
        values = scan.heights if missing is None else np.where(missing, np.nan, scan.heights)
        groups.append((replace(scan, heights=values), _masked(one, channels)))
    return groups


def _masked(one: Channel, channels: Sequence[Channel]) -> list[Channel]:
    """Return the channels whose masks lie on one: itself, and those of classes that follow it."""
    found = [] if one.mask is None or UNSCANNED in one.meta else [one]
    for other in channels[channels.index(one) + 1 :]:
        if CLASS not in other.meta:
            break
        if other.mask is not None and other.values.shape == one.values.shape:
            found.append(other)
    return found


def _channels(path: Path) -> list[Channel]:
    """Read all channels of a file, in the order of their numbers."""
    found = read_container(path)
    numbers = sorted(int(match[1]) for name in found if (match := _DATA.fullmatch(name)))
    return [_channel(found, f"/{number}") for number in numbers]


def _channel(found: dict[str, Any], at: str) -> Channel:
    """Make a channel of the objects under one number."""
    data, told = found[f"{at}/data"], found.get(f"{at}/meta")
    values, mask = _map(data), found.get(f"{at}/mask")
    rows, cols = values.shape
    corner = (float(data.get("xoff", 0)), float(data.get("yoff", 0)))
    hidden = None if mask is None else _map(mask) > 0
    if hidden is not None and hidden.shape != values.shape:
        raise ValueError(f"a mask of {hidden.shape} px lies on a map of {values.shape} px")
    texts = told.items() if isinstance(told, dict) else ()
    return Channel(
        str(found.get(f"{at}/data/title", "")),
        values,
        (float(data.get("yreal", rows)), float(data.get("xreal", cols))),
        _unit(data, "si_unit_z"),
        _unit(data, "si_unit_xy"),
        corner if any(corner) else None,
        {key: str(text) for key, text in texts if key},
        hidden,
    )


def _map(field: Any) -> np.ndarray:
    """Return the numbers of a data field, (rows, cols)."""
    cols, rows, data = field["xres"], field["yres"], field["data"]
    if not (rows > 0 and cols > 0 and rows * cols <= MOST_PIXELS and len(data) == rows * cols):
        raise ValueError(f"a map of {rows} x {cols} px has {len(data)} numbers")
    found: np.ndarray = data.reshape(rows, cols)
    return found


def _unit(field: dict[str, Any], name: str) -> str:
    unit = field.get(name)
    return str(unit.get("unitstr", "")) if isinstance(unit, dict) else ""
