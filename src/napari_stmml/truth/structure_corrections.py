"""What a person said of the objects of one scan, in a file beside it: their types, and what is none."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from math import hypot, isfinite
from pathlib import Path
from typing import Any
from uuid import uuid4

from napari_stmml.io.label_tiff import NewerFormat
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.files import write_text
from napari_stmml.system.older_files import keep_aside, put_aside
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.truth.truth_paths import TruthPaths

ENDING = ".structures.stmml.json"
FORMAT = 1
_MOST_BYTES, _MOST_OBJECTS, _MOST_LETTERS = 64 << 20, 200_000, 255
_SAME_NM = 0.4  # so near to each other, what two windows said is of one object


@dataclass(frozen=True)
class CorrectedObject:
    """What a person said of the object at a place.

    Parameters
    ----------
    row, col : float
        Px of the scan.
    said : str
        The name of its type, "unlike any other" or "no object".
    """

    row: float
    col: float
    said: str


@dataclass(frozen=True)
class StructureCorrections:
    """What a person said of the objects of one scan, and of which model the names of types are."""

    objects: tuple[CorrectedObject, ...] = ()
    model: str = ""
    saved: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class _Stored(StructureCorrections):
    format: int = FORMAT
    key: dict[str, Any] = field(default_factory=dict)


class CorrectionsFile:
    """The corrections of one scan in their file, as one window reads and writes them.

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
        self._pixel = scan.pixel_size or (1.0, 1.0)
        self._paths = TruthPaths.of_person(scan, self.key, folder, ENDING)
        self._known = StructureCorrections()  # as this window read or wrote them last
        self._began = False
        self.problem = ""  # a sentence about a file that is not what was corrected here

    def load(self) -> StructureCorrections | None:
        """Read what was said before; None where nothing was. ``problem`` says what could not be read."""
        found = self._read()
        self._known = found or StructureCorrections()
        return found

    def save(self, objects: Sequence[CorrectedObject], model: str) -> Path:
        """Write corrections; what another window said of other objects meanwhile is kept with them.

        Parameters
        ----------
        objects : sequence of CorrectedObject
        model : str
            Path of the model that the names of types are of.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        OSError
            If it can be written nowhere.
        """
        with self._paths.locked():
            theirs = self._read(aside=True)
            if theirs is not None and theirs.token != self._known.token:
                objects = [*objects, *self._new_of(theirs, objects)]
            now = datetime.now(UTC).isoformat()
            made = _Stored(tuple(objects), model, now, uuid4().hex, key=self.key.as_dict())
            path = self._write(made)
        self._known, self._began = made, True
        return path

    def _new_of(self, theirs: StructureCorrections, ours: Sequence[CorrectedObject]) -> list[CorrectedObject]:
        """Return what another window said of objects that this one, now and before, said nothing of."""
        said = [*ours, *self._known.objects]
        return [one for one in theirs.objects if not any(self._same(one, other) for other in said)]

    def _same(self, one: CorrectedObject, other: CorrectedObject) -> bool:
        down, right = (one.row - other.row) * self._pixel[0], (one.col - other.col) * self._pixel[1]
        return hypot(down, right) < _SAME_NM

    def _read(self, *, aside: bool = False) -> StructureCorrections | None:
        """Return the newest file of this scan; damaged ones are said, and put aside before one is written."""
        self.problem = ""
        for path in self._paths.there():
            try:
                found = _read(path)
            except (OSError, NewerFormat) as error:
                self.problem = f"What was corrected before is not shown: {path.name}: {error}"
            except ValueError as error:
                if aside:
                    with suppress(OSError):  # if it cannot be moved it stays, and another name is taken
                        put_aside(path)
                self.problem = f"{path.name} cannot be read as corrections ({error}); it is kept aside"
            else:
                if found.key == self.key.as_dict():
                    return found
        return None

    def _write(self, made: _Stored) -> Path:
        problem, own = self._paths.nowhere, [one for one in self._paths.there() if self._is_own(one)]
        for path in self._paths.writable(own):
            try:
                if not self._began and path.exists():
                    keep_aside(path)
                return write_text(path, json.dumps(asdict(made), indent=1, allow_nan=False))
            except OSError as error:
                problem = error
        raise problem

    def _is_own(self, path: Path) -> bool:
        try:
            return _read(path).key == self.key.as_dict()
        except (OSError, ValueError):
            return False


def _read(path: Path) -> _Stored:
    """Read a file of corrections.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        Why it is no such file; `NewerFormat` where a newer program wrote it.
    """
    try:
        about = json.loads(read_bytes(path, _MOST_BYTES))
        known = about.get("format") if isinstance(about, dict) else None
        if type(known) is int and known > FORMAT:
            raise NewerFormat(f"it has format {known}, this program reads up to {FORMAT}: update it")
        found: _Stored = _reader().validate_python(about)
        rows, cols = ScanKey.of_dict(found.key).shape
    except NewerFormat:
        raise
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}".splitlines()[0][:120]) from error
    if len(found.objects) > _MOST_OBJECTS:
        raise ValueError(f"it has over {_MOST_OBJECTS} objects")
    for one in found.objects:
        if not (isfinite(one.row) and isfinite(one.col) and -1 < one.row < rows and -1 < one.col < cols):
            raise ValueError("an object is not on the scan")
        if not 0 < len(one.said) <= _MOST_LETTERS:
            raise ValueError(f"the name of a type is empty or has over {_MOST_LETTERS} letters")
    return found


@cache
def _reader() -> Any:
    from pydantic import TypeAdapter  # napari brings it

    return TypeAdapter(_Stored)
