"""The command ``stmml info``: what scans are, and all that their files say."""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from napari_stmml.cli.curve_info import curve_line, describe_curves, describe_grid
from napari_stmml.cli.model_info import ENDING, describe_model, model_line
from napari_stmml.cli.options import AsJson, Everything, HeightScale, Paths, PixelSize
from napari_stmml.events import Event, Skipped, of_type
from napari_stmml.system.strict_json import to_json
from napari_stmml.text import number

if TYPE_CHECKING:
    from napari_stmml.io.outline import Outline
    from napari_stmml.io.settings import FileSettings, Row
    from napari_stmml.scan import Scan


def info(
    paths: Paths,
    everything: Everything = False,
    as_json: AsJson = False,
    pixel_size: PixelSize = 0.0,
    height_scale: HeightScale = 0.0,
) -> int:
    """Print size, bias, setpoint and date of every scan. With --all or --json, all that its files say.

    Of a model, M.stmml, it prints the recipe, and how many clusters and classes there are. Of a file of
    curves, what was measured and where.
    """
    from napari_stmml.io.pictures import give_scale

    give_scale(paths, pixel_size, height_scale)
    heard: list[Event] = []
    models = _models(paths, heard)
    curves, of_curves = _curves(paths, heard)
    paths = [path for path in paths if not path.endswith(ENDING) and path not in of_curves]
    scans: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    for source, of_file in groupby(_told(paths, heard, as_json), lambda one: one[0]):
        said = [what for _, what in of_file]
        told = _settings_of(source, heard) if as_json or everything else None
        files.append(told.as_dict() if told else {"file": source})
        if as_json:
            scans += said
        else:
            print("\n".join([*said, *([_table(told.rows())] if told else [])]))
    skipped = [{"file": event.scan, "why": event.why} for event in of_type(heard, Skipped)]
    found = {"scans": scans, "files": files, "models": models, "curves": curves, "skipped": skipped}
    _finish(found, as_json)
    return 0 if files or models or curves else 1


def _told(paths: Sequence[str], heard: list[Event], as_json: bool) -> Iterator[tuple[str, Any]]:
    """Yield the file of every scan and what is said of it; JSON alone, which has a range, needs heights."""
    from napari_stmml.jobs.scan_stream import stream_outlines, stream_scans

    if as_json:
        yield from ((scan.source, _describe(scan)) for scan in stream_scans(paths, heard.append))
    else:
        yield from ((one.scan.source, _line(one)) for one in stream_outlines(paths, heard.append))


def _finish(found: dict[str, list[dict[str, Any]]], as_json: bool) -> None:
    """Print what was found as JSON, or the lines of models; and what was skipped."""
    if as_json:
        print(
            to_json({name: rows for name, rows in found.items() if rows or name not in ("models", "curves")})
        )
    else:
        for curve in found["curves"]:
            print(curve_line(curve))
        for model in found["models"]:
            print(model_line(model))
    for one in found["skipped"]:
        print(f"skipped: {one['why']}", file=sys.stderr)


def _models(paths: Sequence[str], heard: list[Event]) -> list[dict[str, Any]]:
    """Describe those files that are models; one that cannot be read is skipped."""
    found = []
    for path in paths:
        if path.endswith(ENDING):
            try:
                found.append(describe_model(path))
            except (ValueError, OSError) as error:
                heard.append(Skipped(path, str(error)))
    return found


def _curves(paths: Sequence[str], heard: list[Event]) -> tuple[list[dict[str, Any]], set[str]]:
    """Describe the files of curves among paths and below them; return those, and which files they are."""
    from napari_stmml.io.curve_files import curve_files, read_curves
    from napari_stmml.io.nanonis_grid import is_grid_file, read_grid

    found, of_curves = [], set()
    for file in curve_files(paths):
        of_curves.add(str(file))
        try:
            grid = is_grid_file(file)
            found.append(describe_grid(read_grid(file)) if grid else describe_curves(read_curves(file)))
        except ValueError as error:
            heard.append(Skipped(str(file), str(error)))
    return found, of_curves


def _settings_of(source: str, heard: list[Event]) -> "FileSettings | None":
    """Read what a file says beside the heights; one that has gone since its scans were read is skipped."""
    from napari_stmml.io.formats import read_settings
    from napari_stmml.scan import ScanFileError

    try:
        return read_settings(source)
    except ScanFileError as error:
        heard.append(Skipped(source, str(error)))
        return None


def _describe(scan: "Scan") -> dict[str, Any]:
    """Return the settings of a scan for programs, exact, with its shape and how much of it was scanned."""
    import numpy as np

    finite = np.isfinite(scan.heights)
    found = scan.heights[finite]
    return {
        "name": scan.name,
        "shape": list(scan.heights.shape),
        "scanned_rows": int(finite.any(axis=1).sum()),
        "range": [float(found.min()), float(found.max())] if found.size else None,
        **scan.settings(),
    }


def _line(outline: "Outline") -> str:
    """Say what a scan is in one line, rounded for people."""
    scan, scanned = outline.scan, outline.scanned_rows
    rows, cols = scan.heights.shape
    tall, wide = scan.size_nm or (0.0, 0.0)
    setpoint = "setpoint ?" if scan.setpoint is None else f"{number(scan.setpoint * 1000)} pA"
    taken = "" if scan.taken is None else f"{scan.taken:%Y-%m-%d %H:%M} UTC"
    partial = "" if scanned == rows else f", {scanned} of {rows} lines scanned"
    size = f"{cols} x {rows} px, {number(wide)} x {number(tall)} nm"
    angle = "angle ?" if scan.angle is None else f"{number(scan.angle)} deg"
    return f"{scan.name}: {size}, {setpoint}, {angle}, {taken}{partial}"


def _table(rows: "Sequence[Row]") -> str:
    """Lay the settings of a file out in groups, for people."""
    wide = max(len(row.label) for row in rows)
    lines = [""]
    for group, settings in groupby(rows, lambda row: row.group):
        lines.append(f"  {group}")
        for row in settings:
            how = f"  ({row.where}: {row.setting.how})" if row.setting.how else ""
            lines.append(f"    {row.label:<{wide}}  {row.text or '-'}{how}")
    return "\n".join([*lines, ""])
