"""Cut a height map into windows, and paint one label per window back onto it."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


@dataclass(frozen=True)
class WindowGrid:
    """Square windows, ``window`` px wide, one every ``pitch`` px, and the last flush with the far edge.

    Parameters
    ----------
    window, pitch : int
        Side of a window and step between windows, in px; ``1 <= pitch <= window``.

    Examples
    --------
    A row of 7 px holds windows at 0 and 2, and one more that ends at the edge:

    >>> WindowGrid(window=4, pitch=2).starts(7)
    array([0, 2, 3])
    """

    window: int
    pitch: int

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window must be at least 1 px, got {self.window}")
        if not 1 <= self.pitch <= self.window:
            raise ValueError(f"pitch must be 1 to {self.window} px (the window), got {self.pitch}")

    def starts(self, length: int) -> np.ndarray:
        """Return the first pixel of every window along an axis of ``length`` px; empty if none fits.

        Parameters
        ----------
        length : int
            In px.

        Returns
        -------
        ndarray of int, shape (n,)
            In px, ascending; the last window ends at the far edge.
        """
        last = length - self.window
        if last < 0:
            return np.empty(0, int)
        regular = np.arange(0, last + 1, self.pitch)
        return regular if regular[-1] == last else np.append(regular, last)

    def shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Count the windows down and across a map of this shape.

        Parameters
        ----------
        shape : (int, int)
            Rows and columns of the map, in px.

        Returns
        -------
        (int, int)
            Rows and columns of the grid; 0 along an axis where no window fits.
        """
        return len(self.starts(shape[0])), len(self.starts(shape[1]))

    def complete(self, heights: np.ndarray) -> np.ndarray:
        """Say which windows of ``heights``, (M, N), hold no NaN; shape (rows, cols) of the grid, bool.

        Parameters
        ----------
        heights : ndarray of float, shape (M, N)

        Returns
        -------
        ndarray of bool, shape (rows, cols) of the grid
        """
        rows, cols = self.starts(heights.shape[0]), self.starts(heights.shape[1])
        there = np.isfinite(heights)
        if there.all():
            return np.ones((len(rows), len(cols)), bool)
        # Sum of the missing pixels of any rectangle from a table of sums, (M + 1, N + 1).
        missing = np.zeros((heights.shape[0] + 1, heights.shape[1] + 1), np.int64)
        np.cumsum(~there, axis=0, out=missing[1:, 1:])
        np.cumsum(missing, axis=1, out=missing)
        top, left, size = rows[:, None], cols[None, :], self.window
        holes = (
            missing[top + size, left + size]
            - missing[top, left + size]
            - missing[top + size, left]
            + missing[top, left]
        )
        return holes == 0

    def extract(self, heights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Copy windows out of ``heights``, (M, N).

        Parameters
        ----------
        heights : ndarray, shape (M, N)
        chosen : ndarray of int, shape (n, 2)
            Row and column of each window in the grid.

        Returns
        -------
        ndarray, shape (n, window, window)
        """
        every = sliding_window_view(heights, (self.window, self.window))
        rows, cols = self.starts(heights.shape[0]), self.starts(heights.shape[1])
        return every[rows[chosen[:, 0]], cols[chosen[:, 1]]]

    def paint(self, labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Paint each window's label around its centre.

        A label fills the pixels nearest to the centre of its window, at most half a pitch away;
        pixels farther from every centre (the border) get 0. Labels are never averaged.

        Parameters
        ----------
        labels : ndarray of int, shape (rows, cols) of the grid
        shape : (M, N)
            Of the map.

        Returns
        -------
        ndarray, shape (M, N), dtype of ``labels``

        Examples
        --------
        >>> WindowGrid(window=4, pitch=2).paint(np.array([[1, 2]]), (4, 6))
        array([[0, 0, 0, 0, 0, 0],
               [0, 1, 1, 2, 2, 0],
               [0, 1, 1, 2, 2, 0],
               [0, 0, 0, 0, 0, 0]])
        """
        rows, cols = self._owners(shape[0]), self._owners(shape[1])
        painted = np.zeros(shape, labels.dtype)
        reached = np.ix_(rows >= 0, cols >= 0)
        painted[reached] = labels[np.ix_(rows[rows >= 0], cols[cols >= 0])]
        return painted

    def _owners(self, length: int) -> np.ndarray:
        """Index of the window that owns each pixel of an axis, -1 where no centre is near; (length,)."""
        starts = self.starts(length)
        if not len(starts):
            return np.full(length, -1)
        pixels, centres = np.arange(length) + 0.5, starts + self.window / 2
        after = np.clip(np.searchsorted(centres, pixels), 1, max(len(centres) - 1, 1))
        if len(centres) == 1:
            nearest = np.zeros(length, int)
        else:
            # Half-way pixels go to the later window, so that every regular tile is exactly one pitch wide.
            nearest = np.where(pixels - centres[after - 1] < centres[after] - pixels, after - 1, after)
        distance = pixels - centres[nearest]
        near = (distance >= -self.pitch / 2) & (distance < self.pitch / 2)
        return np.where(near, nearest, -1)
