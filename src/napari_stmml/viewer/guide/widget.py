"""The panel STM: a line for each step from a scan to a figure, with what is done and a button to do it."""

from functools import partial
from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import QFileDialog, QGridLayout, QLabel, QWidget
from superqt import QCollapsible

from napari_stmml.viewer.guide.steps import STEPS, what_comes_next, what_is_done
from napari_stmml.viewer.io.preferences import decline_steps, preferences
from napari_stmml.viewer.shared.docking import bring_to_front, dock_of
from napari_stmml.viewer.shared.in_sight import scan_in_sight
from napari_stmml.viewer.shared.keys import KEYS, as_html
from napari_stmml.viewer.shared.open_figure import WIDGET as FIGURE
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import Panel, button, delayed, wrapped
from napari_stmml.viewer.shared.slots import slot

RENEW_MS = 200  # after the last thing that happened
DONE, NEXT = "✓", "▸"
CLOSED = "Closed, this panel does not come by itself again: Plugins > napari-stmml > STM opens it."


class GuideWidget(Panel):
    """Lead through the steps; the state is that of the scan that is looked at."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.scan = wrapped("scan")
        self.marks = {step.name: QLabel() for step in STEPS}
        self.lines = {step.name: wrapped(step.name) for step in STEPS}
        self.buttons = {step.name: self._button(step.name, step.panel) for step in STEPS}
        self._soon = delayed(self, RENEW_MS, self.renew)
        self.add(self._rows())
        keys = QCollapsible("Keys")
        for panel in KEYS:
            text = wrapped(f"keys of {panel}", rich=True)
            text.setText(f"<b>{panel}</b>: {as_html(panel)}")
            keys.addWidget(text)
        closed = wrapped("how to open this panel")
        closed.setText(CLOSED)
        self.add(keys, self.status, closed)
        self.column.addStretch()
        for signal in (self.shared.said, napari_viewer.layers.selection.events.active):
            self.follow(signal, self._renew_soon)
        self.renew()

    @slot
    def renew(self) -> None:
        """Say what is done, and what comes next."""
        images = [one for one in self._images() if isinstance(one, Image)]
        done = what_is_done(self.viewer, scan_in_sight(self.viewer, images))
        coming = what_comes_next(done)
        for step in STEPS:
            self.lines[step.name].setText(done.get(step.name) or step.hint)
            self.lines[step.name].setEnabled(step.name in done or step.name == coming)
            mark = DONE if step.name in done else NEXT if step.name == coming else ""
            self.marks[step.name].setText(mark)
            font = self.buttons[step.name].font()
            font.setBold(step.name == coming)
            self.buttons[step.name].setFont(font)

    def reset_choices(self, event: Any = None) -> None:
        """See which layers the viewer has now."""
        super().reset_choices(event)
        self._renew_soon()

    @slot
    def showEvent(self, event: Any) -> None:
        """Catch up with what was done while the panel was not seen; hear when somebody hides it."""
        super().showEvent(event)
        self._renew_soon()
        if (dock := dock_of(self)) is not None:
            dock.toggleViewAction().toggled.connect(self._see_hidden)

    def on_close(self) -> None:
        """Never come again by itself."""
        decline_steps()

    def open_panel(self, name: str) -> None:
        """Open a panel, or bring it to the front."""
        if name == FIGURE:
            open_figure(self.viewer)
        else:
            _, panel = self.viewer.window.add_plugin_dock_widget("napari-stmml", name)
            bring_to_front(panel)

    def _button(self, name: str, panel: str) -> Any:
        if not panel:
            return button(f"{name}…", "choose scan files to open", self._ask_files)
        return button(name, f"open the panel {panel}", partial(self.open_panel, panel))

    @slot
    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open scans", preferences().folder)
        if paths:
            self.viewer.open(paths, plugin="napari-stmml", stack=False)

    def _rows(self) -> QWidget:
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(2, 1)
        grid.setColumnMinimumWidth(0, 14)
        for at, step in enumerate(STEPS):
            for column, one in enumerate((self.marks, self.buttons, self.lines)):
                grid.addWidget(one[step.name], at, column)
        return rows

    @slot
    def _renew_soon(self) -> None:
        self._soon.start()

    @slot
    def _see_hidden(self, shown: bool) -> None:
        dock = dock_of(self)
        if not shown and dock is not None and dock.isHidden():  # not with its whole window
            decline_steps()
