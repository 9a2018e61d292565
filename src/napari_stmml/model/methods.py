"""The Method protocol: how a recipe is trained and clustered, whether it is of windows or of cells."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from napari_stmml.events import Listener
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.store import FeatureStore
from napari_stmml.model.cell_method import CellMethod
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.training_record import TrainingMaps, TrainingRecord
from napari_stmml.model.window_method import WindowMethod
from napari_stmml.recipe import Recipe

Kept = Callable[[int, tuple[int, int], Callable[[], np.ndarray]], np.ndarray]


class Method(Protocol):
    """Trains the encoder of a recipe on prepared maps, and clusters the features that it makes of them."""

    @property
    def proposes(self) -> bool:
        """Whether it can propose a number of clusters."""
        ...

    def train(
        self,
        maps: TrainingMaps,
        recipe: Recipe,
        record: TrainingRecord,
        *,
        on_event: Listener = ...,
        keep: Callable[[Encoder], None] | None = None,
        keep_state: Callable[[Any], None] | None = None,
        go_on: Any = None,
        should_stop: Callable[[], bool] = ...,
    ) -> Encoder:
        """Train the encoder, where there is a network to train.

        Parameters
        ----------
        maps : TrainingMaps
        recipe : Recipe
        record : TrainingRecord
            The losses of every epoch are added to its ``history``.
        on_event : callable
        keep : callable, optional
            Gets the encoder so far, after the first batch and after every epoch.
        keep_state : callable, optional
            Gets after every epoch what ``go_on`` takes to continue after it with the same result (a
            ``srsml24.training.TrainingState``); never called by a method that trains in a minute.
        go_on : TrainingState, optional
        should_stop : callable
            Asked after every batch; the encoder so far is returned then.

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
        *,
        auto: bool = False,
        quick: bool = False,
        kept: Kept | None = None,
        store: FeatureStore | None = None,
        on_event: Listener = ...,
        should_stop: Callable[[], bool] = ...,
    ) -> SurfaceClassifier:
        """Cluster what an encoder makes of the maps.

        Parameters
        ----------
        encoder : Encoder
            Of the recipe.
        maps, recipe, record
            As in ``train``.
        auto : bool
            Take the number of clusters that is proposed, instead of the recipe's.
        quick : bool
            Cluster a small sample, in about a second.
        kept : callable, optional
            Gets number and shape of a batch and a function that makes it; returns its features, which it
            may have kept in a file.
        store : FeatureStore, optional
            Where features are kept that somebody may ask for again.
        on_event : callable
        should_stop : callable

        Raises
        ------
        ValueError
            If there are fewer windows or cells than clusters.
        Stopped
            If ``should_stop`` said so.
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
