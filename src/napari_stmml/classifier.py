"""Keep and use a trained model: a SurfaceClassifier turns a scan into a label map."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import bundle, dense
from napari_stmml.autoencoder import Autoencoder
from napari_stmml.clusters import nearest_centres
from napari_stmml.features import LEAST, bank_of, cell_tiles, plane
from napari_stmml.preprocess import NotUsable, to_own_pixels
from napari_stmml.progress import Stopped
from napari_stmml.prototypes import Prototypes
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.windows import WindowGrid

ENCODED_AT_ONCE = 2048  # windows; 34 MB of features at 32 px
Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class SurfaceClassifier:
    """A trained model: how to prepare a scan, what features it has, and which cluster is which class.

    Parameters
    ----------
    recipe : Recipe
    encoder : Autoencoder or Bank
        What makes features: the seed's network of windows, or a bank of every place.
    clusters : Prototypes
        Cluster i is label i + 1.
    class_names, class_colours : tuple of str
        What a person calls each cluster, and ``#rrggbb``.
    training : dict
        What it was trained on: files with hashes, losses, cluster sizes, versions.
    exemplars : ndarray of float16, shape (n_clusters, n, side, side), optional
        Prepared heights around the most typical places of each cluster, NaN where there are none.
    """

    recipe: Recipe
    encoder: Any
    clusters: Prototypes
    class_names: tuple[str, ...]
    class_colours: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict, repr=False)
    exemplars: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n_clusters, n_features = self.clusters.n_clusters, self.clusters.n_features
        if n_clusters < 2:
            raise ValueError(f"a model needs at least 2 clusters, this one has {n_clusters}")
        window = self.encoder.window if self.recipe.of_windows else self.recipe.window_size
        if n_features != self.encoder.n_features or self.recipe.window_size != window:
            raise ValueError(
                f"the parts of the model do not fit: windows of {self.recipe.window_size} px, a network for"
                f" {window} px with {self.encoder.n_features} features, clusters of {n_features}"
            )
        if not len(self.class_names) == len(self.class_colours) == n_clusters:
            raise ValueError(
                f"{n_clusters} clusters need as many names and colours, got {len(self.class_names)}"
                f" and {len(self.class_colours)}"
            )

    @property
    def n_clusters(self) -> int:
        """How many clusters, and so labels, there are."""
        return self.clusters.n_clusters

    def save(self, path: str | Path) -> Path:
        """Write the model to one file, ``name.stmml``, replacing an older one only when all is written."""
        classes = [
            {"name": name, "colour": colour}
            for name, colour in zip(self.class_names, self.class_colours, strict=True)
        ]
        about = {"recipe": self.recipe.as_dict(), "classes": classes, "training": self.training}
        arrays = {**self.clusters.arrays(), **_weights(self.encoder)}
        if self.exemplars is not None:
            arrays["exemplars"] = self.exemplars
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
            recipe, encoder = _encoder(about, arrays)
            if "centres" not in arrays:
                raise ValueError("it is a network without clusters; the step cluster makes the model")
            return cls(
                recipe=recipe,
                encoder=encoder,
                clusters=Prototypes.of_arrays(arrays),
                class_names=tuple(str(known["name"]) for known in about["classes"]),
                class_colours=tuple(str(known["colour"]) for known in about["classes"]),
                training=dict(about.get("training", {})),
                exemplars=arrays.get("exemplars"),
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
        on_progress: Progress = lambda done, total: None,
        should_stop: ShouldStop = lambda: False,
    ) -> Any:
        """Label every pixel of a scan that a window, or a cell, reaches.

        Parameters
        ----------
        scan : Scan
            With ``other`` where the recipe takes both biases; see ``pairs.pair_scans``.
        pitch : int, optional
            Step between windows in resampled px; ``predict_window_pitch`` of the recipe if not given.
            Recipes of cells label each of them, whatever the pitch.
        return_confidence : bool
            Return a second map, float32: how much nearer the cluster is than the next one,
            ``1 - nearest / next`` of the squared distances, 0 to 1. It is **below 0 where the surface is
            unlike anything seen** when the model was made, the farther the lower, down to -1. NaN where
            there is no label.
        on_progress : callable
            Gets the windows or cells done and in all.
        should_stop : callable
            Asked between batches of windows or tiles.

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
        grid = recipe.prediction_grid
        if pitch is not None and recipe.of_windows:
            grid = WindowGrid(recipe.window_size, pitch)
        heights, _ = windows_of(scan, recipe, grid)
        nearest, confidence = self.label_windows(heights, grid, on_progress, should_stop)
        return paint_scan(nearest, confidence, grid, heights, scan, return_confidence)

    def label_windows(
        self,
        heights: np.ndarray,
        grid: WindowGrid,
        on_progress: Progress = lambda done, total: None,
        should_stop: ShouldStop = lambda: False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label every complete window, or cell, of prepared heights, (rows, cols) or (2, rows, cols).

        Returns
        -------
        labels : ndarray of uint8 (uint16 beyond 255 clusters), shape (rows, cols) of the grid, 0 = no label
        confidence : ndarray of float32, of the same shape
            How sure each is, as ``predict`` returns it; NaN where there is no label.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        if self.recipe.features == "dense windows":
            encode, centres = self.encoder.dense_encoder, self.clusters.centres
            return dense.label_windows(
                encode, heights, grid, centres, on_progress=on_progress, should_stop=should_stop
            )
        complete = grid.complete(plane(heights))
        kind = np.uint8 if self.n_clusters < 256 else np.uint16
        labels, confidence = np.zeros(complete.shape, kind), np.full(complete.shape, np.nan, np.float32)
        work = self._windows if self.recipe.features == "windows" else self._cells
        done, total = 0, int(complete.sum())
        for place, cluster, sure in work(heights, grid, complete, should_stop):
            labels[place], confidence[place] = cluster + 1, sure
            done += cluster.size
            on_progress(min(done, total), total)
        labels[~complete], confidence[~complete] = 0, np.nan
        return labels, confidence

    def _windows(
        self, heights: np.ndarray, grid: WindowGrid, complete: np.ndarray, should_stop: ShouldStop
    ) -> Any:
        """Label window by window, as the seed does: some windows at a time, with their places."""
        chosen = np.argwhere(complete)
        for start in range(0, len(chosen), ENCODED_AT_ONCE):
            if should_stop():
                raise Stopped("prediction was stopped")
            some = chosen[start : start + ENCODED_AT_ONCE]
            features = self.encoder.encode(grid.extract(heights, some))
            yield tuple(some.T), *nearest_centres(features, self.clusters.centres)

    def _cells(
        self, heights: np.ndarray, grid: WindowGrid, complete: np.ndarray, should_stop: ShouldStop
    ) -> Any:
        """Label every cell, tile by tile."""
        for place, features in cell_tiles(self.encoder, heights):
            if should_stop():
                raise Stopped("prediction was stopped")
            shape = features.shape[:2]
            cluster, sure = self.clusters.assign(features.reshape(-1, features.shape[2]))
            yield place, cluster.reshape(shape), sure.reshape(shape)


def paint_scan(
    nearest: np.ndarray,
    margin: np.ndarray,
    grid: WindowGrid,
    heights: np.ndarray,
    scan: Scan,
    return_confidence: bool = False,
) -> Any:
    """Bring labels of windows onto a scan's own pixels: a map, or with it the map of confidence."""
    shape = plane(heights).shape
    labels = to_own_pixels(grid.paint(nearest, shape), scan.heights.shape)
    labels[~np.isfinite(scan.heights)] = 0
    if not return_confidence:
        return labels
    confidence = to_own_pixels(grid.paint(margin, shape), scan.heights.shape)
    return labels, np.where(labels > 0, confidence, np.float32(np.nan))


def windows_of(scan: Scan, recipe: Recipe, grid: WindowGrid) -> tuple[np.ndarray, np.ndarray]:
    """Prepare a scan and list the windows of it that are complete.

    Returns
    -------
    heights : ndarray of float32, shape (rows, cols) at the recipe's pixel density
    chosen : ndarray of int, shape (n, 2)
        Row and column in the grid.

    Raises
    ------
    ValueError
        If there is no such window; the message names the scan.
    """
    try:
        heights = recipe.preprocessing.apply(scan)
    except NotUsable as error:
        raise NotUsable(error.reason, f"{scan.name}: {error}") from error
    least = max(grid.window, 0 if recipe.of_windows else LEAST)
    fits = f"no window of {least} px fits"
    shape = plane(heights).shape
    if min(shape) < least:
        raise NotUsable(
            fits,
            f"{scan.name}: {shape[0]} x {shape[1]} px at {recipe.pixel_density:g} px/nm is"
            f" smaller than one window of {least} px",
        )
    chosen = np.argwhere(grid.complete(plane(heights)))
    if not len(chosen):
        raise NotUsable(fits, f"{scan.name}: {fits} where it was scanned")
    return heights, chosen


def save_network(path: str | Path, recipe: Recipe, encoder: Any, training: dict[str, Any]) -> Path:
    """Write what makes features before there are clusters, with the recipe and the record of its training."""
    about = {"recipe": recipe.as_dict(), "training": training}
    return bundle.write(path, about, _weights(encoder))


def load_network(path: str | Path) -> tuple[Recipe, Any, dict[str, Any]]:
    """Read what makes the features of a model file, with clusters or without.

    Raises
    ------
    ValueError
        If the file is none, is damaged, or its parts do not fit.
    """
    about, arrays = bundle.read(path)
    try:
        return *_encoder(about, arrays), dict(about.get("training", {}))
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{Path(path).name} cannot be used as a network: {what}") from error


_PREFIX = "autoencoder/"  # of every network's weights


def _weights(encoder: Any) -> dict[str, np.ndarray]:
    weights = getattr(getattr(encoder, "bank", encoder), "weights", {})
    return {f"{_PREFIX}{name}": array for name, array in weights.items()}


def _encoder(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[Recipe, Any]:
    recipe = Recipe.from_dict(about["recipe"])
    weights = {key[len(_PREFIX) :]: array for key, array in arrays.items() if key.startswith(_PREFIX)}
    if recipe.of_windows:
        return recipe, Autoencoder(recipe.window_size, weights)
    return recipe, bank_of(recipe, weights)
