"""The seed's U-Net autoencoder: build, train, encode; the only door to Keras and TensorFlow.

Keras is imported inside functions: opening a scan never waits for it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

DROPOUT = 0.1  # the seed names dropout layers and not their rate
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


class WindowSource(Protocol):
    """Windows that training draws from by number, without holding them all."""

    def __len__(self) -> int: ...

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Return the windows of these numbers, (n, window, window) float32 in 0..1."""
        ...


def build_autoencoder(window: int = 32, seed: int = 0) -> Any:
    """Build the network of the seed's Figure 3, layer by layer: 1,162,465 parameters.

    Input and output are (n, window, window, 1), heights in 0..1; ``bottleneck`` is
    (n, window / 8, window / 8, 256). All weights and dropouts follow from ``seed``.
    """
    keras = _keras()
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
        keras = _keras()
        bottleneck = self.network.get_layer("bottleneck").output
        flat = keras.layers.Flatten()(bottleneck)
        return keras.Model(self.network.input, flat)

    @property
    def n_features(self) -> int:
        """Length of a window's feature vector: the flattened bottleneck, 4 x 4 x 256 at 32 px."""
        return (self.window // 2**POOLINGS) ** 2 * 256

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """Encode windows, (n, window, window) in 0..1, as features, (n, n_features) float32."""
        if not len(windows):
            return np.empty((0, self.n_features), np.float32)
        return self._encoder.predict(windows[..., None], batch_size=256, verbose=0)


def train_autoencoder(
    train: WindowSource,
    validation: WindowSource | None,
    *,
    window: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    on_batch: Callable[[int, int, int, float], None] = lambda epoch, batch, batches, loss: None,
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None,
    keep: Callable[[Autoencoder], None] = lambda autoencoder: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Autoencoder:
    """Train the network to give every window back: RMSprop, mean squared error.

    Every epoch sees all training windows once in a new random order. ``on_batch`` gets the epoch
    (from 1), the batch (from 1), the number of batches and the batch's loss; ``on_epoch`` the epoch
    and its losses (``loss``, ``mse``, ``mae``, ``val_...``); ``keep`` the network so far, after the
    first batch and after every epoch. ``should_stop`` is asked after every batch.

    Raises
    ------
    ValueError
        If there is no window to train on.
    """
    if not len(train):
        raise ValueError("there is no window to train on")
    keras = _keras()
    network = build_autoencoder(window, seed)
    network.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate), loss="mean_squared_error", metrics=["mse", "mae"]
    )
    batches = -(-len(train) // batch_size)

    class Reporter(keras.callbacks.Callback):
        epoch, mean = 1, 0.0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            # Keras gives the mean of the epoch so far, which jumps at every new epoch.
            mean = float((logs or {}).get("loss", np.nan))
            before, self.mean = (self.mean if batch else 0.0), mean
            on_batch(self.epoch, batch + 1, batches, mean + batch * (mean - before))
            if self.epoch == 1 and batch == 0:
                keep(Autoencoder.from_network(network))
            if should_stop():
                network.stop_training = True

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.epoch = epoch + 2
            if not should_stop():
                on_epoch(epoch + 1, {key: float(value) for key, value in (logs or {}).items()})
                keep(Autoencoder.from_network(network))

    network.fit(
        _batches(train, batch_size, np.random.default_rng(seed)),
        validation_data=_batches(validation, batch_size, None) if validation and len(validation) else None,
        epochs=epochs,
        shuffle=False,  # Keras would shuffle the order of batches with a generator that is not ours
        verbose=0,
        callbacks=[Reporter()],
    )
    return Autoencoder.from_network(network)


def _batches(source: WindowSource, batch_size: int, rng: np.random.Generator | None) -> Any:
    """Wrap windows as the batches that Keras asks for by number, reshuffled every epoch."""
    keras = _keras()

    class Batches(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__(workers=1)
            self.order = np.arange(len(source))
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(source) // batch_size)

        def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
            windows = source.take(self.order[number * batch_size : (number + 1) * batch_size])[..., None]
            return windows, windows

        def on_epoch_end(self) -> None:
            if rng is not None:
                rng.shuffle(self.order)

    return Batches()


def _keras() -> Any:
    """Import Keras, on TensorFlow unless told otherwise, without its greetings."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras
