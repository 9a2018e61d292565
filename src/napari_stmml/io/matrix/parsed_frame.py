"""Parse the bytes of a MATRIX frame; the only door to access2theMatrix."""

import re
import struct
from time import localtime, strftime

import numpy as np
from access2thematrix import MtrxData

from napari_stmml.io.matrix.files import FILE_ID

_SHORT_NOTE = 600  # bytes: access2theMatrix's pattern for notes takes the third power of their length
_DEEPEST = 8  # blocks in blocks; files of MATRIX have two


class ParsedFrame(MtrxData):
    """What access2theMatrix makes of one image, from bytes and not from files.

    Its own ``open`` finds files by the exact names that they were recorded under, keeps every point as an
    object of Python, and swallows Ctrl+C.

    Parameters
    ----------
    parameters : bytes
        The parameter files of the session, joined.
    recorded_name : str or None
        The name that they list the image under: what they say after it is not of this image.
    """

    def __init__(self, parameters: bytes, recorded_name: str | None) -> None:
        super().__init__()
        self.raw_param = parameters
        self.channel_name = (
            "" if recorded_name is None else recorded_name.rpartition(".")[2].rpartition("_")[0]
        )
        self._depth = 0
        at = len(FILE_ID)
        while at < len(parameters) and self.param["BREF"] != recorded_name:
            at = self._scan_raw_param(at, parameters)

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
