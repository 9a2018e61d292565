"""Dense feature maps of prepared heights: one vector a cell of some px, made tile by tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe

TILE = 2048  # px a side of what is made at once: some 60 channels of 16 MB
EDITION = 2  # of what banks make of a map; models of another edition cannot be used
LEAST = 16  # px a side of the smallest map that has features
Place = tuple[slice, slice]


class Bank(Protocol):
    """Makes features of every cell of a map."""

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
        """What tiles begin at multiples of, in px."""
        ...

    @property
    def n_features(self) -> int:
        """Length of a feature vector."""
        ...

    def prepare(self, heights: np.ndarray) -> np.ndarray:
        """Make channels, (c, rows, cols) float32, of a whole map, (rows, cols) without NaN."""
        ...

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Make features, (rows / cell, cols / cell, n_features) float32, of channels or a piece of them."""
        ...


@dataclass(frozen=True)
class BothBiases:
    """The features of one place at two biases, one after the other."""

    bank: Bank

    @property
    def cell(self) -> int:
        """As that of its bank."""
        return self.bank.cell

    @property
    def reach(self) -> int:
        """As that of its bank."""
        return self.bank.reach

    @property
    def align(self) -> int:
        """As that of its bank."""
        return self.bank.align

    @property
    def n_features(self) -> int:
        """Twice those of its bank."""
        return 2 * self.bank.n_features

    def prepare(self, heights: np.ndarray) -> np.ndarray:
        """Make channels of both maps, (2, rows, cols)."""
        return np.concatenate([self.bank.prepare(one) for one in heights])

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Make features of both maps' channels."""
        half = len(channels) // 2
        return np.concatenate([self.bank.features(channels[:half]), self.bank.features(channels[half:])], -1)


def bank_of(recipe: Recipe, weights: dict[str, np.ndarray] | None = None) -> Any:
    """Return what makes the features of a recipe that looks at every place.

    Raises
    ------
    ValueError
        If the weights do not fit the recipe.
    """
    if recipe.features == "filters":
        from napari_stmml.features.filters import FilterBank

        bank: Any = FilterBank()
    else:
        from napari_stmml.features.learned import LearnedBank

        bank = LearnedBank(weights or {})
    return BothBiases(bank) if recipe.both_biases else bank


def plane(heights: np.ndarray) -> np.ndarray:
    """Return the first map, (rows, cols), of prepared heights of one bias or of both."""
    return heights if heights.ndim == 2 else heights[0]


def cell_tiles(bank: Bank, heights: np.ndarray, tile: int = TILE) -> Iterator[tuple[Place, np.ndarray]]:
    """Yield the features of prepared heights tile by tile, each with its place among the cells.

    A map in tiles has the very features of the same map in one piece, and memory is that of a tile.

    Parameters
    ----------
    bank : Bank
    heights : ndarray of float32, shape (rows, cols) or (2, rows, cols)
        Missing ones are given the value of the nearest.
    tile : int
        px a side of a tile, without its margin; a multiple of the bank's ``align``.

    Yields
    ------
    place : (slice, slice)
    features : ndarray of float32, shape (cells down, cells across, n_features)
    """
    if tile % bank.align:
        raise ValueError(f"tile must be a multiple of {bank.align} px, got {tile}")
    cell, margin = bank.cell, -(-bank.reach // bank.align) * bank.align
    channels = bank.prepare(fill_nearest(heights))
    shape = channels.shape[1:]
    rows, cols = WindowGrid(cell, cell).shape(shape)
    beyond = [(0, -size % bank.align) for size in shape]
    if any(after for _, after in beyond):
        channels = np.pad(channels, [(0, 0), *beyond], mode="edge")
    for top in range(0, shape[0], tile):
        for left in range(0, shape[1], tile):
            first = [max(0, start - margin) for start in (top, left)]
            piece = channels[:, first[0] : top + tile + margin, first[1] : left + tile + margin]
            made = bank.features(np.ascontiguousarray(piece))
            place = (
                slice(top // cell, min((top + tile) // cell, rows)),
                slice(left // cell, min((left + tile) // cell, cols)),
            )
            inner = tuple(
                slice(part.start - start // cell, part.stop - start // cell)
                for part, start in zip(place, first, strict=True)
            )
            yield place, made[inner]


def cell_features(bank: Bank, heights: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Return the features of all cells of prepared heights, (cells down, cells across, n_features)."""
    grid = WindowGrid(bank.cell, bank.cell)
    features = np.empty((*grid.shape(plane(heights).shape), bank.n_features), np.float32)
    for place, some in cell_tiles(bank, heights, tile):
        features[place] = some
    return features
