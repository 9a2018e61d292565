"""Train a SurfaceClassifier on scans: prepare them, train an encoder, cluster its features."""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from napari_stmml.events import Event, Listener, Message, Skipped
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.intake import skipped
from napari_stmml.features.own_density import with_density_of
from napari_stmml.features.store import TOTAL, FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.heights.two_biases import paired
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.matching import keep_names
from napari_stmml.model.methods import method_of
from napari_stmml.model.suitability import about_scan, check_one_quantity
from napari_stmml.model.training_record import ClusterOptions, TrainingHooks, TrainingMaps, TrainingRecord
from napari_stmml.recipe import DEFAULT, Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.system.files import sha256
from napari_stmml.system.keras import need_keras


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
    store: FeatureStore | None = None,
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
        Without a pixel density it takes that of the scans; the model's recipe has it.
    n_clusters : int or ``"auto"``, optional
        In place of the recipe's ``num_clusters``; ``"auto"`` takes what `grouping.propose` proposes.
    seed : int
    like : SurfaceClassifier, optional
        An older model: clusters that are nearly the same as one of its own keep its place, name and colour.
    store : FeatureStore, optional
        Keeps prepared maps and features, for predictions of the same scans; a private one if not given.
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
        If no scan can be used, they are of several quantities, there are fewer windows than clusters, or the
        recipe has a network and TensorFlow is not installed.
    """
    auto = n_clusters == "auto"
    if isinstance(n_clusters, str) and not auto:
        raise ValueError(f"n_clusters must be a whole number or 'auto', got {n_clusters!r}")
    recipe = get_recipe(recipe, num_clusters=None if auto else n_clusters)
    if recipe.trains:
        need_keras()
    recipe, scans = with_density_of(recipe, scans)
    method = method_of(recipe)
    if auto and not method.proposes:
        raise ValueError(f"recipe {recipe.title} cannot propose a number of clusters; 'instant' can")
    store = store or FeatureStore(total=TOTAL if like else 0)
    stored, files = _prepared(scans, recipe, store, on_event)
    maps, record = method.counted(TrainingMaps(stored), recipe), TrainingRecord(tuple(files), seed)
    if not recipe.trains:
        on_event(Message(f"{len(stored)} scans: nothing to train, clustering"))

    def keep_so_far(encoder: Encoder) -> None:
        if keep is not None:
            keep(method.cluster(encoder, maps, recipe, record, ClusterOptions(quick=True)))

    hooks = TrainingHooks(on_event, keep_so_far, should_stop=should_stop)
    encoder = method.train(maps, recipe, record, hooks)
    stopped = recipe.trains and should_stop()
    options = ClusterOptions(auto, stopped, store=store, on_event=on_event)
    made = method.cluster(encoder, maps, recipe, record, options)
    return made if like is None else keep_names(made, like, stored, store, on_event=on_event)


def _prepared(
    scans: Iterable[Scan], recipe: Recipe, store: FeatureStore, on_event: Listener
) -> tuple[list[StoredMap], list[dict[str, Any]]]:
    """Prepare all scans; report those that cannot be used. Return maps, and what the model keeps of each."""
    maps: list[StoredMap] = []
    files, why = [], "there was none"
    hashes: dict[str, str | None] = {}
    grid = recipe.training_grid if recipe.trains else recipe.prediction_grid
    for scan in paired(scans, recipe.preprocessing):
        try:
            maps.append(store.prepare(scan, recipe, grid))
        except ValueError as error:
            why = str(error)
            on_event(skipped(scan, error))
            continue
        if scan.source not in hashes:
            hashes[scan.source] = sha256(scan.source) if scan.source else None
        name = Path(scan.source).name or scan.name
        own = {"name": name, "direction": scan.direction, "sha256": hashes[scan.source]}
        files.append(own | about_scan(scan))
    if not maps:
        raise ValueError(f"no scan can be used for training: {why}")
    check_one_quantity(files, recipe.mixed_channels)
    return maps, files
