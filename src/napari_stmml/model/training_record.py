"""What a training needs and leaves: prepared maps, the record that the model keeps, and the new model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_stmml.classes import Classes
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.events import Listener, ignore
from napari_stmml.features.cells import EDITION
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.store import FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model import model_file
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.encoders import read_encoder, weights_of
from napari_stmml.model.model_parts import read_parts
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.encoders import Kept


@dataclass(frozen=True)
class TrainingMaps:
    """The prepared maps of a training.

    Parameters
    ----------
    train : sequence of StoredMap
    test : sequence of StoredMap
        To validate on; without any, a part of each map of ``train`` is held out. Methods without windows do
        not validate.
    train_limit, test_limit : int
        Most windows to take, evenly from all maps; 0 for all.
    """

    train: Sequence[StoredMap]
    test: Sequence[StoredMap] = ()
    train_limit: int = 0
    test_limit: int = 0


@dataclass(frozen=True)
class TrainingHooks:
    """What a training reports to, and how it is stopped and gone on with.

    Parameters
    ----------
    on_event : callable
    keep : callable, optional
        Gets the encoder so far, after the first batch and after every epoch.
    keep_state : callable, optional
        Gets after every epoch what ``go_on`` takes to continue after it with the same result (a
        ``srsml24.training.TrainingState``); never called by a method that trains in a minute.
    go_on : TrainingState, optional
    should_stop : callable
        Asked after every batch; the encoder so far is returned then.
    """

    on_event: Listener = ignore
    keep: Callable[[Encoder], None] | None = None
    keep_state: Callable[[Any], None] | None = None
    go_on: Any = None
    should_stop: Callable[[], bool] = bool


@dataclass(frozen=True)
class ClusterOptions:
    """How features are clustered.

    Parameters
    ----------
    auto : bool
        Take the number of clusters that is proposed, instead of the recipe's.
    quick : bool
        Cluster a small sample, in about a second.
    kept : callable, optional
        Gets number and shape of a batch and a function that makes it; returns its features, which it may
        have kept in a file.
    store : FeatureStore, optional
        Where features are kept that somebody may ask for again.
    on_event : callable
    should_stop : callable
        Asked often; `Stopped` is raised then.
    """

    auto: bool = False
    quick: bool = False
    kept: Kept | None = None
    store: FeatureStore | None = None
    on_event: Listener = ignore
    should_stop: Callable[[], bool] = bool


@dataclass(frozen=True)
class TrainingRecord:
    """What a model keeps of its training.

    Parameters
    ----------
    files : tuple of dict
        Of each map, the file that it came from: ``name``, ``direction``, ``sha256``.
    seed : int
    history : list of dict
        The losses of each epoch; a training adds to it.
    made_with : dict of str to str
        Versions of the packages.
    """

    files: tuple[dict[str, Any], ...]
    seed: int
    history: list[dict[str, Any]] = field(default_factory=list)
    made_with: dict[str, str] = field(default_factory=model_file.versions)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it.

        Returns
        -------
        dict
            ``files``, ``seed``, ``history`` and ``made_with``.
        """
        return {**vars(self), "files": list(self.files), "history": list(self.history)}

    @classmethod
    def of_dict(cls, known: Mapping[str, Any]) -> "TrainingRecord":
        """Read what ``as_dict`` returned."""
        return cls(tuple(known["files"]), known["seed"], list(known["history"]), dict(known["made_with"]))


HOOKS, OPTIONS = TrainingHooks(), ClusterOptions()


def new_classifier(
    recipe: Recipe,
    encoder: Encoder,
    clusters: Prototypes,
    record: TrainingRecord,
    *,
    sizes: Sequence[int],
    clustered: int,
    exemplars: Any = None,
    names: Sequence[str] = (),
    background: str = "",
    **more: Any,
) -> SurfaceClassifier:
    """Make a model of clusters that were just found, each a class of its own.

    Parameters
    ----------
    recipe, encoder, clusters, record
    sizes : sequence of int
        Windows or cells of each cluster.
    clustered : int
        How many there were in all.
    exemplars : ndarray, optional
    names : sequence of str, optional
        Of the classes; "cluster 1" and so on, if there are none.
    background : str, optional
        Name of the class that is no structure.
    more
        What else the record is to say.
    """
    training = {
        **record.as_dict(),
        "created": datetime.now(UTC).isoformat(),  # to the microsecond: it tells models apart
        "cluster_sizes": list(sizes),
        "clustered_windows": clustered,
        **({"names": list(names)} if names else {}),
        **more,
    }
    classes = Classes.plain(names or [f"cluster {i + 1}" for i in range(clusters.n_clusters)])
    if background in classes.names:
        classes = classes.as_background(classes.names.index(background) + 1)
    return SurfaceClassifier(recipe, encoder, clusters, classes, training, exemplars=exemplars)


def save_network(path: str | Path, recipe: Recipe, encoder: Encoder, record: TrainingRecord) -> Path:
    """Write an encoder before there are clusters, with the recipe and the record of its training.

    Parameters
    ----------
    path : str or Path
    recipe : Recipe
    encoder : Encoder
    record : TrainingRecord

    Returns
    -------
    Path
        ``path``, where the file is now.
    """
    about = {"recipe": recipe.as_dict(), "features": EDITION, "training": record.as_dict()}
    return model_file.write(path, about, weights_of(encoder))


def load_network(path: str | Path) -> tuple[Recipe, Encoder, TrainingRecord]:
    """Read the encoder of a model file, with clusters or without.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    recipe : Recipe
    encoder : Encoder
    record : TrainingRecord

    Raises
    ------
    ValueError
        If the file is none, is damaged, or its parts do not fit.
    """
    with read_parts(path, "network") as (about, arrays):
        return *read_encoder(about, arrays), TrainingRecord.of_dict(about.get("training", {}))
