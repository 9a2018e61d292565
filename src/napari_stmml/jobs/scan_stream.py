"""Read the scans that a request names, file by file; what cannot be read is reported."""

from collections.abc import Callable, Iterable, Iterator

from napari_stmml.events import Listener, Skipped
from napari_stmml.io.formats import find_scans, read_scan_file
from napari_stmml.io.scan_archive import load_scans
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.progress import Stopped


def stream_scans(
    paths: Iterable[str], report: Listener, should_stop: Callable[[], bool] = lambda: False, npz: str = ""
) -> Iterator[Scan]:
    """Read scans one file at a time; a file that gives none is reported, and the others follow.

    Parameters
    ----------
    paths : iterable of str
        Data files, parameter files of sessions, or folders.
    report : callable
        Gets `Skipped` of each file that cannot be read.
    should_stop : callable
        Asked before every file.
    npz : str
        A file of scans, as `save_scans` writes it, that come before the others.

    Raises
    ------
    Stopped
        If ``should_stop`` said so.
    """
    if npz:
        yield from load_scans(npz)
    for path in paths:
        try:
            files = find_scans(path)
        except (ScanFileError, OSError) as error:
            report(Skipped(str(path), str(error)))
            continue
        for file in files:
            if should_stop():
                raise Stopped("stopped while scans were read")
            try:
                yield from read_scan_file(file)
            except (ValueError, OSError) as error:
                report(Skipped(str(file), str(error)))


def count_files(paths: Iterable[str]) -> int:
    """Count the data files below paths, for progress; a path that gives none counts as one."""
    total = 0
    for path in paths:
        try:
            total += len(find_scans(path))
        except (ScanFileError, OSError):  # said when it is read
            total += 1
    return total
