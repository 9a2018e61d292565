"""What became of every direction of a job, and what a click on one opens; neither Qt nor napari."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.records import LabelRecord, read_record
from napari_stmml.batch.report import NOT_YET, Row, summary
from napari_stmml.events import DirectionTaken
from napari_stmml.io.formats import is_scan_file, read_scan_file
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import LayerData, labels_to_layer
from napari_stmml.viewer.io.preferences import as_preferred, preferences

_LABELS = re.compile(r"(?:_(FU|BU|FD|BD))?_labels\.tif$")

Key = tuple[str, str]  # path of the file, direction


@dataclass(frozen=True)
class Result:
    """One direction of a file, or a file that gave none: what became of it, and its label map, if any."""

    source: str
    direction: str = ""
    status: str = "skipped"
    reason: str = ""
    why: str = ""
    labels: str = ""

    @property
    def key(self) -> Key:
        """What identifies it."""
        return self.source, self.direction

    @property
    def keepable(self) -> str:
        """The name to put into ``include``; empty if it was not a limit that left it out.

        >>> Result("a/run--1_2.Z_mtrx", "FU", "skipped", "below pixel_ratio 0.7").keepable
        'run--1_2_FU'
        """
        return self.name if self.status == "skipped" and self.direction else ""

    @property
    def name(self) -> str:
        """The stem of its file and its direction, as the files that are made of it are called."""
        source = Path(self.source)
        stem = source.stem if is_scan_file(source) else source.name
        return f"{stem}_{self.direction}" if self.direction else stem

    @property
    def waits(self) -> bool:
        """Whether the job has not come to it yet."""
        return self.reason == NOT_YET

    @cached_property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Its row in a table: scan, direction, status, whether it is labelled, why."""
        stem = self.name.removesuffix(f"_{self.direction}")
        status, reason = ("waiting", "") if self.waits else (self.status, self.reason)
        if status == "forced":  # as the report calls it
            status, reason = "kept", f"kept anyway: {reason}"
        return stem, self.direction, status, "yes" if self.labels else "", reason

    @cached_property
    def text(self) -> str:
        """All that a filter looks at, in lower case."""
        return " ".join([*self.cells, "labelled" if self.labels else ""]).lower()

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """Where its name stands: 1_2 before 1_10."""
        parts = re.split(r"(\d+)", self.cells[0].lower())
        return tuple(int(part) if part.isdigit() else part for part in parts), self.direction

    @property
    def tip(self) -> str:
        """The whole path, and the whole reason."""
        return "\n".join(part for part in (self.source, self.why) if part)


class Results:
    """All results of a job, as they come; what is reported of a file replaces what was known of it."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Result]] = {}  # by source and direction
        self._failed: dict[Key, str] = {}  # what could not be labelled in this run, and why
        self._new: set[str] = set()  # sources that were reported since `mark`

    def __iter__(self) -> Iterator[Result]:
        for directions in self._files.values():
            yield from directions.values()

    def begin(self) -> None:
        """Forget what could not be labelled in an earlier run."""
        self._failed.clear()

    def mark(self) -> None:
        """Note that results are being read: what is reported from now on is newer."""
        self._new.clear()

    def fill(self, read: "Results") -> None:
        """Take results that were read, but for files that were reported meanwhile."""
        self._files = read._files | {source: self._files[source] for source in self._new}
        for (source, direction), why in self._failed.items():
            self.fail(source, direction, why)

    def take(self, rows: Iterable[Row | DirectionTaken]) -> None:
        """Take rows of the report."""
        reported: dict[str, dict[str, Result]] = {}
        for row in rows:
            result = Result(row.source, row.direction, row.status, row.reason, row.why)
            reported.setdefault(row.source, {})[row.direction] = result
        self._files |= reported
        self._new |= reported.keys()

    def label(self, source: str, labels: str | Path) -> None:
        """Note the label map of a direction, which the name of its file says."""
        found = _LABELS.search(Path(labels).name)
        direction = (found[1] or "") if found else ""
        of_file = self._files.setdefault(source, {})
        known = of_file.get(direction, Result(source, direction, "kept"))
        of_file[direction] = replace(known, labels=str(labels))
        self._new.add(source)

    def fail(self, source: str, direction: str, why: str) -> None:
        """Note that a direction could not be labelled."""
        self._failed[source, direction] = why
        if known := self._files.get(source, {}).get(direction):
            failed = replace(known, reason="could not be labelled", why=why, labels="")
            self._files[source][direction] = failed


@dataclass(frozen=True)
class JobResults:
    """What a job has done so far, the line of its ingest report, and the page, if it is there."""

    results: Results
    summary: str
    report: Path | None


def read_results(job: JobFile, write_report: bool = False) -> JobResults:
    """Read what a job has done so far, in this run or an earlier one.

    Only small files of the job's own are read, one or two for each scan.

    Parameters
    ----------
    job : JobFile
    write_report : bool
        Write the ingest report first: of a job whose process was killed before it could.
    """
    from napari_stmml.batch.job_run import JobRun

    run = JobRun(job)
    if write_report:
        with suppress(ValueError, OSError), run.folder.locked():
            run.write_report()
    results, rows = Results(), run.rows()
    results.take(rows)
    for path in sorted((job.folder / "state" / "predict").glob("*.json")):
        if record := read_record(path, LabelRecord):
            for output in record.outputs:
                if _LABELS.search(output) and (job.folder / output).is_file():
                    results.label(record.source, job.folder / output)
    page = job.folder / "report" / "ingest.html"
    return JobResults(results, summary(rows), page if page.is_file() else None)


def layers_of(result: Result) -> list[LayerData]:
    """Read one direction of a scan, and its label map, which lies exactly on it, as layer data.

    Raises
    ------
    ValueError
        In one sentence, if the scan is no longer there or cannot be read.
    """
    scans = [scan for scan in read_scan_file(result.source) if scan.short_direction == result.direction]
    if not scans:
        raise ValueError(f"{Path(result.source).name} has no direction {result.direction or '?'} any more")
    layers = [as_preferred(scans[0], preferences())]
    if result.labels:
        layers.append(labels_to_layer(LabelMap.read(result.labels)))
    return layers
