"""The Batch widget: `stmml run` on a folder of scans, and its results to open by a click."""

import time
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QLabel, QTabWidget, QWidget

from napari_stmml import events
from napari_stmml.batch.job_file import JobFile
from napari_stmml.jobs.requests import RunJobFile
from napari_stmml.system.files import with_ending
from napari_stmml.text import counted
from napari_stmml.viewer.batch.form import JobForm, keep
from napari_stmml.viewer.batch.results_page import GO_ON, ResultsPage
from napari_stmml.viewer.batch.workers import WorkersLine
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.shared.in_sight import scan_in_sight
from napari_stmml.viewer.shared.job_panel import JobPanel
from napari_stmml.viewer.shared.panel import button, column_of, row_of
from napari_stmml.viewer.shared.slots import guarded, slot

STEPS = {
    "process": "prepare every scan and cut it into windows",
    "train": "train the network on them",
    "cluster": "cluster the features that the network makes",
    "predict": "label every scan",
    "measure": "measure every label map in nm: tables of regions and classes, one summary of all",
    "structures": "find every object and sort it into types, if “Find” is chosen below",
}
JOBS = "Jobs (*.toml)"


class BatchWidget(JobPanel):
    """Run a job on a folder in a process of its own; browse its results, also while it runs."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Start")
        self.job_form = JobForm(self)
        self.steps = {step: QCheckBox(step) for step in STEPS}
        self.results_page = ResultsPage(napari_viewer, self.job_form, self.say)
        self.tabs = QTabWidget()
        self.tabs.addTab(self._job_page(), "Job")
        self.tabs.addTab(self.results_page, "Results")
        self.results_page.counted.connect(guarded(lambda n: self.tabs.setTabText(1, f"Results ({n})")))
        self.column.addWidget(self.tabs, 1)
        self.workers = WorkersLine()
        self.column.addWidget(self.workers)
        self.add_buttons()
        self._began, self._step, self._labelled = 0.0, "", 0  # of the run: when, which step, how many maps
        self._failures: list[str] = []
        page = self.results_page  # which is there when this panel is gone
        self.destroyed.connect(guarded(lambda *_: page.close_layers()))
        self.shared.chain_given.connect(self.take_chain)
        self.follow(napari_viewer.layers.selection.events.active, self._take_folder)
        self._take_folder()

    def _job_page(self) -> QWidget:
        page, steps = QWidget(), QWidget()
        grid = QGridLayout(steps)  # two by two, so that the panel stays narrow
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("Steps"), 0, 0)
        for place, (step, box) in enumerate(self.steps.items()):
            box.setChecked(True)
            box.setToolTip(STEPS[step])
            grid.addWidget(box, place // 2, 1 + place % 2)
        tip = "a job file, as `stmml init` and this widget write it"
        load = button("Load job…", tip, self._ask_load)
        save = button("Save job…", "for `stmml run`, or another day", self._ask_save)
        column_of(page, self.job_form.shown(), steps, row_of(load, save), self.job_form.folded())
        page.layout().addStretch()
        return page

    @slot
    def _take_folder(self) -> None:
        """Offer the folder of the scan that is looked at."""
        seen = scan_in_sight(self.viewer, self._images())
        file = None if seen is None else Path(recorded_scan(seen).source)
        if file is not None and file.is_file():
            self.job_form.offer_folder(file.absolute().parent)

    @slot
    def take_chain(self, chain: str) -> None:
        """Flatten by this chain, which was sent from Prepare."""
        self.job_form.fields["flatten_method"].value = chain

    def load(self, path: str | Path) -> None:
        """Show the job of a job file, and what it has done so far."""
        self.job_form.load(job := JobFile.read(path))
        self.say(f"loaded {Path(path).name}, recipe {job.recipe.title}")
        if not self.running:
            self.results_page.look_at(job, running=False)

    def save(self, path: str | Path) -> None:
        """Write the job of the form as a job file."""
        path = with_ending(path, ".toml")
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
        self._doubts: list[tuple[str, str | None]] = []
        self.results_page.begin()
        self.workers.clear()
        self.start(RunJobFile(str(path), steps))
        self.results_page.look_at(job, running=True)
        self.tabs.setCurrentIndex(1)

    def on_event(self, event: events.Event) -> bool:
        """Show how far the job is, and each scan as it comes."""
        results = self.results_page.results
        match event:
            case events.FilesDone(step):
                if step == "predict" != self._step and self.results_page.job is not None:
                    # Label maps of an older model have been put aside by now.
                    self.results_page.look_at(self.results_page.job, running=True)
                self._step = step
                self.show_progress(event)
            case events.ClusterWorkers():
                self.workers.take(event)
            case events.FileTaken(rows=rows):
                results.take(rows)
            case events.ScanLabelled(labels=labels, source=str(source)):
                self._labelled += 1
                self._doubts.append((event.scan, event.doubt))
                results.label(source, labels)
            case events.Skipped(why=why, source=source, direction=direction):
                if self._step == "predict":  # of what was left out before, there is a row
                    self._failures.append(why)
                    results.fail(source or "", direction or "", why)
            case events.ReportWritten(line, html=page):
                self.results_page.show_summary(line, Path(page))
            case _:
                self.show_progress(event)
                return False
        self.results_page.show_soon()
        return False

    def on_end(self, event: events.Ended) -> None:
        """Say how it ended, and show the report."""
        self.workers.clear()
        died, page = isinstance(event, events.Died), self.results_page
        if isinstance(event, events.Failed):
            self.say_stopped(event, "Stopped", GO_ON if died or event.cancelled else "")
        elif event.cancelled:
            self.say(f"Cancelled; {GO_ON}.")
        else:
            self._say_done()
        if page.job is not None:
            write = page.report is None and (died or event.cancelled)
            opens = page.open_report.isChecked() and not event.cancelled and (died or bool(page.report))
            page.look_at(page.job, running=False, write=write, opens=opens)

    def on_close(self) -> None:
        """End the process, and show nothing that a thread still reads."""
        super().on_close()
        self.results_page.close_layers()

    def _say_done(self) -> None:
        done = f"Done in {time.monotonic() - self._began:.0f} s"
        if self._labelled:
            done += f": {counted(self._labelled, 'direction')} labelled"
        if self._failures:
            done += f"; {len(self._failures)} could not be: {self._failures[0]}"
        done += "".join(f". {doubt}" for doubt in events.doubts(self._doubts))
        self.say(done, wrong=bool(self._failures))

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a job", filter=JOBS)
        if path:
            self.attempt(lambda: self.load(path))

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the job", filter=JOBS)
        if path:
            self.attempt(lambda: self.save(path))
