"""What all dock widgets have in common: a scrolling column, choices of layers, a status line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from magicgui.widgets import ComboBox, Container, FileEdit, Select
from magicgui.widgets.bases import ButtonWidget
from napari.layers import Image
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtWidgets import QBoxLayout, QFormLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QWidget

from napari_stmml.viewer.io.predicted_layer import keep_strokes
from napari_stmml.viewer.io.preferences import apply_to_process
from napari_stmml.viewer.shared.docking import dock_of, lie_with_others
from napari_stmml.viewer.shared.in_sight import NO_SCAN, FollowingChoice
from napari_stmml.viewer.shared.plain_text import notify
from napari_stmml.viewer.shared.shared_state import shared_state
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import lasting_layers
from napari_stmml.viewer.shared.units import keep_units


@dataclass(frozen=True)
class Callbacks:
    """A list of callbacks, in the shape of a signal."""

    callbacks: list[Any]

    def connect(self, do: Callable[..., Any]) -> None:
        """Add a callback.

        Parameters
        ----------
        do : callable
        """
        self.callbacks.append(do)

    def disconnect(self, do: Callable[..., Any]) -> None:
        """Remove a callback."""
        self.callbacks.remove(do)


class Panel(QScrollArea):
    """A column of widgets that scrolls where the window is too low for it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.shared = shared_state(napari_viewer)
        keep_units(napari_viewer)
        self._choices: list[Any] = []
        self._in_sight: list[FollowingChoice] = []
        self._followed: list[tuple[Any, Callable[..., Any]]] = []
        self._closed = False
        inside = QWidget()
        self.column = QBoxLayout(QBoxLayout.Direction.TopToBottom, inside)
        self.column.setContentsMargins(6, 6, 6, 6)
        self.setWidget(inside)
        inside.installEventFilter(self)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.status = wrapped("status")
        self.behind = False  # another tab
        self._docking = delayed(self, 0, self._lie_with_others)
        self.follow(napari_viewer.layers.selection.events.active, self._follow_sight)

    def minimumSizeHint(self) -> QSize:
        """Ask for the width of the column and of a scroll bar beside it: nothing is ever cut off."""
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(max(330, width), 200)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Ask for more width where an unfolded part needs it."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def follow(self, signal: Any, do: Callable[..., Any]) -> None:
        """Connect to a signal; while the panel is closed, it hears nothing.

        Parameters
        ----------
        signal : Any
            Anything with ``connect`` and ``disconnect``.
        do : callable
            Called with what the signal sends.
        """
        self._followed.append((signal, do))
        signal.connect(do)

    @slot
    def changeEvent(self, event: Any) -> None:
        """See whether napari has taken the panel out of its window, where it is closed, or put it back."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self._closed != (self.parent() is None):
            self._closed = not self._closed
            for signal, do in self._followed:
                (signal.disconnect if self._closed else signal.connect)(do)
            if self._closed:
                self.on_close()
        if event.type() == QEvent.Type.ParentChange and self.parent() is not None:
            self._docking.start()  # napari is still docking it

    def on_front(self) -> None:
        """Show or remove what is seen with the panel, which came before other tabs or went behind them."""

    def on_close(self) -> None:
        """End what must not go on when the panel is closed."""

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; napari calls this when they change.

        Parameters
        ----------
        event : Any
            Not used.
        """
        for choice in self._choices:
            before = choice.value
            with (
                choice.changed.blocked()
            ):  # magicgui knows layers by their names: a new name is another layer
                choice.reset_choices()
                if not _keep_chosen(choice, before):
                    for one in [one for one in self._in_sight if one.choice is choice]:
                        one.take()
            if choice.value != before:
                choice.changed.emit(choice.value)

    def one_scan(self, label: str, suits: Callable[[Any], bool] = lambda _: True) -> ComboBox:
        """Make a choice of one of the viewer's two-dimensional images.

        Parameters
        ----------
        label : str
        suits : callable
            Says of a layer whether it may be chosen by itself.

        Returns
        -------
        ComboBox
            In no form yet; it follows the scan that is in sight.
        """
        choice = ComboBox(label=label, choices=self._images, tooltip="any 2-D image layer")
        self._choices.append(choice)
        self._follow_with(choice, suits)
        return choice

    def some_scans(self, label: str, suits: Callable[[Any], bool] = lambda _: True) -> Select:
        """Make a choice of any number of the viewer's two-dimensional images.

        Parameters
        ----------
        label : str
        suits : callable
            Says of a layer whether it may be chosen by itself.

        Returns
        -------
        Select
            In no form yet; its value is a list of layers. Several that somebody has chosen stay chosen.
        """
        tip = "any 2-D image layers; Ctrl-click or drag to choose several"
        choice = Select(label=label, choices=self._images, tooltip=tip)
        choice.native.setMaximumHeight(132)  # nine layers
        self._choices.append(choice)
        self._follow_with(choice, suits)
        return choice

    def scans_in(self, choice: Select) -> list[Any]:
        """Return the layers that are chosen, or the one in sight where none is.

        Parameters
        ----------
        choice : Select
            Of `some_scans`.

        Returns
        -------
        list of napari Image layers
            One or more.

        Raises
        ------
        ValueError
            If no scan is open.
        """
        for one in self._in_sight:
            one.fill()
        if not choice.value:
            raise ValueError(NO_SCAN)
        return list(choice.value)

    def file(self, label: str, **options: Any) -> FileEdit:
        """Make a choice of a file or a folder, with a small button.

        Parameters
        ----------
        label : str
        **options : Any
            Further arguments of ``FileEdit``.

        Returns
        -------
        FileEdit
            In no form yet.
        """
        edit = FileEdit(label=label, **options)
        edit.choose_btn.text = "…"
        edit.choose_btn.native.setAccessibleName(f"choose {label.lower()}")
        edit.choose_btn.max_width = 36
        return edit

    def add(self, *widgets: QWidget) -> None:
        """Add widgets to the column, below each other.

        Parameters
        ----------
        *widgets : QWidget
            From top to bottom.
        """
        for widget in widgets:
            self.column.addWidget(widget)

    def form(self, *widgets: Any) -> None:
        """Add a form of labelled magicgui widgets to the column.

        Parameters
        ----------
        *widgets : Any
            From top to bottom, as ``form_of`` takes them.
        """
        self.add(form_of(*widgets))

    def say(self, sentence: str, wrong: bool = False) -> None:
        """Show one sentence in the panel; where something went wrong, as a notification too.

        Parameters
        ----------
        sentence : str
        wrong : bool
            Whether something went wrong.
        """
        self.status.setText(sentence)
        self.shared.said.emit()
        if wrong:
            notify(sentence)

    def attempt(self, do: Callable[[], None]) -> None:
        """Do something; what it raises is shown to the user.

        Parameters
        ----------
        do : callable without arguments
        """
        guarded(do, self.say)()

    def keep_strokes(self) -> str:
        """Keep what was painted on maps of Predict as truth of their scans.

        Returns
        -------
        str
            What was kept, in sentences, each with a space before it; what could not be kept is said here.
        """
        kept, lost = keep_strokes(self.viewer.layers)
        for sentence in lost:
            self.say(sentence, wrong=True)
        return "".join(f" {sentence}" for sentence in kept)

    def _follow_with(self, choice: Any, suits: Callable[[Any], bool]) -> None:
        following = FollowingChoice(self.viewer, choice, suits)
        self._in_sight.append(following)
        following.take()

    @slot
    def _follow_sight(self) -> None:
        for one in self._in_sight:
            one.follow()

    @slot
    def _lie_with_others(self) -> None:
        lie_with_others(self, Panel)
        apply_to_process()
        if (dock := dock_of(self)) is not None:
            dock.visibilityChanged.connect(self._set_front)

    @slot
    def _set_front(self, on: bool) -> None:
        if self.isVisible() and self.behind == on:  # whoever hides it has an event of its own
            self.behind = not on
            self.on_front()

    def _images(self, _widget: Any = None) -> list[Any]:
        """List the images that may be scans: no stacks, no colour images, no temporary layers."""
        images = lasting_layers(self.viewer, Image)
        return [one for one in images if one.ndim == 2 and not one.rgb and not one.multiscale]


def _keep_chosen(choice: Any, before: Any) -> bool:
    """Choose what was chosen before, as far as it is still there; say whether any of it is."""
    if isinstance(before, list):
        there = [one for one in before if one in choice.choices]
    else:
        there = before if before in choice.choices else choice.value
    if choice.value != there:
        choice.value = there
    return bool(there) and (isinstance(before, list) or there == before)


def form_of(*widgets: Any) -> QWidget:
    """Lay magicgui widgets out below each other, with their labels in a column of one width.

    Widgets of Qt's own, between them, take the whole width.

    Parameters
    ----------
    *widgets : Any
        magicgui widgets, or QWidgets, from top to bottom.

    Returns
    -------
    QWidget
        The form.
    """
    form = QWidget()
    rows = QFormLayout(form)  # magicgui's own labels end up of different widths
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for widget in widgets:
        if isinstance(widget, QWidget):
            rows.addRow(widget)
        elif isinstance(widget, ButtonWidget):  # its text is on it
            rows.addRow(widget.native)
        else:
            rows.addRow(widget.label, widget.native)
            rows.labelForField(widget.native).setToolTip(widget.tooltip)
    form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return form


def column_of(parent: QWidget, *widgets: QWidget) -> None:
    """Lay widgets out below each other in a part of a panel.

    Parameters
    ----------
    parent : QWidget
        Part of the panel; it must have no layout yet.
    *widgets : QWidget
        From top to bottom.
    """
    _lay_out(parent, QBoxLayout.Direction.TopToBottom, widgets)


def row_of(*widgets: QWidget | None) -> QWidget:
    """Make a row of widgets in a panel; None is a gap that grows.

    Parameters
    ----------
    *widgets : QWidget or None
        From left to right.

    Returns
    -------
    QWidget
        The row.
    """
    row = QWidget()
    _lay_out(row, QBoxLayout.Direction.LeftToRight, widgets)
    return row


def _lay_out(parent: QWidget, direction: Any, widgets: Sequence[QWidget | None]) -> None:
    layout = QBoxLayout(direction, parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(3)
    for widget in widgets:
        layout.addStretch() if widget is None else layout.addWidget(widget)


def beside(field: Any, button: ButtonWidget) -> Container:
    """Lay a button out beside a field, as one row of a form.

    Parameters
    ----------
    field : Any
        magicgui widget; the row gets its label and tooltip.
    button : ButtonWidget

    Returns
    -------
    Container
    """
    look: dict[str, Any] = {"label": field.label, "tooltip": field.tooltip}
    row = Container(widgets=[field, button], layout="horizontal", labels=False, **look)
    row.margins = (0, 0, 0, 0)
    return row


def show_row(field: Any, on: bool) -> None:
    """Show or hide a field of a form, with its label; one that lies in no form yet stays as it is.

    Parameters
    ----------
    field : Any
        magicgui widget.
    on : bool
        Whether to show it.
    """
    form = field.native.parentWidget()
    if form is not None:
        for widget in (field.native, form.layout().labelForField(field.native)):
            if widget is not None:
                widget.setVisible(on)


def button(text: str, tip: str, do: Callable[[], Any], kind: Any = QPushButton) -> Any:
    """Make a button that does something when it is clicked; a sign alone is described by its tooltip.

    Parameters
    ----------
    text : str
    tip : str
        Tooltip.
    do : callable without arguments
        Its result is not used.
    kind : type
        Class of the button, of Qt's own.

    Returns
    -------
    Any
        Button of that class.
    """
    made = kind()
    made.setText(text)
    made.setToolTip(tip)
    made.setAccessibleName(tip if len(text) == 1 else text)
    made.clicked.connect(guarded(do))
    return made


def wrapped(name: str, rich: bool = False) -> QLabel:
    """Make an empty line of text that wraps and can be copied; ``name`` is for screen readers.

    Parameters
    ----------
    name : str
        Accessible name.
    rich : bool
        Whether its text is HTML, in which what comes from files is escaped; otherwise it is plain text.

    Returns
    -------
    QLabel
    """
    label = QLabel("")
    label.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setAccessibleName(name)
    return label


def delayed(parent: QWidget, after_ms: int, do: Callable[[], None]) -> QTimer:
    """Make a timer that does something once, so many ms after it was last started.

    Parameters
    ----------
    parent : QWidget
        Owner of the timer.
    after_ms : int
        Delay, ms.
    do : method of a Qt object, without arguments
        A `slot`, which Qt holds weakly. Any other function could be emptied by Python's collector before.

    Returns
    -------
    QTimer
        Not started yet.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(after_ms)
    timer.timeout.connect(do)
    return timer
