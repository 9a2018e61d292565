"""What was set while a MATRIX scan was taken: the table of its settings, and what follows from them."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from math import isfinite
from typing import Any

from napari_stmml.io.settings import (
    DERIVED,
    GROUPS,
    OTHER,
    Row,
    Setting,
    for_people,
    printable,
)

Parameters = Mapping[str, Setting]

BIAS, SETPOINT = "EEPA::GapVoltageControl.Voltage", "EEPA::Regulator.Setpoint_1"
_SCANNER = "EEPA::XYScanner."
PARAMETER_FILE, SCAN_FILE = "parameter file", "scan file"


def _known() -> dict[str, tuple[str, str, str]]:
    """Read the table of settings: name -> group, label, and the unit where the file leaves it out."""
    table = resources.files(__package__).joinpath("settings.csv").read_text("utf-8")
    rows = csv.DictReader(table.splitlines())
    return {row["name"]: (row["group"], row["label"], row["unit"]) for row in rows}


_KNOWN = _known()
_ORDER = {name: number for number, name in enumerate(_KNOWN)}
_EACH_WAY = {"bias": BIAS, "setpoint": SETPOINT, "loop_gain_i": "EEPA::Regulator.Loop_Gain_1_I"}


@dataclass(frozen=True)
class MatrixSettings:
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
        """Return everything as JSON knows it, derived values apart from those that stand in the file.

        Returns
        -------
        dict
            ``file``, ``taken`` (ISO 8601), numbers of points, ``size_bytes``, and by name ``parameters`` and
            ``derived``.
        """
        return {
            "file": self.source,
            "taken": self.taken.isoformat(),
            "planned_points": self.planned_points,
            "recorded_points": self.recorded_points,
            "size_bytes": self.size_bytes,
            "parameters": {name: setting.as_dict() for name, setting in self.parameters.items()},
            "derived": {setting.name: setting.as_dict() for setting in derived(self.parameters)},
        }

    def rows(self) -> list[Row]:
        """Return the table for people, grouped as ``GROUPS``, without blocks that say nothing.

        Returns
        -------
        list of Row
        """
        own = [
            Setting("taken", f"{self.taken:%Y-%m-%d %H:%M:%S} UTC"),
            Setting("planned_points", self.planned_points, "Count"),
            Setting("recorded_points", self.recorded_points, "Count"),
            Setting("size_bytes", self.size_bytes, "byte"),
        ]
        # A name without :: and without a value is that of a block.
        said = [one for one in self.parameters.values() if "::" in one.name or one.value != ""]
        rows = [_row(setting, PARAMETER_FILE) for setting in said]
        rows += [_row(setting, SCAN_FILE) for setting in own]
        rows += [_row(setting, DERIVED) for setting in derived(self.parameters)]
        return sorted(
            rows, key=lambda row: (GROUPS.index(row.group), _ORDER.get(row.setting.name, len(_ORDER)))
        )


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

    What the file does not determine is left out: without backward lines the way back has a speed of its own,
    so neither line nor frame has a known time.
    """
    return [*_each_way(parameters), *_pixels(parameters), *_times(parameters)]


def _each_way(parameters: Parameters) -> Iterator[Setting]:
    ways = ("forward", "backward") if _is_set(parameters, "X_Retrace") else ("forward",)
    for short, name in _EACH_WAY.items():
        for way in ways:
            if (found := held(parameters, name, way)) is not None:
                yield Setting(f"{short}_{way}", found.value, found.unit, f"is {found.name}")


def _pixels(parameters: Parameters) -> Iterator[Setting]:
    for side, along in (("Width", "Points"), ("Height", "Lines")):
        length, count = _number(parameters, side, "Meter"), _number(parameters, along, "Count")
        if length and count:
            how = f"{side} / {along}".lower()
            yield Setting(f"pixel_{side.lower()}", length / count, "Meter", how)


def _times(parameters: Parameters) -> Iterator[Setting]:
    """Yield how long a sweep, a line and a frame take, and the speed of the tip."""
    points, raster = _number(parameters, "Points", "Count"), _number(parameters, "Raster_Time", "Second")
    if not (points and raster):
        return
    sweep = points * raster
    yield Setting("sweep_time", sweep, "Second", "points x raster time")
    if _is_set(parameters, "X_Retrace"):
        # Two real sessions: 700 to 702 s from frame to frame; 2 x 500 lines of 0.7 s are 700 s.
        delays = [_number(parameters, f"Line_{end}_Delay", "Second") or 0 for end in ("Start", "End")]
        line = 2 * sweep + delays[0] + delays[1]
        yield Setting("line_time", line, "Second", "2 x points x raster time + delays at start and end")
        lines, down = _number(parameters, "Lines", "Count"), _is_set(parameters, "Y_Retrace")
        if lines and down is not None:
            passes = 2 if down else 1
            yield Setting("frame_time", passes * lines * line, "Second", f"{passes} x lines x line time")
    if width := _number(parameters, "Width", "Meter"):
        yield Setting("scan_speed", width / sweep, "Meter/second", "width / (points x raster time)")


def _is_set(parameters: Parameters, name: str) -> bool | None:
    """Say whether something of the scanner is switched on; None where the file does not say."""
    found = parameters.get(_SCANNER + name)
    return None if found is None else bool(found.value)


def _number(parameters: Parameters, name: str, unit: str) -> float | None:
    """Return a number of the scanner; None where the file has none in that unit."""
    found = parameters.get(_SCANNER + name)
    usable = found is not None and found.unit == unit and isinstance(found.value, (int, float))
    return found.value if found is not None and usable and isfinite(found.value) else None


def _row(setting: Setting, where: str) -> Row:
    """Make the row of a setting; one that nobody named keeps MATRIX's name, made readable."""
    group, label, unit = _KNOWN.get(setting.name, (OTHER, "", ""))
    unit = unit if unit and setting.unit in ("", "--") else setting.unit
    return Row(
        group, label or printable(readable(setting.name)), for_people(setting.value, unit), where, setting
    )


def readable(name: str) -> str:
    """Make MATRIX's name of a setting readable.

    >>> readable("EEPA::Regulator.Z_Ramp_Slew_Rate"), readable("MARK::MTRX.STS_LOCATION")
    ('Regulator: Z Ramp Slew Rate', 'MTRX: STS LOCATION')
    """
    return name.removeprefix("EEPA::").removeprefix("MARK::").replace("_", " ").replace(".", ": ", 1)
