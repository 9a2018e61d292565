"""What vendors call bias, setpoint, angle, direction and date in Gwyddion's texts of a channel."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite

from napari_stmml.io.named_settings import setting_of

_BRACKETS = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*$")
_BIAS = re.compile(r"(?:sample |tip |gap |topography |v_)?bias(?: ?voltage)?|gap voltage|biasvolt", re.I)
_SETPOINT = re.compile(
    r"(?:z controller |current |i_)?set ?-?point(?: current)?|feedback set|set current", re.I
)
_CURRENT = re.compile("current", re.I)  # of RHK and Createc, on its own
_VOLT = {"Volt": 1.0, "V": 1.0, "mV": 1e-3}
_NANOAMPERE = {"Ampere": 1e9, "A": 1e9, "uA": 1e3, "µA": 1e3, "nA": 1.0, "pA": 1e-3}
_WAYS = {"retrace": "backward", "backward": "backward", "trace": "forward", "forward": "forward"}
_CLOCKS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
)

Meta = Mapping[str, str]
ANGLE = "Angle, anticlockwise"


def bias(meta: Meta) -> float | None:
    """Return the bias in V; None where no unit or no number is given.

    >>> bias({"Bias::Offset (V)": "0E+0", "BiasVoltage / BiasVolt.[mV]": "-50"}), bias({"Bias": "2"})
    (-0.05, None)
    """
    return next(_numbers(meta, _BIAS, _VOLT), None)


def setpoint(meta: Meta) -> float | None:
    """Return the current that the feedback kept, in nA.

    >>> setpoint({"Z controller Setpoint": "2.500E-11 A", "Current::Current (A)": "1E-9"})
    0.025
    """
    own = {key: text for key, text in meta.items() if ":" not in key}
    told = [*_numbers(meta, _SETPOINT, _NANOAMPERE), *_numbers(own, _CURRENT, _NANOAMPERE)]
    return told[0] if told else None


def angle(meta: Meta) -> float | None:
    """Return the rotation of the frame in degrees, as `write_gwy` states it: vendors do not say which way."""
    return next(_numbers(meta, re.compile(re.escape(ANGLE)), {"Degree": 1.0}), None)


def direction(title: str, meta: Meta) -> str:
    """Return which way a channel was scanned; empty where title and texts do not say both axes.

    >>> direction("Z (Backward)", {"Direction": "down"}), direction("1-3 Z TraceUp", {}), direction("Z", {})
    ('backward/down', 'forward/up', '')
    """
    words = f"{title} {meta.get('Direction', '')}".lower()
    way = next((name for word, name in _WAYS.items() if word in words), "")
    slow = re.findall("up|down", words)
    return f"{way}/{slow[-1]}" if way and slow else ""


def taken(meta: Meta) -> datetime | None:
    """Return when it was taken; a clock without time zone is taken as UTC."""
    text = f"{meta.get('Date', '')} {meta.get('Time', '')}".strip()
    for clock in _CLOCKS:
        try:
            return datetime.strptime(text, clock).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _numbers(meta: Meta, names: re.Pattern[str], factors: Mapping[str, float]) -> Iterator[float]:
    """Yield each number that stands under one of these names with one of these units, in our unit.

    Of a vendor's name the part after the last ``:``, ``/`` or ``.`` counts.
    """
    for key, text in meta.items():
        unit = _BRACKETS.search(key)
        name = re.split(r"[:/.]", key[: unit.start()].rstrip(".") if unit else key)[-1].strip()
        setting = setting_of(f"x ({unit[1]})" if unit else "x", text)
        is_number = isinstance(setting.value, int | float) and isfinite(setting.value)
        if names.fullmatch(name) and setting.unit in factors and is_number:
            yield float(f"{setting.value * factors[setting.unit]:.12g}")
