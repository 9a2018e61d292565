"""Features for the step cluster, made beforehand by the workers of a cluster: files in the job's folder."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from napari_stmml.batch.job_run import JobRun
from napari_stmml.clustering.sampling import sampled_maps
from napari_stmml.events import Clustering
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.store import FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model.methods import Method
from napari_stmml.model.training_record import TrainingMaps, load_network
from napari_stmml.model.window_method import WindowMethod
from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.window_stream import WindowMap
from napari_stmml.system.array_file import open_array
from napari_stmml.system.files import identity, write_array, write_text
from napari_stmml.system.progress import until_stopped

_NO_LIMIT = 1 << 62  # bytes of features: what a disk has is looked at
_FOLDER, _MAPS = "features", "maps.json"


@dataclass(frozen=True)
class FeatureTask:
    """A map whose cells are to be encoded, or a batch of windows.

    Parameters
    ----------
    source : str
        The file of the map; empty for a batch.
    number : int
        Of the batch.
    """

    source: str = ""
    number: int = -1


@dataclass(frozen=True)
class FeatureWork:
    """What all tasks have in common.

    Parameters
    ----------
    recipe : Recipe
    network : str
        The file of the encoder.
    folder : str
        That of the job.
    stamp : str
        What the features depend on, as a digest.
    files : tuple of str
        Of the batches of windows, within the folder; none where they are not kept.
    """

    recipe: Recipe
    network: str
    folder: str
    stamp: str
    files: tuple[str, ...] = ()

    @property
    def meanwhile(self) -> Path:
        """The folder of what is needed until the clusters are found."""
        return Path(self.folder) / _FOLDER

    def keyed(self, maps: TrainingMaps) -> TrainingMaps:
        """Give maps keys, by which their features are found.

        Parameters
        ----------
        maps : TrainingMaps

        Returns
        -------
        TrainingMaps
        """
        return replace(maps, train=[replace(one, key=self.key(one.path)) for one in maps.train])

    def key(self, path: Path) -> str:
        """Return what tells a prepared map from all others.

        Parameters
        ----------
        path : Path

        Returns
        -------
        str
        """
        return f"{self.stamp} {path.relative_to(self.folder).as_posix()}"

    def kept(self, number: int, shape: tuple[int, int], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the features of a batch out of their file; make and save them if need be.

        Parameters
        ----------
        number : int
        shape : (int, int)
        make : callable

        Returns
        -------
        ndarray of float32, shape ``shape``
        """
        path = Path(self.folder) / self.files[number]
        if path.is_file():
            with suppress(ValueError, OSError):
                features = np.array(open_array(path))
                if features.shape == shape:
                    return features
        features = make()
        write_array(path, features)
        return features

    def clean(self) -> None:
        """Remove what is not needed once the clusters are found."""
        shutil.rmtree(self.meanwhile, ignore_errors=True)


def make_on_workers(
    run: JobRun, work: FeatureWork, maps: TrainingMaps, method: Method, seed: int
) -> FeatureStore | None:
    """Let workers make the features; what they did not make, the step cluster makes itself.

    Parameters
    ----------
    run : JobRun
    work : FeatureWork
    maps : TrainingMaps
    method : Method
    seed : int
        That of the training.

    Returns
    -------
    FeatureStore or None
        Where features of cells lie.

    Raises
    ------
    Stopped
        If the job is to stop.
    """
    if isinstance(method, WindowMethod):
        _write_maps(work, maps)
        missing = (n for n, file in enumerate(work.files) if not (Path(work.folder) / file).is_file())
        tasks = [FeatureTask(number=number) for number in missing]
    else:
        tasks = [FeatureTask(str(one.path)) for one in sampled_maps(maps.train, seed)]
    with run.engine() as engine:
        function = partial(make_features, work)
        for done, _ in enumerate(engine.map(function, until_stopped(tasks, run.should_stop)), 1):
            run.report(Clustering(done, len(tasks), "scan" if tasks[0].source else "batch"))
    run.check_stop()
    return None if isinstance(method, WindowMethod) else _store(str(work.meanwhile))


def make_features(work: FeatureWork, task: FeatureTask) -> None:
    """Make the features of a map, or a batch of windows, in any process; they are left in a file.

    Parameters
    ----------
    work : FeatureWork
    task : FeatureTask
    """
    encoder, seed = _network(work.network, identity(work.network))
    if not task.source:
        only = range(task.number, task.number + 1)
        WindowMethod().make_batches(encoder, _maps(work), work.recipe, seed, work.kept, only)
        return
    path = Path(task.source)
    made = _store(str(work.meanwhile)).encoded(StoredMap(path, work.key(path)), encoder)
    if made.path is not None and not made.path.is_file():
        for _ in made.encode(made.complete):
            pass


def _write_maps(work: FeatureWork, maps: TrainingMaps) -> None:
    """Write which maps there are, and how many windows they have, for workers to read once."""
    work.meanwhile.mkdir(exist_ok=True)
    rows = [
        (one.path.relative_to(work.folder).as_posix(), one.all, one.train, one.held)
        for one in maps.train
        if isinstance(one, WindowMap)
    ]
    write_text(work.meanwhile / _MAPS, json.dumps({"limit": maps.train_limit, "train": rows}))


@lru_cache(maxsize=1)
def _maps(work: FeatureWork) -> TrainingMaps:
    about = json.loads((work.meanwhile / _MAPS).read_text(encoding="utf-8"))
    maps = [WindowMap(Path(work.folder) / path, "", *counts) for path, *counts in about["train"]]
    return TrainingMaps(maps, train_limit=about["limit"])


@lru_cache(maxsize=1)
def _network(path: str, which: tuple[int, ...]) -> tuple[Encoder, int]:
    _, encoder, record = load_network(path)
    return encoder, record.seed


@lru_cache(maxsize=1)
def _store(folder: str) -> FeatureStore:
    return FeatureStore(folder, total=_NO_LIMIT)
