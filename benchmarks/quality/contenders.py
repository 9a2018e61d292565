"""What is compared: the recipes, and baselines that a recipe has to beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.quality import cache
from benchmarks.quality.baselines import blind, plain_filters, raw_windows
from benchmarks.quality.models import OfPackage, Remembered
from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.store import FeatureStore
from napari_stmml.model.encoders import make_encoder
from napari_stmml.model.methods import method_of
from napari_stmml.model.training_record import TrainingMaps, TrainingRecord
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.srsml24.encoders import WindowEncoder
from napari_stmml.srsml24.training import train_autoencoder
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder
from napari_stmml.srsml24.window_stream import split

Weights = dict[str, np.ndarray]
_OF_NETWORKS = (
    *("features", "flatten_method", "resample", "pixel_density", "normalisation", "data_scaling"),
    *(
        "window_size",
        "window_pitch",
        "batch_size",
        "buffer_size",
        "learning_rate",
        "epochs",
        "sampled_windows",
    ),
)
_NAMES = ("events", "model.matching")  # change no number
_WINDOWS = ("srsml24", "model.window_method")  # the network on windows, and all that is its own
_FILTERS = ("features.filters", "features.cells", "model.cell_method")
_LEARNED = ("features.learned",)
_BOTH = ("heights.two_biases",)
_MODEL = ("model.training", "model.classifier")


@dataclass(frozen=True)
class Contender:
    """One line of the table.

    ``fit`` gets kind, scans, seed and numbers of clusters and gives a model for each number. ``code`` hashes
    what the result depends on. ``slow`` ones are left out of a quick run.
    """

    name: str
    fit: Callable[[str, Sequence[Scan], int, Sequence[int]], dict[int, Any]]
    code: Callable[[], str]
    slow: bool = False
    both: bool = False  # whether surfaces of both biases are asked for
    pairs: bool = False  # whether the scans carry the other bias


def by_recipe(recipe: Recipe) -> Callable[..., dict[int, Any]]:
    """Fit a recipe that has nothing to train, through the public function."""

    def fit(kind: str, scans: Sequence[Scan], seed: int, ks: Sequence[int]) -> dict[int, Any]:
        return {k: OfPackage(train_classifier(scans, recipe=recipe, n_clusters=k, seed=seed)) for k in ks}

    return fit


def by_network(
    recipe: Recipe, network: Callable[[str, Sequence[Scan], int], Weights]
) -> Callable[..., dict[int, Any]]:
    """Fit a recipe to what one network gives, whatever the number of clusters."""

    def fit(kind: str, scans: Sequence[Scan], seed: int, ks: Sequence[int]) -> dict[int, Any]:
        encoder = make_encoder(recipe, network(kind, scans, seed))
        if isinstance(encoder, WindowEncoder):
            encoder = replace(encoder, autoencoder=Remembered(encoder.autoencoder))
        return {k: OfPackage(clustered(encoder, scans, get_recipe(recipe, num_clusters=k), seed)) for k in ks}

    return fit


def clustered(encoder: Encoder, scans: Sequence[Scan], recipe: Recipe, seed: int) -> SurfaceClassifier:
    """Cluster what a network gives: the second half of ``train_classifier``."""
    store = FeatureStore()
    grid = recipe.training_grid if recipe.trains else recipe.prediction_grid
    maps = TrainingMaps([store.prepare(scan, recipe, grid) for scan in scans])
    return method_of(recipe).cluster(encoder, maps, recipe, TrainingRecord((), seed))


def trained(recipe: Recipe) -> Callable[[str, Sequence[Scan], int], Weights]:
    """Train a recipe's network through the public function, once for each kind and seed; it is kept."""

    def network(kind: str, scans: Sequence[Scan], seed: int) -> Weights:
        key = cache.fingerprint(_code_of_network(recipe), cache.code_of_benchmark("surfaces"), len(scans))
        path = cache.folder("networks") / f"{recipe.name}-{kind}-{seed}-{key}.npz"
        if not path.is_file():
            model = train_classifier(scans, recipe=recipe, seed=seed)
            np.savez(path, **model.encoder.arrays())
        with np.load(path) as arrays:
            return dict(arrays)

    return network


def untrained(kind: str, scans: Sequence[Scan], seed: int) -> Weights:
    """Return the weights that training the network of SRSML24 begins with."""
    return Autoencoder.from_network(build_autoencoder(32, seed)).weights


def _code_of_network(recipe: Recipe) -> str:
    """Hash what training a network depends on, clustering left out."""
    values = {name: getattr(recipe, name) for name in _OF_NETWORKS}
    code = cache.code_of_package(("srsml24.window_stream", "heights.prepare"))
    if recipe.features in ("windows", "dense windows"):
        how = (type(method_of(recipe)).train, split, train_autoencoder, build_autoencoder)
        return cache.fingerprint(values, code, cache.code_of(how))
    learned = cache.code_of_package(_LEARNED, ("recipe", *_WINDOWS))
    return cache.fingerprint(values, code, learned, cache.code_of((type(method_of(recipe)).train,)))


def _windows_code(*recipes: Recipe) -> Callable[[], str]:
    without = (*_NAMES, *_FILTERS, *_LEARNED, *_BOTH)
    return lambda: cache.fingerprint(
        cache.code_of_package(_MODEL, without), [recipe.as_dict() for recipe in recipes]
    )


def _cells_code(recipe: Recipe, *more: str) -> Callable[[], str]:
    without = (*_NAMES, *_WINDOWS, *(name for name in (*_LEARNED, *_BOTH) if name not in more))
    return lambda: cache.fingerprint(
        cache.code_of_package((*_MODEL, *more), without), recipe.as_dict(), _code_of_network(recipe)
    )


def _plain_code(*roots: str) -> Callable[[], str]:
    return lambda: cache.code_of_package(roots)


def contenders() -> dict[str, Contender]:
    """List all that is compared, by name."""
    recipes = {
        name: get_recipe(name)
        for name in ("objects", "instant", "instant-both", "learned", "srsml24", "srsml24-dense")
    }
    instant, both = recipes["instant"], recipes["instant-both"]
    srsml24, densely, learned = recipes["srsml24"], recipes["srsml24-dense"], recipes["learned"]
    listed = (
        Contender("objects", by_recipe(recipes["objects"]), _cells_code(recipes["objects"])),
        Contender("instant", by_recipe(instant), _cells_code(instant)),
        Contender(
            "learned", by_network(learned, trained(learned)), _cells_code(learned, *_LEARNED), slow=True
        ),
        Contender("srsml24", by_network(srsml24, trained(srsml24)), _windows_code(srsml24), slow=True),
        Contender(
            "srsml24-dense",
            by_network(densely, trained(srsml24)),
            _windows_code(densely, srsml24),
            slow=True,
        ),
        Contender("srsml24-untrained", by_network(srsml24, untrained), _windows_code(srsml24), slow=True),
        Contender("raw-pca", raw_windows, _plain_code("heights.prepare", "heights.windows")),
        Contender("filter-bank", plain_filters, _plain_code("heights.flatten", "heights.windows")),
        Contender("constant", blind(True), str),
        Contender("random", blind(False), str),
        Contender("instant-one-bias", by_recipe(instant), _cells_code(instant), both=True),
        Contender("instant-both", by_recipe(both), _cells_code(both, *_BOTH), both=True, pairs=True),
    )
    return {contender.name: contender for contender in listed}


TITLES = {
    "srsml24-untrained": "`srsml24`, its network not trained",
    "raw-pca": "raw windows, 64 principal components, k-means",
    "filter-bank": "24 filters, lattice not taken out, k-means",
    "constant": "constant answer",
    "random": "random labels",
    "instant-one-bias": "`instant`, one bias",
}
