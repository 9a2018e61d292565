"""A job at work in its folder: what its steps share, and the report of what became of every file."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_stmml.batch import report
from napari_stmml.batch.engine import HERE, Cluster, Engine, open_engine
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_folder import JobFolder, difference
from napari_stmml.batch.prepare_file import FileTask
from napari_stmml.batch.records import FileRecord, LabelRecord, MeasureRecord, StructuresRecord, read_record
from napari_stmml.batch.report import NOT_YET, Row
from napari_stmml.batch.survey import Found, files_of, files_to_label
from napari_stmml.events import Listener, Message, ignore
from napari_stmml.io.tables import read_table
from napari_stmml.model.suitability import check_one_quantity
from napari_stmml.model.training_record import TrainingMaps
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.window_stream import WindowMap
from napari_stmml.system.folder_lock import FolderLock
from napari_stmml.system.progress import Stopped

GO_ON = "start it again, and it goes on where it was"
OfScan = FileRecord | LabelRecord | StructuresRecord | MeasureRecord
Identity = list[tuple[str, str | None, int, str]]  # what tells the maps of a job from all others


@dataclass
class JobRun:
    """A job at work in its folder.

    Parameters
    ----------
    job : JobFile
    report : callable
        Gets the events of ``napari_stmml.events`` that a step reports.
    should_stop : callable
        Asked between files and batches; nothing that is done is lost.
    processes : int
        How many processes prepare and write scans at a time; 0 for one a core.
    cluster : Cluster
        Where the work on many files is done instead, if it names one.
    lock : FolderLock, optional
        That of the folder.
    failed : dict
        Why a direction, by file and direction, could not be labelled in this run.
    """

    job: JobFile
    report: Listener = ignore
    should_stop: Callable[[], bool] = lambda: False
    processes: int = 0
    cluster: Cluster = HERE
    lock: FolderLock | None = None
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def folder(self) -> JobFolder:
        """The folder of the job."""
        return JobFolder(self.job.folder)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the job."""
        return self.job.recipe

    @property
    def model(self) -> Path:
        """The file of the trained network."""
        return self.folder / f"model/{self.job.values['model_name']}.stmml"

    @property
    def cluster_model(self) -> Path:
        """The file of the finished model."""
        return self.folder / f"cluster_model/{self.job.values['cluster_model_name']}.stmml"

    @property
    def structures(self) -> Path:
        """The folder of what the step structures makes."""
        return self.folder / "structures"

    @cached_property
    def found(self) -> list[Found]:
        """Every file of the job, those that give no scan as well."""
        return files_of(self.job)

    @cached_property
    def tasks(self) -> list[FileTask]:
        """Every file that gives scans."""
        return [FileTask(str(one.path), one.place, one.set, self.job) for one in self.found if one.place]

    def engine(self) -> AbstractContextManager[Engine]:
        """Return what works on many files at a time, to be used in a ``with`` statement."""
        return open_engine(self.processes, self.cluster, self.lock, self.report, self.should_stop)

    def say(self, text: str) -> None:
        """Report a sentence, unless it is empty.

        Parameters
        ----------
        text : str
        """
        if text:
            self.report(Message(text))

    def check_stop(self) -> None:
        """Raise Stopped if the job is to stop."""
        if self.should_stop():
            raise Stopped(GO_ON)

    def records(self, *sets: str) -> Iterator[tuple[FileTask, FileRecord]]:
        """Yield the record of every file of some sets.

        With ``predict``, these are the files that ``predict_path`` names, those to train on among them.

        Raises
        ------
        ValueError
            If the step process has to come first.
        """
        also = files_to_label(self.job) if "predict" in sets else frozenset()
        for task in self.tasks:
            if task.set in sets or (also and Path(task.source).resolve() in also):
                record = task.record()
                if record is None or not task.is_current(record):
                    changed = ""
                    if record and record.fingerprint != task.fingerprint():
                        changed = f" ({difference(record.fingerprint, task.fingerprint())})"
                    raise ValueError(
                        f"{Path(task.source).name} has not been processed with these parameters{changed}:"
                        " do the step process first"
                    )
                yield task, record

    @cached_property
    def _maps(self) -> tuple[TrainingMaps, tuple[dict[str, Any], ...], Identity]:
        maps: dict[str, list[WindowMap]] = {"train": [], "test": []}
        files, identity = [], []
        for task, record in self.records("train", "test"):
            about = {"name": Path(task.source).name, "sha256": record.sha256, "set": task.set}
            for known in record.maps:
                maps[task.set].append(known.stored(self.folder.path))
                own = {"quantity": known.quantity, "pixel_density": known.pixel_density}
                files.append({**about, "direction": known.direction, **own})
                identity.append((known.path, record.sha256, known.all, task.set))
        limits = (self.job.values["train_data_limit"], self.job.values["test_data_limit"])
        return TrainingMaps(maps["train"], maps["test"], *limits), tuple(files), identity

    @property
    def identity(self) -> Identity:
        """Place, hash, number of windows and set of every prepared map to train and to validate on."""
        return self._maps[2]

    def training_maps(self) -> tuple[TrainingMaps, tuple[dict[str, Any], ...]]:
        """Return the prepared maps to train and to validate on, and what the model remembers of each.

        Raises
        ------
        ValueError
            If there is none, or none to validate on although files for that are named; if they are of several
            quantities.
        """
        maps, files, _ = self._maps
        check_one_quantity(files, self.recipe.mixed_channels)
        if not maps.train:
            raise ValueError("no scan can be used for training; the report says why each was left out")
        if self.job.values["test_path"] and not maps.test:
            raise ValueError(
                "nothing that test_path names can be used to validate on; the report says why. Without"
                " test_path, a tenth of each training scan is held out"
            )
        return maps, files

    def put_aside(self, path: Path, record: OfScan | None) -> Path:
        """Move the files that a record lists, and the record, to ``older``."""
        outputs = record.outputs if record else ()
        return self.folder.put_aside([*outputs, path.relative_to(self.folder.path).as_posix()])

    def retire(self, step: str, current: Iterable[Path], kind: type[OfScan], said: str) -> None:
        """Move what was made of files or labels that are no longer part of the job to ``older``."""
        names = {path.name for path in current}
        for path in sorted((self.folder / "state" / step).glob("*.json")):
            if path.name not in names:
                where = self.put_aside(path, read_record(path, kind))
                self.say(f"{step}: {path.stem.replace('~', '/')} is {said}: now in {where}")

    def rows(self) -> list[Row]:
        """List what became of every file of the job so far, for the report.

        Returns
        -------
        list of Row
            Files that gave no scan come first; one whose turn has not come is ``skipped``.
        """
        rows = [Row.of_file(one.path, one.set, one.problem) for one in self.found if not one.place]
        bare = self._left_out()
        for task in self.tasks:
            record = task.record()
            waits = Row(task.source, set=task.set, status="skipped", reason=NOT_YET, why=GO_ON)
            rows += record.rows if record and record.rows else [waits]
        return [self._with_failure(row, bare.get(row.source, "")) for row in rows]

    def _with_failure(self, row: Row, left_out: str) -> Row:
        why = self.failed.get((row.source, row.direction))
        if why is not None:
            return replace(row, status="skipped", reason="not labelled", why=why)
        return replace(row, why=left_out) if left_out and not row.why else row

    def _left_out(self) -> dict[str, str]:
        """Return why files have no measurements or structures, by file, as these steps have written it."""
        steps = (
            ("measure.tables", "measurements", "not measured"),
            ("structures.find", "structures", "no structures"),
        )
        found: dict[str, str] = {}
        for wanted, folder, what in steps:
            if self.job.values[wanted]:
                with suppress(OSError, ValueError, KeyError):  # not written yet, or damaged
                    rows = read_table(self.folder / folder / "left_out.csv")
                    found |= {row["source"]: f"{what}: {row['why']}" for row in rows}
        return found

    def write_report(self) -> None:
        """Write the ingest report of what has been done so far, and report where it is."""
        about = {known["name"]: str(known["value"]) for known in self.job.table()}
        title = f"{self.job.values['job_name']}: what was taken in"
        self.report(report.save(self.folder / "report", self.rows(), title=title, about=about))
