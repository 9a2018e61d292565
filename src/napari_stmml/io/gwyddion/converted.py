"""Read files of other microscopes through Gwyddion's converter, a program of its own, by gwyddionpy."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.gwyddion.channel import Channel, scans_of, settings_of
from napari_stmml.io.named_settings import NamedSettings
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.regular_file import check_file
from napari_stmml.text import shortened

MOST_BYTES = 1 << 30
_SECONDS = 60.0  # the converter takes a tenth of one
_HEAD = 1 << 16  # bytes in which a file says what it is


@dataclass(frozen=True)
class Kind:
    """A kind of file that the converter reads.

    Parameters
    ----------
    name : str
        Who makes such files.
    patterns : tuple of str
        Of their names, in lower case.
    marks : tuple of bytes
        One of which stands near the beginning of each; none where the name is enough.
    """

    name: str
    patterns: tuple[str, ...]
    marks: tuple[bytes, ...] = ()

    @property
    def ending(self) -> str:
        """How the name of such a file ends, for people."""
        return self.patterns[0].removeprefix("*")

    def is_one(self, path: Path) -> bool:
        """Say whether a file of such a name is of this kind."""
        try:
            check_file(path)
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except (OSError, ValueError):
            return False
        return not self.marks or any(mark in head for mark in self.marks)


KINDS = (
    Kind("RHK", ("*.sm4", "*.sm3", "*.sm2")),
    Kind("Createc", ("*.dat",), (b"[Parameter]", b"[Paramco32]", b"[Paramet32]")),
    Kind("Omicron SCALA", ("*.par",), (b"Omicron SPM Control",)),
    Kind("WSxM", ("*.stp", "*.top", "*.tom"), (b"WSxM file",)),
    Kind("Bruker", ("*.spm", "*.[0-9][0-9][0-9]"), (b"\\*File list",)),
    Kind("GXSM", ("*.nc",), (b"rangex",)),
)


def read_converted(path: str | Path) -> list[Scan]:
    """Read the heights of a file of another microscope as its scans.

    Parameters
    ----------
    path : str or Path
        One of `KINDS`.

    Returns
    -------
    list of Scan
        Heights in nm, the right way up, backward lines turned. Bias, setpoint, direction and date are known
        where Gwyddion tells them with their units; angle and place of the frame are not.

    Raises
    ------
    ScanFileError
        If gwyddionpy is not installed, or its converter cannot read the file in a minute.
    """
    path = Path(path)
    with one_sentence(path.name):
        return scans_of(_channels(path), str(path), path.name)


def read_settings(path: str | Path) -> NamedSettings:
    """Read all that Gwyddion tells of a file of another microscope.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    NamedSettings

    Raises
    ------
    ScanFileError
        As `read_converted`.
    """
    with one_sentence(Path(path).name):
        return settings_of(_channels(Path(path)), str(path))


def _channels(path: Path) -> list[Channel]:
    """Convert a file, and return its channels."""
    check_file(path, MOST_BYTES)
    named = [one for one in KINDS if any(fnmatchcase(path.name.lower(), each) for each in one.patterns)]
    if not any(one.is_one(path) for one in named):
        makers = " or ".join(one.name for one in named)
        raise ScanFileError(f"Not a scan: {path.name} does not begin like a file of {makers}.")
    return [
        Channel(
            one.name,
            one.data,
            (float(one.yreal), float(one.xreal)),
            one.si_unit_z,
            one.si_unit_xy,
            meta={key: text for key, text in one.meta.items() if key},
        )
        for one in _converted(path).channels.values()
    ]


def _converted(path: Path) -> Any:
    """Convert a file to what gwyddionpy makes of it."""
    try:
        import gwyddionpy
    except ImportError as error:
        raise ScanFileError(_missing(path)) from error
    try:
        return gwyddionpy.load(path, timeout=_SECONDS)
    except gwyddionpy.ConverterNotFoundError as error:
        raise ScanFileError(_missing(path)) from error
    except gwyddionpy.GwyddionPyError as error:
        lines = str(error).replace(str(path), path.name).splitlines()
        why = next((line for line in reversed(lines) if "gwyconvert:" in line), lines[0] if lines else "")
        raise ScanFileError(f"Not converted: {path.name} ({shortened(why, 120)}).") from error


def _missing(path: Path) -> str:
    return (
        f"Converter missing: {path.name} needs Gwyddion's; install it with pip install napari-stmml[formats]."
    )
