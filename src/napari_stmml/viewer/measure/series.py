"""All maps of the viewer whose scans are open, measured with one background: a table of the series."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget
from superqt.utils import create_worker

from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.measuring.backgrounds import (
    areas_of,
    background_labels,
    names_of_series,
    series_backgrounds,
)
from napari_stmml.measuring.measurements import Measurements, measure_scan
from napari_stmml.measuring.quantities import column
from napari_stmml.measuring.region_tables import write_measurements
from napari_stmml.measuring.series import (
    OF_CLASS,
    SUMMARY,
    scan_summary,
    series_sentences,
    summary_rows,
    write_summary,
)
from napari_stmml.scan import Scan
from napari_stmml.system.files import free_name
from napari_stmml.text import counted, short_stem
from napari_stmml.viewer.shared.panel import button
from napari_stmml.viewer.shared.slots import guarded, slot

SHOWN = (
    *("name", "scan", "n", "density", "density_error", "coverage", "count", "touching", "paired"),
    *("inside", "height_mean", "area_mean"),
)


@dataclass(frozen=True, eq=False)
class OpenMap:
    """A map of the viewer and the scan that it lies on."""

    labels: LabelMap
    model: str
    scan: Scan


@dataclass(frozen=True, eq=False)
class SeriesResult:
    """The maps that were measured, with what was found on each, and why others were not."""

    measured: tuple[tuple[OpenMap, Measurements], ...]
    left_out: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of the series."""
        return summary_rows(scan_summary(found, one.scan, one.model) for one, found in self.measured)

    def save(self, folder: str | Path) -> Path:
        """Write the tables of each map and, beside them, that of the series; return the latter."""
        taken: set[str] = set()
        summaries = []
        for one, found in self.measured:
            parts = (one.scan.stem or "scan", one.scan.short_direction)
            stem = short_stem("_".join(part for part in parts if part))
            taken.add(stem := free_name(stem, taken.__contains__))
            write_measurements(folder, stem, found, one.scan, model=one.model, details=())
            summaries.append(scan_summary(found, one.scan, one.model, one.labels.name))
        return write_summary(Path(folder) / SUMMARY, summaries)


def measure_series(
    maps: Sequence[OpenMap], min_area: float, chosen: dict[str, tuple[str, ...]], left_out: Sequence[str]
) -> SeriesResult:
    """Measure maps with one background for each model.

    Parameters
    ----------
    maps : sequence of OpenMap
    min_area : float
        nm² (px); smaller regions are left out.
    chosen : dict of str to tuple of str
        Background by model, where a person has chosen it.
    left_out : sequence of str
        Why other maps are not among them.

    Returns
    -------
    SeriesResult
    """
    areas = [areas_of(one.labels) for one in maps]
    backgrounds, of_all = series_backgrounds(areas) | chosen, names_of_series(areas)
    measured, out = [], [*left_out]
    for one in maps:
        names = dict(one.labels.names) if one.model else {**of_all, **one.labels.names}
        try:
            background = background_labels(one.labels, backgrounds, names)
            how = {"names": names, "background": background, "min_area": min_area}
            measured.append(
                (one, measure_scan(one.labels.labels, one.scan, objects=one.labels.objects, **how))
            )
        except ValueError as error:
            out.append(f"{one.scan.name}: {error}")
    return SeriesResult(tuple(measured), tuple(out))


class SeriesPart(QWidget):
    """Two buttons of the panel *Measure*: all open maps at once, and their tables with one summary."""

    def __init__(self, panel: Any) -> None:
        super().__init__()
        self.panel = panel
        self.result: SeriesResult | None = None
        tip = "measure every map whose scan is open, with one background: a row for each class on each scan"
        self.button = button("Measure all", tip, self.measure)
        tip = f"write the tables of each map and {SUMMARY}, one table of all, to a folder"
        self.save_button = button("Save all…", tip, self._ask_save)
        self.save_button.setEnabled(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.save_button)

    def measure(self) -> None:
        """Measure all maps whose scans are open, off the main thread."""
        maps, left_out = self._open_maps()
        if not maps:
            self.panel.say("No map lies on an open scan: label some first, or open their scans.", wrong=True)
            return
        chosen, least = self._chosen(), self.panel.least.value
        self._work(lambda: measure_series(maps, least, chosen, left_out), self._show)
        self.panel.say(f"measuring {counted(len(maps), 'map')} …")

    def save(self, folder: str | Path) -> None:
        """Write all tables, off the main thread."""
        result = self.result
        if result is None:
            raise ValueError("measure all maps first")
        n = len(result.measured)
        said = f"Tables of {counted(n, 'map')}, and {SUMMARY}, written to {folder}."
        self._work(lambda: result.save(folder), lambda _path: self.panel.say(said))

    def _open_maps(self) -> tuple[list[OpenMap], list[str]]:
        """Return the maps and their scans, as they are now, and which maps have none."""
        maps, left_out = [], []
        for layer in self.panel.maps.choices:
            scan = self.panel.scan_below(layer)
            if scan is None:
                left_out.append(f"“{layer.name}” has no open scan")
                continue
            labels, names, objects = self.panel.labels_of(layer)
            model, marked = self.panel.model_of(layer), self.panel.marked(layer)
            about: dict[str, Any] = {"model": model} if model else {}
            about |= {BACKGROUND: sorted(marked)} if marked else {}
            found = LabelMap(labels, scan.pixel_size, names, name=layer.name, scan=about, objects=objects)
            maps.append(OpenMap(found, model, scan))
        return maps, left_out

    def _chosen(self) -> dict[str, tuple[str, ...]]:
        """Return the background that is chosen above for the map that is, for all maps of its model."""
        layer = self.panel.maps.value
        return {} if layer is None else {self.panel.model_of(layer): self.panel.background_names()}

    def _work(self, work: Any, then: Any) -> None:
        self.button.setEnabled(False)
        connect = {
            "returned": guarded(then),
            "errored": guarded(lambda error: self.panel.say(str(error), wrong=True)),
            "finished": guarded(lambda: self.button.setEnabled(True)),
        }
        create_worker(work, _connect=connect)

    @slot
    def _show(self, result: SeriesResult) -> None:
        """Show the table of the series in place of that of one map."""
        if not result.measured:
            self.panel.say("; ".join(result.left_out), wrong=True)
            return
        self.result = result
        self.save_button.setEnabled(True)
        rows, unit = result.rows(), result.measured[0][1].unit
        names = {column(name, unit): name for name in OF_CLASS}
        table = pd.DataFrame(rows).rename(columns=names)
        table["scan"] = table["scan"].str.partition(" (")[0]  # without the session: the table is narrow
        self.panel.classes.show_columns(table[~table.background.astype(bool)], SHOWN, unit)
        said = [f"{counted(len(result.measured), 'map')}:", *series_sentences(rows)]
        self.panel.say("\n".join([*said, *(f"left out: {why}" for why in result.left_out)]))

    def _ask_save(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Save all tables in a folder")
        if folder:
            self.panel.attempt(lambda: self.save(folder))
