"""Do what is asked: one function for each kind of request, here or in the worker's process; no Qt here."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial, singledispatch
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import numpy as np

from napari_stmml import events
from napari_stmml.batch.label_files import Wanted
from napari_stmml.batch.labelling import Labeller, label_tasks
from napari_stmml.batch.scan_log import ScanLog
from napari_stmml.clustering.embedding import look
from napari_stmml.events import Event, Listener, ModelTrained, ignore
from napari_stmml.features.store import FeatureStore
from napari_stmml.heights.two_biases import paired
from napari_stmml.io.scan_archive import load_scans
from napari_stmml.jobs import requests
from napari_stmml.jobs.embedding_files import load_question, save_view
from napari_stmml.jobs.requests import LabelScans, Request
from napari_stmml.jobs.scan_stream import count_files, stream_scans
from napari_stmml.model.cell_file import write_cells
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.suitability import doubt_about
from napari_stmml.model.training import train_classifier
from napari_stmml.recipe import CELL, Recipe, at_once_recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.system.array_file import open_array
from napari_stmml.system.progress import FileCount, Stopped, throttled, with_time_left
from napari_stmml.system.threads import beside
from napari_stmml.truth.uncertain_areas import answers_of, uncertain_areas

ShouldStop = Callable[[], bool]
Store = FeatureStore | None


@singledispatch
def run(
    request: Request, report: Listener, should_stop: ShouldStop, store: FeatureStore | None = None
) -> None:
    """Do what a request asks.

    Parameters
    ----------
    request : Request
        Its type chooses the function.
    report : callable
        Gets events while the work goes on.
    should_stop : callable
        Asked often; when it returns True, the work ends and keeps what it has.
    store : FeatureStore, optional
        Keeps prepared maps and features from one request to the next.

    Raises
    ------
    ValueError, OSError
        If it cannot be done; the message says why in one sentence.
    Stopped
        If ``should_stop`` said so before there was anything to keep.
    """
    raise TypeError(f"nothing is known to do for a {type(request).__name__}")


@run.register
def _train(
    request: requests.TrainModel, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Train; a usable model so far stands at ``checkpoint`` after the first batch and every epoch."""
    out, started = Path(request.out), time.monotonic()
    if out.is_dir():
        raise ValueError(f"{out} is a folder; name a file for the model")
    recipe = Recipe.from_dict(request.recipe)
    like = SurfaceClassifier.load(request.like) if request.like else None
    log = ScanLog(out.with_name(f"{out.stem}_report"), "train")
    heard = _heard_by(log, report)

    def keep(so_far: SurfaceClassifier) -> None:
        so_far.save(request.checkpoint)
        report(events.ModelKept(str(request.checkpoint), len(so_far.training["history"])))

    try:
        classifier = train_classifier(
            log.watch(stream_scans(request.paths, heard, should_stop, request.scans)),
            recipe=recipe,
            n_clusters="auto" if request.auto else None,
            seed=request.seed,
            like=like,
            store=store,
            on_event=with_time_left(heard, recipe.epochs),
            keep=keep,
            should_stop=should_stop,
        )
    finally:
        about = {name: str(value) for name, value in recipe.as_dict().items()} | {"name": recipe.title}
        if event := log.write(f"{out.name}: what it was trained on", request.paths, about):
            report(event)
    classifier.save(out)
    request.checkpoint.unlink(missing_ok=True)
    report(_trained(classifier, request.out, started, should_stop()))


@run.register
def _label(request: LabelScans, report: Listener, should_stop: ShouldStop, store: Store = None) -> None:
    """Label scan by scan; a scan that cannot be labelled is reported and the others go on.

    With ``figures``, the folder gets the ingest report too.
    """
    classifier = SurfaceClassifier.load(request.model)
    if request.pitch is not None and not classifier.encoder.has_pitch:
        raise ValueError(
            f"recipe {classifier.recipe.title} labels every cell of {CELL} px; a pitch is for windows"
        )
    if not request.figures:
        _label_scans(request, classifier, report, should_stop, store, lambda scans: scans)
        return
    log = ScanLog(Path(request.out) / "report", "predict")
    try:
        _label_scans(request, classifier, _heard_by(log, report), should_stop, store, log.watch)
    finally:
        pitch = str(request.pitch or "the recipe's")
        about = {"model": request.model, "recipe": classifier.recipe.title, "pitch": pitch}
        if event := log.write(f"{Path(request.out).name}: what was labelled", request.paths, about):
            report(event)


def _label_scans(
    request: LabelScans,
    classifier: SurfaceClassifier,
    report: Listener,
    should_stop: ShouldStop,
    store: Store,
    watch: Callable[[Iterable[Scan]], Iterable[Scan]],
) -> None:
    """Label the scans of a request: one by one here, or, of a folder, through many processes."""
    total = count_files(request.paths)
    # Other processes take a while to start.
    many = request.figures and not (classifier.encoder.has_network and total < 2)
    count = FileCount("predict", 0, total, report if many else ignore)

    def not_read(event: Event) -> None:
        report(event)
        count.add()

    scans = stream_scans(request.paths, not_read, should_stop, request.scans)
    tasks = label_tasks(watch(paired(scans, classifier.recipe.preprocessing)))
    files = (request.model, request.out, request.pitch, request.confidence, request.figures)
    wanted = Wanted(*files, exemplars=request.figures)
    labeller = Labeller(classifier, wanted, report, should_stop, store)
    if many:
        _report_all(report, (event for _, event in labeller.folder(tasks, count, request.processes)))
    else:
        _report_all(report, labeller.here(tasks))
    if should_stop():
        raise Stopped("prediction was stopped")


@run.register
def _cluster_at_once(
    request: requests.ClusterAtOnce, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Cluster and label; a scan that cannot be used is reported."""
    started, recipe, store = time.monotonic(), Recipe.from_dict(request.recipe), store or FeatureStore()
    ready = list(paired(load_scans(request.scans), recipe.preprocessing))
    with beside(partial(import_module, "sklearn.cluster")):  # which takes as long as making features
        classifier = train_classifier(
            ready, recipe=recipe, seed=request.seed, store=store, on_event=report, should_stop=should_stop
        )
    model = Path(request.out) / "instant.stmml"
    model.parent.mkdir(parents=True, exist_ok=True)
    classifier.save(model)
    report(_trained(classifier, str(model), started, False))
    wanted = Wanted(str(model), request.out, confidence=True)
    tasks = label_tasks(ready)
    labeller = Labeller(classifier, wanted, should_stop=should_stop, store=store)
    _report_all(report, labeller.here(tasks))


@run.register
def _propose(
    request: requests.ProposeClusters, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Report `ClustersProposed`."""
    asked = Recipe.from_dict(request.recipe)
    train_classifier(
        stream_scans(request.paths, report, should_stop, request.scans),
        recipe=get_recipe(
            "objects" if asked.features == "objects" else "instant",
            pixel_density=asked.pixel_density,
            resample=asked.resample,
            mixed_channels=asked.mixed_channels,
        ),
        n_clusters="auto",
        seed=request.seed,
        store=store,
        on_event=report,
        should_stop=should_stop,
    )


@run.register
def _compute_cells(
    request: requests.ComputeCells, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Report `CellsReady` of each scan, or why it is left out."""
    classifier = SurfaceClassifier.load(request.model)
    tick = throttled(report)
    for number, scan in enumerate(load_scans(request.scans)):
        path = Path(request.out) / f"cells-{uuid4().hex}.npy"  # what is open already may be in use

        def progress(done: int, total: int, name: str = scan.name) -> None:
            tick(events.ScanProgress(name, done, total), done >= total)

        try:
            file = write_cells(
                classifier, scan, path, store=store, on_progress=progress, should_stop=should_stop
            )
        except ValueError as error:
            report(events.Skipped(scan.name, str(error), number=number))
            continue
        doubt = doubt_about(classifier, scan)
        report(events.CellsReady(number, file.path, file.kind, file.shape, doubt))


@run.register
def _find_uncertain(
    request: requests.FindUncertain, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Report `UncertainFound` of each direction."""
    classifier = SurfaceClassifier.load(request.model)
    scans = stream_scans(request.paths, report, should_stop, request.scans)
    total, sources = count_files(request.paths), set[str]()
    for scan in paired(scans, classifier.recipe.preprocessing):
        try:
            answers = answers_of(classifier, scan, should_stop=should_stop)
            found = uncertain_areas([answers], most=request.most)
        except ValueError as error:
            report(events.Skipped(scan.name, str(error)))
            continue
        report(events.UncertainFound(scan.name, scan.source, scan.channel, scan.direction, tuple(found)))
        sources.add(scan.source)
        report(events.FilesDone("look", len(sources), total))


@run.register
def _run_job_file(
    request: requests.RunJobFile, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Run the steps; started again after a stop of any kind, they go on where they were."""
    from napari_stmml.batch.engine import Cluster
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.run import run_job

    job = JobFile.read(request.job)
    if request.include:
        job = JobFile({**job.values, "include": (*job.values["include"], *request.include)}, job.base)
    cluster = Cluster(request.scheduler, request.scheduler_file) or job.cluster
    run_job(
        job,
        request.steps,
        report=report,
        should_stop=should_stop,
        processes=request.processes,
        on_cluster=cluster,
    )


@run.register
def _lay_out(
    request: requests.LayOutCells, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Report `LayoutReady`; it cannot be stopped, only killed."""
    features = [open_array(file) for file in request.features]
    groups, space = load_question(request.given)
    cells = [one.reshape(-1, one.shape[-1]) for one in features]
    save_view(request.out, look(cells, groups, space, request.method))
    report(events.LayoutReady(request.out))


@run.register
def _warm_up(
    request: requests.WarmUp, report: Listener, should_stop: ShouldStop, store: Store = None
) -> None:
    """Cluster and label a few objects: everything but TensorFlow is imported then."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    heights = 0.002 * rng.normal(size=(96, 96))
    heights.flat[rng.choice(heights.size, 20, replace=False)] += 2
    scan = Scan(gaussian_filter(heights, 1.5), (0.1, 0.1))
    with suppress(Exception):  # it is only to be faster
        train_classifier([scan], recipe=at_once_recipe([scan], 0), on_event=ignore).predict(scan)
        import_module("tifffile")  # writes the map


def _trained(classifier: SurfaceClassifier, model: str, started: float, stopped: bool) -> ModelTrained:
    return ModelTrained(
        model,
        classifier.recipe.title,
        epochs=len(classifier.training["history"]),
        stopped=stopped,
        cluster_sizes=tuple(classifier.training["cluster_sizes"]),
        seconds=round(time.monotonic() - started, 1),
    )


def _report_all(report: Listener, made: Iterable[Event]) -> None:
    for event in made:
        report(event)


def _heard_by(log: ScanLog, report: Listener) -> Listener:
    """Return a listener that the ingest log hears too."""

    def hear(event: Event) -> None:
        log.hear(event)
        report(event)

    return hear
