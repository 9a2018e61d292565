"""The command ``stmml measure``: label maps and the scans below them to tables and a picture."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.measuring.measurements import Measurements
    from napari_stmml.scan import Scan


@dataclass(frozen=True)
class Measured:
    """A label map that was measured: its background, whether a person named it, and the files written."""

    labels: Path
    scan: str
    found: "Measurements"
    background: tuple[str, ...]
    named: bool
    files: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        from napari_stmml.measuring.quantities import with_units
        from napari_stmml.measuring.region_tables import rows_of

        return {
            "labels": str(self.labels),
            "scan": self.scan,
            "background": list(self.background),
            f"scanned_{self.found.unit}2": self.found.area,
            "regions": len(self.found.regions),
            "classes": rows_of(with_units(self.found.classes, self.found.unit)),
            "files": [str(file) for file in self.files],
        }

    def __str__(self) -> str:
        from napari_stmml.figures.regions_figure import class_sentence
        from napari_stmml.text import counted, number

        unit, classes = self.found.unit, self.found.classes.itertuples()
        chosen = "" if self.named else " (the largest area; --background names another)"
        area = number(self.found.area)
        lines = [
            f"{self.labels.name}: {counted(len(self.found.regions), 'region')} on {area} {unit}²",
            f"background: {', '.join(self.background)}{chosen}",
            *(class_sentence(one, unit) for one in classes if not one.background),
            f"{counted(len(self.files), 'file')}, the last of them {self.files[-1]}",
        ]
        return "\n  ".join(lines)


def measure(options: argparse.Namespace) -> int:
    """Measure the regions of label maps in nm: tables, averages, pair distances and a picture of each."""
    measured: list[Measured] = []
    skipped: list[dict[str, str]] = []
    taken: set[str] = set()
    for path in map(Path, options.labels):
        try:
            measured.append(_measure(path, _free_stem(path, taken), options))
        except (ValueError, OSError) as error:
            why = str(error) if path.name in str(error) else f"{path.name}: {error}"
            skipped.append({"file": str(path), "why": why})
            print(f"skipped: {why}", file=sys.stderr)
        else:
            if not options.json:
                print(measured[-1])
    if options.json:
        done = [one.as_dict() for one in measured]
        print(json.dumps({"measured": done, "skipped": skipped}, indent=1))
    return 0 if measured else 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "labels", nargs="+", metavar="LABELS.tif", help="a label map that predict or the viewer wrote"
    )
    parser.add_argument(
        "--scan",
        metavar="FILE",
        help="the .Z_mtrx file of the heights, or a folder that holds it (default: the one the map names)",
    )
    parser.add_argument("--out", metavar="FOLDER", help="where to write (default: beside each map)")
    parser.add_argument(
        "--background",
        action="append",
        default=[],
        metavar="NAME",
        help="a class that is no structure; may be given again (default: that of the largest area)",
    )
    parser.add_argument(
        "--min-area", type=float, default=0.0, metavar="NM2", help="leave out regions smaller than this"
    )
    parser.add_argument(
        "--pairs",
        action="append",
        default=[],
        nargs=2,
        metavar="NAME",
        help="two classes: write the distances from one to the other too; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="write the result as JSON on standard output")


def _measure(path: Path, stem: str, options: argparse.Namespace) -> Measured:
    """Measure one label map and write its files."""
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.figures.regions_figure import regions_figure
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.measuring.class_details import class_details, pairs_between
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.measuring.region_tables import file_name, write_measurements, write_table

    found = LabelMap.read(path)
    background = _background(found, options.background)
    _check_pairs(found, options.pairs)
    scan = _scan_of(found, options.scan)
    known = {"names": found.names, "background": background, "min_area": options.min_area}
    result = measure_scan(found.labels, scan, **known)
    details = class_details(result)
    folder = Path(options.out) if options.out else path.parent
    model = str(found.scan.get("model", ""))
    files = write_measurements(folder, stem, result, scan, model=model, details=details)
    taken: set[str] = set()
    for first, second in options.pairs:
        if (pairs := pairs_between(result, first, second)) is not None:
            name = file_name(f"{first}_to_{second}", taken)
            files.append(write_table(folder / f"{stem}_pairs_{name}.csv", pairs, result.unit))
    picture = regions_figure(scan, result, details, found.colours)
    files.append(save_figure(picture, folder / f"{stem}_regions.png"))
    names = tuple(found.names.get(label, f"class {label}") for label in background)
    return Measured(path, scan.name, result, names, bool(options.background), tuple(files))


def _background(labels: "LabelMap", names: Sequence[str]) -> list[int]:
    """Return the labels of these classes, or that of the largest area where none is named."""
    import numpy as np

    if not names:
        sizes = np.bincount(labels.labels.ravel())
        sizes[0] = 0
        if not sizes.any():
            raise ValueError("no pixel has a label: there is nothing to measure")
        return [int(sizes.argmax())]
    _check_names(labels, names, "to be background")
    return sorted({label for label, name in labels.names.items() if name in names})


def _check_pairs(labels: "LabelMap", pairs: Sequence[Sequence[str]]) -> None:
    """Refuse pairs of classes that are not there, or the same."""
    for first, second in pairs:
        _check_names(labels, (first, second), "to measure distances of")
        if first == second:
            raise ValueError(
                f"--pairs needs two classes, got {first!r} twice: its own pairs are written anyway"
            )


def _check_names(labels: "LabelMap", names: Sequence[str], what_for: str) -> None:
    known = labels.names.values()
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no class {unknown[0]!r} {what_for}, only {', '.join(known)}")


def _file_of(labels: "LabelMap", given: str | None) -> Path:
    """Find the file of the scan: the one given, that of its name in the folder given, or where it was."""
    from napari_stmml.io.formats import find_scans

    source = labels.scan.get("source", "")
    if given and Path(given).is_dir():
        name = PureWindowsPath(source).name  # takes both kinds of slashes
        for file in find_scans(given):
            if file.name == name:
                return file
        raise ValueError(f"its scan {name or '(the map names none)'} is not in {given} or below it")
    if not (given or source):
        raise ValueError("the map does not say which scan it is of; name it with --scan")
    file = Path(given or source)
    if not file.is_file():
        hint = "" if given else "; if it has moved, name it with --scan"
        raise ValueError(f"its scan {file} is not there{hint}")
    return file


def _scan_of(labels: "LabelMap", given: str | None) -> "Scan":
    """Read the heights that a label map lies on: same channel, same direction, same shape, same time."""
    from napari_stmml.io.formats import read_scan_file

    source = _file_of(labels, given)
    scans = read_scan_file(source)
    channel, direction = labels.scan.get("channel", ""), labels.scan.get("direction", "")
    taken = labels.scan.get("taken")
    for scan in scans:
        if taken and scan.taken and scan.taken.isoformat() != taken:
            raise ValueError(f"its scan was taken {taken}, {source.name} {scan.taken.isoformat()}")
        if channel in ("", scan.channel) and direction in ("", scan.direction):
            if scan.heights.shape == labels.labels.shape:
                return scan
            raise ValueError(f"its labels are {_px(labels.labels)}, {scan.name} is {_px(scan.heights)}")
    there = ", ".join(f"{scan.channel} {scan.direction}" for scan in scans)
    raise ValueError(f"{source.name} has no {channel} {direction}; it has {there}")


def _px(values: Any) -> str:
    return f"{values.shape[1]} x {values.shape[0]} px"


def _free_stem(path: Path, taken: set[str]) -> str:
    """Return how the names of a map's files begin: its own without endings, and a number if taken."""
    plain = path.name.removesuffix(".tif").removesuffix(".stmml").removesuffix("_labels")
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name
