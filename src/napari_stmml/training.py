"""Train a SurfaceClassifier: prepare scans, train the autoencoder on their windows, cluster its features."""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import bundle
from napari_stmml.autoencoder import Autoencoder, TrainingState, train_autoencoder
from napari_stmml.classifier import ENCODED_AT_ONCE, SurfaceClassifier, windows_of
from napari_stmml.clusters import fit_clusters
from napari_stmml.colours import class_colours
from napari_stmml.files import sha256
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.stream import StoredMap, WindowStream, store_map

Event = dict[str, Any]
SAMPLE = 512  # windows that a model kept in mid-training is clustered on: a second's work


def warn_of_skipped(event: Event) -> None:
    """Turn the event that a scan was left out into a warning; the default listener of training."""
    if event["event"] == "skipped":
        warnings.warn(f"left out: {event['why']}", stacklevel=4)


def train_classifier(
    scans: Iterable[Scan],
    *,
    recipe: str | Recipe = "srsml24",
    n_clusters: int | None = None,
    seed: int = 0,
    on_event: Callable[[Event], None] = warn_of_skipped,
    keep: Callable[[SurfaceClassifier], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SurfaceClassifier:
    """Train a model on scans: prepare, cut windows, train the autoencoder, cluster its features.

    The lowest tenth of each scan's windows is held out to validate on, and windows that overlap
    it are left out of training. The same scans and seed give the same labels.

    Parameters
    ----------
    scans : iterable of Scan
        A scan that cannot be used is left out and reported.
    recipe : str or Recipe
    n_clusters : int, optional
        In place of the recipe's ``num_clusters``.
    seed : int
    on_event : callable
        Gets dicts with ``event`` one of ``skipped`` (``scan``, ``why``), ``windows`` (``scans``,
        ``train``, ``validation``), ``batch`` (``epoch``, ``batch``, ``batches``, ``loss``),
        ``epoch`` (``epoch``, ``loss``, ``mse``, ``mae``, ``val_loss``, ...), ``clustering``
        (``done``, ``total``).
    keep : callable, optional
        Gets a usable classifier after the first batch and after every epoch, clustered on a sample.
    should_stop : callable
        Asked after every batch; the model so far is then clustered on a sample and returned.

    Raises
    ------
    ValueError
        If no scan can be used, or there are fewer windows than clusters.
    """
    recipe = get_recipe(recipe, num_clusters=n_clusters)
    with tempfile.TemporaryDirectory(prefix="stmml-") as folder:
        maps, sources = _store(scans, recipe, Path(folder), on_event)
        stream = WindowStream(maps, recipe.training_grid, together=recipe.cluster_buffer_size)
        training = begin_training(stream, recipe, sources, seed)
        train, validation = split(maps, maps, recipe)
        on_event(
            {"event": "windows", "scans": len(sources), "train": len(train), "validation": len(validation)}
        )
        sample = replace(stream, limit=max(SAMPLE, recipe.num_clusters))

        def classifier(autoencoder: Autoencoder, windows: WindowStream, quick: bool) -> SurfaceClassifier:
            features = encoded(autoencoder, windows, recipe, seed)
            told = (lambda event: None) if quick else on_event
            return cluster(autoencoder, features, len(windows), recipe, training, on_event=told)

        autoencoder = train_network(
            train,
            validation,
            recipe,
            training,
            on_event=on_event,
            keep=(lambda so_far: keep(classifier(so_far, sample, quick=True))) if keep else None,
            should_stop=should_stop,
        )
        stopped = should_stop()
        return classifier(autoencoder, sample if stopped else stream, quick=stopped)


def begin_training(
    windows: WindowStream, recipe: Recipe, sources: list[dict[str, Any]], seed: int
) -> dict[str, Any]:
    """Begin the record of a training that the model will keep; refuse one of too few windows."""
    if len(windows) < recipe.num_clusters:
        raise ValueError(
            f"{recipe.num_clusters} clusters need at least as many windows, there are {len(windows)}"
        )
    return {"files": sources, "seed": seed, "history": [], "made_with": bundle.versions()}


def split(
    maps: Sequence[StoredMap],
    test_maps: Sequence[StoredMap],
    recipe: Recipe,
    train_limit: int = 0,
    test_limit: int = 0,
) -> tuple[WindowStream, WindowStream]:
    """Return the windows to train and to validate on: of maps apart, or a tenth held out of the same."""
    grid, together = recipe.training_grid, recipe.buffer_size
    apart = test_maps is not maps
    train = WindowStream(maps, grid, "all" if apart else "train", train_limit, together)
    held = WindowStream(test_maps, grid, "all" if apart else "held", test_limit, together)
    if not len(train):  # scans of a few rows of windows: all of them are needed to train
        return replace(train, part="all"), replace(held, maps=())
    return train, held


def train_network(
    train: WindowStream,
    validation: WindowStream,
    recipe: Recipe,
    training: dict[str, Any],
    *,
    on_event: Callable[[Event], None] = lambda event: None,
    keep: Callable[[Autoencoder], None] | None = None,
    keep_state: Callable[[TrainingState], None] | None = None,
    go_on: TrainingState | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Autoencoder:
    """Train the autoencoder of a recipe, noting the losses of every epoch in ``training``."""

    def on_epoch(epoch: int, losses: dict[str, float]) -> None:
        training["history"].append({"epoch": epoch, **losses})
        on_event({"event": "epoch", "epoch": epoch, **losses})

    def on_batch(epoch: int, batch: int, batches: int, loss: float) -> None:
        on_event({"event": "batch", "epoch": epoch, "batch": batch, "batches": batches, "loss": loss})

    return train_autoencoder(
        train,
        validation,
        window=recipe.window_size,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=training["seed"],
        on_batch=on_batch,
        on_epoch=on_epoch,
        keep=keep or (lambda autoencoder: None),
        keep_state=keep_state,
        go_on=go_on,
        should_stop=should_stop,
    )


def encoded(
    autoencoder: Autoencoder, windows: WindowStream, recipe: Recipe, seed: int
) -> Iterator[np.ndarray]:
    """Yield the features of all windows in shuffled batches, (cluster_batch_size, n_features) float32."""
    for batch in windows.batches(max(recipe.cluster_batch_size, recipe.num_clusters), seed):
        yield encode(autoencoder, batch)


def encode(autoencoder: Autoencoder, batch: np.ndarray) -> np.ndarray:
    """Encode any number of windows, some at a time, as (n, n_features) float32."""
    parts = range(0, len(batch), ENCODED_AT_ONCE)
    return np.concatenate([autoencoder.encode(batch[i : i + ENCODED_AT_ONCE]) for i in parts])


def cluster(
    autoencoder: Autoencoder,
    features: Iterable[np.ndarray],
    total: int,
    recipe: Recipe,
    training: dict[str, Any],
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> SurfaceClassifier:
    """Cluster features into a classifier; how that went is in its ``training``."""

    def on_step(done: int) -> None:
        on_event({"event": "clustering", "done": done, "total": total})

    found = fit_clusters(features, recipe, seed=training["seed"], on_step=on_step)
    record = training | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cluster_sizes": list(found.sizes),
        "clustered_windows": sum(found.windows),
        "convergence": {"windows": list(found.windows), "inertia": list(found.inertia)},
        "history": list(training["history"]),
    }
    n = len(found.centres)
    names = tuple(f"cluster {i + 1}" for i in range(n))
    return SurfaceClassifier(recipe, autoencoder, found.centres, names, class_colours(n), record)


def _store(
    scans: Iterable[Scan], recipe: Recipe, folder: Path, on_event: Callable[[Event], None]
) -> tuple[list[StoredMap], list[dict[str, Any]]]:
    """Prepare all scans into files of a folder; report those that cannot be used."""
    maps: list[StoredMap] = []
    sources, why = [], "there was none"
    hashes: dict[str, str | None] = {}
    grid = recipe.training_grid
    for scan in scans:
        try:
            prepared, _ = windows_of(scan, recipe, grid)
        except ValueError as error:
            why = str(error)
            reason = getattr(error, "reason", "cannot be prepared")
            on_event({"event": "skipped", "scan": scan.name, "why": why, "reason": reason})
            continue
        maps.append(store_map(folder / f"{len(maps):06d}.npy", prepared, grid))
        if scan.source not in hashes:
            hashes[scan.source] = sha256(scan.source) if scan.source else None
        name = Path(scan.source).name or scan.name
        sources.append({"name": name, "direction": scan.direction, "sha256": hashes[scan.source]})
    if not maps:
        raise ValueError(f"no scan can be used for training: {why}")
    return maps, sources
