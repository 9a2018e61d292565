"""Areas of a map that are worth a look: those whose label is least certain, or unlike any example."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_stmml.events import UncertainArea
from napari_stmml.features.store import encode_scan
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.model.painted_cells import painted_cells_of
from napari_stmml.scan import Scan
from napari_stmml.truth.overlay import read_truth
from napari_stmml.truth.truth_file import TruthFile

ACROSS = 12  # cells: areas are at least so far apart, and what is shown of one is twice as wide
UNCERTAIN = 0.2  # confidence, below which a label is uncertain
_AGAIN = 0.8  # of an area's weight is left for each one before it that is between the same two classes


@dataclass(frozen=True, eq=False)
class CellAnswers:
    """What a model answers on the cells of a scan: all (cells down, cells across).

    Parameters
    ----------
    labels, runner_up : ndarray of int
        0 = nothing.
    confidence : ndarray of float
        1 is certain, below 0 unlike all examples; NaN where there is no label.
    painted : ndarray of bool
        Where a person has painted.
    """

    labels: np.ndarray
    runner_up: np.ndarray
    confidence: np.ndarray
    painted: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Where there is a label, bool."""
        return (self.labels > 0) & np.isfinite(self.confidence)

    @property
    def open(self) -> np.ndarray:
        """Where there is a label and nobody has painted, bool."""
        return self.labelled & ~self.painted


def answers_of(
    classifier: SurfaceClassifier, scan: Scan, *, should_stop: Callable[[], bool] = lambda: False
) -> CellAnswers:
    """Return what a model answers on the cells of a scan, and which of them a person has painted before.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scan : Scan
        With ``other`` where the recipe takes both biases.
    should_stop : callable
        Asked between tiles.

    Returns
    -------
    CellAnswers

    Raises
    ------
    ValueError
        If the scan cannot be prepared.
    Stopped
        If ``should_stop`` said so.
    """
    encoded = encode_scan(scan, classifier.recipe, classifier.encoder)
    found = read_truth(TruthFile(scan), classifier.classes, lineage(classifier.training))
    painted = np.zeros(encoded.complete.shape, bool)
    if found is not None:
        painted = painted_cells_of(found.labels, classifier.encoder.grid, encoded.shape) > 0
    labels, confidence, runner_up = classifier.label(encoded, should_stop=should_stop)
    if not classifier.encoder.keeps_features:
        runner_up[:] = 0
    return CellAnswers(labels, runner_up, confidence, painted)


def uncertain_areas(scans: Sequence[CellAnswers], *, most: int = 100) -> list[UncertainArea]:
    """List the areas that are most worth a look, over all scans.

    The uncertainty of a cell is ``1 - confidence``: up to 1 between two classes and up to 2 where it is
    unlike all examples. It is averaged over `ACROSS` cells, and its maxima, that far apart, are the areas.
    Areas that are between the same two classes as others before them come later, so that each pair of classes
    gets its turn.

    Parameters
    ----------
    scans : sequence of CellAnswers
    most : int
        How many at most.

    Returns
    -------
    list of UncertainArea
        That of the most weight first.
    """
    counts, total = _questions(scans)
    found = [one for number, answers in enumerate(scans) for one in _maxima(number, answers, most)]
    found.sort(key=lambda one: (-one.weight, one.scan, one.row, one.col))
    before: Counter[tuple[int, int]] = Counter()
    turns: list[tuple[float, int, UncertainArea]] = []
    for one in found:
        turns.append((-one.weight * _AGAIN ** before[_question(one)], len(turns), one))
        before[_question(one)] += 1
    turns.sort(key=lambda turn: turn[:2])
    return [replace(one, gain=counts[_question(one)] / max(total, 1)) for *_, one in turns[:most]]


def cells_of_area(answers: CellAnswers, one: UncertainArea) -> np.ndarray:
    """Return the cells that an area is about: connected ones of its label, at most `ACROSS` cells away.

    Cells that a person has painted are left out.

    Returns
    -------
    ndarray of bool, shape (cells down, cells across)
    """
    from scipy.ndimage import label

    rows, cols = np.ogrid[: answers.labels.shape[0], : answers.labels.shape[1]]
    near = (rows - one.row) ** 2 + (cols - one.col) ** 2 <= (ACROSS / 2) ** 2
    parts, _ = label(near & (answers.labels == one.label) & answers.open)
    own = parts[one.row, one.col]
    return (parts == own) & (own > 0)


def _question(one: UncertainArea) -> tuple[int, int]:
    """Return the two classes that an area is between, the lower first; a class that it is unlike, and -1."""
    if one.unlike:
        return one.label, -1
    return min(one.label, one.runner_up), max(one.label, one.runner_up)


def _questions(scans: Sequence[CellAnswers]) -> tuple[Counter[tuple[int, int]], int]:
    """Count the uncertain cells for each ``_question``, and all cells that are labelled."""
    counted: Counter[tuple[int, int]] = Counter()
    for answers in scans:
        uncertain = answers.open & (np.nan_to_num(answers.confidence, nan=1.0) < UNCERTAIN)
        label, other = answers.labels[uncertain].astype(int), answers.runner_up[uncertain].astype(int)
        unlike = answers.confidence[uncertain] < 0
        low = np.where(unlike, label, np.minimum(label, other))
        high = np.where(unlike, -1, np.maximum(label, other))
        pairs, sizes = np.unique(np.stack([low, high]), axis=1, return_counts=True)
        for (first, second), size in zip(pairs.T.tolist(), sizes.tolist(), strict=True):
            counted[first, second] += size
    return counted, sum(int(answers.labelled.sum()) for answers in scans)


def _maxima(number: int, answers: CellAnswers, most: int) -> list[UncertainArea]:
    """Find the areas of one scan."""
    from scipy.ndimage import maximum_filter, uniform_filter

    uncertainty = np.where(answers.open, 1 - np.nan_to_num(answers.confidence, nan=1.0), 0).astype(np.float32)
    weight = np.where(answers.open, uniform_filter(uncertainty, ACROSS // 2 + 1, mode="constant"), 0)
    peaks = (weight == maximum_filter(weight, 2 * ACROSS + 1, mode="constant")) & (weight > 0)
    left = np.argwhere(peaks)[np.argsort(-weight[peaks], kind="stable")]
    chosen: list[tuple[int, int]] = []
    while len(left) and len(chosen) < most:  # of equal ones side by side, the first
        chosen.append(tuple(left[0].tolist()))
        left = left[np.abs(left - left[0]).max(1) > ACROSS]
    values = (answers.labels, answers.runner_up, answers.confidence, weight)
    return [UncertainArea(number, *cell, *(array[cell].item() for array in values)) for cell in chosen]
