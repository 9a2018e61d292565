"""Sidecar files of truths: whole after any crash, older ones kept, two windows never overwrite each other."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.corrections import ScanKey, over, translated
from napari_stmml.files import identity, keep_aside, put_aside
from napari_stmml.labelmap import LabelMap
from napari_stmml.scan import Scan

ENDING = ".truth.stmml.tif"
HOME = Path.home() / ".napari-stmml"  # where truths are kept of scans that have no folder we may write to


@dataclass(frozen=True, eq=False)
class Saved:
    """What a save did.

    Parameters
    ----------
    path : Path
    labels : ndarray of uint8, shape (rows, cols)
        As saved: with what another window had painted meanwhile.
    merged : bool
        Whether another window had.
    disagreed : int
        px that both had painted, differently; those of this window were saved.
    backup : Path or None
        Where the file before it was put.
    """

    path: Path
    labels: np.ndarray = field(repr=False)
    merged: bool = False
    disagreed: int = 0
    backup: Path | None = None

    @property
    def sentence(self) -> str:
        """What a person should know; empty where all was as expected."""
        if not self.merged:
            return ""
        both = f"; on {self.disagreed} px both did, and yours were taken" if self.disagreed else ""
        return (
            f"{self.path.name}: another window has painted on this scan too{both}."
            f" All strokes are kept together, the other file as {self.backup.name if self.backup else '-'}."
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
        self._last: tuple[Path, tuple[int, ...]] | None = None  # the file it wrote last, and how to tell it
        self.problem = ""  # a sentence about a sidecar that could not be read

    @property
    def path(self) -> Path:
        """Where it is, or will be: beside the scan where that can be written, by a free name."""
        there = self._found()
        if there is not None:
            return there
        return next(place for place in self._places() if not place.exists() and _writable(place.parent))

    def load(self) -> LabelMap | None:
        """Read what was painted before; None where nothing was. ``problem`` says what could not be read."""
        path = self._found()
        if path is None:
            return None
        found = LabelMap.read(path)
        self._token, self._base = _about(found)["token"], found.labels.astype(np.uint8)
        return found

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
            If the labels do not fit the scan.
        """
        if labels.shape != self.key.shape:
            raise ValueError(f"a truth of {labels.shape} px does not fit a scan of {self.key.shape} px")
        with _locked(self.key):
            path, theirs = self._there()
            merged = theirs is not None and _about(theirs)["token"] != self._token
            backup, disagreed = None, 0
            if theirs is not None and (merged or not self._began):
                backup = keep_aside(path)
            if merged and theirs is not None:
                labels, disagreed = merge(self._base, labels, theirs.labels)
                names = {**theirs.names, **names}
                colours = {**theirs.colours, **colours}
            token = uuid4().hex
            about = {"key": self.key.as_dict(), "token": token, "model": model, "saved": _now().isoformat()}
            settings = {**self._scan.settings(), "truth": about}
            pixel_size = self._scan.pixel_size
            LabelMap(labels, pixel_size, names, colours, f"truth {self._scan.short_name}", settings).write(
                path
            )
        self._token, self._base, self._began = token, labels.astype(np.uint8), True
        return Saved(path, self._base.copy(), merged, disagreed, backup)

    def _there(self) -> tuple[Path, LabelMap | None]:
        """Return where to write, and what is there that this window has not written itself."""
        if self._last is not None and self._last[1] == identity(self._last[0]):
            return self._last[0], None
        path = self.path
        return path, LabelMap.read(path) if path.is_file() else None

    def _found(self) -> Path | None:
        """Return the newest file that holds the truth of this scan; None where there is none."""
        own = [place for place in self._places() if place.is_file() and self._is_ours(place)]
        return max(own, key=lambda place: place.stat().st_mtime_ns) if own else None

    def _places(self) -> list[Path]:
        """List where it may be: by its plain name, or, if that is another scan's, with part of its hash."""
        scan, part = self._scan, self.key.sha256[:12]
        channel = "" if scan.channel == "Z" else scan.channel
        name = "_".join(word for word in (scan.stem or "scan", channel, scan.short_direction) if word)
        folders = [Path(scan.source).parent] if scan.source and Path(scan.source).is_file() else []
        beside = [folder / f"{one}{ENDING}" for folder in folders for one in (name, f"{name}_{part}")]
        return [
            *beside,
            self._folder / f"{name}_{part}{ENDING}",
            self._folder / f"{part}_{uuid4().hex}{ENDING}",
        ]

    def _is_ours(self, path: Path) -> bool:
        """Say whether a file is the truth of this very scan; one that cannot be read is put aside."""
        try:
            return ScanKey.of_dict(_about(LabelMap.read(path))["key"]) == self.key
        except (ValueError, KeyError, TypeError) as error:
            aside = put_aside(path)
            self.problem = (
                f"{path.name} cannot be read as what was painted ({error}); it is kept as {aside.name}"
            )
            return False


@dataclass(frozen=True, eq=False)
class Recalled:
    """What was painted on a scan, (rows, cols) uint8, in the labels of a model, and when it was saved."""

    labels: np.ndarray = field(repr=False)
    classes: Classes
    saved: str


def recall(file: TruthFile, classes: Classes, model: str) -> Recalled | None:
    """Read what was painted on a scan, for a model of these classes and this lineage.

    A truth painted with the same model has its labels; of another, classes go by their names, and those that
    this model lacks are added. None where nothing was painted.

    Raises
    ------
    ValueError
        If there would be too many classes.
    """
    found = file.load()
    if found is None:
        return None
    about = _about(found)
    if about.get("model") == model:
        labels, known = found.labels, classes.with_labels(int(found.labels.max()))
    else:
        labels, known = translated(found.labels, found.names, found.colours, classes)
    return Recalled(labels, known, str(about.get("saved", ""))[:16].replace("T", " "))


def with_painted(
    labels: np.ndarray, scan: Scan, classes: Classes, model: str
) -> tuple[np.ndarray, Classes, int]:
    """Lay what was painted on a scan, if anything was, over what a model predicts, (rows, cols).

    Returns
    -------
    labels : ndarray, shape (rows, cols)
        As shown.
    classes : Classes
        With those that were painted and that the model does not have.
    painted : int
        px that a person painted.
    """
    found = recall(TruthFile(scan), classes, model)
    if found is None:
        return labels, classes, 0
    truth = found.classes.lookup[found.labels]
    most = np.result_type(labels.dtype, np.uint8 if found.classes.n < 256 else np.uint16)
    return over(labels.astype(most), truth), found.classes, int((truth > 0).sum())


def merge(base: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, int]:
    """Join what two windows painted since they had the same truth, all (rows, cols).

    Returns
    -------
    labels : ndarray
        What we changed as ours, all else as theirs.
    disagreed : int
        px that both changed, differently.

    Examples
    --------
    >>> merge(np.array([[1, 1, 1]]), np.array([[2, 1, 3]]), np.array([[1, 4, 5]]))
    (array([[2, 4, 3]]), 1)
    """
    changed = ours != base
    both = changed & (theirs != base) & (ours != theirs)
    return np.where(changed, ours, theirs).astype(ours.dtype), int(both.sum())


def _about(found: LabelMap) -> dict[str, Any]:
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


@contextmanager
def _locked(key: ScanKey) -> Iterator[None]:
    """Let one window at a time write a truth; the system lets go of it when a process dies."""
    folder = HOME / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{key.sha256[:16]}-{key.channel}-{key.direction}".replace("/", "-")
    with (folder / f"{name}.lock").open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed
            yield
