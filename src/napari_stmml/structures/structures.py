"""Structures: objects found on scans, which a person can correct and name; and the search for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.structures import editing
from napari_stmml.structures.candidates import candidates_of
from napari_stmml.structures.detect import detect
from napari_stmml.structures.found_objects import FoundObjects, StructureType
from napari_stmml.structures.sorting import NO_TYPES, sort_new
from napari_stmml.structures.structures_file import read_types, write_types

__all__ = ["StructureType", "Structures", "find_structures"]


@dataclass(frozen=True, eq=False)
class Structures(FoundObjects):
    """Objects found on scans, and what tells their types apart. It never changes: methods return others.

    ``table``, ``types``, ``densities`` and ``labels(scan)`` say what there is (see `FoundObjects`).
    """

    def renamed(self, number: int, name: str) -> "Structures":
        """Return the same with another name for a type.

        Raises
        ------
        ValueError
            If there is no such type, or the name is empty or taken.
        """
        return editing.renamed(self, number, name)

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
        return editing.learnt(self, corrections)

    def merged(self, number: int, into: int) -> "Structures":
        """Return the structures with all objects of a type in another one.

        Raises
        ------
        ValueError
            If there are no two such types.
        """
        return editing.merged(self, number, into)

    def split(self, number: int) -> "Structures":
        """Return the structures with a type divided in two; the more frequent part keeps its number.

        Raises
        ------
        ValueError
            If there is no such type, or it has fewer than two objects.
        """
        return editing.split(self, number)

    def with_object(self, scan: int, row: float, col: float, number: int | None = None) -> "Structures":
        """Return the structures with an object where a person sees one.

        Parameters
        ----------
        scan : int
        row, col : float
            Px of the scan's own grid.
        number : int, optional
            Its type; without, the one that it is like.

        Returns
        -------
        Structures

        Raises
        ------
        ValueError
            If the place is not on the scan, or there is no such type.
        """
        return editing.with_object(self, scan, row, col, number)

    def said_before(
        self, scan: int, said: Sequence[tuple[float, float, int | None]], names: tuple[str, ...]
    ) -> "Structures":
        """Return the structures with what a person said before of the objects of a scan.

        Parameters
        ----------
        scan : int
        said : sequence of (float, float, int or None)
            Row and column in px of the scan, and the type; -1 = no object; None = an object of the type that
            it is like.
        names : tuple of str
            Of all types: those that there are and more.

        Returns
        -------
        Structures
        """
        return editing.said_before(self, scan, said, names)

    def retyped(self, seed: int = 0) -> "Structures":
        """Return the same objects with types found anew over all scans.

        What a person said of types is forgotten; objects that were added or taken away stay so.

        Parameters
        ----------
        seed : int

        Returns
        -------
        Structures
        """
        found, sorter = sort_new(self.features[self.counts], seed)
        types = sorter.sort(self.features)
        types[self.counts] = found
        given = {
            one: int(types[self.index_of(*one)]) if kind >= 0 else -1 for one, kind in self.given.items()
        }
        names = tuple(f"type {number}" for number in range(1, int(found.max(initial=0)) + 1))
        return self.changed(sorter=sorter, names=names, given=given, all_types=types, base=None).turned()

    def sorted_like(self, known: "Structures") -> "Structures":
        """Return the same objects sorted into the types of other structures.

        Parameters
        ----------
        known : Structures

        Returns
        -------
        Structures
        """
        base, last = known.sorter, len(known.names)
        made = self.changed(sorter=base, names=known.names, mirror_apart=known.mirror_apart, base=base)
        types = base.sort(made.features)
        for one, kind in self.given.items():
            if 0 <= kind <= last:
                types[self.index_of(*one)] = kind
        given = {one: min(kind, int(types[self.index_of(*one)])) for one, kind in self.given.items()}
        return made.changed(all_types=types, given=given).turned()

    def after(self, earlier: "Structures") -> "Structures":
        """Return these structures behind the scans of others, which had their types before.

        Parameters
        ----------
        earlier : Structures
            ``like`` which these were found; types may have been added since.

        Returns
        -------
        Structures
        """
        own = len(earlier.candidates)
        moved = {(scan + own, number): kind for (scan, number), kind in self.given.items()}
        return self.changed(
            given={**earlier.given, **moved},
            candidates=earlier.candidates + self.candidates,
            all_types=np.concatenate([earlier.all_types, self.all_types]),
            all_angles=np.concatenate([earlier.all_angles, self.all_angles]),
            base=earlier.base,
        ).turned()

    def without_scan(self, scan: int) -> "Structures":
        """Return the structures without one scan; the types stay as they are."""
        keep = self.scan_of_each != scan
        given = {
            (one - (one > scan), number): kind for (one, number), kind in self.given.items() if one != scan
        }
        return self.changed(
            given=given,
            candidates=self.candidates[:scan] + self.candidates[scan + 1 :],
            all_types=self.all_types[keep],
            all_angles=self.all_angles[keep],
        )

    # ---- files

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
        return cls(sorter, names, mirror_apart)


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
    on = tuple(candidates_of(scan, detect(scan, false_per_1000_nm2)) for scan in scans)
    none = np.zeros(sum(map(len, on)), int)
    found = Structures(
        NO_TYPES, (), mirror_apart, sensitivity, with_disordered, candidates=on, all_types=none
    )
    if known is not None:
        return found.sorted_like(known)
    found = found.retyped(seed)
    return editing.as_one_type(found) if types == 1 else found
