"""The ingest report of a run that has no job folder: what became of every scan that was offered."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_stmml.batch import report
from napari_stmml.batch.report import Row, save_thumbnail
from napari_stmml.batch.survey import survey
from napari_stmml.events import Event, ReportWritten, Skipped
from napari_stmml.heights.flatten import flatten
from napari_stmml.scan import Scan


class ScanLog:
    """Watch scans go by and the events on them; write the report at the end, one row a scan.

    Parameters
    ----------
    folder : Path
        Where the report and its pictures go; nothing is written before ``write``, but for the pictures.
    which : str
        ``train`` or ``predict``.
    """

    def __init__(self, folder: Path, which: str) -> None:
        self.folder, self._which = folder, which
        self._rows: dict[tuple[str, str], Row] = {}  # by file and direction, in the order they came

    def watch(self, scans: Iterable[Scan]) -> Iterator[Scan]:
        """Note every scan on its way to where it is used; kept, unless an event says otherwise.

        Parameters
        ----------
        scans : iterable of Scan

        Yields
        ------
        Scan
            The same, in the same order.
        """
        for scan in scans:
            row, name = Row.of_scan(scan, self._which), f"{len(self._rows):05d}"
            if np.isfinite(scan.heights).any():
                row = replace(row, thumbnail=save_thumbnail(self.folder, name, flatten(scan.heights)))
            self._rows[row.source, row.direction] = row
            yield scan

    def hear(self, event: Event) -> None:
        """Take note of a scan or a file that was left out.

        Parameters
        ----------
        event : Event
            Any but `Skipped` is ignored.
        """
        if isinstance(event, Skipped):
            key = (event.source or event.scan, event.direction or "")
            known = self._rows.get(key)
            self._rows[key] = (
                replace(known, status="skipped", reason=event.reason, why=event.why)
                if known
                else Row.of_file(key[0], self._which, event.why)
            )

    def write(self, title: str, paths: Iterable[str], about: dict[str, str]) -> ReportWritten | None:
        """Write the report, with the files below ``paths`` that are no topographies.

        Parameters
        ----------
        title : str
        paths : iterable of str
            Files and folders; those that do not exist are passed over.
        about : dict of str to str
            What the report says of the run, by name.

        Returns
        -------
        ReportWritten or None
            The event that says so; None, and nothing is written, if there is no row.
        """
        rows = list(self._rows.values())
        known = {row.source for row in rows}
        for found in survey((self._which, Path(path)) for path in paths if Path(path).exists()):
            if found.problem and str(found.path) not in known:
                rows.append(Row.of_file(found.path, found.set, found.problem))
        return report.save(self.folder, rows, title=title, about=about) if rows else None
