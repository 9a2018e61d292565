"""The Method protocol: how a recipe is trained and clustered, whether it is of windows or of cells."""

from typing import Protocol

from napari_stmml.features.encoder import Encoder
from napari_stmml.model.cell_method import CellMethod
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.training_record import (
    HOOKS,
    OPTIONS,
    ClusterOptions,
    TrainingHooks,
    TrainingMaps,
    TrainingRecord,
)
from napari_stmml.model.window_method import WindowMethod
from napari_stmml.recipe import Recipe


class Method(Protocol):
    """Trains the encoder of a recipe on prepared maps, and clusters the features that it makes of them."""

    @property
    def proposes(self) -> bool:
        """Whether it can propose a number of clusters."""
        ...

    def train(
        self, maps: TrainingMaps, recipe: Recipe, record: TrainingRecord, hooks: TrainingHooks = HOOKS
    ) -> Encoder:
        """Train the encoder, where there is a network to train.

        Parameters
        ----------
        maps : TrainingMaps
        recipe : Recipe
        record : TrainingRecord
            The losses of every epoch are added to its ``history``.
        hooks : TrainingHooks

        Raises
        ------
        ValueError
            If the maps have too few windows.
        """
        ...

    def counted(self, maps: TrainingMaps, recipe: Recipe) -> TrainingMaps:
        """Return the maps as the other functions take them: SRSML24 counts their windows once."""
        ...

    def batches(self, maps: TrainingMaps, recipe: Recipe) -> int:
        """Return in how many batches ``cluster`` makes features that can be kept in files; 0 for none.

        Parameters
        ----------
        maps : TrainingMaps
        recipe : Recipe

        Returns
        -------
        int
        """
        ...

    def cluster(
        self,
        encoder: Encoder,
        maps: TrainingMaps,
        recipe: Recipe,
        record: TrainingRecord,
        options: ClusterOptions = OPTIONS,
    ) -> SurfaceClassifier:
        """Cluster what an encoder makes of the maps.

        Parameters
        ----------
        encoder : Encoder
            Of the recipe.
        maps, recipe, record
            As in ``train``.
        options : ClusterOptions

        Raises
        ------
        ValueError
            If there are fewer windows or cells than clusters.
        Stopped
            If ``options.should_stop`` said so.
        """
        ...


def method_of(recipe: Recipe) -> Method:
    """Return how a recipe is trained and clustered.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    Method
        That of windows, or that of cells.
    """
    return WindowMethod() if recipe.of_windows else CellMethod()
