"""A choice of classes of a Labels layer whose pixels are left out of every fit."""

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, Select
from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stmml.viewer.io.layers import class_names, classes_of
from napari_stmml.viewer.shared.panel import column_of, delayed, form_of
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.temporary_layers import lasting_layers, watch

SETTLE_MS = 200  # after a stroke of the brush: its event comes before the pixels are changed


class LeaveOut(QWidget):
    """Choose a Labels layer of the scan's own shape, and classes of it; ``changed`` if the pixels did."""

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._shape: tuple[int, ...] | None = None
        self._watched: Any = None
        self._last: Any = None  # mask
        tip = "a Labels layer as large as the scan: chosen classes of it are left out of every fit"
        self.labels = ComboBox(label="Leave out", choices=self._offered, tooltip=tip, nullable=True)
        self.labels.null_string = "nothing"
        tip = "classes whose pixels are left out of every fit; Ctrl-click to choose several"
        self.classes = Select(label="Classes", choices=self._names, tooltip=tip)
        self.classes.native.setMaximumHeight(76)
        self.class_form = form_of(self.classes)
        column_of(self, form_of(self.labels), self.class_form)
        self.class_form.hide()
        self._settled = delayed(self, SETTLE_MS, self._painted)
        self.labels.changed.connect(self._on_labels)
        self.classes.changed.connect(self._tell)

    def offer(self, scan: Any) -> None:
        """Offer the Labels layers that are as large as this Image layer; none without one."""
        self._shape = None if scan is None else tuple(scan.data.shape)
        self.labels.reset_choices()
        if self.labels.value is not self._watched:  # magicgui emits nothing when its choice goes
            self._on_labels()

    def mask(self) -> np.ndarray | None:
        """Return which pixels (rows, cols) are of a chosen class; None if no class is chosen."""
        if self.labels.value is None or not self.classes.value:
            return None
        return np.isin(classes_of(self.labels.value), list(self.classes.value))

    @property
    def described(self) -> str:
        """The names of the chosen classes, for the history of the flattened scan."""
        return ", ".join(name for name, label in self._names() if label in self.classes.value)

    def _offered(self, _widget: Any = None) -> list[Any]:
        labels = lasting_layers(self.viewer, Labels)
        return [one for one in labels if not one.multiscale and one.data.shape == self._shape]

    def _names(self, _widget: Any = None) -> list[tuple[str, int]]:
        """Name every class that is painted, by the layer's own table."""
        layer = self.labels.value
        if layer is None:
            return []
        known = {0: "unlabelled"} | class_names(layer.features, layer.metadata)
        return [
            (known.get(label, f"label {label}"), label) for label in np.unique(classes_of(layer)).tolist()
        ]

    @slot
    def _on_labels(self, _value: Any = None) -> None:
        watch(self._watched, self.labels.value, ("paint", "set_data", "features"), self._on_paint)
        self._watched = self.labels.value
        self.classes.reset_choices()
        self.classes.value = []
        self.class_form.setVisible(self.labels.value is not None)
        self._tell()

    def _on_paint(self, _event: Any = None) -> None:
        self._settled.start()

    @slot
    def _painted(self) -> None:
        """Offer painted, erased and renamed classes; an undo emits nothing but ``set_data``."""
        labels = [label for _, label in self._names()]
        if list(self.classes.choices) != labels:
            chosen = [label for label in self.classes.value if label in labels]
            self.classes.reset_choices()
            self.classes.value = chosen
        self._tell()

    @slot
    def _tell(self, _value: Any = None) -> None:
        """Emit ``changed`` if other pixels are left out."""
        mask: Any = self.mask()
        last, self._last = self._last, mask
        if not np.array_equal(mask, last):
            self.changed.emit()
