"""The command ``stmml structures``: find every object on scans, sort them into types, and count them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import napari_stmml.cli.options as options
from napari_stmml.cli.progress import left_out
from napari_stmml.events import Event, Skipped
from napari_stmml.system.strict_json import to_json

if TYPE_CHECKING:
    from napari_stmml.scan import Scan
    from napari_stmml.structures.structures import Structures


def structures(
    paths: options.Paths,
    out: options.StructuresFolder,
    model: options.KnownTypes = None,
    save: options.SavedTypes = None,
    direction: options.OneDirection = "FU",
    false_per_1000_nm2: options.FalseFinds = 1.0,
    mirror_apart: options.MirrorApart = False,
    seed: options.Seed = None,
    as_json: options.AsJson = False,
) -> int:
    """Find every object on scans, say what type it is, and count. Tables and figures are written."""
    from napari_stmml.figures.drawing import save_figure
    from napari_stmml.figures.structures_figure import structures_figure
    from napari_stmml.measuring.structure_tables import write_structures
    from napari_stmml.structures.structures import find_structures
    from napari_stmml.system.files import free_name
    from napari_stmml.text import short_stem

    heard: list[Event] = []
    scans = _scans(paths, direction, heard)
    if not scans:
        raise ValueError(_nothing(heard))
    found = find_structures(
        scans,
        seed=seed or 0,
        false_per_1000_nm2=false_per_1000_nm2,
        like=model,
        mirror_apart=mirror_apart,
    )
    folder, taken = Path(out), set[str]()
    files = write_structures(folder, found)
    for number, scan in enumerate(scans):
        name = short_stem(f"{scan.stem}_{scan.short_direction or 'map'}")
        taken.add(stem := free_name(name, taken.__contains__))
        files.append(save_figure(structures_figure(found, number), folder / f"{stem}_structures.png"))
    if save:
        files.append(found.save(save))
    if as_json:
        rows = found.densities.to_dict("records")
        print(to_json({"densities": rows, "files": [str(one) for one in files], "skipped": left_out(heard)}))
    else:
        _print(found, files)
    for one in left_out(heard):
        print(f"skipped: {one['why']}", file=sys.stderr)
    return 0


def _scans(paths: list[str], direction: str, heard: list[Event]) -> list["Scan"]:
    """Read the topographies of one direction; of a file that has not got it, its first one."""
    from itertools import groupby

    from napari_stmml.jobs.scan_stream import stream_scans
    from napari_stmml.scan import TOPOGRAPHY

    found = []
    for source, of_file in groupby(stream_scans(paths, heard.append), lambda scan: scan.source):
        maps = [scan for scan in of_file if scan.channel == TOPOGRAPHY]
        chosen = [scan for scan in maps if scan.short_direction == direction] or maps
        if not chosen:
            heard.append(
                Skipped(source, f"{Path(source).name}: it is no topography, and objects are found by height")
            )
        elif min(chosen[0].heights.shape) < _FEWEST_PX:
            heard.append(Skipped(source, f"{Path(source).name}: it has too few lines to find structures on"))
        else:
            found.append(chosen[0])
    return found


_FEWEST_PX = 64


def _nothing(heard: list[Event]) -> str:
    why = [one["why"] for one in left_out(heard)]
    return f"there is no scan to find structures on{': ' if why else ''}{'; '.join(why[:3])}"


def _print(found: "Structures", files: list[Path]) -> None:
    from napari_stmml.text import counted, with_error

    scans = found.densities.scan.nunique()
    objects, types = counted(len(found.table), "object"), counted(len(found.names), "type")
    print(f"{objects} of {types} on {counted(scans, 'scan')}")
    for one in found.types:
        density = with_error(one.density_per_nm2, one.error_per_nm2)
        print(f"  {one.name}: {one.count}, {density} per nm²")
    if unlike := int((found.table.type == 0).sum()):
        print(f"  unlike any other: {unlike}")
    for name, area in (("at steps", 1), ("disordered", 2)):
        if left := sum(areas[area] for areas in found.areas):
            print(f"  not looked at, {name}: {left:.0f} nm²")
    print(f"{counted(len(files), 'file')}, the last of them {files[-1]}")
