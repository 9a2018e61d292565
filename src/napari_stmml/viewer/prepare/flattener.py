"""Flatten in threads for a panel: what is asked for, what came of it, and the layer that is made of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from superqt.utils import create_worker

from napari_stmml.heights.flatten import flatten
from napari_stmml.viewer.io.layers import robust_limits, scan_to_layer
from napari_stmml.viewer.shared import overlays
from napari_stmml.viewer.shared.panel import brief_name, place_of, scan_of

MOST_THREADS = 2  # for previews: while one is slow, another chain can be tried
SAMPLE = 256  # pixels a side that say what contrast a preview needs


@dataclass(frozen=True, eq=False)
class Wish:
    """A layer, its data now, the chain to flatten it by, and the pixels that no fit takes notice of."""

    layer: Any
    data: Any
    chain: str
    mask: np.ndarray | None = None
    without: str = ""  # the names of the classes that the mask is made of

    def same_as(self, other: "Wish") -> bool:
        """Say whether the same comes of both."""
        if self.layer is not other.layer or self.data is not other.data:
            return False
        if self.mask is None or other.mask is None:
            return self.chain == other.chain and self.mask is other.mask
        return self.chain == other.chain and np.array_equal(self.mask, other.mask)

    @property
    def did(self) -> str:
        """What is done, for the history of the scan."""
        return f"flatten {self.chain}" + (f", without: {self.without}" if self.without else "")


@dataclass(frozen=True, eq=False)
class Result:
    """Heights (rows, cols), contrast limits that suit them, and what there is to say about them."""

    wish: Wish
    heights: np.ndarray
    limits: tuple[float, float]
    notes: tuple[str, ...] = ()


Done = Callable[[Result], None]
Failed = Callable[[Wish, Exception], None]


class Flattener:
    """Flattens in threads and tells on the main thread; of previews the last that was asked for alone."""

    def __init__(self, owner: Any) -> None:
        self._asked = 0
        self._running = 0
        self._waiting: tuple[Wish, Done, Failed] | None = None
        self._gone = False
        owner.destroyed.connect(self._forget_all)

    @property
    def busy(self) -> bool:
        """Whether a thread is at work."""
        return self._running > 0

    def start(self, wish: Wish, done: Done, failed: Failed) -> None:
        """Flatten, whatever else is asked for meanwhile."""
        self._run(wish, done, failed, None)

    def preview(self, wish: Wish, done: Done, failed: Failed) -> None:
        """Flatten, unless another preview is asked for meanwhile: then only that one is told of."""
        self._asked += 1
        if self._running < MOST_THREADS:
            self._run(wish, done, failed, self._asked)
        else:
            self._waiting = (wish, done, failed)

    def forget(self) -> None:
        """Tell of no preview that was asked for."""
        self._asked += 1
        self._waiting = None

    def _forget_all(self) -> None:
        self._gone = True
        self._waiting = None

    def _run(self, wish: Wish, done: Done, failed: Failed, number: int | None) -> None:
        notes: list[str] = []

        def end(tell: Callable[[], None]) -> None:
            self._running -= 1
            if self._gone:
                return
            if number is None or number == self._asked:
                tell()
            if self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                self._run(*waiting, self._asked)

        self._running += 1
        create_worker(
            _work,
            wish,
            _connect={
                "warned": lambda warning: notes.append(str(warning[0])),
                "returned": lambda result: end(lambda: done(replace(result, notes=tuple(notes)))),
                "errored": lambda error: end(lambda: failed(wish, error)),
            },
        )


def _work(wish: Wish) -> Result:
    heights = flatten(np.asarray(wish.data), wish.chain, leave_out=wish.mask)
    rows, cols = (max(1, size // SAMPLE) for size in heights.shape)
    some = heights[::rows, ::cols]
    return Result(wish, heights, robust_limits(some if np.isfinite(some).any() else heights))


def is_flattened(layer: Any) -> bool:
    """Say whether a layer was made by flattening."""
    history = layer.metadata.get("stmml", {}).get("history", ())
    return any(str(did).startswith("flatten") for did in history)


def add_made(viewer: Any, result: Result, **look: Any) -> str:
    """Add what was flattened, right over its scan; return its name, empty if the scan is gone."""
    layer, wish = result.wish.layer, result.wish
    if layer not in viewer.layers:
        return ""
    scan = scan_of(layer)
    made = scan.with_heights(result.heights, wish.did, scan.pixel_size)
    _, meta, _ = scan_to_layer(made)
    name = f"{brief_name(layer)} · {wish.chain}"
    meta |= place_of(layer) | {"name": name, "colormap": layer.colormap} | look
    viewer.add_image(result.heights, **meta)
    overlays.put_over(viewer, layer)
    return name
