"""How a figure for a paper looks: its parameters, declared once for the command line and the form."""

from dataclasses import dataclass
from functools import partial

from napari_stmml.heights.flatten import parse_chain
from napari_stmml.parameter_type import parameter, parameters_of
from napari_stmml.text import number

COLUMNS_MM = {"single": 86.0, "double": 178.0}
FORMATS = {
    "png": "pixels; for slides, and journals that ask for them",
    "svg": "vectors, to edit in Inkscape or Illustrator; text stays text",
    "pdf": "vectors, for LaTeX; fonts are embedded",
}
AUTO, NONE = "auto", "none"
_LEAST_MM = 40.0
_figure = partial(parameter, group="Figure", srsml24=False)


@dataclass(frozen=True)
class FigureOptions:
    """How a figure for a paper looks.

    Raises
    ------
    ValueError
        If a value is none of its choices or out of its bounds, naming it.
    """

    width: str = _figure(
        "single",
        "width of the figure",
        choices={name: f"{number(width)} mm" for name, width in COLUMNS_MM.items()},
    )
    width_mm: float = _figure(
        0.0, f"any other width; 0: that of the column, else {number(_LEAST_MM)} or more", 0, 400, unit="mm"
    )
    format: str = _figure("png", "kind of file", choices=FORMATS)
    dpi: int = _figure(300, "pixels per inch, of maps within SVG and PDF too", 72, 1200, title="Dpi")
    classes: str = _figure(
        AUTO,
        "how classes are shown",
        choices={
            AUTO: "beside the scan in a double column; else outlines of objects, colours of a map",
            "overlay": "half transparent colours over the heights",
            "outlines": "lines around regions and objects",
            "both": "colours and outlines",
            "beside": "the scan alone, and the scan with its classes",
            NONE: "the scan alone",
        },
    )
    opacity: float = _figure(0.5, "of colours over the heights; 1 hides them", 0.05, 1)
    line_width: float = _figure(0.8, "of outlines", 0.2, 4, unit="pt")
    colours: str = _figure(
        "classes",
        "colours of classes",
        choices={
            "classes": "those of the map",
            "colour-blind": "seven that everybody tells apart (Okabe and Ito); more classes keep their own",
        },
    )
    colour_map: str = _figure(
        AUTO,
        "colours of heights",
        choices={
            AUTO: "grey below classes, else stm",
            "stm": "black, brown, orange, white",
            "gray": "black to white",
            "cividis": "blue to yellow, the same to the colour-blind",
            "viridis": "violet to yellow",
            "inferno": "black, red, yellow",
            "afmhot": "black, red, yellow, white",
        },
    )
    flatten: str = _figure(
        "poly_xy", "how heights as recorded are flattened; what was flattened before is drawn as it is"
    )
    scale_bar: bool = _figure(True, "a bar of round length in nm")
    scale_bar_nm: float = _figure(0.0, "its length; 0: about a quarter of the width", 0, 1e6, unit="nm")
    colour_bar: bool = _figure(True, "a bar with the heights of the colours")
    legend: bool = _figure(True, "names of the classes")
    counts: bool = _figure(False, "in the legend: objects, or share of the area, of each class")
    settings: bool = _figure(True, "size, bias and setpoint above each scan")
    names: bool = _figure(False, "name of the file above each scan")
    letters: bool = _figure(True, "a, b, c, where there is more than one part")
    axes: bool = _figure(False, "ticks in nm at the edges of maps")
    numbers: bool = _figure(False, "of measured classes: the number of each region, as in the tables")
    font_size: float = _figure(7.0, "of all text", 6, 14, unit="pt")
    columns: int = _figure(0, "maps in a row; 0: one in a single column, two in a double", 0, 8)

    def __post_init__(self) -> None:
        for name, known in parameters_of(FigureOptions).items():
            object.__setattr__(self, name, known.check(getattr(self, name)))
        if 0 < self.width_mm < _LEAST_MM:
            raise ValueError(
                f"width_mm must be 0, or {number(_LEAST_MM)} or more, got {number(self.width_mm)}"
            )
        parse_chain(self.flatten)

    @property
    def mm(self) -> float:
        """Width of the figure in mm."""
        return self.width_mm or COLUMNS_MM[self.width]

    @property
    def wide(self) -> bool:
        """Whether there is room for two maps in a row."""
        return self.mm >= 120
