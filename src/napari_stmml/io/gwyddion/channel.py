"""A channel as Gwyddion keeps it, whichever microscope it came from, and the scan that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from napari_stmml.io.gwyddion import meta
from napari_stmml.io.named_settings import NamedSettings, setting_of
from napari_stmml.scan import TOPOGRAPHY, Scan, ScanFileError

MOST_PIXELS = 2**26
_HIGHEST = 1e6  # nm: no scanner reaches as far
_NM = {"m": 1e9, "mm": 1e6, "um": 1e3, "µm": 1e3, "nm": 1.0, "Å": 0.1, "pm": 1e-3}


@dataclass(frozen=True, eq=False)
class Channel:
    """One map of a file.

    Parameters
    ----------
    title : str
    values : ndarray, shape (rows, cols)
        Row 0 at the top, in ``unit``.
    size : (float, float)
        Height and width of the map in ``size_unit``.
    unit, size_unit : str
    corner : (float, float), optional
        Least x and y of the frame in ``size_unit``; None where they are not known.
    meta : mapping of str to str
        All that is said of it.
    mask : ndarray of bool, shape (rows, cols), optional
    """

    title: str
    values: np.ndarray
    size: tuple[float, float]
    unit: str
    size_unit: str
    corner: tuple[float, float] | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    mask: np.ndarray | None = None

    @property
    def centre(self) -> tuple[float, float] | None:
        """Centre of the frame in nm; None where its corner is not known, or the unit is no length."""
        length = _NM.get(self.size_unit)
        if self.corner is None or length is None:
            return None
        x, y = ((at + side / 2) * length for at, side in zip(self.corner, self.size[::-1], strict=True))
        return (x, y) if isfinite(x) and isfinite(y) else None


def heights_among(channels: Sequence[Channel], name: str) -> list[Channel]:
    """Return the channels that are heights: those in units of length; without any, those without unit.

    Raises
    ------
    ScanFileError
        If the file, called ``name``, has none.
    """
    found = [one for one in channels if one.unit in _NM] or [one for one in channels if not one.unit]
    if not found:
        others = ", ".join(one.title or one.unit for one in channels) or "no map"
        raise ScanFileError(f"No heights: {name} holds {others[:80]}.")
    return found


def scan_of(channel: Channel, source: str, channel_name: str = TOPOGRAPHY) -> Scan:
    """Make the scan of a channel of heights.

    Raises
    ------
    ValueError
        If its size or its heights are impossible.
    """
    if not (min(channel.size) > 0 and all(map(isfinite, channel.size))):
        raise ValueError(f"its frame is {channel.size[1]:g} x {channel.size[0]:g} {channel.size_unit}")
    rows, cols = channel.values.shape
    length = _NM.get(channel.size_unit)
    heights = np.array(channel.values, np.float64) * _NM.get(channel.unit, 1.0)
    if channel.unit and (np.abs(heights) > _HIGHEST).any():
        raise ValueError(f"its heights are above {_HIGHEST * 1e-6:g} mm")
    return Scan(
        heights,
        None if length is None else (channel.size[0] * length / rows, channel.size[1] * length / cols),
        direction=meta.direction(channel.title, channel.meta),
        channel=channel_name,
        unit="nm" if channel.unit else "",
        bias=meta.bias(channel.meta),
        setpoint=meta.setpoint(channel.meta),
        angle=meta.angle(channel.meta),
        offset=channel.centre,
        taken=meta.taken(channel.meta),
        source=source,
    )


def scans_of(channels: Sequence[Channel], source: str, name: str) -> list[Scan]:
    """Make the scans of all channels of heights; of two of one direction the second is called by its title.

    Raises
    ------
    ScanFileError, ValueError
        If there are none, or one is impossible.
    """
    scans: list[Scan] = []
    for number, one in enumerate(heights_among(channels, name)):
        first = scan_of(one, source)
        known = {(scan.channel, scan.direction) for scan in scans}
        names = (TOPOGRAPHY, one.title, f"{one.title} {number + 1}".strip())
        own = next(each for each in names if each and (each, first.direction) not in known)
        scans.append(first if own == TOPOGRAPHY else scan_of(one, source, own))
    return scans


def settings_of(channels: Sequence[Channel], source: str) -> NamedSettings:
    """Return all that is said of the channels of a file; what several say, as the first says it."""
    told = {"Channels": ", ".join(one.title for one in channels)}
    for one in channels:
        told = {**one.meta, **told}
    when = next(filter(None, (meta.taken(one.meta) for one in channels)), None)
    return NamedSettings(source, when, {key: setting_of(key, text) for key, text in told.items()})
