"""The page Results of the Batch widget: what became of every scan of a job, and what opens from there."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QCheckBox, QLabel, QLineEdit, QMenu, QWidget
from superqt.utils import create_worker

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.structures_page import PAGE
from napari_stmml.viewer.batch.form import JobForm
from napari_stmml.viewer.batch.layers import BatchLayers
from napari_stmml.viewer.batch.results import JobResults, Result, Results, read_results
from napari_stmml.viewer.batch.table import ResultsTable
from napari_stmml.viewer.shared.panel import button, column_of, delayed, row_of, wrapped
from napari_stmml.viewer.shared.slots import guarded, slot

SHOW_MS = 300  # between two updates of the table, longer where that takes long
GO_ON = "everything done is kept, and Start goes on where it was"
KEEP = "keep the selected scans in the next run although a limit would leave them out"


class ResultsPage(QWidget):
    """A table of results, filled while a job runs; opens scans with labels, the report and the folder.

    ``counted`` emits the number of results whenever the table is updated.
    """

    counted = Signal(int)

    def __init__(self, viewer: Any, form: JobForm, say: Callable[..., None]) -> None:
        super().__init__()
        self.results = Results()
        self.job: JobFile | None = None
        self.report: Path | None = None
        self._form, self._say = form, say
        self._layers = BatchLayers(viewer)
        self._reading: Any = None  # the thread that reads what a job has done
        self._update = delayed(self, SHOW_MS, self._show)
        self._lay_out()
        self._update_buttons()

    def _lay_out(self) -> None:
        self.table, self.filter = ResultsTable(), QLineEdit()
        self.table.opened.connect(self.open)
        self.table.selectionModel().selectionChanged.connect(guarded(lambda *_: self._update_buttons()))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.filter.setPlaceholderText("filter: part of a name, skipped, FU, labelled …")
        self.filter.setAccessibleName("filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.table.filter)
        self.summary = wrapped("summary of the ingest report")
        tip = "open the scan and its label map (double-click, or Enter)"
        self.open_button = button("Open", tip, lambda: self.open(self.table.chosen[0]))
        self.keep_button = button("Keep anyway", KEEP, self.keep_anyway)
        tip = "which scans were taken and which were not, with pictures, in the browser"
        self.report_button = button("Report", tip, self.show_report)
        tip = "every object of all scans, by type, in the browser"
        self.structures_button = button("Structures", tip, self.show_structures)
        self.folder_button = button("Folder", "every file that the job has made", self.show_folder)
        self.open_report = QCheckBox("Open the report at the end")
        self.open_report.setChecked(True)
        include = self._form.fields["include"]
        names = QLabel("Scans to keep anyway, one a line:")
        names.setToolTip(include.tooltip)
        column_of(
            self,
            *(self.filter, self.table, self.summary),
            row_of(self.open_button, self.keep_button),
            row_of(self.report_button, self.structures_button, self.folder_button),
            *(self.open_report, names, include.native),
        )

    def begin(self) -> None:
        """Begin a run: failures and the report of an earlier one are of the past."""
        self.results.begin()
        self.report = None

    def close_layers(self) -> None:
        """Open and show nothing that is still being read: the panel has gone."""
        self._layers.closed = True

    def show_soon(self) -> None:
        """Update the table in a moment."""
        if not self._update.isActive():
            self._update.start()

    def show_summary(self, line: str, report: Path | None) -> None:
        """Show the line of a report, and offer the report."""
        self.summary.setText(line)
        self.report = report

    def look_at(self, job: JobFile, *, running: bool, write: bool = False, opens: bool = False) -> None:
        """Read in a thread what a job has done so far, and show it; ``write``, ``opens``: its report."""
        if self.job is None or self.job.folder != job.folder:
            self.results = Results()
        self.job = job
        self.results.mark()

        def done(read: JobResults) -> None:
            if self._reading is reading and not self._layers.closed:
                self.results.fill(read.results)
                if not running:
                    self.show_summary(read.summary, read.report)
                self._show()
                if opens:
                    self.show_report()

        def failed(error: Exception) -> None:
            if self._reading is reading and not self._layers.closed:
                self._say(str(error), wrong=True)

        connect = {"returned": guarded(done), "errored": guarded(failed)}
        reading = self._reading = create_worker(
            read_results, job, write, _connect=connect, _start_thread=False
        )
        reading.start()
        self._show()

    @slot
    def open(self, result: Result) -> None:
        """Open a direction and its label map; where they are open already, choose them."""
        if not result.direction:
            self._say(result.why or f"{result.name}: {GO_ON}")
            return
        self._say(f"opening {result.name} …")
        self._layers.open(result, self._say)

    def keep_anyway(self) -> None:
        """Keep the selected scans in the next run although a limit would leave them out."""
        names = [result.keepable for result in self.table.chosen if result.keepable]
        for name in names:
            self._form.keep_anyway(name)
        if names:
            self._say(f"{', '.join(names)}: the next Start keeps {'it' if len(names) == 1 else 'them'}")
        else:
            self._say("choose a row that a limit has left out; a file that cannot be read cannot be kept")

    def show_report(self) -> None:
        """Open the ingest report in the browser."""
        if self.report is not None:
            self._show_outside(self.report)

    def show_structures(self) -> None:
        """Open the page of structures in the browser."""
        if (page := self._structures()) is not None:
            self._show_outside(page)

    def _structures(self) -> Path | None:
        """Return the page of structures of the job, if it has one."""
        page = None if self.job is None else self.job.folder / "structures" / PAGE
        return page if page is not None and page.is_file() else None

    def show_folder(self) -> None:
        """Open the folder with everything that the job has made."""
        if self.job is not None:
            self._show_outside(self.job.folder)

    def _show_outside(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._say(f"no program here opens {path}")

    @slot
    def _show(self) -> None:
        began = time.perf_counter()
        self.table.show_results(self.results)
        self._update.setInterval(max(SHOW_MS, round(20_000 * (time.perf_counter() - began))))
        self.counted.emit(len(self.table.rows.every))
        self._update_buttons()

    def _update_buttons(self) -> None:
        chosen = self.table.chosen
        self.open_button.setEnabled(len(chosen) == 1)
        self.keep_button.setEnabled(any(result.keepable for result in chosen))
        self.report_button.setEnabled(self.report is not None)
        self.structures_button.setEnabled(self._structures() is not None)
        self.folder_button.setEnabled(self.job is not None and self.job.folder.is_dir())

    @slot
    def _show_menu(self, place: Any) -> None:
        menu = QMenu(self.table)
        for one in (self.open_button, self.keep_button):
            menu.addAction(one.text(), one.click).setEnabled(one.isEnabled())
        menu.exec(self.table.viewport().mapToGlobal(place))
