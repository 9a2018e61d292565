"""Train and cluster a recipe of cells, with filters or a network that learns types of structure."""

from dataclasses import replace

import numpy as np

from napari_stmml.clustering.balanced import Proposal, fit_prototypes, propose
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.sampling import MOST, Sample, exemplars, sample_cells, typical
from napari_stmml.clustering.types_and_areas import SURFACE, fit_types_and_areas
from napari_stmml.events import Clustering, ClustersProposed, TrainingWindows
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.objects import ObjectEncoder
from napari_stmml.features.store import FeatureStore
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
from napari_stmml.system.progress import of_training

QUICK, QUICK_MAPS = 6000, 8  # cells, and maps, that a model is clustered on in the middle of its training
SAMPLED = 600  # examples of an epoch, where the recipe names no number
MOST_MAPS = 60  # that are held in memory to train on


class CellMethod:
    """The Method of recipes of cells; see ``methods.Method``. It keeps no state and no batches."""

    proposes = True

    def train(
        self, maps: TrainingMaps, recipe: Recipe, record: TrainingRecord, hooks: TrainingHooks = HOOKS
    ) -> Encoder:
        """Train the network on maps, of very many on some; filters have none to train. See ``Method.train``.

        Returns
        -------
        Encoder
            With the weights so far if ``should_stop`` said so.
        """
        encoder = make_encoder(recipe)
        if not recipe.trains:
            return encoder
        from napari_stmml.features.learned import train_learned

        assert isinstance(encoder, CellEncoder)
        sampled = recipe.sampled_windows or SAMPLED
        rng = np.random.default_rng((record.seed, 2))
        channels = []
        for which in np.sort(rng.permutation(len(maps.train))[:MOST_MAPS]).tolist():
            channels += _channels(encoder, maps.train[which].load())
            if hooks.should_stop():
                break
        hooks.on_event(TrainingWindows(len(maps.train), train=sampled, validation=0))
        on_batch, on_epoch = of_training(record.history, hooks.on_event)
        weights = train_learned(
            channels,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            seed=record.seed,
            sampled=sampled,
            on_batch=on_batch,
            on_epoch=on_epoch,
            keep=lambda so_far: hooks.keep(make_encoder(recipe, so_far)) if hooks.keep else None,
            should_stop=hooks.should_stop,
        )
        return make_encoder(recipe, weights)

    def counted(self, maps: TrainingMaps, recipe: Recipe) -> TrainingMaps:
        """Return the maps: cells need not be counted."""
        return maps

    def batches(self, maps: TrainingMaps, recipe: Recipe) -> int:
        """Return 0: a sample of features is clustered at once. See ``Method.batches``.

        Returns
        -------
        int
        """
        return 0

    def cluster(
        self,
        encoder: Encoder,
        maps: TrainingMaps,
        recipe: Recipe,
        record: TrainingRecord,
        options: ClusterOptions = OPTIONS,
    ) -> SurfaceClassifier:
        """Cluster a sample of the cells of the maps; with ``auto`` in the number of clusters proposed.

        Where features know objects, ``auto``, or 0 as the recipe's number, finds types of objects and what
        lies between them. See ``Method.cluster``.

        Returns
        -------
        SurfaceClassifier
            Each cluster is a class of its own.

        Raises
        ------
        ValueError
            If there are fewer cells than clusters.
        """
        cell, seed, more = encoder.grid.window, record.seed, {}
        by_data = _by_data(encoder, recipe, options)
        sample = sample_cells(
            encoder,
            maps.train[:QUICK_MAPS] if options.quick else maps.train,
            options.store or FeatureStore(total=0),
            seed=seed,
            most=QUICK if options.quick else MOST,
            keep=not options.quick,
            in_pairs=by_data is not None,
            on_map=lambda done, total: options.on_event(Clustering(done, total, "scan")),
            should_stop=options.should_stop,
        )
        clusters, names, proposal, assigned = _clustered(sample, by_data, recipe, options.auto, seed)
        if proposal:
            more["proposed"] = proposal.as_dict()
            options.on_event(ClustersProposed(**proposal.as_dict()))
        labels, confidence = assigned or clusters.assign(sample.features)
        chosen = typical(sample, labels, confidence, clusters.n_clusters, cell)
        return new_classifier(
            recipe if by_data else replace(recipe, num_clusters=clusters.n_clusters),
            encoder,
            clusters,
            record,
            names=names,
            background=SURFACE,
            sizes=np.bincount(labels, minlength=clusters.n_clusters).tolist(),
            clustered=len(sample),
            exemplars=exemplars(sample, chosen, cell),
            **more,
        )


def _by_data(encoder: Encoder, recipe: Recipe, options: ClusterOptions) -> ObjectEncoder | None:
    """Return the encoder if clusters are to be types of objects and areas, as many as there are."""
    if isinstance(encoder, ObjectEncoder) and (options.auto or not recipe.num_clusters):
        return encoder
    return None


def _clustered(
    sample: Sample, by_data: ObjectEncoder | None, recipe: Recipe, auto: bool, seed: int
) -> tuple[Prototypes, tuple[str, ...], Proposal | None, tuple[np.ndarray, np.ndarray] | None]:
    """Return clusters, their names, if any, what was proposed, if asked for, and the sample's if known."""
    if by_data is not None:
        found = fit_types_and_areas(sample, by_data.of_object, by_data.cell_nm, seed=seed)
        proposed = Proposal(len(found.names), (), found.sentence)
        return found.clusters, found.names, proposed, found.assigned
    proposal = propose(sample.features, seed=seed) if auto else None
    k = proposal.n_clusters if proposal else recipe.num_clusters
    if len(sample) < k:
        there = f"at least as many cells of {recipe.prediction_grid.window} px, there are {len(sample)}"
        raise ValueError(f"{k} clusters need {there}")
    return fit_prototypes(sample.features, k, seed=seed), (), proposal, None


def _channels(encoder: CellEncoder, heights: np.ndarray) -> list[np.ndarray]:
    """Return what the network is trained on: residual and lattice of each bias, NaN where missing."""
    maps = heights if heights.ndim == 3 else heights[None]
    channels = encoder.channels(heights)
    return [
        np.where(np.isfinite(one), some, np.float32(np.nan))
        for one, some in zip(maps, np.split(channels, len(maps)), strict=True)
    ]
