"""Read the scans that a request names, file by file; what cannot be read is reported."""

from collections.abc import Callable, Iterable, Iterator

from napari_stmml.events import Listener, Skipped
from napari_stmml.io.formats import files_of, read_outlines, read_scan_file
from napari_stmml.io.outline import Outline
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
    for file, why in files_of(paths):
        if should_stop():
            raise Stopped("stopped while scans were read")
        try:
            if why:
                raise ScanFileError(why)
            yield from read_scan_file(file)
        except ScanFileError as error:
            report(Skipped(str(file), str(error)))


def stream_outlines(paths: Iterable[str], report: Listener) -> Iterator[Outline]:
    """Read scans without their heights, file by file, as `stream_scans`; their order is the same.

    Parameters
    ----------
    paths : iterable of str
        As those of `stream_scans`.
    report : callable
        Gets `Skipped` of each file that cannot be read.

    Yields
    ------
    Outline
        One for each scan.
    """
    for file, why in files_of(paths):
        try:
            if why:
                raise ScanFileError(why)
            yield from read_outlines(file)
        except ScanFileError as error:
            report(Skipped(str(file), str(error)))


def count_files(paths: Iterable[str]) -> int:
    """Count the data files that `stream_scans` reads, for progress; a path that gives none counts as one."""
    return sum(1 for _ in files_of(paths))
