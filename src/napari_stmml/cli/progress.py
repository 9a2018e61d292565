"""Do a request in this process, with progress bars and sentences on standard error."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any

from napari_stmml import events
from napari_stmml.cli.terminal import printable, with_controls
from napari_stmml.events import Event, Listener, ReportWritten, ScanLabelled, Skipped, of_type
from napari_stmml.jobs.requests import Request, RunJobFile
from napari_stmml.text import number

_SILENT = (events.ScanProgress, events.BatchDone, events.Clustering, events.FilesDone, events.FileTaken)


def run_here(request: Request, heard: list[Event], verbose: bool = False) -> None:
    """Do a request; the first Ctrl-C keeps what there is, the second ends at once.

    Parameters
    ----------
    request : Request
    heard : list of Event
        Gets the events, but for those that only say how far the work is.
    verbose : bool
        Whether every scan and epoch gets a line on standard error.

    Raises
    ------
    ValueError, OSError
        If it cannot be done, or was stopped before there was a result; the message says why.
    """
    from napari_stmml.jobs.run_request import run
    from napari_stmml.system.progress import Stopped

    with stop_on_interrupt() as should_stop, progress_shown(verbose) as show, redirect_stdout(sys.stderr):

        def report(event: Event) -> None:
            if not isinstance(event, _SILENT):
                heard.append(event)
            show(event)

        try:
            run(request, report, should_stop)
        except Stopped as error:
            if isinstance(request, RunJobFile) or not of_type(heard, ScanLabelled):
                raise ValueError(str(error)) from error
        except (ValueError, OSError):
            raise
        except Exception as error:  # libraries below us run out of memory or of a device
            kept = of_type(heard, events.ModelKept)
            so_far = f"; the model so far is {kept[-1].model}" if kept else ""
            why = f"{type(error).__name__}: {error}"
            raise ValueError(f"the work could not be done ({why}){so_far}") from error
        finally:
            for doubt in events.doubts((one.scan, one.doubt) for one in of_type(heard, ScanLabelled)):
                print(doubt, file=sys.stderr)


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; pressed again, it interrupts."""
    stop = threading.Event()

    def on_interrupt(signum: int, frame: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nstopping: what there is will be kept (Ctrl-C again: at once)", file=sys.stderr)

    if threading.current_thread() is not threading.main_thread():
        yield stop.is_set
        return
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_shown(verbose: bool = False) -> Iterator[Listener]:
    """Give a listener that shows events as progress bars and lines on standard error.

    Where that is no terminal, a bar is one line, when it is full.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    stream: Any = with_controls(sys.stderr)
    console = Console(file=stream, soft_wrap=True, markup=False, highlight=False, emoji=False)
    texts = [TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[note]}")]
    columns = (texts[0], BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), texts[1])
    progress = Progress(*columns, console=console)
    bars: dict[str, Any] = {}

    def draw(name: str, done: int, total: int, note: str, stays: bool) -> None:
        if console.is_terminal:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total, note="")
            progress.update(bars[name], completed=done, note=note)
            if done >= total and not stays:
                progress.remove_task(bars.pop(name))
        elif done >= total and stays:
            console.print(f"{name} 100% {note}".rstrip())

    def show(event: Event) -> None:
        if bar := _bar(event):
            draw(printable(bar[0]), *bar[1:])
        for sentence in (*_sentences(event), *(_details(event) if verbose else ())):
            console.print(printable(sentence))

    with progress if console.is_terminal else nullcontext():
        yield show


def _bar(event: Event) -> tuple[str, int, int, str, bool] | None:
    """Return name, done, total and a note of the bar that an event moves, and whether it stays when full."""
    match event:
        case events.BatchDone(epoch, batch, batches, loss, epochs):
            done, note = (epoch - 1) * batches + batch, f"epoch {epoch}/{epochs}, loss {number(loss, 3)}"
            return "training", done, epochs * batches, note, True
        case events.Clustering(done, total):
            return "clustering", done, total, "", True
        case events.ScanProgress(scan, done, total):
            return scan, done, total, "", False
        case events.FilesDone(step, done, total):
            return step, done, total, f"{done} of {total} scans", True
    return None


def _sentences(event: Event) -> Iterator[str]:
    """Say what an event means to somebody who waits in a terminal."""
    match event:
        case events.Message(text):
            yield text
        case Skipped(why=why):
            yield f"skipped: {why}"
        case events.TrainingWindows(scans, n, held):
            yield f"{scans} scans: {n} windows to train on, {held} to validate"
        case events.ClustersProposed(sentence=sentence):
            yield sentence
        case ScanLabelled(labels=labels):
            if event.edited:
                yield f"{labels} had been edited: the edited map is kept as {event.edited}"
            if event.painted:
                yield f"{labels}: {event.painted} px are as a person painted them"
            if event.problem:
                yield f"{labels}: {event.problem}"


def _details(event: Event) -> Iterator[str]:
    """Say what became of every scan and epoch."""
    match event:
        case ScanLabelled(labels=labels):
            yield labels
        case events.FileTaken(scan, rows):
            for row in rows:
                counted = f"{row.windows} windows" if row.windows else row.reason
                yield f"{scan} {row.direction}: {row.status}, {counted}"
        case events.EpochDone(epoch, loss):
            yield f"epoch {epoch}: loss {number(loss)}"


def print_report(events: Iterable[Event], to: Any = None) -> None:
    """Print the one line of the ingest report, and where it is."""
    for event in of_type(events, ReportWritten):
        print(f"{event.summary}\nreport: {event.html}", file=to)


def left_out(events: Iterable[Event]) -> list[dict[str, str]]:
    """List the scans that were skipped, as JSON knows them."""
    return [{"scan": event.scan, "why": event.why} for event in of_type(events, Skipped)]
