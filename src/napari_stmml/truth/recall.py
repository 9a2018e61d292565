"""What was painted on a scan, in the labels of a model, and laid over what the model predicts."""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.scan import Scan
from napari_stmml.truth.truth import completed, over, translated
from napari_stmml.truth.truth_file import TruthFile, about_truth


@dataclass(frozen=True, eq=False)
class Recalled:
    """What was painted on a scan, (rows, cols) uint8, in the labels of a model, and when it was saved."""

    labels: np.ndarray = field(repr=False)
    classes: Classes
    saved: str


def recall(file: TruthFile, classes: Classes, model: str) -> Recalled | None:
    """Read what was painted on a scan, for a model of these classes and this lineage.

    A truth painted with the same model has its labels; of another, classes go by their names, and those that
    this model lacks are added. None where nothing was painted.

    Raises
    ------
    ValueError
        If there would be too many classes.
    """
    found = file.load()
    if found is None:
        return None
    about = about_truth(found)
    if about.get("model") == model:
        labels, known = found.labels, completed(found.labels, found.names, found.colours, classes)
    else:
        labels, known = translated(found.labels, found.names, found.colours, classes)
        file.took(labels)
    return Recalled(labels, known, str(about.get("saved", ""))[:16].replace("T", " "))


@dataclass(frozen=True, eq=False)
class Shown:
    """A prediction with what a person painted over it.

    Parameters
    ----------
    labels : ndarray, shape (rows, cols)
        As shown.
    classes : Classes
        With those that were painted and that the model does not have.
    painted : int
        px that a person painted.
    problem : str
        Why something that a person may have painted is not in it; empty where nothing is amiss.
    """

    labels: np.ndarray = field(repr=False)
    classes: Classes
    painted: int = 0
    problem: str = ""


def with_painted(labels: np.ndarray, scan: Scan, classes: Classes, model: str) -> Shown:
    """Lay what was painted on a scan, if anything was, over what a model predicts, (rows, cols)."""
    file = TruthFile(scan)
    try:
        found = recall(file, classes, model)
    except ValueError as error:  # more classes than there can be
        return Shown(labels, classes, problem=f"What was painted is not shown: {error}")
    if found is None:
        return Shown(labels, classes, problem=file.problem)
    truth = found.classes.lookup[found.labels]
    most = np.result_type(labels.dtype, np.uint8 if found.classes.n < 256 else np.uint16)
    shown = over(labels.astype(most), truth)
    return Shown(shown, found.classes, int((truth > 0).sum()), file.problem)
