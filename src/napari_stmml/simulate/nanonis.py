"""Write simulated scans as real Nanonis bytes, ``.sxm``."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

_TAKEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_HEADER = """:NANONIS_VERSION:
2
:SCANIT_TYPE:
              FLOAT            MSBFIRST
:REC_DATE:
 {taken:%d.%m.%Y}
:REC_TIME:
{taken:%H:%M:%S}
:SCAN_PIXELS:
{points:10d}{lines:10d}
:SCAN_RANGE:
{width:24.6E}{height:24.6E}
:SCAN_OFFSET:
{x:24.6E}{y:24.6E}
:SCAN_ANGLE:
{angle:20.6E}
:SCAN_DIR:
{slow}
:BIAS:
{bias:20.6E}
:Z-CONTROLLER:
\tName\ton\tSetpoint\tP-gain\tI-gain\tT-const
\tlog Current\t1\t{setpoint:.6E} A\t3.514E-12 m\t3.479E-8 m/s\t1.010E-4 s
:COMMENT:
{comment}
:Bias>Bias (V):
{bias:.6E}
:DATA_INFO:
\tChannel\tName\tUnit\tDirection\tCalibration\tOffset
\t0\tCurrent\tA\tboth\t1.000E-9\t0.000E+0
\t14\tZ\tm\tboth\t9.000E-9\t0.000E+0

:SCANIT_END:


"""


def write_sxm(
    path: str | Path,
    heights: Mapping[str, np.ndarray],
    size_nm: Sequence[float],
    *,
    bias: float = -2.0,
    setpoint: float = 0.05,
    angle: float = 0.0,
    offset_nm: tuple[float, float] = (0.0, 0.0),
    taken: datetime = _TAKEN,
    comment: str = "",
) -> Path:
    """Write one frame as Nanonis records it, with its setpoint as the current of every point.

    Parameters
    ----------
    path : str or Path
    heights : mapping of str to ndarray, shape (rows, cols)
        Heights in nm, row 0 at the top, of ``forward/up`` and ``backward/up``, or of both ways down; NaN
        where nothing was scanned.
    size_nm : (float, float)
        Height and width of the frame in nm.
    bias, setpoint : float
        V and nA.
    angle : float
        Rotation of the frame in degrees, positive anticlockwise.
    offset_nm : (float, float)
        Centre of the frame, x and y of the scanner in nm.
    taken : datetime
        What the clock of the instrument says.
    comment : str

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the directions are not those of one frame.
    """
    slow = {name.partition("/")[2] for name in heights}
    if len(slow) != 1 or {name.partition("/")[0] for name in heights} != {"forward", "backward"}:
        raise ValueError(f"heights must be forward and backward of one frame, got {' + '.join(heights)}")
    (slow_name,) = slow
    rows = -1 if slow_name == "up" else 1
    maps = [
        np.asarray(heights[f"{way}/{slow_name}"], float)[::rows, :: -1 if way == "backward" else 1]
        for way in ("forward", "backward")
    ]
    lines, points = maps[0].shape
    header = _HEADER.format(
        points=points,
        lines=lines,
        width=size_nm[1] * 1e-9,
        height=size_nm[0] * 1e-9,
        x=offset_nm[0] * 1e-9,
        y=offset_nm[1] * 1e-9,
        angle=-angle,
        slow=slow_name,
        bias=bias,
        setpoint=setpoint * 1e-9,
        taken=taken,
        comment=comment,
    )
    currents = [np.full((lines, points), setpoint) for _ in maps]
    numbers = np.concatenate([np.ravel(one) * 1e-9 for one in (*currents, *maps)]).astype(">f4")
    path = Path(path)
    path.write_bytes(header.encode("latin-1", "replace") + b"\x1a\x04" + numbers.tobytes())
    return path
