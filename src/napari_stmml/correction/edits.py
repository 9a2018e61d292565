"""Edits of a model: each returns another model and a sentence, one step for `CorrectionSession.edit`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.model import editing
from napari_stmml.model.classifier import SurfaceClassifier

MOST_SPLIT = 60_000  # cells that a class is split by
OF_WINDOWS = "a model of windows always shows its clusters: only recipes that label cells can leave them out"

Edit = tuple[SurfaceClassifier, str]  # the model after it, and what was done


def merge(classifier: SurfaceClassifier, labels: Sequence[int]) -> Edit:
    """Make one class of some; the first keeps its name.

    Parameters
    ----------
    classifier : SurfaceClassifier
    labels : sequence of int
        Two or more.

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If there are fewer than two, or one does not exist or is gone.
    """
    if len(labels) < 2:
        raise ValueError("select two classes or more to merge: Ctrl+click on their rows")
    first, *others = labels
    classes = classifier.classes.merged(others, into=first)
    return _edit(
        classifier, classes, f"merged {_names(classifier, others)} into {_names(classifier, [first])}"
    )


def rename(classifier: SurfaceClassifier, label: int, name: str) -> Edit:
    """Give a class another name.

    Parameters
    ----------
    classifier : SurfaceClassifier
    label : int
    name : str

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If the class does not exist or is gone, or the name is empty or taken.
    """
    classes = classifier.classes.renamed(label, name)
    return _edit(classifier, classes, f"renamed {_names(classifier, [label])} to {name}")


def recolour(classifier: SurfaceClassifier, label: int, colour: str) -> Edit:
    """Give a class another colour, ``#rrggbb``.

    Parameters
    ----------
    classifier : SurfaceClassifier
    label : int
    colour : str

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If the class does not exist or is gone, or the colour is not ``#rrggbb``.
    """
    classes = classifier.classes.recoloured(label, colour)
    return _edit(classifier, classes, f"changed the colour of {_names(classifier, [label])}")


def delete(classifier: SurfaceClassifier, labels: Sequence[int]) -> Edit:
    """Delete classes; what had their labels is unlabelled.

    Parameters
    ----------
    classifier : SurfaceClassifier
    labels : sequence of int

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If no class is given, or one does not exist or is gone.
    """
    classes = classifier.classes
    for label in _some(labels, "delete"):
        classes = classes.deleted(label)
    return _edit(classifier, classes, f"deleted {_names(classifier, labels)}")


def move(classifier: SurfaceClassifier, labels: Sequence[int], by: int) -> Edit:
    """Move a class up or down in the table.

    Parameters
    ----------
    classifier : SurfaceClassifier
    labels : sequence of int
        Exactly one.
    by : int
        Rows of the table, below 0 upwards; beyond the ends it stays at the end.

    Returns
    -------
    SurfaceClassifier
        The model after it; the same one where the class stays in its row.
    str
        What was done; empty where the class stays in its row.

    Raises
    ------
    ValueError
        If not exactly one class is given, or it does not exist or is gone.
    """
    label = _one(labels, "move")
    order = list(classifier.classes.order)
    at = order.index(label)
    to = min(max(at + by, 0), len(order) - 1)
    if to == at:
        return classifier, ""
    order.insert(to, order.pop(at))
    return _edit(classifier, classifier.classes.reordered(order), f"moved {_names(classifier, [label])}")


def background(classifier: SurfaceClassifier, labels: Sequence[int]) -> Edit:
    """Make classes background or, where all of them are, structures again.

    Parameters
    ----------
    classifier : SurfaceClassifier
    labels : sequence of int

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If no class is given, or one does not exist or is gone.
    """
    classes = classifier.classes
    on = not all(classes.entries[label - 1].background for label in _some(labels, "make background"))
    for label in labels:
        classes = classes.as_background(label, on)
    word = "background" if on else "not background any more"
    return _edit(classifier, classes, f"{_names(classifier, labels)}: {word}")


def new_class(classifier: SurfaceClassifier) -> Edit:
    """Add a class that nothing is labelled with yet.

    Parameters
    ----------
    classifier : SurfaceClassifier

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If there are as many classes as a person can paint.
    """
    classes, label = classifier.classes.added()
    return _edit(classifier, classes, f"new class: {classes.names[label - 1]}")


def split(
    classifier: SurfaceClassifier, scans: Sequence[CorrectedScan], labels: Sequence[int], n: int
) -> Edit:
    """Find ``n`` classes within one, by the features of the cells that have it on open scans.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scans : sequence of CorrectedScan
        Those that are open.
    labels : sequence of int
        Exactly one.
    n : int
        2 or more.

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If not exactly one class is given, no scan has features of cells, or too few cells have the class.
    """
    label = _one(labels, "split")
    known = _with_features(scans, "a class can be split only with a recipe that labels cells")
    features = np.concatenate([features[one.labels == label] for one, features in known])
    if len(features) > MOST_SPLIT:
        features = features[np.random.default_rng(0).choice(len(features), MOST_SPLIT, replace=False)]
    return editing.split(classifier, label, n, features), f"split {_names(classifier, [label])} into {n}"


def class_of_cells(
    classifier: SurfaceClassifier, scans: Sequence[CorrectedScan], masks: Sequence[np.ndarray], name: str = ""
) -> Edit:
    """Make a class of selected cells, and of cells with similar features.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scans : sequence of CorrectedScan
    masks : sequence of ndarray of bool, shape (cells,)
        Which cells of each scan.
    name : str
        ``class N`` if empty.
    """
    known = _with_features(scans, "only a recipe that labels cells can make a class of a selection")
    cells = [
        features[mask.reshape(one.labels.shape)] for (one, features), mask in zip(known, masks, strict=True)
    ]
    made, label = editing.carve(classifier, np.concatenate(cells), name or None)
    return made, f"made {made.class_names[label - 1]} of {sum(map(len, cells))} cells"


def learn(classifier: SurfaceClassifier, scans: Sequence[CorrectedScan]) -> Edit:
    """Learn from what is painted on open scans, as it is now; erased strokes are forgotten.

    Where the painted classes are all new, the model shows only them, until a person changes that.

    Raises
    ------
    ValueError
        If nothing is painted, or the recipe takes minutes to learn.
    """
    sentence = (
        f"recipe {classifier.recipe.title} labels windows, which take minutes to learn from: use stmml learn;"
        " here classes can be edited and truth painted"
    )
    made = classifier
    for one, features in _with_features(scans, sentence):
        if one.truth.any() or learnt_from(classifier, one):
            made = made.learn_cells(one.key, one.scan.name, features, one.painted_cells())
    if made is classifier:
        raise ValueError("paint on a scan first: there is nothing to learn from yet")
    if made.shows_only_painted and made.only_painted is None:
        made = replace(made, only_painted=True)
    return made, "learnt from what was painted"


def show_only_mine(classifier: SurfaceClassifier, on: bool) -> Edit:
    """Show only the classes that a person painted or named, or the clusters as well.

    Parameters
    ----------
    classifier : SurfaceClassifier
    on : bool

    Returns
    -------
    SurfaceClassifier
        The model after it; the same one where it does so already.
    str
        What was done; empty where it does so already.

    Raises
    ------
    ValueError
        If the model labels windows, or has fewer than two such classes.
    """
    if on == classifier.shows_only_painted:
        return classifier, ""
    if classifier.encoder.has_pitch:
        raise ValueError(OF_WINDOWS)
    made = replace(classifier, only_painted=on)
    if not on:
        return made, "the clusters are shown again"
    if not made.shows_only_painted:
        raise ValueError(
            "paint two classes or more and click Refine, or name clusters in the table;"
            " then tick Only my classes"
        )
    return made, f"only your {len(made.own_labels)} classes are shown"


def set_least_sure(classifier: SurfaceClassifier, least: float) -> Edit:
    """Give cells of less confidence no class, where only the classes of a person are shown.

    Parameters
    ----------
    classifier : SurfaceClassifier
    least : float
        0 to 1.

    Returns
    -------
    SurfaceClassifier
        The model after it; the same one where it does so already.
    str
        What was done; empty where it does so already.

    Raises
    ------
    ValueError
        If it is not from 0 to 1.
    """
    if least == classifier.least_sure:
        return classifier, ""
    return replace(classifier, least_sure=least), f"cells of a confidence below {least:g} are of no class"


def forget(classifier: SurfaceClassifier, one: CorrectedScan | None) -> Edit:
    """Remove the examples of a scan from the model; the strokes themselves stay.

    Parameters
    ----------
    classifier : SurfaceClassifier
    one : CorrectedScan or None
        None where no scan is open.

    Returns
    -------
    SurfaceClassifier
        The model after it.
    str
        What was done.

    Raises
    ------
    ValueError
        If there is no scan, or the model has no examples of it.
    """
    if one is None or not learnt_from(classifier, one):
        raise ValueError("the model has learnt nothing from this scan")
    return classifier.forget(one.key), f"removed the examples of {one.name}"


def learnt_from(classifier: SurfaceClassifier, one: CorrectedScan) -> bool:
    """Say whether a model has examples of a scan."""
    return classifier.examples is not None and one.key in classifier.examples.keys


def _edit(classifier: SurfaceClassifier, classes: Classes, what: str) -> Edit:
    return replace(classifier, classes=classes), what


def _names(classifier: SurfaceClassifier, labels: Sequence[int]) -> str:
    return ", ".join(classifier.classes.names[label - 1] for label in labels)


def _some(labels: Sequence[int], what: str) -> Sequence[int]:
    if not labels:
        raise ValueError(f"select the classes to {what}")
    return labels


def _one(labels: Sequence[int], what: str) -> int:
    if len(labels) != 1:
        raise ValueError(f"select one class to {what}")
    return labels[0]


def _with_features(scans: Sequence[CorrectedScan], sentence: str) -> list[tuple[CorrectedScan, np.ndarray]]:
    """Return the scans with their features; a sentence says why there are none."""
    found = [(one, one.features) for one in scans if one.features is not None]
    if scans and not found:
        raise ValueError(sentence)
    return found
