"""PaperFigure: what a figure for a paper shows; it is drawn, saved with its record, and put into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.figures.drawing import save_figure
from napari_stmml.figures.paper.measured_figure import measured_figure
from napari_stmml.figures.paper.methods_text import methods_text
from napari_stmml.figures.paper.options import FORMATS, FigureOptions
from napari_stmml.figures.paper.profile_figure import profile_figure, profiles_of
from napari_stmml.figures.paper.provenance import figure_record, write_figure_record
from napari_stmml.figures.paper.scan_figure import scans_figure
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.measuring.class_details import ClassDetails, class_details
from napari_stmml.measuring.measurements import Measurements, measure_scan
from napari_stmml.measuring.region_tables import write_table
from napari_stmml.scan import Scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {
    "scans": "a scan with its classes",
    "measured": "outlines, and average, profile and pair distances of each class",
    "profile": "heights along lines",
}
_OTHERS = ("jpg", "jpeg", "tif", "tiff", "eps", "ps", "bmp", "gif", "webp")


@dataclass(frozen=True, eq=False)
class PaperFigure:
    """What a figure shows.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    scans : tuple of ShownScan
        The first one alone is measured, or has lines.
    lines : tuple of ndarray of float, shape (2, 2)
        Row and column of start and end of lines, in px.
    min_area : float
        nm² (px): smaller regions are not measured.
    versions_of : tuple of str
        Packages whose versions its record has too, such as napari.
    more : mapping
        More parts of the record, as `figure_record` takes them.

    Raises
    ------
    ValueError
        If the kind is not known, or its scan, labels or lines are missing.
    """

    kind: str
    scans: tuple[ShownScan, ...]
    lines: tuple[np.ndarray, ...] = ()
    min_area: float = 0.0
    versions_of: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a figure is one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.scans:
            raise ValueError("a figure needs a scan")
        if self.kind == "measured" and self.scans[0].labels is None:
            raise ValueError(f"there are no labels on {self.scans[0].scan.name} to measure")
        if self.kind == "profile" and not self.lines:
            raise ValueError("there is no line: draw one on the scan first")

    def same_as(self, other: "PaperFigure") -> bool:
        """Whether another figure shows the very same; what was measured for one then holds for the other."""
        own = (self.kind, self.min_area, len(self.scans), dict(self.more))
        others = (other.kind, other.min_area, len(other.scans), dict(other.more))
        lines = [np.asarray(line).tolist() for line in self.lines]
        return (
            own == others
            and lines == [np.asarray(line).tolist() for line in other.lines]
            and all(map(ShownScan.same_as, self.scans, other.scans))
        )

    def draw(self, options: FigureOptions) -> "Figure":
        """Draw it, exactly as wide as the options say."""
        if self.kind == "profile":
            return profile_figure(self.scans[0], self.lines, options)
        if self.kind == "measured":
            return measured_figure(self._measured_scan, self._measured, self._details, options)
        return scans_figure(self.scans, options)

    def save(self, path: str | Path, options: FigureOptions) -> list[Path]:
        """Write the figure, its record and the tables of its lines; names begin alike.

        Parameters
        ----------
        path : str or Path
            Its ending says the format; without one of ours, that of the options is added.
        options : FigureOptions

        Returns
        -------
        list of Path
            The figure first.

        Raises
        ------
        ValueError
            If the name ends in another kind of picture, or the options do not fit the scan.
        """
        path = figure_path(path, options.format)
        options = replace(options, format=path.suffix.lower().lstrip("."))
        record = self.record(options)
        record["methods"] = methods_text(record)
        written = [save_figure(self.draw(options), path, options.dpi), write_figure_record(path, record)]
        return written + self._write_tables(path, options)

    def record(self, options: FigureOptions) -> dict[str, Any]:
        """Say what it is made of, as JSON knows it."""
        more = dict(self.more)
        if self.kind == "profile":
            more["lines"] = [_ends(line, self.scans[0].scan) for line in self.lines]
        scans = self.scans
        if self.kind == "measured":
            scans = (self._measured_scan,)
            names = [scans[0].name(label) for label in sorted(scans[0].background)]
            unit = scans[0].unit
            more["measured"] = {"background": names, "min_area": self.min_area, "unit": unit}
        return figure_record(self.kind, scans, options, versions_of=self.versions_of, more=more)

    def methods(self, options: FigureOptions) -> str:
        """Write the paragraph of methods, with references."""
        return methods_text(self.record(options))

    @cached_property
    def _measured_scan(self) -> ShownScan:
        one = self.scans[0]
        assert one.labels is not None
        return replace(one, labels=with_background(one.labels))

    @cached_property
    def _measured(self) -> Measurements:
        shown = self._measured_scan
        labels = shown.labels
        assert labels is not None
        options = {"names": labels.names, "background": shown.background, "min_area": self.min_area}
        return measure_scan(labels.labels, shown.scan, **options, objects=labels.objects)

    @cached_property
    def _details(self) -> Sequence[ClassDetails]:
        return class_details(self._measured)

    def _write_tables(self, path: Path, options: FigureOptions) -> list[Path]:
        if self.kind != "profile":
            return []
        shown = self.scans[0]
        written = []
        for number, table in enumerate(profiles_of(shown, self.lines, options), 1):
            part = f"_{number}" if len(self.lines) > 1 else ""
            about = {"scan": shown.scan.name, "source": shown.scan.source}
            units = {one: f"{one}_{shown.unit}" for one in ("distance", "x", "y")}
            unit = shown.scan.unit or "value"
            table = table.rename(columns={**units, "height": f"height_{unit}"})
            written.append(
                write_table(path.with_name(f"{path.stem}_profile{part}.csv"), table, shown.unit, about)
            )
        return written


def figure_path(path: str | Path, format_: str) -> Path:
    """Return the path of a figure: its name ends in a format that there is, or in the one given.

    Parameters
    ----------
    path : str or Path
    format_ : str
        One of `FORMATS`, for a name without one.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the name ends in another kind of picture.
    """
    path, ending = Path(path), Path(path).suffix.lower().lstrip(".")
    if ending in FORMATS:
        return path
    if ending in _OTHERS:
        raise ValueError(f"a figure is written as {', '.join(FORMATS)}, not as {path.name}")
    return path.with_name(f"{path.name}.{format_}")


def with_background(labels: LabelMap) -> LabelMap:
    """Return a map whose background is known: as it says, or else the class of the largest area.

    Parameters
    ----------
    labels : LabelMap

    Returns
    -------
    LabelMap
        As it is where it knows objects, or no scan: what has no label is background then.
    """
    if BACKGROUND in labels.scan or labels.objects is not None or not labels.scan.get("source"):
        return labels
    there, sizes = np.unique(labels.labels[labels.labels > 0], return_counts=True)
    largest = there[sizes.argmax()].item() if len(there) else 0
    return replace(labels, scan={**labels.scan, BACKGROUND: [largest] if largest else []})


def _ends(line: np.ndarray, scan: Scan) -> dict[str, list[float]]:
    """Return the ends of a line, in px and in nm from the top left corner."""
    size = scan.pixel_size or (1.0, 1.0)
    unit = "px" if scan.pixel_size is None else "nm"
    places = ((np.asarray(line) + 0.5) * size)[:, ::-1].round(6).tolist()
    return {f"from_xy_{unit}": places[0], f"to_xy_{unit}": places[1]}
