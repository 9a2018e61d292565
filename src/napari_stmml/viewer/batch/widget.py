"""The Batch widget: `stmml run` on a folder of scans, and its results to open by a click."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import create_worker

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.report import summary
from napari_stmml.events import (
    BatchDone,
    Clustering,
    Died,
    Ended,
    Event,
    Failed,
    FilesDone,
    FileTaken,
    Finished,
    Message,
    ReportWritten,
    ScanLabelled,
    Skipped,
    TrainingWindows,
)
from napari_stmml.jobs.requests import RunJobFile
from napari_stmml.viewer.batch.form import JobForm, keep
from napari_stmml.viewer.batch.layers import BatchLayers
from napari_stmml.viewer.batch.results import Result, Results, read_results, report_of, write_report
from napari_stmml.viewer.batch.table import ResultsTable
from napari_stmml.viewer.shared.job_panel import JobPanel, time_left

STEPS = {
    "process": "prepare every scan and cut it into windows",
    "train": "train the network on the windows",
    "cluster": "cluster what the network makes of them",
    "predict": "label every scan",
}
SHOW_MS = 300  # between two looks of the table, longer where that takes long
GO_ON = "everything done is kept, and Start goes on where it was"


class BatchWidget(JobPanel):
    """Run a job on a folder in a process of its own; browse what it makes, also while it runs."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Start")
        self.job_form = JobForm(self)
        self.steps = {step: QCheckBox(step) for step in STEPS}
        self.table, self.filter = ResultsTable(), QLineEdit()
        self.open_button, self.force_button = QPushButton("Open"), QPushButton("Force in")
        self.report_button, self.folder_button = QPushButton("Report"), QPushButton("Folder")
        self.open_report = QCheckBox("Open the report at the end")
        self.summary = QLabel("")
        self.tabs = QTabWidget()
        self.tabs.addTab(self._job_page(), "Job")
        self.tabs.addTab(self._results_page(), "Results")
        self.column.addWidget(self.tabs, 1)
        self.add_buttons()
        self.results = Results()
        self.job: JobFile | None = None
        self._report: Path | None = None
        self._began, self._step, self._labelled = 0.0, "", 0
        self._failures: list[str] = []
        self._asked = 0
        self._layers = layers = BatchLayers(napari_viewer)
        self.destroyed.connect(lambda *_: layers.close())
        self._showing = QTimer(self)
        self._showing.setSingleShot(True)
        self._showing.setInterval(SHOW_MS)
        self._showing.timeout.connect(self._show)
        self._connect()
        self._update_buttons()
        self.shared.chain_given.connect(self.take_chain)
        if self.shared.flatten_method is not None:
            self.take_chain(self.shared.flatten_method)

    def take_chain(self, chain: str) -> None:
        """Flatten by this chain, which Prepare was told to use for training."""
        self.job_form.fields["flatten_method"].value = chain

    def load(self, path: str | Path) -> None:
        """Show the job of a job file, and what it has done so far."""
        self.job_form.load(job := JobFile.read(path))
        self.say(f"loaded {Path(path).name}")
        if not self.running:
            self._look_at(job)

    def save(self, path: str | Path) -> None:
        """Write what the form says as a job file."""
        path = Path(path)
        path = path if path.suffix == ".toml" else path.with_name(f"{path.name}.toml")
        keep(self.job_form.job(path.absolute().parent), path)
        self.say(f"wrote {path}")

    def on_start(self) -> None:
        """Write the job file and run it; what is done already is left as it is."""
        steps = tuple(step for step, box in self.steps.items() if box.isChecked())
        if not steps:
            raise ValueError("choose at least one step")
        job = self.job_form.job()
        path = keep(job, job.folder.parent / f"{job.values['job_name']}.toml")
        self._began, self._step, self._labelled, self._failures = time.monotonic(), "", 0, []
        self._report = None
        self.results.begin()
        self.start(RunJobFile(str(path), steps))
        self._look_at(job)
        self.tabs.setCurrentIndex(1)

    def on_event(self, event: Event) -> bool:
        """Show how far the job is, and each scan as it comes."""
        match event:
            case FilesDone():
                self._on_files(event)
            case FileTaken(rows=rows):
                self.results.take(rows)
                self._show_soon()
            case ScanLabelled(labels=labels, source=str(source)):
                self._labelled += 1
                self.results.label(source, labels)
                self._show_soon()
            case Skipped(name, why) if self._step == "predict":
                self._failures.append(why)
                self.results.fail(name, why)
                self._show_soon()
            case TrainingWindows(train=train, validation=held):
                self.say(f"train: {train} windows, {held} to validate; starting …")
            case BatchDone(epoch, epochs=epochs, loss=loss):
                self._step = "train"
                self._measure(event.fraction, 1)
                left = time_left(event.seconds_left)
                self._tell(f"train: epoch {epoch} of {epochs}", f"loss {loss:.3g}", left)
            case Clustering(done, total):
                self._step = "cluster"
                self._measure(done, total)
                self.say(f"cluster: {done} of {total} windows")
            case Message(text):
                self.say(text)
            case ReportWritten(line, html=page):
                self._report = Path(page)
                self.summary.setText(line)
        return False

    def on_end(self, event: Ended) -> None:
        """Say how it ended, and show the report."""
        took = f"{time.monotonic() - self._began:.0f} s"
        if isinstance(event, Finished):
            labelled = f": {self._labelled} directions labelled" if self._labelled else ""
            failed = f"; {len(self._failures)} could not be: {self._failures[0]}" if self._failures else ""
            self.say(f"Done in {took}{labelled}{failed}", wrong=bool(self._failures))
        elif event.cancelled:
            self.say(f"Cancelled; {GO_ON}.")
        elif isinstance(event, Failed):
            kept = f"; {GO_ON}." if isinstance(event, Died) else ""
            self.say(f"Stopped: {event.why}{kept}", wrong=True)
        died = isinstance(event, Died)
        opens = self.open_report.isChecked() and not event.cancelled and bool(self._report or died)
        if self.job is not None:
            self._look_at(self.job, write=not self._report and (died or event.cancelled), opens=opens)

    def on_close(self) -> None:
        """End the process, and listen to no thread any more."""
        super().on_close()
        self._layers.close()

    def show_report(self) -> None:
        """Open the ingest report in the browser."""
        if self._report is not None:
            self._show_outside(self._report)

    def show_folder(self) -> None:
        """Open the folder with everything that the job has made."""
        if self.job is not None:
            self._show_outside(self.job.folder)

    def open(self, result: Result) -> None:
        """Open a direction and its label map; where they are open already, choose them."""
        if not result.direction:
            self.say(result.why or f"{result.name}: {GO_ON}")
            return
        self.say(f"opening {result.name} …")
        self._layers.open(result, self.say)

    def force(self) -> None:
        """Keep the selected scans in the next run although a limit would leave them out."""
        names = [result.forcible for result in self.table.chosen if result.forcible]
        for name in names:
            self.job_form.keep_anyway(name)
        if names:
            self.say(f"{', '.join(names)}: Start takes {'it' if len(names) == 1 else 'them'} in")
        else:
            self.say("choose a row that a limit has left out; what could not be read cannot be forced in")

    # ---- what it looks like

    def _job_page(self) -> QWidget:
        page, column = _page()
        column.addWidget(self.job_form.shown())
        grid = QGridLayout()  # two by two, so that the panel stays narrow
        grid.addWidget(QLabel("Steps"), 0, 0)
        for number, (step, box) in enumerate(self.steps.items()):
            box.setChecked(True)
            box.setToolTip(STEPS[step])
            grid.addWidget(box, number // 2, 1 + number % 2)
        column.addLayout(grid)
        self.load_button, self.save_button = QPushButton("Load job…"), QPushButton("Save job…")
        self.load_button.setToolTip("a job file, as `stmml init` and this widget write it")
        self.save_button.setToolTip("for `stmml run`, or another day")
        column.addLayout(_beside(self.load_button, self.save_button))
        column.addWidget(self.job_form.folded())
        column.addStretch()
        return page

    def _results_page(self) -> QWidget:
        page, column = _page()
        self.filter.setPlaceholderText("filter: part of a name, skipped, FU, labelled …")
        self.filter.setAccessibleName("filter")
        self.filter.setClearButtonEnabled(True)
        column.addWidget(self.filter)
        column.addWidget(self.table, 1)
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.summary.setAccessibleName("summary of the ingest report")
        column.addWidget(self.summary)
        buttons = (self.open_button, self.force_button, self.report_button, self.folder_button)
        tips = (
            "open the scan and its label map (double-click, or Enter)",
            "keep the selected scans in the next run although a limit would leave them out",
            "what was taken in and what was not, with pictures, in the browser",
            "everything that the job has made",
        )
        for button, tip in zip(buttons, tips, strict=True):
            button.setToolTip(tip)
        column.addLayout(_beside(*buttons[:2]))
        column.addLayout(_beside(*buttons[2:]))
        self.open_report.setChecked(True)
        column.addWidget(self.open_report)
        label = QLabel("Force in, by name:")
        label.setToolTip(self.job_form.fields["include"].tooltip)
        self.job_form.fields["include"].native.setAccessibleName("names of scans to keep")
        column.addWidget(label)
        column.addWidget(self.job_form.fields["include"].native)
        return page

    def _connect(self) -> None:
        self.load_button.clicked.connect(self._ask_load)
        self.save_button.clicked.connect(self._ask_save)
        self.filter.textChanged.connect(self.table.filter)
        self.table.opened.connect(self.open)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self.open_button.clicked.connect(lambda: self.open(self.table.chosen[0]))
        self.force_button.clicked.connect(lambda: self.force())
        self.report_button.clicked.connect(lambda: self.show_report())
        self.folder_button.clicked.connect(lambda: self.show_folder())

    def _update_buttons(self) -> None:
        chosen = self.table.chosen
        self.open_button.setEnabled(len(chosen) == 1)
        self.force_button.setEnabled(any(result.forcible for result in chosen))
        self.report_button.setEnabled(self._report is not None)
        self.folder_button.setEnabled(self.job is not None and self.job.folder.is_dir())

    def _menu(self, place: Any) -> None:
        menu = QMenu(self.table)
        for button in (self.open_button, self.force_button):
            menu.addAction(button.text(), button.click).setEnabled(button.isEnabled())
        menu.exec(self.table.viewport().mapToGlobal(place))

    # ---- what it shows

    def _on_files(self, event: FilesDone) -> None:
        step, done, total = event.step, event.done, event.total
        if step == "predict" != self._step and self.job is not None:
            self._look_at(self.job)  # label maps of an older model have been put aside by now
        self._step = step
        self._measure(done, total)
        rate = event.per_second
        pace = f"{rate:.3g} scans/s" if rate else ""
        left = time_left(event.seconds_left) if done < total else ""
        self._tell(f"{step}: {done} of {total} scans", pace, left)

    def _measure(self, done: float, total: float) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * done / total) if total else 0)

    def _tell(self, *parts: str) -> None:
        self.say(", ".join(part for part in parts if part))

    def _show_soon(self) -> None:
        if not self._showing.isActive():
            self._showing.start()

    def _show(self) -> None:
        began = time.perf_counter()
        self.table.show_results(self.results)
        self._showing.setInterval(max(SHOW_MS, round(20_000 * (time.perf_counter() - began))))
        self.tabs.setTabText(1, f"Results ({len(self.table.results.every)})")
        self._update_buttons()

    def _look_at(self, job: JobFile, write: bool = False, opens: bool = False) -> None:
        """Read in a thread what a job has done so far, and show it; ``write``, ``opens``: its report."""
        if self.job is None or self.job.folder != job.folder:
            self.results = Results()
        self.job = job
        self.results.mark()
        self._asked += 1
        asked, layers = self._asked, self._layers

        def work() -> tuple[Results, str, Path | None]:
            page = write_report(job) if write else report_of(job)
            results, rows = read_results(job)
            return results, summary(rows), page

        def done(found: tuple[Results, str, Path | None]) -> None:
            if asked == self._asked and not layers.closed:
                self._show_read(*found, opens)

        def failed(error: Exception) -> None:
            if asked == self._asked and not layers.closed:
                self.say(str(error), wrong=True)

        create_worker(work, _connect={"returned": done, "errored": failed})
        self._show()

    def _show_read(self, read: Results, line: str, page: Path | None, opens: bool) -> None:
        self.results.fill(read)
        if not self.running:
            self.summary.setText(line)
            self._report = page
        self._show()
        if opens:
            self.show_report()

    def _show_outside(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.say(f"nothing here opens it by itself: {path}")

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a job", filter="Jobs (*.toml)")
        self._try(self.load, path)

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the job", filter="Jobs (*.toml)")
        self._try(self.save, path)

    def _try(self, do: Callable[[str], None], path: str) -> None:
        try:
            if path:
                do(path)
        except (ValueError, OSError) as error:
            self.say(str(error), wrong=True)


def _page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(4, 6, 4, 4)
    return page, column


def _beside(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
