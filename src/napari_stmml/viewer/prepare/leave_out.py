"""A choice of classes of a Labels layer that no fit takes notice of."""

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, Select
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stmml.viewer.shared.overlays import PASSING
from napari_stmml.viewer.shared.panel import form_of

SETTLE_MS = 200  # after a stroke of the brush: the layer tells of it before it is done
NOBODY = "nothing"


class LeaveOut(QWidget):
    """Choose a Labels layer of the scan's own shape, and classes of it; ``changed`` when they did."""

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._shape: tuple[int, ...] | None = None
        self._watched: Any = None
        self._last: np.ndarray | None = None
        tip = "a Labels layer as large as the scan: chosen classes of it are left out of every fit"
        self.labels = ComboBox(label="Leave out", choices=self._offered, tooltip=tip, nullable=True)
        self.labels.null_string = NOBODY
        tip = "classes that no fit takes notice of; Ctrl-click to choose several"
        self.classes = Select(label="Classes", choices=self._names, tooltip=tip)
        self.classes.native.setMaximumHeight(76)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.layer_form, self.class_form = form_of(self.labels), form_of(self.classes)
        column.addWidget(self.layer_form)
        column.addWidget(self.class_form)
        self.class_form.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._painted)
        self.labels.changed.connect(self._on_labels)
        self.classes.changed.connect(self._tell)

    def offer(self, scan: Any) -> None:
        """Offer the Labels layers that are as large as this Image layer; none without one."""
        self._shape = None if scan is None else tuple(scan.data.shape)
        self.labels.reset_choices()
        if self.labels.value is not self._watched:  # a ComboBox does not tell when its choice goes
            self._on_labels()

    def mask(self) -> np.ndarray | None:
        """Return which pixels (rows, cols) are of a chosen class; None if no class is chosen."""
        if self.labels.value is None or not self.classes.value:
            return None
        return np.isin(np.asarray(self.labels.value.data), list(self.classes.value))

    @property
    def described(self) -> str:
        """The names of the chosen classes, for the history of what is made without them."""
        if self.labels.value is None:
            return ""
        names = {label: name for name, label in self._names()}
        return ", ".join(names[label] for label in self.classes.value if label in names)

    def _offered(self, _widget: Any = None) -> list[Any]:
        from napari.layers import Labels

        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels)
            and not layer.multiscale
            and layer.data.shape == self._shape
            and PASSING not in layer.metadata
        ]

    def _names(self, _widget: Any = None) -> list[tuple[str, int]]:
        """Name every class that is painted, by the layer's own table."""
        layer = self.labels.value
        if layer is None:
            return []
        table = layer.features
        known: dict[int, str] = {}
        if "index" in table and "class" in table:
            known = {int(i): str(name) for i, name in zip(table["index"], table["class"], strict=True)}
        painted = [int(label) for label in np.unique(layer.data)]
        return [(known.get(label, f"label {label}" if label else "unlabelled"), label) for label in painted]

    def _on_labels(self, _value: Any = None) -> None:
        self._watch(self.labels.value)
        self.classes.reset_choices()
        self.classes.value = []
        self.class_form.setVisible(self.labels.value is not None)
        self._tell()

    def _watch(self, layer: Any) -> None:
        for one, connect in ((self._watched, False), (layer, True)):
            if one is None:
                continue
            for event in (one.events.paint, one.events.set_data, one.events.features):
                (event.connect if connect else event.disconnect)(self._on_paint)
        self._watched = layer

    def _on_paint(self, _event: Any = None) -> None:
        self._timer.start()

    def _painted(self) -> None:
        """Take notice of painted, erased and renamed classes; an undo tells nothing but ``set_data``."""
        labels = [label for _, label in self._names()]
        if list(self.classes.choices) != labels:
            chosen = [label for label in self.classes.value if label in labels]
            self.classes.reset_choices()
            self.classes.value = chosen
        self._tell()

    def _tell(self, _value: Any = None) -> None:
        """Say that other pixels are left out, if they are others."""
        mask = self.mask()
        same = mask is None if self._last is None else mask is not None and np.array_equal(mask, self._last)
        self._last = mask
        if not same:
            self.changed.emit()
