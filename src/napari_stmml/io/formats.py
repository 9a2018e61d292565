"""The formats that scans are read from: a new one is a file in this package and an entry in `FORMATS`."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from napari_stmml.io import nanonis, pictures
from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.folder_search import files_below
from napari_stmml.io.gwyddion import converted
from napari_stmml.io.gwyddion import reader as gwyddion
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix import files, reader
from napari_stmml.io.outline import Outline, outline_of
from napari_stmml.io.settings import FileSettings
from napari_stmml.scan import Scan, ScanFileError

Paths = str | Path | Iterable[str | Path]


@dataclass(frozen=True)
class Format:
    """A file format of a microscope.

    Parameters
    ----------
    name : str
        What it is called.
    patterns : tuple of str
        Of the names of its files, in lower case, such as ``*.sxm``; those of `napari.yaml` follow them.
    ending : str
        Of the name of a topography, for people; empty where a folder is not searched for such files.
    read : callable
        Returns the scans of a file, one for each direction.
    settings : callable
        Returns all that a file says beside the heights.
    outlines : callable or None
        Returns the scans of a file without their heights, as fast as it can; None: ``read`` is taken.
    is_scan : callable
        Whether a file of these names is one to look at when a folder is read.
    scans_at : callable
        Lists the files that a file stands for, where it stands for a session of them.
    why_no_scan : callable
        Says why a file of a folder gives no scan; empty where that needs no word.
    order : callable
        Sorts files as they were taken.
    masks : callable
        Returns label maps that a file holds beside its scans.
    """

    name: str
    patterns: tuple[str, ...]
    ending: str
    read: Callable[[Path], list[Scan]]
    settings: Callable[[Path], FileSettings]
    outlines: Callable[[Path], list[Outline]] | None = None
    is_scan: Callable[[Path], bool] = lambda path: True
    scans_at: Callable[[Path], list[Path]] = lambda path: [path]
    why_no_scan: Callable[[Path], str] = lambda path: ""
    order: Callable[[Path], Any] = lambda path: (str(path.parent), path.name)
    masks: Callable[[Path], list[LabelMap]] = lambda path: []

    def matches(self, path: Path) -> bool:
        """Say whether the name is that of a file of this format.

        Parameters
        ----------
        path : Path
            Its folder does not matter, nor do capitals; the file need not exist.

        Returns
        -------
        bool
        """
        return any(fnmatchcase(path.name.lower(), pattern) for pattern in self.patterns)


FORMATS: tuple[Format, ...] = (
    Format(
        "MATRIX",
        ("*_mtrx", "*.mtrx"),
        ".Z_mtrx",
        reader.read_mtrx,
        reader.read_settings,
        outlines=reader.read_outlines,
        is_scan=files.is_topography,
        scans_at=files.scans_at,
        why_no_scan=files.why_no_scan,
        order=files.by_number,
    ),
    Format("Nanonis", ("*.sxm",), ".sxm", nanonis.read_sxm, nanonis.read_settings, nanonis.read_outlines),
    Format(
        "Gwyddion",
        ("*.gwy",),
        ".gwy",
        gwyddion.read_gwy,
        gwyddion.read_settings,
        is_scan=gwyddion.is_foreign,
        why_no_scan=gwyddion.why_no_scan,
        masks=gwyddion.read_masks,
    ),
    Format(
        "picture with a scale",
        pictures.PATTERNS,
        "",
        pictures.read_picture,
        pictures.read_settings,
        is_scan=lambda path: False,  # in a folder it is a result, or anything else
    ),
    *(
        Format(
            kind.name,
            kind.patterns,
            kind.ending,
            converted.read_converted,
            converted.read_settings,
            is_scan=kind.is_one,
        )
        for kind in converted.KINDS
    ),
)


def is_scan_file(path: str | Path) -> bool:
    """Say whether the name is that of a scan, or of a session of them, of a format that can be read.

    Parameters
    ----------
    path : str or Path
        The file need not exist.

    Returns
    -------
    bool
    """
    return _format_of(Path(path)) is not None


def is_found_in_folders(path: str | Path) -> bool:
    """Say whether a file is a scan that `find_scans` lists where its folder is given.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
    """
    one = _format_of(Path(path))
    return one is not None and one.is_scan(Path(path))


def find_scans(path: str | Path) -> list[Path]:
    """List the topographies that a path stands for, sorted as they were taken.

    Parameters
    ----------
    path : str or Path
        A folder stands for all below it, behind links too, a MATRIX parameter file (``..._0001.mtrx``) for
        its session beside it, any other file for itself.

    Returns
    -------
    list of Path

    Raises
    ------
    ScanFileError
        If the path does not exist, cannot be read, or stands for no scan.
    """
    path = Path(path)
    with one_sentence(str(path)):
        if not path.exists():
            raise ScanFileError(f"No such file or folder: {path}")
        if path.is_dir():
            return _scans_below(path)[0]
        one = _format_of(path)
        return sorted(one.scans_at(path), key=one.order) if one else [path]


def files_of(paths: Iterable[str | Path]) -> Iterator[tuple[Path, str]]:
    """List each file that paths stand for, once: a session given with its scans has each scan once.

    Parameters
    ----------
    paths : iterable of str or Path
        As those of `find_scans`.

    Yields
    ------
    (Path, str)
        A file to read, or a path with the reason why it stands for no scan, or cannot be looked into.
    """
    seen: set[str] = set()
    folders: dict[str, str] = {}  # where each really lies
    for path in map(Path, paths):
        try:
            with one_sentence(str(path)):
                found, unreadable = _scans_below(path) if path.is_dir() else (find_scans(path), {})
        except ScanFileError as error:
            yield path, str(error)
            continue
        for file, why in [*((file, "") for file in found), *unreadable.items()]:
            if (real := _real(file, folders)) not in seen:
                seen.add(real)
                yield file, why


def left_out(folder: str | Path) -> Iterator[tuple[Path, str]]:
    """List the files of known formats below a folder that `find_scans` leaves out, and unreadable folders.

    Parameters
    ----------
    folder : str or Path

    Yields
    ------
    (Path, str)
        A file and the reason.
    """
    files, unreadable = files_below(folder)
    for file in sorted(files):
        if (one := _format_of(file)) and (why := one.why_no_scan(file)):
            yield file, why
    yield from _said(unreadable).items()


def read_scan_file(path: str | Path) -> list[Scan]:
    """Read one file as its scans, one for each direction that was recorded.

    Parameters
    ----------
    path : str or Path
        A file of a known format.

    Returns
    -------
    list of Scan
        Heights in nm (currents in nA), row 0 at the top; see `napari_stmml.io.matrix.reader.read_mtrx`.

    Raises
    ------
    ScanFileError
        If there is no such file, its format is not known, or it is damaged.
    """
    with one_sentence(Path(path).name):
        return _known_format(Path(path)).read(Path(path))


def read_outlines(path: str | Path) -> list[Outline]:
    """Read one file as its scans without their heights, which lists thousands of files in seconds.

    Parameters
    ----------
    path : str or Path
        A file of a known format.

    Returns
    -------
    list of Outline
        One for each of `read_scan_file`, in its order.

    Raises
    ------
    ScanFileError
        As `read_scan_file`, but for heights that are damaged.
    """
    with one_sentence(Path(path).name):
        one = _known_format(Path(path))
        if one.outlines is not None:
            return one.outlines(Path(path))
        return [outline_of(scan) for scan in one.read(Path(path))]


def read_directions(path: str | Path) -> list[Scan]:
    """Read one file as `read_scan_file` does, and of several maps of one direction the first alone.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan
        So a direction names the scan within its file.

    Raises
    ------
    ScanFileError
        As `read_scan_file`.
    """
    found: dict[str, Scan] = {}
    for scan in read_scan_file(path):
        found.setdefault(scan.direction, scan)
    return list(found.values())


def read_masks(path: str | Path) -> list[LabelMap]:
    """Read the label maps that one file of a known format holds beside its scans.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of LabelMap

    Raises
    ------
    ScanFileError
        As `read_scan_file`.
    """
    with one_sentence(Path(path).name):
        return _known_format(Path(path)).masks(Path(path))


def read_settings(path: str | Path) -> FileSettings:
    """Read all that one file of a known format says beside the heights.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    FileSettings
        Settings for programs (``as_dict``) and for people (``rows``).

    Raises
    ------
    ScanFileError
        As `read_scan_file`.
    """
    with one_sentence(Path(path).name):
        return _known_format(Path(path)).settings(Path(path))


def read_scans(paths: Paths) -> list[Scan]:
    """Read all scans of files, sessions and folders.

    Parameters
    ----------
    paths : str, Path, or several of these
        A file of a known format (Scienta Omicron MATRIX), a MATRIX parameter file, which stands for its
        session, or a folder with all below it.

    Returns
    -------
    list of Scan
        Of each file one for each direction, in the order in which they were taken.

    Raises
    ------
    ScanFileError
        If a path stands for no scan, or one of its files cannot be read; the message names it. To go on
        without it, read the files of `find_scans` one by one.

    Examples
    --------
    >>> read_scans("nowhere")
    Traceback (most recent call last):
    napari_stmml.scan.ScanFileError: No such file or folder: nowhere
    """
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    scans: list[Scan] = []
    for file, why in files_of(several):
        if why:
            raise ScanFileError(why)
        scans += read_scan_file(file)
    return scans


def _scans_below(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """Return the scans below a folder, as they were taken, and a sentence for each folder that is closed."""
    files, unreadable = files_below(folder)
    found = [(one.order(file), file) for file in files if (one := _format_of(file)) and one.is_scan(file)]
    sentences = _said(unreadable)
    if not found:
        nothing = f"No scans: in {folder} and below it no file ends in {_endings()}."
        raise ScanFileError(next(iter(sentences.values()), nothing))
    return [file for _, file in sorted(found)], sentences


def _real(file: Path, folders: dict[str, str]) -> str:
    """Return the path of a file without links, as `os.path.realpath`; each folder is looked up once."""
    folder, name = os.path.split(file)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    path = os.path.join(folders[folder], name)
    return os.path.realpath(path) if os.path.islink(path) else path


def _said(unreadable: dict[Path, str]) -> dict[Path, str]:
    return {
        folder: f"Unreadable folder: {folder} cannot be listed ({why}); see whether it may be opened."
        for folder, why in unreadable.items()
    }


def _format_of(path: Path) -> Format | None:
    return next((one for one in FORMATS if one.matches(path)), None)


def _known_format(path: Path) -> Format:
    """Return the format of a file, or say how a scan is named."""
    one = _format_of(path)
    if one is None:
        if not path.is_file():
            raise ScanFileError(f"No such file: {path}")
        raise ScanFileError(f"Not a scan: {path.name} does not end in {_endings()}.")
    return one


def _endings() -> str:
    *others, last = (one.ending for one in FORMATS if one.ending)
    return f"{', '.join(others)} or {last}" if others else last
