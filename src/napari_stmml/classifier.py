"""Keep and use a trained model: a SurfaceClassifier turns a scan into a label map."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml import bundle
from napari_stmml.autoencoder import Autoencoder
from napari_stmml.clusters import nearest_centres
from napari_stmml.preprocess import NotUsable, to_own_pixels
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.windows import WindowGrid

ENCODED_AT_ONCE = 2048  # windows; 34 MB of features at 32 px


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
        if n_clusters < 2:
            raise ValueError(f"a model needs at least 2 clusters, this one has {n_clusters}")
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
        return bundle.write(path, about, {"centres": self.centres, **_weights(self.autoencoder)})

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
            recipe, autoencoder = _network(about, arrays)
            if "centres" not in arrays:
                raise ValueError("it is a network without clusters; the step cluster makes the model")
            return cls(
                recipe=recipe,
                autoencoder=autoencoder,
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
        grid = recipe.prediction_grid if pitch is None else WindowGrid(recipe.window_size, pitch)
        heights, _ = windows_of(scan, recipe, grid)
        nearest, margin = self.label_windows(heights, grid, on_progress, should_stop)
        return paint_scan(nearest, margin, grid, heights, scan, return_confidence)

    def label_windows(
        self,
        heights: np.ndarray,
        grid: WindowGrid,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label every complete window of prepared heights, (rows, cols) in 0..1.

        Returns
        -------
        labels : ndarray of uint8 (uint16 beyond 255 clusters), shape (rows, cols) of the grid, 0 = no label
        margin : ndarray of float32, of the same shape
            How sure each is, NaN where there is no label.

        Raises
        ------
        Stopped
            If ``should_stop`` said so.
        """
        chosen = np.argwhere(grid.complete(heights))
        labels = np.zeros(grid.shape(heights.shape), np.uint8 if len(self.centres) < 256 else np.uint16)
        margin = np.full(labels.shape, np.nan, np.float32)
        for start in range(0, len(chosen), ENCODED_AT_ONCE):
            if should_stop():
                raise Stopped("prediction was stopped")
            some = chosen[start : start + ENCODED_AT_ONCE]
            label, sure = nearest_centres(self.autoencoder.encode(grid.extract(heights, some)), self.centres)
            labels[tuple(some.T)], margin[tuple(some.T)] = label + 1, sure
            on_progress(start + len(some), len(chosen))
        return labels, margin


def paint_scan(
    nearest: np.ndarray,
    margin: np.ndarray,
    grid: WindowGrid,
    heights: np.ndarray,
    scan: Scan,
    return_confidence: bool = False,
) -> Any:
    """Bring labels of windows onto a scan's own pixels: a map, or with it the map of confidence."""
    labels = to_own_pixels(grid.paint(nearest, heights.shape), scan.heights.shape)
    labels[~np.isfinite(scan.heights)] = 0
    if not return_confidence:
        return labels
    confidence = to_own_pixels(grid.paint(margin, heights.shape), scan.heights.shape)
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
    fits = f"no window of {grid.window} px fits"
    if min(heights.shape) < grid.window:
        raise NotUsable(
            fits,
            f"{scan.name}: {heights.shape[0]} x {heights.shape[1]} px at {recipe.pixel_density:g} px/nm is"
            f" smaller than one window of {grid.window} px",
        )
    chosen = np.argwhere(grid.complete(heights))
    if not len(chosen):
        raise NotUsable(fits, f"{scan.name}: {fits} where it was scanned")
    return heights, chosen


def save_network(
    path: str | Path, recipe: Recipe, autoencoder: Autoencoder, training: dict[str, Any]
) -> Path:
    """Write a trained network that has no clusters yet, with the recipe and the record of its training."""
    about = {"recipe": recipe.as_dict(), "training": training}
    return bundle.write(path, about, _weights(autoencoder))


def load_network(path: str | Path) -> tuple[Recipe, Autoencoder, dict[str, Any]]:
    """Read the network of a model file, with clusters or without.

    Raises
    ------
    ValueError
        If the file is none, is damaged, or its parts do not fit.
    """
    about, arrays = bundle.read(path)
    try:
        return *_network(about, arrays), dict(about.get("training", {}))
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{Path(path).name} cannot be used as a network: {what}") from error


_PREFIX = "autoencoder/"


def _weights(autoencoder: Autoencoder) -> dict[str, np.ndarray]:
    return {f"{_PREFIX}{name}": weights for name, weights in autoencoder.weights.items()}


def _network(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[Recipe, Autoencoder]:
    recipe = Recipe.from_dict(about["recipe"])
    weights = {key[len(_PREFIX) :]: array for key, array in arrays.items() if key.startswith(_PREFIX)}
    return recipe, Autoencoder(recipe.window_size, weights)
