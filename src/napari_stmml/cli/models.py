"""The commands of models: ``stmml train``, ``predict`` and ``learn``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import napari_stmml.cli.options as options  # not "from napari_stmml.cli": that is made of this module
from napari_stmml.cli.job_files import do_steps, job_among
from napari_stmml.cli.progress import left_out, print_report, run_here
from napari_stmml.events import EpochDone, Event, Learned, ModelTrained, ScanLabelled, of_type
from napari_stmml.io.pictures import give_scale
from napari_stmml.jobs.requests import LabelScans, RunJobFile, TrainModel
from napari_stmml.recipe import CELL, DEFAULT, Recipe, get_recipe
from napari_stmml.system.strict_json import to_json
from napari_stmml.text import counted, number

if TYPE_CHECKING:
    from napari_stmml.model.classifier import SurfaceClassifier

_OF_JOBS = ("include", "processes")


def train(
    ctx: typer.Context,
    paths: options.PathsOrJob,
    out: options.NewModel = None,
    recipe: options.RecipeName = None,
    clusters: options.Clusters = None,
    like: options.Like = None,
    epochs: options.Epochs = None,
    settings: options.Settings = [],
    seed: options.Seed = None,
    include: options.Include = [],
    processes: options.Processes = 0,
    pixel_size: options.PixelSize = 0.0,
    height_scale: options.HeightScale = 0.0,
    as_json: options.AsJson = False,
) -> int:
    """Train a model on scans. It is written to --out; of a job file, do this step."""
    if job := job_among(ctx, paths, ("out",), _OF_JOBS):
        return do_steps(RunJobFile(job, ("train",), tuple(include), processes), as_json)
    give_scale(paths, pixel_size, height_scale)
    chosen, auto = _recipe_of(recipe, clusters, epochs, settings), clusters == "auto"
    heard: list[Event] = []
    run_here(TrainModel(str(out), tuple(paths), chosen.as_dict(), seed or 0, auto, like or ""), heard)
    (result,) = of_type(heard, ModelTrained)
    figure, unit = _look_at_model(result.model)
    if as_json:
        history = [event.as_dict() for event in of_type(heard, EpochDone)]
        made = result.as_dict() | ({"figure": figure} if figure else {})
        print(to_json({**made, "history": history, "skipped": left_out(heard)}))
        return 0
    state = "stopped early" if result.stopped else "done"
    took = f"{result.epochs} epochs in " if chosen.trains else ""
    print(f"{state}: {took}{result.seconds:.1f} s, recipe {chosen.title}, model in {result.model}")
    print(f"{unit} per cluster: {', '.join(map(str, result.cluster_sizes))}")
    if figure:
        print(f"typical places of each: {figure}")
    print_report(heard)
    return 0


def _recipe_of(name: str | None, clusters: int | str | None, epochs: int | None, settings: Any) -> Recipe:
    """Return the recipe of this name, or the default one, as the options change it."""
    n_clusters = clusters if isinstance(clusters, int) else None
    chosen = get_recipe(get_recipe(name or DEFAULT, **dict(settings)), num_clusters=n_clusters, epochs=epochs)
    if epochs is not None and not chosen.trains:
        raise ValueError(f"recipe {chosen.title} has nothing to train, so --epochs means nothing to it")
    return chosen


def _look_at_model(model: str) -> tuple[str, str]:
    """Draw typical cut-outs of each cluster beside a model; return the file, or "", and what is clustered."""
    from napari_stmml.figures.clusters_figure import clusters_figure
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.model.classifier import SurfaceClassifier

    classifier = SurfaceClassifier.load(model)
    unit = "windows" if classifier.encoder.unit == "windows" else f"sampled cells of {CELL} px"
    if classifier.exemplars is None:
        return "", unit
    path = Path(model).with_name(f"{Path(model).stem}_clusters.png")
    return str(save_figure(clusters_figure(classifier), path)), unit


def predict(
    ctx: typer.Context,
    paths: options.PathsOrJob,
    model: options.Model = None,
    out: options.OutFolder = None,
    pitch: options.Pitch = None,
    confidence: options.Confidence = False,
    include: options.Include = [],
    processes: options.Processes = 0,
    pixel_size: options.PixelSize = 0.0,
    height_scale: options.HeightScale = 0.0,
    as_json: options.AsJson = False,
) -> int:
    """Label scans with a model. The maps are written to --out; of a job file, do this step."""
    if job := job_among(ctx, paths, ("model", "out"), _OF_JOBS):
        return do_steps(RunJobFile(job, ("predict",), tuple(include), processes), as_json)
    give_scale(paths, pixel_size, height_scale)
    heard: list[Event] = []
    run_here(LabelScans(str(model), str(out), tuple(paths), pitch, confidence=confidence), heard)
    maps, skipped = of_type(heard, ScanLabelled), left_out(heard)
    if as_json:
        print(to_json({"maps": [event.as_dict() for event in maps], "skipped": skipped}))
    else:
        for event in maps:
            print(f"{event.labels}  ({event.seconds:.1f} s)")
        print(f"{counted(len(maps), 'scan')} labelled, {len(skipped)} skipped")
        print_report(heard)
    return 0 if maps else 1


def learn(
    paths: options.Paths,
    model: options.Learner,
    out: options.Learned = None,
    pixel_size: options.PixelSize = 0.0,
    height_scale: options.HeightScale = 0.0,
    as_json: options.AsJson = False,
) -> int:
    """Let a model learn from painted scans. What was painted in napari is kept in files beside the scans."""
    from napari_stmml.heights.two_biases import paired
    from napari_stmml.jobs.scan_stream import stream_scans
    from napari_stmml.model.classifier import SurfaceClassifier
    from napari_stmml.system.older_files import keep_aside
    from napari_stmml.truth.learning import learn_from_truths

    give_scale(paths, pixel_size, height_scale)
    heard: list[Event] = []
    classifier = SurfaceClassifier.load(model)
    scans = paired(stream_scans(paths, heard.append), classifier.recipe.preprocessing)
    better = learn_from_truths(classifier, scans, on_event=heard.append)
    learned, skipped, out = of_type(heard, Learned), left_out(heard), out or model
    if learned:
        if Path(out).exists():
            keep_aside(out)
        better.save(out)
    if as_json:
        known = [event.as_dict() for event in learned]
        shown = {"only_painted": better.shows_only_painted, "least_sure": better.least_sure}
        print(to_json({"model": out if learned else None, "learnt": known, "skipped": skipped, **shown}))
    else:
        _print_learned(learned, better, str(out))
    for one in skipped:
        print(f"skipped: {one['why']}", file=sys.stderr)
    return 0 if learned else 1


def _print_learned(learned: list[Learned], model: "SurfaceClassifier", out: str) -> None:
    """Say what was learnt, and whether the model shows only the classes of a person."""
    for event in learned:
        print(f"{event.scan}: learnt from {event.painted} px")
    if not learned:
        print("nothing was painted on these scans")
        return
    print(f"{out}: learnt from {counted(len(learned), 'scan')}")
    if model.shows_only_painted:
        names = ", ".join(model.class_names[label - 1] for label in sorted(model.own_labels))
        print(f"{out}: shows only the classes that were painted or named: {names}")
        least = number(model.least_sure)
        print(f"{out}: pixels whose class is ahead of the next by less than {least} have none")
