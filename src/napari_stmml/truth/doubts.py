"""Where to look next: places of a map whose label is least sure, or that are unlike anything seen."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_stmml.events import UncertainPlace
from napari_stmml.features.intake import prepare_scan
from napari_stmml.heights.two_biases import first_map
from napari_stmml.model.cell_store import classify_cells
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.model.painted_cells import painted_places
from napari_stmml.scan import Scan
from napari_stmml.system.progress import Stopped
from napari_stmml.truth.recall import recall
from napari_stmml.truth.truth_file import TruthFile

ACROSS = 12  # cells: places are at least so far apart, and what is shown of one is twice as wide
UNSURE = 0.2  # confidence, below which a cell is in doubt
_AGAIN = 0.8  # of a place's weight is left for each one before it that asks the same question


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of the cells of a scan: all (cells down, cells across).

    Parameters
    ----------
    labels, runner_up : ndarray of int
        0 = nothing.
    confidence : ndarray of float
        1 is sure, below 0 unlike anything; NaN where there is no label.
    known : ndarray of bool
        Where a person has said what it is.
    """

    labels: np.ndarray
    runner_up: np.ndarray
    confidence: np.ndarray
    known: np.ndarray

    @property
    def asked(self) -> np.ndarray:
        """Where there is a label and nobody has said what it is."""
        return (self.labels > 0) & np.isfinite(self.confidence) & ~self.known


def answers_of(
    classifier: SurfaceClassifier, scan: Scan, *, should_stop: Callable[[], bool] = lambda: False
) -> Answers:
    """Return what a model says of the cells of a scan, and which of them a person has painted before.

    Raises
    ------
    ValueError
        If the scan cannot be prepared.
    Stopped
        If ``should_stop`` said so.
    """
    grid = classifier.encoder.grid
    heights = prepare_scan(scan, classifier.recipe, grid).heights
    shape = first_map(heights).shape
    found = recall(TruthFile(scan), classifier.classes, lineage(classifier.training))
    known = np.zeros(grid.shape(shape), bool)
    if found is not None:
        known = painted_places(found.labels, grid, shape) > 0
    if not classifier.encoder.keeps_features:
        labels, sure = classifier.label(heights, should_stop=should_stop)
        return Answers(labels, np.zeros_like(labels), sure, known)
    complete = grid.complete(first_map(heights))
    labels, runner_up = np.zeros(complete.shape, np.uint8), np.zeros(complete.shape, np.uint8)
    sure = np.full(complete.shape, np.nan, np.float32)
    for place, features in classifier.encoder.encode(heights):
        if should_stop():
            raise Stopped("looking was stopped")
        labels[place], sure[place], runner_up[place] = classify_cells(classifier, features, complete[place])
    return Answers(labels, runner_up, sure, known)


def doubts(scans: Sequence[Answers], *, most: int = 100) -> list[UncertainPlace]:
    """List the places that are most worth a look, over all scans.

    Doubt of a cell is ``1 - confidence``, so up to 1 between two classes and up to 2 where it is unlike
    anything. It is averaged over `ACROSS` cells, and its peaks, that far apart, are the places. Places that
    ask what others have asked before them come later, so that each class gets its turn.

    Parameters
    ----------
    scans : sequence of Answers
    most : int
        How many at most.

    Returns
    -------
    list of UncertainPlace
        That of the most weight first.
    """
    pairs, total = _pairs(scans)
    found = [one for number, answers in enumerate(scans) for one in _peaks(number, answers, most)]
    found.sort(key=lambda one: (-one.weight, one.scan, one.row, one.col))
    asked: Counter[tuple[int, int]] = Counter()
    turns: list[tuple[float, int, UncertainPlace]] = []
    for one in found:
        pair = _pair(one)
        turns.append((-one.weight * _AGAIN ** asked[pair], len(turns), one))
        asked[pair] += 1
    turns.sort(key=lambda turn: turn[:2])
    return [replace(one, gain=pairs[_pair(one)] / max(total, 1)) for *_, one in turns[:most]]


def patch(answers: Answers, one: UncertainPlace) -> np.ndarray:
    """Return the cells that a place is about, (cells down, cells across) bool: its own label around it.

    These are the cells of the same label that hang together with it, at most `ACROSS` cells away, without
    those that a person has labelled.
    """
    from scipy.ndimage import label

    rows, cols = np.ogrid[: answers.labels.shape[0], : answers.labels.shape[1]]
    near = (rows - one.row) ** 2 + (cols - one.col) ** 2 <= (ACROSS / 2) ** 2
    parts, _ = label(near & (answers.labels == one.label) & answers.asked)
    own = parts[one.row, one.col]
    return (parts == own) & (own > 0)


def _pair(one: UncertainPlace) -> tuple[int, int]:
    """Return what is asked: between which two classes, or what is unlike one, as -1."""
    return (one.label, -1) if one.unlike else (min(one.label, one.runner_up), max(one.label, one.runner_up))


def _pairs(scans: Sequence[Answers]) -> tuple[Counter[tuple[int, int]], int]:
    """Count the cells in doubt for each question, and all that are labelled."""
    counted: Counter[tuple[int, int]] = Counter()
    total = 0
    for answers in scans:
        total += int(((answers.labels > 0) & np.isfinite(answers.confidence)).sum())
        doubtful = answers.asked & (np.nan_to_num(answers.confidence, nan=1.0) < UNSURE)
        label, other = answers.labels[doubtful].astype(int), answers.runner_up[doubtful].astype(int)
        unlike = answers.confidence[doubtful] < 0
        low = np.where(unlike, label, np.minimum(label, other))
        high = np.where(unlike, -1, np.maximum(label, other))
        kinds, sizes = np.unique(np.stack([low, high]), axis=1, return_counts=True)
        for (first, second), size in zip(kinds.T.tolist(), sizes.tolist(), strict=True):
            counted[first, second] += size
    return counted, total


def _peaks(number: int, answers: Answers, most: int) -> list[UncertainPlace]:
    """Find the places of one scan."""
    from scipy.ndimage import maximum_filter, uniform_filter

    asked = answers.asked
    doubt = np.where(asked, 1 - np.nan_to_num(answers.confidence, nan=1.0), 0).astype(np.float32)
    around = uniform_filter(doubt, ACROSS // 2 + 1, mode="constant")
    weight = np.where(asked, around, 0)
    peaks = (weight == maximum_filter(weight, 2 * ACROSS + 1, mode="constant")) & (weight > 0)
    places = np.argwhere(peaks)[np.argsort(-weight[peaks], kind="stable")]
    chosen: list[np.ndarray] = []
    while len(places) and len(chosen) < most:  # of equal ones side by side, the first
        chosen.append(places[0])
        places = places[np.abs(places - places[0]).max(1) > ACROSS]
    return [
        UncertainPlace(
            number,
            row,
            col,
            int(answers.labels[row, col]),
            int(answers.runner_up[row, col]),
            float(answers.confidence[row, col]),
            float(weight[row, col]),
        )
        for row, col in np.array(chosen).reshape(-1, 2).tolist()
    ]
