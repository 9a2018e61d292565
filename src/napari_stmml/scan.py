"""One height map and the settings it was taken with."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

DIRECTIONS = ("forward/up", "backward/up", "forward/down", "backward/down")
TOPOGRAPHY = "Z"  # the channel of heights
SHORT = {"forward/up": "FU", "backward/up": "BU", "forward/down": "FD", "backward/down": "BD"}


class NotUsable(ValueError):
    """A scan that cannot be used.

    ``reason`` says why in a few words that many scans share, ``sentence`` in one sentence. The message is the
    sentence, after the name of the scan where that is given.
    """

    def __init__(self, reason: str, sentence: str, scan: str = "") -> None:
        super().__init__(f"{scan}: {sentence}" if scan else sentence)
        self.reason, self.sentence = reason, sentence


class ScanFileError(ValueError):
    """A file that gives no scan; the message names the file and what to do."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One height map (rows, cols), row 0 at the top of the frame, and its settings.

    ``Scan(heights=..., pixel_size=(d, d))`` is enough to make one by hand.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        Heights in ``unit``; NaN where nothing was scanned. Kept as a read-only view.
    pixel_size : (float, float) or None
        nm per pixel along rows and along columns; None where the scale is not known.
    direction : str
        One of ``forward/up``, ``backward/up``, ``forward/down``, ``backward/down``, or empty.
    channel, unit : str
        What was recorded, and the unit of the values: ``Z`` in ``nm``, ``I`` in ``nA``, ...
    bias, setpoint : float or None
        Bias in V and setpoint in nA that hold for this direction; None where the file does not say.
    angle : float or None
        Rotation of the frame in degrees, positive anticlockwise; None where the file does not say.
    offset : (float, float) or None
        Centre of the frame, x and y of the scanner in nm; None where the file does not say.
    taken : datetime or None
        When the scan was finished, UTC; of a file without a time zone, the time that it names.
    source : str
        Path of the file it came from, or empty.
    history : tuple of str
        What was done to the heights since they were read.
    other : ndarray, shape (rows, cols), or None
        Heights of the same pixels at another bias, ``other_bias`` in V; see `heights.two_biases`.

    Raises
    ------
    ValueError
        If the heights are not two-dimensional numbers, a pixel size is not positive,
        or the direction is not known.

    Examples
    --------
    >>> scan = Scan(heights=np.zeros((300, 200)), pixel_size=(0.1, 0.1))
    >>> scan.size_nm
    (30.0, 20.0)
    """

    heights: np.ndarray
    pixel_size: tuple[float, float] | None
    direction: str = ""
    channel: str = TOPOGRAPHY
    unit: str = "nm"
    bias: float | None = None
    setpoint: float | None = None
    angle: float | None = None
    offset: tuple[float, float] | None = None
    taken: datetime | None = None
    source: str = ""
    history: tuple[str, ...] = field(default=())
    other: np.ndarray | None = field(default=None, repr=False)
    other_bias: float | None = None

    def __post_init__(self) -> None:
        heights = _read_only(self.heights)
        object.__setattr__(self, "heights", heights)
        if self.other is not None and np.shape(self.other) != heights.shape:
            raise ValueError(
                f"other must have the shape of the heights, {heights.shape}, got {np.shape(self.other)}"
            )
        if self.pixel_size is not None:
            along_rows, along_cols = (float(size) for size in self.pixel_size)
            if not (0 < along_rows < np.inf and 0 < along_cols < np.inf):
                raise ValueError(f"pixel_size must be two positive nm per pixel, got {self.pixel_size}")
            object.__setattr__(self, "pixel_size", (along_rows, along_cols))
        if self.direction and self.direction not in DIRECTIONS:
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {self.direction!r}")

    @property
    def size_nm(self) -> tuple[float, float] | None:
        """Height and width of the frame in nm, or None where the scale is not known."""
        if self.pixel_size is None:
            return None
        rows, cols = self.heights.shape
        return rows * self.pixel_size[0], cols * self.pixel_size[1]

    def in_scanner(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where points of the frame lie in coordinates of the scanner, x to the right and y upwards.

        Parameters
        ----------
        x, y : ndarray of float
            nm from the top left corner of the frame to the right and down.

        Returns
        -------
        ndarray, ndarray
            x and y in nm; NaN where the size of the frame, its place or its angle is not known. A frame of
            a positive angle is turned anticlockwise about its centre, as access2theMatrix has it.

        Examples
        --------
        >>> scan = Scan(np.zeros((10, 20)), (1.0, 1.0), angle=90.0, offset=(100.0, 0.0))
        >>> [float(round(one, 9)) for one in scan.in_scanner(np.float64(20), np.float64(5))]
        [100.0, 10.0]
        """
        if self.offset is None or self.angle is None or self.size_nm is None:
            return np.full(np.shape(x), np.nan), np.full(np.shape(y), np.nan)
        (height, width), turn = self.size_nm, np.radians(self.angle)
        right, up = x - width / 2, height / 2 - y
        along, across = np.cos(turn), np.sin(turn)
        return (
            self.offset[0] + right * along - up * across,
            self.offset[1] + right * across + up * along,
        )

    def from_scanner(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where points given in coordinates of the scanner lie in the frame: undoes `in_scanner`.

        Parameters
        ----------
        x, y : ndarray of float
            nm, x to the right and y upwards.

        Returns
        -------
        ndarray, ndarray
            nm from the top left corner to the right and down, beyond the frame too; NaN as `in_scanner`.

        Examples
        --------
        >>> scan = Scan(np.zeros((10, 20)), (1.0, 1.0), angle=90.0, offset=(100.0, 0.0))
        >>> [float(round(one, 9)) for one in scan.from_scanner(np.float64(100), np.float64(10))]
        [20.0, 5.0]
        """
        if self.offset is None or self.angle is None or self.size_nm is None:
            return np.full(np.shape(x), np.nan), np.full(np.shape(y), np.nan)
        (height, width), turn = self.size_nm, np.radians(self.angle)
        right, up = x - self.offset[0], y - self.offset[1]
        along, across = np.cos(turn), np.sin(turn)
        return width / 2 + right * along + up * across, height / 2 + right * across - up * along

    @property
    def short_direction(self) -> str:
        """FU, BU, FD or BD; empty where the direction is not known."""
        return SHORT.get(self.direction, "")

    @property
    def way_back(self) -> str:
        """Direction of the same lines recorded the other way; empty where the direction is not known.

        >>> Scan(np.zeros((2, 2)), None, "forward/up").way_back
        'backward/up'
        """
        fast, _, slow = self.direction.partition("/")
        return f"{'backward' if fast == 'forward' else 'forward'}/{slow}" if slow else ""

    @property
    def name(self) -> str:
        """A readable name: scan number, channel, direction, bias, session.

        >>> Scan(np.zeros((2, 2)), (1, 1), "forward/up", bias=-1.7,
        ...      source="x/default_2011Mar10-162902_STM-STM_Spectroscopy--1_3.Z_mtrx").name
        '1_3 Z forward/up -1.7 V (2011Mar10-162902)'
        """
        session, dashes, _ = self.stem.rpartition("--")
        dated = [part for part in session.split("_") if part[:4].isdigit()]
        return f"{self.short_name} ({dated[0] if dated else session})" if dashes else self.short_name

    @property
    def short_name(self) -> str:
        """The name without the session: short enough for a list of layers."""
        _, dashes, number = self.stem.rpartition("--")
        channel = self.channel if dashes or self.channel != TOPOGRAPHY else ""
        words = [number if dashes else self.stem, channel, self.direction]
        if self.bias is not None:
            words.append(f"{self.bias:.4g} V")
        return " ".join(word for word in words if word)

    @property
    def stem(self) -> str:
        """File name without folder and ending; ``scan`` where there is no file."""
        return Path(self.source).stem or "scan"

    def with_heights(self, heights: np.ndarray, did: str, pixel_size: tuple[float, float] | None) -> "Scan":
        """Return this scan with other heights.

        Parameters
        ----------
        heights : ndarray, shape (rows, cols)
        did : str
            What was done, in words; it is added to the history.
        pixel_size : (float, float) or None
            nm per pixel of these heights along rows and along columns.

        Returns
        -------
        Scan
            Without the heights at another bias.
        """
        history = (*self.history, did)
        return replace(self, heights=heights, pixel_size=pixel_size, history=history, other=None)

    def settings(self) -> dict[str, Any]:
        """Everything but heights, as JSON knows it; ``Scan.from_settings`` is the inverse.

        Returns
        -------
        dict of str to object
            Lists in place of tuples, and ``taken`` as ISO 8601 text.
        """
        known = {name: getattr(self, name) for name in _settings()}
        known["taken"] = None if self.taken is None else self.taken.isoformat()
        if self.other_bias is None:
            del known["other_bias"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}

    @classmethod
    def from_settings(cls, heights: np.ndarray, settings: dict[str, Any]) -> "Scan":
        """Make a scan from heights and what ``settings`` returned.

        Parameters
        ----------
        heights : ndarray, shape (rows, cols)
        settings : dict
            Keys that are none of a scan are ignored.

        Returns
        -------
        Scan
        """
        known = {key: value for key, value in settings.items() if key in _settings()}
        for key in ("pixel_size", "offset", "history"):
            if known.get(key) is not None:
                known[key] = tuple(known[key])
        if known.get("taken") is not None:
            known["taken"] = datetime.fromisoformat(known["taken"])
        return cls(heights=heights, **known)


def _read_only(heights: np.ndarray) -> np.ndarray:
    """Return a map as floats that cannot be written to, or refuse what is none."""
    heights = np.asarray(heights)
    if heights.ndim != 2 or 0 in heights.shape:
        raise ValueError(f"heights must be a filled map (rows, cols), got shape {heights.shape}")
    if heights.dtype.kind not in "fiub":
        raise ValueError(f"heights must be real numbers, got {heights.dtype}")
    view = (heights if heights.dtype.kind == "f" else heights.astype(np.float32)).view()
    view.flags.writeable = False
    return view


def _settings() -> list[str]:
    return [known.name for known in fields(Scan) if known.name not in ("heights", "other")]
