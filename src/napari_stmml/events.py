"""What long work reports while it runs: one frozen dataclass for each kind of event.

Training, labelling, jobs and their worker process report by calling a ``Listener`` with these; the command
line and the widgets match on their types. `to_json` and `from_json` carry them between processes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from napari_stmml.system.json_lines import as_dict, from_line, to_line

_KINDS: dict[str, type["Event"]] = {}


@dataclass(frozen=True)
class Event:
    """Something that long work reports; ``kind`` names it where it is written as JSON."""

    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str = "") -> None:
        if kind:
            cls.kind = kind
            _KINDS[kind] = cls

    def as_dict(self) -> dict[str, Any]:
        """Return the event as JSON knows it: its kind under ``event``, and every field that is not None.

        Returns
        -------
        dict of str to object
        """
        return as_dict(self, "event")


T = TypeVar("T", bound=Event)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to an event and do nothing.

    Parameters
    ----------
    event : Event
    """


def doubts(made: Iterable[tuple[str, str | None]]) -> list[str]:
    """Say each doubt once, with the scans that it is about.

    Parameters
    ----------
    made : iterable of (str, str or None)
        Name of a scan, and the doubt about its labels.

    Returns
    -------
    list of str

    Examples
    --------
    >>> doubts([("a", "it is dark"), ("b", None), ("c", "it is dark"), ("d", "it is small")])
    ['a and 1 more: it is dark', 'd: it is small']
    """
    names: dict[str, list[str]] = {}
    for name, doubt in made:
        if doubt:
            names.setdefault(doubt, []).append(name)
    more = {doubt: f" and {len(some) - 1} more" if len(some) > 1 else "" for doubt, some in names.items()}
    return [f"{some[0]}{more[doubt]}: {doubt}" for doubt, some in names.items()]


def of_type(events: Iterable[Event], kind: type[T]) -> list[T]:
    """Return those events that are of one type.

    Parameters
    ----------
    events : iterable of Event
    kind : class
        Events of classes derived from it count too.

    Returns
    -------
    list of Event
        In the order in which they came.
    """
    return [event for event in events if isinstance(event, kind)]


# ---- of any work


@dataclass(frozen=True)
class Message(Event, kind="message"):
    """A sentence for the person who waits: a step has begun, or something was found."""

    text: str


@dataclass(frozen=True)
class Skipped(Event, kind="skipped"):
    """A scan or a file was left out.

    ``reason`` says why in a few words that many scans share, ``why`` in one sentence. ``number`` counts the
    scans of a request from 0; ``source`` and ``direction`` (FU, ...) are of the scan, where it is one.
    """

    scan: str
    why: str
    reason: str = "cannot be prepared"
    number: int | None = None
    source: str | None = None
    direction: str | None = None


@dataclass(frozen=True)
class ScanProgress(Event, kind="progress"):
    """Of the parts of one scan, ``done`` of ``total`` are finished."""

    scan: str
    done: int
    total: int


@dataclass(frozen=True)
class FilesDone(Event, kind="files"):
    """Of the files of a step, ``done`` of ``total`` are finished; s until the last, if that is known."""

    step: str
    done: int
    total: int
    per_second: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class ClusterWorkers(Event, kind="workers"):
    """A cluster has so many workers that can be used; ``dashboard`` is Dask's page of it, if there is one."""

    count: int
    dashboard: str = ""


@dataclass(frozen=True)
class ReportWritten(Event, kind="report"):
    """The ingest report was written to two files; ``summary`` is its one line."""

    summary: str
    csv: str
    html: str


# ---- of training


@dataclass(frozen=True)
class TrainingWindows(Event, kind="windows"):
    """Training is about to begin on so many windows (or examples of cells) of so many scans."""

    scans: int
    train: int
    validation: int


@dataclass(frozen=True)
class BatchDone(Event, kind="batch"):
    """A batch of an epoch was trained on; both count from 1.

    ``fraction`` of all ``epochs`` is done; ``seconds_left`` is None while the pace is not known.
    """

    epoch: int
    batch: int
    batches: int
    loss: float
    epochs: int = 1
    fraction: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class EpochDone(Event, kind="epoch"):
    """An epoch has ended: mean losses on the windows trained on, and on those held out to validate."""

    epoch: int
    loss: float
    mse: float | None = None
    mae: float | None = None
    val_loss: float | None = None
    val_mse: float | None = None
    val_mae: float | None = None


@dataclass(frozen=True)
class Clustering(Event, kind="clustering"):
    """Of the windows to cluster, or of the scans of their cells, ``done`` of ``total`` were taken."""

    done: int
    total: int
    of: str = "window"


@dataclass(frozen=True)
class ClustersProposed(Event, kind="proposed"):
    """A number of clusters is proposed; ``curve`` holds (number of clusters, score)."""

    clusters: int
    curve: tuple[tuple[int, float], ...]
    sentence: str


@dataclass(frozen=True)
class ModelKept(Event, kind="kept"):
    """A usable model so far was written, after so many whole epochs."""

    model: str
    epochs: int


@dataclass(frozen=True)
class ModelTrained(Event, kind="trained"):
    """The model is finished, or ``stopped`` early, and written."""

    model: str
    recipe: str
    epochs: int
    stopped: bool
    cluster_sizes: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Learned(Event, kind="learnt"):
    """A model has learned from ``painted`` px of a scan."""

    scan: str
    painted: int


# ---- of scans


@dataclass(frozen=True)
class DirectionTaken:
    """What became of one direction of a file, or of a file that gave none: see `batch.report.Row`."""

    source: str
    direction: str
    status: str
    reason: str
    why: str
    windows: int | None


@dataclass(frozen=True)
class FileTaken(Event, kind="taken"):
    """A job has prepared a file; ``scan`` names it within the job."""

    scan: str
    rows: tuple[DirectionTaken, ...]


@dataclass(frozen=True)
class ScanLabelled(Event, kind="predicted"):
    """A scan was labelled, and its files were written.

    Parameters
    ----------
    scan, labels : str
        Its name, and the file of its label map.
    number : int, optional
        Which scan of the request, from 0.
    source, figure, overlay, log, confidence : str, optional
        The data file, and the other files that were written.
    edited : str, optional
        Where an older map went that a person had edited.
    painted : int, optional
        px that are as a person painted them.
    problem : str, optional
        Why some of these may be missing.
    doubt : str, optional
        Why the labels may mean little: another quantity than the model knows, or other pixels.
    pixels : dict of int to int
        px of each label.
    unlike : int, optional
        px that are unlike anything the model was made of.
    seconds : float, optional
        How long it took.
    """

    scan: str
    labels: str
    number: int | None = None
    source: str | None = None
    confidence: str | None = None
    figure: str | None = None
    overlay: str | None = None
    log: str | None = None
    edited: str | None = None
    painted: int | None = None
    problem: str | None = None
    doubt: str | None = None
    pixels: dict[int, int] | None = None
    unlike: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class CellsReady(Event, kind="cells"):
    """What a model makes of the cells of scan ``number`` lies in a file: see `model.cell_file.CellFile`.

    ``doubt`` is that of `ScanLabelled`.
    """

    number: int
    path: str
    content: str
    shape: tuple[int, int]
    doubt: str = ""


@dataclass(frozen=True)
class UncertainArea:
    """An area of a map whose label is worth a look.

    Parameters
    ----------
    scan : int
        Which of the scans it lies on.
    row, col : int
        Its cell, row 0 at the top.
    label, runner_up : int
        Its label, and the next likely one; 0 = none.
    confidence : float
        Of the cell; below 0 it is unlike all examples of the model.
    weight : float
        Mean of 1 - confidence around it, 0 to 2.
    gain : float
        Share of all labelled cells that are uncertain between the same two classes.
    """

    scan: int
    row: int
    col: int
    label: int
    runner_up: int
    confidence: float
    weight: float
    gain: float = 0.0

    @property
    def unlike(self) -> bool:
        """Whether it is unlike all examples of the model."""
        return self.confidence < 0


@dataclass(frozen=True)
class LayoutReady(Event, kind="layout"):
    """Cells were laid out in two dimensions, in a file that `jobs.embedding_files.load_view` reads."""

    path: str


@dataclass(frozen=True)
class UncertainFound(Event, kind="uncertain"):
    """The areas of one direction of a file whose labels are least certain, the most uncertain first."""

    scan: str
    source: str
    channel: str
    direction: str
    areas: tuple[UncertainArea, ...]


# ---- the end of a job


@dataclass(frozen=True, kw_only=True)
class Ended(Event):
    """A job has ended: as `Finished`, `Failed` or `Died`; ``cancelled`` if a person asked it to stop."""

    cancelled: bool = False


@dataclass(frozen=True)
class Finished(Ended, kind="finished"):
    """The job has done all that it was asked."""


@dataclass(frozen=True)
class Failed(Ended, kind="failed"):
    """The job could not be done; ``model`` is a usable model so far, if a training left one."""

    why: str
    model: str | None = None


@dataclass(frozen=True)
class Died(Failed, kind="died"):
    """The process of the job has ended before the job."""


# ---- as JSON


def to_json(event: Event) -> str:
    """Return an event as one line of JSON; `from_json` is the inverse.

    Parameters
    ----------
    event : Event

    Returns
    -------
    str
        Without the end of the line.

    Examples
    --------
    >>> to_json(Skipped("a", "a: no line was scanned", "empty"))
    '{"event": "skipped", "scan": "a", "why": "a: no line was scanned", "reason": "empty"}'
    """
    return to_line(event, "event")


def from_json(line: str) -> Event:
    """Read an event from a line of JSON.

    Parameters
    ----------
    line : str
        As `to_json` wrote it.

    Returns
    -------
    Event
        Of the class that the line names.

    Raises
    ------
    ValueError
        If the line is no JSON, names no kind of event, or its fields are not those of the kind.
    """
    return from_line(line, "event", _KINDS)
