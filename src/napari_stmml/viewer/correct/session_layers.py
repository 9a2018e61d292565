"""SessionLayers: shows a correction session in a viewer, and brings to it what is painted on its layers."""

import weakref
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal

from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.correction.session import CorrectionSession
from napari_stmml.system.temporary import TemporaryFolder
from napari_stmml.viewer.correct.layer_looks import PREDICTED, TRUTH, new_layer, show_classes
from napari_stmml.viewer.correct.locked_maps import LockedMaps
from napari_stmml.viewer.correct.truth_input import take_input
from napari_stmml.viewer.io.predicted_layer import prediction_of
from napari_stmml.viewer.shared.main_thread import MainThread
from napari_stmml.viewer.shared.of_viewer import OfViewers
from napari_stmml.viewer.shared.slots import guarded, slot

_VIEW_PX = 700  # about the size of a canvas


def correction_of(viewer: Any) -> "SessionLayers":
    """Return the correction session of a viewer with its layers; it lives as long as the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Or a proxy of one.

    Returns
    -------
    SessionLayers
        A new one if the viewer has none.
    """
    return _OF_VIEWERS.of(viewer)


@dataclass(frozen=True, eq=False)
class ScanLayers:
    """The layers of a scan: its heights, what the model says, and what a person painted."""

    image: Image
    predicted: Labels
    truth: Labels


class SessionLayers:
    """The session of a viewer, and the layers of its scans; layers are touched on the main thread alone."""

    class_picked = Signal(int)  # label that truths are painted with from now on
    class_key = Signal(int)  # label that was chosen with a key
    next_key = Signal()  # the key for the next uncertain area

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self.folder = TemporaryFolder()  # of cells
        self._main = MainThread()
        saving = ThreadPoolExecutor(2, thread_name_prefix="stmml-save")
        saving.submit(import_module, "tifffile")  # so that the first stroke is saved at once, too
        labelling = ThreadPoolExecutor(1, thread_name_prefix="stmml-label")
        self.session = CorrectionSession(saving.submit, labelling.submit, self._main.run)
        self.hidden: set[int] = set()
        self._alone: CorrectedScan | None = None  # the scan that was shown last, the others hidden
        self._layers: dict[CorrectedScan, ScanLayers] = {}
        self._locked = LockedMaps()
        self.session.map_changed.connect(self._refresh)
        self.session.model_changed.connect(self._show_classes)
        self.session.scans_changed.connect(self._remove_closed)
        # The viewer alone holds the session: its layers know panels, and these the viewer.
        viewer.layers.events.inserted.connect(guarded(self._lock_maps))
        viewer.layers.events.removed.connect(guarded(lambda event: self._close_removed(event.value)))
        viewer.layers.selection.events.active.connect(guarded(lambda event: self._choose(event.value)))

    @property
    def viewer(self) -> Any:
        """The viewer; None after it has gone."""
        return self._viewer()

    def of(self, one: CorrectedScan) -> ScanLayers:
        """Return the layers of an open scan.

        Parameters
        ----------
        one : CorrectedScan

        Returns
        -------
        ScanLayers
        """
        return self._layers[one]

    def scan_of(self, layer: Any) -> CorrectedScan | None:
        """Return the open scan that a layer belongs to; None if it belongs to none.

        Parameters
        ----------
        layer : napari.layers.Layer

        Returns
        -------
        CorrectedScan or None
        """
        found = self._layers.items()
        return next((one for one, own in found if layer in (own.image, own.predicted, own.truth)), None)

    # ---- what is shown

    def show(self, one: CorrectedScan, image: Any) -> Labels:
        """Give an open scan its layers over an image, or those back that were removed; return its truth.

        Parameters
        ----------
        one : CorrectedScan
        image : napari.layers.Image
            Used only if the scan has no layers yet.

        Returns
        -------
        napari.layers.Labels
        """
        if one not in self._layers:
            predicted, truth = (new_layer(role, one, image) for role in (PREDICTED, TRUTH))
            own = self._layers[one] = ScanLayers(image, predicted, truth)
            own.predicted.editable = False
            self._listen(one, own.truth)
        own = self._layers[one]
        for layer in (own.predicted, own.truth):
            if layer not in self.viewer.layers:
                self.viewer.add_layer(layer)
        self._recolour(own)
        self._lock_maps()
        return own.truth

    @slot
    def _lock_maps(self) -> None:
        self._locked.renew(self.viewer.layers, [one.scan for one in self._layers])

    def hide(self, hidden: Collection[int]) -> None:
        """Hide classes, and show all others."""
        self.hidden = set(hidden)
        for own in self._layers.values():
            self._recolour(own)

    @slot
    def pick(self, label: int) -> None:
        """Choose the class that all truths are painted with."""
        for own in self._layers.values():
            own.truth.selected_label = label
        self.class_picked.emit(label)

    def show_alone(self, one: CorrectedScan) -> None:
        """Show the layers of one scan, and hide all other scans and maps.

        Parameters
        ----------
        one : CorrectedScan
            One that has its layers.
        """
        self._alone = one
        own = self._layers[one]
        shown = (own.image, own.predicted, own.truth)
        known = [layer for other in self._layers.values() for layer in (other.predicted, other.truth)]
        for layer in self.viewer.layers:
            scan_or_map = isinstance(layer, Image) or layer in known or prediction_of(layer) is not None
            if scan_or_map and layer.visible != (layer in shown):
                layer.visible = layer in shown  # where nothing changes, napari would end painting

    @slot
    def go(self, step: int) -> None:
        """Show the scan that is so many after the one that is seen, in a circle; its truth is painted on.

        Parameters
        ----------
        step : int
        """
        scans = [one for one in self.session.scans if one in self._layers]
        if scans and self.session.current in scans:
            one = scans[(scans.index(self.session.current) + step) % len(scans)]
            mode = self._layers[self.session.current].truth.mode
            self.viewer.layers.selection.active = self._layers[one].truth
            self._layers[one].truth.mode = mode

    def fly_to(self, one: CorrectedScan, row: float, col: float, side_nm: float) -> None:
        """Show a scan alone, and move the camera to a position in px, ``side_nm`` of which fill the view.

        Parameters
        ----------
        one : CorrectedScan
            One that has its layers.
        row, col : float
            px.
        side_nm : float
            nm; px where the scan has no known pixel size.
        """
        own = self._layers[one]
        self.show_alone(one)
        pixel = 1.0 if one.scan.pixel_size is None else one.scan.pixel_size[0]
        self.show_position(own.truth, row, col, side_nm / pixel)
        self.viewer.layers.selection.active = own.truth

    def show_position(self, layer: Any, row: float, col: float, side: float) -> None:
        """Move the camera to a position on a layer, ``side`` px of which fill the view.

        Parameters
        ----------
        layer : napari.layers.Layer
        row, col : float
            px of the layer.
        side : float
            px.
        """
        camera = self.viewer.scene.camera
        camera.center = tuple(layer.data_to_world((row, col)))
        camera.zoom = _VIEW_PX / max(side * float(np.mean(np.abs(layer.scale))), 1e-9)

    # ---- what the session says

    @slot
    def _refresh(self, one: CorrectedScan) -> None:
        own = self._layers.get(one)
        if own is not None:
            if own.truth.data is not one.truth and own.truth.data.shape == one.truth.shape:
                own.truth.data[...] = one.truth  # somebody gave the layer an array of its own
            own.truth.refresh()
            own.predicted.refresh()

    @slot
    def _show_classes(self) -> None:
        classes = self.session.model.classes
        self.hidden &= set(classes.order)
        for own in self._layers.values():
            chosen = int(own.truth.selected_label)
            if (
                0 < chosen <= classes.n and chosen not in classes.order
            ):  # nobody paints with a class that has gone
                own.truth.selected_label = int(classes.lookup[chosen]) or next(iter(classes.order), 0)
            self._recolour(own)

    def _recolour(self, own: ScanLayers) -> None:
        for role, layer in ((PREDICTED, own.predicted), (TRUTH, own.truth)):
            show_classes(role, layer, self.session.model.classes, self.hidden)

    @slot
    def _remove_closed(self) -> None:
        """Remove the layers of scans that the session has closed."""
        if self._alone not in self.session.scans:
            self._alone = None
        for one in [one for one in self._layers if one not in self.session.scans]:
            own = self._layers.pop(one)
            for layer in (own.predicted, own.truth):
                if layer in self.viewer.layers:
                    self.viewer.layers.remove(layer)
        self._lock_maps()

    # ---- what a person does

    def _close_removed(self, layer: Any) -> None:
        """Close a scan whose truth was removed; one without the model's answer is painted and saved on."""
        one = self.scan_of(layer)
        if one is not None and layer is self._layers[one].truth:
            self._look(one)
            del self._layers[one]  # the model's answer stays
            self.session.close_scan(one)
            self._lock_maps()

    def _choose(self, layer: Any) -> None:
        one = self.scan_of(layer)
        if one is not None:
            if one is not self._alone:
                self.show_alone(one)
            self.session.choose(one)

    def _listen(self, one: CorrectedScan, truth: Labels) -> None:
        """Follow a truth: it is looked at once the event is over; napari tells of strokes before they are."""
        for event in (truth.events.paint, truth.events.set_data, truth.events.data):  # hidden, the last alone
            event.connect(guarded(lambda event: self._main.soon(partial(self._look, one))))
        take_input(self, one, truth)

    def soon(self, do: Callable[[], Any]) -> None:
        """Do something on the main thread once the event that is going on is over.

        Parameters
        ----------
        do : callable
        """
        self._main.soon(do)

    def _look(self, one: CorrectedScan) -> None:
        own = self._layers.get(one)
        if own is None or own.truth.data.shape != one.truth.shape:
            return
        if own.truth.data is not one.truth:
            one.truth[...] = own.truth.data
        self.session.look(one)


_OF_VIEWERS = OfViewers(SessionLayers)
