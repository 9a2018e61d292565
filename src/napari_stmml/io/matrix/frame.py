"""A frame as a MATRIX microscope records it: heights by direction, settings, and the order of its points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from napari_stmml.scan import DIRECTIONS

Value = bool | int | float
Settings = dict[tuple[str, str], tuple[Value, str]]  # (group, name) -> (value, unit)

RASTER_TIME = 0.0005  # s per point
_DIRECTION_SETS = (DIRECTIONS[:1], DIRECTIONS[:2], DIRECTIONS[::2], DIRECTIONS)
_VOLTAGE, _REGULATOR, _SCANNER = "GapVoltageControl", "Regulator", "XYScanner"


class Channel(NamedTuple):
    """What is recorded: its number and that of its data, its unit, and what turns points into that unit."""

    number: int
    data: int
    unit: str
    function: str
    numbers: dict[str, float]
    steps_per_unit: float


_NEUTRAL = {"NeutralFactor": 6.4489e15, "Offset": 0.0, "PreFactor": 1.01, "PreOffset": -0.01, "Raw_1": 0.0}
CHANNELS = {
    "I": Channel(3, 9, "A", "TFF_MultiLinear1D", _NEUTRAL, 6.4489e15 * 1.01 / 0.01),
    "Z": Channel(6, 10, "m", "TFF_Linear1D", {"Factor": 9.942e15, "Offset": 0.0}, 9.942e15),
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
        if self.channel not in CHANNELS:
            raise ValueError(f"channel must be one of {', '.join(CHANNELS)}, got {self.channel!r}")
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

    @property
    def marks(self) -> dict[str, str]:
        """What the operator noted, by MATRIX's names."""
        return {
            "CREATION_COMMENT": self.comment,
            "SAMPLE_NAME": self.sample,
            "DATA_SET_NAME": self.data_set,
        }

    def settings(self) -> Settings:
        """Return what is written of the settings of a frame, in SI units."""
        angle = int(self.angle) if float(self.angle).is_integer() else float(self.angle)
        other_bias = self.bias if self.alternate_bias is None else self.alternate_bias
        other_setpoint = self.setpoint if self.alternate_setpoint is None else self.alternate_setpoint
        return {
            (_VOLTAGE, "Alternate_Voltage"): (float(other_bias), "Volt"),
            (_VOLTAGE, "Enable_Alternate_Voltage"): (bool(self.alternate_voltage_enabled), "--"),
            (_VOLTAGE, "Voltage"): (float(self.bias), "Volt"),
            (_REGULATOR, "Alternate_Setpoint_1"): (other_setpoint * 1e-9, "Ampere"),
            (_REGULATOR, "Enable_Alternate_Setpoint_1"): (bool(self.alternate_setpoint_enabled), "--"),
            (_REGULATOR, "Feedback_Loop_Enabled"): (True, "--"),
            (_REGULATOR, "Loop_Gain_1_I"): (3.0, "Percent"),
            (_REGULATOR, "Setpoint_1"): (self.setpoint * 1e-9, "Ampere"),
            (_SCANNER, "Angle"): (angle, "Degree"),
            (_SCANNER, "Enable_Subgrid"): (False, "--"),
            (_SCANNER, "Height"): (self.height_nm * 1e-9, "Meter"),
            (_SCANNER, "Lines"): (self.shape[0], "Count"),
            (_SCANNER, "Points"): (self.shape[1], "Count"),
            (_SCANNER, "Raster_Time"): (RASTER_TIME, "Second"),
            (_SCANNER, "Width"): (self.width_nm * 1e-9, "Meter"),
            (_SCANNER, "X_Offset"): (self.offset_nm[0] * 1e-9, "Meter"),
            (_SCANNER, "X_Retrace"): ("backward/up" in self.heights, "--"),
            (_SCANNER, "Y_Offset"): (self.offset_nm[1] * 1e-9, "Meter"),
            (_SCANNER, "Y_Retrace"): ("forward/down" in self.heights, "--"),
        }

    def steps(self) -> np.ndarray:
        """Return the recorded points, int32, in the order of scanning.

        Up scans begin at the bottom, down scans at the top; each line goes forward and then,
        where it is recorded, backward, from right to left.
        """
        passes = []
        for slow in ("up", "down"):
            sweeps = []
            for fast in ("forward", "backward"):
                if f"{fast}/{slow}" in self.heights:
                    lines = np.asarray(self.heights[f"{fast}/{slow}"], dtype=float)
                    sweeps.append(lines[:: -1 if slow == "up" else 1, :: -1 if fast == "backward" else 1])
            if sweeps:
                passes.append(np.stack(sweeps, axis=1).ravel())
        points = np.concatenate(passes)[: self.points_scanned]
        return np.rint(points * (1e-9 * CHANNELS[self.channel].steps_per_unit)).astype("<i4")


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
    bound = (2**31 - 1) / (1e-9 * CHANNELS[channel].steps_per_unit)
    for direction, values in heights.items():
        largest = np.abs(values).max()  # NaN where one is
        if not np.isfinite(largest):
            raise ValueError(
                f"heights must be finite (points_scanned makes a partial scan), got {largest} {direction}"
            )
        if largest > bound:
            unit = f"n{CHANNELS[channel].unit}"
            raise ValueError(f"heights must be within {bound:.4g} {unit} of 0, got {largest:.4g} {direction}")
