"""Label scans with a model and write their files: for the command line, for a job and for the viewer."""

import time
from collections.abc import Callable, Iterable, Iterator
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
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.system.files import free_name
from napari_stmml.system.pool import Pool
from napari_stmml.system.progress import FileCount, Stopped, throttled, until_stopped

ShouldStop = Callable[[], bool]
Item = tuple[LabelTask, Answer | Skipped | None]  # without an answer, it is still to be labelled


def label_tasks(scans: Iterable[Scan]) -> Iterator[LabelTask]:
    """Make a task of each scan, with a name of its own for its files.

    The name is the file's stem, the channel unless that is Z, the direction, and a number if that is taken.
    """
    taken: set[str] = set()
    for number, scan in enumerate(scans):
        parts = (scan.stem, "" if scan.channel == TOPOGRAPHY else scan.channel, scan.short_direction)
        stem = free_name("_".join(part for part in parts if part), taken.__contains__)
        taken.add(stem)
        yield LabelTask(scan, stem, scan.name, number=number)


def label_here(
    tasks: Iterable[LabelTask],
    classifier: SurfaceClassifier,
    wanted: Wanted,
    *,
    store: FeatureStore | None = None,
    report: Listener = ignore,
    should_stop: ShouldStop = lambda: False,
) -> Iterator[ScanLabelled | Skipped]:
    """Label scans and write their files, one after the other, in this process.

    Parameters
    ----------
    tasks : iterable of LabelTask
    classifier : SurfaceClassifier
    wanted : Wanted
    store : FeatureStore, optional
        Where features of the scans may be kept.
    report : callable
        Gets `ScanProgress`.
    should_stop : callable

    Raises
    ------
    Stopped
        If ``should_stop`` said so.
    """
    for task in tasks:
        if should_stop():
            raise Stopped("prediction was stopped")
        yield _finish(wanted, (task, answer(task, classifier, wanted, report, should_stop, store)))


def label_folder(
    tasks: Iterable[LabelTask],
    classifier: SurfaceClassifier,
    wanted: Wanted,
    count: FileCount,
    *,
    processes: int = 0,
    report: Listener = ignore,
    should_stop: ShouldStop = lambda: False,
) -> Iterator[tuple[LabelTask, ScanLabelled | Skipped]]:
    """Label scans and write their files through many processes; in order, as they are done.

    A network labels in this process, for it uses all cores by itself, and the others write. When
    ``should_stop`` says so, what is labelled is written all the same.

    Parameters
    ----------
    tasks : iterable of LabelTask
    classifier : SurfaceClassifier
        That of the file ``wanted.model``.
    wanted : Wanted
    count : FileCount
        Counts the files, each when its last scan is done.
    processes : int
        0 for one a core.
    report : callable
        Gets `ScanProgress` of a network.
    should_stop : callable

    Yields
    ------
    LabelTask, ScanLabelled or Skipped
    """
    going = until_stopped(tasks, should_stop)
    if classifier.encoder.has_network:
        items = _answered(going, classifier, wanted, report, should_stop)
    else:
        items = ((task, None) for task in going)
    with Pool(processes) as pool:
        outcomes = pool.map(partial(_finish, wanted), items, pool.processes)
        for _, of_file in groupby(outcomes, lambda outcome: outcome.task[0].scan.source):
            for outcome in of_file:
                task = outcome.task[0]
                yield task, outcome.result or _failed(task, outcome.error)
            count.add()


def answer(
    task: LabelTask,
    classifier: SurfaceClassifier,
    wanted: Wanted,
    report: Listener = ignore,
    should_stop: ShouldStop = lambda: False,
    store: FeatureStore | None = None,
) -> Answer | Skipped:
    """Label one scan, and write nothing yet; or say why it is left out.

    Raises
    ------
    Stopped
        If ``should_stop`` said so.
    """
    started, tick = time.monotonic(), throttled(report)
    encoder = classifier.encoder if wanted.pitch is None else classifier.encoder.at_pitch(wanted.pitch)
    try:
        if task.prepared:
            encoded = EncodedMap.of(StoredMap(Path(task.prepared)).load(), encoder)
        else:
            encoded = encode_scan(task.scan, classifier.recipe, encoder, store)
        labels, confidence, _ = classifier.label(
            encoded,
            on_progress=lambda done, total: tick(ScanProgress(task.name, done, total), done == total),
            should_stop=should_stop,
        )
    except ValueError as error:
        return skipped(task.scan, error, task.number)
    return Answer(
        labels,
        confidence,
        encoder.grid,
        encoded.shape,
        classifier.classes,
        lineage(classifier.training),
        classifier.exemplars if wanted.exemplars else None,
        time.monotonic() - started,
    )


def _answered(
    tasks: Iterable[LabelTask],
    classifier: SurfaceClassifier,
    wanted: Wanted,
    report: Listener,
    should_stop: ShouldStop,
) -> Iterator[Item]:
    """Label scan by scan here; one that cannot be labelled stops none of the others."""
    for task in tasks:
        try:
            yield task, answer(task, classifier, wanted, report, should_stop)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - one scan too many for the memory, say
            yield task, _failed(task, f"{type(error).__name__}: {error}")


def _finish(wanted: Wanted, item: Item) -> ScanLabelled | Skipped:
    """Label a scan, if that is still to be done, and write its files; in any process."""
    task, made = item
    made = made or answer(task, _loaded(wanted.model), wanted)
    return made if isinstance(made, Skipped) else write_labels(task, made, wanted)


def _failed(task: LabelTask, why: str) -> Skipped:
    scan, sentence = task.scan, f"{task.name} could not be labelled: {why}"
    return Skipped(task.name, sentence, "not labelled", task.number, scan.source, scan.short_direction)


@lru_cache(maxsize=1)  # a process of the pool labels many scans with one model
def _loaded(model: str) -> SurfaceClassifier:
    return SurfaceClassifier.load(model)
