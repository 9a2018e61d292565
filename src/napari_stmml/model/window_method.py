"""Train and cluster a recipe of windows, with the U-Net and the k-means of SRSML24."""

from collections.abc import Sequence
from dataclasses import replace

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.events import Clustering, TrainingWindows
from napari_stmml.features.encoder import Encoder
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.encoders import make_encoder
from napari_stmml.model.training_record import (
    HOOKS,
    OPTIONS,
    ClusterOptions,
    TrainingHooks,
    TrainingMaps,
    TrainingRecord,
    new_classifier,
)
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.encoders import DenseWindowEncoder, Kept, WindowEncoder
from napari_stmml.srsml24.kmeans import fit_clusters
from napari_stmml.srsml24.training import train_autoencoder
from napari_stmml.srsml24.window_stream import WindowMap, WindowStream, split, with_counts
from napari_stmml.system.progress import Stopped, of_training

QUICK = 512  # windows that a model is clustered on in the middle of its training: a second's work


class WindowMethod:
    """The Method of recipes of windows; see ``methods.Method``."""

    proposes = False

    def train(
        self, maps: TrainingMaps, recipe: Recipe, record: TrainingRecord, hooks: TrainingHooks = HOOKS
    ) -> Encoder:
        """Train the autoencoder on windows of the maps. See ``Method.train``.

        Returns
        -------
        Encoder
            With the weights so far if ``should_stop`` said so.

        Raises
        ------
        ValueError
            If there are fewer windows than clusters.
        """
        n_windows = len(_to_cluster(maps, recipe))
        if n_windows < recipe.num_clusters:
            raise ValueError(
                f"{recipe.num_clusters} clusters need at least as many windows, there are {n_windows}"
            )
        train, validation = split(
            _counted(maps.train, recipe),
            _counted(maps.test, recipe),
            recipe.training_grid,
            together=recipe.buffer_size,
            train_limit=maps.train_limit,
            test_limit=maps.test_limit,
        )
        hooks.on_event(TrainingWindows(len(maps.train), len(train), len(validation)))
        on_batch, on_epoch = of_training(record.history, hooks.on_event)
        network = train_autoencoder(
            train,
            validation,
            window=recipe.window_size,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            seed=record.seed,
            on_batch=on_batch,
            on_epoch=on_epoch,
            keep=lambda so_far: hooks.keep(make_encoder(recipe, so_far.weights)) if hooks.keep else None,
            keep_state=hooks.keep_state,
            go_on=hooks.go_on,
            should_stop=hooks.should_stop,
        )
        return make_encoder(recipe, network.weights)

    def counted(self, maps: TrainingMaps, recipe: Recipe) -> TrainingMaps:
        """Count the windows of the maps."""
        return replace(maps, train=_counted(maps.train, recipe), test=_counted(maps.test, recipe))

    def batches(self, maps: TrainingMaps, recipe: Recipe) -> int:
        """Return how many batches of features there are to keep. See ``Method.batches``.

        Returns
        -------
        int
            0 where the features are not those of single windows.
        """
        if recipe.features != "windows":
            return 0
        return -(-len(_to_cluster(maps, recipe)) // _size(recipe))

    def make_batches(
        self, encoder: Encoder, maps: TrainingMaps, recipe: Recipe, seed: int, kept: Kept, only: range
    ) -> None:
        """Make some of the batches that ``cluster`` takes, so that it finds them in their files.

        Parameters
        ----------
        encoder : Encoder
        maps : TrainingMaps
        recipe : Recipe
        seed : int
            That of the training.
        kept : callable
            As `ClusterOptions.kept`: it makes a batch, and writes it.
        only : range
            Their numbers.
        """
        assert isinstance(encoder, WindowEncoder)
        for _ in encoder.batches(_to_cluster(maps, recipe), _size(recipe), seed, kept, only):
            pass

    def cluster(
        self,
        encoder: Encoder,
        maps: TrainingMaps,
        recipe: Recipe,
        record: TrainingRecord,
        options: ClusterOptions = OPTIONS,
    ) -> SurfaceClassifier:
        """Cluster the features of all training windows. See ``Method.cluster``.

        Returns
        -------
        SurfaceClassifier
            Each cluster is a class of its own.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        assert isinstance(encoder, WindowEncoder | DenseWindowEncoder)
        windows = _to_cluster(maps, recipe)
        if options.quick:
            windows = replace(windows, limit=max(QUICK, recipe.num_clusters))
        total = len(windows)

        def on_step(done: int) -> None:
            options.on_event(Clustering(done, total))
            if done < total and options.should_stop():
                raise Stopped("clustering was stopped")

        features = encoder.batches(windows, _size(recipe), record.seed, options.kept)
        found = fit_clusters(features, recipe, seed=record.seed, on_step=on_step)
        return new_classifier(
            recipe,
            encoder,
            Prototypes.plain(found.centres),
            record,
            sizes=found.sizes,
            clustered=sum(found.windows),
            convergence={"windows": list(found.windows), "inertia": list(found.inertia)},
        )


def _to_cluster(maps: TrainingMaps, recipe: Recipe) -> WindowStream:
    train, together = _counted(maps.train, recipe), recipe.cluster_buffer_size
    return WindowStream(train, recipe.training_grid, limit=maps.train_limit, together=together)


def _counted(maps: Sequence[StoredMap], recipe: Recipe) -> list[WindowMap]:
    return [with_counts(one, recipe.training_grid) for one in maps]


def _size(recipe: Recipe) -> int:
    """Return the windows of a batch: the first one has to hold as many as there are clusters."""
    return max(recipe.cluster_batch_size, recipe.num_clusters)
