"""Labels that a person painted: laid over predictions, brought to the classes of another model, merged."""

from collections.abc import Mapping

import numpy as np

from napari_stmml.classes import MOST, Classes
from napari_stmml.text import quoted


def overlay(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Lay a truth over a prediction: the truth wins where it is not 0.

    Parameters
    ----------
    prediction, truth : ndarray, shape (rows, cols)

    Returns
    -------
    ndarray, of the shape and type of ``prediction``

    Raises
    ------
    ValueError
        If they differ in shape.

    Examples
    --------
    >>> overlay(np.array([[1, 1, 2]]), np.array([[0, 3, 0]]))
    array([[1, 3, 2]])
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"a truth of shape {truth.shape} does not fit a prediction of {prediction.shape}")
    return np.where(truth > 0, truth, prediction).astype(prediction.dtype)


def translated(
    labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], classes: Classes
) -> tuple[np.ndarray, Classes]:
    """Bring a truth that was painted with another model to the labels of this one, by the names of classes.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, cols)
    names, colours : mapping of int to str
        Of the labels that were painted.
    classes : Classes
        Of this model.

    Returns
    -------
    labels : ndarray of uint8, shape (rows, cols)
    classes : Classes
        With the painted classes that this model did not have.

    Raises
    ------
    ValueError
        If there would be more than 255 classes.
    """
    own = {label: classes.entries[label - 1].name for label in classes.order}
    labels, added = by_names(labels, names, own, first=classes.n + 1)
    for old in added.values():
        classes = _with_class(classes, name_of(old, names), colours.get(old))
    return labels, classes


def completed(
    labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], classes: Classes
) -> Classes:
    """Return classes so that every label of a truth of the same model, (rows, cols), has one.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, cols)
    names, colours : mapping of int to str
        Of the labels that were painted.
    classes : Classes
        Of the model.

    Returns
    -------
    Classes
        With new ones behind those there were, where labels go beyond them.
    """
    while classes.n < int(labels.max()):
        label = classes.n + 1
        classes = _with_class(classes, classes.free_name(name_of(label, names)), colours.get(label))
    return classes


def by_names(
    labels: np.ndarray, names: Mapping[int, str], own: Mapping[int, str], first: int = 0
) -> tuple[np.ndarray, dict[int, int]]:
    """Bring labels to the numbers that their names have in another model.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, cols)
    names : mapping of int to str
        Of these labels.
    own : mapping of int to str
        Of the other model's labels.
    first : int
        Number of the first name that the other model lacks; by default that beyond all of its labels.

    Returns
    -------
    labels : ndarray of uint8, shape (rows, cols)
    added : dict of int to int
        New numbers for names that the other model lacks, each with the label it had.

    Raises
    ------
    ValueError
        If there would be more than 255.

    Examples
    --------
    >>> by_names(np.array([[1, 2, 3]], np.uint8), {1: "a", 2: "b", 3: "c"}, {1: "b", 2: "a"})
    (array([[2, 1, 3]], dtype=uint8), {3: 3})
    """
    numbers = {name: label for label, name in sorted(own.items(), reverse=True)}  # the first of each name
    new = first or max(own, default=0) + 1
    table, added = np.zeros(MOST + 1, np.uint8), {}
    for label in np.unique(labels[labels > 0]).tolist():
        name = name_of(label, names)
        if name not in numbers:
            if new > MOST:
                raise ValueError(f"there can be {MOST} classes in all, {quoted(name)} would be one too many")
            numbers[name], added[new], new = new, label, new + 1
        table[label] = numbers[name]
    return table[labels], added


def name_of(label: int, names: Mapping[int, str]) -> str:
    """Return the name of a label, ``class N`` where none is known."""
    return names.get(label, f"class {label}")


def merge(base: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, int]:
    """Join what two windows painted since they had the same truth.

    Parameters
    ----------
    base, ours, theirs : ndarray, shape (rows, cols)

    Returns
    -------
    labels : ndarray, shape (rows, cols)
        Pixels that we changed as ours, all others as theirs.
    disagreed : int
        Pixels that both changed, differently.

    Examples
    --------
    >>> merge(np.array([[1, 1, 1]]), np.array([[2, 1, 3]]), np.array([[1, 4, 5]]))
    (array([[2, 4, 3]]), 1)
    """
    changed = ours != base
    both = changed & (theirs != base) & (ours != theirs)
    return np.where(changed, ours, theirs).astype(ours.dtype), int(both.sum())


def _with_class(classes: Classes, name: str, colour: str | None) -> Classes:
    """Add a class in its colour, unless another class has that already."""
    taken = {classes.entries[label - 1].colour for label in classes.order}
    return classes.added(name, None if colour in taken else colour)[0]
