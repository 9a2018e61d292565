"""The four steps of a job, process, train, cluster, predict: each goes on where it was, none mixes runs."""

import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import __version__
from napari_stmml.batch import intake as ingest
from napari_stmml.batch import report
from napari_stmml.batch.intake import Found, Intake
from napari_stmml.batch.job_file import SETS, JobFile
from napari_stmml.batch.job_folder import JobFolder, Print, difference, digest
from napari_stmml.batch.job_parameters import values_of_step
from napari_stmml.batch.label_files import (
    Labelled,
    Prepared,
    Reading,
    Writing,
    read_prepared,
    record_of,
    write_labelled,
)
from napari_stmml.batch.report import Row
from napari_stmml.events import (
    DirectionTaken,
    FilesDone,
    FileTaken,
    Listener,
    Message,
    ScanLabelled,
    Skipped,
    ignore,
)
from napari_stmml.model import model_file
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.methods import method_of
from napari_stmml.model.model_file import lineage
from napari_stmml.model.training_record import TrainingMaps, TrainingRecord, load_network, save_network
from napari_stmml.parameters import nearest
from napari_stmml.srsml24.training import TrainingState
from napari_stmml.srsml24.window_stream import StoredMap
from napari_stmml.system.files import write_array, write_text
from napari_stmml.system.pool import Pool, cores
from napari_stmml.system.progress import Stopped, until_stopped, with_time_left
from napari_stmml.truth.truth_paths import truth_stamp

STEPS = ("process", "train", "cluster", "predict")
READ_AHEAD = 2  # files that wait, prepared, for the network: it is slower than reading
_GO_ON = "start it again, and it goes on where it was"


class Pipeline:
    """A job at work in its folder.

    Parameters
    ----------
    job : JobFile
    report : callable
        Gets events: `FilesDone`, `FileTaken`, `Message`, `Skipped`, `TrainingWindows`, `BatchDone`,
        `EpochDone`, `Clustering`, `ScanLabelled` and `ReportWritten` of ``napari_stmml.events``.
    should_stop : callable
        Asked between files and batches; ``Stopped`` is raised, and nothing that is done is lost.
    processes : int
        How many prepare scans at a time; 0 for one a core.
    """

    def __init__(
        self,
        job: JobFile,
        report: Listener = ignore,
        should_stop: Callable[[], bool] = lambda: False,
        processes: int = 0,
    ) -> None:
        self.job, self.recipe, self.values = job, job.recipe, job.values
        self.folder = JobFolder(job.folder)
        self._report, self._should_stop, self._processes = report, should_stop, processes
        self._failed: dict[tuple[str, str], str] = {}  # directions that could not be labelled, and why

    def run(self, steps: Sequence[str] = STEPS) -> None:
        """Do these steps in order; a step that is done already is left as it is.

        Raises
        ------
        ValueError
            If there is nothing to do a step with, or another process is at work in the folder.
        Stopped
            If ``should_stop`` said so.
        """
        with self.folder.locked():
            self.job.absolute().write(self.folder / "job_as_run.toml")
            from napari_stmml.io.tables import save_parameters

            save_parameters(self.folder / "parameters.csv", self.job.table())
            try:
                for step in steps:
                    getattr(self, f"_{step}")()
            finally:
                self.write_report()

    # ---- process

    @cached_property
    def _to_label(self) -> frozenset[Path]:
        """The files that ``predict_path`` names, which may be files to train on as well."""
        named = ingest.survey(("predict", path) for path in self.job.paths("predict"))
        return frozenset(found.path.resolve() for found in named if found.place)

    @cached_property
    def _found(self) -> list[Found]:
        """Every file of the job, those that give no scan or are beyond the limit of their set as well.

        A file belongs to one set: the one to validate on, if that names it, before the one to train on.
        What is beyond a limit can still be labelled.
        """
        paths = [(which, path) for which in ("test", "train", "predict") for path in self.job.paths(which)]
        taken = dict.fromkeys(SETS, 0)
        every = []
        for found in ingest.survey(paths):
            limit = f"mtrx_{found.set}_data_limit"
            most = self.values.get(limit, 0)
            taken[found.set] += bool(found.place)
            if found.place and 0 < most < taken[found.set]:
                if found.path.resolve() in self._to_label:
                    found = replace(found, set="predict")
                else:
                    why = f"Beyond {limit} {most}: {found.path.name} is left out"
                    found = Found(found.path, found.set, problem=why)
            every.append(found)
        return sorted(every, key=lambda found: SETS.index(found.set))

    @cached_property
    def _intakes(self) -> list[Intake]:
        forced = self.values["include"]
        return [
            Intake(str(found.path), found.place, found.set, str(self.folder.path), self.values, forced)
            for found in self._found
            if found.place
        ]

    def _process(self) -> None:
        """Take in every file that has not been taken in with these parameters, through all cores."""
        self._check_names()
        self._retire()
        waiting = [intake for intake in self._intakes if not ingest.is_done(intake)]
        done = len(self._intakes) - len(waiting)
        if done:
            self._say(f"process: {done} of {len(self._intakes)} files are done already")
        self._retire_outdated(waiting)
        pace = _Pace("process", done, len(self._intakes), self._report)
        with Pool(self._processes) as pool:
            for outcome in pool.map(ingest.take_in, until_stopped(waiting, self._should_stop)):
                record = outcome.result or ingest.give_up(outcome.task, outcome.error)
                for row in record["rows"]:
                    if row["status"] == "skipped":
                        self._report(Skipped(row["source"], _why(row), row["reason"]))
                self._report(FileTaken(outcome.task.place, tuple(map(_taken, record["rows"]))))
                pace.step()
        self._check_stop()

    def _check_names(self) -> None:
        """Say which names of ``include`` are of no scan of the job."""
        known = {name for intake in self._intakes for name in intake.names}
        for name in self.values["include"]:
            if name not in known:
                near = f"; did you mean {nearest(name, known)!r}?" if known else ""
                self._say(f"include: no scan of this job is called {name!r}{near}")

    def _retire(self) -> None:
        """Put aside what belongs to files that are no longer part of the job."""
        records = self.folder / "state" / "process"
        current = {intake.record.name for intake in self._intakes}
        for path in sorted(records.glob("*.json")):
            if path.name not in current:
                where = self._put_aside_with(path)
                self._say(f"process: {path.stem.replace('~', '/')} is not in the job: now in {where}")

    def _retire_outdated(self, intakes: Iterable[Intake]) -> None:
        """Put aside what was made of files with other parameters, and say once which they were."""
        said = False
        for intake in intakes:
            record = ingest.load_record(intake.record)
            if record and not ingest.is_same(record, intake):
                where = self._put_aside_with(intake.record)
                if not said:
                    why = difference(record.get("fingerprint", {}), intake.fingerprint())
                    self._say(f"process: {why}; the files made before are now in {where}")
                said = True

    def _put_aside_with(self, record: Path) -> Path:
        """Put aside what a record vouches for, and the record."""
        outputs = ingest.load_record(record).get("outputs", [])
        return self.folder.put_aside([*outputs, record.relative_to(self.folder.path).as_posix()])

    def _records(
        self, *sets: str, also: frozenset[Path] = frozenset()
    ) -> Iterator[tuple[Intake, dict[str, Any]]]:
        """Give the record of every file of some sets; a ValueError if the step process has to come first."""
        for intake in self._intakes:
            if intake.set in sets or (also and Path(intake.source).resolve() in also):
                record = ingest.load_record(intake.record)
                if not ingest.is_whole(record) or not ingest.is_same(record, intake):
                    changed = record and difference(record.get("fingerprint", {}), intake.fingerprint())
                    raise ValueError(
                        f"{Path(intake.source).name} has not been processed with these parameters"
                        f"{f' ({changed})' if changed else ''}: do the step process first"
                    )
                yield intake, record

    # ---- train

    @cached_property
    def _taken(self) -> tuple[dict[str, list[StoredMap]], list[dict[str, Any]], list[tuple[Any, ...]]]:
        """Read the records once: maps of each set, what the model remembers, what tells the scans apart."""
        maps: dict[str, list[StoredMap]] = {"train": [], "test": []}
        sources, prints = [], []
        for intake, record in self._records("train", "test"):
            maps[intake.set] += ingest.maps_of(record, self.folder.path)
            about = {"name": Path(intake.source).name, "sha256": record["sha256"], "set": intake.set}
            for known in record["maps"]:
                sources.append({**about, "direction": known["direction"]})
                prints.append((known["path"], record["sha256"], known["all"], intake.set))
        return maps, sources, prints

    @property
    def _maps(self) -> dict[str, list[StoredMap]]:
        maps, _, _ = self._taken
        if not maps["train"]:
            raise ValueError("no scan can be used for training; the report says why each was left out")
        if self.values["test_path"] and not maps["test"]:
            raise ValueError(
                "nothing that test_path names can be used to validate on; the report says why. Without"
                " test_path, a tenth of each training scan is held out"
            )
        return maps

    @cached_property
    def _train_print(self) -> Print:
        """Everything that the trained network depends on."""
        preparing = values_of_step("process", self.values)
        training = values_of_step("train", self.values)
        return {"program": __version__, **preparing, **training, "scans": digest(self._taken[2])}

    @property
    def _training_maps(self) -> TrainingMaps:
        maps = self._maps
        limits = (self.values["train_data_limit"], self.values["test_data_limit"])
        return TrainingMaps(maps["train"], maps["test"], *limits)

    def _train(self) -> None:
        """Train the network of the recipe, where it has one; a killed training goes on after an epoch."""
        name = f"model/{self.values['model_name']}"
        done, said = self.folder.begin("train", self._train_print)
        self._say(said)
        if done:
            self._say("train: done already")
            return
        outputs = [f"{name}{end}" for end in (".stmml", "_summary.txt", "_history.json", "_history.png")]
        checkpoint = self.folder / f"{name}.checkpoint"
        self.folder.note("train", self._train_print, [*outputs, f"{name}.checkpoint"])
        record = TrainingRecord(tuple(self._taken[1]), self.values["random_seed"])
        go_on = self._load_checkpoint(checkpoint, record)

        def keep_state(state: TrainingState) -> None:
            about = {"training_of": digest(self._train_print), "epoch": state.epoch}
            model_file.write(checkpoint, {**about, "history": record.history}, state.variables)

        starting = "TensorFlow is starting" if self.recipe.trains else "this recipe has nothing to train"
        self._say(f"train: {starting}")
        encoder = method_of(self.recipe).train(
            self._training_maps,
            self.recipe,
            record,
            on_event=with_time_left(self._report, self.recipe.epochs),
            keep_state=keep_state,
            go_on=go_on,
            should_stop=self._should_stop,
        )
        self._check_stop()
        save_network(self.folder / outputs[0], self.recipe, encoder, record)
        if described := encoder.describe():
            write_text(self.folder / outputs[1], described)
        if record.history:
            self._write_history(name, record.history)
        written = [one for one in outputs if (self.folder / one).exists()]
        self.folder.note("train", self._train_print, written, done=True)
        checkpoint.unlink(missing_ok=True)

    def _load_checkpoint(self, path: Path, record: TrainingRecord) -> TrainingState | None:
        if not path.is_file():
            return None
        try:
            about, arrays = model_file.read(path)
        except ValueError as error:
            self._say(f"train: {error}; it begins anew")
            return None
        if about.get("training_of") != digest(self._train_print):
            return None
        record.history[:] = about["history"]
        self._say(f"train: goes on after epoch {about['epoch']}")
        return TrainingState(about["epoch"], arrays)

    def _write_history(self, name: str, history: list[dict[str, Any]]) -> None:
        from napari_stmml.figures.curves import history_figure
        from napari_stmml.figures.drawing import save_figure

        write_text(self.folder / f"{name}_history.json", json.dumps(history, indent=1))
        save_figure(history_figure(history), self.folder / f"{name}_history.png")

    # ---- cluster

    @cached_property
    def _latent_print(self) -> Print:
        """Everything that the saved features depend on."""
        size = max(self.values["cluster_batch_size"], self.values["num_clusters"])
        training = digest(self._train_print)
        return {"training": training, "features_in_a_file": size, **values_of_step("encode", self.values)}

    @cached_property
    def _cluster_print(self) -> Print:
        values = values_of_step("cluster", self.values)
        return {"features": digest({**self._latent_print, "save_latent": True}), **values}

    def _cluster(self) -> None:
        """Cluster the features of all training windows; features that were saved are not made again."""
        if not self._is_done("train", self._train_print):
            raise ValueError("there is no network of these parameters: do the step train first")
        name = f"cluster_model/{self.values['cluster_model_name']}"
        outputs = [f"{name}{end}" for end in (".stmml", "_convergence.txt", "_convergence.png")]
        method, maps = method_of(self.recipe), self._training_maps
        latent_there, said = self.folder.begin("latent", self._latent_print)
        latent_there = latent_there or not method.batches(maps, self.recipe)
        self._say(said)
        done, said = self.folder.begin("cluster", self._cluster_print)
        self._say(said)
        if done and (latent_there or not self.values["save_latent"]):
            self._say("cluster: done already")
            return
        self.folder.note("cluster", self._cluster_print, outputs)
        _, encoder, record = load_network(self.folder / f"model/{self.values['model_name']}.stmml")
        latent = self._latent_files(method.batches(maps, self.recipe)) if self.values["save_latent"] else []
        if latent:
            self.folder.note("latent", self._latent_print, latent)
        classifier = method.cluster(
            encoder,
            maps,
            self.recipe,
            record,
            kept=(lambda number, shape, make: self._kept(latent[number], shape, make)) if latent else None,
            on_event=self._report,
        )
        if latent:
            self.folder.note("latent", self._latent_print, latent, done=True)
        self._check_stop()
        self._write_clusters(name, classifier)
        written = [one for one in outputs if (self.folder / one).exists()]
        self.folder.note("cluster", self._cluster_print, written, done=True)

    def _latent_files(self, n: int) -> list[str]:
        return [f"latent_features/{self.values['model_name']}_latent_{i:05d}.npy" for i in range(n)]

    def _kept(self, output: str, shape: tuple[int, int], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the features of a batch from their file, or make them and write it."""
        self._check_stop()
        path = self.folder / output
        with suppress(ValueError, OSError, EOFError):
            features: np.ndarray = np.load(path, allow_pickle=False)
            if features.shape == shape:
                return features
        features = make()
        write_array(path, features)
        return features

    def _write_clusters(self, name: str, classifier: SurfaceClassifier) -> None:
        from napari_stmml.figures.curves import convergence_figure
        from napari_stmml.figures.drawing import save_figure

        classifier.save(self.folder / f"{name}.stmml")
        if "convergence" not in classifier.training:
            return
        steps = classifier.training["convergence"]
        seen = list(itertools.accumulate(steps["windows"]))
        lines = ["# windows seen\tmean squared distance to the nearest centre"]
        lines += [f"{n}\t{inertia:.6g}" for n, inertia in zip(seen, steps["inertia"], strict=True)]
        write_text(self.folder / f"{name}_convergence.txt", "\n".join(lines) + "\n")
        save_figure(convergence_figure(steps["inertia"], seen), self.folder / f"{name}_convergence.png")

    # ---- predict

    def _predict(self) -> None:
        """Label scan by scan: reading and writing through all cores, the network here."""
        if not self._is_done("cluster", self._cluster_print):
            raise ValueError("there is no model of these parameters: do the step cluster first")
        fingerprint = {
            "clusters": digest(self._cluster_print),
            **values_of_step("predict", self.values),
        }
        _, said = self.folder.begin("predict", fingerprint)
        self._say(said)
        model = self.folder / f"cluster_model/{self.values['cluster_model_name']}.stmml"
        sets = ("predict",) if self.values["predict_path"] else ("train", "test")
        tasks, every = [], 0
        prints: dict[str, str] = {}
        for intake, record in self._records(*sets, also=self._to_label):
            directions = [row["direction"] for row in record["rows"] if row["status"] != "skipped"]
            for direction in directions:
                own = {**fingerprint, "scan": record["sha256"]}
                if painted := truth_stamp(intake.source, direction, record["sha256"]):
                    own["painted"] = painted  # so that its map is made anew after every change
                prints[f"{intake.place}_{direction}"] = digest(own)
            every += bool(directions)
            left = [one for one in directions if not self._is_labelled(f"{intake.place}_{one}", prints)]
            if left:
                tasks.append(Reading(intake.source, intake.place, tuple(left), self.recipe))
        self._retire_labels(prints)
        if not every:
            raise ValueError("no scan can be labelled; the report says why each was left out")
        if every > len(tasks):
            self._say(f"predict: {every - len(tasks)} of {every} files are done already")
        if tasks:
            if self.recipe.trains:
                self._say("predict: TensorFlow is starting")
            self._label(tasks, every, SurfaceClassifier.load(model), model.name, prints)
        self.folder.note("predict", fingerprint, [], done=True)

    def _label(
        self,
        tasks: list[Reading],
        every: int,
        classifier: SurfaceClassifier,
        model: str,
        prints: dict[str, str],
    ) -> None:
        pace = _Pace("predict", every - len(tasks), every, self._report)
        look = {
            "recipe": self.recipe,
            "classes": classifier.classes,
            "lineage": lineage(classifier.training),
            "model": model,
            "folder": str(self.folder.path),
            "alpha": self.values["overlay_alpha"],
            "cmap": self.values["cmap"],
        }
        with Pool(self._processes) as readers, Pool(self._processes) as writers:

            def writings() -> Iterator[Writing]:
                reading = until_stopped(tasks, self._should_stop)
                for outcome in readers.map(read_prepared, reading, READ_AHEAD):
                    if outcome.error:
                        for direction in outcome.task.directions:
                            self._fail(outcome.task.source, direction, outcome.error)
                    ready: list[Prepared] = outcome.result or []
                    for prepared in ready:
                        try:
                            labels = classifier.label(prepared.heights, should_stop=self._should_stop)
                        except Stopped:
                            return  # what is labelled is written all the same
                        except Exception as error:  # noqa: BLE001 - one scan too many for the memory, say
                            scan = prepared.scan
                            self._fail(scan.source, scan.short_direction, f"{type(error).__name__}: {error}")
                            continue
                        of_file.append(outcome.task)
                        yield Writing(prepared, *labels, fingerprint=prints[prepared.name], **look)
                    of_file.append(None)

            of_file: deque[Reading | None] = deque()  # of each direction, and None after the last of a file
            for outcome in writers.map(write_labelled, writings(), self._processes or cores()):
                while (task := of_file.popleft()) is None:
                    pace.step()
                if outcome.error:
                    scan = outcome.task.prepared.scan
                    self._fail(scan.source, scan.short_direction, outcome.error)
                else:
                    self._report_labelled(task, outcome.result)
            for _ in of_file:
                pace.step()
        self._check_stop()

    def _fail(self, source: str, direction: str, why: str) -> None:
        """Note a direction that could not be labelled, for the report."""
        self._failed[source, direction] = why
        name = f"{Path(source).name.rpartition('.')[0]}_{direction}"
        sentence = f"{name} could not be labelled: {why}"
        self._report(Skipped(name, sentence, "not labelled", source=source, direction=direction))

    def _report_labelled(self, task: Reading, made: Labelled) -> None:
        labels, figure, overlay, log = (str(self.folder / output) for output in made.outputs)
        self._report(
            ScanLabelled(
                task.place,
                labels,
                source=task.source,
                figure=figure,
                overlay=overlay,
                log=log,
                edited=made.edited or None,
                painted=made.painted or None,
                problem=made.problem or None,
            )
        )

    def _is_labelled(self, name: str, prints: dict[str, str]) -> bool:
        """Say whether a direction is labelled with this model; put aside what another one made of it."""
        path = record_of(self.folder.path, name)
        known = ingest.load_record(path)
        if known and known.get("fingerprint") != prints[name]:
            self._put_aside_with(path)
            return False
        return bool(known) and all((self.folder / output).exists() for output in known["outputs"])

    def _retire_labels(self, prints: dict[str, str]) -> None:
        """Put aside the labels of scans that the job does not label any more."""
        current = {record_of(self.folder.path, name).name for name in prints}
        for path in sorted((self.folder / "state" / "predict").glob("*.json")):
            if path.name not in current:
                where = self._put_aside_with(path)
                self._say(f"predict: {path.stem.replace('~', '/')} is not labelled any more: now in {where}")

    # ---- all steps

    def rows(self) -> list[Row]:
        """List what became of every file of the job so far, for the report."""
        rows = []
        for found in self._found:
            if not found.place:
                rows.append(Row.of_file(found.path, found.set, found.problem))
        for intake in self._intakes:
            record = ingest.load_record(intake.record)
            rows += [Row.from_dict(known) for known in record.get("rows", [])] or [
                Row(intake.source, set=intake.set, status="skipped", reason=ingest.NOT_YET, why=_GO_ON)
            ]
        return [self._with_failure(row) for row in rows]

    def _with_failure(self, row: Row) -> Row:
        why = self._failed.get((row.source, row.direction))
        return row if why is None else replace(row, status="skipped", reason="not labelled", why=why)

    def write_report(self) -> None:
        """Write the ingest report of what has been done so far, and report where it is."""
        about = {known["name"]: str(known["value"]) for known in self.job.table()}
        title = f"{self.values['job_name']}: what was taken in"
        self._report(report.save(self.folder / "report", self.rows(), title=title, about=about))

    def _is_done(self, step: str, fingerprint: Print) -> bool:
        known = self.folder.state(step)
        there = all((self.folder / output).exists() for output in known.get("outputs", []))
        return bool(known.get("done") and known.get("fingerprint") == fingerprint and there)

    def _say(self, what: str) -> None:
        if what:
            self._report(Message(what))

    def _check_stop(self) -> None:
        if self._should_stop():
            raise Stopped(f"stopped; {_GO_ON}")


class _Pace:
    """Report how many files are done, how many a second, and the time left, at most five times a second."""

    def __init__(self, step: str, done: int, total: int, report: Listener) -> None:
        self._step, self._total = step, total
        self._before = self._done = done
        self._report, self._began, self._told = report, time.monotonic(), 0.0
        self._tell()

    def step(self) -> None:
        """One more file is done."""
        self._done += 1
        if time.monotonic() - self._told > 0.2 or self._done == self._total:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        here, seconds = self._done - self._before, self._told - self._began
        rate = here / seconds if here and seconds > 0 else None
        left = None if rate is None else round((self._total - self._done) / rate, 1)
        self._report(FilesDone(self._step, self._done, self._total, rate, left))


def _taken(row: dict[str, Any]) -> DirectionTaken:
    return DirectionTaken(**{field.name: row[field.name] for field in fields(DirectionTaken)})


def _why(row: dict[str, Any]) -> str:
    """Say in one sentence which direction of which file was left out and why."""
    if not row["direction"]:
        return str(row["why"])
    return f"{Path(row['source']).name} {row['direction']}: {row['why']}"
