"""Encode windows with the U-Net of SRSML24: one by one as the document does, or all of a map at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import gcd
from typing import Any, TypeVar

import numpy as np

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24 import dense_unet
from napari_stmml.srsml24.unet import Autoencoder, summary
from napari_stmml.srsml24.window_stream import WindowStream, in_batches, places_of

AT_ONCE = 2048  # windows; 34 MB of features at 32 px
Place = tuple[Any, Any]
Kept = Callable[[int, tuple[int, int], Callable[[], np.ndarray]], np.ndarray]
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
    of_object = None

    @property
    def n_features(self) -> int:
        """Length of a window's feature vector."""
        return self.autoencoder.n_features

    @property
    def network(self) -> Any:
        """The Keras model."""
        return self.autoencoder.network

    def at_pitch(self: _Self, pitch: int) -> _Self:
        """Return the same encoder with another step between windows, in px.

        Parameters
        ----------
        pitch : int
            In px, 1 to the window.

        Returns
        -------
        encoder of the same class
        """
        return replace(self, grid=WindowGrid(self.grid.window, pitch))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights.

        Returns
        -------
        dict of str to ndarray
        """
        return self.autoencoder.weights

    def describe(self) -> str:
        """Describe the network layer by layer, as Keras prints it.

        Returns
        -------
        str
            A table of many lines.
        """
        return summary(self.grid.window)


class WindowEncoder(Windows):
    """The Encoder of SRSML24: every window goes through the network by itself."""

    keeps_batches = True

    def encode(
        self,
        heights: np.ndarray,
        wanted: np.ndarray | None = None,
        borders: np.ndarray | None = None,
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode the wanted windows, some at a time, as the protocol of encoders says."""
        chosen = np.argwhere(self.grid.complete(heights) if wanted is None else wanted)
        for start in range(0, len(chosen), AT_ONCE):
            some = chosen[start : start + AT_ONCE]
            yield tuple(some.T), self.autoencoder.encode(self.grid.extract(heights, some))

    def batches(
        self,
        windows: WindowStream,
        size: int,
        seed: int,
        kept: Kept | None = None,
        only: range | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield the features of all windows in shuffled batches, (size, n_features) float32.

        Parameters
        ----------
        windows : WindowStream
        size, seed : int
        kept : callable, optional
            Gets the number of a batch, its shape and a function that makes it; returns its features, which
            it may have kept in a file.
        only : range, optional
            Numbers of the batches that are wanted.
        """
        first = only.start if only else 0
        for number, batch in enumerate(windows.batches(size, seed, only), first):
            make = partial(self._encode, batch)
            yield kept(number, (len(batch), self.n_features), make) if kept else make()

    def _encode(self, batch: np.ndarray) -> np.ndarray:
        """Encode any number of windows, some at a time, as (n, n_features) float32."""
        parts = range(0, len(batch), AT_ONCE)
        return np.concatenate([self.autoencoder.encode(batch[i : i + AT_ONCE]) for i in parts])

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> None:
        """Return None: features come first. See ``Encoder.nearest``.

        Returns
        -------
        None
            Whatever the arguments.
        """


class DenseWindowEncoder(Windows):
    """The same network, once over the whole map: what overlapping windows share is encoded once."""

    keeps_batches = False

    def encode(
        self,
        heights: np.ndarray,
        wanted: np.ndarray | None = None,
        borders: np.ndarray | None = None,
    ) -> Iterator[tuple[Place, np.ndarray]]:
        """Encode the wanted windows tile by tile, as the protocol of encoders says."""
        wanted = self.grid.complete(heights) if wanted is None else wanted
        return dense_unet.window_tiles(
            self.autoencoder.dense_encoder, heights, self.grid, wanted, most=AT_ONCE
        )

    def nearest(
        self, heights: np.ndarray, centres: np.ndarray, owners: np.ndarray, wanted: np.ndarray
    ) -> Iterator[tuple[Place, np.ndarray, np.ndarray]]:
        """Find the nearest centres by sliding them over the map of features. See ``Encoder.nearest``.

        Yields
        ------
        place : (slice, slice)
            Of the windows of a tile in the grid.
        group, confidence : ndarray of int and of float32
        """
        encode = self.autoencoder.dense_encoder
        return dense_unet.label_tiles(encode, heights, self.grid, centres, owners=owners, wanted=wanted)

    def batches(
        self, windows: WindowStream, size: int, seed: int, kept: Kept | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the features of all windows in batches, map after map in a random order; none are kept.

        Parameters
        ----------
        windows : WindowStream
        size : int
            Windows of a batch.
        seed : int
        kept : callable, optional
            Not used.

        Yields
        ------
        ndarray of float32, shape (size, n_features)
            The last one may be shorter.
        """
        return in_batches(self._shuffled(windows, size, seed), size)

    def _shuffled(self, windows: WindowStream, size: int, seed: int) -> Iterator[np.ndarray]:
        """Yield the features of some windows of a map at a time, (n, n_features)."""
        rng = np.random.default_rng(seed)
        encode = self.autoencoder.dense_encoder
        pitch = gcd(windows.grid.pitch, encode.stride)
        left = len(windows)
        for which in rng.permutation(len(windows.maps)).tolist():
            heights = windows.maps[which].load()
            places = places_of(heights, windows.grid, windows.part)
            starts = [windows.grid.starts(length) for length in heights.shape]
            pixels = np.stack([starts[axis][places[:, axis]] for axis in (0, 1)], 1)
            pixels = pixels[(pixels % pitch == 0).all(1)]  # the last, flush ones lie between the cells
            made = dense_unet.dense_features(encode, heights, pitch)
            cells = dense_unet.blocks(made, pitch, windows.grid.window)
            for some in np.array_split(rng.permutation(pixels)[:left] // pitch, -(-len(pixels) // size) or 1):
                if len(some):  # a sample may take none of a map
                    yield cells[some[:, 0], some[:, 1]].reshape(len(some), -1)
                left -= len(some)
