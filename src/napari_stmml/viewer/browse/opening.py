"""OneScan: opens scans in threads, each in the place of the one before; one of all is seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal
from superqt.utils import create_worker

from napari_stmml.io.formats import read_scan_file
from napari_stmml.scan import ScanFileError
from napari_stmml.viewer.io.held import WITH_SCAN, hold, is_held
from napari_stmml.viewer.io.in_window import show_units
from napari_stmml.viewer.io.layers import KEY, LayerData
from napari_stmml.viewer.io.levelling import levelling_of
from napari_stmml.viewer.io.placement import pixel_size_nm
from napari_stmml.viewer.io.preferences import as_preferred, preferences
from napari_stmml.viewer.shared.slots import guarded, slot

PINNED = "stmml_pinned"  # in the metadata of a layer that a person wants to keep
Say = Callable[..., None]


@dataclass(frozen=True)
class Wanted:
    """The scan of a file in one direction, or in the first that there is."""

    file: Path
    direction: str


@dataclass(frozen=True)
class Read:
    """What came of files: layer data of each scan, and a sentence for each that cannot be read."""

    wanted: tuple[Wanted, ...]
    layers: tuple[LayerData, ...]
    problems: tuple[str, ...]


def read(wanted: Sequence[Wanted]) -> Read:
    """Read scans as layer data, levelled as a person prefers it; it touches no layer.

    Parameters
    ----------
    wanted : sequence of Wanted

    Returns
    -------
    Read
    """
    layers, problems, now = [], [], preferences()
    for one in wanted:
        try:
            scans = read_scan_file(one.file)
        except ScanFileError as error:
            problems.append(str(error))
            continue
        scan = next((scan for scan in scans if scan.direction == one.direction), scans[0])
        layers.append(as_preferred(scan, now))
    return Read(tuple(wanted), tuple(layers), tuple(problems))


class OneScan(QObject):
    """The scan that is looked at.

    Parameters
    ----------
    viewer : napari viewer
    say : callable
        Takes a sentence, and ``wrong=True``.
    """

    shown = Signal(object)  # Path of the file whose scan is seen now

    def __init__(self, viewer: Any, say: Say) -> None:
        super().__init__()
        self.viewer, self.say = getattr(viewer, "__wrapped__", viewer), say  # a proxy gives other layers
        self.seen: Any = None  # layer of the scan that was opened last
        self._layer: Any = None  # that is given another scan when one is opened
        self._wanted: Wanted | None = None  # that comes next
        self._reading = False
        self._hidden: WeakSet[Any] = WeakSet()  # layers that were seen with their scan
        self._place: tuple[Any, dict[str, Any]] = None, {}  # a layer, and what it still has to get
        show_units(viewer)

    @property
    def busy(self) -> bool:
        """Whether a scan is being read."""
        return self._reading

    def open(self, file: Path, direction: str) -> None:
        """Show a scan in the place of the one before; of several asked for meanwhile, the last one."""
        self._wanted = Wanted(file, direction)
        if not self._reading:
            self._next()

    def open_all(self, wanted: Sequence[Wanted], done: Callable[[list[Any]], None]) -> None:
        """Open scans, each in a layer of its own that stays, the first one seen; call ``done`` with these."""
        there = [self._find(one) for one in wanted]
        missing = [one for one, layer in zip(wanted, there, strict=True) if layer is None]

        def add(found: Read) -> None:
            for data, meta, _ in found.layers:
                self.viewer.add_layer(Image(data, **meta | {"visible": False}))
            layers = [layer for one in wanted if (layer := self._find(one)) is not None]
            hold(layers)
            if layers:
                self.show_alone(layers[0])
            for problem in found.problems:
                self.say(problem, wrong=True)
            done(layers)

        create_worker(read, missing, _connect={"returned": guarded(add, self.say)})

    def keep(self, on: bool) -> None:
        """Let the scan that is seen stay in the list of layers when another one is opened, or not."""
        if self.seen is not None:
            self.seen.metadata[PINNED] = on

    def show_alone(self, layer: Any) -> None:
        """Show the layers of one scan, and hide those of all others; what is of no scan stays as it is.

        Parameters
        ----------
        layer : napari Image layer
            What was hidden here with its scan, such as a map, is seen again with it.
        """
        own = _scan_of(layer)
        for one in self.viewer.layers:
            scan = _scan_of(one)
            if scan == own and (one in self._hidden or one.metadata.pop(WITH_SCAN, False)):
                self._hidden.discard(one)
                one.visible = True
            elif scan and scan != own and one.visible:
                self._hidden.add(one)
                one.visible = False
        if not layer.visible:
            layer.visible = True
        if self.viewer.layers.selection.active is not layer:
            self.viewer.layers.selection.active = layer

    def _next(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        if (known := self._find(wanted)) is not None:
            self._end(wanted, known)
            return

        def failed(error: Exception) -> None:
            self._reading = False
            self.say(f"{wanted.file.name} cannot be opened: {error}", wrong=True)

        self._reading = True
        connect = {"returned": guarded(self._show), "errored": guarded(failed)}
        create_worker(read, [wanted], _connect=connect)

    @slot
    def _show(self, found: Read) -> None:
        self._reading = False
        for problem in found.problems:
            self.say(problem, wrong=True)
        if self._wanted is not None:  # somebody is further already
            self._next()
        elif found.layers:
            (wanted,), ((data, meta, _),) = found.wanted, found.layers
            if self._is_free(self._layer):
                _fill(self._layer, data, meta)
                self._place = self._layer, _place(self._layer, meta)
            else:
                self._layer = self.viewer.add_layer(Image(data, **meta))
            self._end(wanted, self._layer)

    def _end(self, wanted: Wanted, layer: Any) -> None:
        self.show_alone(layer)
        self.seen = layer
        self.shown.emit(wanted.file)
        QTimer.singleShot(0, self._fit)  # so that neither step takes long

    @slot
    def _fit(self) -> None:
        """Give the layer name and place of its scan, and move the camera there."""
        (layer, place), self._place = self._place, (None, {})
        for name, value in place.items():
            setattr(layer, name, value)
        if self.seen in self.viewer.layers:
            self.viewer.fit_to_view(layers=[self.seen])

    def _is_free(self, layer: Any) -> bool:
        """Say whether a layer may get another scan: nobody keeps it, and nothing was made of it."""
        if layer is None or layer not in self.viewer.layers or not levelling_of(layer):
            return False
        if is_held(layer) or layer.metadata.get(PINNED):
            return False
        own = _scan_of(layer)
        return all(one is layer or _scan_of(one) != own for one in self.viewer.layers)

    def _find(self, wanted: Wanted) -> Any:
        """Return the layer that shows a scan already; None if none does."""
        own = str(wanted.file), wanted.direction
        images = [one for one in self.viewer.layers if isinstance(one, Image) and levelling_of(one)]
        return next((one for one in images if _scan_of(one) == own), None)


def _fill(layer: Any, data: Any, meta: dict[str, Any]) -> None:
    """Give a layer the heights of another scan."""
    layer.metadata = meta["metadata"]
    layer.contrast_limits_range = meta["contrast_limits"]
    layer.contrast_limits = meta["contrast_limits"]
    layer.data = data


def _place(layer: Any, meta: dict[str, Any]) -> dict[str, Any]:
    """Return what of name and place a layer has to get; each change draws all layers."""
    place = {"name": meta["name"]}
    if not np.array_equal(layer.scale, meta["scale"]):
        place["scale"] = meta["scale"]
    if pixel_size_nm({"units": layer.units}) is None or pixel_size_nm(meta) is None:
        place["units"] = meta["units"]
    return place


def _scan_of(layer: Any) -> tuple[str, str] | None:
    """Return the file and the direction of the scan that a layer is of; None where it is of none."""
    about = layer.metadata.get(KEY)
    if not isinstance(about, dict) or not about.get("source"):
        return None
    return str(about["source"]), str(about.get("direction", ""))
