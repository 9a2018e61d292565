"""The step predict: label every prepared scan of a job that is not labelled yet by its model."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from napari_stmml.batch import fingerprints
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.label_files import LabelTask, Wanted, WantedByJob, record_path
from napari_stmml.batch.labelling import Labeller, label_there
from napari_stmml.batch.prepare_file import FileTask
from napari_stmml.batch.records import FileRecord, Fingerprint, LabelRecord, read_record
from napari_stmml.events import Event, Skipped
from napari_stmml.heights.two_biases import with_other_bias
from napari_stmml.io.formats import read_directions
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.system.progress import FileCount, until_stopped
from napari_stmml.text import counted
from napari_stmml.truth.truth_paths import truth_stamp

Fingerprints = dict[str, str]  # of the labels of each direction of a file


@dataclass(frozen=True)
class _Waiting:
    """A file with directions that are to be labelled."""

    task: FileTask
    record: FileRecord
    directions: Fingerprints

    @property
    def source(self) -> str:
        """The path of the file."""
        return self.task.source


def predict(run: JobRun) -> None:
    """Label the scans that the job names for it, or else all; what is labelled already stays.

    Raises
    ------
    ValueError
        If there is no scan to label, none could be labelled, or the step cluster has to come first.
    Stopped
        If the job is to stop; what is labelled is written.
    """
    if not run.folder.is_done("cluster", fingerprints.of_clusters(run)):
        raise ValueError("there is no model of these parameters: do the step cluster first")
    fingerprint = fingerprints.of_labels(run)
    _, said = run.folder.begin("predict", fingerprint)
    run.say(said)
    sets = ("predict",) if run.job.values["predict_path"] else ("train", "test")
    files = [(task, record) for task, record in run.records(*sets) if record.maps]
    if not files:
        raise ValueError("no scan can be labelled; the report says why each was left out")
    wanted = [_fingerprints(task, record, fingerprint) for task, record in files]
    names = [task.name_of(one) for (task, _), own in zip(files, wanted, strict=True) for one in own]
    records = [record_path(run.folder.path, name) for name in names]
    run.retire("predict", records, LabelRecord, "not labelled any more")
    waiting = [
        _Waiting(task, record, left)
        for (task, record), own in zip(files, wanted, strict=True)
        if (left := _left(run, task, own))
    ]
    if len(waiting) < len(files):
        run.say(f"predict: {len(files) - len(waiting)} of {len(files)} files are done already")
    if waiting:
        _label(run, waiting, len(files))
        _check_maps(run, waiting, sum(map(len, wanted)))
    run.folder.note("predict", fingerprint, [], done=True)


def _fingerprints(task: FileTask, record: FileRecord, of_step: Fingerprint) -> Fingerprints:
    """Return what the labels of each direction of a file depend on, as a digest."""
    made = {}
    for row in record.rows:
        if row.status != "skipped":
            own = {**of_step, "scan": record.sha256}
            if painted := truth_stamp(task.source, row.direction, record.sha256 or ""):
                own["painted"] = painted  # so that its map is made anew after every change
            made[row.direction] = digest(own)
    return made


def _left(run: JobRun, task: FileTask, wanted: Fingerprints) -> Fingerprints:
    """Return what is not labelled with this model; put aside what another one made of it."""
    left = {}
    for direction, fingerprint in wanted.items():
        path, known = _record(run, task, direction)
        if known and known.fingerprint != fingerprint:
            run.put_aside(path, known)
        elif known and run.folder.has_all(known.outputs):
            continue
        left[direction] = fingerprint
    return left


def _record(run: JobRun, task: FileTask, direction: str) -> tuple[Path, LabelRecord | None]:
    """Return path and content of the record of a direction's labels."""
    path = record_path(run.folder.path, task.name_of(direction))
    return path, read_record(path, LabelRecord)


def _check_maps(run: JobRun, waiting: list[_Waiting], total: int) -> None:
    """Say how many of all directions have no map now; a step that left none has not done its work."""
    missing = []
    for task, direction in ((file.task, one) for file in waiting for one in file.directions):
        _, known = _record(run, task, direction)
        if not known or not run.folder.has_all(known.outputs):
            missing.append((task.source, direction))
            run.failed.setdefault(missing[-1], f"{task.name_of(direction)} could not be labelled")
    if missing and len(missing) == total:
        raise ValueError(f"no scan could be labelled: {run.failed[missing[0]]}")
    if missing:
        of_all = f"{len(missing)} of {counted(total, 'direction')}"
        run.say(f"predict: {of_all} could not be labelled; the report says why")


def _label(run: JobRun, waiting: list[_Waiting], total: int) -> None:
    """Label directions and report what came of each."""
    if run.recipe.trains:
        run.say("predict: TensorFlow is starting")
    values, folder = run.job.values, str(run.folder.path)
    by_job = WantedByJob(folder, run.recipe, values["overlay_alpha"], values["cmap"])
    wanted = Wanted(str(run.cluster_model), f"{folder}/predictions", figure=True, job=by_job)
    count = FileCount("predict", total - len(waiting), total, run.report)
    made = _on_cluster(run, waiting, count, wanted) if run.cluster else _here(run, waiting, count, wanted)
    for event in made:
        if isinstance(event, Skipped):
            run.failed[event.source or "", event.direction or ""] = event.why
        run.report(event)
    run.check_stop()


def _here(run: JobRun, waiting: list[_Waiting], count: FileCount, wanted: Wanted) -> Iterator[Event]:
    """Read files in this process, and label them in many, or in this one where a network takes all cores."""
    labeller = Labeller(SurfaceClassifier.load(run.cluster_model), wanted, should_stop=run.should_stop)
    unread: deque[Event] = deque()

    def tasks() -> Iterator[LabelTask]:
        for file in waiting:
            try:
                yield from _tasks(file)
            except (ValueError, OSError) as error:  # it was deleted since it was prepared
                unread.extend(_not_labelled(file, str(error)))
                count.add()

    for _, event in labeller.folder(tasks(), count, run.processes):
        yield event
        while unread:
            yield unread.popleft()
    yield from unread


def _on_cluster(run: JobRun, waiting: list[_Waiting], count: FileCount, wanted: Wanted) -> Iterator[Event]:
    """Label file by file on the workers of a cluster, which read them."""
    with run.engine() as engine:
        for outcome in engine.map(partial(_label_file, wanted), until_stopped(waiting, run.should_stop)):
            yield from outcome.result or _not_labelled(outcome.task, outcome.error)
            count.add()


def _label_file(wanted: Wanted, file: _Waiting) -> list[Event]:
    """Label the directions of a file, in any process."""
    try:
        tasks = list(_tasks(file))
    except (ValueError, OSError) as error:
        return _not_labelled(file, str(error))
    return [*label_there(wanted, tasks)]


def _not_labelled(file: _Waiting, error: str) -> list[Event]:
    """Say of each direction that it could not be labelled."""
    made: list[Event] = []
    for direction in file.directions:
        name = file.task.name_of(direction)
        event = Skipped(name, f"{name} could not be labelled: {error}", "not labelled")
        made.append(replace(event, source=file.task.source, direction=direction))
    return made


def _tasks(file: _Waiting) -> Iterator[LabelTask]:
    """Read a file, and give each direction that is to be labelled, with its prepared map."""
    job = file.task.job
    for scan in with_other_bias(read_directions(file.task.source), job.recipe.preprocessing):
        direction, known = scan.short_direction, file.record.map_of(scan.short_direction)
        if direction in file.directions and known:
            name, prepared = file.task.name_of(direction), str(job.folder / known.path)
            yield LabelTask(scan, name, name, None, prepared, file.directions[direction])
