"""Structures of many scans: types over all of them together, then file by file, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_stmml.batch.engine import Engine
from napari_stmml.batch.records import StructuresRecord, read_record
from napari_stmml.batch.structure_files import (
    StructureFiles,
    StructureTask,
    find_and_write,
    find_one,
    pixels_of,
    write_problem,
    write_scan,
)
from napari_stmml.batch.structures_page import PAGE, write_page
from napari_stmml.events import Listener, Skipped, ignore
from napari_stmml.io.tables import save_table
from napari_stmml.measuring.structure_tables import type_rows, write_tables
from napari_stmml.structures.averages import MeanImage
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.structures.together import typed_together
from napari_stmml.system.pool import Outcome, Pool
from napari_stmml.system.progress import FileCount, Stopped, until_stopped
from napari_stmml.text import counted, with_error

MOST_PX = 16 << 20  # of the scans that types are found on: 64 of 512 x 512 px, which take about a gigabyte
_FEW = 8  # files, for which other processes are not worth starting
_GOLDEN = 0.6180339887498949
TYPES, LEFT_OUT = "types.stmml", "left_out.csv"


@dataclass(frozen=True)
class RunTables:
    """What was found on all scans: files that were written, the page last; rows of types and densities."""

    files: tuple[Path, ...]
    types: list[dict[str, Any]]
    counts: list[dict[str, Any]]

    def __str__(self) -> str:
        """Return a line on all, and one on each type and on what was not looked at."""
        sizes = [row["n"] for row in self.counts]
        per_scan = len(self.types) + 1
        scans, unlike = len(sizes) // per_scan, sum(row["n"] for row in self.counts if not row["type"])
        objects, types = counted(sum(sizes), "object"), counted(len(self.types), "type")
        lines = [f"{objects} of {types} on {counted(scans, 'scan')}"]
        for row in self.types:
            density = with_error(row["density_per_nm2"], row["error_per_nm2"])
            lines.append(f"{row['type_name']}: {row['n']}, {density} per nm²")
        lines += [f"{UNLIKE}: {unlike}"] if unlike else []
        for what, name in (("at steps", "steps_nm2"), ("disordered", "disordered_nm2")):
            if left := sum(row[name] for row in self.counts if not row["type"]):
                lines.append(f"not looked at, {what}: {left:.0f} nm²")
        return "\n  ".join(lines)


@dataclass
class StructureRun:
    """A search for structures at work.

    Parameters
    ----------
    tasks : sequence of StructureTask
        All files.
    files : StructureFiles
        Without ``means``; ``search.like`` names known types, if there are any.
    report : callable
        Gets `FilesDone` and `Skipped`.
    should_stop : callable
        Asked between files.
    processes : int
        0 for one a core.
    engine : callable, optional
        Opens what works on the files; ``processes`` of this machine, if there is none.
    """

    tasks: Sequence[StructureTask]
    files: StructureFiles
    report: Listener = ignore
    should_stop: Callable[[], bool] = lambda: False
    processes: int = 0
    engine: Callable[[], AbstractContextManager[Engine]] | None = None
    means: dict[int, MeanImage] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)  # files whose process died: tried again next time

    @property
    def types_path(self) -> Path:
        """The file of the types of this run."""
        return Path(self.files.folder) / TYPES

    def find(self) -> None:
        """Find types, then the structures of every file that has no current record; write the files of each.

        Raises
        ------
        ValueError
            If the file of known types cannot be used, or no scan can.
        Stopped
            If ``should_stop`` said so; what is written stays.
        """
        with self.engine() if self.engine else Pool(self.processes) as engine:
            found, which, problems = self._together(engine)
            if found is None:
                first = next(iter(problems.values()), "")
                raise ValueError(f"there is no scan to find structures on{': ' if first else ''}{first}")
            found.save(self.types_path)
            self.means = {one.number: one.mean for one in found.types if one.mean is not None}
            waiting = [task for task in self.tasks if self.record(task) is None]
            count = FileCount("structures", len(self.tasks) - len(waiting), len(self.tasks), self.report)
            for task, record in self._written(found, which, problems, waiting, engine):
                if record.problem:
                    self.report(Skipped(task.source, record.problem, "no structures", None, task.source))
                count.add()
        self._check_stop()

    def record(self, task: StructureTask) -> StructuresRecord | None:
        """Return the record of a file, if it is current and its files are there."""
        known = read_record(self.files.record_path(task), StructuresRecord)
        if known is None or known.fingerprint != task.fingerprint:
            return None
        there = all((Path(self.files.base) / one).exists() for one in known.outputs)
        return known if there else None

    def records(self) -> Iterator[StructuresRecord]:
        """Read the records of all files, one after the other."""
        for task in self.tasks:
            if (known := self.record(task)) is not None:
                yield known

    def write_tables(self, title: str, left_out: Sequence[tuple[str, str]] = ()) -> "RunTables":
        """Write the tables and the page of all scans, whose records are read one after the other.

        Parameters
        ----------
        title : str
            Of the page.
        left_out : sequence of (str, str)
            Files that gave no scan, and why.

        Returns
        -------
        RunTables
        """
        folder = Path(self.files.folder)
        known = [replace(one, objects=(), pairs=()) for one in self.records()]
        shown = [one for one in known if not one.problem]
        problems = [(one.source, one.problem) for one in known if one.problem]
        out = [*left_out, *self.failures.items(), *problems]
        counts = [row for one in shown for row in one.counts]
        files = write_tables(
            folder,
            (list(one.objects) for one in self.records()),
            counts,
            (pair for one in self.records() for pair in one.pairs),
        )
        rows = [{"source": source, "why": why} for source, why in out]
        files.append(save_table(folder / LEFT_OUT, rows, ("source", "why")))
        types = type_rows(counts)
        page = write_page(folder / PAGE, title, types, shown, out, self.means, Path(self.files.base))
        return RunTables((*files, page), types, counts)

    def _together(
        self, engine: Engine
    ) -> tuple[Structures | None, list[StructureTask], dict[StructureTask, str]]:
        """Find types on files spread over all, as many as memory holds; return these and what failed."""
        known = Structures.load(self.files.search.like) if self.files.search.like else None
        parts: list[Structures] = []
        which: list[StructureTask] = []
        problems: dict[StructureTask, str] = {}
        order = sorted(range(len(self.tasks)), key=lambda number: number * _GOLDEN % 1)
        tasks = (self.tasks[number] for number in order)
        for outcome in self._mapped(engine, partial(find_one, self.files.search), tasks):
            if sum(map(pixels_of, parts)) >= MOST_PX:
                break  # the same scans, however many are in flight
            if isinstance(outcome.result, Structures):
                parts.append(outcome.result)
                which.append(outcome.task)
            elif outcome.result:
                problems[outcome.task] = outcome.result
        self._check_stop()
        if not parts:
            return None, [], problems
        at = {task: number for number, task in enumerate(self.tasks)}
        both = sorted(zip(which, parts, strict=True), key=lambda pair: at[pair[0]])
        found = typed_together([part for _, part in both], seed=self.files.search.seed, like=known)
        return found, [task for task, _ in both], problems

    def _written(
        self,
        found: Structures,
        which: list[StructureTask],
        problems: dict[StructureTask, str],
        waiting: list[StructureTask],
        engine: Engine,
    ) -> Iterator[tuple[StructureTask, StructuresRecord]]:
        """Write what waits: from memory where types were found on all, else file by file, by these types."""
        if len(which) + len(problems) == len(self.tasks):
            places = {task: number for number, task in enumerate(which)}
            for task in until_stopped(waiting, self.should_stop):
                if task in places:
                    yield task, write_scan(self.files, task, found, places[task])
                else:
                    yield task, write_problem(self.files, task, problems[task])
            return
        search = replace(self.files.search, like=str(self.types_path))
        files = replace(self.files, search=search, means=self.means)
        for outcome in self._mapped(engine, partial(find_and_write, files), waiting):
            if outcome.error:
                why = f"{Path(outcome.task.source).name} could not be searched: {outcome.error}"
                self.failures[outcome.task.source] = why
                yield outcome.task, StructuresRecord("", (), outcome.task.source, problem=why)
            else:
                yield outcome.task, outcome.result

    def _mapped(
        self, engine: Engine, function: Callable, tasks: Iterator[StructureTask] | list
    ) -> Iterator[Outcome]:
        """Do tasks in many processes, or few of them here."""
        going = until_stopped(tasks, self.should_stop)
        if len(self.tasks) <= _FEW:
            yield from (Outcome(task, function(task)) for task in going)
        else:
            yield from engine.map(function, going)

    def _check_stop(self) -> None:
        if self.should_stop():
            raise Stopped("the search for structures was stopped")
