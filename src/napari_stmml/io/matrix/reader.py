"""Read Scienta Omicron MATRIX scans."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.matrix.files import check_bytes, check_name, points_of
from napari_stmml.io.matrix.session import session_of
from napari_stmml.io.matrix.settings import BIAS, SETPOINT, MatrixSettings, Parameters, held
from napari_stmml.io.outline import Outline, no_heights
from napari_stmml.io.settings import Setting
from napari_stmml.scan import DIRECTIONS, Scan, ScanFileError

if TYPE_CHECKING:
    from napari_stmml.io.matrix.parsed_frame import ParsedFrame

MOST_PIXELS = 2**26  # of a map: 8192 x 8192, which takes 0.5 GB
_HIGHEST = 1e-3  # m: no scanner reaches as far
_TO_NANO = {"m": ("nm", 1e9), "A": ("nA", 1e9)}
_ANGLE = "EEPA::XYScanner.Angle"
_HELD = ("EEPA::GapVoltageControl.", "EEPA::Regulator.", _ANGLE)  # begin the names of what a scan needs
MtrxError = ScanFileError  # its name before there was a registry of formats


def read_mtrx(path: str | Path) -> list[Scan]:
    """Read one MATRIX result file as its scans, one for each direction that was recorded.

    Heights come in nm (currents in nA), shape (lines, points), row 0 at the top of the frame.
    Lines that were not scanned are NaN, so that all directions of a frame have one shape; an unfinished
    last line is left out. Bias and setpoint are those of the direction:
    backward scans take the alternate value where its own enable flag is set.

    Parameters
    ----------
    path : str or Path
        A result file such as ``default_...--1_3.Z_mtrx``, beside its ``..._0001.mtrx``.

    Returns
    -------
    list of Scan

    Raises
    ------
    ScanFileError
        If the file is not an image, is damaged, or its parameter file is missing.

    See Also
    --------
    napari_stmml.io.formats.find_scans : the result files of a folder or of a session.
    """
    path = Path(path)
    with _opened(path) as (head, data):
        data.lay_out(points_of(path, head), _seconds(head))
        if not data.traces:
            raise _empty(path)
        parameters = _parameters(data)
        return [_scan(data, parameters, direction, path, taken_of(head)) for direction in data.traces]


def read_outlines(path: str | Path) -> list[Outline]:
    """Read one MATRIX result file as `read_mtrx` does, but not its points: a hundredth of the time.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Outline

    Raises
    ------
    ScanFileError
        As ``read_mtrx``, but for points that are damaged.
    """
    path = Path(path)
    with _opened(path) as (head, data):
        (recorded,) = struct.unpack("<i", head[64:68])
        shape, rows = data.rows_recorded(recorded)
        if not rows:
            raise _empty(path)
        kept = {name: data.param[name] for name in data.param if name.startswith(_HELD)}
        parameters = {name: Setting(name, *entry) for name, entry in kept.items()}
        about = (data, parameters, path, taken_of(head))
        heights = no_heights(shape)
        return [Outline(_scan_of(heights, direction, *about), n) for direction, n in rows.items()]


def read_settings(path: str | Path) -> MatrixSettings:
    """Read all that one MATRIX result file and its parameter file say beside the heights.

    Every entry that access2theMatrix finds for this scan is there, exact, under MATRIX's own name;
    comments are whole, where access2theMatrix keeps their first line alone.

    Parameters
    ----------
    path : str or Path
        A result file such as ``default_...--1_3.Z_mtrx``, beside its ``..._0001.mtrx``.

    Returns
    -------
    MatrixSettings

    Raises
    ------
    ScanFileError
        As ``read_mtrx``.
    """
    path = Path(path)
    with _opened(path) as (head, data):
        data.lay_out(points_of(path, head), _seconds(head))
        if not data.traces:
            raise _empty(path)
        planned, recorded = struct.unpack("<ii", head[60:68])
        size = path.stat().st_size
        return MatrixSettings(str(path), taken_of(head), planned, recorded, size, _parameters(data))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[bytes, "ParsedFrame"]]:
    """Open a result file: its first bytes, and what access2theMatrix makes of it.

    What damaged bytes raise, here or while the data are used, becomes one sentence: a foreign parser's answer
    can be anything.
    """
    with one_sentence(f"{path.name} or its parameter file"):
        check_name(path)
        head = check_bytes(path)
        session = session_of(path)
        recorded_name = session.recorded_name(path.name)
        data = session.frame(recorded_name)
        if recorded_name is None or data.param["BREF"] != recorded_name:
            raise ScanFileError(
                f"Not in its session: the parameter file does not list {path.name}, so its bias and scale are"
                " not known; if it was renamed, give it back the name it was recorded under."
            )
        _check_plan(path, data, head)
        yield head, data


def _empty(path: Path) -> ScanFileError:
    return ScanFileError(
        f"Empty scan: {path.name} holds no two complete lines, or its session does not say how long"
        " a line is."
    )


def _check_plan(path: Path, data: "ParsedFrame", head: bytes) -> None:
    """Refuse lines that the header of the result file has not planned, before memory is taken for them."""
    (planned,) = struct.unpack("<i", head[60:64])
    known = (data.param.get(f"EEPA::XYScanner.{name}", [0])[0] for name in ("Lines", "Points", "X_Retrace"))
    lines, points, back = known
    if not (isinstance(lines, int) and isinstance(points, int) and lines > 0 and points > 0):
        return  # which gives no line at all
    whole = lines * points * (2 if back else 1)  # points of all lines, there and back, scanned up
    if planned not in (whole, 2 * whole):
        raise ScanFileError(
            f"Damaged: {path.name} has {lines} lines of {points} points by its parameter file, and"
            f" {planned} points in all by its own header; copy both again from the instrument."
        )
    if lines * points > MOST_PIXELS:
        raise ScanFileError(
            f"Too large: {path.name} has {lines} x {points} pixels; {MOST_PIXELS} can be read at most."
        )


def taken_of(head: bytes) -> datetime:
    """Return when a result file was finished, by its first bytes."""
    return datetime.fromtimestamp(_seconds(head), UTC)


def _seconds(head: bytes) -> int:
    (seconds,) = struct.unpack("<Q", head[20:28])
    return int(seconds)


def _parameters(data: "ParsedFrame") -> Parameters:
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


def _whole_note(data: "ParsedFrame", name: str, first_line: str) -> str:
    """Return what an operator noted, of which access2theMatrix keeps the first line alone."""
    beginning = name.removeprefix("MARK::").replace(".", "$", 1) + "-" + first_line
    before = data.raw_param.find(data.param["BREF"].encode("utf-16-le"))
    at = data.raw_param.rfind(beginning.encode("utf-16-le"), 0, before)
    if at < 4:
        return first_line
    (length,) = struct.unpack("<L", data.raw_param[at - 4 : at])
    text = data.raw_param[at : at + 2 * length].decode("utf-16-le", "replace")
    return text[len(beginning) - len(first_line) :] if text.startswith(beginning) else first_line


def _scan(data: "ParsedFrame", parameters: Parameters, direction: str, path: Path, taken: datetime) -> Scan:
    """Make a Scan of one direction of an opened file."""
    # Without this, select_image trips over its own missing attribute.
    data.param.setdefault(_ANGLE, [0.0, "Degree"])
    with np.errstate(all="ignore"):  # what comes of damaged factors is refused below
        image, _ = data.select_image(direction)
    lines, points = int(data.axis[2][2]), image.data.shape[1]
    if not (np.abs(image.data) <= (_HIGHEST if image.channel_name_and_unit[1] == "m" else 1e300)).all():
        raise ScanFileError(
            f"Damaged: the heights of {path.name} are no numbers, or above {_HIGHEST * 1e3:g} mm, by its"
            " parameter file; copy both again from the instrument."
        )
    frame = np.full((lines, points), np.nan)
    scanned = len(image.data)
    # access2theMatrix counts lines from the bottom; up scans begin there, down scans at the top.
    if DIRECTIONS.index(direction) < 2:
        frame[:scanned] = image.data
    else:
        frame[lines - scanned :] = image.data
    _, factor = _TO_NANO.get(image.channel_name_and_unit[1], ("", 1.0))
    return _scan_of(np.ascontiguousarray(frame[::-1]) * factor, direction, data, parameters, path, taken)


def _scan_of(
    heights: np.ndarray,
    direction: str,
    data: "ParsedFrame",
    parameters: Parameters,
    path: Path,
    taken: datetime,
) -> Scan:
    """Make a Scan of heights in nm and of what its files say of them."""
    (left, width), (bottom, height) = data.frame_m
    if not (width > 0 and height > 0):
        raise ScanFileError(f"No scale: the frame of {path.name} is {width * 1e9:g} x {height * 1e9:g} nm.")
    lines, points = heights.shape
    channel, unit = data.channel_name_and_unit
    bias = _in_unit(held(parameters, BIAS, direction), "Volt")
    setpoint = _in_unit(held(parameters, SETPOINT, direction), "Ampere")
    return Scan(
        heights=heights,
        pixel_size=(height * 1e9 / lines, width * 1e9 / points),
        direction=direction,
        channel=str(channel),
        unit=_TO_NANO.get(unit, (unit, 1.0))[0],
        bias=bias,
        setpoint=None if setpoint is None else setpoint * 1e9,
        angle=_in_unit(parameters.get(_ANGLE), "Degree"),
        offset=(float(left) * 1e9, float(bottom) * 1e9),
        taken=taken,
        source=str(path),
    )


def _in_unit(setting: Setting | None, unit: str) -> float | None:
    """Return a setting, rounded to 12 digits (files store 1.7000000000000002); None in another unit."""
    if setting is None or setting.unit != unit or not isfinite(setting.value):
        return None
    return float(f"{setting.value:.12g}")
