"""Files of Scienta Omicron MATRIX: which are scans, which belong to one session, which are damaged."""

import os
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stmml.scan import ScanFileError
from napari_stmml.system.temporary import TemporaryFolder

_RESULT_FILE = re.compile(r"(?P<chain>.+)--(?P<run>\d+)_(?P<cycle>\d+)\.(?P<channel>.+)_mtrx", re.IGNORECASE)
_PARAMETER_FILE = re.compile(r"(?P<chain>.+)_(?P<link>\d{4})\.mtrx", re.IGNORECASE)
_FILE_ID = b"ONTMATRX0101"
_FOREIGN_DISK = "._"  # begins the names that macOS leaves on foreign disks


def is_topography(path: Path) -> bool:
    """Say whether the name is that of a topography, ``*.Z_mtrx`` in either case."""
    return _channel(path) == "z" and not path.name.startswith(_FOREIGN_DISK)


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
    found = [file for file in path.parent.iterdir() if is_topography(file) and _chain(file) == _chain(path)]
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
    if channel.lower() == "z":
        return f"Not a MATRIX scan: {path.name} is not named session--run_cycle.Z_mtrx."
    kind = "spectroscopy" if "(" in channel else f"channel {channel or '?'}"
    return f"Not topography: {path.name} is {kind}; a job takes Z images alone."


def by_number(path: Path) -> tuple[str, str, int, int]:
    """Return what sorts files as they were taken: folder, session, run and cycle."""
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        return str(path.parent), path.name, 0, 0
    return str(path.parent), match["chain"], int(match["run"]), int(match["cycle"])


def check_name(path: Path) -> None:
    """Refuse what is not a MATRIX image by its name.

    Raises
    ------
    ScanFileError
        If there is no such file, or the name is not that of an image.
    """
    if not path.is_file():
        raise ScanFileError(f"No such file: {path}")
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        raise ScanFileError(f"Not a MATRIX scan: {path.name} is not named session--run_cycle.channel_mtrx.")
    if "(" in match["channel"]:
        raise ScanFileError(
            f"Not a scan: {path.name} holds spectroscopy curves or a CITS volume ({match['channel']});"
            " only images can be opened so far."
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
    if head[: len(_FILE_ID)] != _FILE_ID:
        raise ScanFileError(
            f"Not a MATRIX file: {path.name} begins with {head[:12]!r} instead of {_FILE_ID!r}."
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


@contextmanager
def under_recorded_name(path: Path) -> Iterator[tuple[Path, str]]:
    """Give the file and its name as it was recorded, to a reader that goes by the exact name.

    access2theMatrix finds a file's settings, channel and parameter files by the exact name. A disk or a mail
    program that changed upper and lower case would break all three, so such a file is read through a copy.

    Raises
    ------
    ScanFileError
        If no parameter file of the session lies beside it.
    """
    links = sorted(
        file
        for file in path.parent.iterdir()
        if _PARAMETER_FILE.fullmatch(file.name) and _chain(file) == _chain(path)
    )
    session = path.name.rpartition("--")[0]
    if not links:
        raise ScanFileError(
            f"Parameter file missing: {session}_0001.mtrx is not in {path.parent}, and"
            f" {path.name} has neither scale nor settings without it; put it there."
        )
    recorded = _recorded_name(path.name, links)
    chain = recorded[: recorded.rindex("--")]
    wanted = [f"{chain}_{number:04d}.mtrx" for number in range(1, len(links) + 1)]
    if recorded == path.name and [link.name for link in links] == wanted:
        yield path, recorded
        return
    with TemporaryFolder() as folder:
        for source, name in zip([path, *links], [recorded, *wanted], strict=True):
            target = folder / name
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
        yield folder / recorded, recorded


def _recorded_name(name: str, links: list[Path]) -> str:
    """Return ``name`` in the upper and lower case in which the session's parameter files list it."""
    listed = re.compile(re.escape(name).encode("ascii", "replace"), re.IGNORECASE)
    for link in links:
        text = link.read_bytes()
        if name.encode("utf-16-le") in text:
            return name
        # Names are UTF-16; of ASCII ones every second byte is zero, at an even or an odd index.
        for plain in (text[::2], text[1::2]):
            if found := listed.search(plain):
                return found[0].decode("ascii", "replace")
    return name


def _chain(path: Path) -> str:
    """Return the name of the session that a file belongs to, in lower case; empty for other files."""
    match = _RESULT_FILE.fullmatch(path.name) or _PARAMETER_FILE.fullmatch(path.name)
    return match["chain"].lower() if match else ""


def _channel(path: Path) -> str:
    match = _RESULT_FILE.fullmatch(path.name)
    return match["channel"].lower() if match else ""
