from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.srsml24.training import train_autoencoder
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder

# Figure 3 of the seed: name, layer type, output shape, parameters, connected to.
FIGURE_3 = """
input      InputLayer    32 32   1       0
conv1      Conv2D        32 32  32     320  input
drop1      Dropout       32 32  32       0  conv1
pool1      MaxPooling2D  16 16  32       0  drop1
conv2      Conv2D        16 16  64   18496  pool1
drop2      Dropout       16 16  64       0  conv2
pool2      MaxPooling2D   8  8  64       0  drop2
conv3      Conv2D         8  8 128   73856  pool2
drop3      Dropout        8  8 128       0  conv3
pool3      MaxPooling2D   4  4 128       0  drop3
bottleneck Conv2D         4  4 256  295168  pool3
up1        UpSampling2D   8  8 256       0  bottleneck
upconv1    Conv2D         8  8 128  295040  up1
skip1      Concatenate    8  8 256       0  upconv1 conv3
conv4      Conv2D         8  8 128  295040  skip1
up2        UpSampling2D  16 16 128       0  conv4
upconv2    Conv2D        16 16  64   73792  up2
skip2      Concatenate   16 16 128       0  upconv2 conv2
conv5      Conv2D        16 16  64   73792  skip2
up3        UpSampling2D  32 32  64       0  conv5
upconv3    Conv2D        32 32  32   18464  up3
skip3      Concatenate   32 32  64       0  upconv3 conv1
conv6      Conv2D        32 32  32   18464  skip3
output     Conv2D        32 32   1      33  conv6
"""
PARAMETERS = 1_162_465
HOW = {"window": 16, "epochs": 2, "batch_size": 16, "learning_rate": 1e-3}


class Windows:
    """Windows that are all in memory, and which of them were asked for."""

    def __init__(self, windows):
        self.windows = windows
        self.drawn = []

    def __len__(self):
        return len(self.windows)

    def batches(self, size, seed=None):
        order = np.arange(len(self))
        if seed is not None:
            np.random.default_rng(seed).shuffle(order)
        for start in range(0, len(self), size):
            self.drawn.extend(order[start : start + size])
            yield self.windows[order[start : start + size]]


@pytest.fixture(scope="module")
def stripes():
    """48 windows of 16 px of one texture."""
    y = np.arange(16)[None, :, None] + np.arange(48)[:, None, None]
    return np.broadcast_to(0.5 + 0.4 * np.sin(y * 2 * np.pi / 8), (48, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def training(stripes):
    """One training run, and everything that it told."""
    told = {"batches": [], "epochs": [], "kept": [], "states": [], "windows": Windows(stripes)}
    told["result"] = train_autoencoder(
        told["windows"],
        Windows(stripes[:10]),
        seed=3,
        on_batch=lambda *batch: told["batches"].append(batch),
        on_epoch=lambda *epoch: told["epochs"].append(epoch),
        keep=told["kept"].append,
        keep_state=told["states"].append,
        **HOW,
    )
    return told


@pytest.fixture(scope="module")
def untrained():
    return Autoencoder.from_network(build_autoencoder(16, seed=0))


def identical(one, other):
    return one.weights.keys() == other.weights.keys() and all(
        np.array_equal(one.weights[name], other.weights[name]) for name in one.weights
    )


def test_the_network_is_that_of_figure_3_layer_by_layer():
    network = build_autoencoder(32)
    rows = [line.split() for line in FIGURE_3.split("\n") if line]
    assert [layer.name for layer in network.layers] == [row[0] for row in rows]
    for layer, (_, kind, *numbers) in zip(network.layers, rows, strict=True):
        shape, parameters, sources = numbers[:3], int(numbers[3]), numbers[4:]
        assert type(layer).__name__ == kind
        assert layer.output.shape == (None, *map(int, shape))
        assert layer.count_params() == parameters
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        assert [tensor._keras_history.operation.name for tensor in inputs] == sources
    assert network.count_params() == PARAMETERS
    assert sum(int(row[5]) for row in rows) == PARAMETERS


def test_convolutions_are_3_by_3_relu_and_the_last_a_sigmoid_of_single_pixels():
    convolutions = [layer for layer in build_autoencoder(16).layers if hasattr(layer, "kernel_size")]
    *others, last = convolutions
    assert {(layer.kernel_size, layer.activation.__name__) for layer in others} == {((3, 3), "relu")}
    assert (last.kernel_size, last.activation.__name__) == ((1, 1), "sigmoid")


@pytest.mark.parametrize("window", [8, 16, 32])
def test_features_are_the_flattened_bottleneck(rng, window):
    windows = rng.random((3, window, window), dtype=np.float32)
    autoencoder = Autoencoder.from_network(build_autoencoder(window))
    features = autoencoder.encode(windows)
    assert features.shape == (3, autoencoder.n_features) == (3, (window // 8) ** 2 * 256)
    network = autoencoder.network
    deep = type(network)(network.input, network.get_layer("bottleneck").output)
    by_hand = np.asarray(deep(windows[..., None], training=False)).reshape(3, -1)
    np.testing.assert_allclose(features, by_hand, atol=1e-6)


def test_no_windows_give_no_features(untrained):
    assert untrained.encode(np.empty((0, 16, 16), np.float32)).shape == (0, untrained.n_features)


def test_a_window_has_the_same_features_whatever_comes_with_it(rng, untrained):
    windows = rng.random((300, 16, 16), dtype=np.float32)
    np.testing.assert_allclose(
        untrained.encode(windows)[[0, 299]], untrained.encode(windows[[0, 299]]), atol=1e-6
    )


def test_the_same_seed_builds_the_same_weights_and_another_seed_others(untrained):
    again = Autoencoder.from_network(build_autoencoder(16, seed=0))
    other = Autoencoder.from_network(build_autoencoder(16, seed=1))
    assert identical(untrained, again)
    kernels = [name for name in other.weights if name.endswith("kernel")]
    assert len(kernels) == 11
    assert not any(np.array_equal(untrained.weights[name], other.weights[name]) for name in kernels)


def test_no_two_layers_begin_alike(untrained):
    one, other = (untrained.weights[f"{name}.kernel"].ravel() for name in ("upconv1", "conv4"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_weights_are_all_that_encoding_depends_on(rng, training):
    trained = training["result"]
    again = Autoencoder(16, {name: weights.copy() for name, weights in trained.weights.items()})
    windows = rng.random((5, 16, 16), dtype=np.float32)
    assert np.array_equal(again.encode(windows), trained.encode(windows))
    assert identical(Autoencoder.from_network(again.network), trained)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("conv1.kernel", None, "layer conv1 needs weights .* the model holds .*None"),
        ("output.bias", None, "layer output needs weights"),
        ("conv2.kernel", np.zeros((3, 3, 64, 32)), r"layer conv2 .* holds \[\(3, 3, 64, 32\), \(64,\)\]"),
        ("bottleneck.bias", np.zeros(1), "layer bottleneck needs weights"),
    ],
)
def test_weights_of_another_shape_are_refused(untrained, name, wrong, message):
    weights = {key: array for key, array in untrained.weights.items() if key != name}
    if wrong is not None:
        weights[name] = wrong
    with pytest.raises(ValueError, match=message):
        Autoencoder(16, weights).encode(np.zeros((1, 16, 16), np.float32))


def test_training_lowers_the_loss(training):
    losses = [loss for *_, loss in training["batches"]]
    assert losses[-1] < 0.7 * losses[0]
    assert training["epochs"][1][1]["val_loss"] < losses[0]


def test_every_batch_and_every_epoch_is_told_in_order(training):
    assert [batch[:3] for batch in training["batches"]] == [(e, b, 3) for e in (1, 2) for b in (1, 2, 3)]
    assert [epoch for epoch, _ in training["epochs"]] == [1, 2]
    for _, losses in training["epochs"]:
        assert {"loss", "mse", "mae", "val_loss", "val_mse", "val_mae"} <= losses.keys()


def test_a_batchs_loss_is_its_own_and_their_mean_is_the_epochs(training):
    for epoch, losses in training["epochs"]:
        batches = [loss for number, _, _, loss in training["batches"] if number == epoch]
        assert min(batches) > 0
        assert np.mean(batches) == pytest.approx(losses["loss"], rel=1e-4)
        assert losses["mse"] == pytest.approx(losses["loss"], rel=1e-4)


@pytest.fixture(scope="module")
def slow(stripes):
    """Losses of batches and of the epoch at a tiny learning rate, on 16, 16 and 8 windows, and the result."""
    windows, batches, epochs = stripes[:40].copy(), [], []
    result = train_autoencoder(
        Windows(windows),
        Windows(windows),
        seed=3,
        on_batch=lambda *batch: batches.append(batch[-1]),
        on_epoch=lambda epoch, losses: epochs.append(losses),
        **(HOW | {"epochs": 1, "learning_rate": 1e-6}),
    )
    return batches, epochs, result


def test_a_short_last_batch_counts_for_its_windows_alone(slow):
    batches, epochs, _ = slow
    assert epochs[0]["loss"] == pytest.approx(np.average(batches, weights=[16, 16, 8]), rel=1e-5)
    assert epochs[0]["val_loss"] == pytest.approx(epochs[0]["loss"], rel=0.05)  # but for dropout


def test_a_larger_learning_rate_moves_the_weights_further(slow, training):
    start = Autoencoder.from_network(build_autoencoder(16, seed=3))

    def moved(trained):
        return max(np.abs(trained.weights[name] - start.weights[name]).max() for name in start.weights)

    assert 0 < moved(slow[-1]) < 1e-4 < 1e-3 < moved(training["result"])


def test_the_network_is_kept_after_the_first_batch_and_every_epoch(training):
    assert len(training["kept"]) == 3
    assert not identical(training["kept"][0], training["kept"][1])
    assert identical(training["kept"][2], training["result"])


def test_a_training_gone_on_with_after_an_epoch_ends_as_if_it_had_never_stopped(stripes, training):
    epochs = []
    went_on = train_autoencoder(
        Windows(stripes),
        Windows(stripes[:0]),  # without validation
        seed=3,
        on_epoch=lambda *epoch: epochs.append(epoch),
        go_on=training["states"][0],
        **HOW,
    )
    assert [state.epoch for state in training["states"]] == [1, 2]
    assert [epoch for epoch, _ in epochs] == [2]
    assert epochs[0][1]["loss"] == training["epochs"][1][1]["loss"]
    assert identical(went_on, training["result"])


def test_a_state_of_another_network_is_refused(stripes, training):
    state = training["states"][0]
    less = replace(state, variables=dict(list(state.variables.items())[1:]))
    with pytest.raises(ValueError, match="the training so far is of another network"):
        train_autoencoder(Windows(stripes), None, seed=3, go_on=less, **HOW)


def test_training_stops_after_the_batch_in_which_it_was_asked_to_and_a_seed_gives_the_same(stripes, training):
    batches, epochs, kept = [], [], []
    stopped = train_autoencoder(
        Windows(stripes),
        None,
        seed=3,
        on_batch=lambda *batch: batches.append(batch),
        on_epoch=lambda *epoch: epochs.append(epoch),
        keep=kept.append,
        should_stop=lambda: len(batches) == 2,
        **HOW,
    )
    assert (len(batches), epochs, len(kept)) == (2, [], 1)
    assert not identical(stopped, kept[0])
    assert batches == training["batches"][:2]  # validated or not
    assert identical(kept[0], training["kept"][0])


def test_every_epoch_sees_every_window_once_in_a_new_order(training):
    epochs = np.reshape(training["windows"].drawn, (2, 48))
    assert [sorted(epoch) for epoch in epochs] == [list(range(48))] * 2
    assert not np.array_equal(*epochs)


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="there is no window to train on"):
        train_autoencoder(Windows(np.empty((0, 16, 16))), None, seed=0, **HOW)
