"""Flatten layers in threads: what is asked for, the result, and the layer that is made of it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qtpy.QtCore import QObject
from superqt.utils import create_worker

from napari_stmml.colours import robust_limits
from napari_stmml.heights.flatten import flatten
from napari_stmml.viewer.io.layers import KEY, brief_name, scan_to_layer
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import move_above

MOST_THREADS = 2  # for previews: while one is slow, another chain can be tried
SAMPLE = 256  # pixels a side that say what contrast a preview needs


@dataclass(frozen=True, eq=False)
class FlattenRequest:
    """A layer, its data now, the chain to flatten it by, and the pixels to leave out of every fit."""

    layer: Any
    data: Any
    chain: str
    mask: Any = None  # ndarray of bool, (rows, cols)
    without: str = ""  # names of the classes that the mask is made of

    def same_as(self, other: "FlattenRequest") -> bool:
        """Say whether both have the same result."""
        same = self.layer is other.layer and self.data is other.data and self.chain == other.chain
        return same and np.array_equal(self.mask, other.mask)


@dataclass(frozen=True, eq=False)
class Flattened:
    """Heights (rows, cols) and their contrast limits, or the error; and what the methods warned of."""

    request: FlattenRequest
    heights: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    limits: tuple[float, float] = (0.0, 1.0)
    error: str = ""
    warned: tuple[str, ...] = ()


def flatten_layer(request: FlattenRequest) -> Flattened:
    """Flatten a layer's data; touches no layer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            heights = flatten(np.asarray(request.data), request.chain, leave_out=request.mask)
        except ValueError as error:
            return Flattened(request, error=str(error))
    rows, cols = (max(1, size // SAMPLE) for size in heights.shape)
    some = heights[::rows, ::cols]
    limits = robust_limits(some if np.isfinite(some).any() else heights)
    return Flattened(request, heights, limits, warned=tuple(str(one.message) for one in caught))


class Flattener(QObject):
    """Flattens in threads and reports on the main thread; of several previews only the last one."""

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._latest: FlattenRequest | None = None
        self._waiting: tuple[FlattenRequest, Callable[[Flattened], None]] | None = None
        self._running = 0
        # A method: Python may have emptied a closure when the panel is destroyed, and calling it crashes.
        owner.destroyed.connect(self.forget)

    @property
    def busy(self) -> bool:
        """Whether a thread is running."""
        return self._running > 0

    def flatten(self, request: FlattenRequest, done: Callable[[Flattened], None]) -> None:
        """Flatten a layer, and call ``done``."""
        self._running += 1
        create_worker(flatten_layer, request, _connect={"returned": guarded(done), "finished": self._finish})

    def preview(self, request: FlattenRequest, done: Callable[[Flattened], None]) -> None:
        """Flatten a layer, and call ``done`` unless another preview was asked for meanwhile."""
        self._latest = request

        def show(result: Flattened) -> None:
            if result.request is self._latest:
                done(result)

        if self._running < MOST_THREADS:
            self.flatten(request, show)
        else:
            self._waiting = request, show

    @slot
    def forget(self) -> None:
        """Show no preview that was asked for."""
        self._latest = self._waiting = None

    @slot
    def _finish(self) -> None:
        self._running -= 1
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.flatten(*waiting)


def is_flattened(layer: Any) -> bool:
    """Say whether a layer was made by flattening."""
    history = layer.metadata.get(KEY, {}).get("history", ())
    return any(str(step).startswith("flatten") for step in history)


def add_flattened(viewer: Any, result: Flattened, **look: Any) -> str:
    """Add the result as a layer right above its scan; return its name, empty if the scan was closed."""
    request = result.request
    layer = request.layer
    if layer not in viewer.layers:
        return ""
    scan = recorded_scan(layer)
    step = f"flatten {request.chain}" + (f", without: {request.without}" if request.without else "")
    data, meta, _ = scan_to_layer(scan.with_heights(result.heights, step, scan.pixel_size))
    name = f"{brief_name(layer)} · {request.chain}"
    viewer.add_image(data, **meta | place_of(layer) | {"name": name, "colormap": layer.colormap} | look)
    move_above(viewer, layer)
    return name
