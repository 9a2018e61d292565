"""The command ``stmml measure``: label maps and the scans below them to tables and a picture."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

import napari_stmml.cli.options as options
from napari_stmml.cli.scan_of_map import scan_of_map
from napari_stmml.system.files import free_name
from napari_stmml.system.strict_json import to_json
from napari_stmml.text import quoted, short_stem, shortened

if TYPE_CHECKING:
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.measuring.measurements import Measurements


_UNLABELLED = ""  # in place of the name of a class


@dataclass(frozen=True)
class Asked:
    """What a person asked for; ``background`` is names of classes, or the largest class of each model."""

    scan: str | None
    direction: str | None
    background: Sequence[str] | Mapping[str, str]
    min_area: float
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Measured:
    """A label map that was measured: its background, whether a person named it, and the files written.

    ``assumed`` says that neither the map nor a person told its direction, though its file has several.
    """

    labels: Path
    about: dict[str, Any]
    found: "Measurements"
    background: tuple[str, ...]
    named: bool
    assumed: bool
    files: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        from napari_stmml.measuring.quantities import with_units
        from napari_stmml.measuring.region_tables import rows_of

        return {
            "labels": str(self.labels),
            **self.about,
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
        chosen = "" if self.named else " (the largest area of all maps; --background names another)"
        area = number(self.found.area)
        lines = [
            f"{self.labels.name}: {counted(len(self.found.regions), 'region')} on {area} {unit}²",
            *([f"heights of {self.about['scan']}; --direction names another"] if self.assumed else []),
            f"background: {', '.join(self.background) or 'what has no label'}{chosen}",
            *(class_sentence(one, unit) for one in classes if not one.background),
            f"{counted(len(self.files), 'file')}, the last of them {self.files[-1]}",
        ]
        return "\n  ".join(lines)


class TwoNames(TyperCommand):
    """A command whose option ``--pairs`` takes two values each time: typer knows no list of pairs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hand ``--pairs A B`` on as ``--pairs A --pairs B``."""
        given = list(args)
        for at in range(len(args) - 1, -1, -1):
            if args[at] == "--pairs":
                given.insert(at + 2, "--pairs")
        return super().parse_args(ctx, given)


def measure(
    labels: options.LabelMaps,
    scan: options.ScanFile = None,
    direction: options.Direction = None,
    out: options.OutTables = None,
    background: options.Background = [],
    min_area: options.MinArea = 0.0,
    pairs: options.Pairs = [],
    as_json: options.AsJson = False,
) -> int:
    """Measure the regions of label maps in nm. Tables, averages, pair distances and a picture are written."""
    measured: list[Measured] = []
    skipped: list[dict[str, str]] = []
    taken: set[str] = set()
    largest = {} if background else _largest_classes(map(Path, labels))
    for path in map(Path, labels):
        plain = (
            re.sub(r"\.tiff?$", "", path.name, flags=re.IGNORECASE)
            .removesuffix(".stmml")
            .removesuffix("_labels")
        )
        taken.add(stem := free_name(short_stem(plain), taken.__contains__))
        try:
            two = list(zip(pairs[::2], pairs[1::2], strict=True))
            asked = Asked(scan, direction, background or largest, min_area, two)
            measured.append(_measure(path, Path(out or path.parent) / stem, asked))
        except Exception as error:  # noqa: BLE001 - whatever ails one map, the others are measured
            known = isinstance(error, (ValueError, OSError))
            told = str(error) if known else f"it could not be measured ({type(error).__name__}: {error})"
            why = told if path.name in told else f"{path.name}: {told}"
            skipped.append({"file": str(path), "why": why})
            print(f"skipped: {why}", file=sys.stderr)
        else:
            if not as_json:
                print(measured[-1])
    if as_json:
        done = [one.as_dict() for one in measured]
        print(to_json({"measured": done, "skipped": skipped}))
    return 0 if measured else 1


def _measure(
    path: Path,
    to: Path,
    asked: "Asked",
) -> Measured:
    """Measure one label map; write its files, whose names begin as ``to``."""
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.figures.regions_figure import regions_figure
    from napari_stmml.io.label_tiff import read_labels
    from napari_stmml.measuring.class_details import class_details, pairs_between
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.measuring.region_tables import about_scan, file_name, write_measurements, write_table

    found = read_labels(path)
    background = _background(found, asked.background)
    _check_pairs(found, asked.pairs)
    scan, assumed = scan_of_map(found, asked.scan, asked.direction, path.stem)
    known = {"names": found.names, "background": background, "min_area": asked.min_area}
    known |= {"objects": found.objects}
    result = measure_scan(found.labels, scan, **known)
    details, model = class_details(result), _model_of(found)
    about = about_scan(scan, result, model)
    files = write_measurements(to.parent, to.name, result, scan, model=model, details=details)
    taken: set[str] = set()
    for first, second in asked.pairs:
        if (table := pairs_between(result, first, second)) is not None:
            name, of_classes = (
                file_name(f"{first}_to_{second}", taken),
                {"name": first, "to_name": second, **about},
            )
            files.append(
                write_table(to.with_name(f"{to.name}_pairs_{name}.csv"), table, result.unit, of_classes)
            )
    picture = regions_figure(scan, result, details, found.colours)
    files.append(save_figure(picture, to.with_name(f"{to.name}_regions.png")))
    chosen = tuple(_name(found, label) for label in background)
    named = found.objects is not None or not isinstance(asked.background, Mapping)
    return Measured(path, about, result, chosen, named, assumed, tuple(files))


def _largest_classes(paths: Iterable[Path]) -> dict[str, str]:
    """Return which class has the largest area on all maps of each model."""
    from napari_stmml.io.label_tiff import read_labels

    areas: dict[str, Counter[str]] = {}
    for path in paths:
        with suppress(ValueError, OSError):  # said when it is measured
            found = read_labels(path)
            if found.objects is None:  # no type of structure is the surface
                areas.setdefault(_model_of(found), Counter()).update(_areas(found))
    return {model: max(sizes, key=sizes.__getitem__) for model, sizes in areas.items() if sizes}


def _areas(labels: "LabelMap") -> dict[str, float]:
    """Return the area of each class that the map shows, by its name; in px where the scale is not known.

    In a map of no known scan, as of another program, what has no label is usually the surface.
    """
    import numpy as np

    pixel, least = prod(labels.pixel_size or (1.0, 1.0)), 1 if labels.scan else 0
    there, sizes = np.unique(labels.labels[labels.labels >= least], return_counts=True)
    return {_name(labels, label): n * pixel for label, n in zip(there.tolist(), sizes.tolist(), strict=True)}


def _name(labels: "LabelMap", label: int) -> str:
    return labels.names.get(label, f"class {label}") if label else _UNLABELLED


def _model_of(labels: "LabelMap") -> str:
    return str(labels.scan.get("model", ""))


def _background(labels: "LabelMap", names: Sequence[str] | Mapping[str, str]) -> list[int]:
    """Return the labels of these classes, or of the one with the largest area on all maps of its model."""
    import numpy as np

    if not isinstance(names, Mapping):
        _check_names(labels, names, "to be background")
        return sorted({label for label, name in labels.names.items() if name in names})
    if labels.objects is not None:
        return []
    there = np.unique(labels.labels[labels.labels > 0]).tolist()
    if not there:
        raise ValueError("no pixel has a label: there is nothing to measure")
    largest = names[_model_of(labels)]
    if largest == _UNLABELLED:
        return []
    if found := [label for label in {*there, *labels.names} if _name(labels, label) == largest]:
        return found
    raise ValueError(
        f"it has no class {quoted(largest)}, which has the largest area on all these maps and is background;"
        " measure it apart, or name another with --background"
    )


def _check_pairs(labels: "LabelMap", pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse pairs of classes that are not there, or the same."""
    for one, other in pairs:
        _check_names(labels, (one, other), "to measure distances of")
        if one == other:
            raise ValueError(
                f"--pairs needs two classes, got {quoted(one)} twice: its own pairs are written anyway"
            )


def _check_names(labels: "LabelMap", names: Sequence[str], what_for: str) -> None:
    known = labels.names.values()
    if unknown := [name for name in names if name not in known]:
        there = shortened(", ".join(known), 160)
        raise ValueError(f"there is no class {quoted(unknown[0])} {what_for}, only {there}")
