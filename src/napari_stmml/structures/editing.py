"""Corrections of structures: each function returns other structures, in which what a person said stays."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from napari_stmml.structures.corrections import sort_again
from napari_stmml.structures.found_objects import FoundObjects, Given
from napari_stmml.structures.names import NO_OBJECT, UNLIKE
from napari_stmml.structures.sorting import Sorter, two_means

Found = TypeVar("Found", bound=FoundObjects)

MOST_TYPES = 255
_SAME = 1e-6  # distance of descriptions of one and the same object


def renamed(found: Found, number: int, name: str) -> Found:
    """Give a type another name; see `Structures.renamed`."""
    name = name.strip()
    _check_type(found, number)
    if name in ("", UNLIKE, NO_OBJECT, *found.names[: number - 1], *found.names[number:]):
        raise ValueError(f"the name {name!r} of a type is empty or taken")
    return found.changed(names=(*found.names[: number - 1], name, *found.names[number:]))


def learnt(found: Found, corrections: Mapping[int, int]) -> Found:
    """Learn from corrections; see `Structures.learn`."""
    rows = np.flatnonzero(found.counts)
    if wrong := [row for row in corrections if not 0 <= row < len(rows)]:
        raise ValueError(f"there is no object {wrong[0]}, rows of the table are 0 to {len(rows) - 1}")
    given = {}
    for row, kind in corrections.items():
        scan = int(found.scan_of_each[rows[row]])
        given[scan, int(rows[row]) - found.index_of(scan, 0)] = int(kind)
    return _taught(found, given, _names_after(found, corrections.values()))


def said_before(
    found: Found, scan: int, said: Sequence[tuple[float, float, int | None]], names: tuple[str, ...]
) -> Found:
    """Take up again what a person said of the objects of a scan.

    Parameters
    ----------
    found : FoundObjects
    scan : int
    said : sequence of (float, float, int or None)
        Row and column in px of the scan, and the type; -1 = no object; None = an object of the type that it
        is like.
    names : tuple of str
        Of all types: those of ``found`` and more.

    Returns
    -------
    FoundObjects
        Where nothing was found at a place, there is an object now.
    """
    one = found.candidates[scan]
    said = [(row, col, kind) for row, col, kind in said if kind != -1 or one.at(row, col) is not None]
    new = [(row, col) for row, col, _ in said if one.at(row, col) is None]
    found = _with_candidates(found, scan, new) if new else found
    added, given = iter(range(len(one), len(one) + len(new))), {}
    for row, col, kind in said:
        known = one.at(row, col)
        number = next(added) if known is None else known
        given[scan, number] = int(found.all_types[found.index_of(scan, number)]) if kind is None else kind
    return _taught(found, given, names)


def _taught(found: Found, given: Mapping[Given, int], names: tuple[str, ...]) -> Found:
    """Give candidates types, or say that they are no objects, and sort the others again."""
    after = found.changed(given={**found.given, **given}, names=names)
    rows = np.flatnonzero(found.counts | after.counts)
    places = {int(index): row for row, index in enumerate(rows)}
    indices = {one: found.index_of(*one) for one, kind in after.given.items() if kind >= 0 or one in given}
    said = {places[at]: after.given[one] for one, at in indices.items() if at in places}
    types, sorter = sort_again(found.features[rows], found.all_types[rows], found.sorter, said)
    sorter = _with_examples_of(sorter, found.base)
    everything = found.all_types.copy()
    everything[rows[types >= 0]] = types[types >= 0]
    if len(rest := np.flatnonzero(~after.counts)):
        everything[rest] = sorter.sort(found.features[rest])
    return after.changed(sorter=sorter, all_types=everything).turned()


def merged(found: Found, number: int, into: int) -> Found:
    """Put all objects of a type into another one; see `Structures.merged`."""
    _check_type(found, number)
    _check_type(found, into)
    if number == into:
        raise ValueError("two types are needed to merge")
    names = (*found.names[: number - 1], "", *found.names[number:])
    return _relabelled(found, {number: into}, names)


def split(found: Found, number: int) -> Found:
    """Divide a type in two by k-means of the descriptions; see `Structures.split`."""
    _check_type(found, number)
    new = len(found.names) + 1
    members = found.sorter.place(found.features[found.counts & (found.all_types == number)])
    if len(members) < 2:
        raise ValueError(f"{found.names[number - 1]}: two objects or more are needed to split a type")
    if new > MOST_TYPES:
        raise ValueError(f"there can be {MOST_TYPES} types at most")
    means = two_means(members)

    def after(types: np.ndarray, placed: np.ndarray) -> np.ndarray:
        to_first, to_second = (np.linalg.norm(placed - mean, axis=1) for mean in means)
        return np.where((types == number) & (to_second < to_first), new, types)

    def of_sorter(one: Sorter) -> Sorter:
        return replace(one, types=after(one.types, one.examples))

    types = after(found.all_types, found.sorter.place(found.features))
    given = {
        one: int(types[found.index_of(*one)]) if kind == number else kind for one, kind in found.given.items()
    }
    base = of_sorter(found.base) if found.base else None
    return found.changed(
        sorter=of_sorter(found.sorter), base=base, names=(*found.names, f"type {new}"), given=given,
        all_types=types,
    ).turned()  # fmt: skip


def with_object(found: Found, scan: int, row: float, col: float, number: int | None) -> Found:
    """Add an object; see `Structures.with_object`."""
    if number is not None:
        _check_type(found, number)
    one = found.candidates[scan]
    known = one.at(row, col)
    if known is not None and found.counts[found.index_of(scan, known)]:
        raise ValueError(f"{one.scan.name}: there is an object at row {row:.0f}, column {col:.0f} already")
    if known is None:
        known, found = len(one), _with_candidates(found, scan, [(row, col)])
    kind = int(found.all_types[found.index_of(scan, known)]) if number is None else number
    return _taught(found, {(scan, known): kind}, found.names)


def _with_candidates(found: Found, scan: int, places: Sequence[tuple[float, float]]) -> Found:
    one = found.candidates[scan].with_objects_at(places)
    on = (*found.candidates[:scan], one, *found.candidates[scan + 1 :])
    first = found.index_of(scan, len(found.candidates[scan]))
    types = np.insert(found.all_types, first, np.zeros(len(places), int))
    made = found.changed(candidates=on, all_types=types)
    new = slice(first, first + len(places))
    types[new] = made.sorter.sort(made.features[new])
    return made.turned()


def as_one_type(found: Found) -> Found:
    """Make one type of all objects, also of those unlike any other."""
    return _relabelled(found, dict.fromkeys(range(len(found.names) + 1), 1), ("type 1",))


def _relabelled(found: Found, to: Mapping[int, int], names: tuple[str, ...]) -> Found:
    """Give types other numbers, wherever they stand."""
    table = np.array([to.get(number, number) for number in range(len(found.names) + 1)])

    def of_sorter(one: Sorter) -> Sorter:
        return replace(one, types=table[one.types])

    given = {one: to.get(kind, kind) for one, kind in found.given.items()}
    base = of_sorter(found.base) if found.base else None
    return found.changed(
        sorter=of_sorter(found.sorter), base=base, names=names, given=given, all_types=table[found.all_types]
    ).turned()


def _check_type(found: FoundObjects, number: int) -> None:
    if not 1 <= number <= len(found.names) or not found.names[number - 1]:
        raise ValueError(f"there is no type {number}, types are 1 to {len(found.names)}")


def _names_after(found: FoundObjects, kinds: Collection[int]) -> tuple[str, ...]:
    """Check types that a person gives; return the names of types with those that are new."""
    last = len(found.names)
    for kind in kinds:
        if kind < -1:
            raise ValueError(f"a type is -1 (no object), 0 (unlike any other) or a number from 1, got {kind}")
        if 0 < kind <= last:
            _check_type(found, kind)
    new = sorted({kind for kind in kinds if kind > last})
    if new != list(range(last + 1, last + 1 + len(new))):
        raise ValueError(f"new types are numbered from {last + 1} on, got {', '.join(map(str, new))}")
    if last + len(new) > MOST_TYPES:
        raise ValueError(f"there can be {MOST_TYPES} types at most")
    return (*found.names, *(f"type {number}" for number in new))


def _with_examples_of(sorter: Sorter, base: Sorter | None) -> Sorter:
    """Add the examples of a model that are not objects of the open scans themselves."""
    from scipy.spatial import KDTree

    if base is None or not len(base.examples):
        return sorter
    keep = np.ones(len(base.examples), bool)
    if len(sorter.examples):
        far, nearest = KDTree(sorter.examples).query(base.examples)
        keep = (far > _SAME) | (sorter.weights[nearest] < base.weights)
    return replace(
        sorter,
        examples=np.concatenate([sorter.examples, base.examples[keep]]),
        types=np.concatenate([sorter.types, base.types[keep]]),
        weights=np.concatenate([sorter.weights, base.weights[keep]]),
    )
