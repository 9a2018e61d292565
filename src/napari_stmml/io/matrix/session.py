"""The parameter file of a MATRIX session, parsed once for all its scans."""

import struct
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stmml.io.matrix.files import FILE_ID, frame_of, parameter_files
from napari_stmml.io.names import folded
from napari_stmml.scan import ScanFileError
from napari_stmml.system.kept import Kept
from napari_stmml.system.regular_file import read_bytes

if TYPE_CHECKING:
    from napari_stmml.io.matrix.parsed_frame import ParsedFrame

MOST_PARAMETER_BYTES = 2**28  # of one file; those of real sessions have 1 to 2 MB
_SESSIONS = 4  # that are kept: some MB each
_EACH = 10  # frames: what holds after so many is kept, and parsing goes on from there


class Session:
    """All that a session's parameter files say, and what held when each of its frames was taken.

    Parameters
    ----------
    parameters : bytes
        The files, joined.
    """

    def __init__(self, parameters: bytes) -> None:
        self.parameters = parameters
        self._order: dict[str, int] = {}  # how many frames come before each that was parsed
        self._states: list[ParsedFrame] = []  # after each ten frames
        self._lock = threading.Lock()

    def frame(self, name: str | None) -> "ParsedFrame":
        """Parse what holds for a frame: all that is listed before its own name.

        Parameters
        ----------
        name : str or None
            As it is listed; None: all there is.

        Returns
        -------
        ParsedFrame
        """
        from napari_stmml.io.matrix.parsed_frame import ParsedFrame

        with self._lock:
            data = ParsedFrame(self.parameters, name)
            count = self._start(data, name)
            while data.at < len(self.parameters) and data.param["BREF"] != name:
                last = data.param["BREF"]
                data.read_block()
                if data.param["BREF"] != last:
                    self._order.setdefault(data.param["BREF"], count)
                    count += 1
                    if count == _EACH * (len(self._states) + 1):
                        self._states.append(data.copied())
            return data

    def _start(self, data: "ParsedFrame", name: str | None) -> int:
        """Let a frame begin where another stopped before it; return how many frames are before that."""
        before = self._order.get(name or "", _EACH * len(self._states))
        if states := before // _EACH:
            data.go_on_from(self._states[states - 1])
        return _EACH * states

    def recorded_name(self, name: str) -> str | None:
        """Return the one listed name that differs from ``name`` in case and accents, or else in the session.

        Parameters
        ----------
        name : str
            Of a result file.

        Returns
        -------
        str or None
            None where no name that is listed, or more than one, can be that of the scan.
        """
        if name in self._listed:
            return name
        alike = [one for one in self._listed if folded(one) == folded(name)]
        alike = alike or [one for one in self._listed if frame_of(one) == frame_of(name)]
        return alike[0] if len(alike) == 1 else None

    @cached_property
    def _listed(self) -> dict[str, None]:
        return dict.fromkeys(_listed_names(self.parameters))


def session_of(path: Path) -> Session:
    """Return the session of a scan.

    Parameters
    ----------
    path : Path
        A result file.

    Returns
    -------
    Session
        The same one for all scans of it, while its files do not change.

    Raises
    ------
    ScanFileError
        If no parameter file of the session lies beside the scan, or it is not of MATRIX.
    OSError, NoRegularFile
        If one cannot be read, is no file, or has more than 256 MiB.
    """
    links = parameter_files(path)
    if not links:
        session = path.name.rpartition("--")[0]
        raise ScanFileError(
            f"Parameter file missing: {session}_0001.mtrx is not in {path.parent}, and"
            f" {path.name} has neither scale nor settings without it; put it there."
        )
    first = links[0]
    try:
        return _session(*links)
    except _NotMatrix as error:
        raise ScanFileError(
            f"Damaged: {path.name} or its parameter file cannot be read; {first.name} is not of MATRIX."
        ) from error


class _NotMatrix(ValueError):
    pass


def _read(*links: Path) -> Session:
    first, *others = (read_bytes(link, MOST_PARAMETER_BYTES) for link in links)
    if not first.startswith(FILE_ID):
        raise _NotMatrix
    return Session(b"".join([first, *(other[len(FILE_ID) :] for other in others)]))


_session = Kept(_read, _SESSIONS)


def _listed_names(parameters: bytes) -> Iterator[str]:
    """Yield the names of the result files that a session lists, each in a block of its own."""
    at = parameters.find(b"FERB")
    while 0 <= at <= len(parameters) - 24:
        (length,) = struct.unpack_from("<L", parameters, at + 20)
        if length <= 255:
            yield parameters[at + 24 : at + 24 + 2 * length].decode("utf-16-le", "replace")
        at = parameters.find(b"FERB", at + 4)
