"""Train a SurfaceClassifier: prepare scans, train the autoencoder on their windows, cluster its features."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import bundle
from napari_stmml.autoencoder import Autoencoder, train_autoencoder
from napari_stmml.classifier import ENCODED_AT_ONCE, SurfaceClassifier, windows_of
from napari_stmml.clusters import fit_clusters
from napari_stmml.colours import class_colours
from napari_stmml.files import sha256
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.scan import Scan
from napari_stmml.windows import WindowGrid

Event = dict[str, Any]
SAMPLE = 512  # windows that a model kept in mid-training is clustered on: a second's work


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
        def features_of(part: np.ndarray) -> np.ndarray:
            starts = range(0, len(part), ENCODED_AT_ONCE)
            return np.concatenate(
                [autoencoder.encode(pool.take(part[i : i + ENCODED_AT_ONCE])) for i in starts]
            )

        on_step = _ignore if quick else on_clustered
        centres, sizes = fit_clusters(features_of, numbers, recipe, seed=seed, on_step=on_step)
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

    def on_clustered(done: int, total: int) -> None:
        on_event({"event": "clustering", "done": done, "total": total})

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


def _ignore(done: int, total: int) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True, eq=False)
class WindowPool:
    """Windows of many prepared scans, copied out only when they are asked for."""

    heights: list[np.ndarray]  # one prepared map a scan
    places: np.ndarray  # (n, 3): scan, and row and column in its grid
    grid: WindowGrid

    def __len__(self) -> int:
        return len(self.places)

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Copy the windows of these numbers, (n, window, window) float32."""
        places = self.places[numbers]
        windows = np.empty((len(places), self.grid.window, self.grid.window), np.float32)
        for scan in np.unique(places[:, 0]):
            here = places[:, 0] == scan
            windows[here] = self.grid.extract(self.heights[scan], places[here, 1:])
        return windows

    def split(self, recipe: Recipe) -> tuple["WindowPool", "WindowPool"]:
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

    def _only(self, which: np.ndarray) -> "WindowPool":
        return WindowPool(self.heights, self.places[which], self.grid)


def _collect(
    scans: Iterable[Scan], recipe: Recipe, on_event: Callable[[Event], None]
) -> tuple[WindowPool, list[dict[str, Any]]]:
    """Prepare all scans; report those that cannot be used."""
    heights: list[np.ndarray] = []
    places, sources, why = [], [], "there was none"
    hashes: dict[str, str | None] = {}
    grid = recipe.training_grid
    for scan in scans:
        try:
            prepared, chosen = windows_of(scan, recipe, grid)
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
    return WindowPool(heights, np.concatenate(places), grid), sources
