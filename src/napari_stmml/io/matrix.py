"""Read Scienta Omicron MATRIX scans; the only door to access2theMatrix."""

import os
import re
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.matrix_settings import BIAS, SETPOINT, FileSettings, Parameters, Setting, held
from napari_stmml.scan import DIRECTIONS, Scan

_RESULT_FILE = re.compile(r"(?P<chain>.+)--(?P<run>\d+)_(?P<cycle>\d+)\.(?P<channel>.+)_mtrx", re.IGNORECASE)
_PARAMETER_FILE = re.compile(r"(?P<chain>.+)_(?P<link>\d{4})\.mtrx", re.IGNORECASE)
_FILE_ID = b"ONTMATRX0101"
_TO_NANO = {"m": ("nm", 1e9), "A": ("nA", 1e9)}


class MtrxError(ValueError):
    """A MATRIX file that gives no scan; the message names the file and what to do."""


def read_mtrx(path: str | Path) -> list[Scan]:
    """Read one MATRIX result file as its scans, one for each direction that was recorded.

    Heights come in nm (currents in nA), shape (lines, points), row 0 at the top of the frame.
    Lines that were not scanned are NaN, in their place, so that all directions of a frame have
    one shape; an unfinished last line is left out. Bias and setpoint are those of the direction:
    backward scans take the alternate value where its own enable flag is set.

    Parameters
    ----------
    path : str or Path
        A result file such as ``default_...--1_3.Z_mtrx``, beside its ``..._0001.mtrx``.

    Raises
    ------
    MtrxError
        If the file is not an image, is damaged, or its parameter file is missing.

    See Also
    --------
    find_scans : the result files of a folder or of a session.
    """
    path = Path(path)
    head, data, traces = _open(path)
    with _damage_told(path):
        parameters = _parameters(data)
        return [_scan(data, parameters, direction, path, _taken(head)) for direction in traces]


def read_settings(path: str | Path) -> FileSettings:
    """Read all that one MATRIX result file and its parameter file say beside the heights.

    Every entry that access2theMatrix finds for this scan is there, exact, under MATRIX's own name;
    comments are whole, where access2theMatrix keeps their first line alone.

    Parameters
    ----------
    path : str or Path
        A result file such as ``default_...--1_3.Z_mtrx``, beside its ``..._0001.mtrx``.

    Raises
    ------
    MtrxError
        As ``read_mtrx``.
    """
    path = Path(path)
    head, data, _ = _open(path)
    with _damage_told(path):
        planned, recorded = struct.unpack("<ii", head[60:68])
        size = path.stat().st_size
        return FileSettings(str(path), _taken(head), planned, recorded, size, _parameters(data))


def find_scans(path: str | Path) -> list[Path]:
    """List the topographies (``*.Z_mtrx``, either case) that a path stands for, sorted as they were taken.

    A folder stands for all below it, a parameter file (``..._0001.mtrx``) for its session beside
    it, a result file of any channel for itself.

    Raises
    ------
    MtrxError
        If the path does not exist or stands for no scan.
    """
    path = Path(path)
    if not path.exists():
        raise MtrxError(f"No such file or folder: {path}")
    if path.is_dir():
        found = [file for file in path.rglob("*") if is_topography(file)]
        if not found:
            raise MtrxError(f"No scans: in {path} and below it no file ends in .Z_mtrx.")
    elif parameter := _PARAMETER_FILE.fullmatch(path.name):
        chain = parameter["chain"].lower()
        found = [file for file in path.parent.iterdir() if is_topography(file, chain)]
        if not found:
            raise MtrxError(
                f"No scans: no .Z_mtrx of this session lies beside the parameter file {path.name}."
            )
    else:
        found = [path]
    return sorted(found, key=_by_number)


def is_parameter_file(path: str | Path) -> bool:
    """Say whether the name is that of a session's parameter file, ``..._0001.mtrx``."""
    return _PARAMETER_FILE.fullmatch(Path(path).name) is not None


def is_topography(file: Path, chain: str | None = None) -> bool:
    """Say whether the name is that of a topography, ``*.Z_mtrx``, of any session or of that one."""
    match = _RESULT_FILE.fullmatch(file.name)
    return bool(
        match
        and match["channel"].lower() == "z"
        and (chain is None or match["chain"].lower() == chain)
        and not file.name.startswith("._")  # what macOS leaves on foreign disks
    )


def _by_number(file: Path) -> tuple[Any, ...]:
    match = _RESULT_FILE.fullmatch(file.name)
    if match is None:
        return str(file.parent), file.name, 0, 0
    return str(file.parent), match["chain"], int(match["run"]), int(match["cycle"])


def _check_name(path: Path) -> re.Match[str]:
    """Refuse what is not a MATRIX image by its name."""
    if not path.is_file():
        raise MtrxError(f"No such file: {path}")
    match = _RESULT_FILE.fullmatch(path.name)
    if match is None:
        raise MtrxError(f"Not a MATRIX scan: {path.name} is not named session--run_cycle.channel_mtrx.")
    if "(" in match["channel"]:
        raise MtrxError(
            f"Not a scan: {path.name} holds spectroscopy curves or a CITS volume ({match['channel']});"
            " only images can be opened so far."
        )
    return match


def _check_bytes(path: Path) -> bytes:
    """Return the first bytes of the file; refuse what is no MATRIX file or is cut short."""
    with path.open("rb") as file:
        head = file.read(96)
    size = path.stat().st_size
    if size == 0:
        raise MtrxError(f"Empty file: {path.name} has no bytes; copy it again from the instrument.")
    if head[: len(_FILE_ID)] != _FILE_ID:
        raise MtrxError(f"Not a MATRIX file: {path.name} begins with {head[:12]!r} instead of {_FILE_ID!r}.")
    # Blocks: TLKB with the time, then CSED, whose last numbers are the planned and the recorded points.
    if len(head) < 96 or head[12:16] != b"TLKB":
        raise MtrxError(
            f"Cut short: the header of {path.name} is incomplete; copy it again from the instrument."
        )
    promised = struct.unpack("<i", head[64:68])[0]
    if size < 104 + 4 * promised:
        raise MtrxError(
            f"Cut short: the header of {path.name} promises {promised} points and only"
            f" {max(0, (size - 104) // 4)} are there; copy it again from the instrument."
        )
    return head


@contextmanager
def _under_its_own_name(path: Path, match: re.Match[str]) -> Iterator[tuple[Path, str]]:
    """Give access2theMatrix the file under the name it was recorded with.

    It finds a file's settings, channel and parameter files by the exact name. A disk or a mail program
    that changed upper and lower case would break all three, so such a file is read through a copy.
    """
    links = sorted(
        file
        for file in path.parent.iterdir()
        if (parameter := _PARAMETER_FILE.fullmatch(file.name))
        and parameter["chain"].lower() == match["chain"].lower()
    )
    if not links:
        raise MtrxError(
            f"Parameter file missing: {match['chain']}_0001.mtrx is not in {path.parent}, and"
            f" {path.name} has neither scale nor settings without it; put it there."
        )
    recorded = _recorded_name(path.name, links)
    chain = recorded[: recorded.rindex("--")]
    wanted = [f"{chain}_{number:04d}.mtrx" for number in range(1, len(links) + 1)]
    if recorded == path.name and [link.name for link in links] == wanted:
        yield path, recorded
        return
    with tempfile.TemporaryDirectory(prefix="stmml-") as folder:
        for source, name in zip([path, *links], [recorded, *wanted], strict=True):
            target = Path(folder) / name
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
        yield Path(folder) / recorded, recorded


def _recorded_name(name: str, links: list[Path]) -> str:
    """Return ``name`` in the upper and lower case in which the session's parameter files list it."""
    listed = re.compile(re.escape(name).encode("ascii", "replace"), re.IGNORECASE)
    for link in links:
        text = link.read_bytes()
        if name.encode("utf-16-le") in text:
            return name
        # Names are UTF-16; of ASCII ones every second byte is zero, at an even or an odd place.
        for plain in (text[::2], text[1::2]):
            if found := listed.search(plain):
                return found[0].decode("ascii", "replace")
    return name


def _open(path: Path) -> tuple[bytes, Any, list[str]]:
    """Open a result file; return its first bytes, access2theMatrix's data, and the directions it has."""
    match = _check_name(path)
    head = _check_bytes(path)
    with _under_its_own_name(path, match) as (readable, recorded_name):
        data, traces = _parse(readable, path)
    if data.param["BREF"] != recorded_name:
        raise MtrxError(
            f"Not in its session: the parameter file does not list {path.name}, so its bias and scale are"
            " not known; if it was renamed, give it back the name it was recorded under."
        )
    if not traces:
        raise MtrxError(
            f"Empty scan: {path.name} holds no two complete lines, or its session does not say how long"
            " a line is."
        )
    return head, data, traces


def _parse(readable: Path, path: Path) -> tuple[Any, list[str]]:
    """Parse a result file with access2theMatrix; raise what it only reports in a message."""
    from access2thematrix import MtrxData

    data = MtrxData()
    try:
        traces, message = data.open(str(readable))
    except Exception as error:
        raise MtrxError(f"Damaged: {path.name} or its parameter file cannot be read ({error!r}).") from error
    if message.startswith("Error"):
        raise MtrxError(f"Damaged: access2theMatrix cannot make sense of {path.name} or its parameter file.")
    return data, [str(trace) for trace in traces.values()]


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn whatever damaged bytes raise into a sentence: a foreign parser's answer can be anything."""
    try:
        yield
    except MtrxError:
        raise
    except Exception as error:
        raise MtrxError(f"Damaged: {path.name} or its parameter file makes no scan ({error!r}).") from error


def _taken(head: bytes) -> datetime:
    return datetime.fromtimestamp(struct.unpack("<Q", head[20:28])[0], UTC)


def _parameters(data: Any) -> Parameters:
    """Return all entries of an opened file as settings, plain values in the order of the file."""
    parameters = {}
    for name, entry in data.param.items():
        if name.startswith("EEPA::"):
            parameters[name] = Setting(name, *entry)
        elif name.startswith("MARK::") and isinstance(entry, str):
            parameters[name] = Setting(name, _whole_note(data, name, entry))
        else:
            parameters[name] = Setting(name, entry)
    return parameters


def _whole_note(data: Any, name: str, first_line: str) -> str:
    """Return what an operator noted, of which access2theMatrix keeps the first line alone."""
    beginning = name.removeprefix("MARK::").replace(".", "$", 1) + "-" + first_line
    before = data.raw_param.find(data.param["BREF"].encode("utf-16-le"))
    at = data.raw_param.rfind(beginning.encode("utf-16-le"), 0, before)
    if at < 4:
        return first_line
    (length,) = struct.unpack("<L", data.raw_param[at - 4 : at])
    text = data.raw_param[at : at + 2 * length].decode("utf-16-le", "replace")
    return text[len(beginning) - len(first_line) :] if text.startswith(beginning) else first_line


def _scan(data: Any, parameters: Parameters, direction: str, path: Path, taken: datetime) -> Scan:
    """Make a Scan of one direction of an opened file."""
    # Without this, select_image trips over its own missing attribute.
    data.param.setdefault("EEPA::XYScanner.Angle", [0.0, "Degree"])
    image, _ = data.select_image(direction)
    lines, points = int(data.axis[2][2]), image.data.shape[1]
    width, height = data.axis[0][1], data.axis[1][1]
    if not (width > 0 and height > 0):
        raise MtrxError(f"No scale: the frame of {path.name} is {width * 1e9:g} x {height * 1e9:g} nm.")
    unit, factor = _TO_NANO.get(image.channel_name_and_unit[1], (image.channel_name_and_unit[1], 1.0))
    frame = np.full((lines, points), np.nan)
    scanned = len(image.data)
    # access2theMatrix counts lines from the bottom; up scans begin there, down scans at the top.
    if DIRECTIONS.index(direction) < 2:
        frame[:scanned] = image.data
    else:
        frame[lines - scanned :] = image.data
    bias = _in_unit(held(parameters, BIAS, direction), "Volt")
    setpoint = _in_unit(held(parameters, SETPOINT, direction), "Ampere")
    return Scan(
        heights=np.ascontiguousarray(frame[::-1]) * factor,
        pixel_size=(height * 1e9 / lines, width * 1e9 / points),
        direction=direction,
        channel=str(image.channel_name_and_unit[0]),
        unit=unit,
        bias=bias,
        setpoint=None if setpoint is None else setpoint * 1e9,
        angle=float(image.angle),
        offset=(float(data.axis[0][0]) * 1e9, float(data.axis[1][0]) * 1e9),
        taken=taken,
        source=str(path),
    )


def _in_unit(setting: Setting | None, unit: str) -> float | None:
    """Return a setting, rounded to 12 digits (files store 1.7000000000000002); None in another unit."""
    if setting is None or setting.unit != unit:
        return None
    return float(f"{setting.value:.12g}")
