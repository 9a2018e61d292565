"""The Scan info widget: all that was set while the active layer's scan was taken, as a table."""

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QShortcut,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
)
from superqt.utils import create_worker

from napari_stmml.io.formats import is_scan_file, read_settings
from napari_stmml.io.settings import DERIVED, OTHER, FileSettings, Row, Setting, for_people
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import KEY, pixel_size_nm
from napari_stmml.viewer.shared.panel import Panel

LAYER = "This layer"
HEADINGS = ("Setting", "Value")
COPIED = ("setting", "value", "exact value", "unit", "from", "MATRIX name")
MOST_FILES = 64  # whose settings are kept: a tenth of a megabyte each
WATCHED = ("scale", "units", "name", "metadata", "data")
ROW = Qt.ItemDataRole.UserRole


class ScanInfoWidget(Panel):
    """Show what the layer, its file and its parameter file say; changes no layer."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.layer = ComboBox(label="Layer", choices=self._layers, tooltip="follows the active layer")
        self._choices.append(self.layer)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("filter: bias, delay, derived …")
        self.filter.setAccessibleName("filter")
        self.filter.setClearButtonEnabled(True)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("the selected rows, or all that are shown, as a table for a spreadsheet")
        self.table = _tree()
        self.form(self.layer)
        line = QHBoxLayout()
        line.addWidget(self.filter)
        line.addWidget(self.copy)
        self.column.addLayout(line)
        self.column.addWidget(self.table, 1)
        self.column.addWidget(self.status)
        self._read: dict[str, FileSettings] = {}
        self._folded = {OTHER}
        self._asked = 0
        self._following = False
        self._watched: Any = None
        self.layer.changed.connect(self.refresh)
        self.filter.textChanged.connect(self._show_matching)
        self.copy.clicked.connect(self.copy_rows)
        keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        keys.setContext(Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self.copy_rows)
        self.reset_choices()

    def refresh(self, event: Any = None) -> None:
        """Show the chosen layer as it is now; read its file in a thread where that was not done yet."""
        self._asked += 1
        layer = self.layer.value
        self._watch(layer)
        if layer is None:
            self._fill([])
            self.say("Open a scan first: drop a .Z_mtrx file on the window.")
            return
        rows, source = layer_rows(layer), source_of(layer)
        known = self._read.get(source)
        if known is not None:
            self._show(rows, known)
            return
        self._fill(rows)
        if not is_scan_file(source):
            self.say("This layer comes from no file of a microscope: only its own settings are known.")
        elif self.isVisible():
            self._start(rows, source)

    def copy_rows(self) -> None:
        """Put the selected rows, or all that are shown, on the clipboard, separated by tabs."""
        shown = [item for item in self._items() if item.data(0, ROW) is not None and not item.isHidden()]
        chosen = [item for item in shown if item.isSelected()] or shown
        lines = [COPIED, *(_cells(item.data(0, ROW)) for item in chosen)]
        QApplication.clipboard().setText("\n".join("\t".join(cells) for cells in lines) + "\n")
        self.say(f"{len(chosen)} rows copied")

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; with the last layer goes its table."""
        super().reset_choices(event)
        if self.layer.value is None:  # a ComboBox does not tell when its last choice goes
            self.refresh()

    def showEvent(self, event: Any) -> None:
        """Follow the active layer while the panel is seen."""
        super().showEvent(event)
        if not self._following:
            self.viewer.layers.selection.events.active.connect(self._follow)
            self._following = True
        self._follow()
        self.refresh()

    def hideEvent(self, event: Any) -> None:
        """Leave the viewer alone while the panel is not seen."""
        super().hideEvent(event)
        self._asked += 1
        if self._following:
            self.viewer.layers.selection.events.active.disconnect(self._follow)
            self._following = False

    def _follow(self, event: Any = None) -> None:
        """Choose the active layer where it can be shown; else what was chosen stays."""
        active = self.viewer.layers.selection.active
        if active is not None and active != self.layer.value:
            self.layer.reset_choices()
            if active in self.layer.choices:
                self.layer.value = active

    def _watch(self, layer: Any) -> None:
        """Be told when the layer is calibrated or renamed, and the one before no more."""
        if layer == self._watched:
            return
        for one, change in ((self._watched, "disconnect"), (layer, "connect")):
            for name in WATCHED if one is not None else ():
                getattr(getattr(one.events, name), change)(self.refresh)
        self._watched = layer

    def _start(self, rows: list[Row], source: str) -> None:
        asked = self._asked

        def done(found: FileSettings) -> None:
            self._read[source] = found
            while len(self._read) > MOST_FILES:
                self._read.pop(next(iter(self._read)))
            if asked == self._asked:
                self._show(rows, found)

        def failed(error: Exception) -> None:
            if asked == self._asked:
                self.say(f"{str(error).rstrip('.')}. What the layer itself knows is shown.")

        self.say(f"reading the settings of {Path(source).name} …")
        create_worker(read_settings, source, _connect={"returned": done, "errored": failed})

    def _show(self, rows: list[Row], found: FileSettings) -> None:
        self._fill([*rows, *found.rows()])
        self._count()

    def _fill(self, rows: list[Row]) -> None:
        """Put rows in the table, group by group, and leave it folded and scrolled as it was."""
        bar = self.table.verticalScrollBar()
        place = bar.value()
        self._remember_folds()
        self.table.clear()
        groups: dict[str, QTreeWidgetItem] = {}
        for row in rows:
            if row.group not in groups:
                groups[row.group] = self._group(row.group)
            groups[row.group].addChild(_item(row))
        self._show_matching()
        bar.setValue(place)

    def _group(self, name: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem(self.table, [name])
        group.setFirstColumnSpanned(True)
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        group.setExpanded(name not in self._folded)
        return group

    def _remember_folds(self) -> None:
        if self.table.property("filtered"):  # everything that matches is unfolded then
            return
        for group in map(self.table.topLevelItem, range(self.table.topLevelItemCount())):
            (self._folded.discard if group.isExpanded() else self._folded.add)(group.text(0))

    def _show_matching(self) -> None:
        """Hide the rows in which not all words of the filter stand, and groups without rows."""
        words = self.filter.text()
        self._remember_folds()
        self.table.setProperty("filtered", bool(words.strip()))
        for group in map(self.table.topLevelItem, range(self.table.topLevelItemCount())):
            for item in map(group.child, range(group.childCount())):
                item.setHidden(not item.data(0, ROW).matches(words))
            group.setHidden(all(group.child(i).isHidden() for i in range(group.childCount())))
            group.setExpanded(bool(words.strip()) or group.text(0) not in self._folded)
        if source_of(self.layer.value) in self._read:
            self._count()

    def _count(self) -> None:
        rows = [item for item in self._items() if item.data(0, ROW) is not None]
        shown = sum(not item.isHidden() for item in rows)
        known = f"{len(rows)} settings" if shown == len(rows) else f"{shown} of {len(rows)} settings match"
        self.say(f"{known}; slanted: derived")

    def _items(self) -> list[QTreeWidgetItem]:
        walk = QTreeWidgetItemIterator(self.table)
        items = []
        while walk.value() is not None:
            items.append(walk.value())
            walk += 1
        return items

    def _layers(self, _widget: Any = None) -> list[Any]:
        from napari.layers import Image, Labels

        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, (Image, Labels)) and "stmml_passing" not in layer.metadata
        ]


def source_of(layer: Any) -> str:
    """Return the path of the file that a layer came from, as its metadata say; empty where they do not."""
    known = {} if layer is None else layer.metadata.get(KEY)
    return str(known.get("source") or "") if isinstance(known, dict) else ""


def layer_rows(layer: Any) -> list[Row]:
    """Return what a layer knows without its file: its scan's settings, its size and its scale now."""
    known = layer.metadata.get(KEY)
    known = known if isinstance(known, dict) else {}
    shape = tuple(layer.data.shape)
    rows = [_own("Name", str(layer.name))]
    for key, label in (("direction", "Direction"), ("channel", "Channel")):
        if known.get(key):
            rows.append(_own(label, str(known[key]), key))
    if known.get("bias") is not None:
        rows.append(_own("Bias", for_people(float(known["bias"]), "Volt"), "bias", known["bias"], "V"))
    if known.get("setpoint") is not None:
        text = for_people(known["setpoint"] * 1e-9, "Ampere")
        rows.append(_own("Setpoint", text, "setpoint", known["setpoint"], "nA"))
    rows += [_own("Rows x columns", " x ".join(map(str, shape))), *_scale_rows(layer, shape)]
    if known.get("direction"):
        scan = Scan.from_settings([[0.0]], {**known, "pixel_size": None})  # type: ignore[arg-type]
        rows.append(_own("Angle", for_people(scan.angle, "Degree"), "angle", scan.angle, "deg"))
        offset = ", ".join(for_people(nm * 1e-9, "Meter") for nm in scan.offset)
        rows.append(_own("Offset, x and y", offset, "offset", list(scan.offset), "nm"))
        if scan.taken is not None:
            taken = f"{scan.taken:%Y-%m-%d %H:%M} UTC"
            rows.append(_own("Taken", taken, "taken", scan.taken.isoformat()))
        rows.append(_own("History", ", ".join(scan.history) or "as it was read", "history"))
    if source_of(layer):
        rows.append(_own("File", Path(source_of(layer)).name, "source", source_of(layer)))
    return rows


def _scale_rows(layer: Any, shape: tuple[int, ...]) -> list[Row]:
    """Say how large the layer is by its scale and units, which a person may have changed."""
    size = pixel_size_nm({"scale": layer.scale, "units": layer.units})
    if size is None:
        scale = " x ".join(f"{float(one):g}" for one in layer.scale)
        return [_own("Scale", f"{scale} ({', '.join(map(str, layer.units))})")]
    per_nm = [1 / nm for nm in size]
    tall, wide = (n * nm for n, nm in zip(shape[-2:], size, strict=True))
    sides, density = (" x ".join(dict.fromkeys(f"{one:.4g}" for one in each)) for each in (size, per_nm))
    return [
        _own("Height x width", f"{tall:.4g} x {wide:.4g} nm", "", [tall, wide], "nm"),
        _own("Pixel size", f"{sides} nm/px", "pixel_size", list(size), "nm/px"),
        _own("Pixel density", f"{density} px/nm", "", per_nm, "px/nm"),
    ]


def _own(label: str, text: str, key: str = "", exact: Any = None, unit: str = "") -> Row:
    return Row(LAYER, label, text, "layer", Setting(key, text if exact is None else exact, unit))


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
    tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    tree.setUniformRowHeights(True)
    tree.setIndentation(10)
    tree.setMinimumHeight(240)
    tree.setColumnWidth(0, 152)
    tree.header().setStretchLastSection(True)
    tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # tooltips say all
    return tree


def _item(row: Row) -> QTreeWidgetItem:
    item = QTreeWidgetItem([row.label, row.text or "-"])
    item.setData(0, ROW, row)
    how = f": {row.setting.how}" if row.setting.how else ""
    tip = f"{row.setting.name or row.label} = {row.setting.exact}\n{row.where}{how}"
    for column in range(len(HEADINGS)):
        item.setToolTip(column, tip)
    if row.where == DERIVED:
        font = item.font(1)
        font.setItalic(True)
        item.setFont(1, font)
    return item
