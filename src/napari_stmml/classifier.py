"""Train, keep and use a SurfaceClassifier: scans to clusters to label maps; the only door to scikit-learn."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import bundle
from napari_stmml.autoencoder import Autoencoder, train_autoencoder
from napari_stmml.colours import class_colours
from napari_stmml.files import sha256
from napari_stmml.preprocess import to_own_pixels
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.windows import WindowGrid

Event = dict[str, Any]
ENCODED_AT_ONCE = 2048  # windows; 34 MB of features at 32 px
SAMPLE = 512  # windows that a model kept in mid-training is clustered on: a second's work


class Stopped(Exception):
    """The work was stopped on request before it had a result."""


@dataclass(frozen=True, eq=False)
class SurfaceClassifier:
    """A trained model: how to prepare a scan, encode its windows, and which cluster is which class.

    Parameters
    ----------
    recipe : Recipe
    autoencoder : Autoencoder
    centres : ndarray of float32, shape (n_clusters, n_features)
        Cluster i is label i + 1.
    class_names, class_colours : tuple of str
        What a person calls each cluster, and ``#rrggbb``.
    training : dict
        What it was trained on: files with hashes, losses, cluster sizes, versions.
    """

    recipe: Recipe
    autoencoder: Autoencoder
    centres: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    class_colours: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        n_clusters, n_features = np.shape(self.centres)
        if n_features != self.autoencoder.n_features or self.recipe.window_size != self.autoencoder.window:
            raise ValueError(
                f"the parts of the model do not fit: windows of {self.recipe.window_size} px, a network for"
                f" {self.autoencoder.window} px with {self.autoencoder.n_features} features,"
                f" clusters of {n_features}"
            )
        if not len(self.class_names) == len(self.class_colours) == n_clusters:
            raise ValueError(
                f"{n_clusters} clusters need as many names and colours, got {len(self.class_names)}"
                f" and {len(self.class_colours)}"
            )

    def save(self, path: str | Path) -> Path:
        """Write the model to one file, ``name.stmml``, replacing an older one only when all is written."""
        classes = [
            {"name": name, "colour": colour}
            for name, colour in zip(self.class_names, self.class_colours, strict=True)
        ]
        about = {"recipe": self.recipe.as_dict(), "classes": classes, "training": self.training}
        arrays = {"centres": self.centres}
        arrays |= {f"autoencoder/{name}": weights for name, weights in self.autoencoder.weights.items()}
        return bundle.write(path, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "SurfaceClassifier":
        """Read a model file. Nothing in it can run code: JSON and plain arrays are all that is read.

        Raises
        ------
        ValueError
            If the file is no model, is damaged or newer than this program, or its parts do not fit.
        """
        about, arrays = bundle.read(path)
        try:
            recipe = Recipe.from_dict(about["recipe"])
            prefix = "autoencoder/"
            weights = {key[len(prefix) :]: array for key, array in arrays.items() if key.startswith(prefix)}
            return cls(
                recipe=recipe,
                autoencoder=Autoencoder(recipe.window_size, weights),
                centres=arrays["centres"],
                class_names=tuple(str(known["name"]) for known in about["classes"]),
                class_colours=tuple(str(known["colour"]) for known in about["classes"]),
                training=dict(about.get("training", {})),
            )
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{Path(path).name} cannot be used as a model: {what}") from error

    def predict(
        self,
        scan: Scan,
        *,
        pitch: int | None = None,
        return_confidence: bool = False,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Label every pixel of a scan that a window reaches.

        Parameters
        ----------
        scan : Scan
        pitch : int, optional
            Step between windows in resampled px; ``predict_window_pitch`` of the recipe if not given.
        return_confidence : bool
            Return a second map: how much nearer the nearest centre is than the next,
            ``1 - nearest / next`` of the squared distances, 0..1 float32, NaN where there is no label.
        on_progress : callable
            Gets the windows done and in all.
        should_stop : callable
            Asked between batches of windows.

        Returns
        -------
        ndarray of uint8 (uint16 beyond 255 clusters), shape (rows, cols) of the scan, 0 = unlabelled

        Raises
        ------
        ValueError
            If the scan cannot be prepared or is smaller than one window; the message names the scan.
        Stopped
            If ``should_stop`` said so.
        """
        recipe = self.recipe
        grid = WindowGrid(recipe.window_size, recipe.predict_window_pitch if pitch is None else pitch)
        heights, chosen = _windows_of(scan, recipe, grid)
        nearest = np.zeros(grid.shape(heights.shape), np.uint8 if len(self.centres) < 256 else np.uint16)
        margin = np.full(nearest.shape, np.nan, np.float32)
        for start in range(0, len(chosen), ENCODED_AT_ONCE):
            if should_stop():
                raise Stopped(f"{scan.name}: prediction was stopped")
            some = chosen[start : start + ENCODED_AT_ONCE]
            label, sure = self._classify(grid.extract(heights, some))
            nearest[tuple(some.T)], margin[tuple(some.T)] = label, sure
            on_progress(start + len(some), len(chosen))
        labels = to_own_pixels(grid.paint(nearest, heights.shape), scan.heights.shape)
        labels[~np.isfinite(scan.heights)] = 0
        if not return_confidence:
            return labels
        confidence = to_own_pixels(grid.paint(margin, heights.shape), scan.heights.shape)
        return labels, np.where(labels > 0, confidence, np.float32(np.nan))

    def _classify(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Label windows, (n, window, window), from 1, and say how sure, 0..1."""
        from sklearn.metrics.pairwise import euclidean_distances

        distances = euclidean_distances(self.autoencoder.encode(windows), self.centres, squared=True)
        first, second = np.partition(distances, 1, axis=1)[:, :2].T
        return distances.argmin(axis=1) + 1, 1 - first / np.maximum(second, 1e-30)


def warn_of_skipped(event: Event) -> None:
    """Turn the event that a scan was left out into a warning; the default listener of training."""
    if event["event"] == "skipped":
        warnings.warn(f"left out: {event['why']}", stacklevel=4)


def train_classifier(
    scans: Iterable[Scan],
    *,
    recipe: str | Recipe = "srsml24",
    n_clusters: int | None = None,
    seed: int = 0,
    on_event: Callable[[Event], None] = warn_of_skipped,
    keep: Callable[[SurfaceClassifier], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SurfaceClassifier:
    """Train a model on scans: prepare, cut windows, train the autoencoder, cluster its features.

    The lowest tenth of each scan's windows is held out to validate on, and windows that overlap
    it are left out of training. The same scans and seed give the same labels.

    Parameters
    ----------
    scans : iterable of Scan
        A scan that cannot be used is left out and reported.
    recipe : str or Recipe
    n_clusters : int, optional
        In place of the recipe's ``num_clusters``.
    seed : int
    on_event : callable
        Gets dicts with ``event`` one of ``skipped`` (``scan``, ``why``), ``windows`` (``scans``,
        ``train``, ``validation``), ``batch`` (``epoch``, ``batch``, ``batches``, ``loss``),
        ``epoch`` (``epoch``, ``loss``, ``mse``, ``mae``, ``val_loss``, ...), ``clustering``
        (``done``, ``total``).
    keep : callable, optional
        Gets a usable classifier after the first batch and after every epoch, clustered on a sample.
    should_stop : callable
        Asked after every batch; the model so far is then clustered on a sample and returned.

    Raises
    ------
    ValueError
        If no scan can be used, or there are fewer windows than clusters.
    """
    recipe = get_recipe(recipe, num_clusters=n_clusters)
    pool, sources = _collect(scans, recipe, on_event)
    if len(pool) < recipe.num_clusters:
        raise ValueError(
            f"{recipe.num_clusters} clusters need at least as many windows, there are {len(pool)}"
        )
    training: dict[str, Any] = {"files": sources, "seed": seed, "history": [], "made_with": bundle.versions()}
    train, validation = pool.split(recipe)
    on_event({"event": "windows", "scans": len(sources), "train": len(train), "validation": len(validation)})

    def classifier(autoencoder: Autoencoder, numbers: np.ndarray, quick: bool) -> SurfaceClassifier:
        centres, sizes = _cluster(autoencoder, pool, numbers, recipe, seed, on_event if not quick else None)
        record = training | {"created": datetime.now(UTC).isoformat(timespec="seconds")}
        record |= {
            "cluster_sizes": sizes,
            "clustered_windows": len(numbers),
            "history": list(training["history"]),
        }
        names = tuple(f"cluster {i + 1}" for i in range(len(centres)))
        return SurfaceClassifier(recipe, autoencoder, centres, names, class_colours(len(centres)), record)

    order = np.random.default_rng(seed).permutation(len(pool))
    sample = order[: max(SAMPLE, recipe.num_clusters)]

    def on_epoch(epoch: int, losses: dict[str, float]) -> None:
        training["history"].append({"epoch": epoch, **losses})
        on_event({"event": "epoch", "epoch": epoch, **losses})

    def on_batch(epoch: int, batch: int, batches: int, loss: float) -> None:
        on_event({"event": "batch", "epoch": epoch, "batch": batch, "batches": batches, "loss": loss})

    autoencoder = train_autoencoder(
        train,
        validation,
        window=recipe.window_size,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=seed,
        on_batch=on_batch,
        on_epoch=on_epoch,
        keep=lambda so_far: keep(classifier(so_far, sample, quick=True)) if keep else None,
        should_stop=should_stop,
    )
    stopped = should_stop()
    return classifier(autoencoder, sample if stopped else order, quick=stopped)


@dataclass(frozen=True, eq=False)
class _Pool:
    """Windows of many prepared scans, copied out only when they are asked for."""

    heights: list[np.ndarray]  # one prepared map a scan
    places: np.ndarray  # (n, 3): scan, and row and column in its grid
    grid: WindowGrid

    def __len__(self) -> int:
        return len(self.places)

    def take(self, numbers: np.ndarray) -> np.ndarray:
        places = self.places[numbers]
        windows = np.empty((len(places), self.grid.window, self.grid.window), np.float32)
        for scan in np.unique(places[:, 0]):
            here = places[:, 0] == scan
            windows[here] = self.grid.extract(self.heights[scan], places[here, 1:])
        return windows

    def split(self, recipe: Recipe) -> tuple["_Pool", "_Pool"]:
        """Hold out the lowest tenth of each scan's rows of windows, and drop those that overlap it."""
        held, near = np.zeros(len(self), bool), np.zeros(len(self), bool)
        for scan, heights in enumerate(self.heights):
            here = self.places[:, 0] == scan
            starts = self.grid.starts(heights.shape[0])[self.places[:, 1]]
            first = np.quantile(starts[here], 0.9, method="higher") if here.any() else 0
            held |= here & (starts >= first)
            near |= here & (starts < first) & (starts + recipe.window_size > first)
        train = ~held & ~near
        if not train.any():  # scans of a few rows of windows: all of them are needed to train
            train, held = np.ones(len(self), bool), np.zeros(len(self), bool)
        return self._only(train), self._only(held)

    def _only(self, which: np.ndarray) -> "_Pool":
        return _Pool(self.heights, self.places[which], self.grid)


def _windows_of(scan: Scan, recipe: Recipe, grid: WindowGrid) -> tuple[np.ndarray, np.ndarray]:
    """Prepare a scan and list its complete windows, (n, 2); raise a ValueError that names the scan."""
    try:
        heights = recipe.preprocessing.apply(scan)
    except ValueError as error:
        raise ValueError(f"{scan.name}: {error}") from error
    if min(heights.shape) < grid.window:
        raise ValueError(
            f"{scan.name}: {heights.shape[0]} x {heights.shape[1]} px at {recipe.pixel_density:g} px/nm is"
            f" smaller than one window of {grid.window} px"
        )
    chosen = np.argwhere(grid.complete(heights))
    if not len(chosen):
        raise ValueError(f"{scan.name}: no window of {grid.window} px fits where it was scanned")
    return heights, chosen


def _collect(
    scans: Iterable[Scan], recipe: Recipe, on_event: Callable[[Event], None]
) -> tuple[_Pool, list[dict[str, Any]]]:
    """Prepare all scans; report those that cannot be used."""
    heights: list[np.ndarray] = []
    places, sources, why = [], [], "there was none"
    hashes: dict[str, str | None] = {}
    grid = recipe.training_grid
    for scan in scans:
        try:
            prepared, chosen = _windows_of(scan, recipe, grid)
        except ValueError as error:
            why = str(error)
            on_event({"event": "skipped", "scan": scan.name, "why": why})
            continue
        places.append(np.insert(chosen, 0, len(heights), axis=1))
        heights.append(prepared)
        if scan.source not in hashes:
            hashes[scan.source] = sha256(scan.source) if scan.source else None
        name = Path(scan.source).name or scan.name
        sources.append({"name": name, "direction": scan.direction, "sha256": hashes[scan.source]})
    if not heights:
        raise ValueError(f"no scan can be used for training: {why}")
    return _Pool(heights, np.concatenate(places), grid), sources


def _cluster(
    autoencoder: Autoencoder,
    pool: _Pool,
    numbers: np.ndarray,
    recipe: Recipe,
    seed: int,
    on_event: Callable[[Event], None] | None,
) -> tuple[np.ndarray, list[int]]:
    """Cluster the features of some windows as the seed does; the largest cluster comes first.

    k-means on the first batch warms up a mini-batch k-means that then sees every batch once.
    Returns the centres, (n_clusters, n_features) float32, and the number of windows of each.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    def features(part: np.ndarray) -> np.ndarray:
        starts = range(0, len(part), ENCODED_AT_ONCE)
        return np.concatenate([autoencoder.encode(pool.take(part[i : i + ENCODED_AT_ONCE])) for i in starts])

    k, size = recipe.num_clusters, max(recipe.cluster_batch_size, recipe.num_clusters)
    sizes = np.zeros(k, int)
    mini: Any = None
    for start in range(0, len(numbers), size):
        batch = features(numbers[start : start + size])
        if mini is None:
            warm = KMeans(k, n_init=recipe.n_init, max_iter=recipe.max_iter, random_state=seed).fit(batch)
            mini = MiniBatchKMeans(
                k,
                init=warm.cluster_centers_,
                n_init=1,
                batch_size=size,
                reassignment_ratio=recipe.reassignment_ratio,
                random_state=seed,
            )
        mini.partial_fit(batch)
        sizes += np.bincount(mini.labels_, minlength=k)
        if on_event is not None:
            on_event({"event": "clustering", "done": min(start + size, len(numbers)), "total": len(numbers)})
    order = np.argsort(-sizes, kind="stable")
    return mini.cluster_centers_[order].astype(np.float32), sizes[order].tolist()
