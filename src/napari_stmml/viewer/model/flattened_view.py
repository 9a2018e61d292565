"""FlattenedView: scans are shown flattened below their maps, as the model saw them; recorded heights stay."""

import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from napari_stmml.scan import Scan
from napari_stmml.viewer.io.levelling import (
    flattened_with,
    level_layer,
    levelled,
    levelling_of,
    recorded_scan,
    show_levelled,
)
from napari_stmml.viewer.shared.main_thread import MainThread
from napari_stmml.viewer.shared.slots import slot


class FlattenedView:
    """Flattens in a thread, and remembers how a layer was shown before."""

    def __init__(self) -> None:
        self._main = MainThread()
        self._flattening = ThreadPoolExecutor(1, thread_name_prefix="stmml-flatten")
        self._before: weakref.WeakKeyDictionary[Any, tuple[str, str]] = weakref.WeakKeyDictionary()

    def show(self, layers: Sequence[Any], chain: str) -> None:
        """Show scans flattened with a chain of methods; those that somebody has flattened stay as they are.

        Parameters
        ----------
        layers : sequence of napari Image layers
        chain : str
            ``none`` changes nothing.
        """
        how = flattened_with(chain)
        for layer in layers:
            now = levelling_of(layer)
            if chain != "none" and now not in ("", how):
                if layer not in self._before or self._before[layer][1] != now:  # a person has chosen it
                    self._before[layer] = now, how
                self._before[layer] = self._before[layer][0], how
                asked = weakref.ref(layer), layer.data, recorded_scan(layer), how
                self._flattening.submit(self._flatten, *asked)

    def show_as_before(self, layers: Sequence[Any]) -> None:
        """Show scans again as they were shown before they were flattened here.

        Parameters
        ----------
        layers : sequence of napari Image layers
        """
        for layer in layers:
            before, how = self._before.pop(layer, ("", ""))
            if before and levelling_of(layer) == how:
                level_layer(layer, before)

    def flush(self) -> None:
        """Wait until all is flattened; it is shown soon after."""
        self._flattening.submit(bool).result()

    def _flatten(self, link: Any, seen: Any, scan: Scan, how: str) -> None:
        try:
            shown = levelled(scan, how)
        except ValueError:  # which the prediction has said
            return
        self._main.run(partial(self._show, link, seen, scan, shown))

    @slot
    def _show(self, link: Any, seen: Any, scan: Scan, shown: Scan) -> None:
        layer = link()
        if layer is not None and layer in self._before and layer.data is seen and shown is not scan:
            show_levelled(layer, scan, shown)
