"""Settings as a file lists them, by name: values with units, and their table for people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from napari_stmml.io.settings import GROUPS, OTHER, Row, Setting, for_people, printable

_WORDS = {"V": "Volt", "A": "Ampere", "m": "Meter", "s": "Second", "m/s": "Meter/second", "Hz": "Hertz"}
_WORDS |= {"deg": "Degree", "%": "Percent"}
_UNIT_IN_NAME = re.compile(r"(?P<name>.*\S)\s*\((?P<unit>[^()]{1,12})\)")
_UNIT_AFTER = re.compile(r"(?P<number>\S+)\s+(?P<unit>[^\s\d][^\s]{0,11})")
_GROUPS: dict[str, tuple[str, ...]] = {
    "Bias and current": ("bias", "current", "setpoint", "voltage"),
    "Feedback": ("z-controller", "z controller", "controller", "feedback", "gain"),
    "Scan frame": ("scan_", "scan>", "scan ", "piezo", "offset", "angle", "range", "pixel", "rotation"),
    "Timing": ("date", "time", "period"),
    "Sample and comments": ("comment", "sample", "session", "user", "title"),
}


@dataclass(frozen=True)
class NamedSettings:
    """What a file lists beside its heights.

    Parameters
    ----------
    source : str
        Path of the file.
    taken : datetime or None
        When the scan was taken, by the file's own clock.
    parameters : mapping of str to Setting
        By the file's own names, in its order.
    """

    source: str
    taken: datetime | None
    parameters: Mapping[str, Setting]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it.

        Returns
        -------
        dict
            ``file``, ``taken`` (ISO 8601, or None), and ``parameters`` by name.
        """
        return {
            "file": self.source,
            "taken": None if self.taken is None else self.taken.isoformat(),
            "parameters": {name: setting.as_dict() for name, setting in self.parameters.items()},
        }

    def rows(self) -> list[Row]:
        """Return the table for people, grouped as ``GROUPS`` by words in the names.

        Returns
        -------
        list of Row
        """
        rows = [_row(setting) for setting in self.parameters.values()]
        return sorted(rows, key=lambda row: GROUPS.index(row.group))


def setting_of(name: str, text: str) -> Setting:
    """Make a setting of a name and a text, with the unit that either of them gives.

    Parameters
    ----------
    name, text : str
        As they stand in the file.

    Returns
    -------
    Setting
        A number where the text is one, SI where the unit is; else the text.

    Examples
    --------
    >>> setting_of("Bias>Bias (V)", "-50E-3"), setting_of("Setpoint", "2.5E-11 A").unit
    (Setting(name='Bias>Bias (V)', value=-0.05, unit='Volt', how=''), 'Ampere')
    """
    text = text.strip()
    unit, number = "", text
    if found := _UNIT_IN_NAME.fullmatch(name):
        unit = found["unit"]
    if after := _UNIT_AFTER.fullmatch(text):
        number, unit = after["number"], after["unit"]
    value = _number(number)
    return Setting(name, text) if value is None else Setting(name, value, _WORDS.get(unit, unit))


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text) if "_" not in text else None
        except ValueError:
            continue
    return None


def _row(setting: Setting) -> Row:
    """Make the row of a setting: its name without the unit, readable."""
    found = _UNIT_IN_NAME.fullmatch(setting.name)
    label = (found["name"] if found else setting.name).replace(">", ": ").replace("_", " ")
    label = label.capitalize() if label.isupper() else label
    where = setting.name.lower()
    group = next((one for one, words in _GROUPS.items() if any(word in where for word in words)), OTHER)
    return Row(group, printable(label), for_people(setting.value, setting.unit), "scan file", setting)
