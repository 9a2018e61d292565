"""Make a classifier of the features of every place: train their network, where they have one, and cluster."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.clustering.balanced import Proposal, fit_prototypes, propose
from napari_stmml.clustering.sampling import MOST, exemplars, sample_cells, typical
from napari_stmml.events import Clustering, ClustersProposed, Listener, Message, TrainingWindows, ignore
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.encoder import Encoder
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.encoders import make_encoder
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.window_stream import StoredMap, load_map
from napari_stmml.system.progress import of_training

QUICK = 6000  # cells that a model kept in mid-training is clustered on
SAMPLED = 600  # examples of an epoch, where the recipe names no number
MOST_MAPS = 60  # that are held in memory to train on


def train(
    maps: Sequence[StoredMap],
    recipe: Recipe,
    training: dict[str, Any],
    *,
    auto: bool = False,
    on_event: Listener = ignore,
    keep: Callable[[SurfaceClassifier], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SurfaceClassifier:
    """Make a classifier of prepared maps; the parameters are those of `training.train_classifier`."""
    if not recipe.trains:
        on_event(Message(f"{len(maps)} scans: nothing to train, clustering"))
        return cluster(make_encoder(recipe), maps, recipe, training, auto=auto, on_event=on_event)

    def quickly(weights: dict[str, np.ndarray]) -> None:
        if keep is not None:
            encoder = make_encoder(recipe, weights)
            keep(cluster(encoder, maps[:8], recipe, training, most=QUICK, complete=False))

    encoder = make_encoder(recipe, train_bank(maps, recipe, training, on_event, quickly, should_stop))
    stopped = should_stop()
    most = QUICK if stopped else MOST
    return cluster(encoder, maps, recipe, training, auto=auto, most=most, on_event=on_event)


def train_bank(
    maps: Sequence[StoredMap],
    recipe: Recipe,
    training: dict[str, Any],
    on_event: Listener,
    keep: Callable[[dict[str, np.ndarray]], None] = lambda weights: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, np.ndarray]:
    """Train the network of a recipe on maps, of very many on some; return its weights."""
    from napari_stmml.features.learned import train_learned

    seed = training["seed"]
    encoder = make_encoder(recipe)
    assert isinstance(encoder, CellEncoder)
    sampled = recipe.sampled_windows or SAMPLED
    rng = np.random.default_rng((seed, 2))
    some = np.sort(rng.permutation(len(maps))[:MOST_MAPS])
    on_batch, on_epoch = of_training(training["history"], on_event)
    channels = []
    for which in some.tolist():
        heights = load_map(maps[which].path)
        made = encoder.channels(heights)
        for first in range(0, len(made), 2):
            one = made[first : first + 2].copy()
            one[:, ~np.isfinite(heights if heights.ndim == 2 else heights[first // 2])] = np.nan
            channels.append(one)
        if should_stop():
            break
    on_event(TrainingWindows(len(maps), train=sampled, validation=0))
    return train_learned(
        channels,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=seed,
        sampled=sampled,
        on_batch=on_batch,
        on_epoch=on_epoch,
        keep=keep,
        should_stop=should_stop,
    )


def cluster(
    encoder: Encoder,
    maps: Sequence[StoredMap],
    recipe: Recipe,
    training: dict[str, Any],
    *,
    auto: bool = False,
    most: int = MOST,
    complete: bool = True,
    on_event: Listener = ignore,
) -> SurfaceClassifier:
    """Cluster the cells of prepared maps.

    Parameters
    ----------
    encoder : Encoder
    maps : sequence of StoredMap
    recipe : Recipe
    training : dict
        The record so far; what is found is added to a copy of it.
    auto : bool
        Take the number of clusters that is proposed, instead of the recipe's.
    most : int
        Cells to fit to.
    complete : bool
        Whether to look for exemplars.
    """

    def on_map(done: int, total: int) -> None:
        on_event(Clustering(done, total))

    seed = training["seed"]
    sample = sample_cells(encoder, maps, seed=seed, most=most, on_map=on_map)
    k = recipe.num_clusters
    if len(sample) < k:
        raise ValueError(
            f"{k} clusters need at least as many cells of {encoder.grid.window} px, there are {len(sample)}"
        )
    proposed: Proposal | None = None
    if auto:
        proposed = propose(sample.features, seed=seed)
        k = proposed.n_clusters
        on_event(ClustersProposed(**proposed.as_dict()))
    found = fit_prototypes(sample.features, k, seed=seed)
    labels, confidence = found.assign(sample.features)
    record = training | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cluster_sizes": np.bincount(labels, minlength=found.n_clusters).tolist(),
        "clustered_windows": len(sample),
        "history": list(training["history"]),
        **({} if proposed is None else {"proposed": proposed.as_dict()}),
    }
    shown = None
    if complete:
        chosen = typical(sample, labels, confidence, found.n_clusters, encoder.grid.window)
        shown = exemplars(sample, chosen, encoder.grid.window)
    classes = Classes.plain([f"cluster {i + 1}" for i in range(found.n_clusters)])
    recipe = replace(recipe, num_clusters=k)
    return SurfaceClassifier(recipe, encoder, found, classes, record, exemplars=shown)
