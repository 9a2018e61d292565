"""Corrections of structures as they stand in a file: by places on a scan and names of types."""

from collections.abc import Sequence

from napari_stmml.classes import is_numbered
from napari_stmml.structures.names import NO_OBJECT, UNLIKE
from napari_stmml.structures.structures import Structures
from napari_stmml.truth.structure_corrections import CorrectedObject


def said_of(found: Structures, scan: int) -> tuple[CorrectedObject, ...]:
    """Return what a person said of the objects of a scan.

    Parameters
    ----------
    found : Structures
    scan : int

    Returns
    -------
    tuple of CorrectedObject
    """
    table, made = found.candidates[scan].table, []
    for (own, number), kind in sorted(found.given.items()):
        if own == scan:
            said = NO_OBJECT if kind < 0 else UNLIKE if kind == 0 else found.names[kind - 1]
            row, col = table.loc[number, ["row", "col"]]
            made.append(CorrectedObject(float(row), float(col), said))
    return tuple(made)


def corrected(
    found: Structures, scan: int, objects: Sequence[CorrectedObject], *, same_model: bool
) -> Structures:
    """Return structures with what a person said before; types that they lack are added.

    Parameters
    ----------
    found : Structures
    scan : int
    objects : sequence of CorrectedObject
    same_model : bool
        Whether the names are those of the same model; otherwise names that nobody gave say only that
        there is an object.

    Returns
    -------
    Structures
    """
    names = list(found.names)
    said = [(one.row, one.col, _number(names, one.said, same_model=same_model)) for one in objects]
    return found.said_before(scan, said, tuple(names))


def _number(names: list[str], said: str, *, same_model: bool) -> int | None:
    """Return the number of the type of a name, which is added if it is new; None where it says nothing."""
    if said in (UNLIKE, NO_OBJECT):
        return 0 if said == UNLIKE else -1
    if not same_model and is_numbered(said):
        return None
    if said not in names:
        names.append(said)
    return names.index(said) + 1
