"""A chain of flatten methods to edit: a list in order, presets, and the same chain as text."""

from collections.abc import Callable, Iterable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QMenu, QPushButton, QToolButton, QWidget

from napari_stmml.heights.flatten import METHODS, parse_chain
from napari_stmml.viewer.shared.panel import button, column_of, row_of
from napari_stmml.viewer.shared.parameter_form import ChainCompleter
from napari_stmml.viewer.shared.slots import guarded, slot

NOTHING = "none"  # the method that does nothing: all that is left when every other is removed
GROUPS = {
    "Level": ("poly_xy", "poly_xy_2", "iterate_mask", "xy", "peaks", "facet", "terraces"),
    "Rows": ("row_mean", "row_mean_and_slope", "row_median", "median_of_differences"),
    "Repair": ("scars", "line_jumps", "clip_spikes"),
    "Mask and repeat": ("mask", "repeat"),
}
PRESETS = {
    "Plane": "poly_xy",
    "Align rows, then level": "row_median + poly_xy",
    "Align, level, mask, repeat": "row_median + poly_xy + mask + repeat",
    "Step edges (terraces)": "row_median + terraces",
    "Nothing": NOTHING,
}
SHOWN_ROWS = 4  # the list scrolls beyond
METHOD = Qt.ItemDataRole.UserRole


class ChainEditor(QWidget):
    """Methods in the order in which they are done; ``changed`` has the chain as text."""

    changed = Signal(str)
    refused = Signal(str)  # the sentence that says why a text is no chain

    def __init__(self, chain: str = "poly_xy") -> None:
        super().__init__()
        self._last = ""  # chain that ``changed`` emitted
        self.list = QListWidget()
        self.list.setAccessibleName("chain of flatten methods")
        self.list.setToolTip("done from top to bottom; drag to change the order")
        self.list.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(SHOWN_ROWS * (self.fontMetrics().height() + 4))
        self.text = QLineEdit()
        self.text.setCompleter(ChainCompleter(self.text))
        self.text.setToolTip("the chain as text, as in recipes and job files; Enter applies it")
        self.text.setAccessibleName("chain of flatten methods as text")
        add, preset = QPushButton("Add"), QPushButton("Presets")
        add.setToolTip("insert a method after the chosen one")
        preset.setToolTip("chains that suit most scans")
        self.add_menu, self.preset_menu = self._methods(), self._presets()
        add.setMenu(self.add_menu)
        preset.setMenu(self.preset_menu)
        self.up = button("▲", "do the chosen method earlier", lambda: self.move(-1), QToolButton)
        self.down = button("▼", "do the chosen method later", lambda: self.move(1), QToolButton)
        self.remove = button("✕", "remove the chosen method", self.remove_chosen, QToolButton)
        buttons = row_of(add, preset, None, self.up, self.down, self.remove)
        column_of(self, buttons, self.list, self.text)
        self.value = chain
        self.list.model().rowsMoved.connect(self._on_moved)
        self.list.currentRowChanged.connect(self._enable)
        self.text.editingFinished.connect(self._read)

    @property
    def methods(self) -> list[str]:
        """The methods, in order."""
        return [self.list.item(row).data(METHOD) for row in range(self.list.count())]

    @property
    def value(self) -> str:
        """The chain as text: ``"row_median + poly_xy"``. A wrong one is a ValueError, and nothing changes."""
        return " + ".join(self.methods)

    @value.setter
    def value(self, chain: str) -> None:
        self._show(parse_chain(chain), 0)

    def add(self, method: str) -> None:
        """Insert a method after the chosen one, and choose it."""
        methods, row = self.methods, self.list.currentRow()
        if methods == [NOTHING]:
            methods, row = [], -1
        methods.insert(row + 1, method)
        self._change(methods, row + 1)

    def move(self, by: int) -> None:
        """Do the chosen method earlier (-1) or later (1)."""
        methods, row = self.methods, self.list.currentRow()
        if row >= 0 and 0 <= row + by < len(methods):
            methods.insert(row + by, methods.pop(row))
            self._change(methods, row + by)

    def remove_chosen(self) -> None:
        """Remove the chosen method; without the last one, the heights are left as they are."""
        methods, row = self.methods, self.list.currentRow()
        if row >= 0:
            del methods[row]
            self._change(methods or [NOTHING], min(row, max(0, len(methods) - 1)))

    def _change(self, methods: str | list[str], row: int) -> None:
        """Show another chain; if it is none, as with ``repeat`` alone, say why and keep the old one."""
        try:
            chain = parse_chain(methods)
        except ValueError as error:
            self._show(parse_chain(self._last), self.list.currentRow())
            self.refused.emit(str(error))
        else:
            self._show(chain, row)

    def _show(self, methods: tuple[str, ...], row: int) -> None:
        self.list.clear()
        for method in methods:
            item = QListWidgetItem(f"{method}: {METHODS[method].help}")
            item.setData(METHOD, method)
            item.setToolTip(about(method))
            self.list.addItem(item)
        self.list.setCurrentRow(row)
        self._enable()
        self.text.setText(self.value)
        self.text.setCursorPosition(0)
        if self.value != self._last:
            self._last = self.value
            self.changed.emit(self.value)

    @slot
    def _on_moved(self) -> None:
        self._change(self.methods, self.list.currentRow())

    @slot
    def _enable(self, _row: int = 0) -> None:
        row, last = self.list.currentRow(), self.list.count() - 1
        self.up.setEnabled(row > 0)
        self.down.setEnabled(0 <= row < last)
        self.remove.setEnabled(row >= 0 and self.methods != [NOTHING])

    @slot
    def _read(self) -> None:
        """Take the chain from the text, when it was changed."""
        if self.text.text() != self._last:
            self._change(self.text.text(), 0)

    def _methods(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for group, methods in GROUPS.items():
            menu.addAction(group).setEnabled(False)  # a section's heading would not show in napari's style
            _add_actions(menu, ((f"    {one}", about(one), one) for one in methods), self.add)
        return menu

    def _presets(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        presets = ((name, chain, chain) for name, chain in PRESETS.items())
        _add_actions(menu, presets, lambda chain: setattr(self, "value", chain))
        return menu


def about(method: str) -> str:
    """Say what a method does, and what Gwyddion and SPIEPy call it."""
    known = METHODS[method]
    called = {"Gwyddion": known.gwyddion, "SPIEPy": known.spiepy}
    lines = [f"{program}: {name}" for program, name in called.items() if name]
    return "\n".join([f"{method}: {known.help}", *lines])


def _add_actions(menu: QMenu, actions: Iterable[tuple[str, str, str]], do: Callable[[str], Any]) -> None:
    """Add actions to a menu: text and tooltip of each, and what ``do`` is called with."""
    for text, tip, value in actions:
        action = menu.addAction(text)
        action.setToolTip(tip)
        action.triggered.connect(guarded(lambda _=False, value=value: do(value)))
