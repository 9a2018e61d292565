"""The measurements of the label maps of one file, made in any process: tables and a record for each map."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_stmml import __version__
from napari_stmml.batch.job_folder import digest, one_name
from napari_stmml.batch.records import MeasureRecord, read_record, write_record
from napari_stmml.io.formats import read_directions
from napari_stmml.io.label_tiff import LabelMap, read_labels
from napari_stmml.measuring.backgrounds import (
    MapAreas,
    areas_of,
    background_labels,
    model_of,
    named_background,
)
from napari_stmml.measuring.measurements import Measurements, measure_scan
from napari_stmml.measuring.region_tables import write_measurements
from napari_stmml.measuring.series import scan_summary
from napari_stmml.scan import Scan
from napari_stmml.system.files import sha256

FOLDER = "measurements"  # of a job


@dataclass(frozen=True)
class MapTask:
    """A label map to measure.

    Parameters
    ----------
    labels : str
        Its path below the job's folder.
    name : str
        The place of its scan in the tree of results, with the direction.
    direction : str
        FU, ...; empty where the file is one map.
    made : str
        What the record of its labels says that they depend on.
    sha256 : str
        Of the map's file, once it was looked at.
    """

    labels: str
    name: str
    direction: str
    made: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class MeasureTask:
    """A file of scans, and the maps of its directions."""

    source: str
    maps: tuple[MapTask, ...]


@dataclass(frozen=True)
class Looked:
    """What the choice of a background needs to know of the maps of a file; the maps, with their hashes."""

    maps: tuple[MapTask, ...]
    areas: tuple[MapAreas, ...]


@dataclass(frozen=True)
class MeasureFiles:
    """How maps are measured, and where files go.

    Parameters
    ----------
    folder : str
        The job's.
    background : tuple of str
        Names of classes; none: those of ``backgrounds``.
    min_area : float
        nm² (px).
    details : bool
        Averages, profiles, pair distances and a picture, too.
    backgrounds : mapping of str to tuple of str
        Of the series: classes by the name of the model.
    """

    folder: str
    background: tuple[str, ...]
    min_area: float
    details: bool
    backgrounds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def record_path(self, name: str) -> Path:
        """Return the path of the record of a map, which is written after its files."""
        return Path(self.folder) / "state" / "measure" / f"{one_name(name, '~')}.json"

    def fingerprint(self, task: MapTask) -> str:
        """Say in a digest what the files of a map depend on."""
        of_models = sorted(map(list, self.backgrounds.items()))
        how = [list(self.background), self.min_area, self.details, of_models]
        labels = [task.labels, task.made, task.sha256]
        return digest({"program": __version__, "how": how, "labels": labels})

    def record(self, task: MapTask) -> MeasureRecord | None:
        """Return the record of a map if it is current, the map was measured, and its files are there."""
        known = read_record(self.record_path(task.name), MeasureRecord)
        if known is None or known.problem or known.fingerprint != self.fingerprint(task):
            return None
        return known if all((Path(self.folder) / one).exists() for one in known.outputs) else None


def look_at(folder: str, task: MeasureTask) -> Looked:
    """Read the maps of a file for the choice of a background; one that cannot be read counts for nothing."""
    maps, areas = [], []
    for one in task.maps:
        path = Path(folder) / one.labels
        try:
            areas.append(areas_of(read_labels(path)))
            maps.append(replace(one, sha256=sha256(path) or ""))
        except (ValueError, OSError):  # said when it is measured
            maps.append(one)
    return Looked(tuple(maps), tuple(areas))


def measure_file(files: MeasureFiles, task: MeasureTask) -> list[MeasureRecord]:
    """Measure the maps of a file and write their tables and records; return the records."""
    try:
        scans = read_directions(task.source)
    except (ValueError, OSError) as error:
        return [_problem(files, task, one, str(error)) for one in task.maps]
    return [_measure(files, task, one, scans) for one in task.maps]


def _measure(files: MeasureFiles, task: MeasureTask, one: MapTask, scans: list[Scan]) -> MeasureRecord:
    try:
        found = read_labels(Path(files.folder) / one.labels)
        scan = next((scan for scan in scans if scan.short_direction == one.direction), None)
        if scan is None:
            raise ValueError(f"{Path(task.source).name} has no {one.direction} any more")
        if files.background:
            background = named_background(found, files.background)
        else:
            background = background_labels(found, files.backgrounds, found.names)
        how = {"names": found.names, "background": background, "min_area": files.min_area}
        result = measure_scan(found.labels, scan, objects=found.objects, **how)
        paths = _write(files, one, result, scan, found)
    except (ValueError, OSError) as error:
        return _problem(files, task, one, str(error))
    outputs = tuple(path.relative_to(files.folder).as_posix() for path in paths)
    summary = scan_summary(result, scan, model_of(found), one.labels)
    record = MeasureRecord(files.fingerprint(one), outputs, task.source, one.direction, summary=summary)
    write_record(files.record_path(one.name), record)
    return record


def _write(
    files: MeasureFiles, one: MapTask, result: Measurements, scan: Scan, found: LabelMap
) -> list[Path]:
    from napari_stmml.measuring.class_details import class_details

    to = Path(files.folder) / FOLDER / one.name
    details = class_details(result) if files.details else ()
    paths = write_measurements(to.parent, to.name, result, scan, model=model_of(found), details=details)
    if files.details:
        from napari_stmml.figures.paper.measured_figure import save_picture

        paths.append(save_picture(to.with_name(f"{to.name}_regions.png"), scan, found, result, details))
    return paths


def _problem(files: MeasureFiles, task: MeasureTask, one: MapTask, why: str) -> MeasureRecord:
    """Write the record of a map that could not be measured: it is tried again next time."""
    name = Path(one.labels).name
    said = why if name in why or Path(task.source).name in why else f"{name}: {why}"
    record = MeasureRecord(files.fingerprint(one), (), task.source, one.direction, problem=said)
    write_record(files.record_path(one.name), record)
    return record
