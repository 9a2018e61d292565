"""What a person might paint on a surface, and a classifier that learns from it on fixed features."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DIAMETER = 7  # px of a stroke: a filled disc
COMPONENTS = 64  # principal components of the features, at most
LIMIT = 500  # iterations of the regression


def paint(truth: np.ndarray, n: int, *, seed: int, border: int = 0) -> np.ndarray:
    """Paint ``n`` strokes of each class: discs around random pixels of it, clipped to the class.

    The strokes of a smaller ``n`` are the first ones of a larger.

    Parameters
    ----------
    truth : ndarray of int, shape (rows, cols)
        Class of each pixel, from 0.
    n : int
    seed : int
    border : int
        px along the edges where nobody paints.

    Returns
    -------
    ndarray of uint8, shape (rows, cols)
        Class + 1 where it was painted, else 0.
    """
    rows, cols = np.indices(truth.shape)
    inside = np.minimum.reduce([rows, cols, truth.shape[0] - 1 - rows, truth.shape[1] - 1 - cols]) >= border
    painted = np.zeros(truth.shape, np.uint8)
    for one in np.unique(truth[inside]).tolist():
        there = np.argwhere((truth == one) & inside)
        order = np.random.default_rng([seed, one]).permutation(len(there))
        for row, col in there[order[:n]].tolist():
            disc = 4 * ((rows - row) ** 2 + (cols - col) ** 2) <= DIAMETER**2
            painted[disc & inside & (truth == one)] = one + 1
    return painted


@dataclass(frozen=True, eq=False)
class Reducer:
    """Standardised features, turned to `COMPONENTS` principal components at most, for every recipe."""

    scaler: Any = field(repr=False)
    components: Any = field(repr=False)

    @classmethod
    def fit(cls, features: np.ndarray) -> "Reducer":
        """Fit to features, (n, d), of surfaces without labels."""
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(features)
        components = PCA(min(COMPONENTS, *features.shape), random_state=0)
        return cls(scaler, components.fit(scaler.transform(features)))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Reduce features, (n, d), to (n, components) float32."""
        return self.components.transform(self.scaler.transform(features)).astype(np.float32)


def learn(features: np.ndarray, classes: np.ndarray) -> Any:
    """Fit a logistic regression, every class counting the same, to features (n, d) and classes (n,)."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(class_weight="balanced", max_iter=LIMIT).fit(features, classes)


def answers(
    cells: Sequence[np.ndarray],
    places: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    n: int,
    *,
    seed: int,
    border: int,
) -> list[list[np.ndarray]]:
    """Paint on each surface in turn, and label all of them with what was learnt there.

    Parameters
    ----------
    cells : sequence of ndarray, shape (n_cells, d)
        Reduced features of each surface.
    places : sequence of ndarray of int, shape (rows, cols)
        Which of its cells a pixel belongs to, -1 for none.
    truth : sequence of ndarray, shape (rows, cols)
    n : int
        Strokes a class.
    seed, border : int
        As `paint` takes them.

    Returns
    -------
    list of list of ndarray, shape (rows, cols)
        ``[i][j]`` is what was learnt on surface i and said of surface j: classes, from 0.
    """
    said = []
    for number, (own, place, known) in enumerate(zip(cells, places, truth, strict=True)):
        painted = paint(known, n, seed=1000 * seed + number, border=border)
        there = (painted > 0) & (place >= 0)
        regression = learn(own[place[there]], painted[there] - 1)
        said.append([regression.predict(some)[at] for some, at in zip(cells, places, strict=True)])
    return said
