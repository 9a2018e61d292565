"""Logistic regression of many classes on a few thousand vectors, in NumPy alone: nothing to import first."""

import numpy as np

_KEPT = 8  # last steps that L-BFGS knows the curvature by
_ENOUGH = 1e-4  # part of the promised gain that a step must bring
_HALVED = 20  # times at most that a step is made shorter


def softmax(odds: np.ndarray) -> np.ndarray:
    """Turn log odds, (n, k), into likelihoods that sum to 1.

    >>> softmax(np.array([[0.0, np.log(3)]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    powers = np.exp(odds - odds.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def regression(
    seen: np.ndarray,
    answers: np.ndarray,
    counts: np.ndarray,
    start: np.ndarray,
    *,
    penalty: float,
    steps: int,
) -> np.ndarray:
    """Fit weights so that ``softmax(seen @ weights)`` comes near the answers, by L-BFGS.

    See J. Nocedal and S. J. Wright, Numerical Optimization, algorithm 7.5, doi:10.1007/978-0-387-40065-5.

    Parameters
    ----------
    seen : ndarray, shape (n, d)
        The last column is 1.
    answers : ndarray, shape (n, k)
        How likely each of k classes is.
    counts : ndarray, shape (n,)
        How much each vector counts.
    start : ndarray, shape (d, k)
        Weights to begin with.
    penalty : float
        Of half the squared weights, those of the last column left out.
    steps : int
        At most.

    Returns
    -------
    ndarray, shape (d, k)
    """
    weights = np.asarray(start, float)
    loss, slope = _loss(seen, answers, counts, weights, penalty)
    known: list[tuple[np.ndarray, np.ndarray]] = []
    length = 1 / max(float(np.abs(slope).sum()), 1e-12)
    for _ in range(steps):
        way = _downhill(slope, known)
        promised = float((way * slope).sum())
        if promised > -1e-9 * max(1.0, abs(loss)):
            break
        for _ in range(_HALVED):
            tried = weights + length * way
            new_loss, new_slope = _loss(seen, answers, counts, tried, penalty)
            if new_loss <= loss + _ENOUGH * length * promised:
                break
            length /= 2
        else:
            break
        if ((tried - weights) * (new_slope - slope)).sum() > 0:
            known = [*known[1 - _KEPT :], (tried - weights, new_slope - slope)]
        weights, loss, slope, length = tried, new_loss, new_slope, 1.0
    return weights


def _loss(
    seen: np.ndarray, answers: np.ndarray, counts: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[float, np.ndarray]:
    """Return the penalised cross entropy and its gradient, (d, k)."""
    odds = seen @ weights
    odds -= odds.max(1, keepdims=True)
    powers = np.exp(odds)
    total = powers.sum(1, keepdims=True)
    pull = penalty * weights
    pull[-1] = 0
    loss = counts @ (np.log(total[:, 0]) * answers.sum(1) - (answers * odds).sum(1))
    slope = seen.T @ (counts[:, None] * (powers / total * answers.sum(1, keepdims=True) - answers))
    return float(loss + 0.5 * (pull * weights).sum()), slope + pull


def _downhill(slope: np.ndarray, known: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the way down, (d, k), by the curvature that the last steps met."""
    way = -slope
    parts = []
    for step, change in reversed(known):
        part = (step * way).sum() / (step * change).sum()
        way = way - part * change
        parts.append(part)
    if known:
        step, change = known[-1]
        way = way * ((step * change).sum() / (change * change).sum())
    for (step, change), part in zip(known, reversed(parts), strict=True):
        way = way + step * (part - (change * way).sum() / (step * change).sum())
    return way
