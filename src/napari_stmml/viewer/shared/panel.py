"""What all our dock widgets have in common: a scrolling column, choices of layers, a status line."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox, Container, FileEdit, Select
from magicgui.widgets.bases import ButtonWidget
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_stmml.scan import SHORT, Scan
from napari_stmml.viewer.io.layers import scan_from_layer
from napari_stmml.viewer.shared.shared_state import shared_state


class Panel(QScrollArea):
    """A column of widgets that scrolls where the window is too low for it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.shared = shared_state(napari_viewer)
        self._choices: list[Any] = []
        inside = QWidget()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(6, 6, 6, 6)
        self.setWidget(inside)
        inside.installEventFilter(self)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.status = wrapped("status")

    def minimumSizeHint(self) -> QSize:
        """Ask for the width of the column and of a scroll bar beside it: nothing is ever cut off."""
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(max(330, width), 200)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Ask for more width where what is unfolded needs it."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; napari calls this when they change."""
        for choice in self._choices:
            choice.reset_choices()

    def one_scan(self, label: str) -> ComboBox:
        """Make a choice of one of the viewer's two-dimensional images."""
        choice = ComboBox(label=label, choices=self._images, tooltip="any 2-D image layer")
        self._choices.append(choice)
        active = self.viewer.layers.selection.active
        if active in choice.choices:
            choice.value = active
        return choice

    def some_scans(self, label: str) -> Select:
        """Make a choice of any number of the viewer's two-dimensional images."""
        tip = "any 2-D image layers; Ctrl-click or drag to choose several"
        choice = Select(label=label, choices=self._images, tooltip=tip)
        choice.native.setMaximumHeight(132)  # nine layers
        self._choices.append(choice)
        return choice

    def file(self, label: str, **options: Any) -> FileEdit:
        """Make a choice of a file or a folder, with a small button."""
        edit = FileEdit(label=label, **options)
        edit.choose_btn.text = "…"
        edit.choose_btn.native.setAccessibleName(f"choose {label.lower()}")
        edit.choose_btn.max_width = 36
        return edit

    def form(self, *widgets: Any) -> None:
        """Add a form of labelled magicgui widgets to the column."""
        self.column.addWidget(form_of(*widgets))

    def say(self, sentence: str, wrong: bool = False) -> None:
        """Show one sentence in the panel; where something went wrong, as a notification too."""
        self.status.setText(sentence)
        if wrong:
            from napari.utils.notifications import show_error

            show_error(sentence)

    def attempt(self, do: Callable[[], None]) -> None:
        """Do something; a ValueError or OSError is shown to the user."""
        try:
            do()
        except (ValueError, OSError) as error:
            self.say(str(error), wrong=True)

    def _images(self, _widget: Any = None) -> list[Any]:
        from napari.layers import Image

        # A stack, a colour image and what the panels show for a moment are no scans.
        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Image)
            and layer.ndim == 2
            and not layer.rgb
            and not layer.multiscale
            and "stmml_passing" not in layer.metadata
        ]


def form_of(*widgets: Any) -> QWidget:
    """Lay magicgui widgets out below each other, with their labels in a column of one width.

    Widgets of Qt's own, between them, take the whole width.
    """
    form = QWidget()
    rows = QFormLayout(form)  # magicgui's own labels end up of different widths
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for widget in widgets:
        if isinstance(widget, QWidget):
            rows.addRow(widget)
        elif isinstance(widget, ButtonWidget):  # which has its text on it
            rows.addRow(widget.native)
        else:
            rows.addRow(widget.label, widget.native)
            rows.labelForField(widget.native).setToolTip(widget.tooltip)
    form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return form


def beside(field: Any, button: ButtonWidget) -> Container:
    """Lay a button out beside a field, as one row of a form."""
    look: dict[str, Any] = {"label": field.label, "tooltip": field.tooltip}
    row = Container(widgets=[field, button], layout="horizontal", labels=False, **look)
    row.margins = (0, 0, 0, 0)
    return row


def show_row(field: Any, on: bool) -> None:
    """Show or hide a field of a form, with its label; one that lies in no form yet stays as it is."""
    form = field.native.parentWidget()
    if form is None:
        return
    rows = form.layout()
    label = rows.labelForField(field.native)
    for widget in (field.native, label):
        if widget is not None:
            widget.setVisible(on)


def wrapped(name: str) -> QLabel:
    """Make an empty line of text that wraps and can be copied; ``name`` is for those who cannot see it."""
    label = QLabel("")
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setAccessibleName(name)
    return label


def scan_of(layer: Any) -> Scan:
    """Make a scan of an Image layer as it is now."""
    data, meta, _ = layer.as_layer_data_tuple()
    return scan_from_layer(data, meta)


def brief_name(layer: Any) -> str:
    """Return the layer's name with FU for Z forward/up and so on: room for what a list would leave out."""
    name = str(layer.name)
    for direction, short in SHORT.items():
        name = name.replace(f"Z {direction}", short).replace(direction, short)
    return name


def place_of(layer: Any) -> dict[str, Any]:
    """Return all that says where a layer lies, for another layer to lie exactly on it."""
    keys = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {key: getattr(layer, key) for key in keys}
