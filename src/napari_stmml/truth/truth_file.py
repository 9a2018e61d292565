"""Sidecar files of truths: whole after any crash, older ones kept, two windows never overwrite each other."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import numpy as np
from filelock import AcquireReturnProxy, FileLock, Timeout

from napari_stmml.io.label_tiff import LabelMap, NewerFormat
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.files import identity, keep_aside, put_aside
from napari_stmml.truth.truth import by_names, merge

ENDING = ".truth.stmml.tif"
HOME = Path.home() / ".napari-stmml"  # where truths are kept of scans that have no folder we may write to
LOCK_SECONDS = 10.0  # how long a save waits for another window


@dataclass(frozen=True, eq=False)
class Saved:
    """What a save did.

    Parameters
    ----------
    path : Path
    labels : ndarray of uint8, shape (rows, cols)
        As saved: with what another window had painted meanwhile.
    names, colours : mapping of int to str
        As saved: another window may have painted classes that this one does not have.
    merged : bool
        Whether another window had.
    disagreed : int
        px that both had painted, differently; those of this window were saved.
    backup : Path or None
        Where the file before it was put.
    """

    path: Path
    labels: np.ndarray = field(repr=False)
    names: Mapping[int, str] = field(repr=False)
    colours: Mapping[int, str] = field(repr=False)
    merged: bool = False
    disagreed: int = 0
    backup: Path | None = None

    @property
    def sentence(self) -> str:
        """What a person should know; empty where all was as expected."""
        if not self.merged:
            return ""
        both = f"; on {self.disagreed} px both did, and yours were taken" if self.disagreed else ""
        other = f", the other file as {self.backup.name}" if self.backup else ""
        return (
            f"{self.path.name}: another window has painted on this scan too{both}."
            f" All strokes are kept together{other}."
        )


class TruthFile:
    """The sidecar of one scan, as one window reads and writes it.

    Parameters
    ----------
    scan : Scan
    key : ScanKey, optional
        That of the scan, if it is known already.
    folder : Path, optional
        Where to write if the scan's own folder is read-only, or it has none.
    """

    def __init__(self, scan: Scan, key: ScanKey | None = None, folder: Path | None = None) -> None:
        self.key = key or ScanKey.of_scan(scan)
        self._scan = scan
        self._folder = folder or HOME / "truth"
        self._token = ""  # of what this window read or wrote last
        self._base = np.zeros(self.key.shape, np.uint8)  # its labels
        self._began = False  # whether this window has written
        self._met = False  # whether it has kept a file of another window
        self._last: tuple[Path, tuple[int, ...]] | None = None  # the file it wrote last, and how to tell it
        self.problem = ""  # a sentence about a sidecar that is not, or cannot be, what was painted here

    @property
    def path(self) -> Path:
        """Where it is, or will be: beside the scan where that can be written, by a free name.

        Raises
        ------
        OSError
            If nothing can be written anywhere.
        """
        own = [self._last[0]] if self._last else [one.path for one in self._sidecars() if one.found]
        for place in self._open_places(own):
            return place
        raise OSError(self._nowhere)

    def load(self) -> LabelMap | None:
        """Read what was painted before; None where nothing was. ``problem`` says what could not be read."""
        sidecars = self._sidecars()
        found = next((one.found for one in sidecars if one.found), None)
        self.problem = next(
            (one.problem for one in sidecars if one.problem and not (found and one.whole)), ""
        )
        self._token = about_truth(found)["token"] if found else ""
        self._base = found.labels.astype(np.uint8) if found else np.zeros(self.key.shape, np.uint8)
        return found

    def took(self, labels: np.ndarray) -> None:
        """Know what was loaded by the labels, (rows, cols) uint8, of the model that goes on with it."""
        self._base = labels.copy()

    def save(
        self,
        labels: np.ndarray,
        names: Mapping[int, str],
        colours: Mapping[int, str],
        model: str = "",
    ) -> Saved:
        """Write a truth, (rows, cols) uint8; what another window wrote meanwhile is kept in it.

        Raises
        ------
        OSError
            If it cannot be written anywhere.
        ValueError
            If the labels do not fit the scan, or there would be too many classes.
        """
        if labels.shape != self.key.shape:
            raise ValueError(f"a truth of {labels.shape} px does not fit a scan of {self.key.shape} px")
        with _locked(self.key):
            own, theirs = self._there()
            merged, disagreed = theirs is not None and about_truth(theirs)["token"] != self._token, 0
            if merged and theirs is not None:
                other, names, colours = _in_our_labels(theirs, labels, names, colours, model)
                labels, disagreed = merge(self._base, labels, other)
            token = uuid4().hex
            about = {"key": self.key.as_dict(), "token": token, "model": model, "saved": _now().isoformat()}
            settings = {**self._scan.settings(), "truth": about}
            name = f"truth {self._scan.short_name}"
            made = LabelMap(labels, self._scan.pixel_size, names, colours, name, settings)
            # Where nobody disagreed all is in the new file: a few copies, that older ones are not driven out.
            aside = not self._began or disagreed > 0 or (merged and not self._met)
            path, backup = self._write(made, own, aside)
            self._last = path, identity(path)
        self._token, self._base, self._began = token, labels.astype(np.uint8), True
        self._met = self._met or merged
        return Saved(path, self._base.copy(), names, colours, merged, disagreed, backup)

    def _there(self) -> tuple[list[Path], LabelMap | None]:
        """Return this scan's files, the newest first, and what is in it unless this window wrote it itself.

        What is damaged is put aside.
        """
        if self._last is not None and self._last[1] == identity(self._last[0]):
            return [self._last[0]], None
        sidecars = self._sidecars()
        for one in sidecars:
            if not one.whole:
                with suppress(OSError):  # if it cannot be moved it stays, and another name is taken
                    put_aside(one.path)
        own = [one for one in sidecars if one.found]
        return [one.path for one in own], own[0].found if own else None

    def _write(self, made: LabelMap, own: list[Path], aside: bool) -> tuple[Path, Path | None]:
        """Write to the first place that takes it; return that, and where the file before it was kept."""
        problem = OSError(self._nowhere)
        for path in self._open_places(own):
            kept = None
            try:
                kept = keep_aside(path) if aside and path.exists() else None
                return made.write(path), kept
            except OSError as error:  # say, a full disk: the next place may be on another
                problem = error
                if kept is not None:
                    kept.unlink(missing_ok=True)
        raise problem

    def _open_places(self, own: list[Path]) -> Iterator[Path]:
        """List where to write, the best first: this scan's own files, then free names; other files stay."""
        last = self._last[0] if self._last else None
        free = [place for place in self._places() if place not in own and not place.exists()]
        return (place for place in (*own, *free) if place == last or _writable(place.parent))

    def _sidecars(self) -> list["_Sidecar"]:
        """Read what stands where the truth of this scan may be, the newest first."""
        there = [place for place in self._places() if place.is_file()]
        there.sort(key=lambda place: place.stat().st_mtime_ns, reverse=True)
        return [_read(place, self.key) for place in there]

    def _places(self) -> list[Path]:
        """List where it may be: by its plain name, or, if that is another scan's, with part of its hash."""
        scan, part = self._scan, self.key.sha256[:12]
        channel = "" if scan.channel == "Z" else re.sub(r'[\\/:*?"<>|]', "-", scan.channel)
        name = "_".join(word for word in (scan.stem or "scan", channel, scan.short_direction) if word)
        # The first three are those of `stamp`, too.
        crop = f"{part}_{self.key.shape[0]}x{self.key.shape[1]}"
        beside = [Path(scan.source).parent] if scan.source and Path(scan.source).is_file() else []
        named = [folder / f"{one}{ENDING}" for folder in beside for one in (name, f"{name}_{part}")]
        folders = (*beside, self._folder)
        kept = [self._folder / f"{name}_{part}{ENDING}"]
        return [*named, *kept, *(folder / f"{name}_{crop}{ENDING}" for folder in folders)]

    @property
    def _nowhere(self) -> str:
        return f"what was painted can be written neither beside the scan nor in {self._folder}"


@dataclass(frozen=True, eq=False)
class _Sidecar:
    """A file that stands where the truth of a scan may be."""

    path: Path
    found: LabelMap | None = field(default=None, repr=False)  # if it is that truth
    problem: str = ""  # if it is not
    whole: bool = True  # whether it is of use to somebody


def _read(path: Path, key: ScanKey) -> _Sidecar:
    """Read a file, and say whether it is the truth of this very scan."""
    try:
        found = LabelMap.read(path)
    except NewerFormat as error:
        return _Sidecar(path, problem=f"What was painted before is not shown: {error}")
    except ValueError as error:
        if isinstance(error.__cause__, OSError):  # the folder or the network, not the file
            return _Sidecar(path, problem=f"What was painted before is not shown: {error}")
        why = f"{path.name} cannot be read as what was painted ({error}); it is kept aside"
        return _Sidecar(path, problem=why, whole=False)
    try:
        own = ScanKey.of_dict(about_truth(found)["key"]) == key
    except (ValueError, KeyError, TypeError):
        own = False
    if own:
        return _Sidecar(path, found)
    return _Sidecar(path, problem=f"{path.name} is of another scan: it stays, and this one gets its own")


def stamp(source: str, short_direction: str, sha256: str) -> list[list[int]]:
    """Return what changes when somebody paints on a direction of a file of heights; empty where nobody has.

    Nothing is read, so that it can be asked of ten thousand scans.
    """
    beside, name, part = Path(source).parent, f"{Path(source).stem}_{short_direction}", sha256[:12]
    places = [beside / f"{name}{ENDING}", beside / f"{name}_{part}{ENDING}"]
    found = (identity(place) for place in (*places, HOME / "truth" / f"{name}_{part}{ENDING}"))
    return [list(known[1:]) for known in found if known]


def _in_our_labels(
    theirs: LabelMap,
    ours: np.ndarray,
    names: Mapping[int, str],
    colours: Mapping[int, str],
    model: str,
) -> tuple[np.ndarray, dict[int, str], dict[int, str]]:
    """Return what another window painted, in the numbers of this one's model, and all names and colours.

    Numbers of the same model mean the same; classes of another go by their names.
    """
    their_model = about_truth(theirs).get("model")
    if not model or not their_model or their_model == model:
        return theirs.labels, {**theirs.names, **names}, {**theirs.colours, **colours}
    known = {label: f"class {label}" for label in np.unique(ours).tolist() if label} | dict(names)
    labels, born = by_names(theirs.labels, theirs.names, known)
    new_names = {new: theirs.names.get(old, f"class {old}") for new, old in born.items()}
    new_colours = {new: theirs.colours[old] for new, old in born.items() if old in theirs.colours}
    return labels, {**names, **new_names}, {**colours, **new_colours}


def about_truth(found: LabelMap) -> dict[str, Any]:
    """Return what a truth says of itself; an empty token where it says nothing."""
    about = found.scan.get("truth")
    return {"token": "", **(about if isinstance(about, dict) else {})}


def _writable(folder: Path) -> bool:
    """Say whether a file can be made in a folder, which is made itself if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".stmml-{uuid4().hex}"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError:
        return False
    return True


def _now() -> datetime:
    return datetime.now(UTC)


def _locked(key: ScanKey) -> AcquireReturnProxy:
    """Take the lock of a truth, which windows of one computer share; it goes with this process."""
    folder = HOME / "locks"
    if not _writable(folder):
        folder = Path(gettempdir()) / "napari-stmml-locks"
        folder.mkdir(exist_ok=True)
    name = sha256(json.dumps(key.as_dict(), sort_keys=True).encode()).hexdigest()
    path = folder / f"{name[:24]}.lock"
    try:
        return FileLock(path).acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        seconds = f"{LOCK_SECONDS:g} s"
        raise TimeoutError(f"another window has held {path} for more than {seconds}") from error
