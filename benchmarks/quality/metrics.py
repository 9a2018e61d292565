"""How well clusters or classes agree with a known label per pixel; no constant answer can win any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scores:
    """F1 and intersection over union of every class that occurs, (n_classes,), NaN of one that does not."""

    f1: np.ndarray
    iou: np.ndarray

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the classes, each counting the same however few pixels it has."""
        return float(np.nanmean(self.f1))

    @property
    def mean_iou(self) -> float:
        """Mean intersection over union over the classes."""
        return float(np.nanmean(self.iou))


def contingency(found: np.ndarray, truth: np.ndarray, n_found: int, n_classes: int) -> np.ndarray:
    """Count the pixels of every pair of found label and true class, (n_found, n_classes)."""
    pairs = found.ravel().astype(np.int64) * n_classes + truth.ravel()
    return np.bincount(pairs, minlength=n_found * n_classes).reshape(n_found, n_classes)


def scores(table: np.ndarray, classes: np.ndarray) -> Scores:
    """Score found labels, row i of the table given to class ``classes[i]``."""
    n_classes = table.shape[1]
    given = np.zeros((n_classes, n_classes), table.dtype)
    np.add.at(given, classes, table)
    right, true, said = np.diag(given), given.sum(0), given.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(true > 0, 2 * right / (true + said), np.nan)
        iou = np.where(true > 0, right / (true + said - right), np.nan)
    return Scores(f1, iou)


def best_classes(table: np.ndarray) -> np.ndarray:
    """Give every found label to the class that makes macro-F1 best, many to one; (n_found,) of int.

    Climbs label by label from two starts: the class of most of a label's pixels, and the class of which
    it holds the largest share.

    >>> best_classes(np.array([[90, 1], [10, 0], [0, 9]])).tolist()
    [0, 0, 1]
    """
    starts = (table.argmax(1), (table / np.maximum(table.sum(0), 1)).argmax(1))
    return max((_climb(table, start) for start in starts), key=lambda one: scores(table, one).macro_f1)


def _climb(table: np.ndarray, classes: np.ndarray) -> np.ndarray:
    classes, best, better = classes.copy(), scores(table, classes).macro_f1, True
    while better:
        better = False
        for label in range(len(classes)):
            for one in range(table.shape[1]):
                tried = classes.copy()
                tried[label] = one
                reached = scores(table, tried).macro_f1
                if reached > best + 1e-9:
                    classes, best, better = tried, reached, True
    return classes


def pooled(found: Sequence[np.ndarray], truth: Sequence[np.ndarray], n_classes: int) -> np.ndarray:
    """Count pairs of found label and true class over several maps; (largest label + 1, n_classes)."""
    n_found = 1 + max(int(labels.max()) for labels in found)
    return sum(
        (contingency(one, other, n_found, n_classes) for one, other in zip(found, truth, strict=True)),
        start=np.zeros((n_found, n_classes), np.int64),
    )


def mutual_information(
    found: Sequence[np.ndarray], truth: Sequence[np.ndarray], seed: int = 0, most: int = 20_000
) -> float:
    """Return the adjusted mutual information of labels and classes on ``most`` px; 0 is chance."""
    from sklearn.metrics import adjusted_mutual_info_score

    one, other = (np.concatenate([labels.ravel() for labels in maps]) for maps in (found, truth))
    if len(one) > most:
        some = np.random.default_rng(seed).choice(len(one), most, replace=False)
        one, other = one[some], other[some]
    return float(adjusted_mutual_info_score(other, one))


def agreement(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """Return the adjusted Rand index of two sets of label maps, whatever their labels; 1 if they agree.

    It is 0 where either tells nothing apart: a constant answer always agrees with itself.
    """
    from sklearn.metrics import adjusted_rand_score

    first, second = (np.concatenate([labels.ravel() for labels in maps]) for maps in (one, other))
    told_apart = min(first.min() < first.max(), second.min() < second.max())
    return float(adjusted_rand_score(first, second)) if told_apart else 0.0
