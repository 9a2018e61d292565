"""A sample of cells from many prepared maps, and the windows around the most typical of each cluster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_stmml.features.encoder import Encoder
from napari_stmml.features.store import EncodedMap, FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.heights.two_biases import first_map
from napari_stmml.system.progress import Stopped

MOST = 60_000  # cells that clusters are fitted to
LEAST_OF_A_MAP = 200  # cells, so that of very many maps some are drawn
EXEMPLARS = 8  # windows a cluster
EXEMPLAR_PX = 48  # px a side


@dataclass(frozen=True, eq=False)
class Sample:
    """Features of cells drawn from maps, (n, n_features), and where each cell is.

    ``maps``, (n,), counts through ``stored``; ``cells``, (n, 2), are row and column of the cell. ``n_cells``
    is how many there were to draw from.
    """

    features: np.ndarray = field(repr=False)
    maps: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)
    stored: tuple[StoredMap, ...]
    n_cells: int

    def __len__(self) -> int:
        return len(self.features)

    def neighbours(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the cells that have a neighbour in the sample, and these: to the right, then below.

        Yields
        ------
        cells, others : ndarray of int, shape (m,)
            Indices into the sample.
        """
        sides = np.array([1, *self.cells.max(0, initial=0) + 2])  # no cell's neighbour is in another row
        place = np.column_stack([self.maps, self.cells]) @ np.array([sides[1] * sides[2], sides[2], 1])
        order = np.argsort(place)
        for step in (1, sides[2]):
            at = np.searchsorted(place[order], place + step).clip(max=max(len(place) - 1, 0))
            there = np.flatnonzero(place[order[at]] == place + step) if len(place) else np.zeros(0, int)
            yield there, order[at[there]]


def sampled_maps(maps: Sequence[StoredMap], seed: int, most: int = MOST) -> Sequence[StoredMap]:
    """Return the maps that `sample_cells` draws from: all, or, of very many, some.

    Parameters
    ----------
    maps : sequence of StoredMap
    seed, most : int
        As `sample_cells` takes them.

    Returns
    -------
    sequence of StoredMap
    """
    return _some(maps, most, _rng(seed))


def sample_cells(
    encoder: Encoder,
    maps: Sequence[StoredMap],
    store: FeatureStore,
    *,
    seed: int,
    most: int = MOST,
    keep: bool = True,
    in_pairs: bool = False,
    on_map: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Sample:
    """Draw cells evenly from maps, or, of very many maps, from some; a map is in memory at a time.

    Parameters
    ----------
    encoder : Encoder
        Of cells.
    maps : sequence of StoredMap
    store : FeatureStore
        Keeps the features, where it can hold those of all maps.
    seed : int
        The same seed draws the same cells.
    most : int
        Cells in all.
    keep : bool
        Whether anybody will ask for these features again.
    in_pairs : bool
        Draw cells with their right neighbours.
    on_map : callable
        Gets the maps done and in all.
    should_stop : callable
        Asked after every map; Stopped is raised then.
    """
    rng = _rng(seed)
    maps = _some(maps, most, rng)
    share = -(-most // len(maps))
    keep = keep and store.holds(maps, encoder)
    features, of_map, cells, there = [], [], [], 0
    for number, stored in enumerate(maps):
        made = store.encoded(stored, encoder, keep=keep)
        there += int(made.complete.sum())
        some, places = _drawn(made, share, rng, in_pairs)
        features.append(some)
        cells.append(places)
        of_map.append(np.full(len(some), number))
        on_map(number + 1, len(maps))
        if should_stop():
            raise Stopped("clustering was stopped")
    return Sample(np.concatenate(features), np.concatenate(of_map), np.concatenate(cells), tuple(maps), there)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, 1))


def _some(maps: Sequence[StoredMap], most: int, rng: np.random.Generator) -> Sequence[StoredMap]:
    if len(maps) * LEAST_OF_A_MAP <= most:
        return maps
    some = np.sort(rng.choice(len(maps), max(1, most // LEAST_OF_A_MAP), replace=False))
    return [maps[which] for which in some.tolist()]


def _drawn(
    made: EncodedMap, share: int, rng: np.random.Generator, in_pairs: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells of one map that were scanned: features (n, n_features), places (n, 2)."""
    places = np.argwhere(made.complete)
    wanted = made.complete.copy()
    if len(places) > share:
        places = places[rng.choice(len(places), -(-share // 2) if in_pairs else share, replace=False)]
        wanted[:] = False
        wanted[tuple(places.T)] = True
        if in_pairs:
            wanted[:, 1:] |= wanted[:, :-1] & made.complete[:, 1:]
    some, found = [], []
    for (rows, cols), tile in made.encode(wanted):
        here = wanted[rows, cols]
        some.append(tile[here])
        found.append(np.argwhere(here) + np.array([rows.start, cols.start]))
    return np.concatenate(some), np.concatenate(found)


def typical(
    sample: Sample, labels: np.ndarray, confidence: np.ndarray, n_clusters: int, cell: int
) -> list[np.ndarray]:
    """List for each cluster the cells of a sample that are most its own, apart from each other.

    Parameters
    ----------
    sample : Sample
    labels : ndarray of int, shape (n,)
        Cluster of each cell, from 0.
    confidence : ndarray of float, shape (n,)
    n_clusters, cell : int

    Returns
    -------
    list of ndarray of int
        For each cluster at most ``EXEMPLARS`` indices into the sample, the most typical first.
    """
    apart = EXEMPLAR_PX / 2 / cell
    found = []
    for cluster in range(n_clusters):
        own = np.flatnonzero(labels == cluster)
        kept: list[int] = []
        for one in own[np.argsort(-confidence[own], kind="stable")][: 40 * EXEMPLARS].tolist():
            near = (
                sample.maps[one] == sample.maps[other]
                and np.abs(sample.cells[one] - sample.cells[other]).max() < apart
                for other in kept
            )
            if not any(near):
                kept.append(one)
            if len(kept) == EXEMPLARS:
                break
        found.append(np.array(kept, int))
    return found


def exemplars(sample: Sample, chosen: list[np.ndarray], cell: int) -> np.ndarray:
    """Cut the window around each chosen cell out of its map.

    Returns
    -------
    ndarray of float16, shape (n_clusters, EXEMPLARS, EXEMPLAR_PX, EXEMPLAR_PX)
        Prepared heights; NaN beyond a map's edge, where nothing was scanned, and where a cluster has fewer.
    """
    side = EXEMPLAR_PX
    cut = np.full((len(chosen), EXEMPLARS, side, side), np.nan, np.float16)
    wanted = [
        (int(sample.maps[one]), c, i, one) for c, some in enumerate(chosen) for i, one in enumerate(some)
    ]
    loaded, heights = -1, np.empty((0, 0))
    for number, cluster, i, one in sorted(wanted):
        if number != loaded:
            loaded, heights = number, first_map(sample.stored[number].load())
        top, left = sample.cells[one] * cell + cell // 2 - side // 2
        rows = slice(max(top, 0), min(top + side, heights.shape[0]))
        cols = slice(max(left, 0), min(left + side, heights.shape[1]))
        place = (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
        cut[cluster, i][place] = heights[rows, cols]
    return cut
