"""StructureSession: the objects of the open scans, corrected in steps that are saved and can be undone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from psygnal import Signal

from napari_stmml.correction.background_work import BackgroundWork, Submit, at_once
from napari_stmml.correction.saving import ModelSaver
from napari_stmml.correction.structure_marks import corrected, said_of
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.sorting import ALIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.system.files import free_path
from napari_stmml.system.user_folder import models_folder
from napari_stmml.text import counted
from napari_stmml.truth.structure_corrections import CorrectedObject, CorrectionsFile

NOTHING = "Find structures on a scan first."
_MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class _State:
    """Structures of some scans, before or after a step."""

    structures: Structures = field(repr=False)
    keys: tuple[ScanKey, ...]


class StructureSession:
    """The objects of the open scans and their types; all methods are called on the main thread.

    Where something cannot be done, methods raise ValueError with a sentence.

    Parameters
    ----------
    submit_save : callable
        Runs a function without arguments in a thread.
    on_main : callable
        Runs a function without arguments on the main thread, soon.
    """

    changed = Signal()  # structures are others: types, names, objects, sensitivity, or scans
    said = Signal(str, bool)  # a sentence, and whether something went wrong
    path_changed = Signal(object)  # Path of the model that the types are kept in from now on

    def __init__(self, submit_save: Submit = at_once, on_main: Submit = at_once) -> None:
        self.structures: Structures | None = None
        self.keys: list[ScanKey] = []
        self._saves = BackgroundWork(submit_save, on_main)
        self._models = ModelSaver(self._saves, self.said.emit, self.path_changed.emit, of_types=True)
        self._files: dict[ScanKey, CorrectionsFile] = {}
        self._saved: dict[ScanKey, tuple[str, tuple[CorrectedObject, ...]]] = {}  # what was to be saved last
        self._done: list[tuple[str, _State]] = []  # what was done, and the state before it
        self._undone: list[tuple[str, _State]] = []

    @property
    def path(self) -> Path | None:
        """Where the types are kept; None as long as nothing was corrected."""
        return self._models.path

    @property
    def found(self) -> Structures:
        """What was found; ValueError where nothing is."""
        if self.structures is None:
            raise ValueError(NOTHING)
        return self.structures

    @property
    def can_undo(self) -> bool:
        """Whether a step was made."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone since the last one was made."""
        return bool(self._undone)

    # ---- opening and closing

    def known_model(self, scans: Iterable[Scan]) -> Path | None:
        """Return the model that objects of these scans were corrected with before, if it is still there.

        Parameters
        ----------
        scans : iterable of Scan

        Returns
        -------
        Path or None
        """
        for scan in scans:
            found = CorrectionsFile(scan).load()
            if found is not None and found.model and Path(found.model).is_file():
                return Path(found.model)
        return None

    def open(self, found: Structures, path: Path | None = None) -> None:
        """Add the objects of scans, with what was corrected on them before.

        Parameters
        ----------
        found : Structures
            Found with ``like`` these structures, or with that model, where there are any.
        path : Path, optional
            Of the model that the types are from.
        """
        if path is not None and path != self.path:
            self._models.use(path)
        if self.structures is not None:  # its types may have changed since
            found = found.sorted_like(self.structures)
        keys = [ScanKey.of_scan(scan) for scan in found.scans]
        for number, key in enumerate(keys):
            found = self._with_earlier(found, number, key)
        for key in set(keys) & set(self.keys):
            self._drop(self.keys.index(key))
        known = self.structures
        found = found if known is None else _chosen_like(found, known).after(known)
        self.structures = found if found.names else found.retyped()
        self.keys += keys
        self.changed.emit()

    def close_scan(self, scan: int) -> None:
        """Close a scan; what was corrected on it stays in its file.

        Parameters
        ----------
        scan : int
            Its index.
        """
        self._drop(scan)
        self.changed.emit()

    def use(self, path: Path) -> None:
        """Sort all objects into the types of a model, which is kept from now on.

        Parameters
        ----------
        path : Path

        Raises
        ------
        ValueError
            If the file holds no types, or is damaged.
        """
        known = Structures.load(path)
        self._models.use(path)
        if self.structures is not None:
            self._step(self.found.sorted_like(known), f"took the types of {path.name}", teaches=False)

    def save_as(self, path: Path) -> None:
        """Save the types in another file, and keep them there from now on.

        Parameters
        ----------
        path : Path
            ``.stmml`` is added where the name does not end in it. A model of pixels in it stays.

        Raises
        ------
        ValueError
            If nothing was found yet.
        OSError
            If the file cannot be written.
        """
        path = path if path.suffix == ".stmml" else path.with_name(f"{path.name}.stmml")
        self._models.use(self.found.save(path))
        self._save_corrections()
        self.said.emit(f"Saved as {path}; changes of types go there from now on.", False)

    def flush(self) -> bool:
        """Wait until everything that was corrected is on disk; say whether it is."""
        return self._saves.flush()

    # ---- steps

    def set_sensitivity(self, value: float) -> None:
        """Let more or fewer candidates count, at once; this is no step.

        Parameters
        ----------
        value : float
            2 halves the thresholds of detection, 0.5 doubles them.
        """
        self.structures = self.found.at(value)
        self.changed.emit()

    def set_disordered(self, on: bool) -> None:
        """Say whether the grains of disordered areas count as objects; this is no step."""
        self.structures = self.found.changed(with_disordered=on)
        self.changed.emit()

    def move(self, rows: Iterable[int], number: int) -> None:
        """Say which type objects are of; others that are alike follow.

        Parameters
        ----------
        rows : iterable of int
            Of the table.
        number : int
            Of a type; the next one makes a new type, 0 is unlike any other.
        """
        rows = list(rows)
        found = self.found.learn(dict.fromkeys(rows, number))
        name = found.names[number - 1] if number else UNLIKE
        followed = self._moved(found) - len(rows)
        also = f"; {counted(followed, 'other')} that {'is' if followed == 1 else 'are'} like them followed"
        self._step(found, f"{counted(len(rows), 'object')} to {name}{also if followed > 0 else ''}")

    def remove(self, rows: Iterable[int]) -> None:
        """Say that some rows of the table are no objects."""
        rows = list(rows)
        self._step(self.found.learn(dict.fromkeys(rows, -1)), f"took away {counted(len(rows), 'object')}")

    def add(self, scan: int, row: float, col: float, number: int | None = None) -> None:
        """Add an object at a place, in px of a scan; without ``number``, of the type that it is like."""
        self._step(self.found.with_object(scan, row, col, number), "added an object")

    def merge(self, numbers: Iterable[int], into: int) -> None:
        """Make one type of several; ``into`` keeps its name."""
        others = [number for number in numbers if number != into]
        if not others:
            raise ValueError("two types or more are needed to merge")
        found, names = self.found, self.found.names
        for number in others:
            found = found.merged(number, into)
        self._step(found, f"merged {', '.join(names[one - 1] for one in others)} into {names[into - 1]}")

    def split(self, number: int) -> None:
        """Divide a type in two."""
        self._step(self.found.split(number), f"split {self.found.names[number - 1]}")

    def rename(self, number: int, name: str) -> None:
        """Give a type another name."""
        self._step(self.found.renamed(number, name), f"named a type {name.strip()}")

    def retype(self) -> None:
        """Find types anew over all open scans."""
        self._step(self.found.retyped(), "found types anew")

    def alike(self, row: int) -> list[int]:
        """Return the objects of all open scans that are like one, the nearest first.

        Parameters
        ----------
        row : int
            Of the table.

        Returns
        -------
        list of int
            Rows of the table; the first is the object itself.
        """
        far = self.found.distances(row)
        return [int(one) for one in np.argsort(far, kind="stable") if far[one] <= ALIKE]

    def undo(self) -> None:
        """Undo the last step."""
        self._back(self._done, self._undone, "Undone")

    def redo(self) -> None:
        """Redo what was undone last."""
        self._back(self._undone, self._done, "Redone")

    # ---- inside

    def _moved(self, found: Structures) -> int:
        """Count the objects that have another type than before."""
        return int((found.all_types != self.found.all_types)[found.counts].sum())

    def _state(self) -> _State:
        return _State(self.found, tuple(self.keys))

    def _step(self, found: Structures, what: str, *, teaches: bool = True) -> None:
        self._done.append((what, self._state()))
        self._undone.clear()
        del self._done[:-_MOST_STEPS]
        self._put(found, teaches=teaches)
        self.said.emit(f"{what[:1].upper()}{what[1:]}.", False)

    def _put(self, found: Structures, *, teaches: bool = True) -> None:
        self.structures = found
        if teaches:
            if self.path is None:
                stem = f"structures_{datetime.now():%Y-%m-%d_%H%M%S}.stmml"
                self._models.use(free_path(models_folder() / stem, "-"))
            self._models.changed(found)
        self._save_corrections()
        self.changed.emit()

    def _back(self, source: list[tuple[str, _State]], target: list[tuple[str, _State]], said: str) -> None:
        if not source:
            return
        what, state = source.pop()
        target.append((what, self._state()))
        self._put(self._as_then(state))
        self.said.emit(f"{said}: {what}.", False)

    def _as_then(self, state: _State) -> Structures:
        """Return an earlier state for the scans that are open; ``keys`` is put into its order."""
        then, keys, now = state.structures, list(state.keys), self.found
        for key in [key for key in keys if key not in self.keys]:
            then = then.without_scan(keys.index(key))
            keys.remove(key)
        for key in [key for key in self.keys if key not in keys]:
            alone = now
            for other in reversed(range(len(self.keys))):
                alone = alone.without_scan(other) if self.keys[other] != key else alone
            then = alone.sorted_like(then).after(then)
            keys.append(key)
        self.keys = keys
        return _chosen_like(then, now)

    def _drop(self, scan: int) -> None:
        key = self.keys.pop(scan)
        self._saved.pop(key, None)
        self.structures = self.found.without_scan(scan)

    def _with_earlier(self, found: Structures, scan: int, key: ScanKey) -> Structures:
        """Return what was found with what was corrected on a scan before."""
        self._saves.flush()  # what was corrected on a scan that was closed a moment ago
        file = self._files.setdefault(key, CorrectionsFile(found.scans[scan], key))
        earlier = file.load()
        if file.problem:
            self.said.emit(file.problem, True)
        if earlier is None or not earlier.objects:
            return found
        same_model = earlier.model == str(self.path or "")
        found = corrected(found, scan, earlier.objects, same_model=same_model)
        self._saved[key] = (earlier.model, said_of(found, scan))
        when = earlier.saved[:16].replace("T", " ")
        what = counted(len(earlier.objects), "correction")
        self.said.emit(f"{found.scans[scan].name}: {what} saved {when} (UTC) hold again.", False)
        return found

    def _save_corrections(self) -> None:
        """Save what was said of the objects of each scan, and with which model, where it has changed."""
        model = str(self.path or "")
        for scan, key in enumerate(self.keys):
            said = (model, said_of(self.found, scan))
            if self._saved.get(key) == said:
                continue
            self._saved[key] = said
            self._saves.ask(
                key,
                partial(self._files[key].save, said[1], model),
                failed=lambda error: self.said.emit(f"Corrections could not be saved: {error}", True),
            )


def _chosen_like(found: Structures, other: Structures) -> Structures:
    """Return structures with what another has chosen to count: sensitivity, and disordered areas."""
    return found.changed(sensitivity=other.sensitivity, with_disordered=other.with_disordered)
