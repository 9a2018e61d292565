"""The step process: prepare every file of a job, on all cores."""

from collections.abc import Iterable
from pathlib import Path

from napari_stmml.batch.job_folder import difference
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.prepare_file import FileTask, give_up, prepare_file
from napari_stmml.batch.records import FileRecord
from napari_stmml.batch.report import Row
from napari_stmml.events import DirectionTaken, FileTaken, Skipped
from napari_stmml.parameter_type import nearest
from napari_stmml.system.progress import FileCount, until_stopped
from napari_stmml.text import quoted

_SAID = 10  # names of include that are of no scan, one by one


def process(run: JobRun) -> None:
    """Prepare every file that was not prepared with these parameters before.

    Raises
    ------
    Stopped
        If the job is to stop.
    """
    _check_names(run)
    run.retire("process", [task.record_path for task in run.tasks], FileRecord, "not in the job")
    waiting = [task for task in run.tasks if not task.is_done()]
    done = len(run.tasks) - len(waiting)
    if done:
        run.say(f"process: {done} of {len(run.tasks)} files are done already")
    _retire_outdated(run, waiting)
    count = FileCount("process", done, len(run.tasks), run.report)
    with run.engine() as engine:
        for outcome in engine.map(prepare_file, until_stopped(waiting, run.should_stop)):
            record = outcome.result or give_up(outcome.task, outcome.error)
            for row in record.rows:
                if row.status == "skipped":
                    run.report(Skipped(row.source, _why(row), row.reason, None, row.source, row.direction))
            run.report(FileTaken(outcome.task.place, tuple(map(_taken, record.rows))))
            count.add()
    run.check_stop()


def _check_names(run: JobRun) -> None:
    """Say which names of ``include`` are of no scan of the job."""
    known = {name for task in run.tasks for name in task.names}
    unknown = [name for name in run.job.values["include"] if name not in known]
    for name in unknown[:_SAID]:
        near = f"; did you mean {quoted(nearest(name, known))}?" if known else ""
        run.say(f"include: no scan of this job is called {quoted(name)}{near}")
    if len(unknown) > _SAID:
        run.say(f"include: {len(unknown) - _SAID} more names are of no scan of this job")


def _retire_outdated(run: JobRun, tasks: Iterable[FileTask]) -> None:
    """Put aside what was made of files with other parameters, and say once which they were."""
    said = False
    for task in tasks:
        record = task.record()
        if record and record.fingerprint != task.fingerprint():
            where = run.put_aside(task.record_path, record)
            if not said:
                why = difference(record.fingerprint, task.fingerprint())
                run.say(f"process: {why}; the files made before are now in {where}")
            said = True


def _why(row: Row) -> str:
    """Say in one sentence which direction of which file was left out and why."""
    return f"{Path(row.source).name} {row.direction}: {row.why}" if row.direction else row.why


def _taken(row: Row) -> DirectionTaken:
    return DirectionTaken(row.source, row.direction, row.status, row.reason, row.why, row.windows)
