"""How far long work is: events not too often, the time that is left, and that it was stopped."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from napari_stmml.events import BatchDone, EpochDone, Event, FilesDone, Listener

SECONDS_BETWEEN_REPORTS = 0.2


class Stopped(Exception):
    """The work was stopped on request before it had a result."""


def until_stopped(tasks: Iterable[Any], should_stop: Callable[[], bool]) -> Iterator[Any]:
    """Give tasks one by one until the work is to stop, or whatever makes them has stopped.

    Parameters
    ----------
    tasks : iterable
        It may raise `Stopped`, which ends this without an error.
    should_stop : callable
        Asked before each task.

    Yields
    ------
    object
        The tasks, as they are.
    """
    try:
        for task in tasks:
            if should_stop():
                return
            yield task
    except Stopped:
        return  # what was made of the tasks before is not lost


def throttled(report: Listener) -> Callable[[Event, bool], None]:
    """Pass on at most five events a second, and those that are the last of their kind.

    Parameters
    ----------
    report : callable
        Gets the events that are passed on.

    Returns
    -------
    callable
        Takes an event, and whether it is passed on however soon it comes.
    """
    last = [0.0]

    def tick(event: Event, always: bool) -> None:
        now = time.monotonic()
        if always or now - last[0] >= SECONDS_BETWEEN_REPORTS:
            last[0] = now
            report(event)

    return tick


class FileCount:
    """Reports how many files of a step are done, how many a second, and the time left.

    Parameters
    ----------
    step : str
    done, total : int
        Files that are done already, and all.
    report : callable
        Gets `FilesDone`, at once and then at most five times a second.
    """

    def __init__(self, step: str, done: int, total: int, report: Listener) -> None:
        self._step, self._total, self._tick = step, total, throttled(report)
        self._before = self._done = done
        self._began = time.monotonic()
        self._tell()

    def add(self) -> None:
        """Count one more file."""
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        here, seconds = self._done - self._before, time.monotonic() - self._began
        rate = here / seconds if here and seconds > 0 else None
        left = None if rate is None else round((self._total - self._done) / rate, 1)
        event = FilesDone(self._step, self._done, self._total, rate, left)
        self._tick(event, self._done == self._total)


def of_training(
    history: list[dict[str, Any]], report: Listener
) -> tuple[Callable[[int, int, int, float], None], Callable[[int, dict[str, float]], None]]:
    """Return what a training calls after a batch and after an epoch: events, and the epoch's losses noted.

    Parameters
    ----------
    history : list of dict
        Gets a dict for each epoch: ``epoch``, and its losses under their names.
    report : callable
        Gets `BatchDone` and `EpochDone`.

    Returns
    -------
    on_batch : callable
        Takes epoch, batch, number of batches, and loss.
    on_epoch : callable
        Takes the epoch and a dict of its losses.
    """

    def on_batch(epoch: int, batch: int, batches: int, loss: float) -> None:
        report(BatchDone(epoch, batch, batches, loss))

    def on_epoch(epoch: int, losses: dict[str, float]) -> None:
        history.append({"epoch": epoch, **losses})
        report(EpochDone(epoch, **losses))

    return on_batch, on_epoch


def with_time_left(report: Listener, epochs: int) -> Listener:
    """Add ``fraction`` and ``seconds_left`` of the training to every event of a batch.

    The pace is taken from the second batch on, for the first one compiles the network.

    Parameters
    ----------
    report : callable
        Gets at most five events of batches a second, the last of each epoch always, and all other events.
    epochs : int
        Of the whole training.

    Returns
    -------
    callable
        Takes the events of the training.
    """
    first: list[tuple[float, float]] = []
    tick = throttled(report)

    def add(event: Event) -> None:
        if not isinstance(event, BatchDone):
            report(event)
            return
        fraction = (event.epoch - 1 + event.batch / event.batches) / epochs
        now = time.monotonic()
        first.append((now, fraction)) if not first else None
        began, share = first[0]
        left = (now - began) / (fraction - share) * (1 - fraction) if fraction > share else None
        left = None if left is None else round(left, 1)
        tick(
            replace(event, epochs=epochs, fraction=fraction, seconds_left=left),
            event.batch == event.batches,
        )

    return add
