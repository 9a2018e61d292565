"""Find the scan that a label map lies on: the one that it names, or that a person names."""

import re
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from napari_stmml.scan import SHORT

if TYPE_CHECKING:
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.scan import Scan


def _file_of(labels: "LabelMap", given: str | None, stem: str) -> Path:
    """Find the file of the scan: the one given, that of its name in the folder given, or where it was.

    A map that names no scan is that of the scan whose name its own begins with.
    """
    source = labels.scan.get("source", "")
    if given and Path(given).is_dir():
        return _file_in(Path(given), PureWindowsPath(source).name, stem)  # takes both kinds of slashes
    if not (given or source):
        raise ValueError("the map does not say which scan it is of; name it with --scan")
    file = Path(given or source)
    if not file.is_file():
        hint = "" if given else "; if it has moved, name it with --scan"
        raise ValueError(f"its scan {file} is not there{hint}")
    return file


def _file_in(folder: Path, name: str, stem: str) -> Path:
    """Find the file of a scan in a folder, by its name or, where the map knows none, by that of the map."""
    from napari_stmml.io.formats import find_scans
    from napari_stmml.io.names import folded

    files = find_scans(folder)
    for file in files:
        if folded(file.name) == folded(name):
            return file
    if not name and (begins := [one for one in files if folded(stem).startswith(folded(one.stem))]):
        return max(begins, key=lambda one: len(one.stem))
    hint = "" if name else "; its name does not begin with that of a scan there"
    raise ValueError(f"its scan {name or '(the map names none)'} is not in {folder} or below it{hint}")


def _direction(labels: "LabelMap", asked: str | None, stem: str) -> str:
    """Return the direction that a map, a person or the map's name states; empty where none does."""
    own = labels.scan.get("direction") or ""
    if own and asked and SHORT.get(own) != asked:
        raise ValueError(f"its labels are of {own}, not of {asked}")
    named = re.findall("(?<![A-Za-z])(FU|BU|FD|BD)(?![A-Za-z])", stem)
    short = asked or (named[-1] if named else "")
    return own or next((long for long in SHORT if SHORT[long] == short), "")


def scan_of_map(labels: "LabelMap", given: str | None, asked: str | None, stem: str) -> tuple["Scan", bool]:
    """Read the heights that a label map lies on: same channel, same direction, same shape, same time.

    Parameters
    ----------
    labels : LabelMap
    given : str or None
        Data file of the scan or a folder that holds it, found by the name that the map says or has; without
        it, the file that the map names.
    asked : str or None
        FU, BU, FD or BD, where the map does not say its direction.
    stem : str
        Name of the map's file, which may say it, too.

    Returns
    -------
    Scan
    bool
        Whether the direction is only assumed: the first of several that the file has.

    Raises
    ------
    ValueError
        If there is no such scan; the message says why.
    """
    from napari_stmml.io.formats import read_scan_file

    source = _file_of(labels, given, stem)
    scans = read_scan_file(source)
    channel, direction = labels.scan.get("channel", ""), _direction(labels, asked, stem)
    taken = labels.scan.get("taken")
    for scan in scans:
        if taken and scan.taken and scan.taken.isoformat() != taken:
            raise ValueError(f"its scan was taken {taken}, {source.name} {scan.taken.isoformat()}")
        if channel in ("", scan.channel) and direction in ("", scan.direction):
            if scan.heights.shape == labels.labels.shape:
                return scan, not direction and len(scans) > 1
            raise ValueError(
                f"its labels are {_px(labels.labels)}, {scan.name} is {_px(scan.heights)}: a map has the"
                " pixels of its scan; name that scan with --scan"
            )
    there = ", ".join(f"{scan.channel} {scan.direction}" for scan in scans)
    raise ValueError(f"{source.name} has no {channel} {direction}; it has {there}")


def _px(values: Any) -> str:
    return f"{values.shape[1]} x {values.shape[0]} px"
