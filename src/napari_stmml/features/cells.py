"""Encode cells of some px: one feature vector a cell, made tile by tile, at one bias or at two."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from napari_stmml.features.encoder import Place
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.windows import WindowGrid

TILE = 1536  # px a side of what is encoded at once: some 60 channels of 9 MB, and margins
EDITION = 2  # of the features of cells; models of another edition cannot be used


class CellFeatures(Protocol):
    """Makes the features of the cells of a map at one bias, in two steps: the whole map, then tiles of it."""

    @property
    def cell(self) -> int:
        """Side of a cell in px."""
        ...

    @property
    def reach(self) -> int:
        """How far beyond a cell its features see, in px."""
        ...

    @property
    def align(self) -> int:
        """Tiles begin at multiples of this, in px."""
        ...

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        ...

    def channels(self, heights: np.ndarray) -> np.ndarray:
        """Make channels, (c, rows, cols) float32, of a whole map, (rows, cols) without NaN.

        Parameters
        ----------
        heights : ndarray of float32, shape (rows, cols)
            Without NaN.

        Returns
        -------
        ndarray of float32, shape (c, rows, cols)
            What ``features`` takes, whole or in tiles.
        """
        ...

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Make features, (rows / cell, cols / cell, n_features) float32, of channels or of a tile of them."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Return trained weights by name; empty where nothing is trained.

        Returns
        -------
        dict of str to ndarray
        """
        ...


@dataclass(frozen=True, eq=False)
class CellEncoder:
    """An Encoder of cells; with ``both_biases`` the features of the two maps stand one after the other.

    Parameters
    ----------
    source : CellFeatures
    both_biases : bool
        Encode heights of shape (2, rows, cols).
    tile : int
        px a side of what is encoded at once, without its margin; a multiple of ``source.align``.

    Raises
    ------
    ValueError
        If ``tile`` is no such multiple.
    """

    source: CellFeatures
    both_biases: bool = False
    tile: int = TILE

    unit = "cells"
    has_pitch = False
    keeps_features = True

    @property
    def of_object(self) -> int | None:
        """None: features of a cell know no objects."""
        return None

    def __post_init__(self) -> None:
        if self.tile % self.source.align:
            raise ValueError(f"tile must be a multiple of {self.source.align} px, got {self.tile}")

    @property
    def grid(self) -> WindowGrid:
        """Cells, side by side."""
        return WindowGrid(self.source.cell, self.source.cell)

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        return (2 if self.both_biases else 1) * self.source.n_features

    @property
    def has_network(self) -> bool:
        """Whether there are weights of a network."""
        return bool(self.source.arrays())

    def at_pitch(self, pitch: int) -> "CellEncoder":
        """Return itself: every cell is labelled.

        Parameters
        ----------
        pitch : int
            In px; it changes nothing.

        Returns
        -------
        CellEncoder
        """
        return self

    def encode(
        self,
        heights: np.ndarray,
        wanted: np.ndarray | None = None,
        borders: np.ndarray | None = None,
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode tile by tile, as the protocol says; a tile has the very features of the whole map."""
        source, cell = self.source, self.source.cell
        margin = -(-source.reach // source.align) * source.align
        channels = self.channels(heights)
        shape = channels.shape[1:]
        rows, cols = self.grid.shape(shape)
        high, wide = (self._even(side) for side in shape)
        for top in range(0, shape[0], high):
            for left in range(0, shape[1], wide):
                first = [max(0, start - margin) for start in (top, left)]
                piece = channels[:, first[0] : top + high + margin, first[1] : left + wide + margin]
                beyond = [(0, -size % source.align) for size in piece.shape[1:]]
                made = self._features(np.pad(piece, [(0, 0), *beyond], mode="edge"))
                place = (
                    slice(top // cell, min((top + high) // cell, rows)),
                    slice(left // cell, min((left + wide) // cell, cols)),
                )
                inner = tuple(
                    slice(part.start - start // cell, part.stop - start // cell)
                    for part, start in zip(place, first, strict=True)
                )
                yield place, made[inner]

    def _even(self, side: int) -> int:
        """Return the px of tiles that cut a side into equal parts, as few as tiles of the given size do."""
        align = self.source.align
        return align * -(-side // (align * -(-side // self.tile)))

    def channels(self, heights: np.ndarray) -> np.ndarray:
        """Make the channels of a whole map, (c, rows, cols); those of two biases one after the other.

        Missing heights are given the value of the nearest.

        Parameters
        ----------
        heights : ndarray of float32, shape (rows, cols), or (2, rows, cols) with ``both_biases``
            NaN where nothing was scanned.

        Returns
        -------
        ndarray of float32, shape (c, rows, cols)
        """
        made = [
            self.source.channels(fill_nearest(one)) for one in (heights if self.both_biases else [heights])
        ]
        return np.concatenate(made) if self.both_biases else made[0]

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> None:
        """Return None: features come first.

        Returns
        -------
        None
            Always, whatever is given: `Encoder.nearest` says what that means.
        """

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights of the network, where there is one.

        Returns
        -------
        dict of str to ndarray
            Weights by name; empty where nothing was trained.
        """
        return self.source.arrays()

    def describe(self) -> str:
        """Return nothing.

        Returns
        -------
        str
            Always empty.
        """
        return ""

    def _features(self, channels: np.ndarray) -> np.ndarray:
        if not self.both_biases:
            return self.source.features(channels)
        return np.concatenate([self.source.features(one) for one in np.split(channels, 2)], -1)
