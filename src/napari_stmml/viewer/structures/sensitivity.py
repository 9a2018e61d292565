"""SensitivitySlider: how many objects count, on a logarithmic scale."""

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QLabel, QSlider, QWidget

from napari_stmml.text import counted, number
from napari_stmml.viewer.shared.panel import column_of, row_of
from napari_stmml.viewer.shared.slots import slot

MOST = 3.0  # and 1 / 3 at the other end
STEPS = 100  # from the middle to an end
TIP = (
    "to the right, weaker objects count too, and more of the noise; in the middle, one false object in"
    " 1000 nm² is expected. Double-click: back to the middle"
)


class SensitivitySlider(QWidget):
    """A slider with its value and the number of objects."""

    moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(-STEPS, STEPS)
        self.slider.setTickInterval(STEPS)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setToolTip(TIP)
        self.slider.setAccessibleName("sensitivity")
        self.text = QLabel()
        self.text.setMinimumWidth(self.text.fontMetrics().horizontalAdvance("0.33: 10 000 objects"))
        column_of(self, row_of(QLabel("Sensitivity"), self.slider, self.text))
        self.slider.valueChanged.connect(self._move)

    @property
    def value(self) -> float:
        """Sensitivity, 1/3 to 3."""
        return float(MOST ** (self.slider.value() / STEPS))

    def show_value(self, value: float, objects: int) -> None:
        """Show a sensitivity, and how many objects there are."""
        from math import log

        with QSignalBlocker(self.slider):
            self.slider.setValue(round(STEPS * log(value) / log(MOST)))
        self.text.setText(f"{number(value, 2)}: {counted(objects, 'object')}")

    @slot
    def _move(self, _value: int) -> None:
        self.moved.emit(self.value)


class _Slider(QSlider):
    @slot
    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Go back to the middle."""
        self.setValue(0)
