"""StructureLayers: shows a structure session in a viewer, whether its panel is open or not."""

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image
from psygnal import Signal

from napari_stmml.correction.structure_session import StructureSession
from napari_stmml.scan_key import ScanKey
from napari_stmml.viewer.io.layers import brief_name
from napari_stmml.viewer.shared.main_thread import MainThread
from napari_stmml.viewer.shared.of_viewer import OfViewers
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import active_kept
from napari_stmml.viewer.structures.objects import identities, row_at, rows_of
from napari_stmml.viewer.structures.rings import remove_rings, show_rings
from napari_stmml.viewer.structures.scan_layers import ScanLayers

_VIEW_NM, _VIEW_PX = 9.0, 700  # nm of the surface; about the size of a canvas


def structures_of(viewer: Any) -> "StructureLayers":
    """Return the structures of a viewer with their layers; they live as long as the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Or a proxy of one.

    Returns
    -------
    StructureLayers
        A new one if the viewer has none.
    """
    return _OF_VIEWERS.of(viewer)


class StructureLayers:
    """The session of a viewer, and the layers of its scans; layers are touched on the main thread alone."""

    key_pressed = Signal(str)  # on one of the layers

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._main = MainThread()
        saving = ThreadPoolExecutor(1, thread_name_prefix="stmml-structures")
        self.session = StructureSession(saving.submit, self._main.run)
        self.hidden: set[int] = set()  # types
        self.current: ScanKey | None = None  # scan that is shown
        self._layers: dict[ScanKey, ScanLayers] = {}
        self._selected: list[tuple[ScanKey, int]] = []
        self._turns: list[Callable[[], None]] = []  # what is to be shown, one after the other
        self._sensitivity = 1.0  # that the layers show
        self._quiet = False  # whether another active layer is no person's choice
        self.session.changed.connect(self._follow)
        # The viewer alone holds the session: its layers know panels, and these the viewer.
        viewer.layers.events.removed.connect(guarded(lambda event: self._close_removed(event.value)))
        viewer.layers.selection.events.active.connect(guarded(lambda event: self._choose(event.value)))

    @property
    def busy(self) -> bool:
        """Whether layers are still to be added."""
        return bool(self._turns)

    @property
    def viewer(self) -> Any:
        """The viewer; None after it has gone."""
        return self._viewer()

    def key_of(self, layer: Any) -> ScanKey | None:
        """Return the scan that a layer belongs to; None if it belongs to none with structures."""
        return next((key for key, own in self._layers.items() if layer in own.all), None)

    def image_of(self, layer: Any) -> Any:
        """Return the image that a layer of ours was made of; any other layer is returned as it is."""
        key = self.key_of(layer)
        return layer if key is None else self._layers[key].image

    def of(self, key: ScanKey) -> ScanLayers:
        """Return the layers of a scan."""
        return self._layers[key]

    # ---- what is shown

    def show(self, key: ScanKey, image: Any) -> None:
        """Give a scan its layers over an image, or those back that were removed, and show it alone.

        napari takes a tenth of a second and more for a layer: each is made and added in a turn of its own.
        """
        self._turns += [partial(self._make, key, image), *(partial(self._add, key, at) for at in (1, 2, 3))]
        self._turns.append(partial(self._show_contours, key))
        self.show_again(key)

    def _make(self, key: ScanKey, image: Any) -> None:
        """Make the layers of a scan, or bring those that there are up to date."""
        known = self._layers.get(key)
        if key not in self.session.keys:
            return
        if known is not None and known.image is image:
            self._refresh(key)
            return
        if known is not None:
            self._forget(key)
        scan = self.session.keys.index(key)
        self._layers[key] = ScanLayers(image, self.session.found, scan, self.viewer.layers)
        self._bind(self._layers[key])

    def _show_contours(self, key: ScanKey) -> None:
        if key in self._layers:
            self._layers[key].show_contours()

    def show_again(self, key: ScanKey) -> None:
        """Show a scan alone, when all layers that are to be added have been."""
        self._turns.append(partial(self.show_alone, key))
        self._main.soon(self._turn)

    @slot
    def _turn(self) -> None:
        if self.viewer is None:
            self._turns.clear()
        elif self._turns:
            self._main.soon(self._turn)
            self._turns.pop(0)()

    def _add(self, key: ScanKey, number: int) -> None:
        """Put one of the layers of a scan right above the one below it."""
        own = self._layers.get(key)
        if own is None or own.all[number] in self.viewer.layers:
            return
        below, layer = own.all[number - 1 : number + 1]
        at = self.viewer.layers.index(below) + 1 if below in self.viewer.layers else len(self.viewer.layers)
        with self._quietly():
            self.viewer.layers.insert(at, layer)

    def show_alone(self, key: ScanKey) -> None:
        """Show the layers of one scan, and hide other scans."""
        own = self._layers.get(key)
        if own is None:
            return
        self.current = key
        for layer in self.viewer.layers:
            ours = isinstance(layer, Image) or self.key_of(layer) is not None
            if ours and layer.visible != (layer in own.all):
                layer.visible = layer in own.all
        active = self.viewer.layers.selection.active
        if self.key_of(active) not in (None, key) and own.image in self.viewer.layers:
            self.viewer.layers.selection.active = own.image  # keys and status are those of what is seen
        self._mark()

    @slot
    def refresh(self) -> None:
        """Show what the session says as outlines of whole objects: at once on the scan that is seen."""
        for key in list(self._layers):
            if key not in self.session.keys:
                self._forget(key)
        for key in sorted(self._layers, key=lambda key: key != self.current):
            if key == self.current:
                self._refresh(key)
            else:
                self._turns.append(partial(self._refresh, key))
        if self._turns:
            self._main.soon(self._turn)
        self._mark()

    def _refresh(self, key: ScanKey) -> None:
        if key in self._layers and key in self.session.keys:
            self._layers[key].refresh(self.session.found, self.session.keys.index(key), self.hidden)

    def refresh_quickly(self) -> None:
        """Show on the layers of the scan that is seen which objects count; ``refresh`` is to follow."""
        if self.current in self._layers and self.current in self.session.keys:
            scan = self.session.keys.index(self.current)
            self._layers[self.current].refresh_quickly(self.session.found, scan, self.hidden)

    def hide(self, hidden: Collection[int]) -> None:
        """Hide types, and show all others."""
        self.hidden = set(hidden)
        for scan, key in enumerate(self.session.keys):
            if key in self._layers:
                self._layers[key].recolour(self.session.found, scan, self.hidden)

    def select(self, rows: Iterable[int]) -> None:
        """Mark objects, rows of the table, with rings."""
        found = self.session.structures
        self._selected = [] if found is None else identities(found, self.session.keys, rows)
        self._mark()

    def fly_to(self, row: int) -> None:
        """Show the scan of an object, with the object in the middle."""
        found = self.session.found
        one = found.table.iloc[row]
        key = self.session.keys[int(one.scan)]
        own = self._layers.get(key)
        if own is None:
            raise ValueError(f"{found.scans[int(one.scan)].name} is not open any more")
        if key != self.current or not own.outlines.visible:
            self.show_alone(key)
        camera = self.viewer.scene.camera
        camera.center = tuple(own.image.data_to_world((one.row, one.col)))
        size = found.scans[int(one.scan)].pixel_size or (1.0, 1.0)
        in_world = float(np.mean(np.abs(own.image.scale))) / float(np.mean(size))
        camera.zoom = max(camera.zoom, _VIEW_PX / (_VIEW_NM * in_world))

    def clear_marks(self) -> None:
        """Mark nothing."""
        self._selected = []
        if self.viewer is not None:
            remove_rings(self.viewer)

    def place_of(self, position: Any) -> tuple[int, float, float] | None:
        """Return the scan that is seen, and row and column in its px, at a position of the mouse."""
        own = self._layers.get(self.current) if self.current in self.session.keys else None
        if own is None or self.current is None:
            return None
        row, col = own.image.world_to_data(position)[-2:]
        rows, cols = own.image.data.shape
        if not (-0.5 <= row < rows - 0.5 and -0.5 <= col < cols - 0.5):
            return None
        return self.session.keys.index(self.current), float(row), float(col)

    def row_at(self, position: Any) -> int | None:
        """Return the row of the object at a position of the mouse, on the scan that is seen."""
        place = self.place_of(position)
        return None if place is None else row_at(self.session.found, *place)

    def take_active(self) -> None:
        """Let the outlines of the scan that is seen be the active layer, so that its keys work."""
        own = self._layers.get(self.current) if self.current is not None else None
        if own is not None and own.outlines in self.viewer.layers:
            self.viewer.layers.selection.active = own.outlines

    # ---- inside

    @slot
    def _follow(self) -> None:
        """Show what has changed; where that is the sensitivity, quickly: the panel asks for the rest."""
        found = self.session.structures
        if found is not None and found.sensitivity != self._sensitivity:
            self._sensitivity = found.sensitivity
            self.refresh_quickly()
        else:
            self.refresh()

    def _mark(self) -> None:
        """Draw a ring around each selected object of the scan that is seen."""
        viewer, found = self.viewer, self.session.structures
        own = None if self.current is None else self._layers.get(self.current)
        if viewer is None or found is None or own is None:
            return
        some = [one for one in self._selected if one[0] == self.current]
        rows = rows_of(found, self.session.keys, some)
        with self._quietly():
            show_rings(viewer, own.image, found.table[["row", "col"]].to_numpy()[rows])

    def _forget(self, key: ScanKey) -> None:
        own = self._layers.pop(key)
        for layer in (own.outlines, own.centres, own.flat):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _close_removed(self, layer: Any) -> None:
        """Close a scan whose image or outlines were removed; what was corrected on it is saved."""
        key = self.key_of(layer)
        own = None if key is None else self._layers[key]
        if key is None or own is None or layer in (own.flat, own.centres):
            return
        del self._layers[key]
        for other in own.all[1:] if layer is own.image else (own.centres,):
            if other in self.viewer.layers:
                self.viewer.layers.remove(other)
        if key in self.session.keys:
            self.session.close_scan(self.session.keys.index(key))
            self.session.said.emit(f"{brief_name(own.image)}: closed; its corrections are kept.", False)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Let napari make other layers active meanwhile: no person chose them."""
        self._quiet = True
        try:
            with active_kept(self.viewer):
                yield
        finally:
            self._quiet = False

    def _choose(self, layer: Any) -> None:
        key = None if self._quiet else self.key_of(layer)
        if key is not None and key != self.current and key in self.session.keys:
            self.show_alone(key)

    def _bind(self, own: ScanLayers) -> None:
        keys: dict[str, Callable[[], Any]] = {
            "Control-Z": self.session.undo,
            "Control-Shift-Z": self.session.redo,
        }
        for key in (*"0123456789", "N", "A", "Delete", "Backspace", "Escape"):
            keys[key] = partial(self.key_pressed.emit, key)
        for layer in (own.outlines, own.centres, own.flat):
            for key, do in keys.items():
                layer.bind_key(key, guarded(lambda layer, do=do: do()), overwrite=True)


_OF_VIEWERS = OfViewers(StructureLayers)
