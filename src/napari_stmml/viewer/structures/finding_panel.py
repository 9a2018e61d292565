"""FindingPanel: finds structures on the scan that is seen, or on all that are open, and says how far."""

import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QComboBox, QProgressBar

from napari_stmml.scan import DIRECTIONS, Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.structures import Structures
from napari_stmml.text import counted
from napari_stmml.viewer.io.held import hold
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.job_panel import time_left
from napari_stmml.viewer.shared.panel import Panel, button, row_of
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.structures.finding import Finder, Search, Step
from napari_stmml.viewer.structures.layers import structures_of
from napari_stmml.viewer.structures.scan_layers import is_flat

THIS, ALL = "on this scan", "on all open scans"
FIRST = "Find structures marks every object on the scan that is seen, and sorts them into types."
IN_NM = "give its layer a scale in nm, or open the microscope's own file"


class FindingPanel(Panel):
    """The upper part of the panel, and what happens when a search ends."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layers = structures_of(napari_viewer)
        self.session = self.layers.session
        self.finder = Finder(self)
        self.find_button = button("Find structures", "find every object, and sort them into types", self.find)
        self.where = QComboBox()
        self.where.addItems([THIS, ALL])
        self.where.setToolTip(
            "this scan: that of the active layer, or the visible one. All open scans: one map of each file is"
            " searched (forward/up), so that no object counts twice"
        )
        self.where.setAccessibleName("where structures are found")
        self.cancel_button = button("Cancel", "search no more scans; what was found is kept", self.cancel)
        self.progress = QProgressBar()
        self.progress.setAccessibleName("progress")
        self._scans: Sequence[Scan] = ()
        self._refused: list[str] = []
        self._also = ""
        self._model: Path | None = None
        self._first: ScanKey | None = None  # that was found, and is seen at the end
        self.add(
            row_of(self.find_button, self.where, None), row_of(self.progress, self.cancel_button), self.status
        )
        self._set_running(False)
        self.status.setText(FIRST)
        self.finder.stepped.connect(self._take_step)
        self.finder.ended.connect(self._end)

    @slot
    def showEvent(self, event: Any) -> None:
        """Import what the first search would stop the viewer for."""
        super().showEvent(event)
        threading.Thread(target=_import_early, daemon=True).start()

    def find(self) -> None:
        """Search the scan that is seen, or all open scans."""
        images = self._chosen()
        if not images:
            self.say(NO_SCAN)
            return
        scans, self._refused = [recorded_scan(image) for image in images], []
        fits = [one for one in zip(images, scans, strict=True) if one[1].pixel_size is not None]
        unscaled = [scan.name for scan in scans if scan.pixel_size is None]
        if unscaled:
            self._refused.append(f"{', '.join(unscaled)}: the size of a pixel is not known; {IN_NM}")
        if not fits:
            self.say(f"{self._refused[0]}.", wrong=True)
            return
        layers, self._scans = zip(*fits, strict=True)
        hold(layers)
        like = self._known_types(self._scans)
        self.finder.start(Search(tuple(layers), tuple(self._scans), like))
        self._set_running(True)
        self._say_progress(0)

    def cancel(self) -> None:
        """Search no more scans."""
        self.finder.cancel()
        self.cancel_button.setEnabled(False)
        self.say("Cancelling: the scan that is being searched is the last one …")

    def on_close(self) -> None:
        """Search no more scans, and wait until what was corrected is saved."""
        self.finder.cancel()
        self.session.flush()

    def on_found(self, found: Structures) -> None:
        """Show what a search has found."""

    # ---- inside

    def _known_types(self, scans: Sequence[Scan]) -> Structures | None:
        """Return the types that objects are sorted into, if there are any; ``_model`` is their file."""
        self._also, self._model, self._first = "", None, None
        if self.session.structures is not None and self.session.structures.names:
            return self.session.structures
        model = self.session.path or self.session.known_model(scans)
        if model is None:
            return None
        try:
            like = Structures.load(model)
        except ValueError as error:
            self._also = f" Types are found anew: {error}."
            return None
        self._also, self._model = f" Types are those of {model.name}.", model
        return like

    def _chosen(self) -> list[Any]:
        """Return the images to search."""
        known = [_itself(one) for one in self._images()]
        images = [one for one in known if self.layers.image_of(one) is one and not is_flat(one)]
        active = self.layers.image_of(_itself(self.viewer.layers.selection.active))
        seen = [one for one in images if one.visible] or images
        this = active if active in images else seen[-1] if seen else None
        if self.where.currentText() == THIS:
            return [] if this is None else [this]
        chosen = _one_a_file(images, this, self.layers)
        return sorted(chosen, key=lambda image: image is not this)  # which is seen at the end

    @slot
    def _take_step(self, step: Step) -> None:
        if step.why:
            self._refused.append(step.why)
        if step.found is not None:
            self.session.open(step.found, self._model)
            for layer, scan in zip(step.layers, step.found.scans, strict=True):
                self._show_scan(layer, scan)
            self.on_found(step.found)
        self._say_progress(step.done)

    def _show_scan(self, layer: Any, scan: Scan) -> None:
        key = ScanKey.of_scan(scan)
        self._first = key if self._first is None else self._first
        if layer in self.viewer.layers:
            self.layers.show(key, layer)
        else:
            self.session.close_scan(self.session.keys.index(key))
            self._refused.append(f"{scan.name}: it was closed meanwhile")

    def _say_progress(self, done: int) -> None:
        total = len(self._scans)
        # Never busy without a measure: that draws the window, with the scan, many times a second.
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        if done < total:
            left = time_left(self.finder.seconds_left(done, total))
            self.say(
                f"Searching {self._scans[done].short_name}, scan {done + 1} of {total}"
                f"{', ' if left else ''}{left} …"
            )

    @slot
    def _end(self, cancelled: bool) -> None:
        self._set_running(False)
        found = self.session.structures
        total = 0 if found is None else len(found.table)
        on = 0 if found is None else len(found.scans)
        kinds = 0 if found is None else len(found.types)
        done = f"{counted(total, 'object')} of {counted(kinds, 'type')} on {counted(on, 'scan')}."
        words = ["Cancelled:" if on else "Cancelled."] if cancelled else []
        words += [done + self._also] if on else []
        words += [f"{one.rstrip('.')}." for one in self._refused]
        if self._first is not None and self._first in self.session.keys:
            self.layers.show_again(self._first)
        self.say(" ".join(words), wrong=bool(self._refused))

    def _set_running(self, running: bool) -> None:
        self.find_button.setEnabled(not running)
        for widget in (self.progress, self.cancel_button):
            widget.setVisible(running)
        self.cancel_button.setEnabled(running)


def _itself(layer: Any) -> Any:
    """Return a layer without the proxy that napari gives to some panels."""
    return getattr(layer, "__wrapped__", layer)


def _import_early() -> None:
    for module in ("pandas", "skimage.color", "scipy.ndimage", "sklearn.cluster"):
        import_module(module)


def _one_a_file(images: Sequence[Any], this: Any, layers: Any) -> list[Any]:
    """Choose one image of each file: this one, or else one that has structures, or else forward/up."""
    groups: dict[Any, list[Any]] = {}
    scans = {id(image): recorded_scan(image) for image in images}
    for image in images:
        scan = scans[id(image)]
        groups.setdefault((scan.source, scan.channel) if scan.direction else id(image), []).append(image)

    def rank(image: Any) -> tuple[bool, bool, bool, bool]:
        scan = scans[id(image)]
        opened = layers.key_of(image) is not None
        return image is this, opened, scan.direction == DIRECTIONS[0], not scan.history

    return [max(group, key=rank) for group in groups.values()]
