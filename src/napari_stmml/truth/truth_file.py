"""The file of a scan's truth: whole after any crash, older ones kept, merged with that of other windows."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.files import identity
from napari_stmml.system.older_files import keep_aside, put_aside
from napari_stmml.truth.painted_labels import by_names, merge, name_of
from napari_stmml.truth.truth_paths import TruthPaths, about_truth


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
        Whether another window had painted.
    disagreed : int
        Pixels that both had painted, differently; those of this window were saved.
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
    """The truth of one scan in its file, as one window reads and writes it.

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
        self._paths = TruthPaths.of_person(scan, self.key, folder)
        self._about: dict[str, Any] = {}  # what the file says of itself, as this window knows it
        self._base = np.zeros(self.key.shape, np.uint8)  # its labels
        self._began = False  # whether this window has written
        self._met = False  # whether it has kept a file of another window
        self._last: tuple[Path, tuple[int, ...]] | None = None  # the file it wrote last, and how to tell it
        self.problem = ""  # a sentence about a file that is not, or cannot be, what was painted here

    @property
    def model(self) -> str:
        """``lineage`` of the model that it was painted with."""
        return str(self._about.get("model", ""))

    @property
    def saved(self) -> str:
        """When it was saved: date and time, UTC; empty where it does not say."""
        return str(self._about.get("saved", ""))[:16].replace("T", " ")

    def load(self) -> LabelMap | None:
        """Read what was painted before; None where nothing was. ``problem`` says what could not be read.

        Returns
        -------
        LabelMap or None
        """
        sidecars = self._paths.sidecars()
        found = next((one.found for one in sidecars if one.found), None)
        problems = [one.problem for one in sidecars if one.problem and (one.damaged or not found)]
        self.problem = problems[0] if problems else ""
        self._about = about_truth(found) if found else {}
        self._base = found.labels.astype(np.uint8) if found else np.zeros(self.key.shape, np.uint8)
        return found

    def load_as(
        self, labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], model: str
    ) -> Saved:
        """Read what was painted before in the labels of a map that is painted on.

        Parameters
        ----------
        labels : ndarray of uint8, shape (rows, cols)
            What is painted on the map now, 0 elsewhere.
        names, colours : mapping of int to str
            Of the labels of the map.
        model : str
            ``lineage`` of the model that made it.

        Returns
        -------
        Saved
            ``labels`` are those of before, 0 where nothing was; names and colours are of both, and of a label
            of this model as they were painted.

        Raises
        ------
        ValueError
            If there would be too many classes.
        """
        found = self.load()
        if found is not None:
            known, names, colours = _in_our_labels(found, labels, names, colours, model)
            if self.model in ("", model):
                names, colours = {**names, **found.names}, {**colours, **found.colours}
            self.translated(known.astype(np.uint8))
        return Saved(self._paths.candidates[0], self._base.copy(), names, colours)

    def translated(self, labels: np.ndarray) -> None:
        """Take this, (rows, cols) uint8, for the loaded truth: the same in the labels of another model."""
        self._base = labels.copy()

    def save(
        self,
        labels: np.ndarray,
        names: Mapping[int, str],
        colours: Mapping[int, str],
        model: str = "",
    ) -> Saved:
        """Write a truth; what another window has written since the last load or save is kept in it.

        Parameters
        ----------
        labels : ndarray of uint8, shape (rows, cols)
            0 = untouched.
        names, colours : mapping of int to str
            Of the labels.
        model : str
            ``lineage`` of the model that they are labels of.

        Raises
        ------
        OSError
            If it cannot be written anywhere.
        ValueError
            If the labels do not fit the scan, or there would be too many classes.
        """
        if labels.shape != self.key.shape:
            raise ValueError(f"a truth of {labels.shape} px does not fit a scan of {self.key.shape} px")
        with self._paths.locked():
            own, theirs = self._there()
            merged, disagreed = False, 0
            if theirs is not None and _token(about_truth(theirs)) != _token(self._about):
                other, names, colours = _in_our_labels(theirs, labels, names, colours, model)
                labels, disagreed = merge(self._base, labels, other)
                merged = True
            now = datetime.now(UTC).isoformat()
            about = {"key": self.key.as_dict(), "token": uuid4().hex, "model": model, "saved": now}
            settings = {**self._scan.settings(), "truth": about}
            name = f"truth {self._scan.short_name}"
            made = LabelMap(labels, self._scan.pixel_size, names, colours, name, settings)
            # Where nobody disagreed all is in the new file: a few copies, that older ones are not driven out.
            aside = not self._began or disagreed > 0 or (merged and not self._met)
            path, backup = self._write(made, own, aside)
            self._last = path, identity(path)
        self._about, self._base, self._began = about, labels.astype(np.uint8), True
        self._met = self._met or merged
        return Saved(path, self._base.copy(), names, colours, merged, disagreed, backup)

    def _there(self) -> tuple[list[Path], LabelMap | None]:
        """Return this scan's files, the newest first, and its content unless this window wrote it itself.

        Damaged files are put aside.
        """
        if self._last is not None and self._last[1] == identity(self._last[0]):
            return [self._last[0]], None
        sidecars = self._paths.sidecars()
        for one in sidecars:
            if one.damaged:
                with suppress(OSError):  # if it cannot be moved it stays, and another name is taken
                    put_aside(one.path)
        own = [one for one in sidecars if one.found]
        return [one.path for one in own], own[0].found if own else None

    def _write(self, made: LabelMap, own: list[Path], aside: bool) -> tuple[Path, Path | None]:
        """Write to the first path that takes it; return that, and where the file before it was kept."""
        problem = self._paths.nowhere
        for path in self._paths.writable(own, self._last[0] if self._last else None):
            kept = None
            try:
                kept = keep_aside(path) if aside and path.exists() else None
                return made.write(path), kept
            except OSError as error:  # say, a full disk: the next path may be on another
                problem = error
                if kept is not None:
                    kept.unlink(missing_ok=True)
        raise problem


def _token(about: dict[str, Any]) -> str:
    """Return what tells one save from all others."""
    return str(about.get("token", ""))


def _in_our_labels(
    theirs: LabelMap,
    ours: np.ndarray,
    names: Mapping[int, str],
    colours: Mapping[int, str],
    model: str,
) -> tuple[np.ndarray, dict[int, str], dict[int, str]]:
    """Return what another window painted, in the labels of this one's model, and all names and colours.

    Labels of the same model mean the same; classes of another go by their names.
    """
    their_model = about_truth(theirs).get("model")
    if not model or not their_model or their_model == model:
        return theirs.labels, {**theirs.names, **names}, {**theirs.colours, **colours}
    known = {label: name_of(label, names) for label in np.unique(ours).tolist() if label} | dict(names)
    labels, added = by_names(theirs.labels, theirs.names, known)
    new_names = {new: name_of(old, theirs.names) for new, old in added.items()}
    new_colours = {new: theirs.colours[old] for new, old in added.items() if old in theirs.colours}
    return labels, {**names, **new_names}, {**colours, **new_colours}
