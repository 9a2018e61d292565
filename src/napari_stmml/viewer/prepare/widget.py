"""The Prepare widget: flatten by a chain of methods with a live preview; see which windows a grid has."""

from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_stmml.heights.chain_file import ENDING, load_chain, save_chain
from napari_stmml.recipe import Recipe
from napari_stmml.viewer.io.levelling import recorded_heights
from napari_stmml.viewer.prepare.chain_editor import ChainEditor
from napari_stmml.viewer.prepare.flatten_all import FlattenAll
from napari_stmml.viewer.prepare.flattening import (
    Flattened,
    Flattener,
    FlattenRequest,
    add_flattened,
    is_flattened,
)
from napari_stmml.viewer.prepare.heights_view import HeightsView
from napari_stmml.viewer.prepare.leave_out import LeaveOut
from napari_stmml.viewer.prepare.preview import Preview
from napari_stmml.viewer.prepare.window_grid import WindowGridForm
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.panel import Panel, button, delayed, row_of
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import watch

DEBOUNCE_MS = 0  # as soon as all that one click changes has changed
PATIENCE_MS = 150  # until the panel says that it is still flattening


class PrepareWidget(Panel):
    """Flatten a scan into a new layer that knows how it was made; show the grid of windows."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layer = self.one_scan("Scan", suits=lambda layer: not is_flattened(layer))
        self.chain = ChainEditor(Recipe().flatten_method)
        self.leave_out = LeaveOut(napari_viewer)
        tip = "show the flattened scan on top of the images while this panel is open"
        self.live = CheckBox(text="Live preview", value=True, tooltip=tip)
        self.before = QPushButton("Before")
        self.before.setCheckable(True)
        self.before.setShortcut("Alt+B")  # of the window, and gone with this panel
        self.before.setToolTip("show the scan as it is, in its own contrast (Alt+B); once more: flattened")
        self.heights = HeightsView(napari_viewer)
        self.windows = WindowGridForm(napari_viewer)
        self.grid = self.windows.shown
        self.all = FlattenAll(napari_viewer)
        self.preview = Preview(napari_viewer)
        self._flattener = Flattener(self)
        self._last: Flattened | None = None  # shown in the preview last
        self._watched: Any = None  # layer whose heights may become those of another scan
        self._soon = delayed(self, DEBOUNCE_MS, self.flatten)
        self._patience = delayed(self, PATIENCE_MS, self._say_slow)
        self._lay_out()
        self.layer.changed.connect(self._on_layer)
        self.live.changed.connect(self._flatten_soon)
        self.chain.changed.connect(self._flatten_soon)
        self.chain.refused.connect(guarded(lambda sentence: self.say(sentence, wrong=True)))
        self.leave_out.changed.connect(self._flatten_soon)
        self.all.said.connect(self.say)
        self.before.toggled.connect(guarded(lambda on: self.preview.compare(self.layer.value, on)))
        self.reset_choices()

    @slot
    def flatten(self) -> None:
        """Flatten for the preview, in a thread: some methods take seconds on large scans."""
        request = self._request()
        if request is None or not self.live.value:
            self.preview.remove()
            self.heights.show_heights(None if request is None else request.layer, None)
            self._flattener.forget()
            return
        self._patience.start()
        self._flattener.preview(request, self._show)

    def make_layer(self) -> None:
        """Add the flattened scan as a layer, named after scan and chain."""
        request = self._request()
        if request is None:
            self.say(NO_SCAN, wrong=True)
        elif self._last is not None and request.same_as(self._last.request):
            self._add_layer(self._last)
        else:
            self.say(f"flattening with {request.chain} …")
            self._flattener.flatten(request, self._add_layer)

    def apply_to_all(self) -> None:
        """Flatten every open scan that was not flattened yet, one after the other; none stops the others."""
        layers = [layer for layer in self.layer.choices if not is_flattened(layer)]
        if not layers:
            self.say("There is no open scan that was not flattened: drop scan files here.", wrong=True)
        elif not self.all.running:
            self.all.start(layers, self.chain.value)

    def use_for_training(self) -> None:
        """Let Train and Batch flatten by this chain, at once or when they are opened."""
        self.shared.use_for_training(self.chain.value)
        self.say(f"Train and Batch now flatten by {self.chain.value}.")

    def save_chain(self, path: str | Path | None = None) -> None:
        """Write the chain to a file; ask which, if none is given."""
        suggestion = str(Path.home() / f"chain{ENDING}")
        path = path or QFileDialog.getSaveFileName(self, "Save the chain", suggestion, f"*{ENDING}")[0]
        if path:
            try:
                self.say(f"saved {save_chain(path, self.chain.value)}")
            except OSError as error:
                self.say(f"{path} cannot be written: {error.strerror or error}", wrong=True)

    def load_chain(self, path: str | Path | None = None) -> None:
        """Take the chain from a file; ask which, if none is given."""
        path = path or QFileDialog.getOpenFileName(self, "Load a chain", str(Path.home()), f"*{ENDING}")[0]
        if path:
            try:
                self.chain.value = load_chain(path)
                self.say(f"loaded {Path(path).name}: {self.chain.value}")
            except ValueError as error:
                self.say(str(error), wrong=True)

    @property
    def busy(self) -> bool:
        """Whether something is still to be flattened."""
        return self._soon.isActive() or self._flattener.busy or self.all.running

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now."""
        super().reset_choices(event)
        self.leave_out.offer(self.layer.value)

    @slot
    def showEvent(self, event: Any) -> None:
        """Show preview and grid with the panel."""
        super().showEvent(event)
        self._come()

    def on_front(self) -> None:
        """Show preview and grid with the panel, and remove them when it goes behind another tab."""
        self._go() if self.behind else self._come()

    def _come(self) -> None:
        self._soon.start()
        self.windows.show_on(self.layer.value)

    @slot
    def hideEvent(self, event: Any) -> None:
        """Remove preview and grid with the panel."""
        super().hideEvent(event)
        self._go()

    def _go(self) -> None:
        self._soon.stop()
        self._flattener.forget()
        self.before.setChecked(False)
        self.preview.remove()
        self.windows.remove()

    def on_close(self) -> None:
        """Flatten no more scans."""
        self.all.cancel()

    def _lay_out(self) -> None:
        make = "a new layer above the scan, with the chain in its history"
        every = "one new layer above each open scan, fitted to all its pixels; flattened layers are left out"
        self.apply = button("Make a flattened layer", make, self.make_layer)
        self.apply_all = button("Apply to all open scans", every, self.apply_to_all)
        tip = "let Train and Batch flatten by this chain"
        self.train = button("Use for training", tip, self.use_for_training)
        self.save = button("Save chain…", "write the chain to a file", self.save_chain)
        self.load = button("Load chain…", "take the chain from a file", self.load_chain)
        look, rows = (self.live.native, self.before), ((self.apply_all, self.train), (self.save, self.load))
        self.form(self.layer)
        self.add(self.chain, self.leave_out, row_of(*look), self.heights, self.apply)
        self.add(*(row_of(*row) for row in rows), self.all, self.status, self.windows)
        self.column.addStretch()

    @slot
    def _on_layer(self, _layer: Any = None) -> None:
        watch(self._watched, self.layer.value, ("data",), self._on_data)
        self._watched = self.layer.value
        self._on_data()

    @slot
    def _on_data(self, _event: Any = None) -> None:
        self.leave_out.offer(self.layer.value)
        if self.behind:
            return
        self.windows.show_on(self.layer.value)
        self._flatten_soon()

    def _request(self) -> FlattenRequest | None:
        """Return what the form asks for now; None without a scan."""
        layer = self.layer.value
        if layer is None:
            return None
        return FlattenRequest(
            layer, recorded_heights(layer), self.chain.value, self.leave_out.mask(), self.leave_out.described
        )

    @slot
    def _flatten_soon(self, _value: Any = None) -> None:
        self.before.setChecked(False)  # whoever changes something wants to see the result
        self._soon.start()

    @slot
    def _say_slow(self) -> None:
        if self._flattener.busy and not self.all.running:
            self.say(f"flattening with {self.chain.value} …")

    def _show(self, result: Flattened) -> None:
        """Show a preview, unless the scan was closed or the panel hidden meanwhile."""
        layer = result.request.layer
        self._quiet()
        if result.error:
            self.preview.remove()
            self.heights.show_heights(layer, None)
            self._say_error(result)
            return
        self._last = result
        if layer in self.viewer.layers and self.isVisible() and not self.behind:
            self.preview.show(layer, result.heights, result.limits)
            self.heights.show_heights(layer, result.heights)
        if result.warned:
            self.say(result.warned[0])

    def _add_layer(self, result: Flattened) -> None:
        self._quiet()
        if result.error:
            self._say_error(result)
            return
        self.before.setChecked(False)
        self.preview.remove()
        name = add_flattened(self.viewer, result)
        if name:
            self.say(". ".join([f"added {name}", *result.warned]))

    def _say_error(self, result: Flattened) -> None:
        self.say(f"{result.request.layer.name}: {result.error}", wrong=True)

    def _quiet(self) -> None:
        self._patience.stop()
        if self.status.text().startswith("flattening") and not self.all.running:
            self.say("")
