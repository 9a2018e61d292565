"""The Figure widget: a figure for a paper of what is open, with a preview, its record and its methods.

`open_figure` of ``viewer/shared/open_figure.py`` (also named here) opens it from any other panel.
"""

from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox

from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.paper_figure import KINDS, PaperFigure
from napari_stmml.parameter_type import parameters_of
from napari_stmml.viewer.figure.asking import NO_SCAN, Asked, seen_layer
from napari_stmml.viewer.figure.output import Output
from napari_stmml.viewer.figure.preview import Drawer, Preview
from napari_stmml.viewer.figure.remembered import remember, remembered_options
from napari_stmml.viewer.figure.source import add_line, drawn_lines, image_below, maps_of, start_line
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import Panel, button, delayed, show_row
from napari_stmml.viewer.shared.parameter_form import field_for, more_parameters, set_values, value_of
from napari_stmml.viewer.shared.slots import slot

__all__ = ["FigureWidget", "open_figure"]

TITLES = {"scans": "Scan and classes", "measured": "Measured classes", "profile": "Heights along lines"}
FIRST = ("width", "classes", "colours", "format", "dpi")  # options that are seen at once
WAIT_MS, POLL_MS = 150, 400  # after a change, before the preview is drawn; between two looks at the lines


class FigureWidget(Panel):
    """Choose what is drawn and how it looks; save it, its record and its table; copy its methods."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.kind = ComboBox(
            label="Figure of",
            choices=[(title, kind) for kind, title in TITLES.items()],
            tooltip="\n".join(f"{title}: {KINDS[kind]}" for kind, title in TITLES.items()),
        )
        self.scan = self.one_scan("Scan")
        tip = "classes or structures that are drawn over the scan"
        self.map = ComboBox(label="Map", choices=self._maps, nullable=True, tooltip=tip)
        self.map.null_string = "none: the scan alone"
        self._choices.append(self.map)
        self.all = CheckBox(text="All open maps", tooltip="each map with its scan, as parts of one figure")
        before = remembered_options()
        self.options = {
            name: field_for(known, getattr(before, name))
            for name, known in parameters_of(FigureOptions).items()
        }
        self.preview, self.drawer = Preview(), Drawer(self)
        self.output = Output(self.drawer, self._of_output, self.say, self._note_saved)
        self._soon = delayed(self, WAIT_MS, self.draw)
        self._lines_seen: list[Any] = []
        self._background: tuple[Any, set[int]] = (None, set())  # a map, and its labels that are no structure
        self._last: PaperFigure | None = None
        self._least = 0.0  # nm²: smaller regions are not measured
        self._watch = delayed(self, POLL_MS, self._follow_lines)
        self._watch.setSingleShot(False)
        self._lay_out()
        self._connect()
        self.choose("scans")

    def _lay_out(self) -> None:
        rest = [field for name, field in self.options.items() if name not in FIRST]
        self.form(self.kind, self.map, self.scan, self.all)
        tip = "adds a layer of shapes, to draw lines on the scan; several are numbered"
        self.line_button = button("Draw a line", tip, self.draw_line)
        self.add(self.line_button, self.preview, self.output, self.status)
        self.form(*(self.options[name] for name in FIRST))
        self.add(more_parameters({"": rest}))
        self.column.addStretch()

    def _connect(self) -> None:
        self.map.changed.connect(self._on_map)
        self.kind.changed.connect(self._on_kind)
        for field in (self.scan, self.all, *self.options.values()):
            field.changed.connect(self._draw_soon)

    # ---- what another panel asks for

    def choose(self, kind: str = "scans", layer: Any = None) -> None:
        """Choose what the figure is of.

        Parameters
        ----------
        kind : str
            One of ``scans``, ``measured``, ``profile``.
        layer : napari layer, optional
            A map, or a scan that is drawn alone; without it the active one, or else the topmost that is seen.
        """
        self.reset_choices()
        if layer is None:
            maps = [] if kind == "profile" else [one for one in self.map.choices if one is not None]
            layer = seen_layer(self.viewer, maps, list(self.scan.choices))
        self.kind.value = kind
        if layer in self.map.choices:
            self.map.value = layer
            self._on_map()
        elif layer in self.scan.choices:
            self.map.value = None
            self.scan.value = layer
        self._on_kind()

    def measure_with(self, image: Any, background: set[int], least: float) -> None:
        """Take the scan, the background and the smallest area of another panel.

        Parameters
        ----------
        image : napari Image layer or None
        background : set of int
            Labels that are no structure.
        least : float
            nm² (px): smaller regions are not measured.
        """
        if image in self.scan.choices:
            self.scan.value = image
        self._background, self._least = (self.map.value, background), least
        self._draw_soon()

    # ---- what a person does

    @slot
    def draw(self) -> None:
        """Draw the preview, in a thread."""
        try:
            asked, options = self._kept(), self._options()
        except ValueError as error:
            self.drawer.forget_preview()
            self.preview.show_nothing(str(error))
            return
        width = max(300, self.preview.width())
        self.drawer.preview(asked, options, width, self._show)

    def draw_line(self) -> None:
        """Let a person draw a line on the scan."""
        if self.scan.value is None:
            raise ValueError(NO_SCAN)
        start_line(self.viewer, self.scan.value)
        self.say("Drag on the scan from one end to the other.")

    def add_line(self, line: Any) -> None:
        """Add a line, start and end (2, 2) in px of the scan, to those that are drawn.

        Parameters
        ----------
        line : ndarray of float, shape (2, 2)
        """
        add_line(self.viewer, self.scan.value, line)
        self._draw_soon()

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        return self._soon.isActive() or self.drawer.busy

    # ---- inside

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now, and draw the figure of them."""
        super().reset_choices(event)
        if event is not None:
            self._draw_soon()

    def on_close(self) -> None:
        """Draw nothing more; keep what was chosen."""
        self._soon.stop()
        self._watch.stop()
        self.drawer.forget()
        self.attempt(lambda: remember(self._options()))

    @slot
    def showEvent(self, event: Any) -> None:
        """Draw what was changed while the panel was not seen."""
        super().showEvent(event)
        self._on_kind()

    @slot
    def hideEvent(self, event: Any) -> None:
        """Draw nothing that nobody sees."""
        super().hideEvent(event)
        self._watch.stop()

    def _options(self) -> FigureOptions:
        return FigureOptions(**{name: value_of(field) for name, field in self.options.items()})

    def _kept(self) -> PaperFigure:
        """Return what is to be drawn: the figure of before, which is measured already, if it is the same."""
        asked = self._asked()
        if self._last is None or not asked.same_as(self._last):
            self._last = asked
        return self._last

    def _asked(self) -> PaperFigure:
        of, background = self._background
        known = background if of is not None and of == self.map.value else None
        choices = (self.kind.value, self.scan.value, self.map.value, self._images(), self.all.value)
        return Asked(*choices, background=known, least=self._least).figure(self.viewer)

    def _maps(self, _widget: Any = None) -> list[Any]:
        return maps_of(self.viewer)

    @slot
    def _on_map(self, _layer: Any = None) -> None:
        """Choose the scan of the map."""
        layer = self.map.value
        found = None if layer is None else image_below(self.viewer, layer, self._images())
        if found is not None and found in self.scan.choices:
            self.scan.value = found
        self._draw_soon()

    @slot
    def _on_kind(self, _kind: Any = None) -> None:
        """Show what a kind of figure asks for."""
        of_line = self.kind.value == "profile"
        self.line_button.setVisible(of_line)
        show_row(self.map, not of_line)
        self.all.native.setVisible(self.kind.value == "scans" and len(maps_of(self.viewer)) > 1)
        show_row(self.options["classes"], self.kind.value == "scans")
        if of_line:
            self._watch.start()
        else:
            self._watch.stop()
        self._draw_soon()

    @slot
    def _follow_lines(self) -> None:
        """Draw again where a line was moved."""
        image = self.scan.value
        lines = [] if image is None else [line.tolist() for line in drawn_lines(self.viewer, image)]
        if lines != self._lines_seen:
            self._lines_seen = lines
            self._draw_soon()

    @slot
    def _draw_soon(self, _value: Any = None) -> None:
        if self.isVisible():
            self._soon.start()

    @slot
    def _show(self, result: Any) -> None:
        if isinstance(result, Exception):
            self.preview.show_nothing(str(result))
        else:
            self.preview.show_pixels(result)

    def _of_output(self) -> tuple[PaperFigure, FigureOptions]:
        """Return what is to be saved; its options first, so that one that is wrong is said at once."""
        options = self._options()
        return self._kept(), options

    def _note_saved(self, figure: Path) -> None:
        """Tell the panel STM of a figure, and show the format that its name says."""
        if self.scan.value is not None:
            self.shared.note("Figure", recorded_scan(self.scan.value), figure.name)
        set_values(self.options, {"format": figure.suffix.lower().lstrip(".")})
