"""The Browse widget: the scans of a folder as thumbnails, to filter, and to open one after the other."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QGridLayout, QLineEdit, QPushButton
from superqt.utils import create_worker, signals_blocked

from napari_stmml.scan import DIRECTIONS
from napari_stmml.text import counted
from napari_stmml.viewer.browse.gallery import ScanGallery
from napari_stmml.viewer.browse.library import ORDERS, Item, look_through, read_item
from napari_stmml.viewer.browse.opening import PINNED, OneScan, Wanted
from napari_stmml.viewer.browse.panels import PANELS, choose_in
from napari_stmml.viewer.io.ask_scale import ask_scale
from napari_stmml.viewer.io.levelling import LEVELLINGS, level_layer
from napari_stmml.viewer.io.placement import pixel_size_nm
from napari_stmml.viewer.io.preferences import preferences
from napari_stmml.viewer.shared.panel import Panel, button, delayed, form_of, row_of
from napari_stmml.viewer.shared.slots import guarded, slot

FILTER_TIP = (
    "Words that a scan has in its name, folder, date or state (complete, partial, predicted, corrected, left"
    " out); -word: that it has not. Comparisons: bias<-1, size>=20 (nm), setpoint<100 (pA), rows>300,"
    " date>=2024-01-31"
)
HEIGHTS_TIP = (
    "how scans are shown from now on; recipes and measurements take the recorded heights in any case"
)
MOST_FOR_PANELS = 60  # scans that are opened together


class BrowseWidget(Panel):
    """List a folder, show one scan at a time, and give a selection to the other panels."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.folder = self.file("Folder", mode="d", nullable=True, tooltip="with all scans below it")
        self.folder.line_edit.native.setPlaceholderText("choose a folder, or drop one on napari")
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("filter: bias<0 size>=20 complete -corrected")
        self.filter.setToolTip(FILTER_TIP)
        self.filter.setAccessibleName("filter")
        self.filter.setClearButtonEnabled(True)
        self.order = ComboBox(label="Order", choices=list(ORDERS))
        self.direction = ComboBox(
            label="Show", choices=list(DIRECTIONS), tooltip="direction of all thumbnails"
        )
        self.heights = ComboBox(label="Heights", choices=list(LEVELLINGS), tooltip=HEIGHTS_TIP)
        self.heights.value = preferences().heights
        self.gallery = ScanGallery()
        self.scans = self.gallery.scans
        self.one = OneScan(self.viewer, self.say)
        self.one.setParent(self)
        pixel_size_nm(
            {"scale": (1.0, 1.0), "units": ("nm", "nm")}
        )  # reads all units, once, before a scan opens
        self.results: list[Path] = []  # further folders with label maps
        self._paths: list[Path] = []
        self._listing: Any = None  # worker
        self._row = -1  # that is opened next
        self._soon = delayed(self, 60, self._open_row)
        self._sort_soon = delayed(self, 250, self._arrange)
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()

    @slot
    def showEvent(self, event: Any) -> None:
        """Import what napari's first Image layer would stop the window for."""
        super().showEvent(event)
        threading.Thread(target=import_module, args=("scipy.ndimage",), daemon=True).start()

    @slot
    def dragEnterEvent(self, event: Any) -> None:
        """Take files and folders: dropped here, napari does not ask which reader is to list them."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    @slot
    def dropEvent(self, event: Any) -> None:
        """List what is dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.show_paths(paths)

    def show_paths(self, paths: Sequence[str | Path]) -> None:
        """List the scans of folders, sessions and files in place of those before."""
        self._paths = [Path(path) for path in paths]
        only = self._paths[0] if len(self._paths) == 1 else None
        if only is not None and only.is_dir():
            with self.folder.changed.blocked():
                self.folder.value = only
            self._save(folder=str(only))
        self._stop()
        self.scans.show([])
        self.say("looking for scans …")
        wait = partial(getattr, self.scans.thumbnails, "busy")
        listing = self._listing = create_worker(
            look_through, self._paths, self.results, wait, _start_thread=False
        )

        def take(items: list[Item]) -> None:
            if self._listing is listing:
                self._take(items)

        def end() -> None:
            if self._listing is listing:
                self._listed()

        listing.yielded.connect(guarded(take, self.say))
        listing.finished.connect(guarded(end, self.say))
        listing.start()

    @property
    def busy(self) -> bool:
        """Whether files are listed, drawn or opened."""
        return self._listing is not None or self.scans.thumbnails.busy or self.one.busy

    def open(self, row: int) -> None:
        """Show the scan of a row of the gallery in the place of the one before."""
        item = self.scans.item(row)
        if item.problem.startswith("No scale") and ask_scale(item.file):
            item = read_item(replace(item, problem=""))
            self.scans.update([item])
        if item.problem:
            self.say(item.problem, wrong=True)
        else:
            self.one.open(item.file, self.scans.direction)

    def open_in(self, panel: str) -> None:
        """Open a panel with the scans that are selected; each is in a layer of its own, and one is seen."""
        chosen = [item for item in self.gallery.chosen if not item.problem]
        if panel == "Batch":
            choose_in(self.viewer, panel, [], [item.file for item in chosen], self._paths)
            return
        if not chosen:
            raise ValueError("select the scans first: Ctrl-click or Shift-click chooses several")
        if len(chosen) > MOST_FOR_PANELS:
            raise ValueError(
                f"{len(chosen)} scans are selected, and at most {MOST_FOR_PANELS} are opened together:"
                " Batch takes any number"
            )
        self.say(f"opening {counted(len(chosen), 'scan')} …")

        def done(layers: list[Any]) -> None:
            choose_in(self.viewer, panel, layers, [], [])
            self.say(f"{counted(len(layers), 'scan')} open in {panel}")

        self.one.open_all([Wanted(item.file, self.scans.direction) for item in chosen], done)

    def on_close(self) -> None:
        """List and draw no more."""
        self._stop()
        self.scans.thumbnails.forget()

    def _lay_out(self) -> None:
        tip = "keep the scan that is seen in the list of layers when another one is opened"
        self.pin = QPushButton("Pin")
        self.pin.setCheckable(True)
        self.pin.setToolTip(tip)
        more = "look for label maps, truths and folders of jobs in another folder, too"
        self.more = button("Results in…", more, self._ask_results)
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, name in enumerate(PANELS):
            made = button(name, f"open the selected scans in {name}", partial(self._open_in, name))
            grid.addWidget(made, number // 3, number % 3)
        self.form(self.folder)
        self.add(self.filter, row_of(form_of(self.order), form_of(self.direction)))
        self.column.addWidget(self.gallery, 1)
        self.add(self.status, row_of(form_of(self.heights), self.pin, self.more))
        self.column.addLayout(grid)

    def _connect(self) -> None:
        self.folder.changed.connect(guarded(self._show_folder, self.say))
        self.filter.textChanged.connect(self._sort_soon.start)
        self.order.changed.connect(self._arrange)
        self.direction.changed.connect(self._look_at)
        self.heights.changed.connect(self._level)
        self.pin.toggled.connect(guarded(self.one.keep))
        self.gallery.opened.connect(guarded(self.open, self.say))
        self.gallery.visited.connect(self._visit)
        self.gallery.selection_changed.connect(self._say_count)
        self.one.shown.connect(self._mark)

    def _show_folder(self, folder: Path | None) -> None:
        if folder is not None and Path(folder).is_dir():
            self.show_paths([folder])

    def _open_in(self, name: str) -> None:
        self.attempt(partial(self.open_in, name))

    def _ask_results(self) -> None:
        from qtpy.QtWidgets import QFileDialog

        folder = QFileDialog.getExistingDirectory(self, "Folder of label maps, truths or jobs")
        if folder:
            self.results = [Path(folder)]
            if self._paths:
                self.show_paths(self._paths)

    def _stop(self) -> None:
        if self._listing is not None:
            self._listing.quit()
            self._listing = None

    def _take(self, items: list[Item]) -> None:
        """Take what the thread has found out: all files first, then what they say."""
        if not self.scans.items:
            self.scans.show(items)
        else:
            self.scans.update(items)
            if (self.filter.text() or self.order.value != ORDERS[0]) and not self._sort_soon.isActive():
                self._sort_soon.start()
        self._say_count()

    @slot
    def _visit(self, row: int) -> None:
        """Open what an arrow has reached, if scans are opened: with a key held down, the last one alone."""
        if self.scans.open_file is not None and self.one.seen is not None:
            self._row = row
            self._soon.start()

    @slot
    def _open_row(self) -> None:
        if 0 <= self._row < self.scans.rowCount():
            self.open(self._row)

    @slot
    def _mark(self, file: Path) -> None:
        self.scans.mark_open(file)
        with signals_blocked(self.pin):
            self.pin.setChecked(bool(self.one.seen is not None and self.one.seen.metadata.get(PINNED)))

    @slot
    def _arrange(self) -> None:
        self.scans.arrange(self.filter.text(), self.order.value)
        self._say_count()

    @slot
    def _look_at(self) -> None:
        self.scans.look_at(self.direction.value)
        self._arrange()

    @slot
    def _level(self) -> None:
        self._save(heights=self.heights.value)
        if self.one.seen is not None and self.one.seen in self.one.viewer.layers:
            level_layer(self.one.seen, self.heights.value)

    def _save(self, **what: Any) -> None:
        replace(preferences(), **what).save()

    @slot
    def _say_count(self) -> None:
        total, shown = len(self.scans.items), self.scans.rowCount()
        chosen = len(self.gallery.selectionModel().selectedIndexes())
        said = [counted(total, "scan")] if shown == total else [f"{shown} of {counted(total, 'scan')}"]
        said += [f"{chosen} selected"] if chosen > 1 else []
        said += ["reading …"] if self._listing is not None else []
        self.say(", ".join(said))

    def _listed(self) -> None:
        self._listing = None
        self._arrange()
        without = sum(bool(item.problem) for item in self.scans.items)
        if without:
            self.say(f"{self.status.text()}; {without} cannot be read: move the mouse over them to see why")
