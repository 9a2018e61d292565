"""MapView: what is seen of the maps of the chosen scans: earlier or later ones, on flattened heights."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_stmml.viewer.io.predicted_layer import prediction_of
from napari_stmml.viewer.model.flattened_view import FlattenedView
from napari_stmml.viewer.model.map_history import MapHistory
from napari_stmml.viewer.shared.panel import button, column_of, row_of
from napari_stmml.viewer.shared.shared_state import SharedState
from napari_stmml.viewer.shared.slots import slot

FLATTENED_TIP = (
    "show scans below their maps flattened as their model flattens them; recorded heights stay, and are the"
    " ones that are measured"
)


class MapView(QWidget):
    """A row: whether scans are shown flattened, and buttons for the maps before and after."""

    said = Signal(str)

    def __init__(self, history: MapHistory, shared: SharedState) -> None:
        super().__init__()
        self.chain = ""  # with which the model of the latest maps flattens; empty before there are any
        self._history, self._shared = history, shared
        self._view = FlattenedView()
        self._layers: list[Any] = []
        self.flattened = QCheckBox("Show flattened")
        self.flattened.setChecked(shared.flattened)
        self.flattened.setToolTip(FLATTENED_TIP)
        self.flattened.toggled.connect(self._toggle)
        tip = "show the map that there was before the last Predict (Ctrl+Z on the map)"
        self.earlier_button = button("Earlier map", tip, partial(self.step, -1))
        tip = "show the newer map again (Ctrl+Shift+Z on the map)"
        self.later_button = button("Later map", tip, partial(self.step, 1))
        column_of(self, row_of(self.flattened, None, self.earlier_button, self.later_button))
        self.show_steps()

    def look_at(self, layers: Sequence[Any]) -> None:
        """Take the scans, napari Image layers, that a person has chosen."""
        self._layers = list(layers)
        self.show_steps()

    def step(self, by: int) -> None:
        """Show the maps before (-1) or after (1) those that are shown on the chosen scans."""
        shown = [layer for layer in (self._history.step(one, by) for one in self._layers) if layer]
        known = [(layer.name, prediction_of(layer)) for layer in shown]
        names = [f"“{name}” by {made.model.stem}" for name, made in known if made]
        self.said.emit(f"{'Earlier' if by < 0 else 'Later'} map: {', '.join(names)}.")

    @slot
    def show_steps(self) -> None:
        """Offer to go to other maps of the chosen scans where there are any."""
        for one, by in ((self.earlier_button, -1), (self.later_button, 1)):
            one.setEnabled(any(self._history.can_step(layer, by) for layer in self._layers))

    def show_new(self, layers: Sequence[Any], chain: str) -> None:
        """Show scans that were labelled just now flattened with a chain of methods, if that is wanted."""
        self.chain = chain
        if self._shared.flattened:
            self._view.show(layers, chain)

    @slot
    def _toggle(self) -> None:
        """Show the chosen scans flattened below their maps, or as they were shown before."""
        self._shared.flattened = self.flattened.isChecked()
        if not self._shared.flattened:
            self._view.show_as_before(self._layers)
        elif self.chain:
            self._view.show([one for one in self._layers if self._history.has_map(one)], self.chain)

    def flush(self) -> None:
        """Wait until all is flattened; it is shown soon after."""
        self._view.flush()
