"""Files of Scienta Omicron MATRIX: which are scans, which belong to one session, which are damaged."""

import os
import re
import struct
from pathlib import Path

import numpy as np

from napari_stmml.io.names import folded
from napari_stmml.scan import ScanFileError
from napari_stmml.system.kept import Kept
from napari_stmml.system.regular_file import check_file

_RESULT_FILE = re.compile(r"(?P<chain>.+)--(?P<run>\d+)_(?P<cycle>\d+)\.(?P<channel>.+)_mtrx", re.IGNORECASE)
_PARAMETER_FILE = re.compile(r"(?P<chain>.+)_(?P<link>\d{4})\.mtrx", re.IGNORECASE)
FILE_ID = b"ONTMATRX0101"
_FOREIGN_DISK = "._"  # begins the names that macOS leaves on foreign disks


def is_topography(path: Path) -> bool:
    """Say whether the name ends as that of a topography, ``*.Z_mtrx`` in either case.

    So does that of a copy, ``...--1_1 (1).Z_mtrx``; the reader says that this is no name of a scan.
    """
    return path.name.lower().endswith(".z_mtrx") and not path.name.startswith(_FOREIGN_DISK)


def scans_at(path: Path) -> list[Path]:
    """List the topographies of the session that a parameter file belongs to; any other file is its own scan.

    Raises
    ------
    ScanFileError
        If no topography of the session lies beside the parameter file.
    """
    parameter = _PARAMETER_FILE.fullmatch(path.name)
    if parameter is None:
        return [path]
    found = [file for file in path.parent.iterdir() if is_topography(file) and _is_of(file, _chain(path))]
    if not found:
        raise ScanFileError(
            f"No scans: no .Z_mtrx of this session lies beside the parameter file {path.name}."
        )
    return found


def why_no_scan(path: Path) -> str:
    """Say why a file of a folder gives no scan; empty for a topography and for what belongs to one."""
    if is_topography(path):
        return ""
    if path.name.startswith(_FOREIGN_DISK):
        return f"Leftover: {path.name} is what macOS leaves on foreign disks, no scan."
    if _PARAMETER_FILE.fullmatch(path.name):
        try:
            scans_at(path)
        except (ScanFileError, OSError) as error:
            return str(error)
        return ""
    channel = path.name.rpartition(".")[2].rpartition("_")[0]
    kind = "spectroscopy" if "(" in channel else f"channel {channel or '?'}"
    return f"Not topography: {path.name} is {kind}; a job takes Z images alone."


def by_number(path: Path) -> tuple[str, str, int, int]:
    """Return what sorts files as they were taken: folder, session, run and cycle."""
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        return str(path.parent), path.name, 0, 0
    return str(path.parent), match["chain"], int(match["run"]), int(match["cycle"])


def channels_beside(path: Path) -> list[Path]:
    """List the images of other channels of the same frame, beside a result file, by name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Path
        Empty for other files.
    """
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        return []
    own = folded(match["chain"]), int(match["run"]), int(match["cycle"])
    found = []
    for file in sorted(path.parent.iterdir()):
        other = frame_of(file.name)
        of_frame = other is not None and (_chain(file), *other[:2]) == own
        if of_frame and other is not None and other[2] != folded(match["channel"]) and "(" not in other[2]:
            found.append(file)
    return found


def check_name(path: Path) -> None:
    """Refuse what is not a MATRIX image by its name.

    Raises
    ------
    OSError
        If there is no such file.
    NoRegularFile
        If it is a folder, a pipe or a device.
    ScanFileError
        If the name is not that of an image.
    """
    check_file(path)
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        raise ScanFileError(
            f"Not a MATRIX scan: {path.name} is not named session--run_cycle.channel_mtrx; give it back the"
            " name it was recorded under."
        )
    if "(" in match["channel"]:
        raise ScanFileError(
            f"Not a scan: {path.name} holds spectroscopy curves or a CITS volume ({match['channel']});"
            " stmml info, napari and read_curves read single curves."
        )


def check_bytes(path: Path) -> bytes:
    """Return the first 96 bytes of the file; refuse what is no MATRIX file or is cut short.

    Raises
    ------
    ScanFileError
        If the file is empty, not of MATRIX, or shorter than its header promises.
    """
    with path.open("rb") as file:
        head = file.read(96)
    size = path.stat().st_size
    if size == 0:
        raise ScanFileError(f"Empty file: {path.name} has no bytes; copy it again from the instrument.")
    if head[: len(FILE_ID)] != FILE_ID:
        raise ScanFileError(
            f"Not a MATRIX file: {path.name} begins with {head[:12]!r} instead of {FILE_ID!r}."
        )
    # Blocks: TLKB with the time, then CSED, whose last numbers are the planned and the recorded points.
    if len(head) < 96 or head[12:16] != b"TLKB":
        raise ScanFileError(
            f"Cut short: the header of {path.name} is incomplete; copy it again from the instrument."
        )
    promised = struct.unpack("<i", head[64:68])[0]
    if size < 104 + 4 * promised:
        raise ScanFileError(
            f"Cut short: the header of {path.name} promises {promised} points and only"
            f" {max(0, (size - 104) // 4)} are there; copy it again from the instrument."
        )
    return head


def points_of(path: Path, head: bytes) -> np.ndarray:
    """Return the recorded points of a result file, int32, in the order of scanning.

    Raises
    ------
    ScanFileError
        If they do not lie where the header, ``head``, says.
    """
    (header_size,) = struct.unpack("<L", head[36:40])
    (promised,) = struct.unpack("<i", head[64:68])
    with path.open("rb") as file:
        file.seek(40 + header_size)
        block = file.read(8)
        if promised < 0 or block != b"ATAD" + struct.pack("<L", 4 * promised):
            raise ScanFileError(
                f"Damaged: the points of {path.name} are not where its header says; copy it again from the"
                " instrument."
            )
        return np.fromfile(file, "<i4", promised)


def parameter_files(path: Path) -> list[Path]:
    """List the parameter files of a scan's session, in order; of two that differ in case, the scan's own.

    Parameters
    ----------
    path : Path
        A result file.

    Returns
    -------
    list of Path
        Empty where none lies beside it.
    """
    own, chain = _RESULT_FILE.fullmatch(path.name), _chain(path)
    links: dict[int, Path] = {}
    for match, of_chain in _parameters_in(path.parent):
        if of_chain == chain:
            number = int(match["link"])
            if number not in links or (own and match["chain"] == own["chain"]):
                links[number] = path.parent / match[0]
    return [links[number] for number in sorted(links)]


def _list_parameters(folder: Path) -> list[tuple[re.Match[str], str]]:
    """List the parameter files of a folder, each with the name of its session, folded."""
    found = (_PARAMETER_FILE.fullmatch(name) for name in os.listdir(folder))
    return [(match, folded(match["chain"])) for match in found if match]


_parameters_in = Kept(_list_parameters, 4)  # a folder of thousands of scans is listed once


def frame_of(name: str) -> tuple[int, int, str] | None:
    """Return run, cycle and channel of a result file's name."""
    match = _RESULT_FILE.fullmatch(name)
    return (int(match["run"]), int(match["cycle"]), folded(match["channel"])) if match else None


def _chain(path: Path) -> str:
    """Return the name of the session that a file belongs to, folded; empty for other files."""
    match = _RESULT_FILE.fullmatch(path.name) or _PARAMETER_FILE.fullmatch(path.name)
    return folded(match["chain"]) if match else ""


def _is_of(path: Path, chain: str) -> bool:
    """Say whether a file is of a session, which all but its run and cycle names."""
    return folded(path.name).rpartition("--")[0] == chain
