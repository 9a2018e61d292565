"""How well found objects and types agree with the true ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

TOLERANCE_NM = 0.6


@dataclass(frozen=True)
class Matched:
    """Pairs of found and true objects, (k,) each, and how many there were."""

    found: np.ndarray
    true: np.ndarray
    n_found: int
    n_true: int

    @property
    def precision(self) -> float:
        """Share of the finds that are true."""
        return len(self.found) / max(self.n_found, 1)

    @property
    def recall(self) -> float:
        """Share of the true objects that were found."""
        return len(self.found) / max(self.n_true, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * len(self.found) / max(self.n_found + self.n_true, 1)


def match(found: np.ndarray, truth: pd.DataFrame, pixel_nm: float) -> Matched:
    """Pair finds, (n, 2) row and column in px, with true objects one to one, within 0.6 nm."""
    from scipy.optimize import linear_sum_assignment

    true = truth[["row", "col"]].to_numpy()
    apart = np.hypot(*np.moveaxis(found.reshape(-1, 1, 2) - true[None], 2, 0)) * pixel_nm
    rows, cols = linear_sum_assignment(np.where(apart < TOLERANCE_NM, apart, 100.0))
    near = apart[rows, cols] < TOLERANCE_NM
    return Matched(rows[near], cols[near], len(found), len(true))


def pairing(
    types: np.ndarray, truth: np.ndarray, matched: Matched
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair found types with true ones so that their F1 is highest: true types, found types, F1 of each pair.

    ``types`` are those of all finds, 0 for unlike any other; ``truth`` those of all true objects.
    """
    from scipy.optimize import linear_sum_assignment

    kinds, found = np.unique(truth), np.unique(types[types > 0])
    scores = np.zeros((len(kinds), max(len(found), 1)))
    for i, kind in enumerate(kinds):
        for j, one in enumerate(found):
            hit = ((truth[matched.true] == kind) & (types[matched.found] == one)).sum()
            scores[i, j] = 2 * hit / ((truth == kind).sum() + (types == one).sum())
    rows, cols = linear_sum_assignment(-scores)
    return kinds[rows], (found[cols] if len(found) else np.zeros(len(cols), int)), scores[rows, cols]


def macro_f1(types: np.ndarray, truth: np.ndarray, matched: Matched) -> float:
    """Return the mean over true types of the F1 of the type that fits best, one to one."""
    return float(pairing(types, truth, matched)[2].sum() / len(np.unique(truth)))


def count_error(types: np.ndarray, truth: np.ndarray, matched: Matched) -> float:
    """Return the mean over true types of how far their number is off, as a share."""
    kinds, found, _ = pairing(types, truth, matched)
    off = [
        abs((types == one).sum() - (truth == kind).sum()) / (truth == kind).sum()
        for kind, one in zip(kinds, found, strict=True)
    ]
    return float((sum(off) + len(np.unique(truth)) - len(off)) / len(np.unique(truth)))


def v_measure(types: np.ndarray, truth: np.ndarray, matched: Matched) -> float:
    """Return the V-measure over the objects that were found."""
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(truth[matched.true], types[matched.found]))
