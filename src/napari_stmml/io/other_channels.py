"""What was recorded beside the heights of a frame, as scans: currents, frequency shifts and the like."""

from pathlib import Path

from napari_stmml.io.matrix.files import channels_beside
from napari_stmml.io.matrix.reader import read_mtrx
from napari_stmml.io.nanonis import read_other_channels as read_of_nanonis
from napari_stmml.scan import Scan, ScanFileError


def read_other_channels(path: str | Path) -> list[Scan]:
    """Read the other channels of a frame: of MATRIX in files beside it, of Nanonis in the same file.

    Parameters
    ----------
    path : str or Path
        The file of the scan.

    Returns
    -------
    list of Scan
        One for each channel and direction, the right way up: currents in nA, lengths in nm, else in the
        unit of the file. Empty where nothing else was recorded, and for other formats.

    Raises
    ------
    ScanFileError
        If there is no such file, or one cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise ScanFileError(f"No such file: {path}")
    if path.name.lower().endswith(".sxm"):
        return read_of_nanonis(path)
    return [scan for file in channels_beside(path) for scan in read_mtrx(file)]
