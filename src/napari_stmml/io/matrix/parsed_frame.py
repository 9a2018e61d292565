"""Parse the bytes of a MATRIX frame; the only door to access2theMatrix."""

import re
import struct
from time import localtime, strftime
from typing import Any

import numpy as np
from access2thematrix import MtrxData

from napari_stmml.io.matrix.files import FILE_ID

_SHORT_NOTE = 600  # bytes: access2theMatrix's pattern for notes takes the third power of their length
_CURVE_POINTS = tuple(
    f"EEPA::{name}"
    for name in (
        "Spectroscopy.Device_1_Points",
        "Spectroscopy.Device_2_Points",
        "FrequencyPhaseDetector.Points",
    )
)
_DEEPEST = 8  # blocks in blocks; files of MATRIX have two


class ParsedFrame(MtrxData):
    """What access2theMatrix makes of one image, from bytes and not from files; `Session` reads its blocks.

    Its own ``open`` finds files by the exact names that they were recorded under, keeps every point as an
    object of Python, and swallows Ctrl+C.

    Parameters
    ----------
    parameters : bytes
        The parameter files of the session, joined.
    recorded_name : str or None
        The name that they list the image under: what they say after it is not of this image.
    """

    param: dict[str, Any]  # of the base class: settings by MATRIX's names
    channel_id: dict[str, str]
    x_unit = ""  # of a curve

    def __init__(self, parameters: bytes, recorded_name: str | None) -> None:
        super().__init__()
        self.raw_param = parameters
        self.channel_name = (
            "" if recorded_name is None else recorded_name.rpartition(".")[2].rpartition("_")[0]
        )
        self._depth = 0
        self.at = len(FILE_ID)  # where the next block begins

    def read_block(self) -> None:
        """Read the next block of the parameter file."""
        self.at = self._scan_raw_param(self.at, self.raw_param)

    def go_on_from(self, state: "ParsedFrame") -> None:
        """Take over what another frame of the session has read, up to where that stopped.

        Parameters
        ----------
        state : ParsedFrame
        """
        self.at, self.param, self.channel_id = state.at, dict(state.param), dict(state.channel_id)

    def copied(self) -> "ParsedFrame":
        """Return a frame that has read as much.

        Returns
        -------
        ParsedFrame
            Of no image.
        """
        state = ParsedFrame(self.raw_param, None)
        state.go_on_from(self)
        return state

    def lay_out(self, points: np.ndarray, seconds: int) -> None:
        """Make maps of points recorded until ``seconds``; without two whole lines ``traces`` stays empty."""
        self.param["BKLT"] = strftime("%A, %d %B %Y %H:%M:%S", localtime(seconds))
        self.data_item_count, self.data = len(points), points.astype(np.int64)
        try:
            scan, axis = self._im_data()
        except (ArithmeticError, LookupError, TypeError, ValueError):  # the parameters say too little
            return
        if all(scan.shape):
            self.scan, self.axis = scan, axis
            back, down = axis[2][:2]
            there = (True, back, down, back and down)
            self.traces = [name for name, is_there in zip(self.ALL_2D_TRACES, there, strict=True) if is_there]

    def lay_out_curve(self, points: np.ndarray, most: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Make sweeps of the recorded points of a curve.

        Parameters
        ----------
        points : ndarray of int, shape (n,)
        most : int
            Points that a sweep may have.

        Returns
        -------
        dict of str to (ndarray, ndarray)
            ``trace`` and, where it was recorded, ``retrace``: x, and values in SI units, in the order of
            the ramp. Where access2theMatrix does not know x, it counts points.

        Raises
        ------
        ValueError
            If a sweep is longer than ``most``.
        """
        planned = [value[0] for name, value in self.param.items() if name in _CURVE_POINTS]
        if any(isinstance(one, int | float) and not 0 <= one <= most for one in planned):
            raise ValueError(f"a sweep of more than {most} points")
        self.data_item_count, self.data = len(points), points.astype(np.int64)
        swept = np.asarray(self._cu_data())
        x, values = swept[0], swept[1:]
        self.x_unit = str(self.x_data_name_and_unit[1])
        if self.x_unit == "---":
            x = np.arange(len(x), dtype=float)
        first = min(len(points), len(x))
        found = {"trace": (x[:first], values[0][:first])}
        if len(values) > 1:
            start = max(0, 2 * len(x) - len(points))  # an unfinished way back has its beginning alone
            found["retrace"] = (x[start:], values[1][start:])
        return found

    def _get_ref_by(self, channel: str, bricklet_nr: int, run_cycle: int) -> list[None]:
        """Look for no scan of a curve on the disk: its place is known without."""
        return [None, None]

    @property
    def frame_m(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Centre and size of the frame along x, and along y, m."""
        scanner = (
            self.param[f"EEPA::XYScanner.{name}"][0] for name in ("X_Offset", "Width", "Y_Offset", "Height")
        )
        left, width, bottom, height = scanner
        return (left, width), (bottom, height)

    def rows_recorded(self, points: int) -> tuple[tuple[int, int], dict[str, int]]:
        """Say how many rows of each direction lie in so many points, as `lay_out` finds them.

        Parameters
        ----------
        points : int
            Recorded, of all directions together.

        Returns
        -------
        (int, int)
            Rows and columns of the frame.
        dict of str to int
            Rows by direction; empty where there are no two whole lines.
        """
        try:
            lines, cols, back, down = (
                self.param[f"EEPA::XYScanner.{name}"][0]
                for name in ("Lines", "Points", "X_Retrace", "Y_Retrace")
            )
            swept = points // (cols * (1 + int(back)))
            self._transfer(np.zeros(1))  # finds channel and unit
        except (ArithmeticError, LookupError, TypeError, ValueError):  # the parameters say too little
            return (0, 0), {}
        rows = min(lines, swept)
        if rows < 2 or cols < 2:
            return (lines, cols), {}
        below = swept - lines if down and swept > lines else 0
        found = zip(self.ALL_2D_TRACES, (rows, rows * bool(back), below, below * bool(back)), strict=True)
        return (lines, cols), {name: n for name, n in found if n}

    def _scan_raw_param(self, at: int, data: bytes) -> int:
        """Read one block, and those within it; return where the next begins."""
        (size,) = struct.unpack("<L", data[at + 4 : at + 8])
        if data[at : at + 4] == b"KRAM" and size > _SHORT_NOTE:
            self._keep_long_note(data[at + 16 : at + 16 + size])
            return at + 16 + size
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} blocks in blocks")
        following: int = super()._scan_raw_param(at, data)
        self._depth -= 1
        return following

    def _keep_long_note(self, block: bytes) -> None:
        """Keep the first line of a note as text, as access2theMatrix does with those that are no table."""
        _, text = self._read_string(0, block)
        if found := re.match(r"MTRX\$(.*?)-(.*)", text):
            self.param[f"MARK::MTRX.{found[1]}"] = found[2]
