"""Models as the benchmark uses them: what they label, and the features they do it by."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from benchmarks.surfaces import TwoBiases
from napari_stmml import Scan, SurfaceClassifier
from napari_stmml.features.encoder import Encoder
from napari_stmml.features.intake import prepare_scan
from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.two_biases import pair_scans
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24 import dense_unet
from napari_stmml.srsml24.encoders import DenseWindowEncoder, WindowEncoder
from napari_stmml.srsml24.unet import Autoencoder

COARSE = 4, 8  # px: pitch of windows where clusters are named, and where features are reduced
BIAS = -2.0  # V, of the heights; the other bias is the opposite


class Fitted(Protocol):
    """A model that labels scans."""

    def labels(self, scan: Scan, coarse: bool = False) -> np.ndarray:
        """Label a scan's pixels, (rows, cols) int; ``coarse`` may do it on a coarser grid."""
        ...

    def features(self, scan: Scan, coarse: bool = False) -> Iterator[np.ndarray] | None:
        """Yield the features of all cells, some at a time, (n, d); None where there are none."""
        ...

    def places(self, scan: Scan) -> np.ndarray:
        """Say which cell each pixel belongs to, (rows, cols) int, -1 for none."""
        ...


def scan_of(surface: TwoBiases, pairs: bool) -> Scan:
    """Make a scan of a surface; with the other bias if asked for, laid over it as the product does."""
    forward = Scan(surface.heights, surface.pixel_size, direction="forward/up", bias=BIAS)
    if not pairs:
        return forward
    backward = Scan(surface.other, surface.pixel_size, direction="backward/up", bias=-BIAS)
    of_one_file = [replace(scan, source="simulated") for scan in (forward, backward)]
    return replace(pair_scans(of_one_file)[0], source="")


@dataclass(frozen=True, eq=False)
class OfPackage:
    """A classifier of the package."""

    classifier: SurfaceClassifier

    def labels(self, scan: Scan, coarse: bool = False) -> np.ndarray:
        """Predict; windows that are encoded one by one lie wider apart where it may be ``coarse``."""
        slow = self.classifier.recipe.features == "windows"
        return self.classifier.predict(scan, pitch=COARSE[0] if coarse and slow else None)

    def features(self, scan: Scan, coarse: bool = False) -> Iterator[np.ndarray]:
        """Yield features in the space where clusters are compared."""
        recipe, encoder, clusters = (getattr(self.classifier, x) for x in ("recipe", "encoder", "clusters"))
        encoder = encoder.at_pitch(COARSE[1]) if coarse else encoder
        grid = encoder.grid
        heights = prepare_scan(scan, recipe, grid).heights
        if isinstance(encoder, WindowEncoder):
            for _, some in encoder.encode(heights):
                yield some
        elif isinstance(encoder, DenseWindowEncoder):
            made = dense_unet.dense_features(encoder.autoencoder.dense_encoder, heights, grid.pitch)
            for row in dense_unet.blocks(made, grid.pitch, grid.window)[: _regular(grid, heights.shape[0])]:
                yield row[: _regular(grid, heights.shape[1])].reshape(-1, clusters.n_features)
        else:
            made = features_of(encoder, heights)
            yield clusters.project(made.reshape(-1, made.shape[-1]))

    def places(self, scan: Scan) -> np.ndarray:
        """Say which cell each pixel belongs to."""
        recipe, grid = self.classifier.recipe, self.classifier.encoder.grid
        heights = prepare_scan(scan, recipe, grid).heights
        return places_on(grid, heights.shape[-2:], scan, recipe.features == "dense windows")


def features_of(encoder: Encoder, heights: np.ndarray) -> np.ndarray:
    """Return the features of all cells of prepared heights, (cells down, cells across, n_features)."""
    features = np.empty((*encoder.grid.shape(heights.shape[-2:]), encoder.n_features), np.float32)
    for place, some in encoder.encode(heights):
        features[place] = some
    return features


def places_on(grid: WindowGrid, shape: tuple[int, int], scan: Scan, regular: bool = False) -> np.ndarray:
    """Say which window of a grid each pixel of a scan belongs to, -1 for none; ``regular``: no flush ones."""
    numbers = np.zeros(grid.shape(shape), int)
    rows, cols = (_regular(grid, side) if regular else len(grid.starts(side)) for side in shape)
    numbers[:rows, :cols] = 1 + np.arange(rows * cols).reshape(rows, cols)
    return to_own_pixels(grid.paint(numbers, shape), scan.heights.shape) - 1


def _regular(grid: WindowGrid, length: int) -> int:
    return (length - grid.window) // grid.pitch + 1


class Remembered:
    """An autoencoder that remembers its last batches: models that share it encode a scan once."""

    def __init__(self, encoder: Autoencoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """Encode windows, (n, window, window), as features, (n, n_features)."""
        key = sha256(np.ascontiguousarray(windows)).digest()
        if key not in self._known:
            self._known[key] = self._encoder.encode(windows)
            if len(self._known) > 10:  # a scan of 300 px at pitch 2; 340 MB
                self._known.popitem(last=False)
        return self._known[key]
