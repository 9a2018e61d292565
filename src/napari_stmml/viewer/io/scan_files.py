"""The scans that lie in the file of an open one, whether they are open or not."""

from napari_stmml.io.formats import read_scan_file
from napari_stmml.scan import Scan, ScanFileError


def in_file(scan: Scan) -> list[Scan]:
    """Read the scans of the file that a scan came from.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    list of Scan
        Empty where there is no file, or it has gone, or cannot be read any more.
    """
    try:
        return read_scan_file(scan.source) if scan.source else []
    except ScanFileError:
        return []
