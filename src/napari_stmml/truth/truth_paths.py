"""Where the truth of a scan may lie: beside the scan or in the user's folder; and what stands there."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy

from napari_stmml.classes import MOST, SurfaceClass
from napari_stmml.colours import NO_COLOUR
from napari_stmml.io.label_tiff import LabelMap, NewerFormat
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system import files
from napari_stmml.system.locks import take_lock
from napari_stmml.system.user_folder import earlier_folders, truth_folder
from napari_stmml.text import short_stem, shortened
from napari_stmml.truth.painted_labels import name_of

ENDING = ".truth.stmml.tif"
LOCK_SECONDS = 10.0  # how long a save waits for another window


@dataclass(frozen=True, eq=False)
class Sidecar:
    """A file that stands where the truth of a scan may be."""

    path: Path
    found: LabelMap | None = field(default=None, repr=False)  # if it is the truth of that scan
    problem: str = ""  # why it is not
    damaged: bool = False


@dataclass(frozen=True)
class TruthPaths:
    """The paths of one scan's truth; ``folder`` is for scans whose own folder cannot be written to.

    ``ending`` is that of the names; corrections of structures have another one. ``earlier`` are folders where
    ``folder`` was before.
    """

    scan: Scan
    key: ScanKey
    folder: Path
    ending: str = ENDING
    earlier: tuple[Path, ...] = ()

    @classmethod
    def of_person(cls, scan: Scan, key: ScanKey, folder: Path | None, ending: str = ENDING) -> "TruthPaths":
        """Return the paths in a folder, or, without one, in those of the person."""
        if folder is not None:
            return cls(scan, key, folder, ending)
        return cls(scan, key, truth_folder(), ending, tuple(earlier_truth_folders()))

    @property
    def candidates(self) -> list[Path]:
        """Where it may be, the best first: its plain name or, if that is another scan's, part of its hash."""
        scan, part = self.scan, self.key.sha256[:12]
        channel = "" if scan.channel == TOPOGRAPHY else re.sub(r'[\\/:*?"<>|]', "-", scan.channel)
        words = (scan.stem or "scan", channel, scan.short_direction)
        name = short_stem("_".join(word for word in words if word))
        crop = f"{name}_{part}_{self.key.shape[0]}x{self.key.shape[1]}"
        beside = [Path(scan.source).parent] if scan.source and Path(scan.source).is_file() else []
        found = [folder / one for folder in beside for one in (name, f"{name}_{part}")]
        found += [self.folder / f"{name}_{part}", *(folder / crop for folder in (*beside, self.folder))]
        found += [folder / one for folder in self.earlier for one in (f"{name}_{part}", crop)]
        return [path.with_name(f"{path.name}{self.ending}") for path in found]  # `truth_stamp` knows them

    def there(self) -> list[Path]:
        """List the files that stand there, the newest first."""
        found = [path for path in self.candidates if _is_file(path)]
        return sorted(found, key=lambda path: files.identity(path)[1:2], reverse=True)

    def sidecars(self) -> list[Sidecar]:
        """Read what stands there, the newest first."""
        return [_read(path, self.key) for path in self.there()]

    def writable(self, own: Sequence[Path], last: Path | None = None) -> Iterator[Path]:
        """List where to write, the best first: the scan's own files, then free names; other files stay."""
        free = [path for path in self.candidates if path not in own and not path.exists()]
        return (path for path in (*own, *free) if path == last or files.is_writable(path.parent))

    @property
    def nowhere(self) -> OSError:
        """Say that nothing can be written anywhere."""
        return OSError(f"what was painted can be written neither beside the scan nor in {self.folder}")

    def locked(self) -> AcquireReturnProxy:
        """Take the lock of this truth, which windows of one computer share; it goes with this process.

        Returns
        -------
        AcquireReturnProxy
            A context manager, which gives the lock back.

        Raises
        ------
        OSError
            If another window holds it for longer than `LOCK_SECONDS`.
        """
        name = sha256(json.dumps(self.key.as_dict(), sort_keys=True).encode()).hexdigest()
        return take_lock(name[:24], LOCK_SECONDS)


def about_truth(found: LabelMap) -> dict[str, Any]:
    """Return what a truth says of itself: ``key``, ``token``, ``model`` and ``saved``; {} where nothing."""
    about = found.scan.get("truth")
    return dict(about) if isinstance(about, dict) else {}


def truth_stamp(source: str, short_direction: str, sha256: str) -> list[list[int]]:
    """Return what changes when somebody paints on a direction of a file of heights; empty where nobody has.

    Nothing is read, so that it can be asked of ten thousand scans.

    Parameters
    ----------
    source : str
        The file.
    short_direction : str
        ``FU``, ``BU``, ``FD`` or ``BD``.
    sha256 : str
        Of the file.
    """
    beside, part = Path(source).parent, sha256[:12]
    name = short_stem(f"{Path(source).stem}_{short_direction}")
    others = (truth_folder(), *earlier_truth_folders())
    stems = (beside / name, *(folder / f"{name}_{part}" for folder in (beside, *others)))
    found = (files.identity(f"{stem}{ENDING}") for stem in stems)
    return [list(known[1:]) for known in found if known]


def earlier_truth_folders() -> list[Path]:
    """List folders in which truths of before may lie."""
    return [one / "truth" for one in earlier_folders()]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder may not be looked into
        return False


def _read(path: Path, key: ScanKey) -> Sidecar:
    """Read a file, and say whether it is the truth of this very scan."""
    try:
        found = LabelMap.read(path)
        own = _is_of(found, key)
        if own:
            _check(found, key)
    except (ValueError, OSError) as error:
        # A newer format, or a folder or network that is not there, says nothing against the file.
        if isinstance(error, NewerFormat | OSError) or isinstance(error.__cause__, OSError):
            return Sidecar(path, problem=f"What was painted before is not shown: {error}")
        what = shortened(str(error).removeprefix(f"{path.name} "), 120)
        why = f"{path.name} cannot be read as what was painted ({what}); it is kept aside"
        return Sidecar(path, problem=why, damaged=True)
    if own:
        return Sidecar(path, found)
    return Sidecar(path, problem=f"{path.name} is of another scan: it stays, and this one gets its own")


def _is_of(found: LabelMap, key: ScanKey) -> bool:
    try:
        return ScanKey.of_dict(about_truth(found)["key"]) == key
    except (ValueError, KeyError, TypeError, OverflowError):
        return False


def _check(found: LabelMap, key: ScanKey) -> None:
    """Raise ValueError if a map cannot have been painted on its scan: another program has changed it."""
    (rows, cols), (down, across) = found.labels.shape, key.shape
    if (rows, cols) != (down, across):
        raise ValueError(f"it has {rows} x {cols} px, and its scan {down} x {across} px")
    named = {*found.names, *found.colours}
    least, most = min(named, default=1), max(*named, int(found.labels.max()), 1)
    if least < 1 or most > MOST:
        raise ValueError(f"labels of classes are 1 to {MOST}, got {least} to {most}")
    for label in named:
        SurfaceClass(name_of(label, found.names), found.colours.get(label, NO_COLOUR))
