"""The one place that knows which encoder the ``features`` of a recipe stand for."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from napari_stmml.features.cells import EDITION, CellEncoder
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.filters import FilterFeatures
from napari_stmml.features.learned import LearnedFeatures
from napari_stmml.features.objects import UNKNOWN_NM, ObjectEncoder
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.encoders import DenseWindowEncoder, WindowEncoder
from napari_stmml.srsml24.unet import Autoencoder

Weights = Mapping[str, np.ndarray]
_PREFIX = "autoencoder/"  # of the names of every network's weights in a model file


def make_encoder(recipe: Recipe, weights: Weights | None = None, *, edition: int | None = EDITION) -> Encoder:
    """Make the encoder of a recipe.

    Parameters
    ----------
    recipe : Recipe
    weights : mapping of str to ndarray, optional
        Of its network, as `Encoder.arrays` returns them. Without any, an encoder of cells whose network is
        not trained yet makes channels alone.
    edition : int or None
        Of the features, as the model file says.

    Raises
    ------
    ValueError
        If the weights do not fit the recipe, or its features are those of another edition.
    """
    return _ENCODERS[recipe.features](recipe, weights or {}, edition)


def weights_of(encoder: Encoder) -> dict[str, np.ndarray]:
    """Return what a model file keeps of an encoder, as named arrays."""
    return {f"{_PREFIX}{name}": array for name, array in encoder.arrays().items()}


def read_encoder(about: Mapping[str, Any], arrays: Weights) -> tuple[Recipe, Encoder]:
    """Return recipe and encoder out of what a model file holds.

    Raises
    ------
    KeyError, TypeError, ValueError
        If they do not fit.
    """
    recipe = Recipe.from_dict(about["recipe"])
    weights = {key[len(_PREFIX) :]: array for key, array in arrays.items() if key.startswith(_PREFIX)}
    return recipe, make_encoder(recipe, weights, edition=about.get("features"))


def _filters(recipe: Recipe, weights: Weights, edition: int | None) -> Encoder:
    _check(recipe, edition)
    return CellEncoder(FilterFeatures(), recipe.both_biases)


def _objects(recipe: Recipe, weights: Weights, edition: int | None) -> Encoder:
    _check(recipe, edition)
    known = recipe.resample and recipe.pixel_density > 0
    return ObjectEncoder(pixel_nm=1 / recipe.pixel_density if known else UNKNOWN_NM)


def _learned(recipe: Recipe, weights: Weights, edition: int | None) -> Encoder:
    _check(recipe, edition)
    return CellEncoder(LearnedFeatures(dict(weights)), recipe.both_biases)


def _windows(recipe: Recipe, weights: Weights, edition: int | None) -> Encoder:
    return WindowEncoder(*_network(recipe, weights))


def _dense(recipe: Recipe, weights: Weights, edition: int | None) -> Encoder:
    return DenseWindowEncoder(*_network(recipe, weights))


def _network(recipe: Recipe, weights: Weights) -> tuple[Autoencoder, WindowGrid]:
    return Autoencoder(recipe.window_size, dict(weights)), recipe.prediction_grid


def _check(recipe: Recipe, edition: int | None) -> None:
    if edition != EDITION:
        raise ValueError(f"its features ({recipe.features}) are those of another version; train it again")


_ENCODERS: dict[str, Callable[[Recipe, Weights, int | None], Encoder]] = {
    "filters": _filters,
    "objects": _objects,
    "learned": _learned,
    "windows": _windows,
    "dense windows": _dense,
}
