"""Settings of a scan's file: exact for programs; rounded, in groups and usual units, for people."""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

OTHER = "Everything else"
GROUPS = ("Bias and current", "Feedback", "Scan frame", "Timing", "Sample and comments", OTHER)
DERIVED = "derived"  # where a row stands that is in no file

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
_LIMIT = r"(-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)"
_RANGE = re.compile(f"{_LIMIT};{_LIMIT}", re.IGNORECASE)


@dataclass(frozen=True)
class Setting:
    """A value under the name and in the unit that the file gives it, exact.

    Parameters
    ----------
    name : str
        the file's own, such as ``EEPA::GapVoltageControl.Voltage``, or a short one of ours.
    value : object
        A number, a text, yes or no; now and then a list or a dict of these.
    unit : str
        The file's word: ``Volt``, ``Ampere``, ``--`` for none; empty where it states none.
    how : str
        For a derived value, what it was computed from.
    """

    name: str
    value: Any
    unit: str = ""
    how: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return value and unit as JSON knows them.

        Returns
        -------
        dict of str to object
            ``value`` and ``unit``, and ``how`` where the value is derived.
        """
        how = {"how": self.how} if self.how else {}
        return {"value": as_json(self.value), "unit": self.unit, **how}

    @property
    def exact(self) -> str:
        """The value as the file has it, with its unit, in one line."""
        unit = "" if self.unit == "--" else self.unit
        return f"{self.value} {unit}".strip()


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

        Parameters
        ----------
        words : str
            Parted by spaces; capital letters do not count. Without any word every row matches.

        Returns
        -------
        bool

        Examples
        --------
        >>> row = Row("Timing", "Raster time", "0.5 ms", "parameter file", Setting("Raster_Time", 5e-4))
        >>> row.matches("time raster"), row.matches("bias")
        (True, False)
        """
        own = f"{self.label} {self.text} {self.where} {self.setting.name}".lower()
        return all(word in own for word in words.lower().split())


class FileSettings(Protocol):
    """All that the files of a scan say beside the heights."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it, derived values apart from those that stand in a file.

        Returns
        -------
        dict of str to object
        """

    def rows(self) -> list[Row]:
        """Return the table for people, grouped as ``GROUPS``.

        Returns
        -------
        list of Row
        """


def for_people(value: Any, unit: str = "") -> str:
    """Write a value as people do: four digits, a unit of fitting size; ``unit`` is the file's word.

    Parameters
    ----------
    value : object
        A number, a text, yes or no, or a list or dict of these.
    unit : str
        ``Volt``, ``Ampere``, ``--`` for none; used for numbers and for a text that is a range, ``-1;1``.

    Returns
    -------
    str
        On one line, without control characters: they would steer a terminal.

    Examples
    --------
    >>> for_people(-1.7000000000000002, "Volt"), for_people(5e-11, "Ampere"), for_people(True, "--")
    ('-1.7 V', '50 pA', 'yes')
    >>> for_people(2e-8, "Meter"), for_people(0.0005, "Second"), for_people(3.0, "Percent")
    ('20 nm', '0.5 ms', '3 %')
    """
    return printable(_written(value, unit))


def printable(text: str) -> str:
    r"""Return a text of a file on one line, with \N{REPLACEMENT CHARACTER} for what steers a terminal.

    >>> printable("a\x1b[2Jb\n  c")
    'a\ufffd[2Jb c'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


def _written(value: Any, unit: str = "") -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _quantity(value, unit)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_written(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_written(one) for one in value)
    if limits := _RANGE.fullmatch(str(value)):
        return " to ".join(_written(float(limit), unit) for limit in limits.groups())
    return str(value)


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


def as_json(value: Any) -> Any:
    """Return a value as JSON knows it; a number that it does not know (NaN) becomes its name."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(one) for one in value]
    return value
