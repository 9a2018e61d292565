"""Read what was painted on a scan in the labels of a model, and lay it over what the model predicts."""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.scan import Scan
from napari_stmml.truth.painted_labels import completed, overlay, translated
from napari_stmml.truth.truth_file import TruthFile


@dataclass(frozen=True, eq=False)
class PaintedTruth:
    """What was painted on a scan, (rows, cols) uint8, in the labels of a model, and when it was saved."""

    labels: np.ndarray = field(repr=False)
    classes: Classes
    saved: str


def read_truth(file: TruthFile, classes: Classes, model: str) -> PaintedTruth | None:
    """Read what was painted on a scan, in the labels of a model.

    A truth that was painted with the same model has its labels. Labels of another model are translated by
    the names of their classes; classes that this model lacks are added.

    Parameters
    ----------
    file : TruthFile
    classes : Classes
        Of the model.
    model : str
        Its ``lineage``.

    Returns
    -------
    PaintedTruth or None
        None where nothing was painted.

    Raises
    ------
    ValueError
        If there would be too many classes.
    """
    found = file.load()
    if found is None:
        return None
    if file.model == model:
        labels, known = found.labels, completed(found.labels, found.names, found.colours, classes)
    else:
        labels, known = translated(found.labels, found.names, found.colours, classes)
        file.translated(labels)
    return PaintedTruth(labels, known, file.saved)


@dataclass(frozen=True, eq=False)
class CorrectedMap:
    """A prediction with what a person painted laid over it.

    Parameters
    ----------
    labels : ndarray, shape (rows, cols)
    classes : Classes
        With those that were painted and that the model does not have.
    painted : int
        Pixels that a person painted.
    problem : str
        Why something that a person may have painted is not in it; empty where all is.
    """

    labels: np.ndarray = field(repr=False)
    classes: Classes
    painted: int = 0
    problem: str = ""


def with_truth(labels: np.ndarray, scan: Scan, classes: Classes, model: str) -> CorrectedMap:
    """Lay what was painted on a scan, if anything was, over a prediction.

    Parameters
    ----------
    labels : ndarray, shape (rows, cols)
        The prediction.
    scan : Scan
    classes : Classes
        Of the model.
    model : str
        Its ``lineage``.

    Returns
    -------
    CorrectedMap
    """
    file = TruthFile(scan)
    try:
        found = read_truth(file, classes, model)
    except ValueError as error:  # more classes than there can be
        return CorrectedMap(labels, classes, problem=f"What was painted is not shown: {error}")
    if found is None:
        return CorrectedMap(labels, classes, problem=file.problem)
    truth = found.classes.lookup[found.labels]
    wide = np.result_type(labels.dtype, np.uint8 if found.classes.n < 256 else np.uint16)
    return CorrectedMap(
        overlay(labels.astype(wide), truth), found.classes, int((truth > 0).sum()), file.problem
    )
