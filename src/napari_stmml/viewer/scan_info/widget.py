"""The Scan info widget: all that was set while the active layer's scan was recorded, as a table."""

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QLineEdit, QShortcut, QTreeWidget, QTreeWidgetItem
from superqt.utils import create_worker

from napari_stmml.io.formats import is_scan_file, read_settings
from napari_stmml.io.settings import DERIVED, OTHER, FileSettings, Row
from napari_stmml.text import counted
from napari_stmml.viewer.io.levelling import LEVELLINGS, level_layer, levelling_of
from napari_stmml.viewer.scan_info.beside import Beside
from napari_stmml.viewer.scan_info.layer_settings import layer_rows, source_of
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.panel import Panel, button, row_of, show_row
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import lasting_layers, watch

HEADINGS = ("Setting", "Value")
COPIED = ("setting", "value", "exact value", "unit", "from", "name in the file")
MOST_FILES = 64  # whose settings are kept: a tenth of a megabyte each
WATCHED = ("scale", "units", "name", "metadata", "data")  # events of the layer that change the table
ROW = Qt.ItemDataRole.UserRole


class ScanInfoWidget(Panel):
    """Show what the layer, its file and its parameter file say; changes no layer."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layer = ComboBox(label="Layer", choices=self._layers, tooltip="follows the active layer")
        self._choices.append(self.layer)
        tip = "what this layer shows; recipes, chains and measurements take the recorded heights in any case"
        self.heights = ComboBox(label="Heights", choices=list(LEVELLINGS), tooltip=tip)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("filter: bias, delay, derived …")
        self.filter.setAccessibleName("filter")
        self.filter.setClearButtonEnabled(True)
        tip = "copy the selected rows, or all that are shown, as a table for a spreadsheet"
        self.copy = button("Copy", tip, self.copy_rows)
        self.table = _tree()
        self.beside = Beside(self.viewer, self.say)
        self.form(self.layer, self.heights)
        self.add(self.beside)
        self.add(row_of(self.filter, self.copy))
        self.column.addWidget(self.table, 1)
        self.add(self.status)
        self._read: dict[str, FileSettings] = {}  # by the path of the scan's file
        self._folded = {OTHER}  # groups
        self._watched: Any = None
        self._following = False  # the active layer, while the panel is seen
        self.layer.changed.connect(self.refresh)
        self.heights.changed.connect(self._level)
        self.filter.textChanged.connect(self._filter_rows)
        self.table.itemCollapsed.connect(guarded(lambda group: self._fold(group, True)))
        self.table.itemExpanded.connect(guarded(lambda group: self._fold(group, False)))
        self.viewer.layers.selection.events.active.connect(self._follow)
        keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        keys.setContext(Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self.copy_rows)
        self.reset_choices()

    @slot
    def refresh(self, event: Any = None) -> None:
        """Show the chosen layer as it is now; read its file in a thread where that was not done yet."""
        layer = self.layer.value
        if layer != self._watched:
            watch(self._watched, layer, WATCHED, self.refresh)
            self._watched = layer
        self._show_levelling(layer)
        self.beside.show_layer(layer)
        if layer is None:
            self._fill([])
            self.say(NO_SCAN)
            return
        source = source_of(layer)
        known = self._read.get(source)
        self._fill([*layer_rows(layer), *(known.rows() if known is not None else ())])
        if known is not None:
            self._say_count()
        elif not is_scan_file(source):
            self.say("This layer comes from no file of a microscope: only its own settings are known.")
        elif self._following:
            self._read_file(source)

    @slot
    def copy_rows(self) -> None:
        """Put the selected rows, or all that are shown, on the clipboard, separated by tabs."""
        shown = [item for item in self.items() if not item.isHidden()]
        chosen = [item for item in shown if item.isSelected()] or shown
        lines = [COPIED, *(_cells(item.data(0, ROW)) for item in chosen)]
        QApplication.clipboard().setText("\n".join("\t".join(cells) for cells in lines) + "\n")
        self.say(f"{counted(len(chosen), 'row')} copied")

    def items(self) -> list[QTreeWidgetItem]:
        """Return the rows of the table, those that are hidden too."""
        return [group.child(i) for group in self._groups() for i in range(group.childCount())]

    @slot
    def showEvent(self, event: Any) -> None:
        """Catch up with the active layer."""
        super().showEvent(event)
        self._following = True
        self._follow()
        self.refresh()

    @slot
    def hideEvent(self, event: Any) -> None:
        """Leave the choice as it is while the panel is not seen."""
        super().hideEvent(event)
        self._following = False

    @slot
    def _follow(self, event: Any = None) -> None:
        """Choose the active layer where it can be shown; else the choice stays."""
        active = self.viewer.layers.selection.active
        if self._following and active is not None and active != self.layer.value:
            self.layer.reset_choices()
            if active in self.layer.choices:
                self.layer.value = active

    @slot
    def _level(self) -> None:
        """Let the layer show its heights as they were chosen."""
        if self.layer.value is not None:
            level_layer(self.layer.value, self.heights.value)

    def _show_levelling(self, layer: Any) -> None:
        how = levelling_of(layer) if isinstance(layer, Image) else ""
        show_row(self.heights, bool(how))
        if how:
            with self.heights.changed.blocked():
                self.heights.choices = list(dict.fromkeys([*LEVELLINGS, how]))  # Predict knows another one
                self.heights.value = how

    def _read_file(self, source: str) -> None:
        def done(found: FileSettings) -> None:
            self._read[source] = found
            while len(self._read) > MOST_FILES:
                self._read.pop(next(iter(self._read)))
            if source == source_of(self.layer.value):
                self.refresh()

        def failed(error: Exception) -> None:
            if source == source_of(self.layer.value):
                self.say(f"{str(error).rstrip('.')}. What the layer itself knows is shown.")

        self.say(f"reading the settings of {Path(source).name} …")
        create_worker(
            read_settings, source, _connect={"returned": guarded(done, self.say), "errored": guarded(failed)}
        )

    def _fill(self, rows: list[Row]) -> None:
        """Put rows in the table, group by group, and leave it folded and scrolled as it was."""
        bar = self.table.verticalScrollBar()
        place = bar.value()
        self.table.clear()
        groups: dict[str, QTreeWidgetItem] = {}
        for row in rows:
            if row.group not in groups:
                groups[row.group] = _group(self.table, row.group)
            groups[row.group].addChild(_item(row))
        self._filter_rows()
        bar.setValue(place)

    def _fold(self, group: QTreeWidgetItem, folded: bool) -> None:
        if not self.filter.text().strip():  # with a filter, every group that matches is unfolded
            (self._folded.add if folded else self._folded.discard)(group.text(0))

    @slot
    def _filter_rows(self) -> None:
        """Hide the rows in which not all words of the filter stand, and groups without rows."""
        words = self.filter.text()
        for item in self.items():
            item.setHidden(not item.data(0, ROW).matches(words))
        for group in self._groups():
            group.setHidden(all(group.child(i).isHidden() for i in range(group.childCount())))
            group.setExpanded(bool(words.strip()) or group.text(0) not in self._folded)
        if source_of(self.layer.value) in self._read:
            self._say_count()

    def _say_count(self) -> None:
        hidden = [item.isHidden() for item in self.items()]
        total = counted(len(hidden), "setting")
        known = f"{hidden.count(False)} of {total} match" if any(hidden) else total
        self.say(f"{known}; in italics: derived")

    def _groups(self) -> list[QTreeWidgetItem]:
        return [self.table.topLevelItem(i) for i in range(self.table.topLevelItemCount())]

    def _layers(self, _widget: Any = None) -> list[Any]:
        return lasting_layers(self.viewer, Image, Labels)


def _cells(row: Row) -> tuple[str, ...]:
    """Return a row for a spreadsheet: one line, whatever an operator noted."""
    unit = "" if row.setting.unit == "--" else row.setting.unit
    cells = (row.label, row.text, row.setting.value, unit, row.where, row.setting.name)
    return tuple(" ".join(str(cell).split()) for cell in cells)


def _tree() -> QTreeWidget:
    """Make the empty table."""
    tree = QTreeWidget()
    tree.setColumnCount(len(HEADINGS))
    tree.setHeaderLabels(HEADINGS)
    tree.setAccessibleName("settings")
    tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
    tree.setUniformRowHeights(True)
    tree.setIndentation(10)
    tree.setMinimumHeight(240)
    tree.setColumnWidth(0, 152)
    tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # tooltips have the whole text
    return tree


def _group(tree: QTreeWidget, name: str) -> QTreeWidgetItem:
    group = QTreeWidgetItem(tree, [name])
    group.setFirstColumnSpanned(True)
    group.setFlags(Qt.ItemFlag.ItemIsEnabled)
    font = group.font(0)
    font.setBold(True)
    group.setFont(0, font)
    return group


def _item(row: Row) -> QTreeWidgetItem:
    item = QTreeWidgetItem([row.label, row.text or "-"])
    item.setData(0, ROW, row)
    how = f": {row.setting.how}" if row.setting.how else ""
    about = f"{row.setting.name or row.label} = {row.setting.exact}\n{row.where}{how}"
    font = item.font(1)
    font.setItalic(row.where == DERIVED)
    item.setFont(1, font)
    for column in range(len(HEADINGS)):
        item.setToolTip(column, plain_tip(about))
    return item
