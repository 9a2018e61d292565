"""What became of every direction of a job, and what a click on one opens; neither Qt nor napari."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_stmml.batch.intake import NOT_YET, load_record
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.report import Row
from napari_stmml.events import DirectionTaken
from napari_stmml.io.formats import is_scan_file, read_scan_file
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import LayerData, labels_to_layer, scan_to_layer

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
        """What tells it from all others."""
        return self.source, self.direction

    @property
    def forcible(self) -> str:
        """The name that ``include`` knows it by; empty if no limit has left it out.

        >>> Result("a/run--1_2.Z_mtrx", "FU", "skipped", "below pixel_ratio 0.7").forcible
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
    """All results of a job, as they come."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Result]] = {}
        self._sources: dict[str, str] = {}  # of a name
        self._failed: dict[str, str] = {}
        self._since: set[str] = set()

    def __iter__(self) -> Iterator[Result]:
        for directions in self._files.values():
            yield from directions.values()

    def begin(self) -> None:
        """Forget what could not be labelled in an earlier run."""
        self._failed.clear()

    def mark(self) -> None:
        """Begin to read what there is: what is told from now on is newer."""
        self._since.clear()

    def fill(self, read: "Results") -> None:
        """Take what was read; what was told meanwhile stays."""
        self._files = {**read._files, **{source: self._files[source] for source in self._since}}
        self._sources |= read._sources
        for name, why in list(self._failed.items()):
            self.fail(name, why)

    def take(self, rows: Iterable[Row | DirectionTaken]) -> None:
        """Take rows of the report; what was known of their files before is no longer so."""
        fresh: dict[str, dict[str, Result]] = {}
        for row in rows:
            result = Result(row.source, row.direction, row.status, row.reason, row.why)
            fresh.setdefault(result.source, {})[result.direction] = result
            self._sources[result.name] = result.source
        self._files |= fresh
        self._since |= fresh.keys()

    def label(self, source: str, labels: str | Path) -> None:
        """Note the label map of a direction, which the name of its file says."""
        found = _LABELS.search(Path(labels).name)
        direction = (found[1] or "") if found else ""
        of_file = self._files.setdefault(source, {})
        known = of_file.get(direction, Result(source, direction, "kept"))
        of_file[direction] = replace(known, labels=str(labels))
        self._since.add(source)

    def fail(self, name: str, why: str) -> None:
        """Note that a file (its path) or a direction (the name of its files) could not be labelled."""
        self._failed[name] = why
        own = name.rpartition("/")[2]
        source = name if name in self._files else self._sources.get(own, "")
        for direction, known in self._files.get(source, {}).items():
            if name == source or known.name == own:
                failed = replace(known, reason="could not be labelled", why=why, labels="")
                self._files[source][direction] = failed


def read_results(job: JobFile) -> tuple[Results, list[Row]]:
    """Read what a job has done so far, in this run or an earlier one, and the rows of its report.

    Only small files of the job's own are read, one or two for each scan.
    """
    from napari_stmml.batch.pipeline import Pipeline

    results, rows = Results(), Pipeline(job).rows()
    results.take(rows)
    for path in sorted((job.folder / "state" / "predict").glob("*.json")):
        record = load_record(path)
        for output in record.get("outputs", []):
            if _LABELS.search(output) and (job.folder / output).is_file():
                results.label(str(record.get("source", "")), job.folder / output)
    return results, rows


def report_of(job: JobFile) -> Path | None:
    """Return the page of a job's ingest report, if there is one."""
    page = job.folder / "report" / "ingest.html"
    return page if page.is_file() else None


def write_report(job: JobFile) -> Path | None:
    """Write the ingest report of a job whose process was killed before it could; return where it is."""
    from napari_stmml.batch.pipeline import Pipeline

    pipeline = Pipeline(job)
    with suppress(ValueError, OSError), pipeline.folder.locked():
        pipeline.write_report()
    return report_of(job)


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
    layers = [scan_to_layer(scans[0])]
    if result.labels:
        layers.append(labels_to_layer(LabelMap.read(result.labels)))
    return layers
