"""Labels that a person painted on a scan: laid over predictions, translated between models, merged."""

from collections.abc import Mapping

import numpy as np

from napari_stmml.classes import MOST, Classes


def over(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Lay what a person painted, (rows, cols), over a prediction: it wins where it is not 0.

    Raises
    ------
    ValueError
        If they differ in shape.

    Examples
    --------
    >>> over(np.array([[1, 1, 2]]), np.array([[0, 3, 0]]))
    array([[1, 3, 2]])
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"a truth of shape {truth.shape} does not fit a prediction of {prediction.shape}")
    return np.where(truth > 0, truth, prediction).astype(prediction.dtype)


def translated(
    labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], classes: Classes
) -> tuple[np.ndarray, Classes]:
    """Bring a truth that was painted with another model to the labels of this one: classes go by their names.

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
        With those new to it.
    """
    table = np.zeros(256, np.uint8)
    for label in np.unique(labels[labels > 0]).tolist():
        name = names.get(label, f"class {label}")
        own = [known for known in classes.order if classes.entries[known - 1].name == name]
        if own:
            table[label] = own[0]
        else:
            classes, table[label] = _born(classes, name, colours.get(label))
    return table[labels], classes


def completed(
    labels: np.ndarray, names: Mapping[int, str], colours: Mapping[int, str], classes: Classes
) -> Classes:
    """Return classes with those that were painted, (rows, cols), by the same numbers, and that they lack."""
    while classes.n < int(labels.max()):
        label = classes.n + 1
        name = classes.free_name(names.get(label, f"class {label}"))
        classes, _ = _born(classes, name, colours.get(label))
    return classes


def _born(classes: Classes, name: str, colour: str | None) -> tuple[Classes, int]:
    """Add a class in its colour, if none has that yet."""
    taken = {classes.entries[known - 1].colour for known in classes.order}
    return classes.added(name, None if colour in taken else colour)


def by_names(
    labels: np.ndarray, names: Mapping[int, str], own: Mapping[int, str]
) -> tuple[np.ndarray, dict[int, int]]:
    """Bring labels, (rows, cols) uint8, to the numbers that their names have in another model.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, cols)
    names : mapping of int to str
        Of these labels.
    own : mapping of int to str
        Of the other model's labels.

    Returns
    -------
    labels : ndarray of uint8, shape (rows, cols)
    born : dict of int to int
        Numbers beyond all of the other model, for names that it lacks, and what they were.

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
    table, born, most = np.zeros(256, np.uint8), {}, max(own, default=0)
    for label in np.unique(labels[labels > 0]).tolist():
        name = names.get(label, f"class {label}")
        if name not in numbers:
            most += 1
            if most > MOST:
                raise ValueError(f"there can be {MOST} classes in all, {name!r} would be one too many")
            numbers[name], born[most] = most, label
        table[label] = numbers[name]
    return table[labels], born


def merge(base: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, int]:
    """Join what two windows painted since they had the same truth, all (rows, cols).

    Returns
    -------
    labels : ndarray
        What we changed as ours, all else as theirs.
    disagreed : int
        px that both changed, differently.

    Examples
    --------
    >>> merge(np.array([[1, 1, 1]]), np.array([[2, 1, 3]]), np.array([[1, 4, 5]]))
    (array([[2, 4, 3]]), 1)
    """
    changed = ours != base
    both = changed & (theirs != base) & (ours != theirs)
    return np.where(changed, ours, theirs).astype(ours.dtype), int(both.sum())
