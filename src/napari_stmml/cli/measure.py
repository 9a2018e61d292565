"""The command ``stmml measure``: label maps and the scans below them to tables, pictures and one summary."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

import napari_stmml.cli.options as options
from napari_stmml.system.files import free_name
from napari_stmml.system.strict_json import to_json
from napari_stmml.text import quoted, short_stem

if TYPE_CHECKING:
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.measuring.measurements import Measurements
    from napari_stmml.measuring.series import ScanSummary
    from napari_stmml.scan import Scan


@dataclass(frozen=True)
class Asked:
    """What a person asked for; ``background`` is names of classes, or empty for that of the series."""

    scan: str | None
    direction: str | None
    background: Sequence[str]
    min_area: float
    pairs: Sequence[tuple[str, str]]
    only_tables: bool = False


@dataclass(frozen=True)
class Series:
    """What all maps of a command have in common: a background for each model, classes of other programs."""

    backgrounds: dict[str, tuple[str, ...]]
    names: dict[int, str]


@dataclass(frozen=True)
class Measured:
    """A label map that was measured: what is said of it, as text and as JSON, and its part of the summary."""

    text: str
    told: dict[str, Any]
    summary: "ScanSummary"


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
    only_tables: options.OnlyTables = False,
    as_json: options.AsJson = False,
) -> int:
    """Measure the regions of label maps in nm. Tables, averages, pair distances and a picture are written.

    Of several maps, or of a folder, summary.csv has a row for each class on each scan.
    """
    from napari_stmml.measuring.map_search import maps_at

    maps = [one for path in labels for one in maps_at(path, any_program=scan is not None)]
    folders = list(filter(Path.is_dir, map(Path, labels)))
    base = Path(out) if out else (folders[0] if folders else maps[0].parent)
    two = tuple(zip(pairs[::2], pairs[1::2], strict=True))
    asked = Asked(scan, direction, background, min_area, two, only_tables)
    measured, skipped = _measure_all(maps, base, bool(out), asked, as_json)
    is_series = bool(folders) or len(maps) > 1
    summary = _write_summary(base, measured, as_json) if measured and is_series else None
    if as_json:
        done = [one.told for one in measured]
        print(to_json({"measured": done, "skipped": skipped, "summary": summary and str(summary)}))
    return 0 if measured else 1


def _measure_all(
    maps: Sequence[Path], base: Path, together: bool, asked: Asked, silent: bool
) -> tuple[list[Measured], list[dict[str, str]]]:
    """Measure maps one after the other; return what was measured, and why others could not be."""
    measured: list[Measured] = []
    skipped: list[dict[str, str]] = []
    taken: set[Path] = set()
    series = _look_through(maps)
    for path in maps:
        folder, stem = base if together else path.parent, short_stem(_plain_stem(path))
        to = folder / free_name(stem, lambda name, folder=folder: folder / name in taken)  # type: ignore[misc]
        taken.add(to)
        try:
            measured.append(_measure(path, to, asked, series, base))
        except Exception as error:  # noqa: BLE001 - whatever ails one map, the others are measured
            known = isinstance(error, (ValueError, OSError))
            told = str(error) if known else f"it could not be measured ({type(error).__name__}: {error})"
            why = told if path.name in told else f"{path.name}: {told}"
            skipped.append({"file": str(path), "why": why})
            print(f"skipped: {why}", file=sys.stderr)
        else:
            if not silent:
                print(measured[-1].text)
    return measured, skipped


def _plain_stem(path: Path) -> str:
    plain = re.sub(r"\.tiff?$", "", path.name, flags=re.IGNORECASE)
    return plain.removesuffix(".stmml").removesuffix("_labels")


def _look_through(paths: Iterable[Path]) -> Series:
    """Choose one background for all maps of each model, by their areas."""
    from napari_stmml.io.label_tiff import read_labels
    from napari_stmml.measuring.backgrounds import areas_of, names_of_series, series_backgrounds

    areas = []
    for path in paths:
        with suppress(ValueError, OSError):  # said when it is measured
            areas.append(areas_of(read_labels(path)))
    return Series(series_backgrounds(areas), names_of_series(areas))


def _write_summary(base: Path, measured: Sequence[Measured], silent: bool) -> Path:
    """Write the table of a series, and say what it sums up to."""
    from napari_stmml.measuring.series import SUMMARY, series_sentences, summary_rows, write_summary

    scans = [one.summary for one in measured]
    path = write_summary(base / SUMMARY, scans)
    if not silent:
        print("\n  ".join([f"{path}: {len(scans)} maps", *series_sentences(summary_rows(scans))]))
    return path


def _measure(path: Path, to: Path, asked: Asked, series: Series, base: Path) -> Measured:
    """Measure one label map; write its files, whose names begin as ``to``."""
    from napari_stmml.io.label_tiff import read_labels
    from napari_stmml.measuring import backgrounds
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.measuring.scan_of_map import scan_of_map
    from napari_stmml.measuring.series import scan_summary

    found = read_labels(path)
    names = {**series.names, **found.names} if not backgrounds.model_of(found) else dict(found.names)
    if asked.background:
        background = backgrounds.named_background(found, asked.background)
    else:
        background = backgrounds.background_labels(found, series.backgrounds, names)
    _check_pairs(found, asked.pairs)
    scan, assumed = scan_of_map(found, asked.scan, asked.direction, path.stem)
    known = {"names": names, "background": background, "min_area": asked.min_area, "objects": found.objects}
    result = measure_scan(found.labels, scan, **known)
    files = _write(to, result, scan, found, asked)
    summary = scan_summary(result, scan, backgrounds.model_of(found), _relative(path, base))
    chosen = [names.get(label, f"class {label}") for label in background]
    named = bool(asked.background) or found.objects is not None
    return Measured(
        _as_text(path, result, scan, chosen, named, assumed, files),
        _as_dict(path, result, summary, chosen, files),
        summary,
    )


def _relative(path: Path, base: Path) -> str:
    """Return the path of a map as the summary beside it has it: relative where it lies below."""
    own, folder = Path(os.path.abspath(path)), Path(os.path.abspath(base))
    return (own.relative_to(folder) if own.is_relative_to(folder) else own).as_posix()


def _write(to: Path, result: "Measurements", scan: "Scan", found: "LabelMap", asked: Asked) -> list[Path]:
    """Write tables, averages and picture of a map."""
    from napari_stmml.measuring.backgrounds import model_of
    from napari_stmml.measuring.class_details import class_details, pairs_between
    from napari_stmml.measuring.region_tables import about_scan, file_name, write_measurements, write_table

    details, model = () if asked.only_tables else class_details(result), model_of(found)
    files = write_measurements(to.parent, to.name, result, scan, model=model, details=details)
    about, taken = about_scan(scan, result, model), set[str]()
    for first, second in asked.pairs:
        if (table := pairs_between(result, first, second)) is not None:
            name = file_name(f"{first}_to_{second}", taken)
            of_classes = {"name": first, "to_name": second, **about}
            path = to.with_name(f"{to.name}_pairs_{name}.csv")
            files.append(write_table(path, table, result.unit, of_classes))
    if not asked.only_tables:
        from napari_stmml.figures.paper.measured_figure import save_picture

        files.append(save_picture(to.with_name(f"{to.name}_regions.png"), scan, found, result, details))
    return files


def _as_dict(
    path: Path, result: "Measurements", summary: "ScanSummary", background: list[str], files: list[Path]
) -> dict[str, Any]:
    """Return what was measured on a map as JSON knows it."""
    from napari_stmml.measuring.quantities import with_units
    from napari_stmml.measuring.region_tables import rows_of

    return {
        **summary.about,
        "labels": str(path),
        "background": background,
        f"scanned_{result.unit}2": result.area,
        "regions": len(result.regions),
        "classes": rows_of(with_units(result.classes, result.unit)),
        "files": [str(file) for file in files],
    }


def _as_text(
    path: Path,
    result: "Measurements",
    scan: "Scan",
    background: list[str],
    named: bool,
    assumed: bool,
    files: list[Path],
) -> str:
    """Say what was measured on a map."""
    from napari_stmml.measuring.cautions import cautions, class_sentence
    from napari_stmml.text import counted, number

    unit, classes = result.unit, result.classes.itertuples()
    chosen = "" if named else " (the largest area of all maps; --background names another)"
    lines = [
        f"{path.name}: {counted(len(result.regions), 'region')} on {number(result.area)} {unit}²",
        *([f"heights of {scan.name}; --direction names another"] if assumed else []),
        f"background: {', '.join(background) or 'what has no label'}{chosen}",
        *(class_sentence(one, unit) for one in classes if not one.background),
        *cautions(result),
        f"{counted(len(files), 'file')}, the last of them {files[-1]}",
    ]
    return "\n  ".join(lines)


def _check_pairs(labels: "LabelMap", pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse pairs of classes that are not there, or the same."""
    from napari_stmml.measuring.backgrounds import check_names

    for one, other in pairs:
        check_names(labels, (one, other), "to measure distances of")
        if one == other:
            raise ValueError(
                f"--pairs needs two classes, got {quoted(one)} twice: its own pairs are written anyway"
            )
