"""Keep the names of clusters when a model is made anew: which of the new ones is which of the old."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, count

import numpy as np

from napari_stmml.classes import Classes, SurfaceClass
from napari_stmml.colours import class_colours
from napari_stmml.events import Listener, Message, ignore
from napari_stmml.features.store import EncodedMap, FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model.classifier import SurfaceClassifier

MAPS = 12  # that both models are compared on, at most
LEAST_SHARED = 0.5  # of the pixels of both clusters together, for them to be taken for one


def keep_names(
    new: SurfaceClassifier,
    old: SurfaceClassifier,
    maps: Sequence[StoredMap],
    store: FeatureStore,
    *,
    on_event: Listener = ignore,
) -> SurfaceClassifier:
    """Give clusters of a new model the labels, names and colours of classes of an old one that they match.

    Both label the same prepared maps; a cluster and a class match if they share at least half of the pixels
    that either has, and no other pair shares more. New clusters without a match get the free labels, with
    names of their own. Labels of classes that were merged, deleted or painted are not given to another one.

    Parameters
    ----------
    new, old : SurfaceClassifier
    maps : sequence of StoredMap
        Prepared by the new model's recipe.
    store : FeatureStore
        In which features of theirs may be kept.

    Returns
    -------
    SurfaceClassifier
        ``new``, its clusters in another order, with the painted examples of ``old`` where both make the same
        features. It is returned as it is, with a `Message` that says why, where the models prepare
        scans differently, so that they cannot be compared.
    """
    if new.recipe.preprocessing != old.recipe.preprocessing:
        what = "the older model prepares scans differently, so its names cannot be matched"
        on_event(Message(what))
        return new
    table = np.zeros((new.n_clusters + 1, old.n_classes + 1), np.int64)
    for stored in maps[:MAPS]:
        painted = [_painted(model, store.encoded(stored, model.encoder)) for model in (new, old)]
        np.add.at(table, tuple(one.ravel() for one in painted), 1)
    pairs = match(table[1:, 1:])
    on_event(Message(f"{len(pairs)} of {len(old.classes.order)} older classes kept their names"))
    return reordered(new, new_order(pairs, new.n_clusters), pairs, old)


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


def new_order(pairs: dict[int, int], n_clusters: int) -> list[int]:
    """Return which new cluster comes in each place: matched ones in their old place, the others in the gaps.

    >>> new_order({2: 0, 0: 5}, 3)
    [2, 0, 1]
    """
    taken = {old: new for new, old in pairs.items() if old < n_clusters}
    left = [new for new in range(n_clusters) if new not in taken.values()]
    return [taken[place] if place in taken else left.pop(0) for place in range(n_clusters)]


def reordered(
    new: SurfaceClassifier, order: list[int], pairs: dict[int, int], old: SurfaceClassifier
) -> SurfaceClassifier:
    """Return a model with its clusters in another order, those that match with their old label."""
    same = not new.recipe.trains and new.recipe.features == old.recipe.features
    sizes = new.training.get("cluster_sizes")
    training = new.training if sizes is None else new.training | {"cluster_sizes": [sizes[i] for i in order]}
    return replace(
        new,
        clusters=new.clusters.reordered(order),
        classes=_classes([pairs.get(cluster, -1) + 1 for cluster in order], old),
        training=training,
        exemplars=None if new.exemplars is None else new.exemplars[order],
        examples=old.examples if same else None,
    )


def _classes(known: list[int], old: SurfaceClassifier) -> Classes:
    """Make the classes of a new model; ``known`` is the old label of each cluster, 0 where none matches."""
    entries, kept = old.classes.entries, _kept_labels(old) | set(known)
    free = (label for label in count(1) if label not in kept)
    of_cluster = [label or next(free) for label in known]
    most = max(*of_cluster, *kept)
    fresh = _new_classes(old, kept, len(known), most)
    made = [
        entries[label - 1] if label in kept else replace(next(fresh), gone=label not in of_cluster)
        for label in range(1, most + 1)
    ]
    order = [label for label in old.classes.order if label in kept]
    order += [label for label, one in enumerate(made, 1) if not one.gone and label not in order]
    return Classes(tuple(made), tuple(of_cluster), tuple(order))


def _kept_labels(old: SurfaceClassifier) -> set[int]:
    """Return the labels that no other class may get: of classes that are gone, and of those painted."""
    gone = {label for label, one in enumerate(old.classes.entries, 1) if one.gone}
    painted = set() if old.examples is None else set(old.examples.counts)
    return gone | painted | {int(old.classes.lookup[label]) for label in painted}


def _new_classes(
    old: SurfaceClassifier, kept: set[int], n_clusters: int, most: int
) -> Iterator[SurfaceClass]:
    """Yield a class for each label up to ``most`` that is not kept, with a name and a colour of its own."""
    entries = old.classes.entries
    taken = {entries[label - 1].name for label in kept if label and not entries[label - 1].gone}
    fresh = class_colours(most + len(entries))
    spare = (colour for colour in fresh if colour not in old.class_colours)
    for label in range(1, most + 1):
        if label not in kept:
            numbers = (f"cluster {number}" for number in chain([label], count(n_clusters + 1)))
            name = next(one for one in numbers if one not in taken)
            taken.add(name)
            yield SurfaceClass(name, next(spare))


def _painted(model: SurfaceClassifier, made: EncodedMap) -> np.ndarray:
    return model.encoder.grid.paint(model.label(made)[0], made.shape).astype(np.int64)
