"""The step structures: find the objects of all scans of a job, if it asks for that; tables and a page."""

from collections.abc import Sequence
from pathlib import Path

from napari_stmml.batch import fingerprints
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_parameters import TABLE
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.prepare_file import FileTask
from napari_stmml.batch.records import FileRecord, StructuresRecord, read_record
from napari_stmml.batch.structure_files import Search, StructureFiles, StructureTask
from napari_stmml.batch.structure_run import LEFT_OUT, TYPES, StructureRun
from napari_stmml.batch.structures_page import PAGE
from napari_stmml.measuring.structure_tables import TABLES

_STEP = "structures"
_OUTPUTS = tuple(f"{_STEP}/{name}" for name in (*TABLES, LEFT_OUT, PAGE, TYPES))


def structures(run: JobRun) -> None:
    """Find structures on one map of every scan that the step process has kept, over all of them together.

    Raises
    ------
    ValueError
        If there is no scan to find structures on, or the step process has to come first.
    Stopped
        If the job is to stop; what is written stays.
    """
    if not run.job.values[f"{TABLE}.find"]:
        return
    files = list(run.records("train", "test", "predict"))
    chosen = [(task, record, direction) for task, record in files if (direction := _direction(run, record))]
    scans = [(task.place, direction, record.sha256) for task, record, direction in chosen]
    fingerprint = fingerprints.of_structures(run, scans)
    done, said = run.folder.begin(_STEP, fingerprint)
    run.say(said)
    stamp = digest(fingerprint)
    tasks = [StructureTask(task.source, direction, task.place, stamp) for task, _, direction in chosen]
    search = StructureRun(tasks, _files(run), run.report, run.should_stop, run.processes, run.engine)
    if done and sum(1 for _ in search.records()) == len(tasks):
        run.say("structures: done already")
        return
    run.folder.note(_STEP, fingerprint, _OUTPUTS)
    _put_aside(run, search)
    search.find()
    tables = search.write_tables(f"{run.job.values['job_name']}: structures", _left_out(files))
    run.say(f"structures: {tables}")
    run.folder.note(_STEP, fingerprint, _OUTPUTS, done=True)


def _direction(run: JobRun, record: FileRecord) -> str:
    """Return which direction of a file is searched: the one that the job names, or the first that is kept."""
    kept = [row.direction for row in record.rows if row.status != "skipped"]
    wanted = run.job.values[f"{TABLE}.direction"]
    return wanted if wanted in kept else next(iter(kept), "")


def _files(run: JobRun) -> StructureFiles:
    values, folder, types = run.job.values, str(run.folder.path), run.job.known_types
    search = Search(
        values[f"{TABLE}.false_per_1000_nm2"],
        values[f"{TABLE}.mirror_apart"],
        values[f"{TABLE}.with_disordered"],
        values["random_seed"],
        "" if types is None else str(types),
    )
    records = str(run.folder / f"state/{_STEP}")
    model = "" if types is None else types.name
    return StructureFiles(str(run.structures), folder, records, search, model, values[f"{TABLE}.gwy"])


def _put_aside(run: JobRun, search: StructureRun) -> None:
    """Move what was found of other scans, or with other parameters, to ``older``."""
    paths = [search.files.record_path(task) for task in search.tasks]
    run.retire(_STEP, paths, StructuresRecord, "not in the job")
    for task, path in zip(search.tasks, paths, strict=True):
        known = read_record(path, StructuresRecord)
        if known is not None and known.fingerprint != task.fingerprint:
            run.put_aside(path, known)


def _left_out(files: Sequence[tuple[FileTask, FileRecord]]) -> list[tuple[str, str]]:
    """Return the files of which no direction was kept, and why."""
    return [
        (task.source, record.rows[0].why or f"{Path(task.source).name}: {record.rows[0].reason}")
        for task, record in files
        if record.rows and all(row.status == "skipped" for row in record.rows)
    ]
