"""What can be asked of a job: one frozen dataclass for each kind of request, run by `jobs.run_request`.

Importing this loads nothing heavy, so that a panel can name a request without waiting.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from napari_stmml.system.json_lines import from_line, to_line

_KINDS: dict[str, type["Request"]] = {}

RecipeValues = dict[str, bool | int | float | str]  # parameters by name, as `Recipe.as_dict` returns them


@dataclass(frozen=True)
class Request:
    """Something to be done; ``scans`` is a file of `io.scan_archive`, with scans that belong to it."""

    kind: ClassVar[str]
    scans: str = field(default="", kw_only=True)

    def __init_subclass__(cls, kind: str) -> None:
        cls.kind = kind
        _KINDS[kind] = cls


@dataclass(frozen=True)
class TrainModel(Request, kind="train"):
    """Train a model on the scans below ``paths``, and on ``scans``; write it to the file ``out``.

    With ``auto``, it has the number of clusters that is proposed. Clusters that it shares with the model
    ``like`` keep their names.
    """

    out: str
    paths: tuple[str, ...] = ()
    recipe: RecipeValues = field(default_factory=dict)
    seed: int = 0
    auto: bool = False
    like: str = ""

    @property
    def checkpoint(self) -> Path:
        """Where the model so far stands while training runs."""
        return Path(f"{self.out}.checkpoint")

    def so_far(self) -> tuple[int, int] | None:
        """Tell one model so far from the next: its number on the disk and its time; None if there is none."""
        try:
            found = self.checkpoint.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def settle(self) -> Path | None:
        """After the process has gone: put the model so far in its place; return it, if there is one."""
        if not self.checkpoint.is_file():
            return None
        from napari_stmml.system.atomic import replace  # loads numpy, which naming a request does not need

        return replace(self.checkpoint, self.out)


@dataclass(frozen=True)
class LabelScans(Request, kind="label"):
    """Label the scans below ``paths``, and ``scans``, with a model; write maps to the folder ``out``.

    With ``confidence``, a map of it is written beside each. ``figures`` is for folders of scans: pictures,
    the ingest report, and ``processes`` at a time (0: one a core).
    """

    model: str
    out: str
    paths: tuple[str, ...] = ()
    pitch: int | None = None
    figures: bool = True
    confidence: bool = False
    processes: int = 0


@dataclass(frozen=True)
class ClusterAtOnce(Request, kind="cluster at once"):
    """Cluster ``scans`` without a model, and label them.

    The model that is made on the way is ``out``/instant.stmml.
    """

    out: str
    recipe: RecipeValues = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class ProposeClusters(Request, kind="propose"):
    """Propose a number of clusters, from the features of recipe ``instant``: nothing is trained."""

    paths: tuple[str, ...] = ()
    recipe: RecipeValues = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class ComputeCells(Request, kind="cells"):
    """Write what a model makes of the cells of ``scans`` to the folder ``out``.

    Correct reads these files: labels follow from them in a moment, whatever is painted or merged.
    """

    model: str
    out: str


@dataclass(frozen=True)
class FindUncertain(Request, kind="find uncertain"):
    """Find the areas that a model is least sure of, ``most`` on each scan below ``paths``."""

    model: str
    paths: tuple[str, ...]
    most: int = 30


@dataclass(frozen=True)
class RunJobFile(Request, kind="run"):
    """Do steps of the job in a TOML file; what is done already is left as it is.

    ``scheduler`` is the address of a Dask scheduler, ``scheduler_file`` the file that has it; without them,
    the job file says where work is done.
    """

    job: str
    steps: tuple[str, ...] = ("process", "train", "cluster", "predict", "measure", "structures")
    include: tuple[str, ...] = ()
    processes: int = 0
    scheduler: str = ""
    scheduler_file: str = ""


@dataclass(frozen=True)
class LayOutCells(Request, kind="lay out"):
    """Lay cells of scans out in two dimensions by their features; write where they lie to ``out``.

    ``features`` are files ``.npy`` of the cells of each scan, ``given`` is a file of
    `jobs.embedding_files.save_question`, ``method`` one of its ``METHODS``.
    """

    out: str
    features: tuple[str, ...]
    given: str
    method: str


@dataclass(frozen=True)
class WarmUp(Request, kind="warm up"):
    """Import what clustering needs before anybody waits for it; nothing is reported."""


@dataclass(frozen=True)
class Stop(Request, kind="stop"):
    """Let the request that runs stop and keep what it has."""


def to_json(request: Request) -> str:
    """Return a request as one line of JSON; `from_json` is the inverse."""
    return to_line(request, "request")


def from_json(line: str) -> Request:
    """Read a request from a line of JSON.

    Raises
    ------
    ValueError
        If the line is no JSON, names no kind of request, or its fields are not those of the kind.
    """
    return from_line(line, "request", _KINDS)
