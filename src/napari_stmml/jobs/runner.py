"""Do what is asked: one function for each kind of request, here or in the worker's process; no Qt here."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from napari_stmml.clustering.embedding import look
from napari_stmml.events import (
    CellsReady,
    Event,
    FilesDone,
    LayoutReady,
    Listener,
    ModelKept,
    ModelTrained,
    ScanProgress,
    Skipped,
    UncertainFound,
    ignore,
)
from napari_stmml.heights.two_biases import paired
from napari_stmml.io.scan_archive import load_scans
from napari_stmml.jobs.embedding_files import load_question, save_view
from napari_stmml.jobs.ingest_log import IngestLog
from napari_stmml.jobs.predict_scans import (
    Predicted,
    ScanTask,
    label_scan,
    predict_scan,
    scan_tasks,
    write_predicted,
)
from napari_stmml.jobs.requests import (
    ClusterAtOnce,
    ComputeCells,
    FindUncertain,
    LabelScans,
    LayOutCells,
    ProposeClusters,
    Request,
    RunJobFile,
    TrainModel,
    WarmUp,
)
from napari_stmml.jobs.scan_stream import count_files, stream_scans
from napari_stmml.model.cell_store import write_cells
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.training import train_classifier
from napari_stmml.recipe import CELL, Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.system.pool import Outcome, Pool
from napari_stmml.system.progress import Stopped, throttled, until_stopped, with_time_left
from napari_stmml.truth.uncertain_areas import answers_of, uncertain_areas

ShouldStop = Callable[[], bool]


@singledispatch
def run(request: Request, report: Listener, should_stop: ShouldStop) -> None:
    """Do what a request asks.

    Parameters
    ----------
    request : Request
        Its type chooses the function.
    report : callable
        Gets events while the work goes on.
    should_stop : callable
        Asked often; when it returns True, the work ends and keeps what it has.

    Raises
    ------
    ValueError, OSError
        If it cannot be done; the message says why in one sentence.
    Stopped
        If ``should_stop`` said so before there was anything to keep.
    """
    raise TypeError(f"nothing is known to do for a {type(request).__name__}")


@run.register
def _train(request: TrainModel, report: Listener, should_stop: ShouldStop) -> None:
    """Train; a usable model so far stands at ``checkpoint`` after the first batch and every epoch."""
    out, started = Path(request.out), time.monotonic()
    if out.is_dir():
        raise ValueError(f"{out} is a folder; name a file for the model")
    recipe = Recipe.from_dict(request.recipe)
    like = SurfaceClassifier.load(request.like) if request.like else None
    log = IngestLog(out.with_name(f"{out.stem}_report"), "train")
    heard = _heard_by(log, report)

    def keep(so_far: SurfaceClassifier) -> None:
        so_far.save(request.checkpoint)
        report(ModelKept(str(request.checkpoint), len(so_far.training["history"])))

    try:
        classifier = train_classifier(
            log.watch(stream_scans(request.paths, heard, should_stop, request.scans)),
            recipe=recipe,
            n_clusters="auto" if request.auto else None,
            seed=request.seed,
            like=like,
            on_event=with_time_left(heard, recipe.epochs),
            keep=keep,
            should_stop=should_stop,
        )
    finally:
        about = {name: str(value) for name, value in recipe.as_dict().items()}
        if event := log.write(f"{out.name}: what it was trained on", request.paths, about):
            report(event)
    classifier.save(out)
    request.checkpoint.unlink(missing_ok=True)
    report(_trained(classifier, request.out, started, should_stop()))


@run.register
def _label(request: LabelScans, report: Listener, should_stop: ShouldStop) -> None:
    """Label scan by scan; a scan that cannot be labelled is reported and the others go on.

    With ``figures``, the folder gets the ingest report too.
    """
    if not request.figures:
        _label_all(request, report, should_stop, lambda scans: scans)
        return
    log = IngestLog(Path(request.out) / "report", "predict")
    try:
        _label_all(request, _heard_by(log, report), should_stop, log.watch)
    finally:
        about = {"model": request.model, "pitch": str(request.pitch or "the recipe's")}
        if event := log.write(f"{Path(request.out).name}: what was labelled", request.paths, about):
            report(event)


def _label_all(
    request: LabelScans,
    report: Listener,
    should_stop: ShouldStop,
    watch: Callable[[Iterable[Scan]], Iterable[Scan]],
) -> None:
    classifier = SurfaceClassifier.load(request.model)
    if request.pitch is not None and not classifier.encoder.has_pitch:
        raise ValueError(
            f"recipe {classifier.recipe.name} labels every cell of {CELL} px; a pitch is for windows"
        )
    scans = paired(
        stream_scans(request.paths, report, should_stop, request.scans), classifier.recipe.preprocessing
    )
    tasks = scan_tasks(
        watch(scans),
        model=request.model,
        out=request.out,
        pitch=request.pitch,
        figure=request.figures,
        confidence=request.confidence,
    )
    total, sources = count_files(request.paths), set[str]()
    if not request.figures or (classifier.encoder.has_network and total < 2):  # other processes take a while
        for task in until_stopped(tasks, should_stop):
            _report_all(report, label_scan(task, classifier, report, should_stop))
    else:
        with Pool(request.processes) as pool:
            for name, source, outcome in _outcomes(pool, tasks, classifier, report, should_stop):
                if outcome.error:
                    report(Skipped(name, f"{name} could not be labelled: {outcome.error}"))
                else:
                    _report_all(report, outcome.result)
                sources.add(source)
                report(FilesDone("predict", len(sources), total))
    if should_stop():
        raise Stopped("prediction was stopped")


def _outcomes(
    pool: Any,
    tasks: Iterator[ScanTask],
    classifier: SurfaceClassifier,
    report: Listener,
    should_stop: ShouldStop,
) -> Iterator[tuple[str, str, Outcome]]:
    """Yield what came of each scan: labelled in any process, or, by a network, here and written there."""
    going = until_stopped(tasks, should_stop)
    if not classifier.encoder.has_network:
        for outcome in pool.map(label_scan, going):
            yield outcome.task.scan.name, outcome.task.scan.source, outcome
        return
    left_out: list[tuple[str, str, Outcome]] = []

    def predicted() -> Iterator[Predicted]:
        for task in going:
            try:
                made = predict_scan(task, classifier, report, should_stop)
            except Stopped:
                return  # what is labelled is written all the same
            if isinstance(made, Predicted):
                yield made
            else:
                left_out.append((task.scan.name, task.scan.source, Outcome(task, [made])))

    for outcome in pool.map(write_predicted, predicted()):
        while left_out:
            yield left_out.pop(0)
        scan = outcome.task.task.scan
        yield scan.name, scan.source, replace(outcome, result=[outcome.result])
    yield from left_out


@run.register
def _cluster_at_once(request: ClusterAtOnce, report: Listener, should_stop: ShouldStop) -> None:
    """Cluster and label; a scan that cannot be used is reported."""
    started, recipe = time.monotonic(), Recipe.from_dict(request.recipe)
    ready = list(paired(load_scans(request.scans), recipe.preprocessing))
    classifier = train_classifier(
        ready, recipe=recipe, seed=request.seed, on_event=report, should_stop=should_stop
    )
    model = Path(request.out) / "instant.stmml"
    model.parent.mkdir(parents=True, exist_ok=True)
    classifier.save(model)
    report(_trained(classifier, str(model), started, False))
    for task in scan_tasks(ready, model=str(model), out=request.out, confidence=True):
        _report_all(report, label_scan(task, classifier, ignore, should_stop))


@run.register
def _propose(request: ProposeClusters, report: Listener, should_stop: ShouldStop) -> None:
    """Report `ClustersProposed`."""
    asked = Recipe.from_dict(request.recipe)
    train_classifier(
        stream_scans(request.paths, report, should_stop, request.scans),
        recipe=get_recipe("instant", pixel_density=asked.pixel_density, resample=asked.resample),
        n_clusters="auto",
        seed=request.seed,
        on_event=report,
        should_stop=should_stop,
    )


@run.register
def _compute_cells(request: ComputeCells, report: Listener, should_stop: ShouldStop) -> None:
    """Report `CellsReady` of each scan, or why it is left out."""
    classifier = SurfaceClassifier.load(request.model)
    tick = throttled(report)
    for number, scan in enumerate(load_scans(request.scans)):
        path = Path(request.out) / f"cells-{uuid4().hex}.npy"  # what is open already may be in use

        def progress(done: int, total: int, name: str = scan.name) -> None:
            tick(ScanProgress(name, done, total), done >= total)

        try:
            file = write_cells(classifier, scan, path, on_progress=progress, should_stop=should_stop)
        except ValueError as error:
            report(Skipped(scan.name, str(error), number=number))
            continue
        report(CellsReady(number, file.path, file.kind, file.shape))


@run.register
def _find_uncertain(request: FindUncertain, report: Listener, should_stop: ShouldStop) -> None:
    """Report `UncertainFound` of each direction."""
    classifier = SurfaceClassifier.load(request.model)
    scans = stream_scans(request.paths, report, should_stop, request.scans)
    total, sources = count_files(request.paths), set[str]()
    for scan in paired(scans, classifier.recipe.preprocessing):
        try:
            answers = answers_of(classifier, scan, should_stop=should_stop)
            found = uncertain_areas([answers], most=request.most)
        except ValueError as error:
            report(Skipped(scan.name, str(error)))
            continue
        report(UncertainFound(scan.name, scan.source, scan.channel, scan.direction, tuple(found)))
        sources.add(scan.source)
        report(FilesDone("look", len(sources), total))


@run.register
def _run_job_file(request: RunJobFile, report: Listener, should_stop: ShouldStop) -> None:
    """Run the steps; started again after a stop of any kind, they go on where they were."""
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.pipeline import Pipeline

    job = JobFile.read(request.job)
    if request.include:
        job = JobFile({**job.values, "include": (*job.values["include"], *request.include)}, job.base)
    Pipeline(job, report, should_stop, request.processes).run(request.steps)


@run.register
def _lay_out(request: LayOutCells, report: Listener, should_stop: ShouldStop) -> None:
    """Report `LayoutReady`; it cannot be stopped, only killed."""
    features = [np.load(file, mmap_mode="r", allow_pickle=False) for file in request.features]
    groups, space = load_question(request.given)
    cells = [one.reshape(-1, one.shape[-1]) for one in features]
    save_view(request.out, look(cells, groups, space, request.method))
    report(LayoutReady(request.out))


@run.register
def _warm_up(request: WarmUp, report: Listener, should_stop: ShouldStop) -> None:
    """Cluster next to nothing: everything but TensorFlow is imported then."""
    scan = Scan(np.random.default_rng(0).normal(size=(96, 96)), (0.1, 0.1))
    with suppress(Exception):  # it is only to be faster
        train_classifier([scan], recipe="instant", n_clusters=2, on_event=ignore)


def _trained(classifier: SurfaceClassifier, model: str, started: float, stopped: bool) -> ModelTrained:
    return ModelTrained(
        model,
        classifier.recipe.name,
        epochs=len(classifier.training["history"]),
        stopped=stopped,
        cluster_sizes=tuple(classifier.training["cluster_sizes"]),
        seconds=round(time.monotonic() - started, 1),
    )


def _report_all(report: Listener, events: Iterable[Event]) -> None:
    for event in events:
        report(event)


def _heard_by(log: IngestLog, report: Listener) -> Listener:
    """Return a listener that the ingest log hears too."""

    def hear(event: Event) -> None:
        log.hear(event)
        report(event)

    return hear
