"""Keep the names of clusters when a model is made anew: which of the new ones is which of the old."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_stmml.classifier import SurfaceClassifier
from napari_stmml.colours import class_colours
from napari_stmml.features import plane
from napari_stmml.stream import StoredMap, load_map

MAPS = 12  # that both models are compared on, at most
LEAST_SHARED = 0.5  # of the pixels of both clusters together, for them to be taken for one


def keep_names(
    new: SurfaceClassifier,
    old: SurfaceClassifier,
    maps: Sequence[StoredMap],
    *,
    on_event: Callable[[dict[str, Any]], None] = lambda event: None,
) -> SurfaceClassifier:
    """Give clusters of a new model the places, names and colours of those of an old one that they match.

    Both label the same prepared maps; two clusters match if they share at least half of the pixels that
    either has, and no other pair shares more. New clusters without a match follow behind the kept ones in
    the free places, with names of their own.

    Parameters
    ----------
    new, old : SurfaceClassifier
    maps : sequence of StoredMap
        Prepared by the new model's recipe.

    Returns
    -------
    SurfaceClassifier
        ``new``, its clusters in another order. It is returned as it is, with an event ``step`` that says
        why, where the models prepare scans differently, so that they cannot be compared.
    """
    if new.recipe.preprocessing != old.recipe.preprocessing:
        what = "the older model prepares scans differently, so its names cannot be matched"
        on_event({"event": "step", "what": what})
        return new
    table = np.zeros((new.n_clusters + 1, old.n_clusters + 1), np.int64)
    for stored in maps[:MAPS]:
        heights = load_map(stored.path)
        painted = [_painted(model, heights) for model in (new, old)]
        np.add.at(table, tuple(one.ravel() for one in painted), 1)
    pairs = match(table[1:, 1:])
    on_event({"event": "step", "what": f"{len(pairs)} of {old.n_clusters} older clusters kept their names"})
    return reordered(new, places(pairs, new.n_clusters), pairs, old)


def match(table: np.ndarray) -> dict[int, int]:
    """Pair rows with columns of a table of shared pixels, each once, so that they overlap most in all.

    >>> match(np.array([[0, 9], [8, 1], [1, 0]]))
    {0: 1, 1: 0}
    """
    from scipy.optimize import linear_sum_assignment

    union = table.sum(1, keepdims=True) + table.sum(0, keepdims=True) - table
    shared = table / np.maximum(union, 1)
    rows, columns = linear_sum_assignment(-shared)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: column for row, column in pairs if shared[row, column] >= LEAST_SHARED}


def places(pairs: dict[int, int], n_clusters: int) -> list[int]:
    """Say which new cluster comes in each place: matched ones in their old place, the others in the gaps.

    >>> places({2: 0, 0: 5}, 3)
    [2, 0, 1]
    """
    taken = {old: new for new, old in pairs.items() if old < n_clusters}
    left = [new for new in range(n_clusters) if new not in taken.values()]
    return [taken[place] if place in taken else left.pop(0) for place in range(n_clusters)]


def reordered(
    new: SurfaceClassifier, order: list[int], pairs: dict[int, int], old: SurfaceClassifier
) -> SurfaceClassifier:
    """Return a model with its clusters in another order, those that match with their old name and colour."""
    fresh = class_colours(new.n_clusters + old.n_clusters)
    spare = iter([one for one in fresh if one not in old.class_colours])
    names, colours = [], []
    for place, cluster in enumerate(order):
        known = pairs.get(cluster)
        name = f"cluster {place + 1}"
        names.append(old.class_names[known] if known is not None else name)
        colours.append(old.class_colours[known] if known is not None else next(spare))
    sizes = new.training.get("cluster_sizes")
    training = new.training if sizes is None else new.training | {"cluster_sizes": [sizes[i] for i in order]}
    return replace(
        new,
        clusters=new.clusters.reordered(order),
        class_names=_once(names, old.class_names),
        class_colours=tuple(colours),
        training=training,
        exemplars=None if new.exemplars is None else new.exemplars[order],
    )


def _once(names: list[str], older: Sequence[str]) -> tuple[str, ...]:
    """Give a new cluster another number where an older one bears its name."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number = len(names)
        kept = name
        while kept in taken:
            number += 1
            kept = f"cluster {number}"
        taken.add(kept)
        unique.append(kept)
    return tuple(unique)


def _painted(model: SurfaceClassifier, heights: np.ndarray) -> np.ndarray:
    grid = model.recipe.prediction_grid
    labels, _ = model.label_windows(heights, grid)
    return grid.paint(labels, plane(heights).shape).astype(np.int64)
