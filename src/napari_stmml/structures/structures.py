"""Structures of one or many scans: where each object is, of which type, and how many there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from napari_stmml.scan import Scan
from napari_stmml.structures.averages import MeanImage, align, mean_image
from napari_stmml.structures.corrections import sort_again
from napari_stmml.structures.describe import describe, polar_patches
from napari_stmml.structures.detect import Detection, detect
from napari_stmml.structures.measure import own_outlines
from napari_stmml.structures.sorting import Sorter, sort_new
from napari_stmml.structures.structures_file import read_types, write_types
from napari_stmml.structures.tables import COLUMNS, areas_nm2, densities, objects_table


@dataclass(frozen=True, eq=False)
class StructureType:
    """A type of object.

    Parameters
    ----------
    number : int
        From 1.
    name : str
    count : int
        Objects of it on all scans.
    mean : MeanImage or None
        None where the scans are not at hand.
    density_per_nm2, error_per_nm2 : float
        On all scans together, with the error of counting.
    """

    number: int
    name: str
    count: int
    mean: MeanImage | None
    density_per_nm2: float
    error_per_nm2: float


@dataclass(frozen=True, eq=False)
class Structures:
    """Objects found on scans, and what tells their types apart.

    Parameters
    ----------
    table : DataFrame
        One row an object: ``scan`` (index into the scans), ``row``, ``col`` (px of the scan's own grid; whole
        numbers are middles of pixels), ``y_nm``, ``x_nm`` (down and right from the top left corner), ``type``
        (from 1; 0 = unlike any other), ``score`` (noise levels), ``height_nm`` (below 0 for depressions),
        ``area_nm2``, ``angle_deg`` (anticlockwise, against the mean of the type), ``border`` (so near to the
        border of the frame that a part of it may be missing).
    sorter : Sorter
    names : tuple of str
        Of types 1, 2, ...
    mirror_apart : bool
        Whether mirror images are different types.
    """

    table: pd.DataFrame
    sorter: Sorter
    names: tuple[str, ...]
    mirror_apart: bool = False
    _scans: tuple[Scan, ...] = ()
    _detections: tuple[Detection, ...] = ()
    _counted: tuple[np.ndarray, ...] = ()
    _patches: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)), repr=False)

    @cached_property
    def types(self) -> tuple[StructureType, ...]:
        """The types, the most frequent first as they were found."""
        area = sum(one[0] for one in self.areas)
        made = []
        for number, name in enumerate(self.names, 1):
            count = int((self.table.type == number).sum())
            density, error = (count / area, max(count, 1) ** 0.5 / area) if area else (np.nan, np.nan)
            made.append(StructureType(number, name, count, self._mean(number), density, error))
        return tuple(made)

    @cached_property
    def areas(self) -> list[tuple[float, float, float]]:
        """nm2 of each scan: where objects are looked for, at steps, disordered."""
        return [areas_nm2(one) for one in self._detections]

    @property
    def densities(self) -> pd.DataFrame:
        """A row for each scan and type, as `tables.densities` says."""
        return densities(self.table, self.names, [one.name for one in self._scans], self.areas)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The scans that the table numbers."""
        return self._scans

    def count(self, scan: int, number: int) -> int:
        """Count the objects of a type on one scan."""
        return int(((self.table.scan == scan) & (self.table.type == number)).sum())

    def labels(self, scan: int, by: str = "object") -> np.ndarray:
        """Return the outlines of the objects of a scan on its own pixels.

        Parameters
        ----------
        scan : int
            Index of the scan.
        by : str
            ``object`` numbers objects from 1 in the order of the table; ``type`` gives the number of their
            type (and 0 for objects unlike any other).

        Returns
        -------
        ndarray of int32, shape (rows, cols)
        """
        if by not in ("object", "type"):
            raise ValueError(f"by must be object or type, got {by!r}")
        small, _ = own_outlines(self._detections[scan], self._counted[scan])
        if by == "type":
            own = self.table.type[self.table.scan == scan].to_numpy()
            small = np.concatenate([[0], own]).astype(np.int32)[small]
        return self._on_scan(scan, small)

    def disordered(self, scan: int) -> np.ndarray:
        """Return where a scan is disordered, (rows, cols) bool: one area, without objects of its own."""
        return self._on_scan(scan, self._detections[scan].disordered)

    def at_steps(self, scan: int) -> np.ndarray:
        """Return where the steps of a scan are, (rows, cols) bool: nothing there is an object."""
        return self._on_scan(scan, self._detections[scan].residual.at_step)

    def flattened(self, scan: int) -> np.ndarray:
        """Return the heights of a scan without ground and steps, (rows, cols) in nm, with the lattice."""
        return self._on_scan(scan, self._detections[scan].residual.flat)

    def _on_scan(self, scan: int, values: np.ndarray) -> np.ndarray:
        """Lay values on the pixels of a residual over those of its scan; the last ones are repeated."""
        down, right = self._detections[scan].residual.binning
        rows, cols = self._scans[scan].heights.shape
        whole = values.repeat(down, 0).repeat(right, 1)
        return np.pad(whole, [(0, rows - whole.shape[0]), (0, cols - whole.shape[1])], mode="edge")

    def renamed(self, number: int, name: str) -> "Structures":
        """Return the same with another name for a type.

        Raises
        ------
        ValueError
            If there is no such type, or the name is empty or taken.
        """
        name = name.strip()
        if not 1 <= number <= len(self.names):
            raise ValueError(f"there is no type {number}, types are 1 to {len(self.names)}")
        if not name or name in self.names[: number - 1] + self.names[number:]:
            raise ValueError(f"the name {name!r} of a type is empty or taken")
        return replace(self, names=(*self.names[: number - 1], name, *self.names[number:]))

    def learn(self, corrections: Mapping[int, int]) -> "Structures":
        """Return the structures after corrections; other objects that are more like them move too.

        Parameters
        ----------
        corrections : mapping of int to int
            Row of the table to type: one that there is, the next number for a new type, 0 for unlike any
            other, -1 for no object at all.

        Returns
        -------
        Structures

        Raises
        ------
        ValueError
            If a row or a type does not exist.
        """
        features = describe(self._patches, mirror_apart=self.mirror_apart)
        types, sorter = sort_again(features, self.table.type.to_numpy(), self.sorter, corrections)
        names = list(self.names)
        while len(names) < max([0, *corrections.values()]):
            names.append(f"type {len(names) + 1}")
        counted, table = self._without(types < 0)
        table["type"] = types[types >= 0]
        made = replace(self, table=table, sorter=sorter, names=tuple(names), _counted=counted,
                       _patches=self._patches[types >= 0])  # fmt: skip
        return made._turned()

    def save(self, path: str | Path) -> Path:
        """Write types and what tells them apart into a model file, beside a model of pixels if it holds one.

        Parameters
        ----------
        path : str or Path
            Ends in ``.stmml``.

        Returns
        -------
        Path
        """
        return write_types(path, self.sorter, self.names, mirror_apart=self.mirror_apart)

    @classmethod
    def load(cls, path: str | Path) -> "Structures":
        """Read the types of a model file; there are no objects yet.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Structures
            For ``like`` of `find_structures`.

        Raises
        ------
        ValueError
            In one sentence that names the file: it is missing, damaged, or holds no types of structures.
        """
        sorter, names, mirror_apart = read_types(path)
        empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
        return cls(empty, sorter, names, mirror_apart)

    def _without(self, gone: np.ndarray) -> tuple[tuple[np.ndarray, ...], pd.DataFrame]:
        """Leave objects out: which candidates still count, and the table without them."""
        counted = []
        for number, which in enumerate(self._counted):
            which = which.copy()
            which[np.flatnonzero(which)[gone[(self.table.scan == number).to_numpy()]]] = False
            counted.append(which)
        return tuple(counted), self.table[~gone].reset_index(drop=True)

    def _turned(self) -> "Structures":
        """Fill in the angles of all objects, each against the mean of its type."""
        angles = np.zeros(len(self.table))
        for number in range(1, len(self.names) + 1):
            some = (self.table.type == number).to_numpy()
            if some.any():
                angles[some] = align(self._patches[some])
        return replace(self, table=self.table.assign(angle_deg=angles))

    def _mean(self, number: int) -> MeanImage | None:
        own = self.table[(self.table.type == number) & ~self.table.border]
        if own.empty:
            own = self.table[self.table.type == number]
        if own.empty:
            return None
        residuals, places, turns = [], [], []
        for scan, rows in own.groupby("scan"):
            residual = self._detections[scan].residual
            residuals.append(residual)
            places.append((rows[["row", "col"]].to_numpy() + 0.5) / residual.binning - 0.5)
            turns.append(rows.angle_deg.to_numpy())
        return mean_image(residuals, places, turns)


def find_structures(
    scans: Scan | Iterable[Scan],
    *,
    types: str | int = "auto",
    seed: int = 0,
    false_per_1000_nm2: float = 1.0,
    like: "Structures | str | Path | None" = None,
    sensitivity: float = 1.0,
    mirror_apart: bool = False,
    with_disordered: bool = False,
) -> Structures:
    """Find every object on scans, sort them into types over all scans together, and measure them.

    Parameters
    ----------
    scans : Scan or iterable of Scan
        Each with a pixel size; as recorded or flattened.
    types : "auto" or 1
        How many types there are is found; 1 leaves all objects one type.
    seed : int
        The same scans and seed give the same types.
    false_per_1000_nm2 : float
        How many finds a surface without objects would give.
    like : Structures, str or Path, optional
        Structures, or a model file, whose types the objects are sorted into.
    sensitivity : float
        2 halves the threshold of detection, 0.5 doubles it.
    mirror_apart : bool
        Whether mirror images are different types.
    with_disordered : bool
        Whether the grains of disordered areas are objects, too.

    Returns
    -------
    Structures

    Raises
    ------
    ValueError
        If there is no scan, a number is not possible, or a scan has no pixel size or is too small.
    """
    if types not in ("auto", 1):
        raise ValueError(f"types must be 'auto' or 1, got {types!r}")
    if not (0 < false_per_1000_nm2 < np.inf and 0 < sensitivity < np.inf):
        raise ValueError("false_per_1000_nm2 and sensitivity must be above 0")
    known = Structures.load(like) if isinstance(like, (str, Path)) else like
    scans = (scans,) if isinstance(scans, Scan) else tuple(scans)
    if not scans:
        raise ValueError("there are no scans to find structures on")
    detections = tuple(detect(scan, false_per_1000_nm2) for scan in scans)
    counted = tuple(one.count(sensitivity, with_disordered=with_disordered) for one in detections)
    return _sorted(scans, detections, counted, types, seed, known, mirror_apart)


def _sorted(
    scans: tuple[Scan, ...],
    detections: tuple[Detection, ...],
    counted: tuple[np.ndarray, ...],
    types: str | int,
    seed: int,
    known: Structures | None,
    mirror_apart: bool,
) -> Structures:
    pairs: Sequence[tuple[Detection, np.ndarray]] = list(zip(detections, counted, strict=True))
    patches = np.concatenate([polar_patches(*pair) for pair in pairs])
    table = pd.concat([objects_table(number, *pair) for number, pair in enumerate(pairs)], ignore_index=True)
    if known is not None:
        mirror_apart, sorter, names = known.mirror_apart, known.sorter, known.names
        table["type"] = sorter.sort(describe(patches, mirror_apart=mirror_apart))
    else:
        features = describe(patches, mirror_apart=mirror_apart)
        found, sorter = sort_new(features, seed)
        table["type"] = np.minimum(found, 1) if types == 1 else found
        names = tuple(f"type {number}" for number in range(1, int(table.type.max() if len(table) else 0) + 1))
    return Structures(table, sorter, names, mirror_apart, scans, detections, counted, patches)._turned()
