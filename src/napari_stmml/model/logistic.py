"""Logistic regression of many classes on a few thousand vectors, with answers that are likelihoods."""

import numpy as np
from scipy.optimize import minimize


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
    shape = np.shape(start)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _loss(seen, answers, counts, weights.reshape(shape), penalty)
        return value, slope.ravel()

    options = {"maxiter": steps, "ftol": 1e-9, "gtol": 1e-6}
    return minimize(loss, np.ravel(start), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)


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
