"""Take in one file of a job: read it, prepare its directions, write what the job asks for, and its record."""

from dataclasses import dataclass, replace
from pathlib import Path

from napari_stmml import __version__
from napari_stmml.batch import scan_files
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_folder import one_name
from napari_stmml.batch.job_parameters import values_of_step
from napari_stmml.batch.records import FileRecord, Fingerprint, MapRecord, read_record, write_record
from napari_stmml.batch.report import Row, save_thumbnail
from napari_stmml.features.intake import prepare_scan
from napari_stmml.heights.two_biases import paired
from napari_stmml.io.formats import read_directions
from napari_stmml.model.suitability import about_scan
from napari_stmml.scan import SHORT, Scan
from napari_stmml.srsml24.window_stream import store_map
from napari_stmml.system.files import sha256

RECORD = 1  # format of the record of a file


@dataclass(frozen=True)
class FileTask:
    """One file to prepare: all that a process needs to know of it.

    Parameters
    ----------
    source : str
        Its path.
    place : str
        Its place in the tree of results.
    set : str
        ``train``, ``test`` or ``predict``.
    job : JobFile
    """

    source: str
    place: str
    set: str
    job: JobFile

    @property
    def record_path(self) -> Path:
        """The path of its record, which is written after all other files."""
        return self.job.folder / "state" / "process" / f"{one_name(self.place, '~')}.json"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that ``include`` may call it by: the file's, its stem, and that with a direction."""
        name = Path(self.source).name
        stem = name.rpartition(".")[0]
        return name, stem, *(f"{stem}_{short}" for short in SHORT.values())

    def is_forced(self, scan: Scan) -> bool:
        """Say whether ``include`` names a direction, its file or its stem."""
        names = {scan.stem, f"{scan.stem}_{scan.short_direction}", Path(scan.source).name}
        return not names.isdisjoint(self.job.values["include"])

    def name_of(self, direction: str) -> str:
        """Return the place of a direction (FU, ...) in the tree of results."""
        return f"{self.place}_{direction}" if direction else self.place

    def may_leave(self) -> tuple[str, ...]:
        """List all that taking this file in can leave: files, folders, and patterns that end in ``*``."""
        names = [self.name_of(short) for short in SHORT.values()]
        possible = [scan_files.possible(name, self.job.values["collate"]) for name in names]
        return tuple(
            output
            for name, more in zip(names, possible, strict=True)
            for output in (f"prepared/{name}.npy", f"report/thumbnails/{name}.jpg", *more)
        )

    def fingerprint(self) -> Fingerprint:
        """Return everything that its files depend on: another value, and they have to be made again."""
        values = self.job.values
        try:
            stat = Path(self.source).stat()
            size, modified = stat.st_size, stat.st_mtime_ns
        except OSError:  # the file has gone meanwhile
            size = modified = -1
        return {
            "format": RECORD,
            "program": __version__,
            **values_of_step("process", values),
            **values_of_step("files", values),
            "forced": sorted(set(self.names).intersection(values["include"])),
            "set": "predict" if self.set == "predict" else "train",
            "source": self.source,
            "bytes": size,
            "modified": modified,
        }

    def record(self) -> FileRecord | None:
        """Read what became of it, in this run or an earlier one."""
        return read_record(self.record_path, FileRecord)

    def is_current(self, record: FileRecord | None) -> bool:
        """Say whether a record is whole, of this very file and of these parameters."""
        if record is None or record.begun or record.fingerprint != self.fingerprint():
            return False
        # Earlier versions kept no map of scans that are only labelled.
        return all(row.status == "skipped" or record.map_of(row.direction) for row in record.rows)

    def is_done(self) -> bool:
        """Say whether it was prepared with the same parameters, and every file of it is still there.

        A file that could not be read is not done: what was missing may be there now.
        """
        record = self.record()
        if record is None or record.reading or not self.is_current(record):
            return False
        return all((self.job.folder / output).exists() for output in record.outputs)


def prepare_file(task: FileTask) -> FileRecord:
    """Read, prepare and write one file; return its record. What cannot be used is a row that says why."""
    begun = FileRecord(task.fingerprint(), task.may_leave(), task.place, begun=True)
    write_record(task.record_path, begun)
    try:
        scans = read_directions(task.source)
    except (ValueError, OSError) as error:
        return _not_read(task, begun, str(error), ())
    taken = [_take_direction(scan, task) for scan in paired(scans, task.job.recipe.preprocessing)]
    record = replace(
        begun,
        begun=False,
        outputs=tuple(output for one in taken for output in one.outputs),
        sha256=sha256(task.source),
        rows=tuple(one.row for one in taken),
        maps=tuple(one.map for one in taken if one.map),
    )
    write_record(task.record_path, record)
    return record


def give_up(task: FileTask, why: str) -> FileRecord:
    """Write the record of a file that even the process that took it in did not survive."""
    sentence = f"Failed: {Path(task.source).name} could not be prepared ({why})."
    begun = FileRecord(task.fingerprint(), task.may_leave(), task.place)
    return _not_read(task, begun, sentence, begun.outputs)


def _not_read(task: FileTask, begun: FileRecord, why: str, outputs: tuple[str, ...]) -> FileRecord:
    rows = (Row.of_file(task.source, task.set, why),)
    record = replace(begun, begun=False, reading=True, outputs=outputs, rows=rows)
    write_record(task.record_path, record)
    return record


@dataclass(frozen=True)
class _Taken:
    """What became of one direction."""

    row: Row
    outputs: list[str]
    map: MapRecord | None = None


def _take_direction(scan: Scan, task: FileTask) -> _Taken:
    """Prepare one direction and write its files, or say why not."""
    row, job, recipe = Row.of_scan(scan, task.set), task.job, task.job.recipe
    name, least = task.name_of(scan.short_direction), job.values["pixel_ratio"]
    to_report = (job.folder / "report", name)
    try:
        force = task.is_forced(scan)
        prepared = prepare_scan(scan, recipe, recipe.training_grid, force=force, least_scanned=least)
    except ValueError as error:
        reason = getattr(error, "reason", "cannot be prepared")
        why = getattr(error, "sentence", str(error))
        picture = save_thumbnail(*to_report, scan.heights, job.values["cmap"])
        outputs = [f"report/{picture}"] if picture else []
        return _Taken(replace(row, status="skipped", reason=reason, why=why, thumbnail=picture), outputs)
    picture = save_thumbnail(*to_report, prepared.flat, job.values["cmap"])
    status, windows = "forced" if prepared.limit else "kept", len(prepared.windows)
    row = replace(row, status=status, reason=prepared.limit, windows=windows, thumbnail=picture)
    path = f"prepared/{name}.npy"
    stored = store_map(job.folder / path, prepared.heights, recipe.training_grid)
    outputs = [f"report/{picture}", path]
    outputs += scan_files.write(prepared, name, job, with_windows=task.set != "predict")
    windows_of = (stored.all, stored.train, stored.held)
    return _Taken(row, outputs, MapRecord(path, scan.direction, *windows_of, **about_scan(scan)))
