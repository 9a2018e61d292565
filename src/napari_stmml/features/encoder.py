"""The Encoder protocol: prepared heights become feature vectors on a regular grid of windows or cells."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from napari_stmml.heights.windows import WindowGrid

Place = tuple[Any, Any]  # two slices, or two arrays of indices: rows and columns of the grid


class Encoder(Protocol):
    """Turns prepared heights into feature vectors, one for each window or cell of a grid.

    Heights are (rows, cols) float32, or (2, rows, cols) where a recipe takes both biases; NaN where nothing
    was scanned.
    """

    @property
    def grid(self) -> WindowGrid:
        """Where each feature vector lies, and which pixels get its label."""
        ...

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        ...

    @property
    def unit(self) -> str:
        """What has one feature vector, in the plural, for messages: windows or cells."""
        ...

    @property
    def has_network(self) -> bool:
        """Whether a network runs, which uses all cores by itself and takes seconds to start."""
        ...

    @property
    def has_pitch(self) -> bool:
        """Whether the pitch of the grid can be chosen."""
        ...

    @property
    def keeps_features(self) -> bool:
        """Whether features of a whole map are few enough to keep: those of overlapping windows are not."""
        ...

    @property
    def of_object(self) -> int | None:
        """From where on a feature vector is the same for a whole object; its last number is 1 there, else 0.

        None where features know no objects.
        """
        ...

    def at_pitch(self, pitch: int) -> "Encoder":
        """Return the same encoder on a grid of another pitch, in px; itself where there is no choice.

        Parameters
        ----------
        pitch : int
            Step between windows, in px.

        Returns
        -------
        Encoder
        """
        ...

    def encode(
        self,
        heights: np.ndarray,
        wanted: np.ndarray | None = None,
        borders: np.ndarray | None = None,
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode prepared heights piece by piece; memory is that of a piece.

        Parameters
        ----------
        heights : ndarray of float32, shape (rows, cols) or (2, rows, cols)
        wanted : ndarray of bool, shape (rows, cols) of the grid, optional
            The windows that are needed. Cells come in whole tiles, whatever is wanted.
        borders : ndarray of uint8, shape (rows, cols), optional
            Where features know objects, it is filled with what `features.borders.borders_of` returns.

        Yields
        ------
        place : index into the grid
            Two slices of a tile of cells, or rows and columns, (n,) each, of windows.
        features : ndarray of float32, shape (cells down, cells across, n_features) or (n, n_features)
        """
        ...

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> Iterator[tuple[Place, np.ndarray, np.ndarray]] | None:
        """Find the nearest centre without making features first; None where that is no faster.

        Parameters
        ----------
        heights : ndarray of float32, shape (rows, cols)
        centres : ndarray of float32, shape (m, n_features)
        owners : ndarray of int, shape (m,)
            Group of each centre, 0 to n - 1.
        wanted : ndarray of bool, shape (rows, cols) of the grid

        Yields
        ------
        place : index into the grid
        group, confidence : ndarray of int and of float32
            ``1 - nearest / next`` of the squared distances is the confidence.
        """
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights that a model file keeps, by name; none where nothing was trained.

        Returns
        -------
        dict of str to ndarray
        """
        ...

    def describe(self) -> str:
        """Describe the network layer by layer; empty where there is none to describe.

        Returns
        -------
        str
        """
        ...
