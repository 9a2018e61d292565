"""The structures of one scan, found in any process, and their files: label map, pictures, record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from napari_stmml.batch.job_folder import one_name
from napari_stmml.batch.records import StructuresRecord, write_record
from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.gwyddion import write_gwy
from napari_stmml.io.predicted_map import put_aside_if_edited
from napari_stmml.measuring.structure_distances import count_pairs
from napari_stmml.measuring.structure_maps import structure_map
from napari_stmml.measuring.structure_tables import density_rows, object_rows
from napari_stmml.scan import TOPOGRAPHY, Scan
from napari_stmml.structures.averages import MeanImage
from napari_stmml.structures.structures import Structures, find_structures
from napari_stmml.system.files import identity

THUMBNAILS = "thumbnails"


@dataclass(frozen=True)
class Search:
    """How structures are found.

    Parameters
    ----------
    false_per_1000_nm2, mirror_apart, with_disordered, seed
        As `find_structures` takes them.
    like : str
        A file of known types; empty where types are to be found.
    """

    false_per_1000_nm2: float = 1.0
    mirror_apart: bool = False
    with_disordered: bool = False
    seed: int = 0
    like: str = ""

    def find(self, scan: Scan, *, one_type: bool = False) -> Structures:
        """Find the structures of a scan; with ``one_type``, their types do not matter."""
        return find_structures(
            scan,
            types=1 if one_type else "auto",
            seed=self.seed,
            false_per_1000_nm2=self.false_per_1000_nm2,
            like=None if one_type or not self.like else _known(self.like, identity(self.like)),
            mirror_apart=self.mirror_apart,
            with_disordered=self.with_disordered,
        )


@lru_cache(maxsize=1)  # a process of the pool sorts the objects of many scans
def _known(path: str, which: tuple[int, ...]) -> Structures:
    return Structures.load(path)


@dataclass(frozen=True)
class StructureTask:
    """A file to find structures on.

    Parameters
    ----------
    source : str
    direction : str
        The map that is taken, FU, ...; of a file that has not got it, the first one.
    stem : str
        How the names of its files begin.
    fingerprint : str
        What its record says that its files depend on.
    """

    source: str
    direction: str
    stem: str
    fingerprint: str = ""

    def read(self) -> Scan:
        """Read the map.

        Returns
        -------
        Scan

        Raises
        ------
        ValueError
            In one sentence that names the file: it cannot be read, or has no topography.
        """
        maps = [scan for scan in read_scan_file(self.source) if scan.channel == TOPOGRAPHY]
        if not maps:
            name = Path(self.source).name
            raise ValueError(f"{name}: it is no topography, and objects are found by height")
        return next((scan for scan in maps if scan.short_direction == self.direction), maps[0])


@dataclass(frozen=True)
class StructureFiles:
    """Which files are made of the structures of every scan, and where they go.

    Parameters
    ----------
    folder, base, records : str
        Where files go; the folder that paths of a record are relative to; where records go.
    search : Search
    model : str
        Name of the file of the types.
    gwy : bool
        A file of Gwyddion too.
    means : mapping of int to MeanImage, optional
        Mean images of the types, made from other scans too.
    """

    folder: str
    base: str
    records: str
    search: Search
    model: str = ""
    gwy: bool = False
    means: Mapping[int, MeanImage] | None = field(default=None, repr=False)

    def record_path(self, task: StructureTask) -> Path:
        """Return the path of the record of a scan, which is written after its files."""
        return Path(self.records) / f"{one_name(task.stem, '~')}.json"


def find_one(search: Search, task: StructureTask) -> Structures | str:
    """Find the objects of one file without types, in any process; or say why there are none on it."""
    try:
        return search.find(task.read(), one_type=True)
    except (ValueError, OSError) as error:
        return _sentence(task, error)


def find_and_write(files: StructureFiles, task: StructureTask) -> StructuresRecord:
    """Find the structures of one file by known types, and write their files, in any process."""
    try:
        found = files.search.find(task.read())
    except (ValueError, OSError) as error:
        return write_problem(files, task, _sentence(task, error))
    return write_scan(files, task, found, 0)


def write_problem(files: StructureFiles, task: StructureTask, why: str) -> StructuresRecord:
    """Write the record of a scan that there are no structures on."""
    record = StructuresRecord(task.fingerprint, (), task.source, problem=why)
    write_record(files.record_path(task), record)
    return record


def write_scan(files: StructureFiles, task: StructureTask, found: Structures, scan: int) -> StructuresRecord:
    """Write the files of one scan of some structures, and its record.

    Parameters
    ----------
    files : StructureFiles
    task : StructureTask
    found : Structures
    scan : int
        Index of the scan.

    Returns
    -------
    StructuresRecord
    """
    from napari_stmml.figures.drawing import caption, save_figure
    from napari_stmml.figures.pictures import save_outlines
    from napari_stmml.figures.structures_figure import structures_figure

    one, folder = found.scans[scan], Path(files.folder)
    stem = f"{task.stem}_{one.short_direction or 'map'}"
    labels, path = structure_map(found, scan, files.model), folder / f"{stem}_structures.stmml.tif"
    put_aside_if_edited(path)
    made = [
        save_figure(structures_figure(found, scan, files.means), folder / f"{stem}_structures.png"),
        save_outlines(folder / THUMBNAILS / f"{stem}.jpg", one, found.flattened(scan), labels),
        labels.write(path),
    ]
    if files.gwy:
        made.append(write_gwy(folder / f"{stem}_structures.gwy", one, labels.labels, labels.names))
    outputs = tuple(file.relative_to(files.base).as_posix() for file in made)
    record = StructuresRecord(task.fingerprint, outputs, task.source, one.short_direction, one.name)
    record = replace(
        record,
        about=caption(one),
        figure=outputs[0],
        thumbnail=outputs[1],
        objects=tuple(object_rows(found, scan)),
        counts=tuple(density_rows(found, scan)),
        pairs=count_pairs(found, scan),
    )
    write_record(files.record_path(task), record)
    return record


def _sentence(task: StructureTask, error: Exception) -> str:
    """Say why there are no structures, with the name of the file."""
    name, said = Path(task.source).name, str(error)
    return said if name in said else f"{name}: {said}"


def pixels_of(found: Structures) -> int:
    """Count the pixels of all scans of some structures."""
    return sum(int(np.prod(scan.heights.shape)) for scan in found.scans)
