"""The command ``stmml``: the same work as in the viewer, without a window."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_stmml import __version__
from napari_stmml.cli import measure
from napari_stmml.events import (
    BatchDone,
    Clustering,
    ClustersProposed,
    EpochDone,
    Event,
    FilesDone,
    FileTaken,
    Learned,
    Listener,
    Message,
    ModelKept,
    ModelTrained,
    ReportWritten,
    ScanLabelled,
    ScanProgress,
    Skipped,
    TrainingWindows,
    of_type,
)
from napari_stmml.io.settings import Row
from napari_stmml.recipe import CELL, DEFAULT, RECIPES, STORIES, get_recipe, read_setting
from napari_stmml.scan import Scan

_OF_FILES = ("recipe", "clusters", "like", "epochs", "set", "seed", "out", "model", "pitch", "confidence")
EXIT = "Exit status: 0 when there is a result, 1 when there is none, 2 when the command was not understood."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stmml`` with these arguments; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command in ("train", "predict"):
        of_a_job = ("include", "processes")
        given = [name for name in (*_OF_FILES, *of_a_job) if getattr(options, name, None)]
        if _is_job(options):
            if wrong := [name for name in given if name not in of_a_job]:
                parser.error(f"--{' and --'.join(wrong)}: a job file says this itself")
        elif wrong := [name for name in given if name in of_a_job]:
            parser.error(f"--{' and --'.join(wrong)}: only of a job file, JOB.toml")
        elif needed := [name for name in ("model", "out") if getattr(options, name, "") is None]:
            parser.error(f"{options.command} needs --{' and --'.join(needed)}, or one job file, JOB.toml")
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        print(f"stmml {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stmml {options.command}: interrupted", file=sys.stderr)
        return 1


def info(options: argparse.Namespace) -> int:
    """Print what every scan is: size, bias, setpoint, date; with --all or --json, all that its files say."""
    from itertools import groupby

    from napari_stmml.io.formats import read_settings
    from napari_stmml.jobs.scan_stream import stream_scans

    skipped: list[Event] = []
    scans: list[dict[str, Any]] = []
    files: dict[str, dict[str, Any]] = {}
    for source, found in groupby(stream_scans(options.paths, skipped.append), lambda scan: scan.source):
        if options.json:
            scans += [_describe(scan) for scan in found]
            files[source] = read_settings(source).as_dict()
        else:
            files[source] = {}
            for scan in found:
                print(_line(scan))
            if options.all:
                print(_table(read_settings(source).rows()))
    if options.json:
        left_out = [{"file": event.scan, "why": event.why} for event in of_type(skipped, Skipped)]
        print(json.dumps({"scans": scans, "files": list(files.values()), "skipped": left_out}, indent=1))
    for event in of_type(skipped, Skipped):
        print(f"skipped: {event.why}", file=sys.stderr)
    return 0 if files else 1


def run(options: argparse.Namespace) -> int:
    """Do all steps of a job file: process, train, cluster, predict; what is done already is left alone."""
    return _steps(options, ("process", "train", "cluster", "predict"))


def process(options: argparse.Namespace) -> int:
    """Take in the scans of a job file: prepare them, cut windows, write the ingest report."""
    return _steps(options, ("process",))


def cluster(options: argparse.Namespace) -> int:
    """Cluster the features of a job's trained network."""
    return _steps(options, ("cluster",))


def init(options: argparse.Namespace) -> int:
    """Write a job file with every parameter, its default, its unit and a line of help."""
    from napari_stmml.batch.job_file import JobFile

    path = Path(options.job)
    if path.exists():
        raise ValueError(f"{path} exists already; it is left as it is")
    JobFile({"recipe": DEFAULT}, path.absolute().parent).write(path)
    print(f"wrote {path}: look through it, then `stmml run {path}`")
    return 0


def _steps(options: argparse.Namespace, steps: tuple[str, ...]) -> int:
    """Do some steps of a job file, with the ingest report's one line at the end."""
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.jobs.requests import RunJobFile

    job = JobFile.read(options.job)
    doing = RunJobFile(options.job, steps, tuple(options.include), options.processes)
    events: list[Event] = []
    try:
        _run(doing, options, events, (ScanLabelled, ReportWritten), verbose=job.values["verbose"])
    except ValueError:
        _print_report(events, sys.stderr)
        raise
    report = of_type(events, ReportWritten)[-1]
    labelled = len(of_type(events, ScanLabelled))
    if options.json:
        about = {"summary": report.summary, "csv": report.csv, "html": report.html}
        print(json.dumps({"folder": str(job.folder), "labelled": labelled, **about}, indent=1))
    else:
        _print_report([report])
        print(f"files:  {job.folder}")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a model on all scans of the paths and write it to ``--out``; or do this step of a job file."""
    from napari_stmml.jobs.requests import TrainModel

    if _is_job(options):
        return _steps(options, ("train",))

    auto = options.clusters == "auto"
    named = {"num_clusters": None if auto else options.clusters, "epochs": options.epochs}
    named = {name: value for name, value in named.items() if value is not None}
    recipe = get_recipe(options.recipe or DEFAULT, **{**dict(options.set), **named})
    if options.epochs is not None and not recipe.trains:
        raise ValueError(f"recipe {recipe.name} has nothing to train, so --epochs means nothing to it")
    job = TrainModel(
        out=options.out,
        paths=tuple(options.paths),
        recipe=recipe.as_dict(),
        seed=options.seed or 0,
        auto=auto,
        like=options.like or "",
    )
    events: list[Event] = []
    _run(job, options, events)
    (result,) = of_type(events, ModelTrained)
    figure = _picture_of_clusters(result.model)
    if options.json:
        history = [event.as_dict() for event in of_type(events, EpochDone)]
        made = result.as_dict() | ({"figure": figure} if figure else {})
        print(json.dumps({**made, "history": history, "skipped": _skipped(events)}, indent=1))
    else:
        state = "stopped early" if result.stopped else "done"
        epochs = f"{result.epochs} epochs in " if recipe.trains else ""
        print(f"{state}: {epochs}{result.seconds:.1f} s, recipe {recipe.name}, model in {result.model}")
        what = "windows" if recipe.of_windows else f"sampled cells of {CELL} px"
        print(f"{what} per cluster: {', '.join(map(str, result.cluster_sizes))}")
        if figure:
            print(f"typical places of each: {figure}")
        _print_report(events)
    return 0


def _picture_of_clusters(model: str) -> str:
    """Draw the most typical places of each cluster beside the model, where it has kept some."""
    from napari_stmml.figures.clusters_figure import clusters_figure
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.model.classifier import SurfaceClassifier

    classifier = SurfaceClassifier.load(model)
    if classifier.exemplars is None:
        return ""
    path = Path(model).with_name(f"{Path(model).stem}_clusters.png")
    return str(save_figure(clusters_figure(classifier), path))


def predict(options: argparse.Namespace) -> int:
    """Label all scans of the paths and write the maps to ``--out``; or do this step of a job file."""
    from napari_stmml.jobs.requests import LabelScans

    if _is_job(options):
        return _steps(options, ("predict",))
    job = LabelScans(
        model=options.model,
        out=options.out,
        paths=tuple(options.paths),
        pitch=options.pitch,
        confidence=options.confidence,
    )
    events: list[Event] = []
    _run(job, options, events)
    maps = of_type(events, ScanLabelled)
    skipped = _skipped(events)
    if options.json:
        print(json.dumps({"maps": [event.as_dict() for event in maps], "skipped": skipped}, indent=1))
    else:
        for event in maps:
            print(f"{event.labels}  ({event.seconds:.1f} s)")
        print(f"{len(maps)} scans labelled, {len(skipped)} skipped")
        _print_report(events)
    return 0 if maps else 1


def learn(options: argparse.Namespace) -> int:
    """Teach a model what was painted on scans in napari; the sidecars beside the scans hold it."""
    from napari_stmml.heights.two_biases import paired
    from napari_stmml.jobs.scan_stream import stream_scans
    from napari_stmml.model.classifier import SurfaceClassifier
    from napari_stmml.system.files import keep_aside
    from napari_stmml.truth.learning import learn_from_truths

    events: list[Event] = []
    classifier = SurfaceClassifier.load(options.model)
    scans = stream_scans(options.paths, events.append)
    scans = paired(scans, classifier.recipe.preprocessing)
    taught = learn_from_truths(classifier, scans, on_event=events.append)
    learnt, skipped = of_type(events, Learned), _skipped(events)
    out = options.out or options.model
    if learnt:
        if Path(out).exists():
            keep_aside(out)
        taught.save(out)
    if options.json:
        known = [event.as_dict() for event in learnt]
        print(json.dumps({"model": str(out) if learnt else None, "learnt": known, "skipped": skipped}))
    else:
        for event in learnt:
            print(f"{event.scan}: learnt from {event.painted} px")
        print(f"{out}: learnt from {len(learnt)} scans" if learnt else "nothing was painted on these scans")
    for problem in skipped:
        print(f"skipped: {problem['why']}", file=sys.stderr)
    return 0 if learnt else 1


def demo(options: argparse.Namespace) -> int:
    """Simulate scans, train, predict, and show or keep the result."""
    from napari_stmml.cli.demo import run_demo

    return run_demo(options.headless, _show_progress())


def _is_job(options: argparse.Namespace) -> bool:
    """Say whether the one path is a job file."""
    if len(options.paths) == 1 and str(options.paths[0]).lower().endswith(".toml"):
        options.job = options.paths[0]
        return True
    return False


def _run(
    job: Any,
    options: argparse.Namespace,
    events: list[Event],
    wanted: tuple[type[Event], ...] = (Event,),
    verbose: bool = False,
) -> None:
    """Run a job here, with progress on standard error; the first Ctrl-C keeps what there is.

    Its events of the ``wanted`` types go to ``events``: ten thousand scans have many.
    """
    from napari_stmml.jobs.runner import run as do
    from napari_stmml.system.progress import Stopped

    stop = threading.Event()
    show = _show_progress(verbose)

    def report(event: Event) -> None:
        if isinstance(event, wanted):
            events.append(event)
        show(event)

    def on_interrupt(signum: int, frame: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nstopping: what there is will be kept (Ctrl-C again: at once)", file=sys.stderr)

    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, on_interrupt) if here else None
    try:
        with _prints_on_stderr():
            do(job, report, stop.is_set)
    except Stopped as error:
        if Event not in wanted or not of_type(events, ScanLabelled):
            raise ValueError(str(error)) from error
    except (ValueError, OSError):
        raise
    except Exception as error:  # the edge of the program: libraries below us run out of memory or of a device
        kept = [event.model for event in of_type(events, ModelKept)]
        so_far = f"; the model so far is {kept[-1]}" if kept else ""
        raise ValueError(f"the work could not be done ({type(error).__name__}: {error}){so_far}") from error
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _prints_on_stderr() -> Any:
    """Send what libraries print to standard error, so that standard output is ours alone."""
    import contextlib

    return contextlib.redirect_stdout(sys.stderr)


def _show_progress(verbose: bool = False) -> Listener:
    """Return a listener that draws events as a progress bar and lines on standard error."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def bar(name: str, done: int, total: int, note: str = "", unit: str = "") -> None:
        if name not in bars:
            how = {"desc": name, "unit": unit, "initial": done if unit else 0}
            bars[name] = tqdm(total=total, file=sys.stderr, leave=True, ncols=90, **how)
        bars[name].set_postfix_str(note, refresh=False)
        bars[name].update(done - bars[name].n)
        if done == total:
            bars.pop(name).close()

    def show(event: Event) -> None:
        match event:
            case Skipped(why=why):
                tqdm.write(f"skipped: {why}", file=sys.stderr)
            case TrainingWindows(scans, n, held):
                tqdm.write(f"{scans} scans: {n} windows to train on, {held} to validate", file=sys.stderr)
            case BatchDone(epoch, batch, batches, loss, epochs):
                done = (epoch - 1) * batches + batch
                bar("training", done, epochs * batches, f"epoch {epoch}/{epochs}, loss {loss:.3g}")
            case Clustering(done, total):
                bar("clustering", done, total)
            case ScanProgress(scan, done, total):
                bar(scan, done, total)
            case ScanLabelled():
                for sentence in (*_of_a_person(event), *([event.labels] if verbose else [])):
                    tqdm.write(sentence, file=sys.stderr)
            case FilesDone(step, done, total):
                bar(step, done, total, unit=" scans")
            case FileTaken(scan, rows) if verbose:
                for row in rows:
                    counted = f"{row.windows} windows" if row.windows else row.reason
                    tqdm.write(f"{scan} {row.direction}: {row.status}, {counted}", file=sys.stderr)
            case EpochDone(epoch, loss) if verbose:
                tqdm.write(f"epoch {epoch}: loss {loss:.4g}", file=sys.stderr)
            case ClustersProposed(sentence=sentence):
                tqdm.write(sentence, file=sys.stderr)
            case Message(text):
                tqdm.write(text, file=sys.stderr)

    return show


def _of_a_person(done: ScanLabelled) -> Iterator[str]:
    """Say what a prediction kept of what a person did."""
    if done.edited:
        yield f"{done.labels} had been edited: the edited map is kept as {done.edited}"
    if done.painted:
        yield f"{done.labels}: {done.painted} px are as a person painted them"
    if done.problem:
        yield f"{done.labels}: {done.problem}"


def _print_report(events: Iterable[Event], to: Any = None) -> None:
    """Print the one line of the ingest report, and where it is."""
    for event in of_type(events, ReportWritten):
        print(f"{event.summary}\nreport: {event.html}", file=to)


def _skipped(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [{"scan": event.scan, "why": event.why} for event in of_type(events, Skipped)]


def _describe(scan: Scan) -> dict[str, Any]:
    """Return the settings of a scan for programs, exact, with its shape and how much of it was scanned."""
    import numpy as np

    finite = np.isfinite(scan.heights)
    found = scan.heights[finite]
    return {
        "name": scan.name,
        "shape": list(scan.heights.shape),
        "scanned_rows": int(finite.any(axis=1).sum()),
        "range": [float(found.min()), float(found.max())] if found.size else None,
        **scan.settings(),
    }


def _line(scan: Scan) -> str:
    """Say what a scan is in one line, rounded for people."""
    import numpy as np

    rows, cols = scan.heights.shape
    scanned = int(np.isfinite(scan.heights).any(axis=1).sum())
    tall, wide = scan.size_nm or (0.0, 0.0)
    setpoint = "setpoint ?" if scan.setpoint is None else f"{scan.setpoint * 1000:.4g} pA"
    taken = "" if scan.taken is None else f"{scan.taken:%Y-%m-%d %H:%M} UTC"
    partial = "" if scanned == rows else f", {scanned} of {rows} lines scanned"
    size = f"{cols} x {rows} px, {wide:.4g} x {tall:.4g} nm"
    return f"{scan.name}: {size}, {setpoint}, {scan.angle:g} deg, {taken}{partial}"


def _table(rows: Sequence[Row]) -> str:
    """Lay the settings of a file out in groups, for people."""
    from itertools import groupby

    wide = max(len(row.label) for row in rows)
    lines = [""]
    for group, settings in groupby(rows, lambda row: row.group):
        lines.append(f"  {group}")
        for row in settings:
            how = f"  ({row.where}: {row.setting.how})" if row.setting.how else ""
            lines.append(f"    {row.label:<{wide}}  {row.text or '-'}{how}")
    return "\n".join([*lines, ""])


def _setting(text: str) -> tuple[str, Any]:
    """Read ``name=value`` as a parameter of a recipe."""
    try:
        return read_setting(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _clusters(text: str) -> int | str:
    """Read a number of clusters, or ``auto``."""
    return text if text == "auto" else int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stmml", description="Find recurring structures in STM scans (MATRIX files).", epilog=EXIT
    )
    parser.add_argument("--version", action="version", version=f"napari-stmml {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    def job_options(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--include",
            action="append",
            default=[],
            metavar="NAME",
            help="of a job: keep the scan of this name although a limit would leave it out; may be repeated",
        )
        added.add_argument(
            "--processes",
            type=int,
            default=0,
            help="of a job: prepare this many files at a time (one a core)",
        )

    def job_command(name: str, run: Callable[[argparse.Namespace], int]) -> None:
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__, epilog=EXIT)
        added.set_defaults(run=run)
        added.add_argument("job", metavar="JOB.toml", help="a job file; `stmml init` writes one")
        if name != "init":
            added.add_argument("--json", action="store_true", help="say what came of it as JSON")
            job_options(added)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], paths: bool = True
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__, epilog=EXIT)
        added.set_defaults(run=run)
        if paths:
            where = "a .Z_mtrx file, a session's _0001.mtrx, or a folder (with all below it)"
            if name in ("train", "predict"):
                where += "; or one job file, JOB.toml"
            added.add_argument("paths", nargs="+", metavar="FILE_OR_FOLDER", help=where)
            added.add_argument(
                "--json", action="store_true", help="write the result as JSON on standard output"
            )
        return added

    for name, doing in (("init", init), ("run", run), ("process", process), ("cluster", cluster)):
        job_command(name, doing)
    asking = command("info", info)
    asking.add_argument("--all", action="store_true", help="add a table of all settings, rounded for people")
    training = command("train", train)
    job_options(training)
    training.add_argument("--out", metavar="M.stmml", help="the model file to write")
    stories = "; ".join(f"{name}: {story}" for name, story in STORIES.items())
    training.add_argument("--recipe", choices=sorted(RECIPES), help=f"default: {DEFAULT}. {stories}")
    training.add_argument(
        "--clusters", type=_clusters, metavar="N", help="number of clusters (the recipe's: 20), or auto"
    )
    training.add_argument(
        "--like", metavar="OLD.stmml", help="an older model: clusters that it has too keep their names"
    )
    training.add_argument("--epochs", type=int, help="how often training sees every window (the recipe's)")
    training.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="any other parameter of the recipe, named as in docs/recipes.md; may be given again",
    )
    training.add_argument("--seed", type=int, help="the same seed gives the same labels (default: 0)")
    predicting = command("predict", predict)
    job_options(predicting)
    predicting.add_argument("--model", metavar="M.stmml", help="the model file to use")
    predicting.add_argument("--out", metavar="DIR", help="folder for label maps and pictures")
    predicting.add_argument("--pitch", type=int, help="step between windows in px (the recipe's: 2)")
    predicting.add_argument(
        "--confidence", action="store_true", help="write a map of how sure each label is, too"
    )
    learning = command("learn", learn)
    learning.add_argument("--model", required=True, metavar="M.stmml", help="the model that learns")
    learning.add_argument(
        "--out", metavar="NEW.stmml", help="where to write it (in its own place; the older is kept as .bak)"
    )
    measure.add_options(command("measure", measure.measure, paths=False))
    showing = command("demo", demo, paths=False)
    showing.add_argument(
        "--headless", metavar="DIR", help="leave figures and files in DIR instead of opening napari"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
