"""Let the surroundings of a cell have a say in its class, where only painted and named classes are shown."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from napari_stmml.features.encoder import Place
from napari_stmml.model.painted_classes import PaintedClasses

_AROUND = 3.0  # standard deviation in cells, over which the logarithms of likelihoods are averaged
_NEAR = 0.7  # the same for what is next to a cell: a lone cell is outvoted, an object of 3 x 3 is not
_CLEAR = 0.5  # by which a logarithm is ahead of the next, so that what is farther around has no say
_LEAST = 1e-3  # of the weight of a Gaussian: fewer cells beside objects are no surroundings


@dataclass(frozen=True, eq=False)
class MapAnswers:
    """Answers for the cells of a map, taken piece by piece and then settled; make it with `of`.

    Parameters
    ----------
    learnt : PaintedClasses
    part : ndarray of uint8, shape (rows, cols)
        0 for cells on objects; those that the regression decides are 1 on terraces and 2 on steps.
    odds : ndarray of float16, shape (j, rows, cols)
        How likely each class of the regression is on them by themselves, as a logarithm.
    """

    learnt: PaintedClasses
    part: np.ndarray = field(repr=False)
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
        return cls(learnt, np.zeros(shape, np.uint8), np.zeros((len(learnt.of_weights), *shape), np.float16))

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
        *answer, part, odds = self.learnt.alone(features.reshape(-1, features.shape[-1]))
        self.part[place] = part.reshape(shape)
        for kept, one in zip(self.odds, odds.T, strict=True):
            kept[place] = one.reshape(shape)
        first, sure, second = (one.reshape(shape) for one in answer)
        return first, sure, second

    def settle(
        self, labels: np.ndarray, confidence: np.ndarray, runner_up: np.ndarray, complete: np.ndarray
    ) -> None:
        """Put the class that is likeliest around each cell beside objects in place of its own.

        What is next to a cell decides where it is clear, so that small objects stay; else what is farther
        around. Only cells of the same part count: steps are narrow, and terraces would outvote them.

        Parameters
        ----------
        labels, confidence, runner_up : ndarray, shape (rows, cols)
            As `take` has answered; what is beside objects is changed.
        complete : ndarray of bool, shape (rows, cols)
            Cells that have features.
        """
        names = self.learnt.labels[self.learnt.of_weights]
        for part in (1, 2):
            use = (self.part == part) & complete
            if use.any():
                first, second, confidence[use] = self._around(use)
                labels[use], runner_up[use] = names[first], names[second]

    def _around(self, use: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the likeliest class around each cell of a part, the next, and by how much it is ahead.

        Next to the cell where one is clearly likeliest there, as on small objects; else farther around.
        """
        *near, clear = self._likeliest(use, _NEAR)
        *wide, _ = self._likeliest(use, _AROUND)
        clear = clear > _CLEAR
        first, second, ahead = (np.where(clear, *both) for both in zip(near, wide, strict=True))
        return first, second, ahead

    def _likeliest(
        self, use: np.ndarray, width: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `_around` does, for one width, and the logarithm of how many times as likely it is."""
        from scipy.ndimage import gaussian_filter

        weight = np.maximum(gaussian_filter(use.astype(np.float32), width, mode="nearest")[use], _LEAST)
        best, next_best = np.full((2, len(weight)), -np.inf, np.float32)
        first, second = np.zeros((2, len(weight)), np.uint8)
        total = np.zeros(len(weight), np.float32)
        for number, own in enumerate(self.odds):
            odds = gaussian_filter(own.astype(np.float32) * use, width, mode="nearest")[use] / weight
            total += np.exp(odds)
            ahead = odds > best
            behind = ~ahead & (odds > next_best)
            second = np.where(ahead, first, np.where(behind, number, second))
            next_best = np.where(ahead, best, np.where(behind, odds, next_best))
            first, best = np.where(ahead, number, first), np.where(ahead, odds, best)
        return first, second, (np.exp(best) - np.exp(next_best)) / total, best - next_best
