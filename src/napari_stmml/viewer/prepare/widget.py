"""The Prepare widget: flatten by a chain of methods with a live preview; see which windows a grid cuts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, PushButton
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QPushButton

from napari_stmml.heights.chain_file import ENDING, load_chain, save_chain
from napari_stmml.recipe import Recipe
from napari_stmml.viewer.prepare.apply_all import ApplyToAll
from napari_stmml.viewer.prepare.chain_editor import ChainEditor
from napari_stmml.viewer.prepare.flattener import Flattener, Result, Wish, add_made, is_flattened
from napari_stmml.viewer.prepare.heights_view import HeightsView
from napari_stmml.viewer.prepare.leave_out import LeaveOut
from napari_stmml.viewer.prepare.window_grid import WindowGridForm
from napari_stmml.viewer.shared.overlays import Preview
from napari_stmml.viewer.shared.panel import Panel

DEBOUNCE_MS = 0  # as soon as all that one click changes has changed; what is overtaken is not shown
PATIENCE_MS = 150  # until the panel says that it is still flattening


class PrepareWidget(Panel):
    """Flatten a scan into a new layer that remembers how it was made; show the grid of windows."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layer = self.one_scan("Scan")
        self.chain = ChainEditor(Recipe().flatten_method)
        self.leave_out = LeaveOut(napari_viewer)
        self.preview = CheckBox(text="Live preview", value=True, tooltip="a passing layer over the scan")
        self.before = QPushButton("Before")
        self.before.setCheckable(True)
        self.before.setShortcut("Alt+B")  # of the window, and gone with this panel
        self.before.setToolTip("show the scan as it is, in its own contrast (Alt+B); once more: flattened")
        self.heights = HeightsView(napari_viewer)
        self.windows = WindowGridForm(napari_viewer)
        self.grid = self.windows.shown
        self._flattener = Flattener(self)
        self.all = ApplyToAll(napari_viewer, self._flattener)
        self._lay_out()
        self._shown = Preview(napari_viewer)
        self._known: Result | None = None  # what was flattened last for the preview
        self._timer = self._once(DEBOUNCE_MS, self._flatten)
        self._patience = self._once(PATIENCE_MS, self._say_slow)
        self._connect()
        self.reset_choices()

    def make_layer(self) -> None:
        """Add the flattened scan as a layer of its own, under the name of scan and chain."""
        wish = self._wish()
        if wish is None:
            self.say("Choose a scan first: drop a .Z_mtrx file on the window.", wrong=True)
        elif self._known is not None and wish.same_as(self._known.wish):
            self._add_chosen(self._known)
        else:
            self.say(f"flattening with {wish.chain} …")
            self._flattener.start(wish, self._add_chosen, self._failed)

    def apply_to_all(self) -> None:
        """Flatten every open scan that was not flattened yet, one after the other; none stops the others."""
        if self.all.running:
            return
        layers = [layer for layer in self.layer.choices if not is_flattened(layer)]
        if layers:
            self.all.start(layers, self.chain.value)
        else:
            self.say("There is no open scan that was not flattened: drop .Z_mtrx files here.", wrong=True)

    def use_for_training(self) -> None:
        """Let the Train widget flatten by this chain, at once or when it is opened."""
        self.shared.use_for_training(self.chain.value)
        self.say(f"Train flattens by {self.chain.value} from now on.")

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
        """Take the chain from a file over; ask which, if none is given."""
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
        return self._timer.isActive() or self._flattener.busy or self.all.running

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; with the last scan goes what was shown of it."""
        super().reset_choices(event)
        self.leave_out.offer(self.layer.value)
        if self.layer.value is None:  # a ComboBox does not tell when its last choice goes
            self._flatten()
            self.windows.show_on(None)

    def showEvent(self, event: Any) -> None:
        """Show what is to be seen while the panel is."""
        super().showEvent(event)
        self._timer.start()
        self.windows.show_on(self.layer.value)

    def hideEvent(self, event: Any) -> None:
        """Take the passing layers away with the panel."""
        super().hideEvent(event)
        self._timer.stop()
        self.before.setChecked(False)
        self._shown.remove()
        self.windows.remove()

    def changeEvent(self, event: Any) -> None:
        """Start nothing more when napari takes the panel out of its window: it is closed, not destroyed."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.all.cancel()
        super().changeEvent(event)

    def _lay_out(self) -> None:
        self.apply = PushButton(text="Make a flattened layer")
        self.apply_all, self.train = QPushButton("Apply to all open scans"), QPushButton("Use for training")
        self.save, self.load = QPushButton("Save chain…"), QPushButton("Load chain…")
        self.apply_all.setToolTip(
            "one new layer right over each open scan, fitted to all its pixels; not of layers made here"
        )
        self.train.setToolTip("the Train widget's Flatten method becomes this chain")
        look, grid = QHBoxLayout(), QGridLayout()
        look.addWidget(self.preview.native)
        look.addWidget(self.before)
        grid.addWidget(self.apply.native, 0, 0, 1, 2)
        for i, button in enumerate((self.apply_all, self.train, self.save, self.load)):
            grid.addWidget(button, 1 + i // 2, i % 2)
        self.form(self.layer)
        self.column.addWidget(self.chain)
        self.column.addWidget(self.leave_out)
        self.column.addLayout(look)
        self.column.addWidget(self.heights)
        self.column.addLayout(grid)
        self.column.addWidget(self.all)
        self.column.addWidget(self.status)
        self.column.addWidget(self.windows)
        self.column.addStretch()

    def _connect(self) -> None:
        self.layer.changed.connect(self._on_layer)
        self.preview.changed.connect(self._flatten_soon)
        self.chain.changed.connect(self._flatten_soon)
        self.chain.refused.connect(lambda sentence: self.say(sentence, wrong=True))
        self.leave_out.changed.connect(self._flatten_soon)
        self.all.said.connect(self.say)
        self.before.toggled.connect(lambda on: self._shown.before(self.layer.value, on))
        for button, do in (
            (self.apply.native, self.make_layer),
            (self.apply_all, self.apply_to_all),
            (self.train, self.use_for_training),
            (self.save, self.save_chain),
            (self.load, self.load_chain),
        ):
            button.clicked.connect(lambda _=False, do=do: do())

    def _once(self, after_ms: int, do: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after_ms)
        timer.timeout.connect(do)
        return timer

    def _on_layer(self, _layer: Any = None) -> None:
        self.leave_out.offer(self.layer.value)
        self.windows.show_on(self.layer.value)
        self._flatten_soon()

    def _wish(self) -> Wish | None:
        """Return what the form asks for now; None without a scan."""
        layer = self.layer.value
        if layer is None:
            return None
        left_out = self.leave_out
        return Wish(layer, layer.data, self.chain.value, left_out.mask(), left_out.described)

    def _flatten_soon(self, _value: Any = None) -> None:
        self.before.setChecked(False)  # whoever changes something wants to see what came of it
        self._timer.start()

    def _flatten(self) -> None:
        """Flatten for the preview, in a thread: some methods take seconds on large scans."""
        wish = self._wish()
        if wish is None or not self.preview.value:
            self._shown.remove()
            self.heights.show_heights(None if wish is None else wish.layer, None)
            self._flattener.forget()
            return
        self._patience.start()
        self._flattener.preview(wish, self._show_preview, self._preview_failed)

    def _say_slow(self) -> None:
        if self._flattener.busy and not self.all.running:
            self.say(f"flattening with {self.chain.value} …")

    def _show_preview(self, result: Result) -> None:
        self._quiet()
        layer = result.wish.layer
        self._known = result
        if layer in self.viewer.layers and self.isVisible():  # neither gone nor hidden meanwhile
            self._shown.show(layer, result.heights, result.limits)
            self.heights.show_heights(layer, result.heights)
        if result.notes:
            self.say(result.notes[0])

    def _preview_failed(self, wish: Wish, error: Exception) -> None:
        self._shown.remove()
        self.heights.show_heights(wish.layer, None)
        self._failed(wish, error)

    def _failed(self, wish: Wish, error: Exception) -> None:
        self._quiet()
        self.say(f"{wish.layer.name}: {error}", wrong=True)

    def _quiet(self) -> None:
        self._patience.stop()
        if self.status.text().startswith("flattening") and not self.all.running:
            self.say("")

    def _add_chosen(self, result: Result) -> None:
        self._quiet()
        self.before.setChecked(False)
        self._shown.remove()
        name = add_made(self.viewer, result)
        if name:
            self.say(". ".join([f"added {name}", *result.notes]))
