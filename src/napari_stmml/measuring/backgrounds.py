"""Which classes of a series of label maps are background: the same on all maps of one model."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.text import quoted, shortened

UNLABELLED = ""  # in place of the name of a class
Backgrounds = Mapping[str, tuple[str, ...]]  # names of classes, by the name of the model


@dataclass(frozen=True)
class MapAreas:
    """What the choice of a background needs to know of a label map.

    Parameters
    ----------
    model : str
        Name of the model that made it; empty where it does not say.
    areas : dict of str to float
        Area of each class on it in nm², in px where the scale is not known. What has no label is one of them,
        as ``UNLABELLED``, on maps of no known scan, as of another program, where it is usually the surface.
    marked : tuple of str
        Classes that a person has marked as background.
    names : dict of int to str
        Of all classes that it might show.
    has_objects : bool
        Whether it tells single objects apart: then no class is the surface.
    """

    model: str
    areas: dict[str, float]
    marked: tuple[str, ...]
    names: dict[int, str]
    has_objects: bool


def model_of(labels: LabelMap) -> str:
    """Return the name of the model that made a map; empty where it does not say."""
    return str(labels.scan.get("model") or "")


def name_of(labels: LabelMap, label: int) -> str:
    """Return what a class is called."""
    return labels.names.get(label, f"class {label}") if label else UNLABELLED


def areas_of(labels: LabelMap) -> MapAreas:
    """Return what the choice of a background needs to know of a map.

    Parameters
    ----------
    labels : LabelMap

    Returns
    -------
    MapAreas
    """
    pixel, least = prod(labels.pixel_size or (1.0, 1.0)), 1 if labels.scan else 0
    there, sizes = np.unique(labels.labels[labels.labels >= least], return_counts=True)
    areas = {
        name_of(labels, label): n * pixel for label, n in zip(there.tolist(), sizes.tolist(), strict=True)
    }
    marked = tuple(name_of(labels, label) for label in labels.scan.get(BACKGROUND, []))
    return MapAreas(model_of(labels), areas, marked, dict(labels.names), labels.objects is not None)


def series_backgrounds(maps: Iterable[MapAreas]) -> dict[str, tuple[str, ...]]:
    """Choose the background of all maps of each model: what is marked as such, or the largest class.

    Parameters
    ----------
    maps : iterable of MapAreas

    Returns
    -------
    dict of str to tuple of str
        Names of classes by the name of the model; none where what has no label is the surface.

    Examples
    --------
    >>> one = MapAreas("m", {"a": 2.0, "b": 3.0}, (), {1: "a", 2: "b"}, False)
    >>> series_backgrounds([one, MapAreas("m", {"a": 4.0}, (), {1: "a"}, False)])
    {'m': ('a',)}
    """
    areas: dict[str, Counter[str]] = {}
    marked: dict[str, set[str]] = {}
    for one in maps:
        if not one.has_objects:  # no type of structure is the surface
            areas.setdefault(one.model, Counter()).update(one.areas)
            marked.setdefault(one.model, set()).update(one.marked)
    chosen = {}
    for model, sizes in areas.items():
        largest = max(sizes, key=sizes.__getitem__, default=UNLABELLED)
        chosen[model] = tuple(sorted(marked[model])) or ((largest,) if largest else ())
    return chosen


def names_of_series(maps: Iterable[MapAreas]) -> dict[int, str]:
    """Return all classes of maps that name no model: of another program, a map has only what it shows.

    Parameters
    ----------
    maps : iterable of MapAreas
    """
    return {label: name for one in maps if not one.model for label, name in one.names.items()}


def background_labels(labels: LabelMap, backgrounds: Backgrounds, names: Mapping[int, str]) -> list[int]:
    """Return the labels of a map that are background in its series.

    Parameters
    ----------
    labels : LabelMap
    backgrounds : mapping of str to tuple of str
        Of `series_backgrounds`.
    names : mapping of int to str
        Of all classes of the map.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the map shows no label at all, or has no such class.
    """
    if labels.objects is not None or not (chosen := backgrounds.get(model_of(labels), ())):
        return []
    there = np.unique(labels.labels[labels.labels > 0]).tolist()
    if not there:
        raise ValueError("no pixel has a label: there is nothing to measure")
    known = {label: names.get(label, f"class {label}") for label in {*there, *names}}
    if found := sorted(label for label, name in known.items() if name in chosen):
        return found
    raise ValueError(
        f"it has no class {quoted(chosen[0])}, which has the largest area on all these maps and is"
        " background; measure it apart, or name another with --background"
    )


def named_background(labels: LabelMap, names: Sequence[str]) -> list[int]:
    """Return the labels of the classes that a person names as background.

    Parameters
    ----------
    labels : LabelMap
    names : sequence of str

    Raises
    ------
    ValueError
        If a map has no class of such a name.
    """
    check_names(labels, names, "to be background")
    return sorted({label for label, name in labels.names.items() if name in names})


def check_names(labels: LabelMap, names: Sequence[str], what_for: str) -> None:
    """Refuse names of classes that a map does not have.

    Parameters
    ----------
    labels : LabelMap
    names : sequence of str
    what_for : str
        How the sentence goes on.

    Raises
    ------
    ValueError
        With the names that there are.
    """
    known = labels.names.values()
    if unknown := [name for name in names if name not in known]:
        there = shortened(", ".join(known), 160)
        raise ValueError(f"there is no class {quoted(unknown[0])} {what_for}, only {there}")
