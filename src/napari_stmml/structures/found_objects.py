"""Objects found on one or many scans: where each is, of which type, and how many there are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from napari_stmml.scan import Scan
from napari_stmml.structures.averages import MeanImage, align, mean_image
from napari_stmml.structures.candidates import Candidates
from napari_stmml.structures.cells import repeated
from napari_stmml.structures.describe import describe
from napari_stmml.structures.sorting import Sorter
from napari_stmml.structures.tables import COLUMNS, areas_nm2, densities

_KEPT = {"areas", "scan_of_each", "_starts", "_patches", "features"}
Given = tuple[int, int]  # index of a scan, and number of a candidate on it, from 0


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
    density_per_nm2, error_per_nm2 : float
        On all scans together, with the error of counting.
    """

    number: int
    name: str
    count: int
    density_per_nm2: float
    error_per_nm2: float
    _average: Callable[[], MeanImage | None] = field(repr=False)

    @cached_property
    def mean(self) -> MeanImage | None:
        """The mean image; None where there is no object of it on the scans."""
        return self._average()


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """Objects found on scans, and what tells their types apart; it never changes.

    Parameters
    ----------
    sorter : Sorter
    names : tuple of str
        Of types 1, 2, ...; empty for a type that was merged into another, whose number stays free.
    mirror_apart : bool
        Whether mirror images are different types.
    sensitivity : float
        2 halves the thresholds of detection, 0.5 doubles them.
    with_disordered : bool
        Whether the grains of disordered areas are objects, too.
    given : mapping of (int, int) to int
        What a person said of candidates (scan, number): their type, or -1 for no object.
    candidates : tuple of Candidates
        All that may be an object on each scan.
    all_types, all_angles : ndarray, shape (candidates,)
        Of all candidates, scan after scan.
    base : Sorter or None
        Of the model that the types were read from.
    """

    sorter: Sorter
    names: tuple[str, ...]
    mirror_apart: bool = False
    sensitivity: float = 1.0
    with_disordered: bool = False
    given: Mapping[Given, int] = field(default_factory=dict)
    candidates: tuple[Candidates, ...] = ()
    all_types: np.ndarray = field(default_factory=lambda: np.empty(0, int), repr=False)
    all_angles: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    base: Sorter | None = None

    # ---- what there is

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row an object.

        ``scan`` (index into the scans), ``row``, ``col`` (px of the scan; whole numbers are middles of
        pixels), ``y_nm``, ``x_nm`` (down and right from the top left corner), ``type`` (from 1; 0 =
        unlike any other), ``score`` (noise levels), ``peak_nm`` (below 0 for depressions), ``area_nm2``,
        ``angle_deg`` (anticlockwise, against the mean of the type), ``border`` (so near to the border of the
        frame that a part of it may be missing).
        """
        return self._all[self.counts][list(COLUMNS)].reset_index(drop=True)

    @property
    def types(self) -> tuple[StructureType, ...]:
        """The types, the most frequent first as they were found."""
        area = sum(one[0] for one in self.areas)
        counts = np.bincount(self.all_types[self.counts], minlength=len(self.names) + 1)
        made = []
        for number, name in enumerate(self.names, 1):
            count = int(counts[number])
            density, error = (count / area, max(count, 1) ** 0.5 / area) if area else (np.nan, np.nan)
            if name:
                made.append(StructureType(number, name, count, density, error, self._averages[number - 1]))
        return tuple(made)

    @cached_property
    def areas(self) -> list[tuple[float, float, float]]:
        """nm2 of each scan: where objects are looked for, at steps, disordered."""
        return [areas_nm2(one.detection) for one in self.candidates]

    @property
    def densities(self) -> pd.DataFrame:
        """A row for each scan and type, as `tables.densities` says."""
        return densities(self.table, self.names, [one.name for one in self.scans], self.areas)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The scans that the table numbers."""
        return tuple(one.scan for one in self.candidates)

    @cached_property
    def by_person(self) -> np.ndarray:
        """Say which objects of the table a person has typed or added, (objects,) bool."""
        return np.isin(np.flatnonzero(self.counts), [self.index_of(*one) for one in self.given])

    def count(self, scan: int, number: int) -> int:
        """Count the objects of a type on one scan."""
        return int((self.counts & (self.scan_of_each == scan) & (self.all_types == number)).sum())

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
        own = self.scan_of_each == scan
        counts = self.counts[own]
        numbers = np.zeros(len(counts) + 1, np.int32)
        numbers[1:][counts] = (
            np.arange(1, counts.sum() + 1) if by == "object" else self.all_types[own][counts]
        )
        return self._on_scan(scan, numbers[self.candidates[scan].outlines])

    def disordered(self, scan: int) -> np.ndarray:
        """Return where a scan is disordered, (rows, cols) bool: one area, without objects of its own."""
        return self._on_scan(scan, self.candidates[scan].detection.disordered)

    def at_steps(self, scan: int) -> np.ndarray:
        """Return where the steps of a scan are, (rows, cols) bool: nothing there is an object."""
        return self._on_scan(scan, self.candidates[scan].detection.residual.at_step)

    def flattened(self, scan: int) -> np.ndarray:
        """Return the heights of a scan without ground and steps, (rows, cols) in nm, with the lattice."""
        return self._on_scan(scan, self.candidates[scan].detection.residual.flat)

    def distances(self, row: int) -> np.ndarray:
        """Return how unlike one object of the table all of them are.

        Parameters
        ----------
        row : int

        Returns
        -------
        ndarray of float, shape (objects,)
            Distance of descriptions: objects of a type have up to about 0.3, types differ by 0.4 to 2.
        """
        placed = self._placed[self.counts]
        return np.asarray(np.linalg.norm(placed - placed[row], axis=1))

    def cutouts(self, rows: Iterable[int], side: int = 48, side_nm: float = 2.6) -> np.ndarray:
        """Return what objects look like on the flattened heights, not turned.

        Parameters
        ----------
        rows : iterable of int
            Of the table.
        side : int
            Pixels of a picture along each side.
        side_nm : float
            Length of each side.

        Returns
        -------
        ndarray of float32, shape (objects, side, side)
            nm; NaN beyond the border.
        """
        from scipy.ndimage import map_coordinates

        along = ((np.arange(side) + 0.5) / side - 0.5) * side_nm
        down, right = np.meshgrid(along, along, indexing="ij")
        made = []
        for one in self.table.iloc[list(rows)].itertuples():
            residual = self.candidates[one.scan].detection.residual
            at = [(nm + off) / size - 0.5 for nm, off, size in
                  zip((one.y_nm, one.x_nm), (down, right), residual.pixel_size, strict=True)]  # fmt: skip
            made.append(map_coordinates(residual.flat, at, order=1, mode="constant", cval=np.nan))
        return np.array(made, np.float32).reshape(len(made), side, side)

    def from_mean(self, number: int) -> pd.Series:
        """Return how far each object of a type is from the mean of the type, the nearest first.

        Parameters
        ----------
        number : int

        Returns
        -------
        Series of float
            Its index is the row of the table.
        """
        rows = np.flatnonzero(self.all_types[self.counts] == number)
        placed = self._placed[self.counts][rows]
        far = np.linalg.norm(placed - placed.mean(0), axis=1) if len(rows) else np.empty(0)
        return pd.Series(far, index=rows).sort_values(kind="stable")

    # ---- the same with other choices

    def at(self, sensitivity: float) -> Self:
        """Return what counts at another sensitivity; types stay, and what a person said.

        Parameters
        ----------
        sensitivity : float
            2 halves the thresholds of detection, 0.5 doubles them.

        Returns
        -------
        FoundObjects

        Raises
        ------
        ValueError
            If it is not above 0.
        """
        if not 0 < sensitivity < np.inf:
            raise ValueError(f"a sensitivity is above 0, got {sensitivity:g}")
        return self.changed(sensitivity=float(sensitivity))

    def turned(self) -> Self:
        """Return the same with the angles of all objects, each against the mean of its type."""
        angles, patches = np.zeros(len(self.all_types)), self._patches
        for number in np.unique(self.all_types[self.all_types > 0]):
            some = self.all_types == number
            angles[some] = align(patches[some], self.counts[some])
        return self.changed(all_angles=angles)

    def changed(self, **fields: Any) -> Self:
        """Return the same with other fields; what does not depend on them is not computed again."""
        made = replace(self, **fields)
        kept = set() if fields.keys() & {"candidates", "mirror_apart"} else _KEPT & vars(self).keys()
        vars(made).update({name: vars(self)[name] for name in kept})
        return made

    # ---- inside

    @cached_property
    def scan_of_each(self) -> np.ndarray:
        """Index of the scan of each candidate, (candidates,)."""
        return np.repeat(np.arange(len(self.candidates)), [len(one) for one in self.candidates])

    @cached_property
    def _starts(self) -> np.ndarray:
        """Of the candidates of each scan: where they begin among all."""
        return np.concatenate([[0], np.cumsum([len(one) for one in self.candidates])]).astype(int)

    def index_of(self, scan: int, number: int) -> int:
        """Return where a candidate of a scan, numbered from 0, stands among all candidates."""
        return int(self._starts[scan]) + number

    @cached_property
    def _all(self) -> pd.DataFrame:
        """All candidates, with the columns of the table and more."""
        if not self.candidates:
            return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
        found = pd.concat([one.table for one in self.candidates], ignore_index=True)
        return found.assign(scan=self.scan_of_each, type=self.all_types, angle_deg=self.all_angles)

    @cached_property
    def counts(self) -> np.ndarray:
        """Say which candidates are objects, (candidates,) bool."""
        made = [np.zeros(0, bool)]
        for one in self.candidates:
            counts = one.table.score.to_numpy() >= one.table.limit.to_numpy() / self.sensitivity
            made.append(counts & (self.with_disordered | ~one.table.disordered.to_numpy()))
        counts = np.concatenate(made)
        for given, kind in self.given.items():
            counts[self.index_of(*given)] = kind >= 0
        return counts

    @cached_property
    def _patches(self) -> np.ndarray:
        return (
            np.concatenate([one.patches for one in self.candidates])
            if self.candidates
            else np.empty((0, 0, 0))
        )

    @cached_property
    def features(self) -> np.ndarray:
        """Descriptions of all candidates, (candidates, features)."""
        return describe(self._patches, mirror_apart=self.mirror_apart)

    @cached_property
    def _placed(self) -> np.ndarray:
        return self.sorter.place(self.features)

    @cached_property
    def _averages(self) -> list[Callable[[], MeanImage | None]]:
        """For each type, a function that makes its mean image, once."""
        from functools import cache, partial

        return [cache(partial(self._mean, number)) for number in range(1, len(self.names) + 1)]

    def _on_scan(self, scan: int, values: np.ndarray) -> np.ndarray:
        """Lay values on the pixels of a residual over those of its scan; the last ones are repeated."""
        one = self.candidates[scan]
        return repeated(values, one.detection.residual.binning, one.scan.heights.shape)

    def _mean(self, number: int) -> MeanImage | None:
        own = self.table[(self.table.type == number) & ~self.table.border]
        if own.empty:
            own = self.table[self.table.type == number]
        if own.empty:
            return None
        residuals, places, turns = [], [], []
        for scan, rows in own.groupby("scan"):
            residual = self.candidates[scan].detection.residual
            residuals.append(residual)
            places.append((rows[["row", "col"]].to_numpy() + 0.5) / residual.binning - 0.5)
            turns.append(rows.angle_deg.to_numpy())
        return mean_image(residuals, places, turns)
