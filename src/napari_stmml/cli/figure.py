"""The commands ``stmml figure`` and ``stmml methods``: a figure for a paper, and its paragraph of methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari_stmml.cli.options as options
from napari_stmml.system.strict_json import to_json
from napari_stmml.text import number, quoted, short_stem

if TYPE_CHECKING:
    import numpy as np

    from napari_stmml.figures.paper.shown_scan import ShownScan
    from napari_stmml.scan import Scan

TIFF, MODEL = (".tif", ".tiff"), ".stmml"


def figure(
    files: options.FigureFiles,
    out: options.FigureFile = None,
    scan: options.ScanFile = None,
    direction: options.Direction = None,
    measured: options.Measured = False,
    background: options.Background = [],
    min_area: options.MinArea = 0.0,
    line: options.Line = [],
    width: options.FigureWidth = None,
    format_: options.FigureFormat = None,
    dpi: options.FigureDpi = None,
    classes: options.FigureClasses = None,
    settings: options.FigureSettings = [],
    model: options.FigureModel = None,
    as_json: options.AsJson = False,
) -> int:
    """Draw a figure for a paper. Beside it, a .json says what it was made of; lines have a table."""
    from napari_stmml.figures.paper.options import FigureOptions
    from napari_stmml.figures.paper.paper_figure import PaperFigure

    given = {"width": width, "format": format_, "dpi": dpi, "classes": classes}
    look = FigureOptions(**dict(settings) | {name: one for name, one in given.items() if one is not None})
    shown = tuple(_shown(Path(file), scan, direction, model, background) for file in files)
    kind = _kind(measured, bool(line), len(files))
    lines = tuple(_line(one, shown[0].scan) for one in line)
    asked = PaperFigure(kind, shown, lines, min_area)
    written = asked.save(_path(out, Path(files[0]), kind), look)
    if as_json:
        print(to_json({"files": [str(file) for file in written]}))
    else:
        print("\n".join(f"wrote {file}" for file in written))
    return 0


def _kind(measured: bool, line: bool, files: int) -> str:
    """Return which figure is asked for: one of `KINDS`."""
    if measured and line:
        raise ValueError("--measured and --line are two figures: ask for one after the other")
    if (measured or line) and files > 1:
        raise ValueError(f"--{'measured' if measured else 'line'} takes one file, got {files}")
    return "measured" if measured else "profile" if line else "scans"


def methods(file: options.OfMethods, scan: options.ScanFile = None) -> int:
    """Write a paragraph of methods for a paper, with references, from a model, a map or a figure's .json."""
    from napari_stmml.figures.paper.methods_text import methods_text
    from napari_stmml.figures.paper.provenance import read_figure_record

    path = Path(file)
    if path.suffix.lower() == ".json":
        record = read_figure_record(path)
    elif path.suffix.lower() == MODEL:
        record = _record_of_model(path)
    elif path.suffix.lower() in TIFF:
        record = _record_of_map(path, scan)
    else:
        raise ValueError(f"{path.name} is no model (.stmml), label map (.tif) or record of a figure (.json)")
    try:
        text = methods_text(record)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path.name} is no record of a figure as this program writes it") from error
    print(text, end="")
    return 0


def _record_of_model(path: Path) -> dict[str, Any]:
    from napari_stmml.figures.paper.options import FigureOptions
    from napari_stmml.figures.paper.provenance import figure_record, model_facts

    facts = model_facts(path)
    if "problem" in facts:
        raise ValueError(facts["problem"])
    return {**figure_record("methods", (), FigureOptions()), "models": [facts]}


def _record_of_map(path: Path, scan: str | None) -> dict[str, Any]:
    from napari_stmml.figures.paper.options import FigureOptions
    from napari_stmml.figures.paper.provenance import figure_record

    return figure_record("methods", [_shown(path, scan, None, None, ())], FigureOptions())


def _shown(
    path: Path, scan: str | None, direction: str | None, model: str | None, background: Sequence[str]
) -> "ShownScan":
    """Read a scan, or a label map and the scan that it lies on."""
    from napari_stmml.figures.paper.shown_scan import ShownScan
    from napari_stmml.io.label_tiff import BACKGROUND, is_label_map, read_labels
    from napari_stmml.measuring.scan_of_map import scan_of_map

    if path.suffix.lower() not in TIFF or not (scan or is_label_map(path)):
        return ShownScan(_scan(path, direction))
    labels = read_labels(path)
    if unknown := [name for name in background if name not in labels.names.values()]:
        there = ", ".join(labels.names.values())
        raise ValueError(f"{path.name} has no class {quoted(unknown[0])} to be background, only {there}")
    if background:
        own = sorted(label for label, name in labels.names.items() if name in background)
        labels.scan[BACKGROUND] = own
    below, _ = scan_of_map(labels, scan, direction, path.stem)
    return ShownScan(below, labels, model=_model(path, str(labels.scan.get("model") or ""), model))


def _scan(path: Path, direction: str | None) -> "Scan":
    """Return the scan of a file in a direction, or else its first, heights before anything else."""
    from napari_stmml.io.formats import read_scan_file
    from napari_stmml.scan import TOPOGRAPHY

    scans = read_scan_file(path)
    fits = [one for one in scans if direction in (None, one.short_direction)]
    if not fits:
        there = ", ".join(one.short_direction for one in scans)
        raise ValueError(f"{path.name} has no {direction}; it has {there}")
    return next((one for one in fits if one.channel == TOPOGRAPHY), fits[0])


def _model(labels: Path, named: str, given: str | None) -> str:
    """Find the file of the model that made a map: the one given, where it was, or near the map."""
    if given:
        if not Path(given).is_file():
            raise ValueError(f"the model {given} is not there")
        return given
    if not named:
        return ""
    places = [Path(named), *(folder / Path(named).name for folder in labels.absolute().parents[:3])]
    return next((str(one) for one in places if one.is_file()), "")


def _line(text: str, scan: "Scan") -> "np.ndarray":
    """Read the ends of a line in nm (px) as rows and columns."""
    import numpy as np

    try:
        x, y, to_x, to_y = (float(one) for one in text.split(","))
    except ValueError as error:
        raise ValueError(f"--line needs four numbers X,Y,X,Y in nm, got {quoted(text)}") from error
    size = np.array(scan.pixel_size or (1.0, 1.0))
    line = np.array([[y, x], [to_y, to_x]]) / size - 0.5
    if (line < -0.5 - 1e-6).any() or (line > np.array(scan.heights.shape) - 0.5 + 1e-6).any():
        tall, wide = np.array(scan.heights.shape) * size
        raise ValueError(f"--line {text} leaves the scan, which is {number(wide)} x {number(tall)} in size")
    return line


def _path(out: str | None, first: Path, kind: str) -> Path:
    """Return where the figure goes: the file named, or a name of its own beside the first file."""
    stem = first.stem.removesuffix(".stmml")
    name = f"{short_stem(stem)}_{'figure' if kind == 'scans' else kind}"
    if out is None:
        return first.with_name(name)
    return Path(out) / name if Path(out).is_dir() else Path(out)
