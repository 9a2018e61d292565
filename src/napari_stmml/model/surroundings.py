"""Let the surroundings of a cell have a say in its class, where only painted and named classes are shown."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from napari_stmml.features.encoder import Place
from napari_stmml.model.painted_classes import PaintedClasses

_AROUND = 3.0  # standard deviation in cells, over which the logarithms of likelihoods are averaged
_LEAST = 1e-3  # of the weight of a Gaussian: fewer cells beside objects are no surroundings


@dataclass(frozen=True, eq=False)
class MapAnswers:
    """Answers for the cells of a map, taken piece by piece and then settled; make it with `of`.

    Parameters
    ----------
    learnt : PaintedClasses
    beside : ndarray of bool, shape (rows, cols)
        Cells that the regression decides, and no object.
    odds : ndarray of float16, shape (j, rows, cols)
        How likely each class of the regression is on them by themselves, as a logarithm.
    """

    learnt: PaintedClasses
    beside: np.ndarray = field(repr=False)
    odds: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, learnt: PaintedClasses, shape: tuple[int, ...]) -> Self:
        """Make it for a map of cells, of which nothing is known yet.

        Parameters
        ----------
        learnt : PaintedClasses
        shape : (rows, cols)
            In cells.

        Returns
        -------
        MapAnswers
        """
        return cls(learnt, np.zeros(shape, bool), np.zeros((len(learnt.of_weights), *shape), np.float16))

    def take(
        self, place: Place | np.ndarray, features: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Answer some cells by themselves, and remember what their surroundings need.

        Parameters
        ----------
        place : tuple of slice, or ndarray of bool, shape (rows, cols)
            Where they are.
        features : ndarray of float32, shape (..., n_features)

        Returns
        -------
        label, confidence, next label : ndarray, shape (...)
        """
        shape = features.shape[:-1]
        *answer, beside, odds = self.learnt.alone(features.reshape(-1, features.shape[-1]))
        self.beside[place] = beside.reshape(shape)
        for kept, one in zip(self.odds, odds.T, strict=True):
            kept[place] = one.reshape(shape)
        first, sure, second = (one.reshape(shape) for one in answer)
        return first, sure, second

    def settle(
        self, labels: np.ndarray, confidence: np.ndarray, runner_up: np.ndarray, complete: np.ndarray
    ) -> None:
        """Put the class that is likeliest around each cell beside objects in place of its own.

        Parameters
        ----------
        labels, confidence, runner_up : ndarray, shape (rows, cols)
            As `take` has answered; what is beside objects is changed.
        complete : ndarray of bool, shape (rows, cols)
            Cells that have features.
        """
        from scipy.ndimage import gaussian_filter

        use = self.beside & complete
        if not use.any():
            return
        weight = np.maximum(gaussian_filter(use.astype(np.float32), _AROUND, mode="nearest"), _LEAST)
        best, next_best = np.full((2, *use.shape), -np.inf, np.float32)
        first, second = np.zeros((2, *use.shape), np.uint8)
        total = np.zeros(use.shape, np.float32)
        for number, own in enumerate(self.odds):
            odds = gaussian_filter(own.astype(np.float32) * use, _AROUND, mode="nearest") / weight
            total += np.exp(odds)
            ahead = odds > best
            behind = ~ahead & (odds > next_best)
            second = np.where(ahead, first, np.where(behind, number, second))
            next_best = np.where(ahead, best, np.where(behind, odds, next_best))
            first, best = np.where(ahead, number, first), np.where(ahead, odds, best)
        names = self.learnt.labels[self.learnt.of_weights]
        labels[use], runner_up[use] = names[first[use]], names[second[use]]
        confidence[use] = ((np.exp(best) - np.exp(next_best)) / total)[use]
