"""Read curves of Scienta Omicron MATRIX, ``I(V)``, ``Z(V)``, ``I(Z)``, ``I(t)``: channels with brackets."""

import struct
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.io.curves import Curve, in_plain_units
from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.matrix.files import check_bytes, frame_of, points_of
from napari_stmml.io.matrix.reader import taken_of
from napari_stmml.io.matrix.session import session_of
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.regular_file import check_file

if TYPE_CHECKING:
    from napari_stmml.io.matrix.parsed_frame import ParsedFrame

MOST_POINTS = 1 << 22  # of a file: 4 million
_X_NAMES = {"V": "bias", "nm": "distance", "Hz": "frequency", "": "point"}


def is_matrix_curve(path: Path) -> bool:
    """Say whether the name is that of a result file of curves: its channel has brackets.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    frame = frame_of(path.name)
    return frame is not None and "(" in frame[2]


def read_matrix_curves(path: str | Path) -> list[Curve]:
    """Read one MATRIX result file of a curve as its sweeps, trace and retrace.

    Parameters
    ----------
    path : str or Path
        Such as ``...--1_1.I(V)_mtrx``, beside its ``..._0001.mtrx``.

    Returns
    -------
    list of Curve
        Lengths in nm, currents in nA. Where x is not known, as in I(t), it counts points from 0. The place is
        the pixel that the file notes, in the frame that was set when the curve was taken.

    Raises
    ------
    ScanFileError
        If the file is not of curves, is a grid of them, is damaged, or its parameter file is missing.
    """
    path = Path(path)
    with one_sentence(f"{path.name} or its parameter file"):
        check_file(path)
        if not is_matrix_curve(path):
            raise ScanFileError(f"Not a curve: {path.name} is not named session--run_cycle.I(V)_mtrx.")
        head = check_bytes(path)
        (recorded,) = struct.unpack("<i", head[64:68])
        session = session_of(path)
        name = session.recorded_name(path.name)
        data = session.frame(name)
        if name is None or data.param["BREF"] != name:
            raise ScanFileError(f"Not in its session: the parameter file does not list {path.name}.")
        if data.param.get("EEPA::XYScanner.Enable_Subgrid", [False])[0]:
            raise ScanFileError(
                f"A grid: {path.name} holds curves at many places, which are not read so far."
            )
        if not 0 < recorded <= MOST_POINTS:
            raise ScanFileError(f"No curve: {path.name} has {recorded} points; {MOST_POINTS} can be read.")
        found = data.lay_out_curve(points_of(path, head), MOST_POINTS)
        place = _place(data.param)
        return [_curve(data, sweep, x, y, place, head, path) for sweep, (x, y) in found.items()]


def _curve(
    data: "ParsedFrame",
    sweep: str,
    x: np.ndarray,
    y: np.ndarray,
    place: tuple[float, float] | None,
    head: bytes,
    path: Path,
) -> Curve:
    name, unit = data.channel_name_and_unit
    x, x_unit = in_plain_units(x, data.x_unit)
    y, y_unit = in_plain_units(y, unit)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScanFileError(f"Damaged: the values of {path.name} are no numbers; copy it again.")
    x_name = _X_NAMES.get(x_unit, "sweep")
    return Curve(x, y, x_name, str(name), x_unit, y_unit, sweep, place, taken_of(head), str(path))


def _place(param: dict[str, Any]) -> tuple[float, float] | None:
    """Return where a curve was taken, x and y of the scanner in nm.

    The mark has the pixel, counted from the bottom left corner of the frame.
    """
    mark = param.get("MARK::MTRX.STS_LOCATION")
    names = ("Width", "Height", "Points", "Lines", "X_Offset", "Y_Offset", "Angle")
    values = [param.get(f"EEPA::XYScanner.{name}", [None])[0] for name in names]
    if not isinstance(mark, list) or not all(isinstance(one, int | float) for one in [*values, *mark[:2]]):
        return None
    width, height, points, lines, left, bottom, angle = map(float, values)
    if not (width > 0 and height > 0 and points > 0 and lines > 0 and all(map(isfinite, map(float, values)))):
        return None
    offset = (left * 1e9, bottom * 1e9)
    frame = Scan(np.zeros((1, 1)), (height * 1e9, width * 1e9), angle=angle, offset=offset)
    x, y = frame.in_scanner(mark[0] / points * width * 1e9, (1 - mark[1] / lines) * height * 1e9)
    return float(x), float(y)
