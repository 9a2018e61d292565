"""Encode windows with the U-Net of SRSML24: one by one as the document does, or all of a map at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24 import dense_unet
from napari_stmml.srsml24.unet import Autoencoder, summary

AT_ONCE = 2048  # windows; 34 MB of features at 32 px
Place = tuple[Any, Any]
_Self = TypeVar("_Self", bound="Windows")


@dataclass(frozen=True, eq=False)
class Windows:
    """What both encoders of windows share.

    Parameters
    ----------
    autoencoder : Autoencoder
    grid : WindowGrid
        Its window is that of the autoencoder.
    """

    autoencoder: Autoencoder
    grid: WindowGrid

    unit = "windows"
    has_network = True
    has_pitch = True
    keeps_features = False

    @property
    def n_features(self) -> int:
        """Length of a window's feature vector."""
        return self.autoencoder.n_features

    @property
    def network(self) -> Any:
        """The Keras model."""
        return self.autoencoder.network

    def at_pitch(self: _Self, pitch: int) -> _Self:
        """Return the same encoder with another step between windows, in px."""
        return replace(self, grid=WindowGrid(self.grid.window, pitch))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights."""
        return self.autoencoder.weights

    def describe(self) -> str:
        """Describe the network layer by layer, as Keras prints it."""
        return summary(self.grid.window)


class WindowEncoder(Windows):
    """The Encoder of SRSML24: every window goes through the network by itself."""

    def encode(
        self, heights: np.ndarray, wanted: np.ndarray | None = None
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode the wanted windows, some at a time, as the protocol of encoders says."""
        chosen = np.argwhere(self.grid.complete(heights) if wanted is None else wanted)
        for start in range(0, len(chosen), AT_ONCE):
            some = chosen[start : start + AT_ONCE]
            yield tuple(some.T), self.autoencoder.encode(self.grid.extract(heights, some))

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> None:
        """Return None: features come first."""


class DenseWindowEncoder(Windows):
    """The same network, once over the whole map: what overlapping windows share is encoded once."""

    def encode(
        self, heights: np.ndarray, wanted: np.ndarray | None = None
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode the wanted windows tile by tile, as the protocol of encoders says."""
        wanted = self.grid.complete(heights) if wanted is None else wanted
        return dense_unet.window_tiles(
            self.autoencoder.dense_encoder, heights, self.grid, wanted, most=AT_ONCE
        )

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> Iterator[tuple[Place, np.ndarray, np.ndarray]]:
        """Find the nearest centres by sliding them over the map of features."""
        encode = self.autoencoder.dense_encoder
        return dense_unet.label_tiles(encode, heights, self.grid, centres, owners=owners, wanted=wanted)
