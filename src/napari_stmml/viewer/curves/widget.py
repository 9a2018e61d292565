"""The panel Curves: a click on a point shows its curve, several are averaged, dI/dV, and a table of them."""

from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox
from qtpy.QtWidgets import QFileDialog

from napari_stmml.io.curves import Curve, mean_curve, save_curves, slope
from napari_stmml.text import counted, number
from napari_stmml.viewer.curves.on_class import OnClass, classes_in
from napari_stmml.viewer.curves.plot import CurvePlot
from napari_stmml.viewer.io.curve_layer import curve_layers, selected_curves
from napari_stmml.viewer.shared.panel import Panel, button
from napari_stmml.viewer.shared.slots import slot

HINT = "Click a point of curves to see its curve; Shift-click adds another one, and the mean is drawn."
NONE = "Open files of curves first: I(V)_mtrx of MATRIX, or .dat of Nanonis."


class CurvesWidget(Panel):
    """Show the curves of the selected points of a layer."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layer = ComboBox(label="Points", choices=self._layers, tooltip="a layer of curves")
        self._choices.append(self.layer)
        self.quantity = ComboBox(
            label="Quantity", choices=[], tooltip="what was measured, and in which sweep"
        )
        tip = "select the curves that were taken on a class, or on structures of a type, of an open map"
        self.on_class = ComboBox(label="All on", choices=self._classes, nullable=True, tooltip=tip)
        self._choices.append(self.on_class)
        tip = "slope by differences of neighbours, not smoothed"
        self.as_slope = CheckBox(text="dI/dV (slope)", label="", tooltip=tip)
        self.plot = CurvePlot()
        self.save = button("Save CSV…", "save the curves that are shown, and their mean", self._ask_save)
        self.form(self.layer, self.on_class, self.quantity, self.as_slope)
        self.column.addWidget(self.plot, 1)
        self.add(self.save, self.status)
        self.shown: list[Curve] = []
        self._watched: Any = None
        self.layer.changed.connect(self.refresh)
        self.on_class.changed.connect(self._select_on_class)
        self.quantity.changed.connect(self._draw)
        self.as_slope.changed.connect(self._draw)
        self.follow(self.viewer.layers.selection.events.active, self._follow)
        self.reset_choices()
        self._follow()
        self.refresh()

    @slot
    def refresh(self) -> None:
        """Show the curves of the points that are selected."""
        layer = self.layer.value
        if layer is not self._watched:
            if self._watched is not None:
                self._watched.selected_data.events.items_changed.disconnect(self.refresh)
            if layer is not None:
                layer.selected_data.events.items_changed.connect(self.refresh)
            self._watched = layer
        names = list(dict.fromkeys(one.name for point in self._selected() for one in point))
        if names and names != list(self.quantity.choices):
            before = self.quantity.value
            with self.quantity.changed.blocked():
                self.quantity.choices = names
                self.quantity.value = before if before in names else names[0]
        self._draw()

    def save_csv(self, path: str | Path) -> Path:
        """Write the curves that are shown, and their mean below them where there are several.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
        """
        several = [mean_curve(self.shown)] if len(self.shown) > 1 else []
        return save_curves(path, [*self.shown, *several])

    def on_close(self) -> None:
        """Hear no more of the layer."""
        if self._watched is not None:
            self._watched.selected_data.events.items_changed.disconnect(self.refresh)
            self._watched = None

    @slot
    def _draw(self) -> None:
        points = self._selected()
        self.shown = []
        if not points:
            self.plot.show_curves((), None, NONE if self.layer.value is None else HINT)
            self.say("")
        else:
            chosen = [one for point in points for one in point if one.name == self.quantity.value]
            try:
                self.shown = [slope(one) for one in chosen] if self.as_slope.value else chosen
                self.plot.show_curves(self.shown, mean_curve(self.shown))
                self.say(self._said(points))
            except ValueError as error:
                self.shown = []
                self.plot.show_curves((), None, f"{error}.")
                self.say("")
        self.save.setEnabled(bool(self.shown))

    def _said(self, points: list[list[Curve]]) -> str:
        if len(self.shown) > 1:
            missing = len(points) - len(self.shown)
            others = f"; {counted(missing, 'point')} without it" if missing > 0 else ""
            return f"mean of {counted(len(self.shown), 'curve')}{others}"
        one = self.shown[0]
        place = ", ".join(number(at, 6) for at in one.place or ())
        where = f"at {place} nm" if place else "place not known"
        return f"{Path(one.source).name}, {where}, {counted(len(one.x), 'point')}"

    @slot
    def _select_on_class(self) -> None:
        layer, chosen = self.layer.value, self.on_class.value
        if layer is None or chosen is None:
            return
        layer.selected_data = chosen.points(layer)
        self.refresh()
        if not layer.selected_data:
            self.say(f"None of {counted(len(layer.data), 'curve')} was taken on {chosen.name}.")

    @slot
    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save curves", "curves.csv", "Tables (*.csv)")
        if path:
            self.say(f"saved as {self.save_csv(path).name}")

    @slot
    def _follow(self) -> None:
        active = self.viewer.layers.selection.active
        if active is not self.layer.value and active in self._layers():
            self.layer.reset_choices()
            self.layer.value = active

    def _selected(self) -> list[list[Curve]]:
        return [] if self.layer.value is None else selected_curves(self.layer.value)

    def _classes(self, _widget: Any = None) -> list[OnClass]:
        return classes_in(self.viewer)

    def _layers(self, _widget: Any = None) -> list[Any]:
        return curve_layers(self.viewer)
