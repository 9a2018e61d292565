"""Write simulated scans as real MATRIX bytes: ``.Z_mtrx`` data files and their ``_0001.mtrx`` parameter file.

Blocks, names, units and numbers follow files of MATRIX V3.0; the ``SCAN`` block, a table of every
scanner position that no reader needs, is left out.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from napari_stmml.scan import DIRECTIONS

_Value = bool | int | float
_Settings = dict[tuple[str, str], tuple[_Value, str]]  # (group, name) -> (value, unit)

_FILE_ID = b"ONTMATRX0101"
_NOTHING = bytes(4)  # what four bytes of zero mean, where many blocks begin, is not known
_DIRECTION_SETS = (DIRECTIONS[:1], DIRECTIONS[:2], DIRECTIONS[::2], DIRECTIONS)
_RASTER_TIME = 0.0005  # s per point
_START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# Channel -> its number and that of its data, its unit, and its transfer function.
_NEUTRAL = {"NeutralFactor": 6.4489e15, "Offset": 0.0, "PreFactor": 1.01, "PreOffset": -0.01, "Raw_1": 0.0}
_CHANNELS: dict[str, tuple[int, int, str, str, dict[str, float]]] = {
    "I": (3, 9, "A", "TFF_MultiLinear1D", _NEUTRAL),
    "Z": (6, 10, "m", "TFF_Linear1D", {"Factor": 9.942e15, "Offset": 0.0}),
}
_STEPS_PER_NANO = {
    "I": 1e-9
    * _NEUTRAL["NeutralFactor"]
    * _NEUTRAL["PreFactor"]
    / (_NEUTRAL["Raw_1"] - _NEUTRAL["PreOffset"]),
    "Z": 1e-9 * 9.942e15,
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame as the microscope would record it.

    Parameters
    ----------
    heights : mapping of str to ndarray, shape (rows, cols)
        Direction -> heights in nm (currents in nA where ``channel`` is ``I``), row 0 at the top.
        Directions are forward/up alone, with backward/up, with forward/down, or all four.
    width_nm, height_nm : float
        Size of the frame in nm.
    bias, alternate_bias : float
        V; the alternate one holds for backward lines where ``alternate_voltage_enabled``.
        Left out, it is stored as the bias.
    setpoint, alternate_setpoint : float
        nA; likewise, with ``alternate_setpoint_enabled``.
    angle : float
        Rotation of the frame in degrees.
    offset_nm : (float, float)
        Centre of the frame, x and y of the scanner in nm.
    points_scanned : int, optional
        How many points were recorded before the scan was stopped, in the order of scanning; None for all.
    channel : str
        ``Z`` or ``I``.
    comment, sample, data_set : str
        What the operator noted.

    Raises
    ------
    ValueError
        If the heights are empty, not finite, of several shapes or out of range, the directions do not
        belong together, or a setting is not possible.

    Examples
    --------
    >>> Frame({"forward/up": np.zeros((4, 6))}, width_nm=6.0, height_nm=4.0).points
    24
    """

    heights: Mapping[str, np.ndarray]
    width_nm: float
    height_nm: float
    bias: float = -2.0
    alternate_bias: float | None = None
    setpoint: float = 0.05
    alternate_setpoint: float | None = None
    alternate_voltage_enabled: bool = False
    alternate_setpoint_enabled: bool = False
    angle: float = 0.0
    offset_nm: tuple[float, float] = (0.0, 0.0)
    points_scanned: int | None = None
    channel: str = "Z"
    comment: str = ""
    sample: str = ""
    data_set: str = ""

    def __post_init__(self) -> None:
        if self.channel not in _CHANNELS:
            raise ValueError(f"channel must be one of {', '.join(_CHANNELS)}, got {self.channel!r}")
        _check_heights(self.heights, self.channel)
        for name in ("width_nm", "height_nm"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 nm, got {getattr(self, name)}")
        for name in ("bias", "alternate_bias", "setpoint", "alternate_setpoint", "angle", "offset_nm"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite, got {value}")
        if self.points_scanned is not None and not 1 <= self.points_scanned <= self.points:
            raise ValueError(f"points_scanned must be 1 to {self.points}, got {self.points_scanned}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of each direction."""
        rows, cols = np.shape(self.heights["forward/up"])
        return rows, cols

    @property
    def points(self) -> int:
        """Number of points of the whole frame, all directions together."""
        return len(self.heights) * self.shape[0] * self.shape[1]


def write_session(
    folder: str | Path,
    frames: Sequence[Frame],
    *,
    session: str = "default_2026Nov23-120000_STM-STM_Spectroscopy",
    started: datetime = _START,
) -> list[Path]:
    """Write frames as one session, ``session--1_1.Z_mtrx`` and on, and its parameter file.

    Parameters
    ----------
    folder : str or Path
        Where to write; it is made if it does not exist.
    frames : sequence of Frame
        The frames in the order they were taken; each may have settings and a channel of its own.
    session : str
        What the names of all files begin with.
    started : datetime
        When the session began, with its time zone. A frame ends when all its points before are taken.

    Returns
    -------
    list of Path
        The data files, one for each frame.

    Raises
    ------
    ValueError
        If there is no frame, ``session`` is no file name, or ``started`` has no time zone or is not
        between 1970 and 2106.
    """
    if not session or Path(session).name != session:
        raise ValueError(f"session must be the beginning of a file name, got {session!r}")
    if not frames:
        raise ValueError(f"frames must be at least one, got {len(frames)}")
    if started.tzinfo is None:
        raise ValueError(f"started must have a time zone, got {started}")
    if not 0 <= started.timestamp() < 2**32:
        raise ValueError(f"started must be between 1970 and 2106, got {started}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    when = started.timestamp()
    parameters = [_FILE_ID, _opening(session, _settings(frames[0]), int(when))]
    before: Frame | None = None
    paths = []
    for cycle, frame in enumerate(frames, start=1):
        path = folder / f"{session}--1_{cycle}.{frame.channel}_mtrx"
        parameters.append(_changes(before, frame, int(when)))
        data = _steps(frame)
        when += data.size * _RASTER_TIME
        path.write_bytes(_FILE_ID + _data_blocks(frame, data, cycle, int(when)))
        parameters.append(_block("BREF", _NOTHING + _string(path.name), int(when)))
        paths.append(path)
        before = frame
    parameters.append(_block("EOED", b"", int(when)))
    (folder / f"{session}_0001.mtrx").write_bytes(b"".join(parameters))
    return paths


def _check_heights(heights: Mapping[str, np.ndarray], channel: str) -> None:
    """Refuse heights that no microscope could have recorded."""
    if set(heights) not in map(set, _DIRECTION_SETS):
        sets = "; ".join(map(" + ".join, _DIRECTION_SETS))
        raise ValueError(f"directions must be {sets}; got {' + '.join(heights) or 'none'}")
    shapes = {np.shape(map_) for map_ in heights.values()}
    if len(shapes) > 1:
        raise ValueError(f"heights of all directions must have one shape, got {sorted(shapes)}")
    (shape,) = shapes
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"heights must be filled maps (rows, cols), got shape {shape}")
    bound = (2**31 - 1) / _STEPS_PER_NANO[channel]
    for direction, values in heights.items():
        largest = np.abs(values).max()  # NaN where one is
        if not np.isfinite(largest):
            raise ValueError(
                f"heights must be finite (points_scanned makes a partial scan), got {largest} {direction}"
            )
        if largest > bound:
            unit = f"n{_CHANNELS[channel][2]}"
            raise ValueError(f"heights must be within {bound:.4g} {unit} of 0, got {largest:.4g} {direction}")


def _steps(frame: Frame) -> np.ndarray:
    """Return the recorded points, int32, in the order of scanning.

    Up scans begin at the bottom, down scans at the top; each line goes forward and then,
    where it is recorded, backward, from right to left.
    """
    passes = []
    for slow in ("up", "down"):
        sweeps = []
        for fast in ("forward", "backward"):
            if f"{fast}/{slow}" in frame.heights:
                lines = np.asarray(frame.heights[f"{fast}/{slow}"], dtype=float)
                sweeps.append(lines[:: -1 if slow == "up" else 1, :: -1 if fast == "backward" else 1])
        if sweeps:
            passes.append(np.stack(sweeps, axis=1).ravel())
    points = np.concatenate(passes)[: frame.points_scanned]
    return np.rint(points * _STEPS_PER_NANO[frame.channel]).astype("<i4")


def _settings(frame: Frame) -> _Settings:
    """Return what is written of the settings of a frame, in SI units."""
    angle = int(frame.angle) if float(frame.angle).is_integer() else float(frame.angle)
    other_bias = frame.bias if frame.alternate_bias is None else frame.alternate_bias
    other_setpoint = frame.setpoint if frame.alternate_setpoint is None else frame.alternate_setpoint
    voltage, regulator, scanner = "GapVoltageControl", "Regulator", "XYScanner"
    return {
        (voltage, "Alternate_Voltage"): (float(other_bias), "Volt"),
        (voltage, "Enable_Alternate_Voltage"): (bool(frame.alternate_voltage_enabled), "--"),
        (voltage, "Voltage"): (float(frame.bias), "Volt"),
        (regulator, "Alternate_Setpoint_1"): (other_setpoint * 1e-9, "Ampere"),
        (regulator, "Enable_Alternate_Setpoint_1"): (bool(frame.alternate_setpoint_enabled), "--"),
        (regulator, "Feedback_Loop_Enabled"): (True, "--"),
        (regulator, "Loop_Gain_1_I"): (3.0, "Percent"),
        (regulator, "Setpoint_1"): (frame.setpoint * 1e-9, "Ampere"),
        (scanner, "Angle"): (angle, "Degree"),
        (scanner, "Enable_Subgrid"): (False, "--"),
        (scanner, "Height"): (frame.height_nm * 1e-9, "Meter"),
        (scanner, "Lines"): (frame.shape[0], "Count"),
        (scanner, "Points"): (frame.shape[1], "Count"),
        (scanner, "Raster_Time"): (_RASTER_TIME, "Second"),
        (scanner, "Width"): (frame.width_nm * 1e-9, "Meter"),
        (scanner, "X_Offset"): (frame.offset_nm[0] * 1e-9, "Meter"),
        (scanner, "X_Retrace"): ("backward/up" in frame.heights, "--"),
        (scanner, "Y_Offset"): (frame.offset_nm[1] * 1e-9, "Meter"),
        (scanner, "Y_Retrace"): ("forward/down" in frame.heights, "--"),
    }


def _marks(frame: Frame) -> dict[str, str]:
    return {"CREATION_COMMENT": frame.comment, "SAMPLE_NAME": frame.sample, "DATA_SET_NAME": frame.data_set}


def _opening(session: str, settings: _Settings, when: int) -> bytes:
    """Return the blocks with which a parameter file opens."""
    experiment = session.rpartition("-")[2]
    titles = [experiment, "v104201", "STM V/Z spectroscopy experiment"]
    program = _string("MATRIX") + _string("V3.0") + struct.pack("<L", when)
    user = _string("default") + _string("napari-stmml") + _string("")
    places = [f"{experiment}.expd", "STM", "v104101", "STM.proj"]
    groups: dict[str, list[bytes]] = {}
    for (group, name), value in settings.items():
        groups.setdefault(group, []).append(_property(name, *value))
    elements = [_string(group) + _number(len(rows)) + b"".join(rows) for group, rows in groups.items()]
    instances = (
        _block("GENL", b"".join(map(_string, titles))) + _block("INST", _NOTHING) + _block("CNXS", _NOTHING)
    )
    return b"".join(
        [
            _block("META", program + user, when),
            _block("EXPD", _NOTHING + b"".join(map(_string, titles + places)), when),
            _block("FSEQ", _NOTHING + _number(1), when),
            _block("EXPS", _NOTHING + instances, when),
            _block("EEPA", _NOTHING + _number(len(groups)) + b"".join(elements), when),
        ]
    )


def _changes(before: Frame | None, frame: Frame, when: int) -> bytes:
    """Return the blocks between two frames: what was noted, modified, and so laid out anew."""
    noted = {} if before is None else _marks(before)
    known = _settings(frame) if before is None else _settings(before)
    blocks = [
        _block("MARK", _string(f"MTRX${name}-{text}"), when)
        for name, text in _marks(frame).items()
        if noted.get(name) != text
    ]
    blocks += [
        _block("PMOD", _NOTHING + _string(group) + _property(name, *value), when)
        for (group, name), value in _settings(frame).items()
        if known[group, name] != value
    ]
    layout = (frame.shape, set(frame.heights))
    if before is None or layout != (before.shape, set(before.heights)):
        blocks.append(_block("CCSY", _NOTHING + _channel_system(frame), when))
    return b"".join(blocks)


def _channel_system(frame: Frame) -> bytes:
    """Return the blocks that say which channels there are, on which axes, and what their numbers mean."""
    x_axis, y_axis = _key("A ", 2), _key("A ", 1)
    mirrored = {True: "triangular", False: "linear"}
    axes = [
        y_axis + bytes(8) + _string("Y") + _string(mirrored["forward/down" in frame.heights]),
        x_axis + y_axis + _string("X") + _string(mirrored["backward/up" in frame.heights]),
    ]
    channels, stores, transfers = [], [], []
    for name, (channel, data, unit, function, numbers) in _CHANNELS.items():
        storage = f"ChannelData: channel = {name}, storage = ResultStorage(BlockTransfer)"
        channels.append(_key("C ", channel) + x_axis + _string(name) + _string(unit))
        stores.append(_key("CD", data) + _key("C ", channel) + _string(storage))
        values = [_string(key) + _value(value) for key, value in numbers.items()]
        title = _key("C ", channel) + _string(function) + _string(unit)
        transfers.append(title + _number(len(values)) + b"".join(values))
    tables = b"".join(_number(len(table)) + b"".join(table) for table in (axes, channels, stores))
    clocks = [  # how often, and whether another axis drives it
        y_axis + struct.pack("<LLL", frame.shape[0] * (1 + ("forward/down" in frame.heights)), 0, 0),
        x_axis + struct.pack("<LLL", frame.shape[1] * (1 + ("backward/up" in frame.heights)), 1, 0),
    ]
    used = [_key("C ", channel[0]) + struct.pack("<LL", 1, 0) for channel in _CHANNELS.values()]
    bits = [_key("CD", channel[1]) + struct.pack("<LL", 2, 32) for channel in _CHANNELS.values()]
    counts = b"".join(_number(len(table)) + b"".join(table) for table in (clocks, used, bits))
    return _block("DICT", bytes(8) + tables) + _block("CHCS", counts) + _block("XFER", b"".join(transfers))


def _data_blocks(frame: Frame, data: np.ndarray, cycle: int, when: int) -> bytes:
    """Return the blocks of a data file: when it ended, its description, and its points."""
    description = b"".join(
        [
            _key("CD", _CHANNELS[frame.channel][1]),
            struct.pack("<LLLLL", cycle, 0, 0, frame.points, data.size),
            _string("SI32"),
            struct.pack("<LLLL", 4, 1, 0, data.size),
        ]
    )
    return _block("BKLT", _NOTHING + _block("DESC", description) + _block("DATA", data.tobytes()), when)


def _block(name: str, body: bytes, when: int | None = None) -> bytes:
    """Return a block: its name back to front, the length of its body, the time of outer blocks, the body."""
    time = b"" if when is None else struct.pack("<Q", when)
    return name[::-1].encode() + _number(len(body)) + time + body


def _key(kind: str, number: int) -> bytes:
    return kind.encode("utf-16-le") + _number(number)


def _number(value: int) -> bytes:
    return struct.pack("<L", value)


def _string(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return _number(len(encoded) // 2) + encoded


def _property(name: str, value: _Value, unit: str) -> bytes:
    return _string(name) + _string(unit) + _NOTHING + _value(value)


def _value(value: _Value) -> bytes:
    if isinstance(value, bool):
        return b"LOOB" + struct.pack("<L", value)
    if isinstance(value, int):
        return b"GNOL" + struct.pack("<l", value)
    return b"BUOD" + struct.pack("<d", value)
