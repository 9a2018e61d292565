"""Features that a small network learns from the scans: what type of structure every place looks like.

Nobody labels anything. Structures of known type are pasted into pieces of the user's own maps, and the
network learns to tell them from each other and from the surface. Its features are how likely each type is,
and heights, beside those of the filters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from napari_stmml.features.filters import FilterFeatures
from napari_stmml.features.pasting import PIECE, TYPES, UNKNOWN, pasted_pieces
from napari_stmml.heights.pyramid import blurred, doubled, halved
from napari_stmml.system.keras import load_keras

CELL = 2
SEEN = 4  # channels that the network sees
LAYERS = {  # name: (side of the kernel, step, dilation, channels in, channels out); cells of 2, 4 and 8 px
    "half1": (4, 2, 1, SEEN, 16),
    "half2": (3, 1, 1, 16, 16),
    "quarter1": (4, 2, 1, 16, 32),
    "quarter2": (3, 1, 1, 32, 32),
    "eighth1": (4, 2, 1, 32, 48),
    "eighth2": (3, 1, 1, 48, 48),
    "eighth3": (3, 1, 2, 48, 48),
    "up1": (1, 1, 1, 48, 32),
    "quarter3": (3, 1, 1, 32, 32),
    "up2": (1, 1, 1, 32, 16),
    "half3": (3, 1, 1, 16, 24),
    "half4": (1, 1, 1, 24, 24),
    "types": (1, 1, 1, 24, len(TYPES)),
}
LINEAR = ("up1", "up2", "types")  # layers without an activation of their own
LIKELY, HIGH = 3.0, 0.7  # weights of the features: square roots of probabilities, and heights
N_HEIGHTS = 2
MOST_PIECES = 72
MOST_MAPS = 60
CROP = 128  # px a side of what one example of a batch shows of a piece
RARE = -0.3  # power of a type's share, by which its cells count in the loss


@dataclass(frozen=True, eq=False)
class LearnedFeatures:
    """A trained network as plain arrays: features of every cell of 2 x 2 px.

    Tiles begin at and measure multiples of ``align`` px; a feature sees ``reach`` px far.

    Parameters
    ----------
    weights : dict of str to ndarray
        ``layer.kernel`` and ``layer.bias`` of every convolution, as `train_learned` returns them. Without
        any there are channels, and no features.

    Raises
    ------
    ValueError
        If a weight is missing or has another shape than the network asks for.
    """

    weights: dict[str, np.ndarray] = field(repr=False)

    cell = CELL
    filters = FilterFeatures()
    reach = filters.reach
    align = filters.align
    n_features = len(TYPES) + N_HEIGHTS + filters.n_features

    def __post_init__(self) -> None:
        for name, (size, _, _, channels, filters) in LAYERS.items() if self.weights else ():
            wanted = [(size, size, channels, filters), (filters,)]
            given = [self.weights.get(f"{name}.{part}") for part in ("kernel", "bias")]
            shapes = [None if array is None else array.shape for array in given]
            if shapes != wanted:
                raise ValueError(f"layer {name} needs weights {wanted}, the model holds {shapes}")

    def channels(self, heights: np.ndarray) -> np.ndarray:
        """Scale a whole map and take its lattice out; (2, rows, cols) float32, as the filters do.

        Parameters
        ----------
        heights : ndarray, shape (rows, cols)
            Flattened, without NaN, in any unit; 16 px a side or more.
        """
        return self.filters.channels(heights)

    def features(self, channels: np.ndarray) -> np.ndarray:
        """Encode the channels of a map, or of a tile of it.

        Parameters
        ----------
        channels : ndarray of float32, shape (2, rows, cols)
            Rows and columns are multiples of ``align``.

        Returns
        -------
        ndarray of float32, shape (rows / cell, cols / cell, n_features)
            Square roots of how likely each type is, heights, and the features of the filters.

        Raises
        ------
        ValueError
            If rows or columns are no multiple of ``align``, or there are no weights.
        """
        of_filters = self.filters.features(channels)
        seen, heights = _seen(np.asarray(channels, np.float32))
        likely = np.sqrt(_softmax(self._network.predict_on_batch(seen[None])[0]))
        own = [np.float32(LIKELY) * likely, np.float32(HIGH) * heights]
        return np.concatenate([*own, of_filters], axis=-1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights.

        Returns
        -------
        dict of str to ndarray
            ``layer.kernel`` and ``layer.bias`` of every convolution; empty where nothing was trained.
        """
        return self.weights

    @cached_property
    def _network(self) -> Any:
        """The Keras model, built by our own code and given these weights; nothing stored is run."""
        if not self.weights:
            raise ValueError("the network has no weights; it must be trained first")
        network = build_network()
        for name in LAYERS:
            network.get_layer(name).set_weights(
                [self.weights[f"{name}.{part}"] for part in ("kernel", "bias")]
            )
        network.jit_compile = False  # XLA would compile again for every shape of a tile
        return network


def _seen(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make what the network sees, (rows, cols, SEEN), and heights of features, (rows / 2, cols / 2, 2)."""
    rest, lattice = channels
    half = halved(blurred(rest, 2.0))
    g4 = blurred(halved(rest), 2.0)
    g16 = blurred(halved(halved(g4)), 2.0)
    far = doubled(doubled(blurred(g16, 12**0.5)))
    near, ground = doubled(g4), doubled(doubled(doubled(g16)))
    strength = doubled(np.log(blurred(halved(lattice * lattice), 2.0) + np.float32(0.01)))
    seen = [np.arcsinh(rest - ground), np.arcsinh(3 * (rest - near)), np.arcsinh(lattice), strength / 2]
    high = [np.arcsinh(blurred(one - far, 1.5)) for one in (half, g4)]
    return np.stack(seen, -1).astype(np.float32), np.stack(high, -1).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def build_network(seed: int = 0, training: bool = False) -> Any:
    """Build the network: (n, rows, cols, SEEN) to logits, (n, rows / 2, cols / 2, types).

    It goes down to cells of 8 px, to see far, and up again. While it trains, layers are followed by batch
    normalisations, which `_weights` folds into them. All weights follow from ``seed``.
    """
    keras = load_keras()
    layers = keras.layers
    numbers = {name: number for number, name in enumerate(LAYERS)}

    def conv(x: Any, name: str) -> Any:
        size, step, dilation, _, filters = LAYERS[name]
        normed = training and name != "types"
        x = layers.Conv2D(
            filters,
            size,
            strides=step,
            dilation_rate=dilation,
            padding="same",
            use_bias=not normed,
            kernel_initializer=keras.initializers.HeNormal(seed=100 * seed + numbers[name]),
            name=name,
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x) if normed else x
        return x if name in LINEAR else layers.ReLU()(x)

    def up(x: Any, name: str, beside: Any) -> Any:
        return layers.ReLU()(layers.Add()([beside, layers.UpSampling2D(2)(conv(x, name))]))

    source = layers.Input((None, None, SEEN), name="channels")
    half = conv(conv(source, "half1"), "half2")
    quarter = conv(conv(half, "quarter1"), "quarter2")
    eighth = conv(conv(conv(quarter, "eighth1"), "eighth2"), "eighth3")
    quarter = conv(up(eighth, "up1", quarter), "quarter3")
    half = conv(conv(up(quarter, "up2", half), "half3"), "half4")
    return keras.Model(source, conv(half, "types"), name="learned")


def train_learned(
    maps: Sequence[np.ndarray],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    sampled: int,
    on_batch: Callable[[int, int, int, float], None] = lambda epoch, batch, batches, loss: None,
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None,
    keep: Callable[[dict[str, np.ndarray]], None] = lambda weights: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, np.ndarray]:
    """Train the network on what is pasted into maps, without labels; return its weights.

    Parameters
    ----------
    maps : sequence of ndarray, shape (2, rows, cols)
        As `LearnedFeatures.channels` makes them, NaN where not scanned; of very many, some are drawn.
    epochs, batch_size, learning_rate, seed
        The same seed gives the same weights.
    sampled : int
        Examples of an epoch, each `CROP` px a side.
    on_batch, on_epoch, keep, should_stop
        ``on_batch`` gets the epoch (from 1), the batch (from 1), the number of batches and the batch's loss;
        ``on_epoch`` the epoch and its ``loss``; ``keep`` the weights so far, after the first batch and after
        every epoch. ``should_stop`` is asked after every batch.

    Raises
    ------
    ValueError
        If there is no map to train on.
    """
    if not len(maps):
        raise ValueError("there is no map to train on")
    rng = np.random.default_rng((seed, 0))
    some = np.sort(rng.permutation(len(maps))[:MOST_MAPS])
    pieces, types = pasted_pieces([maps[i] for i in some], min(MOST_PIECES, sampled), rng)
    seen = np.stack([_seen(piece)[0].astype(np.float16) for piece in pieces])
    batches = -(-sampled // batch_size)
    network = _trainable(types, seed, learning_rate, epochs * batches)
    for epoch in range(1, epochs + 1):
        losses = []
        for batch in range(1, batches + 1):
            losses.append(float(network.train_on_batch(*_examples(seen, types, batch_size, rng))))
            on_batch(epoch, batch, batches, losses[-1])
            if epoch == batch == 1:
                keep(_weights(network))
            if should_stop():
                return _weights(network)
        on_epoch(epoch, {"loss": float(np.mean(losses))})
        keep(_weights(network))
    return _weights(network)


def _trainable(types: np.ndarray, seed: int, learning_rate: float, steps: int) -> Any:
    """Return the network, compiled; rare types count more, unknown cells not at all."""
    keras = load_keras()
    ops = keras.ops
    share = np.bincount(types.ravel(), minlength=UNKNOWN + 1)[: len(TYPES)] / types.size
    weights = np.zeros(UNKNOWN + 1, np.float32)
    weights[: len(TYPES)] = (share + 1e-3) ** RARE

    def loss(asked: Any, logits: Any) -> Any:
        asked = ops.cast(asked[..., 0], "int32")
        counts = ops.take(weights, asked)
        known = ops.where(asked == UNKNOWN, 0, asked)
        wrong = ops.sparse_categorical_crossentropy(known, logits, from_logits=True)
        return ops.sum(counts * wrong) / (ops.sum(counts) + 1)

    network = build_network(seed, training=True)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, max(steps, 1))
    network.compile(keras.optimizers.Adam(rate), loss=loss, jit_compile=False)
    return network


def _examples(
    seen: np.ndarray, types: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut examples from pieces, turned and mirrored at random; what is seen and the types of its cells."""
    shown = np.empty((count, CROP, CROP, SEEN), np.float32)
    asked = np.empty((count, CROP // CELL, CROP // CELL, 1), np.float32)
    for i in range(count):
        number, turns, mirrored = int(rng.integers(len(seen))), int(rng.integers(4)), int(rng.integers(2))
        top, left = (8 * rng.integers(0, (PIECE - CROP) // 8 + 1, 2)).tolist()
        place = slice(top, top + CROP), slice(left, left + CROP)
        cells = tuple(slice(part.start // CELL, part.stop // CELL) for part in place)
        one, other = seen[number][place], types[number][cells][..., None]
        if mirrored:
            one, other = one[:, ::-1], other[:, ::-1]
        shown[i], asked[i] = np.rot90(one, turns), np.rot90(other, turns)
    return shown, asked


def _weights(network: Any) -> dict[str, np.ndarray]:
    """Return kernels and biases of all layers, with what normalises them folded in."""
    weights: dict[str, np.ndarray] = {}
    for name in LAYERS:
        layer = network.get_layer(name)
        kernel = np.array(layer.get_weights()[0])
        if layer.use_bias:
            bias = np.array(layer.get_weights()[1])
        else:
            norm = network.get_layer(f"{name}_norm")
            gain, bias, mean, variance = (np.array(one) for one in norm.get_weights())
            gain /= np.sqrt(variance + norm.epsilon)
            kernel, bias = kernel * gain, bias - mean * gain
        weights |= {f"{name}.kernel": kernel, f"{name}.bias": bias}
    return weights
