"""The records of a job's steps and files, as JSON: each lists the files that were made."""

import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from napari_stmml.batch.report import Row
from napari_stmml.measuring.series import ScanSummary, is_summary
from napari_stmml.measuring.structure_distances import PairCounts
from napari_stmml.measuring.structure_tables import are_rows
from napari_stmml.parameter_type import MOST
from napari_stmml.scan import SHORT
from napari_stmml.srsml24.window_stream import WindowMap
from napari_stmml.system.files import write_text
from napari_stmml.system.regular_file import read_bytes

Fingerprint = dict[str, Any]  # everything that files depend on, by name

_MOST_BYTES = 64 << 20  # of a record, which lists each window of a scan where they are files
_NOT_LISTED = ("older", "state", ".lock")  # what the job keeps for itself
_WAY_OUT = {"", ".", ".."}  # parts of a path that leads elsewhere, or is not written as ours are
_MOST_NAME, _MOST_PARTS = 255, 200  # bytes, and folders below each other, that a disk allows


@dataclass(frozen=True)
class Record:
    """Files that were made, relative to the job's folder, and all that they depend on.

    An output may end in ``*`` for all files that begin so.
    """

    fingerprint: Fingerprint
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class StepRecord(Record):
    """Of a whole step; what it lists is there, all of it, if it is ``done``."""

    done: bool = False


@dataclass(frozen=True)
class LabelRecord:
    """Of one labelled direction; its fingerprint is a digest."""

    fingerprint: str
    outputs: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True)
class MapRecord:
    """A prepared map on disk, and how many windows of each part it has."""

    path: str
    direction: str
    all: int
    train: int
    held: int
    quantity: str = ""  # as the model keeps it; records of before do not say
    pixel_density: float | None = None

    def stored(self, folder: Path) -> WindowMap:
        """Return it as training reads it; ``folder`` is the job's."""
        return WindowMap(folder / self.path, all=self.all, train=self.train, held=self.held)


@dataclass(frozen=True)
class FileRecord(Record):
    """Of one file that the step process took in.

    Parameters
    ----------
    place : str
        Its place in the tree of results.
    sha256 : str or None
        Of the file; None where it could not be read.
    begun : bool
        Work on it has begun and not ended: what is listed may be there, in part.
    reading : bool
        It could not be read; it is tried again, for what was missing may be there now.
    rows : tuple of Row
        What became of its directions.
    maps : tuple of MapRecord
    """

    place: str = ""
    sha256: str | None = None
    begun: bool = False
    reading: bool = False
    rows: tuple[Row, ...] = ()
    maps: tuple[MapRecord, ...] = ()

    def map_of(self, direction: str) -> MapRecord | None:
        """Return the prepared map of a direction (FU, ...)."""
        return next((known for known in self.maps if SHORT.get(known.direction, "") == direction), None)


@dataclass(frozen=True)
class StructuresRecord:
    """Of the structures of one scan.

    Parameters
    ----------
    fingerprint : str
        A digest.
    outputs : tuple of str
    source : str
        Its file.
    direction : str
        FU, ...; empty where the file is one map.
    name, about : str
        Of the scan; its size, bias and setpoint.
    figure, thumbnail : str
        Two of the outputs.
    problem : str
        Why there are none on it, in a sentence; then all that follows is empty.
    objects, counts : tuple of dict
        Rows of ``objects.csv`` and ``densities.csv``.
    pairs : tuple of PairCounts
    """

    fingerprint: str
    outputs: tuple[str, ...]
    source: str
    direction: str = ""
    name: str = ""
    about: str = ""
    figure: str = ""
    thumbnail: str = ""
    problem: str = ""
    objects: tuple[dict[str, Any], ...] = ()
    counts: tuple[dict[str, Any], ...] = ()
    pairs: tuple[PairCounts, ...] = ()


@dataclass(frozen=True)
class MeasureRecord:
    """Of the measurements of one label map.

    Parameters
    ----------
    fingerprint : str
        A digest.
    outputs : tuple of str
    source, direction : str
        Its file; FU, ....
    problem : str
        Why it could not be measured, in a sentence.
    summary : ScanSummary or None
        For the table of the series; None where it could not be measured.
    """

    fingerprint: str
    outputs: tuple[str, ...]
    source: str
    direction: str = ""
    problem: str = ""
    summary: ScanSummary | None = None


Known = StepRecord | LabelRecord | FileRecord | StructuresRecord | MeasureRecord
R = TypeVar("R", bound=Known)


def read_record(path: Path, kind: type[R]) -> R | None:
    """Read a record; None if there is none, or it is damaged, or no job can have written it.

    Parameters
    ----------
    path : Path
    kind : type
        Class of the record.

    Returns
    -------
    ``kind`` or None
    """
    try:
        known = json.loads(read_bytes(path, _MOST_BYTES))
        record = cast(R, _reader(cast(Any, kind)).validate_python(known))
    except (OSError, ValueError, RecursionError):  # of pydantic too
        return None
    return record if _is_possible(record) else None


def _is_possible(record: Known) -> bool:
    """Say whether a record is one that a job writes: a folder may come from a stranger."""
    if not all(map(_is_output, record.outputs)):
        return False
    if isinstance(record, StructuresRecord):
        shown = {record.figure, record.thumbnail} <= {"", *record.outputs}
        return shown and are_rows(record.objects, record.counts, record.pairs)
    if isinstance(record, MeasureRecord):
        return record.summary is None or is_summary(record.summary)
    return not isinstance(record, FileRecord) or _is_of_file(record)


def _is_of_file(record: FileRecord) -> bool:
    if not all(_is_output(f"report/{row.thumbnail}") for row in record.rows if row.thumbnail):
        return False
    counts = all(0 <= n <= known.all <= MOST for known in record.maps for n in (known.train, known.held))
    return counts and all(_is_output(known.path) for known in record.maps)


def _is_output(output: str) -> bool:
    """Say whether a path can be one that a record lists: of what a job makes, below its folder.

    >>> [_is_output(path) for path in ("windows/a_*", "../a", "/a", "state/a", "*", "")]
    [True, False, False, False, False, False]
    """
    parts = output.split("/")
    if not _WAY_OUT.isdisjoint(parts) or parts[0] in _NOT_LISTED or "*" in parts[0] or "\0" in output:
        return False
    if os.name == "nt" and ("\\" in output or ":" in output):
        return False
    try:
        return max(len(os.fsencode(part)) for part in parts) <= _MOST_NAME and len(parts) <= _MOST_PARTS
    except UnicodeError:  # half a letter, which no file has in its name
        return False


def write_record(path: Path, record: Known) -> None:
    """Write a record, atomically."""
    write_text(path, json.dumps(asdict(record), indent=1, default=lambda number: number.tolist()))


@cache
def _reader(kind: Any) -> Any:
    """Make what checks the types of a record, nested ones too; it takes a while to make."""
    from pydantic import TypeAdapter  # napari brings it

    return TypeAdapter(kind)
