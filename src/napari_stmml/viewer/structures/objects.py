"""Which object is meant: by a place on a scan, or from one state of the structures to the next; no Qt."""

from collections.abc import Iterable, Sequence

import numpy as np

from napari_stmml.colours import type_colour
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.text import counted, number

_NEAR_NM = 0.7  # so near to its centre, a click means an object, even beside its outline

Identity = tuple[ScanKey, int]  # scan, and number of a candidate on it


def identities(found: Structures, keys: Sequence[ScanKey], rows: Iterable[int]) -> list[Identity]:
    """Return what objects are known by while types, sensitivity and open scans change.

    Parameters
    ----------
    found : Structures
    keys : sequence of ScanKey
        Of its scans.
    rows : iterable of int
        Of its table.

    Returns
    -------
    list of (ScanKey, int)
    """
    of = np.flatnonzero(found.counts)[list(rows)]
    scans = found.scan_of_each[of]
    return [
        (keys[scan], int(one) - found.index_of(scan, 0))
        for scan, one in zip(scans.tolist(), of.tolist(), strict=True)
    ]


def rows_of(found: Structures, keys: Sequence[ScanKey], objects: Iterable[Identity]) -> list[int]:
    """Return the rows of the table that objects have now; those that do not count are left out.

    Parameters
    ----------
    found : Structures
    keys : sequence of ScanKey
        Of its scans.
    objects : iterable of (ScanKey, int)

    Returns
    -------
    list of int
    """
    place = {key: scan for scan, key in enumerate(keys)}
    rows = np.cumsum(found.counts) - 1
    numbers = [
        found.index_of(place[key], one)
        for key, one in objects
        if key in place and one < len(found.candidates[place[key]])
    ]
    return [int(rows[one]) for one in numbers if found.counts[one]]


def row_at(found: Structures, scan: int, row: float, col: float) -> int | None:
    """Return which object lies at a place of a scan.

    Parameters
    ----------
    found : Structures
    scan : int
    row, col : float
        Px of the scan.

    Returns
    -------
    int or None
        Row of the table.
    """
    own = found.table[found.table.scan == scan]
    labels, at = found.labels(scan), (round(row), round(col))
    if own.empty or not all(0 <= one < size for one, size in zip(at, labels.shape, strict=True)):
        return None
    if labels[at]:
        return int(own.index[labels[at] - 1])
    size = found.scans[scan].pixel_size or (1.0, 1.0)
    apart = np.hypot((own.row - row) * size[0], (own.col - col) * size[1])
    return int(apart.idxmin()) if apart.min() <= _NEAR_NM else None


def edges(labels: np.ndarray) -> np.ndarray:
    """Return labels at the rim of their areas alone, one pixel wide, and 0 inside.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)

    Examples
    --------
    >>> edges(np.ones((3, 3), int)[:, [0, 1, 2]] * [[0, 5, 5]]).tolist()
    [[0, 5, 0], [0, 5, 0], [0, 5, 0]]
    """
    rim = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    for side, differs in ((rim[1:], down), (rim[:-1], down), (rim[:, 1:], right), (rim[:, :-1], right)):
        side |= differs
    return np.where(rim, labels, 0)


def colours_of(found: Structures, scan: int, hidden: Iterable[int]) -> list[str]:
    """Return the colour of each object of a scan, transparent where its type is hidden."""
    shown = {of: type_colour(of) for of in range(len(found.names) + 1)} | dict.fromkeys(hidden, "transparent")
    return [shown[of] for of in found.table.type[found.table.scan == scan].tolist()]


def name_of(found: Structures, kind: int) -> str:
    """Return the name of a type, or of 0."""
    return found.names[kind - 1] if kind else UNLIKE


def left_out(found: Structures) -> str:
    """Say where objects were looked for, and what was left out.

    Parameters
    ----------
    found : Structures

    Returns
    -------
    str
        Sentences.
    """
    area, steps, disordered = (sum(part) for part in zip(*found.areas, strict=True))
    parts = [f"{number(steps, 2)} nm² at steps" if steps else ""]
    parts += [f"{number(disordered, 2)} nm² disordered" if disordered else ""]
    out = ", ".join(part for part in parts if part)
    border = int(found.table.border.sum())
    at_border = f" {counted(border, 'object')} may be cut off by the border." if border else ""
    return f"Searched {number(area)} nm²; left out: {out or 'nothing'}.{at_border}"


def by_scan(found: Structures, rows: Iterable[int]) -> str:
    """Say how many objects there are, and on several scans, how many on each."""
    of = found.table.scan.to_numpy()[list(rows)]
    total = counted(len(of), "object")
    if len(found.scans) < 2:
        return total
    counts = np.bincount(of, minlength=len(found.scans)).tolist()
    each = ", ".join(f"{n} on {scan.short_name}" for n, scan in zip(counts, found.scans, strict=True) if n)
    return f"{total} ({each})" if each else total
