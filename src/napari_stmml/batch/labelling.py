"""Label scans with a model and write their files: for the command line, for a job and for the viewer."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path

from napari_stmml.batch.label_files import Answer, LabelTask, Wanted, write_labels
from napari_stmml.events import Listener, ScanLabelled, ScanProgress, Skipped, ignore
from napari_stmml.features.intake import skipped
from napari_stmml.features.store import EncodedMap, FeatureStore, encode_scan
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.model.suitability import doubt_about, nothing_seen
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.system.files import free_name, identity
from napari_stmml.system.keras import need_keras
from napari_stmml.system.pool import Pool, is_full
from napari_stmml.system.progress import FileCount, Stopped, throttled, until_stopped
from napari_stmml.text import short_stem

Labelled = tuple[LabelTask, ScanLabelled | Skipped]
Item = tuple[LabelTask, Answer | Skipped | None]  # without an answer, it is still to be labelled


def label_tasks(scans: Iterable[Scan]) -> Iterator[LabelTask]:
    """Make a task of each scan, with a name of its own for its files.

    The name is the file's stem, the channel unless that is Z, the direction, and a number if that is taken;
    of a very long one, a hash and the end are left.

    Parameters
    ----------
    scans : iterable of Scan

    Yields
    ------
    LabelTask
        One for each scan, in order, numbered from 0.
    """
    taken: set[str] = set()
    for number, scan in enumerate(scans):
        parts = (scan.stem, "" if scan.channel == TOPOGRAPHY else scan.channel, scan.short_direction)
        stem = free_name(short_stem("_".join(part for part in parts if part)), taken.__contains__)
        taken.add(stem)
        yield LabelTask(scan, stem, scan.name, number=number)


@dataclass(frozen=True, eq=False)
class Labeller:
    """Labels scans with a model and writes their files.

    Parameters
    ----------
    classifier : SurfaceClassifier
        That of the file ``wanted.model``.
    wanted : Wanted
    report : callable
        Gets `ScanProgress` of scans that are labelled in this process.
    should_stop : callable
    store : FeatureStore, optional
        Where features of scans that are labelled in this process may be kept.

    Raises
    ------
    ValueError
        If the model has a network and TensorFlow is not installed.
    """

    classifier: SurfaceClassifier
    wanted: Wanted
    report: Listener = ignore
    should_stop: Callable[[], bool] = lambda: False
    store: FeatureStore | None = None

    def __post_init__(self) -> None:
        if self.classifier.encoder.has_network:
            need_keras()

    def here(self, tasks: Iterable[LabelTask]) -> Iterator[ScanLabelled | Skipped]:
        """Label scans and write their files, one after the other, in this process.

        Parameters
        ----------
        tasks : iterable of LabelTask

        Yields
        ------
        ScanLabelled or Skipped
            One for each task, in order.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        for task in tasks:
            if self.should_stop():
                raise Stopped("prediction was stopped")
            yield _finish(self.wanted, (task, self.answer(task)))

    def folder(self, tasks: Iterable[LabelTask], count: FileCount, processes: int = 0) -> Iterator[Labelled]:
        """Label scans and write their files through many processes; in order, as they are done.

        A network labels in this process, because it uses all cores; other processes write the files. When
        ``should_stop`` says so, what is labelled is written all the same.

        Parameters
        ----------
        tasks : iterable of LabelTask
        count : FileCount
            Counts the files, each when its last scan is done.
        processes : int
            0 for one a core.

        Yields
        ------
        LabelTask, ScanLabelled or Skipped
        """
        going = until_stopped(tasks, self.should_stop)
        network = self.classifier.encoder.has_network
        items = self._answered(going) if network else ((task, None) for task in going)
        with Pool(processes) as pool:
            outcomes = pool.map(partial(_finish, self.wanted), items, pool.processes)
            for _, of_file in groupby(outcomes, lambda outcome: outcome.task[0].scan.source):
                for outcome in of_file:
                    task = outcome.task[0]
                    yield task, outcome.result or not_labelled(task, outcome.error)
                count.add()

    def answer(self, task: LabelTask) -> Answer | Skipped:
        """Label one scan, and write nothing yet; or say why it is left out.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        started, tick, model = time.monotonic(), throttled(self.report), self.classifier
        pitch = self.wanted.pitch
        encoder = model.encoder if pitch is None else model.encoder.at_pitch(pitch)
        try:
            if task.prepared:
                encoded = EncodedMap.of(StoredMap(Path(task.prepared)).load(), encoder)
            else:
                encoded = encode_scan(task.scan, model.recipe, encoder, self.store)
            labels, confidence, _ = model.label(
                encoded,
                on_progress=lambda done, total: tick(ScanProgress(task.name, done, total), done == total),
                should_stop=self.should_stop,
            )
        except ValueError as error:
            return skipped(task.scan, error, task.number)
        of_model = (model.classes, lineage(model.training))
        exemplars = model.exemplars if self.wanted.exemplars else None
        seconds = time.monotonic() - started
        doubt = "; ".join(
            part for part in (doubt_about(model, task.scan), nothing_seen(model, labels)) if part
        )
        made = (labels, confidence, encoder.grid, encoded.shape)
        return Answer(*made, *of_model, exemplars, seconds, doubt, encoded.borders)

    def _answered(self, tasks: Iterable[LabelTask]) -> Iterator[Item]:
        """Label scan by scan here; one that cannot be labelled stops none of the others."""
        for task in tasks:
            try:
                yield task, self.answer(task)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - one scan too many for the memory, say
                yield task, not_labelled(task, f"{type(error).__name__}: {error}")


def label_there(wanted: Wanted, tasks: Iterable[LabelTask]) -> list[ScanLabelled | Skipped]:
    """Label scans and write their files, in any process; one that cannot be labelled stops no others.

    Parameters
    ----------
    wanted : Wanted
    tasks : iterable of LabelTask

    Returns
    -------
    list of ScanLabelled or Skipped
        One for each task.
    """
    made: list[ScanLabelled | Skipped] = []
    for task in tasks:
        try:
            made.append(_finish(wanted, (task, None)))
        except Exception as error:
            if is_full(error):
                raise
            made.append(not_labelled(task, f"{type(error).__name__}: {error}"))
    return made


def _finish(wanted: Wanted, item: Item) -> ScanLabelled | Skipped:
    """Label a scan, if that is still to be done, and write its files; in any process."""
    task, made = item
    made = made or Labeller(_loaded(wanted.model, identity(wanted.model)), wanted).answer(task)
    return made if isinstance(made, Skipped) else write_labels(task, made, wanted)


def not_labelled(task: LabelTask, why: str) -> Skipped:
    """Make the event that a scan could not be labelled."""
    scan, sentence = task.scan, f"{task.name} could not be labelled: {why}"
    return Skipped(task.name, sentence, "not labelled", task.number, scan.source, scan.short_direction)


@lru_cache(maxsize=1)  # a process of the pool labels many scans with one model
def _loaded(model: str, which: tuple[int, ...]) -> SurfaceClassifier:
    return SurfaceClassifier.load(model)
