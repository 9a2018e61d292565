"""The U-Net autoencoder of SRSML24: its layers, and its encoder as plain arrays, for windows and for maps."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from napari_stmml.system.keras import load_keras

DROPOUT = 0.1  # SRSML24 names dropout layers and not their rate
POOLINGS = 3
CONVOLUTIONS = {  # name: (side of the kernel, channels in, channels out)
    "conv1": (3, 1, 32),
    "conv2": (3, 32, 64),
    "conv3": (3, 64, 128),
    "bottleneck": (3, 128, 256),
    "upconv1": (3, 256, 128),
    "conv4": (3, 256, 128),
    "upconv2": (3, 128, 64),
    "conv5": (3, 128, 64),
    "upconv3": (3, 64, 32),
    "conv6": (3, 64, 32),
    "output": (1, 32, 1),
}


def build_autoencoder(window: int = 32, seed: int = 0) -> Any:
    """Build the network of Figure 3 of SRSML24, layer by layer: 1,162,465 parameters.

    Input and output are (n, window, window, 1), heights in 0..1; ``bottleneck`` is
    (n, window / 8, window / 8, 256). All weights and dropouts follow from ``seed``.
    """
    keras = load_keras()
    layers = keras.layers
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))

    def conv(name: str, activation: str = "relu") -> Any:
        size, _, filters = CONVOLUTIONS[name]
        start = keras.initializers.GlorotUniform(seed=next(seeds))
        return layers.Conv2D(
            filters, size, padding="same", activation=activation, kernel_initializer=start, name=name
        )

    source = layers.Input((window, window, 1), name="input")
    x, skips = source, []
    for i in range(1, POOLINGS + 1):
        x = conv(f"conv{i}")(x)
        skips.append(x)
        x = layers.Dropout(DROPOUT, seed=next(seeds), name=f"drop{i}")(x)
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
    x = conv("bottleneck")(x)
    for i in range(1, POOLINGS + 1):
        x = layers.UpSampling2D(name=f"up{i}")(x)
        x = conv(f"upconv{i}")(x)
        x = layers.Concatenate(name=f"skip{i}")([x, skips[-i]])
        x = conv(f"conv{i + POOLINGS}")(x)
    return keras.Model(source, conv("output", activation="sigmoid")(x), name="srsml24")


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A trained network as plain arrays; Keras is loaded when it is first used to encode.

    Parameters
    ----------
    window : int
        Side of a window in px.
    weights : dict of str to ndarray
        ``layer.kernel`` and ``layer.bias`` of every convolution.

    Raises
    ------
    ValueError
        If a weight is missing or has another shape than the network asks for.
    """

    window: int
    weights: dict[str, np.ndarray] = field(repr=False)

    def __post_init__(self) -> None:
        for name, (size, channels, filters) in CONVOLUTIONS.items():
            wanted = [(size, size, channels, filters), (filters,)]
            given = [self.weights.get(f"{name}.{part}") for part in ("kernel", "bias")]
            shapes = [None if array is None else array.shape for array in given]
            if shapes != wanted:
                raise ValueError(f"layer {name} needs weights {wanted}, the model holds {shapes}")

    @classmethod
    def from_network(cls, network: Any) -> "Autoencoder":
        """Take the weights out of a Keras model made by ``build_autoencoder``."""
        weights = {
            f"{layer.name}.{part}": np.array(values)
            for layer in network.layers
            for part, values in zip(("kernel", "bias"), layer.get_weights(), strict=False)
        }
        return cls(network.input_shape[1], weights)

    @cached_property
    def network(self) -> Any:
        """The Keras model, built by our own code and given these weights; nothing stored is run."""
        network = build_autoencoder(self.window)
        for name in CONVOLUTIONS:
            weights = [self.weights[f"{name}.{part}"] for part in ("kernel", "bias")]
            network.get_layer(name).set_weights(weights)
        return network

    @cached_property
    def _encoder(self) -> Any:
        keras = load_keras()
        bottleneck = self.network.get_layer("bottleneck").output
        flat = keras.layers.Flatten()(bottleneck)
        return keras.Model(self.network.input, flat)

    @cached_property
    def dense_encoder(self) -> "DenseEncoder":
        """The encoder for whole maps, as ``dense_unet`` takes it."""
        return DenseEncoder(self.weights)

    @property
    def n_features(self) -> int:
        """Length of a window's feature vector: the flattened bottleneck, 4 x 4 x 256 at 32 px."""
        return (self.window // 2**POOLINGS) ** 2 * 256

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """Encode windows, (n, window, window) in 0..1, as features, (n, n_features) float32."""
        if not len(windows):
            return np.empty((0, self.n_features), np.float32)
        return self._encoder.predict(windows[..., None], batch_size=256, verbose=0)


@dataclass(frozen=True, eq=False)
class DenseEncoder:
    """The encoder for a map of any size: what the network gives at every offset, computed once.

    A pooling that would skip offsets that are asked for is made at every pixel instead, and its four
    interleaved maps go on side by side as a batch. No convolution is padded, so the edges are the caller's.
    """

    weights: dict[str, np.ndarray] = field(repr=False)
    _networks: dict[int, Any] = field(default_factory=dict, init=False, repr=False)

    stride = 2**POOLINGS
    reach = 2 ** (POOLINGS + 1) - 1  # px that a cell's features see beyond it: 1 + 2 + 4 + 8
    n_features = CONVOLUTIONS["bottleneck"][2]

    def __call__(self, heights: np.ndarray, pitch: int) -> np.ndarray:
        """Encode heights, (rows, cols) float32, at every ``pitch`` px; see `dense_unet.Encoder`.

        Raises
        ------
        ValueError
            If ``pitch`` is not 1, 2, 4 or 8 px.
        """
        if pitch not in {2**i for i in range(POOLINGS + 1)}:
            raise ValueError(f"pitch must be 1, 2, 4 or {self.stride} px, got {pitch}")
        if pitch not in self._networks:
            self._networks[pitch] = self._build(pitch)
        features = self._networks[pitch].predict_on_batch(heights[None, ..., None])
        n = self.stride // pitch
        return features.reshape(n, n, *features.shape[1:])

    def _build(self, pitch: int) -> Any:
        keras = load_keras()
        layers = keras.layers
        x = source = layers.Input(batch_shape=(1, None, None, 1))
        n = 1  # offsets along an axis so far
        names = [*(f"conv{i}" for i in range(1, POOLINGS + 1)), "bottleneck"]
        for i, name in enumerate(names):
            if i and pitch % 2**i == 0:
                x = layers.MaxPooling2D()(x)
            elif i:
                x, n = _phases(layers.MaxPooling2D(strides=1)(x), n), 2 * n
            size, _, filters = CONVOLUTIONS[name]
            x = layers.Conv2D(filters, size, activation="relu", name=name)(x)
        network = keras.Model(source, x, name=f"dense{pitch}")
        for name in names:
            network.get_layer(name).set_weights(
                [self.weights[f"{name}.{part}"] for part in ("kernel", "bias")]
            )
        if keras.backend.backend() == "tensorflow":
            network.jit_compile = False  # XLA would compile again for every shape of a tile
        return network


def _phases(x: Any, n: int) -> Any:
    """Split maps, n * n as a batch, into their even and odd rows and columns: 2n * 2n, by offset."""
    offsets = [(a, b) for a in range(2 * n) for b in range(2 * n)]
    maps = [x[k : k + 1, a // n :: 2, b // n :: 2] for a, b in offsets for k in (a % n * n + b % n,)]
    return load_keras().ops.concatenate(maps)


def summary(window: int) -> str:
    """Describe the network layer by layer, as Keras prints it."""
    lines: list[str] = []
    build_autoencoder(window).summary(line_length=100, print_fn=lambda line, **more: lines.append(line))
    return "\n".join(lines) + "\n"
