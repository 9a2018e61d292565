"""Windows of many prepared maps, streamed from disk in shuffled batches; memory is that of a few maps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.heights.two_biases import first_map
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.system.files import write_array

LEAST_TOGETHER = 4  # maps whose windows are shuffled together, whatever their number
PARTS = ("all", "train", "held")


@dataclass(frozen=True, eq=False)
class WindowMap(StoredMap):
    """A prepared map, and how many windows of each part it has."""

    all: int = 0
    train: int = 0
    held: int = 0


def with_counts(stored: StoredMap, grid: WindowGrid) -> WindowMap:
    """Count the windows of a stored map, unless that has been done.

    Parameters
    ----------
    stored : StoredMap
    grid : WindowGrid

    Returns
    -------
    WindowMap
        ``stored`` itself if it is one; then nothing is read.
    """
    if isinstance(stored, WindowMap):
        return stored
    heights = stored.load()
    counts = {part: len(places_of(heights, grid, part)) for part in PARTS}
    return WindowMap(stored.path, stored.key, **counts)


def store_map(path: str | Path, heights: np.ndarray, grid: WindowGrid) -> WindowMap:
    """Write prepared heights, (rows, cols) and NaN, as ``.npy``, and count their windows.

    Parameters
    ----------
    path : str or Path
    heights : ndarray, shape (rows, cols)
        Written as float32.
    grid : WindowGrid

    Returns
    -------
    WindowMap
    """
    write_array(path, heights.astype(np.float32, copy=False))
    return with_counts(StoredMap(Path(path)), grid)


def places_of(heights: np.ndarray, grid: WindowGrid, part: str = "all") -> np.ndarray:
    """List the windows of one part of a map that hold no NaN: row and column in the grid, (n, 2).

    The map is (rows, cols), or (2, rows, cols) of two biases.

    ``held`` is the lowest tenth of the rows of windows, to validate on; ``train`` is what does not
    overlap it.
    """
    heights = first_map(heights)  # those of two biases lack the same pixels
    places = (
        np.argwhere(grid.complete(heights)) if min(heights.shape) >= grid.window else np.empty((0, 2), int)
    )
    if part == "all" or not len(places):
        return places
    starts = grid.starts(heights.shape[0])[places[:, 0]]
    first = np.quantile(starts, 0.9, method="higher")
    return places[starts >= first] if part == "held" else places[starts + grid.window <= first]


def in_batches(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Join arrays, (n, ...) of any n, to batches of ``size``; the last one may be shorter."""
    waiting = None
    for some in pieces:
        waiting = some if waiting is None or not len(waiting) else np.concatenate([waiting, some])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting is not None and len(waiting):
        yield waiting


@dataclass(frozen=True)
class WindowStream:
    """The windows of one part of many maps, in batches.

    Parameters
    ----------
    maps : sequence of WindowMap
    grid : WindowGrid
    part : str
        ``all``, ``train`` or ``held``.
    limit : int
        Most windows, taken evenly from all maps; 0 for all.
    together : int
        Windows that are shuffled together, at least; the maps that hold them are in memory at a time.
    """

    maps: Sequence[WindowMap]
    grid: WindowGrid
    part: str = "all"
    limit: int = 0
    together: int = 12_800

    def __len__(self) -> int:
        return int(self._takes().sum())

    def batches(self, size: int, seed: Any = None, only: range | None = None) -> Iterator[np.ndarray]:
        """Yield every window once, in batches of (size, window, window) float32, the last one shorter.

        In the order of the maps, or, with a ``seed`` (an int or ints), in a random one.

        Parameters
        ----------
        size : int
            Windows of a batch.
        seed : int or sequence of int, optional
        only : range, optional
            Numbers of the batches that are wanted, one after the other; maps that hold none of their windows
            are not read.

        Yields
        ------
        ndarray of float32, shape (size, window, window)

        Raises
        ------
        ValueError
            If a stored map has another number of windows than were counted.
        """
        rng = None if seed is None else np.random.default_rng(seed)
        cut = (
            self._cut(heights, places[start : start + size])
            for heights, places in self._groups(rng, only and range(only.start * size, only.stop * size))
            for start in range(0, len(places), size)
        )
        return in_batches(cut, size)

    def _takes(self) -> np.ndarray:
        """Say how many windows each map gives, (n_maps,)."""
        counts = np.array([getattr(stored, self.part) for stored in self.maps], np.int64)
        if not self.limit or counts.sum() <= self.limit:
            return counts
        shares = np.insert(counts.cumsum(), 0, 0) * self.limit // counts.sum()
        return np.diff(shares)

    def _groups(
        self, rng: np.random.Generator | None, only: range | None = None
    ) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
        """Yield some maps at a time, and the places of their windows, (n, 3): map, row and column of grid.

        Of the windows, counted through all maps, those of ``only``; groups without any are not read.
        """
        takes = self._takes()
        order = np.flatnonzero(takes)
        if rng is not None:
            rng.shuffle(order)
        group: list[int] = []
        before = waiting = 0
        for number, which in enumerate(order.tolist(), 1):
            group.append(which)
            waiting += int(takes[which])
            if number == len(order) or (waiting >= self.together and len(group) >= LEAST_TOGETHER):
                wanted = slice(None)
                if only is not None:
                    wanted = slice(max(0, only.start - before), max(0, only.stop - before))
                if wanted.start is None or wanted.start < min(waiting, wanted.stop):
                    heights, places = self._read(group, takes)
                else:  # shuffled all the same, so that what comes later is in the same order
                    heights, places = [], np.zeros((waiting, 3), np.int64)
                if rng is not None:
                    rng.shuffle(places)
                if heights:
                    yield heights, places[wanted]
                before, waiting, group = before + waiting, 0, []

    def _read(self, group: list[int], takes: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Read some maps; return them and the places of their windows, (n, 3), as ``_groups`` yields them."""
        heights: list[np.ndarray] = []
        places: list[np.ndarray] = []
        for which in group:
            stored = self.maps[which]
            heights.append(stored.load())
            here = places_of(heights[-1], self.grid, self.part)
            if len(here) != getattr(stored, self.part):
                raise ValueError(f"{stored.path} is not the map that was prepared; prepare it again")
            here = here[np.arange(takes[which], dtype=np.int64) * len(here) // takes[which]]
            places.append(np.insert(here, 0, len(heights) - 1, axis=1))
        return heights, np.concatenate(places)

    def _cut(self, heights: list[np.ndarray], places: np.ndarray) -> np.ndarray:
        """Copy windows out of maps, (n, window, window)."""
        windows = np.empty((len(places), self.grid.window, self.grid.window), np.float32)
        for which in np.unique(places[:, 0]):
            here = places[:, 0] == which
            windows[here] = self.grid.extract(heights[which], places[here, 1:])
        return windows


def split(
    maps: Sequence[WindowMap],
    test_maps: Sequence[WindowMap],
    grid: WindowGrid,
    *,
    together: int,
    train_limit: int = 0,
    test_limit: int = 0,
) -> tuple[WindowStream, WindowStream]:
    """Return the windows to train on and those to validate on.

    Parameters
    ----------
    maps, test_maps : sequence of WindowMap
        Without maps to validate on, the lowest tenth of each map is held out; none where the maps are too
        low for that.
    grid : WindowGrid
    together : int
        Windows that are shuffled together.
    train_limit, test_limit : int
        Most windows; 0 for all.
    """
    train = WindowStream(maps, grid, "all" if test_maps else "train", train_limit, together)
    held = WindowStream(test_maps or maps, grid, "all" if test_maps else "held", test_limit, together)
    if not len(train):
        return replace(train, part="all"), replace(held, maps=())
    return train, held
