"""Train a SurfaceClassifier: prepare scans, train the autoencoder on their windows, cluster its features."""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.kmeans import fit_clusters
from napari_stmml.events import Clustering, Event, Listener, Skipped, TrainingWindows, ignore
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.intake import prepare_scans
from napari_stmml.model import model_file, training_cells
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.encoders import make_encoder
from napari_stmml.model.matching import keep_names
from napari_stmml.recipe import DEFAULT, Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.srsml24 import dense_unet
from napari_stmml.srsml24.encoders import AT_ONCE
from napari_stmml.srsml24.unet import Autoencoder, TrainingState, train_autoencoder
from napari_stmml.srsml24.window_stream import StoredMap, WindowStream, load_map, places_of, store_map
from napari_stmml.system.files import sha256
from napari_stmml.system.progress import of_training

SAMPLE = 512  # windows that a model kept in mid-training is clustered on: a second's work


def warn_of_skipped(event: Event) -> None:
    """Turn the event that a scan was left out into a warning; the default listener of training."""
    if isinstance(event, Skipped):
        warnings.warn(f"left out: {event.why}", stacklevel=4)


def train_classifier(
    scans: Iterable[Scan],
    *,
    recipe: str | Recipe = DEFAULT,
    n_clusters: int | str | None = None,
    seed: int = 0,
    like: SurfaceClassifier | None = None,
    on_event: Listener = warn_of_skipped,
    keep: Callable[[SurfaceClassifier], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SurfaceClassifier:
    """Make a model of scans: prepare, make features (train a network, where the recipe has one), cluster.

    The same scans and seed give the same labels. Of a network that is trained on windows, the lowest tenth
    of each scan's windows is held out to validate on, and windows that overlap it are left out of training.

    Parameters
    ----------
    scans : iterable of Scan
        A scan that cannot be used is left out and reported. Forward and backward of a frame are paired
        where the recipe takes both biases.
    recipe : str or Recipe
    n_clusters : int or ``"auto"``, optional
        In place of the recipe's ``num_clusters``; ``"auto"`` takes what `grouping.propose` proposes.
    seed : int
    like : SurfaceClassifier, optional
        An older model: clusters that are nearly the same as one of its own keep its place, name and colour.
    on_event : callable
        Gets events: `Skipped`, `TrainingWindows`, `BatchDone`, `EpochDone`, `Clustering`,
        `ClustersProposed` and `Message` of ``napari_stmml.events``.
    keep : callable, optional
        Gets a usable classifier after the first batch and after every epoch, clustered on a sample.
    should_stop : callable
        Asked after every batch; the model so far is then clustered on a sample and returned.

    Raises
    ------
    ValueError
        If no scan can be used, or there are fewer windows than clusters.
    """
    auto = n_clusters == "auto"
    if isinstance(n_clusters, str) and not auto:
        raise ValueError(f"n_clusters must be a whole number or 'auto', got {n_clusters!r}")
    recipe = get_recipe(recipe, num_clusters=None if auto else n_clusters)
    with tempfile.TemporaryDirectory(prefix="stmml-") as folder:
        maps, sources = _store(scans, recipe, Path(folder), on_event)
        work = _train_windows if recipe.of_windows else training_cells.train
        made = work(
            maps,
            recipe,
            begin_training(sources, seed),
            auto=auto,
            on_event=on_event,
            keep=keep,
            should_stop=should_stop,
        )
        return made if like is None else keep_names(made, like, maps, on_event=on_event)


def _train_windows(
    maps: list[StoredMap],
    recipe: Recipe,
    training: dict[str, Any],
    *,
    auto: bool,
    on_event: Listener,
    keep: Callable[[SurfaceClassifier], None] | None,
    should_stop: Callable[[], bool],
) -> SurfaceClassifier:
    """Train the seed's network on windows of prepared maps, and cluster what it makes of them."""
    if auto:
        raise ValueError(f"recipe {recipe.name} cannot propose a number of clusters; 'instant' can")
    stream = WindowStream(maps, recipe.training_grid, together=recipe.cluster_buffer_size)
    check_windows(stream, recipe)
    train, validation = split(maps, maps, recipe)
    on_event(TrainingWindows(len(maps), len(train), len(validation)))
    sample = replace(stream, limit=max(SAMPLE, recipe.num_clusters))

    def classifier(autoencoder: Autoencoder, windows: WindowStream, quick: bool) -> SurfaceClassifier:
        features = encoded(autoencoder, windows, recipe, training["seed"])
        told = ignore if quick else on_event
        encoder = make_encoder(recipe, autoencoder.weights)
        return cluster(encoder, features, len(windows), recipe, training, on_event=told)

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


def begin_training(sources: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Begin the record of a training that the model will keep."""
    return {"files": sources, "seed": seed, "history": [], "made_with": model_file.versions()}


def check_windows(windows: WindowStream, recipe: Recipe) -> None:
    """Refuse to train on fewer windows than clusters are asked for."""
    if len(windows) < recipe.num_clusters:
        raise ValueError(
            f"{recipe.num_clusters} clusters need at least as many windows, there are {len(windows)}"
        )


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
    on_event: Listener = ignore,
    keep: Callable[[Autoencoder], None] | None = None,
    keep_state: Callable[[TrainingState], None] | None = None,
    go_on: TrainingState | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Autoencoder:
    """Train the autoencoder of a recipe, noting the losses of every epoch in ``training``."""
    on_batch, on_epoch = of_training(training["history"], on_event)
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
    size = max(recipe.cluster_batch_size, recipe.num_clusters)
    if recipe.features == "dense windows":
        yield from _densely(autoencoder, windows, size, seed)
        return
    for batch in windows.batches(size, seed):
        yield encode(autoencoder, batch)


def encode(autoencoder: Autoencoder, batch: np.ndarray) -> np.ndarray:
    """Encode any number of windows, some at a time, as (n, n_features) float32."""
    parts = range(0, len(batch), AT_ONCE)
    return np.concatenate([autoencoder.encode(batch[i : i + AT_ONCE]) for i in parts])


def _densely(autoencoder: Autoencoder, windows: WindowStream, size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield what the dense engine makes of the windows, map after map in a random order."""
    rng = np.random.default_rng(seed)
    pitch = next(step for step in (8, 4, 2, 1) if windows.grid.pitch % step == 0)
    left = len(windows)
    waiting = np.empty((0, autoencoder.n_features), np.float32)
    for which in rng.permutation(len(windows.maps)).tolist():
        heights = load_map(windows.maps[which].path)
        places = places_of(heights, windows.grid, windows.part)
        starts = [windows.grid.starts(length) for length in heights.shape]
        pixels = np.stack([starts[axis][places[:, axis]] for axis in (0, 1)], 1)
        pixels = pixels[(pixels % pitch == 0).all(1)]  # the last, flush ones lie between the cells
        made = dense_unet.dense_features(autoencoder.dense_encoder, heights, pitch)
        cells_of = dense_unet.blocks(made, pitch, windows.grid.window)
        for some in np.array_split(rng.permutation(pixels)[:left] // pitch, -(-len(pixels) // size) or 1):
            flat = cells_of[some[:, 0], some[:, 1]].reshape(len(some), -1)
            waiting = np.concatenate([waiting, flat])
            left -= len(some)
            while len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
    if len(waiting):
        yield waiting


def cluster(
    encoder: Encoder,
    features: Iterable[np.ndarray],
    total: int,
    recipe: Recipe,
    training: dict[str, Any],
    *,
    on_event: Listener = ignore,
) -> SurfaceClassifier:
    """Cluster features into a classifier; how that went is in its ``training``."""

    def on_step(done: int) -> None:
        on_event(Clustering(done, total))

    found = fit_clusters(features, recipe, seed=training["seed"], on_step=on_step)
    record = training | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cluster_sizes": list(found.sizes),
        "clustered_windows": sum(found.windows),
        "convergence": {"windows": list(found.windows), "inertia": list(found.inertia)},
        "history": list(training["history"]),
    }
    classes = Classes.plain([f"cluster {i + 1}" for i in range(len(found.centres))])
    return SurfaceClassifier(recipe, encoder, Prototypes.plain(found.centres), classes, record)


def _store(
    scans: Iterable[Scan], recipe: Recipe, folder: Path, on_event: Listener
) -> tuple[list[StoredMap], list[dict[str, Any]]]:
    """Prepare all scans into files of a folder; report those that cannot be used."""
    maps: list[StoredMap] = []
    sources, why = [], "there was none"
    hashes: dict[str, str | None] = {}
    grid = recipe.training_grid if recipe.trains else recipe.prediction_grid
    for made in prepare_scans(scans, recipe, grid):
        if isinstance(made, Skipped):
            why = made.why
            on_event(made)
            continue
        scan = made.scan
        maps.append(store_map(folder / f"{len(maps):06d}.npy", made.heights, grid))
        if scan.source not in hashes:
            hashes[scan.source] = sha256(scan.source) if scan.source else None
        name = Path(scan.source).name or scan.name
        sources.append({"name": name, "direction": scan.direction, "sha256": hashes[scan.source]})
    if not maps:
        raise ValueError(f"no scan can be used for training: {why}")
    return maps, sources
