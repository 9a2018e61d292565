"""Keep and use a trained model: a SurfaceClassifier turns a scan into a label map, and learns from people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.classes import MOST as MOST_CLASSES
from napari_stmml.classes import Classes, is_numbered
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.features.cells import EDITION
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.painting import paint_scan
from napari_stmml.features.store import EncodedMap, FeatureStore, encode_scan
from napari_stmml.model import model_file
from napari_stmml.model.encoders import read_encoder, weights_of
from napari_stmml.model.learner import Learner
from napari_stmml.model.model_parts import read_parts
from napari_stmml.model.painted_cells import checked_truth, limited, painted_features
from napari_stmml.model.painted_classes import PaintedClasses
from napari_stmml.model.surroundings import MapAnswers
from napari_stmml.model.training_examples import TrainingExamples
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.progress import Stopped

LEAST_SURE = 0.05  # confidence, below which a cell is not sure to be of a class
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]
Answers = Iterator[tuple[Any, ...]]  # place in the grid, number, confidence, next number


@dataclass(frozen=True, eq=False)
class SurfaceClassifier:
    """A trained model: how to prepare a scan, what features it has, which cluster is which class, and more.

    Parameters
    ----------
    recipe : Recipe
    encoder : Encoder
        What makes features of windows or of cells.
    clusters : Prototypes
    classes : Classes
        What labels mean, and the label of each cluster.
    training : dict
        What it was trained on: files with hashes, losses, cluster sizes, versions.
    exemplars : ndarray of float16, shape (n_clusters, n, side, side), optional
        Prepared heights around the most typical places of each cluster, NaN where there are none.
    examples : TrainingExamples, optional
        Cells that people painted. They decide where they say more than the clusters do.
    only_painted : bool, optional
        Whether every cell is of a class that a person painted or named, or of none; None: if two classes or
        more were painted, and none of them is a class of clusters.
    least_sure : float, optional
        0 to 1: where only painted and named classes are shown, cells of less confidence are of none.
    """

    recipe: Recipe
    encoder: Encoder
    clusters: Prototypes
    classes: Classes
    training: dict[str, Any] = field(default_factory=dict, repr=False)
    exemplars: np.ndarray | None = field(default=None, repr=False)
    examples: TrainingExamples | None = field(default=None, repr=False)
    only_painted: bool | None = None
    least_sure: float = LEAST_SURE

    def __post_init__(self) -> None:
        n_clusters, n_features = self.clusters.n_clusters, self.clusters.n_features
        encoder, window = self.encoder, self.recipe.prediction_grid.window
        if n_features != encoder.n_features or window != encoder.grid.window:
            raise ValueError(
                f"the parts of the model do not fit: {encoder.unit} of {window} px, an encoder for"
                f" {encoder.grid.window} px with {encoder.n_features} features, clusters of {n_features}"
            )
        if len(self.classes.of_cluster) != n_clusters:
            raise ValueError(
                f"each of {n_clusters} clusters needs a class, got {len(self.classes.of_cluster)}"
            )
        shape = None if self.exemplars is None else self.exemplars.shape
        if shape is not None and (
            len(shape) != 4 or shape[0] != n_clusters or shape[2] != shape[3] or 0 in shape
        ):
            raise ValueError(
                f"exemplars must be squares for each of {n_clusters} clusters, got shape {shape}"
            )
        if not 0 <= self.least_sure <= 1:
            raise ValueError(f"least_sure must be 0 to 1, got {self.least_sure}")
        if self.examples is not None:
            width, most = self.examples.features.shape[1], max(self.examples.counts, default=0)
            if width != n_features:
                raise ValueError(f"examples must have the {n_features} features of the model, got {width}")
            if most > self.n_classes:
                raise ValueError(f"examples are of label {most}, and there are {self.n_classes} classes")

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return self.clusters.n_clusters

    @property
    def n_classes(self) -> int:
        """How many labels there ever were."""
        return self.classes.n

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of all labels: entry i is label i + 1."""
        return self.classes.names

    @property
    def class_colours(self) -> tuple[str, ...]:
        """Colours of all labels, ``#rrggbb``: entry i is label i + 1."""
        return self.classes.colours

    def save(self, path: str | Path) -> Path:
        """Write the model to one file, ``name.stmml``, replacing an older one only when all is written.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
            ``path``, where the file is now.
        """
        about = {
            "recipe": self.recipe.as_dict(),
            "features": EDITION,
            **self.classes.as_dicts(),
            "training": self.training,
            "only_painted": self.only_painted,
            "least_sure": self.least_sure,
        }
        arrays = {**self.clusters.arrays(), **weights_of(self.encoder)}
        if self.exemplars is not None:
            arrays["exemplars"] = self.exemplars
        if self.examples is not None:
            about["lessons"] = list(self.examples.sources)
            arrays |= self.examples.arrays()
        return model_file.write(path, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "SurfaceClassifier":
        """Read a model file. Nothing in it can run code: JSON and plain arrays are all that is read.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        SurfaceClassifier

        Raises
        ------
        ValueError
            If the file is no model, is damaged or newer than this program, or its parts do not fit.
        """
        with read_parts(path, "model") as (about, arrays):
            recipe, encoder = read_encoder(about, arrays)
            if "centres" not in arrays:
                raise ValueError("it is a network without clusters; the step cluster makes the model")
            return cls(
                recipe=recipe,
                encoder=encoder,
                clusters=Prototypes.of_arrays(arrays),
                classes=Classes.of_dicts(about),
                training=dict(about.get("training", {})),
                exemplars=arrays.get("exemplars"),
                examples=TrainingExamples.of_arrays(arrays, about.get("lessons", ())),
                only_painted=_yes_or_no(about.get("only_painted")),
                least_sure=_share(about.get("least_sure")),
            )

    def predict(
        self,
        scan: Scan,
        *,
        pitch: int | None = None,
        return_confidence: bool = False,
        store: FeatureStore | None = None,
        on_progress: Progress = lambda done, total: None,
        should_stop: ShouldStop = lambda: False,
    ) -> Any:
        """Label every pixel of a scan that a window, or a cell, reaches, with classes as they are shown.

        Parameters
        ----------
        scan : Scan
            With ``other`` where the recipe takes both biases; see ``pairs.pair_scans``.
        pitch : int, optional
            Step between windows in resampled px; ``predict_window_pitch`` of the recipe if not given.
            Recipes of cells label each of them, whatever the pitch.
        return_confidence : bool
            Return a second map, float32: how much nearer the class is than the next one,
            ``1 - nearest / next`` of the squared distances, 0 to 1. It is **below 0 where the surface is
            unlike anything seen** when the model was made, the farther the lower, down to -1. NaN where
            there is no label.
        store : FeatureStore, optional
            Where features of the scan may be kept, and are looked for first.
        on_progress : callable
            Gets the windows or cells done and in all.
        should_stop : callable
            Asked between batches of windows or tiles.

        Returns
        -------
        ndarray of uint8 (uint16 beyond 255 classes), shape (rows, cols) of the scan, 0 = unlabelled

        Raises
        ------
        ValueError
            If the scan cannot be prepared or is smaller than one window; the message names the scan.
        Stopped
            If ``should_stop`` said so.
        """
        encoder = self.encoder if pitch is None else self.encoder.at_pitch(pitch)
        encoded = encode_scan(scan, self.recipe, encoder, store)
        labels, confidence, _ = self.label(encoded, on_progress=on_progress, should_stop=should_stop)
        about = (encoder.grid, encoded.shape, scan, return_confidence, encoded.borders)
        return paint_scan(labels, confidence, *about)

    def label(
        self,
        encoded: EncodedMap,
        *,
        on_progress: Progress = lambda done, total: None,
        should_stop: ShouldStop = lambda: False,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label every complete window or cell of a prepared map.

        Parameters
        ----------
        encoded : EncodedMap
            By the encoder of this model, at any pitch; `EncodedMap.of` takes prepared heights.
        on_progress, should_stop
            As ``predict`` takes them.

        Returns
        -------
        labels : ndarray of uint8 (uint16 beyond 255 classes), shape (rows, cols) of the grid, 0 = no label
        confidence : ndarray of float32, of the same shape
            How sure each is, as ``predict`` returns it; NaN where there is no label.
        runner_up : ndarray, of the type and shape of ``labels``
            The next class; 0 where there is none, and everywhere where no features are made.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        names, groups = self._shown
        nearest = None if self._has_learner else self._nearest(encoded, groups)
        around = self._around(encoded.complete.shape)
        if around is not None:
            pieces = encoded.encode(encoded.complete)
            found: Answers = ((place, *around.take(place, features)) for place, features in pieces)
        elif nearest is None:
            found = self._each(encoded, self.classify)
        else:
            found = ((place, names[index], sure, 0) for place, index, sure in nearest)
        labels, confidence, runner_up = _gathered(found, encoded.complete, on_progress, should_stop)
        if around is not None:
            around.settle(labels, confidence, runner_up, encoded.complete)
        return self._with_unsure(labels, confidence, runner_up)

    def label_cells(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label all cells of a map by their features; the same as ``label``.

        Parameters
        ----------
        features : ndarray of float32, shape (cells down, cells across, n_features)
            NaN where a cell is not complete.

        Returns
        -------
        labels, confidence, runner_up : ndarray, shape (cells down, cells across)
            As ``label`` returns them.
        """
        there = np.isfinite(features[..., 0])
        labels, runner_up = np.zeros((2, *there.shape), np.uint16)
        confidence = np.full(there.shape, np.nan, np.float32)
        around, some = self._around(there.shape), np.asarray(features[there])
        answer = self.classify(some) if around is None else around.take(there, some)
        labels[there], confidence[there], runner_up[there] = answer
        if around is not None:
            around.settle(labels, confidence, runner_up, there)
        return self._with_unsure(labels, confidence, runner_up)

    def label_clusters(
        self,
        encoded: EncodedMap,
        *,
        on_progress: Progress = lambda done, total: None,
        should_stop: ShouldStop = lambda: False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the cluster of every complete window or cell, whatever its class; as ``label``.

        Returns
        -------
        cluster : ndarray of int, shape (rows, cols) of the grid, -1 where there is none
        confidence : ndarray of float32, of the same shape
            How much nearer it is than the next cluster; NaN where there is none.
        """
        nearest = self._nearest(encoded, np.arange(self.n_clusters))
        if nearest is None:
            found = self._each(encoded, self.clusters.ranked)
        else:
            found = ((place, index, sure, 0) for place, index, sure in nearest)
        cluster, confidence, _ = _gathered(found, encoded.complete, on_progress, should_stop)
        return np.where(encoded.complete, cluster.astype(int), -1), confidence

    def classify(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Classify feature vectors, (n, n_features), as the encoder gives them.

        Returns
        -------
        labels : ndarray of uint8 (uint16 beyond 255 classes), shape (n,)
            As shown; 0 where a class was deleted.
        confidence : ndarray of float32, shape (n,)
            As ``predict`` returns it.
        runner_up : ndarray, of the type and shape of ``labels``
            The next class; 0 where there is none.
        """
        if self._has_learner:
            labels, confidence, runner_up = self._learner.assign(features)
        else:
            names, groups = self._shown
            index, confidence, second = self.clusters.ranked(features, groups)
            labels, runner_up = names[index], np.where(second == index, 0, names[second])
        return labels.astype(self._kind), confidence, runner_up.astype(self._kind)

    def learn(
        self, scan: Scan, truth: np.ndarray, *, store: FeatureStore | None = None
    ) -> "SurfaceClassifier":
        """Return a model that has learnt from what a person painted on a scan.

        They take the place of what was painted on the same scan before; without any, that is forgotten.

        Parameters
        ----------
        scan : Scan
            With ``other`` where the recipe takes both biases.
        truth : ndarray of uint8, shape (rows, cols) of the scan
            0 = untouched; labels are those of ``classes``, gone or not. A new number gets a class.
        store : FeatureStore, optional
            As ``predict`` takes it.

        Raises
        ------
        ValueError
            If the truth does not fit, or the scan cannot be prepared.
        """
        truth, key = checked_truth(truth, scan), ScanKey.of_scan(scan)
        if not truth.any():
            return self.forget(key)
        features, labels = painted_features(encode_scan(scan, self.recipe, self.encoder, store), truth)
        return self._learnt(key, scan.name, features, labels, int(truth.max()))

    def learn_cells(
        self, key: ScanKey, name: str, features: np.ndarray, painted: np.ndarray
    ) -> "SurfaceClassifier":
        """Learn from features that are there already; the same as ``learn``.

        Parameters
        ----------
        key : ScanKey
        name : str
            Of the scan.
        features : ndarray of float32, shape (cells down, cells across, n_features)
            NaN where a cell is not complete. Only those that are needed are read.
        painted : ndarray of uint8, shape (cells down, cells across)
            Label of each cell, 0 = untouched; see ``places.painted_cells_of``.
        """
        if painted.shape != features.shape[:2]:
            raise ValueError(f"features are of {features.shape[:2]} cells, painted are {painted.shape}")
        if not painted.any():
            return self.forget(key)
        there = painted > 0
        there[there] = np.isfinite(features[..., 0][there])
        wanted = limited(there, painted)
        return self._learnt(key, name, np.asarray(features[wanted]), painted[wanted], int(painted.max()))

    def forget(self, key: ScanKey) -> "SurfaceClassifier":
        """Return a model without the examples of one scan; the model itself if it has none of it.

        Parameters
        ----------
        key : ScanKey
            That of the scan.

        Returns
        -------
        SurfaceClassifier
        """
        if self.examples is None or key not in self.examples.keys:
            return self
        examples = self.examples.without(key)
        return replace(self, examples=examples if examples.sources else None)

    def _learnt(
        self, key: ScanKey, name: str, features: np.ndarray, labels: np.ndarray, most: int
    ) -> "SurfaceClassifier":
        """Put examples of one scan in the place of those it had, with classes for all its labels."""
        classes = self.classes.with_labels(most)
        if not len(labels):
            return replace(self.forget(key), classes=classes)
        examples = self.examples or TrainingExamples.none(self.clusters.n_features)
        today = datetime.now(UTC).isoformat(timespec="seconds")
        source = {"key": key.as_dict(), "name": name, "painted": len(labels), "learnt": today}
        return replace(self, classes=classes, examples=examples.with_scan(source, features, labels))

    def _around(self, shape: tuple[int, ...]) -> MapAnswers | None:
        """Return what asks the surroundings of cells, where only painted and named classes are shown."""
        if not self.shows_only_painted:
            return None
        assert isinstance(self._learner, PaintedClasses)
        return MapAnswers.of(self._learner, shape)

    def _with_unsure(
        self, labels: np.ndarray, confidence: np.ndarray, runner_up: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the label from cells that are not sure; give labels their type."""
        if self.shows_only_painted:
            labels[confidence < self.least_sure] = 0
        confidence[labels == 0] = np.nan
        return labels.astype(self._kind), confidence, runner_up.astype(self._kind)

    @property
    def _kind(self) -> type[np.unsignedinteger[Any]]:
        return np.uint8 if self.n_classes <= MOST_CLASSES else np.uint16

    @property
    def _has_learner(self) -> bool:
        """Whether examples of a class that is there decide, or only the classes that a person named."""
        return self.shows_only_painted or len(self._painted[1]) > 0

    @cached_property
    def _shown(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels that clusters are shown with, (n,), and which of them each cluster has, (n_clusters,)."""
        names, groups = np.unique(self.classes.shown, return_inverse=True)
        return names, groups

    @cached_property
    def shows_only_painted(self) -> bool:
        """Whether every cell is of a class that a person painted or named, or of none."""
        if self.only_painted is False or self.encoder.has_pitch:
            return False
        if self.only_painted is None:
            painted = set(self._painted[1].tolist())
            return len(painted) > 1 and painted.isdisjoint(self.classes.shown.tolist())
        return len(self.own_labels) > 1

    @cached_property
    def own_labels(self) -> frozenset[int]:
        """Labels, as shown, of the classes that a person painted or named, and of which cells are known."""
        return frozenset([*self._painted[1].tolist(), *self._named_examples[1].tolist()])

    @property
    def new_labels(self) -> frozenset[int]:
        """Labels, as shown, of the classes that were painted and that no cluster has."""
        return frozenset(self._painted[1].tolist()) - frozenset(self.classes.shown.tolist())

    @property
    def left_out(self) -> frozenset[int]:
        """Labels of clusters, as shown, that no cell gets: only painted and named classes are shown."""
        if not self.shows_only_painted:
            return frozenset()
        return frozenset(self.classes.shown.tolist()) - self.own_labels

    @property
    def _named(self) -> set[int]:
        """Labels of clusters, as shown, that a person gave a name."""
        names, found = self.classes.names, self.training.get("names", ())
        shown = set(self.classes.shown.tolist()) - {0}
        return {
            label for label in shown if not is_numbered(names[label - 1]) and names[label - 1] not in found
        }

    @cached_property
    def _painted(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels, as shown, of what people painted; without classes that were deleted."""
        if self.examples is None:
            return np.zeros((0, self.clusters.n_features), np.float32), np.zeros(0, int)
        labels = self.classes.lookup[self.examples.labels]
        return self.examples.features[labels > 0], labels[labels > 0].astype(int)

    @property
    def _named_examples(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels of some cells of the clusters that a person named."""
        known, named = self.clusters.examples, sorted(self._named)
        if known is None or not named:
            return np.zeros((0, self.clusters.n_features), np.float32), np.zeros(0, int)
        features = known.astype(np.float32)
        shown = self.classes.shown[self.clusters.assign(features)[0]].astype(int)
        own = np.isin(shown, named)
        return features[own], shown[own]

    @cached_property
    def _learner(self) -> Learner | PaintedClasses:
        if self.shows_only_painted:
            named, shown = self._named_examples
            features, labels = self._painted
            return PaintedClasses.fit(
                np.concatenate([features, named]),
                np.concatenate([labels, shown]),
                self.encoder.of_object,
                self.clusters,
            )
        assert self.examples is not None
        classes, examples = self.classes, self.examples
        labels = classes.lookup[examples.labels]
        return Learner.fit(self.clusters, classes.shown, examples.features, labels, scans=examples.scan)

    def _nearest(self, encoded: EncodedMap, groups: np.ndarray) -> Any:
        """Return the nearest groups of clusters where that needs no features, else None."""
        if self.clusters.before is not None:
            return None
        return encoded.nearest(self.clusters.centres, groups[self.clusters.owners], encoded.complete)

    def _each(self, encoded: EncodedMap, answer: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> Answers:
        """Yield number, confidence and next number for the features of each piece of a map."""
        for place, features in encoded.encode(encoded.complete):
            some = answer(features.reshape(-1, features.shape[-1]))
            yield (place, *(one.reshape(features.shape[:-1]) for one in some))


def _yes_or_no(value: Any) -> bool | None:
    """Return what a file says, if it is yes or no."""
    return value if isinstance(value, bool) else None


def _share(value: Any) -> float:
    """Return what a file says, if it is from 0 to 1."""
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= 1 else LEAST_SURE


def _gathered(
    found: Answers, complete: np.ndarray, on_progress: Progress, should_stop: ShouldStop
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the answers of all pieces together; 0, NaN and 0 where a window or cell is not complete."""
    labels, runner_up = np.zeros((2, *complete.shape), np.uint16)
    confidence = np.full(complete.shape, np.nan, np.float32)
    done, total = 0, int(complete.sum())
    for place, some, sure, other in found:
        labels[place], confidence[place], runner_up[place] = some, sure, other
        done += int(complete[place].sum())
        on_progress(done, total)
        if done < total and should_stop():
            raise Stopped("prediction was stopped")
    labels[~complete], confidence[~complete], runner_up[~complete] = 0, np.nan, 0
    return labels, confidence, runner_up
