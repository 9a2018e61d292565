"""What was set while a scan was taken: exact for programs; rounded, in groups and usual units, for people."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

Parameters = Mapping[str, "Setting"]

BIAS, SETPOINT = "EEPA::GapVoltageControl.Voltage", "EEPA::Regulator.Setpoint_1"
_GAIN, _VOLTAGE_RANGE = "EEPA::Regulator.Loop_Gain_1_I", "EEPA::GapVoltageControl.Preamp_Range"
_SCANNER = "EEPA::XYScanner."

BIAS_AND_CURRENT, FEEDBACK, FRAME = "Bias and current", "Feedback", "Scan frame"
TIMING, NOTES, REST = "Timing", "Sample and comments", "Everything else"
GROUPS = (BIAS_AND_CURRENT, FEEDBACK, FRAME, TIMING, NOTES, REST)
PARAMETER_FILE, SCAN_FILE, DERIVED = "parameter file", "scan file", "derived"

# Key -> group, what people call it, the unit where the file leaves it out; in the order of the table.
_KNOWN: dict[str, tuple[str, str, str]] = {
    BIAS: (BIAS_AND_CURRENT, "Bias", ""),
    "EEPA::GapVoltageControl.Alternate_Voltage": (BIAS_AND_CURRENT, "Bias, alternate", ""),
    "EEPA::GapVoltageControl.Enable_Alternate_Voltage": (BIAS_AND_CURRENT, "Bias alternates", ""),
    "bias_forward": (BIAS_AND_CURRENT, "Bias, forward", ""),
    "bias_backward": (BIAS_AND_CURRENT, "Bias, backward", ""),
    SETPOINT: (BIAS_AND_CURRENT, "Setpoint", ""),
    "EEPA::Regulator.Alternate_Setpoint_1": (BIAS_AND_CURRENT, "Setpoint, alternate", ""),
    "EEPA::Regulator.Enable_Alternate_Setpoint_1": (BIAS_AND_CURRENT, "Setpoint alternates", ""),
    "setpoint_forward": (BIAS_AND_CURRENT, "Setpoint, forward", ""),
    "setpoint_backward": (BIAS_AND_CURRENT, "Setpoint, backward", ""),
    _VOLTAGE_RANGE: (BIAS_AND_CURRENT, "Bias range", "Volt"),
    "EEPA::GapVoltageControl.Alternate_Preamp_Range": (BIAS_AND_CURRENT, "Bias range, alternate", "Volt"),
    "EEPA::GapVoltageControl.Enable_Alternate_Preamp_Range": (
        BIAS_AND_CURRENT,
        "Range alternates",
        "",
    ),
    "EEPA::Regulator.Preamp_Range_1": (BIAS_AND_CURRENT, "Preamplifier range", "Ampere"),
    "EEPA::Regulator.Feedback_Loop_Enabled": (FEEDBACK, "Feedback on", ""),
    _GAIN: (FEEDBACK, "Gain I", ""),
    "EEPA::Regulator.Alternate_Loop_Gain_1_I": (FEEDBACK, "Gain I, alternate", ""),
    "EEPA::Regulator.Enable_Alternate_Loop_Gain_1_I": (FEEDBACK, "Gain I alternates", ""),
    "loop_gain_i_forward": (FEEDBACK, "Gain I, forward", ""),
    "loop_gain_i_backward": (FEEDBACK, "Gain I, backward", ""),
    "EEPA::Regulator.Loop_Gain_1_P": (FEEDBACK, "Gain P", ""),
    "EEPA::Regulator.Loop_Gain_1_D": (FEEDBACK, "Gain D", ""),
    "EEPA::Regulator.Loop_Gain_1_K": (FEEDBACK, "Gain K", ""),
    "EEPA::Regulator.Run_Frequency": (FEEDBACK, "Feedback frequency", ""),
    "EEPA::Regulator.Z_Offset": (FEEDBACK, "Z offset", ""),
    "EEPA::Regulator.Retraction_Speed": (FEEDBACK, "Retraction speed", ""),
    f"{_SCANNER}Width": (FRAME, "Width", ""),
    f"{_SCANNER}Height": (FRAME, "Height", ""),
    f"{_SCANNER}Points": (FRAME, "Points of a line", ""),
    f"{_SCANNER}Lines": (FRAME, "Lines", ""),
    "pixel_width": (FRAME, "Pixel width", ""),
    "pixel_height": (FRAME, "Pixel height", ""),
    f"{_SCANNER}Angle": (FRAME, "Angle", ""),
    f"{_SCANNER}X_Offset": (FRAME, "Offset, x", ""),
    f"{_SCANNER}Y_Offset": (FRAME, "Offset, y", ""),
    f"{_SCANNER}X_Retrace": (FRAME, "Backward recorded", ""),
    f"{_SCANNER}Y_Retrace": (FRAME, "Down scan recorded", ""),
    "planned_points": (FRAME, "Points planned", ""),
    "recorded_points": (FRAME, "Points recorded", ""),
    f"{_SCANNER}Enable_Subgrid": (FRAME, "Subgrid in use", ""),
    f"{_SCANNER}Enable_Drift_Compensation": (FRAME, "Drift compensation", ""),
    f"{_SCANNER}X_Drift": (FRAME, "Drift, x", ""),
    f"{_SCANNER}Y_Drift": (FRAME, "Drift, y", ""),
    "taken": (TIMING, "End of the scan", ""),
    f"{_SCANNER}Raster_Time": (TIMING, "Raster time", ""),
    "sweep_time": (TIMING, "Sweep time", ""),
    f"{_SCANNER}Line_Start_Delay": (TIMING, "Line start delay", ""),
    f"{_SCANNER}Line_End_Delay": (TIMING, "Line end delay", ""),
    "line_time": (TIMING, "Line time", ""),
    "frame_time": (TIMING, "Frame time", ""),
    "scan_speed": (TIMING, "Scan speed", ""),
    f"{_SCANNER}Move_Raster_Time": (TIMING, "Raster time of moves", ""),
    "MARK::MTRX.SAMPLE_NAME": (NOTES, "Sample", ""),
    "MARK::MTRX.DATA_SET_NAME": (NOTES, "Data set", ""),
    "MARK::MTRX.CREATION_COMMENT": (NOTES, "Comment", ""),
    "BREF": (NOTES, "Recorded as", ""),
    "size_bytes": (NOTES, "File size", ""),
    "EXPD::s2": (NOTES, "Experiment", ""),
    "BKLT": (REST, "End, in this computer's time zone", ""),
}
_ORDER = {key: place for place, key in enumerate(_KNOWN)}
_EACH_WAY = {"bias": BIAS, "setpoint": SETPOINT, "loop_gain_i": _GAIN}

# The file's unit -> (from this size on, SI per written unit, as it is written), smallest first.
_UNITS: dict[str, list[tuple[float, float, str]]] = {
    "Volt": [(0, 1e-3, "mV"), (0.1, 1, "V")],
    "Ampere": [(0, 1e-12, "pA"), (1e-9, 1e-9, "nA"), (1e-6, 1e-6, "µA"), (1e-3, 1e-3, "mA")],
    "Meter": [(0, 1e-12, "pm"), (1e-11, 1e-9, "nm"), (1e-6, 1e-6, "µm"), (1e-3, 1e-3, "mm")],
    "Second": [(0, 1e-6, "µs"), (1e-4, 1e-3, "ms"), (0.1, 1, "s")],
    "Meter/second": [(0, 1e-12, "pm/s"), (1e-10, 1e-9, "nm/s"), (1e-6, 1e-6, "µm/s"), (1e-3, 1e-3, "mm/s")],
    "Hertz": [(0, 1, "Hz"), (1e3, 1e3, "kHz"), (1e6, 1e6, "MHz")],
    "byte": [(0, 1, "bytes"), (1e3, 1e3, "kB"), (1e6, 1e6, "MB")],
}
_NULLS = {"Volt": "V", "Ampere": "pA", "Meter": "nm", "Second": "s", "Meter/second": "nm/s"}
_WORDS = {"Percent": "%", "Degree": "deg", "--": "", "Count": ""}
_RANGE = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?);(-?[\d.]+(?:e[+-]?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Setting:
    """A value under the name and in the unit that the file gives it, exact.

    Parameters
    ----------
    name : str
        MATRIX's own, such as ``EEPA::GapVoltageControl.Voltage``, or a short one of ours.
    value : object
        A number, a text, yes or no; now and then a list or a dict of these.
    unit : str
        The file's word: ``Volt``, ``Ampere``, ``--`` for none; empty where it has no place for one.
    how : str
        For a derived value, what it was computed from.
    """

    name: str
    value: Any
    unit: str = ""
    how: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return value and unit as JSON knows them; what is no number (NaN) becomes its name."""
        how = {"how": self.how} if self.how else {}
        return {"value": _as_json(self.value), "unit": self.unit, **how}

    @property
    def exact(self) -> str:
        """The value as the file has it, with its unit, in one line."""
        unit = "" if self.unit == "--" else self.unit
        return f"{self.value} {unit}".strip()


@dataclass(frozen=True)
class FileSettings:
    """All that a result file and its parameter file say beside the heights.

    Parameters
    ----------
    source : str
        Path of the result file.
    taken : datetime
        When the scan ended, UTC.
    planned_points, recorded_points : int
        Of all directions together.
    size_bytes : int
        Size of the result file.
    parameters : mapping of str to Setting
        What held when the scan ended, by MATRIX's own names, in the order of the parameter file.
    """

    source: str
    taken: datetime
    planned_points: int
    recorded_points: int
    size_bytes: int
    parameters: Parameters

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it, derived values apart from those that stand in the file."""
        return {
            "file": self.source,
            "taken": self.taken.isoformat(),
            "planned_points": self.planned_points,
            "recorded_points": self.recorded_points,
            "size_bytes": self.size_bytes,
            "parameters": {name: setting.as_dict() for name, setting in self.parameters.items()},
            "derived": {setting.name: setting.as_dict() for setting in derived(self.parameters)},
        }

    def rows(self) -> list["Row"]:
        """Return the table for people, grouped as ``GROUPS``, without blocks that say nothing."""
        own = [
            Setting("taken", f"{self.taken:%Y-%m-%d %H:%M:%S} UTC"),
            Setting("planned_points", self.planned_points, "Count"),
            Setting("recorded_points", self.recorded_points, "Count"),
            Setting("size_bytes", self.size_bytes, "byte"),
        ]
        told = [
            one for one in self.parameters.values() if "::" in one.name or one.value != ""
        ]  # a block's name
        rows = [_row(setting, PARAMETER_FILE) for setting in told]
        rows += [_row(setting, SCAN_FILE) for setting in own]
        rows += [_row(setting, DERIVED) for setting in derived(self.parameters)]
        return sorted(
            rows, key=lambda row: (GROUPS.index(row.group), _ORDER.get(row.setting.name, len(_ORDER)))
        )


@dataclass(frozen=True)
class Row:
    """One line of a table for people; ``where`` says which file it stands in, or that it is derived."""

    group: str
    label: str
    text: str
    where: str
    setting: Setting

    def matches(self, words: str) -> bool:
        """Say whether every word stands somewhere in the row.

        >>> row = Row("Timing", "Raster time", "0.5 ms", "parameter file", Setting("Raster_Time", 5e-4))
        >>> row.matches("time raster"), row.matches("bias")
        (True, False)
        """
        own = f"{self.label} {self.text} {self.where} {self.setting.name}".lower()
        return all(word in own for word in words.lower().split())


def held(parameters: Parameters, name: str, direction: str) -> Setting | None:
    """Return a setting as it held in a direction, under the name it stands under; None if there is none.

    Backward lines take the alternate value where its own enable flag is set.
    """
    group, _, short = name.rpartition(".")
    flag = parameters.get(f"{group}.Enable_Alternate_{short}")
    alternate = direction.startswith("backward") and flag is not None and flag.value
    return parameters.get(f"{group}.Alternate_{short}" if alternate else name)


def derived(parameters: Parameters) -> list[Setting]:
    """Return what follows from the parameters: what held each way, pixel sizes, times, speed; SI units.

    What cannot be told from the file is left out: without backward lines the way back has a speed
    of its own, so neither line nor frame have a time.
    """
    return [*_each_way(parameters), *_frame(parameters)]


def _each_way(parameters: Parameters) -> Iterator[Setting]:
    retrace = parameters.get(f"{_SCANNER}X_Retrace")
    ways = ("forward", "backward") if retrace is not None and retrace.value else ("forward",)
    for short, name in _EACH_WAY.items():
        for way in ways:
            if (found := held(parameters, name, way)) is not None:
                yield Setting(f"{short}_{way}", found.value, found.unit, f"is {found.name}")


def _frame(parameters: Parameters) -> Iterator[Setting]:
    """Yield pixel sizes, times and the speed of the tip."""
    width, height, points, lines, raster, start, end = (
        _number(parameters, f"{_SCANNER}{name}", unit)
        for name, unit in (
            ("Width", "Meter"),
            ("Height", "Meter"),
            ("Points", "Count"),
            ("Lines", "Count"),
            ("Raster_Time", "Second"),
            ("Line_Start_Delay", "Second"),
            ("Line_End_Delay", "Second"),
        )
    )
    if width and points:
        yield Setting("pixel_width", width / points, "Meter", "width / points")
    if height and lines:
        yield Setting("pixel_height", height / lines, "Meter", "height / lines")
    if not (points and raster):
        return
    sweep = points * raster
    yield Setting("sweep_time", sweep, "Second", "points x raster time")
    x_retrace, y_retrace = (parameters.get(f"{_SCANNER}{axis}_Retrace") for axis in "XY")
    if x_retrace is not None and x_retrace.value:
        # Two real sessions: 700 to 702 s from frame to frame; 2 x 500 lines of 0.7 s are 700 s.
        line = 2 * sweep + (start or 0) + (end or 0)
        yield Setting("line_time", line, "Second", "2 x points x raster time + delays at start and end")
        if lines and y_retrace is not None:
            passes = 2 if y_retrace.value else 1
            yield Setting("frame_time", passes * lines * line, "Second", f"{passes} x lines x line time")
    if width:
        yield Setting("scan_speed", width / sweep, "Meter/second", "width / (points x raster time)")


def _number(parameters: Parameters, name: str, unit: str) -> float | None:
    found = parameters.get(name)
    usable = found is not None and found.unit == unit and isinstance(found.value, (int, float))
    return found.value if found is not None and usable and isfinite(found.value) else None


def _row(setting: Setting, where: str) -> Row:
    """Make the row of a setting; one that nobody named keeps MATRIX's name, made readable."""
    group, label, unit = _KNOWN.get(setting.name, (REST, "", ""))
    unit = unit if unit and setting.unit in ("", "--") else setting.unit
    return Row(group, label or readable(setting.name), for_people(setting.value, unit), where, setting)


def readable(name: str) -> str:
    """Make MATRIX's name of a setting readable.

    >>> readable("EEPA::Regulator.Z_Ramp_Slew_Rate"), readable("MARK::MTRX.STS_LOCATION")
    ('Regulator: Z Ramp Slew Rate', 'MTRX: STS LOCATION')
    """
    return name.removeprefix("EEPA::").removeprefix("MARK::").replace("_", " ").replace(".", ": ", 1)


def for_people(value: Any, unit: str = "") -> str:
    """Write a value as people do: four digits, a unit of fitting size; ``unit`` is the file's word.

    >>> for_people(-1.7000000000000002, "Volt"), for_people(5e-11, "Ampere"), for_people(True, "--")
    ('-1.7 V', '50 pA', 'yes')
    >>> for_people(2e-8, "Meter"), for_people(0.0005, "Second"), for_people(3.0, "Percent")
    ('20 nm', '0.5 ms', '3 %')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _quantity(value, unit)
    if isinstance(value, dict):
        return ", ".join(f"{name} {for_people(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(for_people(one) for one in value)
    if limits := _RANGE.fullmatch(str(value)):
        return " to ".join(for_people(float(limit), unit) for limit in limits.groups())
    return " ".join(str(value).split())


def _quantity(value: float, unit: str) -> str:
    if isinstance(value, int) and unit not in _UNITS:
        return f"{value} {_WORDS.get(unit, unit)}".strip()  # a count is never rounded
    if not isfinite(value):
        return str(value)
    rounded = float(f"{value:.4g}")
    if rounded == 0:
        return f"0 {_NULLS.get(unit) or _UNITS.get(unit, [(0, 1, _WORDS.get(unit, unit))])[0][2]}".strip()
    fitting = [one for one in _UNITS.get(unit, []) if abs(rounded) >= one[0]]
    _, factor, word = fitting[-1] if fitting else (0, 1, _WORDS.get(unit, unit))
    return f"{float(f'{rounded / factor:.4g}'):.10g} {word}".strip()


def _as_json(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(one) for one in value]
    return value
