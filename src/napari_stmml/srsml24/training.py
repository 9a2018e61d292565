"""Train the U-Net of SRSML24 to give windows back, epoch by epoch, so that it can stop and go on anywhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder
from napari_stmml.srsml24.window_stream import WindowStream
from napari_stmml.system.keras import load_keras


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that a training needs to go on after an epoch as if it had never stopped, as plain arrays."""

    epoch: int
    variables: dict[str, np.ndarray] = field(repr=False)


def train_autoencoder(
    train: WindowStream,
    validation: WindowStream | None,
    *,
    window: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    on_batch: Callable[[int, int, int, float], None] = lambda epoch, batch, batches, loss: None,
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None,
    keep: Callable[[Autoencoder], None] = lambda autoencoder: None,
    keep_state: Callable[[TrainingState], None] | None = None,
    go_on: TrainingState | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Autoencoder:
    """Train the network to give every window back: RMSprop, mean squared error.

    Every epoch sees all training windows once in a new random order. ``on_batch`` gets the epoch
    (from 1), the batch (from 1), the number of batches and the batch's loss; ``on_epoch`` the epoch
    and its losses (``loss``, ``mse``, ``mae``, ``val_...``); ``keep`` the network so far, after the
    first batch and after every epoch; ``keep_state`` what ``go_on`` takes to continue after that
    epoch, with the very same result. ``should_stop`` is asked after every batch.

    Parameters
    ----------
    train : WindowStream
        Windows to train on.
    validation : WindowStream or None
        Windows for the ``val_...`` losses; None or an empty one for none.
    window : int
        Side of a window in px.
    epochs : int
        Epochs in all, those before ``go_on`` counted.
    batch_size : int
        Windows of a step.
    learning_rate : float
    seed : int
        Of the first weights and of the orders of windows.
    on_batch, on_epoch, keep, should_stop : callable
        As above.
    keep_state : callable, optional
        As above.
    go_on : TrainingState, optional
        What ``keep_state`` got; its own epochs are not trained again.

    Returns
    -------
    Autoencoder
        The network so far if ``should_stop`` said so.

    Raises
    ------
    ValueError
        If there is no window to train on, or the state is of another network.
    """
    if not len(train):
        raise ValueError("there is no window to train on")
    keras = load_keras()
    network = build_autoencoder(window, seed)
    network.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate), loss="mean_squared_error", metrics=["mse", "mae"]
    )
    if go_on is not None:
        _put_back(network, go_on)
    batches = -(-len(train) // batch_size)
    for epoch in range(1 if go_on is None else go_on.epoch + 1, epochs + 1):
        mean = _Mean()
        for batch, windows in enumerate(train.batches(batch_size, (seed, epoch)), 1):
            losses = network.train_on_batch(windows[..., None], windows[..., None], return_dict=True)
            mean.add(losses, len(windows))
            on_batch(epoch, batch, batches, float(losses["loss"]))
            if epoch == batch == 1:
                keep(Autoencoder.from_network(network))
            if should_stop():
                return Autoencoder.from_network(network)
        of_epoch = mean.of()
        if validation is not None and len(validation):
            held_out = _validate(network, validation, batch_size)
            of_epoch |= {f"val_{name}": value for name, value in held_out.items()}
        on_epoch(epoch, of_epoch)
        if keep_state is not None:
            keep_state(_state(network, epoch))
        keep(Autoencoder.from_network(network))
    return Autoencoder.from_network(network)


def _validate(network: Any, validation: WindowStream, batch_size: int) -> dict[str, float]:
    mean = _Mean()
    for windows in validation.batches(batch_size):
        losses = network.test_on_batch(windows[..., None], windows[..., None], return_dict=True)
        mean.add(losses, len(windows))
    return mean.of()


class _Mean:
    """The mean of losses over batches that need not be of one size."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._windows = 0

    def add(self, losses: dict[str, Any], windows: int) -> None:
        self._windows += windows
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + windows * float(value)

    def of(self) -> dict[str, float]:
        return {name: value / self._windows for name, value in self._sums.items()}


def _variables(network: Any) -> dict[str, Any]:
    """Name every variable of network and optimiser: weights, momenta, states of random numbers."""
    network.optimizer.build(network.trainable_variables)
    named = {f"network/{number:03d}": one for number, one in enumerate(network.variables)}
    return named | {f"optimiser/{number:03d}": one for number, one in enumerate(network.optimizer.variables)}


def _state(network: Any, epoch: int) -> TrainingState:
    keras = load_keras()
    arrays = {
        name: np.array(keras.ops.convert_to_numpy(one.value)) for name, one in _variables(network).items()
    }
    return TrainingState(epoch, arrays)


def _put_back(network: Any, state: TrainingState) -> None:
    named = _variables(network)
    shapes = {name: tuple(one.shape) for name, one in named.items()}
    given = {name: array.shape for name, array in state.variables.items()}
    if shapes != given:
        raise ValueError("the training so far is of another network, and cannot be gone on with")
    for name, one in named.items():
        one.assign(state.variables[name])
