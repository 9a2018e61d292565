"""The step measure: every label map of a job in nm, and one table for the series."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_stmml import __version__
from napari_stmml.batch.engine import Engine
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_parameters import MEASURE, values_of_step
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.label_files import record_path
from napari_stmml.batch.measure_files import (
    FOLDER,
    Looked,
    MapTask,
    MeasureFiles,
    MeasureTask,
    look_at,
    measure_file,
)
from napari_stmml.batch.records import LabelRecord, MeasureRecord, read_record
from napari_stmml.events import Skipped
from napari_stmml.io.tables import save_table
from napari_stmml.measuring.backgrounds import series_backgrounds
from napari_stmml.measuring.series import SUMMARY, series_sentences, summary_rows, write_summary
from napari_stmml.system.pool import Outcome, outcome_of
from napari_stmml.system.progress import FileCount, until_stopped
from napari_stmml.text import counted

_STEP = "measure"
LEFT_OUT = "left_out.csv"
_OUTPUTS = tuple(f"{FOLDER}/{name}" for name in (SUMMARY, LEFT_OUT))
_FEW = 8  # files, for which other processes are not worth starting


def measure(run: JobRun) -> None:
    """Measure every label map that the step predict has made; write tables of each and one for the series.

    Raises
    ------
    ValueError
        If there are no label maps, or a class is named as background and none can be measured.
    Stopped
        If the job is to stop; what is written stays.
    """
    if not run.job.values[f"{MEASURE}.tables"]:
        return
    tasks = list(_tasks(run))
    if not tasks:
        raise ValueError("there are no label maps to measure: do the step predict first")
    fingerprint = _fingerprint(run, tasks)
    done, said = run.folder.begin(_STEP, fingerprint)
    run.say(said)
    if done:
        run.say("measure: done already")
        return
    run.folder.note(_STEP, fingerprint, _OUTPUTS)
    files, tasks = _with_background(run, tasks)
    _put_aside(run, files, tasks)
    left_out = _measure(run, files, tasks)
    run.check_stop()
    whole = _write_summary(run, files, tasks, left_out)
    run.folder.note(_STEP, fingerprint, _OUTPUTS, done=whole)


def _tasks(run: JobRun) -> Iterator[MeasureTask]:
    """Find the label maps of every file, by the records of the step predict."""
    sets = ("predict",) if run.job.values["predict_path"] else ("train", "test")
    for task, record in run.records(*sets):
        maps = []
        for row in record.rows:
            name = task.name_of(row.direction)
            known = read_record(record_path(run.folder.path, name), LabelRecord)
            labels = [one for one in known.outputs if one.endswith("_labels.tif")] if known else []
            if known and labels and run.folder.has_all(labels):
                maps.append(MapTask(labels[0], name, row.direction, known.fingerprint))
        if maps:
            yield MeasureTask(task.source, tuple(maps))


def _fingerprint(run: JobRun, tasks: Sequence[MeasureTask]) -> dict[str, Any]:
    """Return everything that the tables depend on; somebody may have edited a map since it was made."""
    stamps = []
    for one in (one for task in tasks for one in task.maps):
        stat = (run.folder / one.labels).stat()
        stamps.append([one.labels, stat.st_size, stat.st_mtime_ns])
    values = values_of_step(_STEP, run.job.values)
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {"program": __version__, **plain, "label maps": digest(stamps)}


def _with_background(run: JobRun, tasks: list[MeasureTask]) -> tuple[MeasureFiles, list[MeasureTask]]:
    """Look through all maps, and choose one background for all of them."""
    values, folder = run.job.values, str(run.folder.path)
    names = tuple(values[f"{MEASURE}.background"])
    how = MeasureFiles(folder, names, values[f"{MEASURE}.min_area"], values[f"{MEASURE}.details"])
    looked: list[Looked] = []
    known = []
    for outcome in _mapped(run, partial(look_at, folder), tasks):
        found = outcome.result or Looked(outcome.task.maps, ())
        looked.append(found)
        known.append(MeasureTask(outcome.task.source, found.maps))
    run.check_stop()
    chosen = series_backgrounds(areas for one in looked for areas in one.areas)
    return replace(how, backgrounds={} if names else chosen), known


def _mapped(run: JobRun, function: Callable[[Any], Any], tasks: Sequence[MeasureTask]) -> Iterator[Outcome]:
    """Do tasks in many processes, here or on a cluster; few of them in this one."""
    here = len(tasks) <= _FEW and not run.cluster
    with nullcontext(_ThisProcess()) if here else run.engine() as engine:
        yield from engine.map(function, until_stopped(tasks, run.should_stop))


class _ThisProcess(Engine):
    """Does tasks one after the other."""

    def map(self, function: Callable[[Any], Any], tasks: Any) -> Iterator[Outcome]:
        """Yield what a function returns of each task."""
        return (replace(outcome_of(function, task), task=task) for task in tasks)


def _put_aside(run: JobRun, files: MeasureFiles, tasks: Sequence[MeasureTask]) -> None:
    """Move what was measured with other parameters, or on other maps, to ``older``."""
    maps = [one for task in tasks for one in task.maps]
    paths = [files.record_path(one.name) for one in maps]
    run.retire(_STEP, paths, MeasureRecord, "not measured any more")
    for one, path in zip(maps, paths, strict=True):
        known = read_record(path, MeasureRecord)
        if known is not None and known.fingerprint != files.fingerprint(one):
            run.put_aside(path, known)


def _measure(run: JobRun, files: MeasureFiles, tasks: Sequence[MeasureTask]) -> list[tuple[str, str]]:
    """Measure the maps that have no current record; return which could not be, and why."""
    left = [
        replace(task, maps=maps)
        for task in tasks
        if (maps := tuple(one for one in task.maps if files.record(one) is None))
    ]
    if len(left) < len(tasks):
        run.say(f"measure: {len(tasks) - len(left)} of {len(tasks)} files are done already")
    count = FileCount(_STEP, len(tasks) - len(left), len(tasks), run.report)
    out: list[tuple[str, str]] = []
    for outcome in _mapped(run, partial(measure_file, files), left):
        source = outcome.task.source
        if outcome.error:
            out.append((source, f"{Path(source).name} could not be measured: {outcome.error}"))
        out += [(source, one.problem) for one in outcome.result or () if one.problem]
        count.add()
    for source, why in out:
        run.report(Skipped(source, why, "not measured", None, source))
    return out


def _write_summary(
    run: JobRun, files: MeasureFiles, tasks: Sequence[MeasureTask], left_out: Sequence[tuple[str, str]]
) -> bool:
    """Write the table of the series from the records; return whether every map was measured."""
    records = [files.record(one) for task in tasks for one in task.maps]
    scans = [one.summary for one in records if one is not None and one.summary is not None]
    rows = [{"source": source, "why": why} for source, why in left_out]
    save_table(run.folder / FOLDER / LEFT_OUT, rows, ("source", "why"))
    if not scans:
        why = left_out[0][1] if left_out else "its records are gone; start the job again"
        said = f"no label map could be measured: {why}"
        if run.job.values[f"{MEASURE}.background"]:  # which no map may have
            raise ValueError(said)
        run.say(f"measure: {said}")
        return False
    path = write_summary(run.folder / FOLDER / SUMMARY, scans)
    what = f"{counted(len(scans), 'map')} of {counted(len(tasks), 'file')} in {path}"
    run.say("\n  ".join([f"measure: {what}", *series_sentences(summary_rows(scans))]))
    return len(scans) == len(records)
