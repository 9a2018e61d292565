"""Take scans in: which files there are, and what of each goes into a job, with every reason why not."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import __version__
from napari_stmml.batch.job_folder import one_name
from napari_stmml.batch.job_parameters import values_of_step
from napari_stmml.batch.report import Row
from napari_stmml.heights.two_biases import first_map, paired
from napari_stmml.io.formats import find_scans, left_out, read_scan_file
from napari_stmml.recipe import Recipe
from napari_stmml.scan import SHORT, NotUsable, Scan, ScanFileError
from napari_stmml.srsml24.window_stream import StoredMap, places_of, store_map
from napari_stmml.system.files import free_name, sha256, write_text

NOT_YET = "not processed yet"  # reason of a row whose turn has not come
RECORD = 1  # format of the record of a file
_BEGUN = "begun"  # of a record: what it lists may be there, in part
_READING = "reading"  # of a record: try again, for what was missing may be there now


@dataclass(frozen=True)
class Found:
    """A file that a path stands for: its place in the tree of results, or why it is no scan."""

    path: Path
    set: str
    place: str = ""
    problem: str = ""


def survey(paths: Iterable[tuple[str, Path]]) -> Iterator[Found]:
    """List every MATRIX file that (set, path) stand for, each once, also those that give no scan.

    The ``place`` is the folder's name and the way below it, without the ending of the file; it is unique.
    """
    seen: set[Path] = set()
    roots: dict[Path, str] = {}
    taken_roots: set[str] = set()
    taken: set[str] = set()
    for which, path in paths:
        base = path if path.is_dir() else path.parent
        if base.resolve() not in roots:
            roots[base.resolve()] = _unlike(base.resolve().name or "scans", taken_roots)
        problems: list[tuple[Path, str]] = []
        try:
            files = find_scans(path)
        except (ScanFileError, OSError) as error:
            problems, files = [(path, str(error))], []
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                below = file.parent.relative_to(base).as_posix()
                parts = (roots[base.resolve()], "" if below == "." else below, file.name.rpartition(".")[0])
                place = _unlike("/".join(part for part in parts if part), taken)
                yield Found(file, which, place=place)
        for file, problem in itertools.chain(problems, left_out(path) if path.is_dir() else ()):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield Found(file, which, problem=problem)


def _unlike(name: str, taken: set[str]) -> str:
    """Return a name or, if one that could be taken for it on some disk or when collated is taken, a new one.

    >>> taken = set()
    >>> [_unlike(name, taken) for name in ("a_b/c", "a/b_c", "A/b/c")]
    ['a_b/c', 'a/b_c-2', 'A/b/c-3']
    """

    def folded(name: str) -> str:
        return name.replace("/", "_").replace("~", "_").casefold()

    free = free_name(name, lambda one: folded(one) in taken, "-")
    taken.add(folded(free))
    return free


@dataclass(frozen=True)
class Intake:
    """One file to take in: all that a process needs to know, and where its record goes."""

    source: str
    place: str
    set: str
    folder: str
    values: dict[str, Any]
    forced: tuple[str, ...] = ()

    @property
    def record(self) -> Path:
        """The file that says what became of this one; written last, so that it vouches for the others."""
        return Path(self.folder) / "state" / "process" / f"{one_name(self.place, '~')}.json"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it can be forced in by: the file's, its stem, and that with a direction."""
        name = Path(self.source).name
        stem = name.rpartition(".")[0]
        return name, stem, *(f"{stem}_{short}" for short in SHORT.values())

    @property
    def forced_here(self) -> list[str]:
        """Which of the forced names are of this file."""
        return sorted({*self.names}.intersection(self.forced))

    def may_leave(self) -> list[str]:
        """List all that taking this file in can leave, files, folders and patterns with a ``*``."""
        every = []
        for short in SHORT.values():
            name = f"{self.place}_{short}"
            flat = one_name(name, "_")
            every += [f"prepared/{name}.npy", f"report/thumbnails/{name}.jpg"]
            if self.values["collate"]:
                every += [f"windows/{flat}_*", f"windows/{flat}.txt", f"windows-jpg/{flat}_*"]
                every += [f"jpg/{flat}.jpg", f"jpg/{flat}.txt"]
            else:
                every += [f"windows/{name}", f"windows-jpg/{name}", f"jpg/{name}.jpg", f"jpg/{name}.txt"]
        return every

    def fingerprint(self) -> dict[str, Any]:
        """Everything that what is written depends on: another value, and it has to be done again."""
        try:
            stat = Path(self.source).stat()
            size, modified = stat.st_size, stat.st_mtime_ns
        except OSError:  # the file has gone meanwhile
            size = modified = -1
        return {
            "format": RECORD,
            "program": __version__,
            **values_of_step("process", self.values),
            **values_of_step("files", self.values),
            "forced": self.forced_here,
            "set": "predict" if self.set == "predict" else "train",
            "source": self.source,
            "bytes": size,
            "modified": modified,
        }


def load_record(path: Path) -> dict[str, Any]:
    """Read the record of a file; empty if there is none that can be read."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def is_same(record: dict[str, Any], intake: Intake) -> bool:
    """Say whether a record is of this very file and of these parameters."""
    return bool(record.get("fingerprint") == intake.fingerprint())


def is_whole(record: dict[str, Any]) -> bool:
    """Say whether a record was written at the end, not only at the beginning, of taking a file in."""
    return bool(record) and not record.get(_BEGUN)


def is_done(intake: Intake) -> bool:
    """Say whether a file has been taken in with these very parameters, and all of it is still there.

    One that could not be read is not: what was missing may be there now.
    """
    record = load_record(intake.record)
    if not is_same(record, intake) or not is_whole(record) or record.get(_READING):
        return False
    return all((Path(intake.folder) / output).exists() for output in record["outputs"])


def take_in(intake: Intake) -> dict[str, Any]:
    """Read, prepare and write one file; return its record. What cannot be used is a row that says why."""
    outputs: list[str] = []
    rows: list[Row] = []
    maps: list[dict[str, Any]] = []
    reading = False
    _save(intake, {"fingerprint": intake.fingerprint(), _BEGUN: True, "outputs": intake.may_leave()})
    try:
        scans = read_scan_file(intake.source)
    except (ValueError, OSError) as error:
        reading = True
        why = str(error)
        rows.append(Row.of_file(intake.source, intake.set, why))
        scans = []
    for scan in paired(scans, Recipe.among(intake.values).preprocessing):
        row, stored = _take_direction(scan, intake, outputs)
        rows.append(row)
        if stored is not None:
            path = stored.path.relative_to(intake.folder).as_posix()
            counts = {"all": stored.all, "train": stored.train, "held": stored.held}
            maps.append({"path": path, "direction": scan.direction, **counts})
    return _write_record(intake, rows, maps, outputs, reading)


def give_up(intake: Intake, why: str) -> dict[str, Any]:
    """Write the record of a file that even the process that took it in did not survive."""
    sentence = f"Failed: {Path(intake.source).name} could not be taken in ({why})."
    rows = [Row.of_file(intake.source, intake.set, sentence)]
    return _write_record(intake, rows, [], intake.may_leave(), True)


def _write_record(
    intake: Intake, rows: list[Row], maps: list[dict[str, Any]], outputs: list[str], reading: bool
) -> dict[str, Any]:
    record = {
        "fingerprint": intake.fingerprint(),
        "place": intake.place,
        "sha256": None if reading else sha256(intake.source),
        _READING: reading,
        "rows": [row.as_dict() for row in rows],
        "maps": maps,
        "outputs": outputs,
    }
    _save(intake, record)
    return record


def _save(intake: Intake, record: dict[str, Any]) -> None:
    write_text(intake.record, json.dumps(record, indent=1))


def maps_of(record: dict[str, Any], folder: Path) -> list[StoredMap]:
    """List the prepared maps that a record vouches for."""
    return [
        StoredMap(folder / known["path"], known["all"], known["train"], known["held"])
        for known in record["maps"]
    ]


def _take_direction(scan: Scan, intake: Intake, outputs: list[str]) -> tuple[Row, StoredMap | None]:
    """Prepare one direction and write its files, or say why not."""
    about = Row.of_scan(scan, intake.set)
    values = intake.values
    name = f"{intake.place}_{scan.short_direction}" if scan.short_direction else intake.place
    names = {scan.stem, f"{scan.stem}_{scan.short_direction}", Path(scan.source).name}
    forced = bool(names & set(intake.forced))
    recipe = Recipe.among(values)
    flat = None
    limit = ""
    try:
        if (about.scanned or 0) < values["pixel_ratio"]:
            limit = f"below pixel_ratio {values['pixel_ratio']:g}"
            if not forced:
                raise NotUsable(limit, f"{about.scanned:.0%} of the lines were scanned, {limit} is skipped")
        preparing = recipe.preprocessing
        try:
            flat = preparing.flat(scan)
        except NotUsable as error:
            if not forced:
                raise
            limit = error.reason
            flat = preparing.flat(scan, force=True)
        prepared = preparing.normalised(flat, scan, force=forced)
        places = places_of(prepared, recipe.training_grid)
        if not len(places):
            size = f"{flat.shape[1]} x {flat.shape[0]} px"
            raise NotUsable(
                f"no window of {recipe.window_size} px fits",
                f"no window of {recipe.window_size} px fits where it was scanned ({size} when resampled)",
            )
    except ValueError as error:
        reason = getattr(error, "reason", "cannot be prepared")
        thumbnail = _thumbnail(scan, scan.heights if flat is None else flat, name, intake, outputs)
        return replace(about, status="skipped", reason=reason, why=str(error), thumbnail=thumbnail), None
    from napari_stmml.batch import scan_files

    thumbnail = _thumbnail(scan, flat, name, intake, outputs)
    stored = None
    if intake.set != "predict":
        stored = store_map(Path(intake.folder) / "prepared" / f"{name}.npy", prepared, recipe.training_grid)
        outputs.append(f"prepared/{name}.npy")
    else:
        values = {**values, "save_windows": False, "save_window_jpgs": False}
    outputs += scan_files.write(
        scan, flat, first_map(prepared), places, name, Path(intake.folder), values, recipe
    )
    status = "forced" if limit else "kept"
    row = replace(about, status=status, reason=limit, windows=len(places), thumbnail=thumbnail)
    return row, stored


def _thumbnail(scan: Scan, heights: np.ndarray, name: str, intake: Intake, outputs: list[str]) -> str:
    """Write the small picture of the report; return its path relative to the report."""
    from napari_stmml.figures.pictures import save_thumbnail

    if not np.isfinite(heights).any():
        return ""
    shown = f"thumbnails/{name}.jpg"
    save_thumbnail(Path(intake.folder) / "report" / shown, heights, cmap=intake.values["cmap"])
    outputs.append(f"report/{shown}")
    return shown
