"""The command ``stmml structures``: find every object on scans, sort them into types, and count them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import napari_stmml.cli.options as options
from napari_stmml.cli.progress import left_out, progress_shown, stop_on_interrupt
from napari_stmml.events import Event, Skipped, of_type
from napari_stmml.system.strict_json import to_json

if TYPE_CHECKING:
    from napari_stmml.batch.structure_files import Search, StructureTask
    from napari_stmml.batch.structure_run import RunTables


def structures(
    paths: options.Paths,
    out: options.StructuresFolder,
    model: options.KnownTypes = None,
    save: options.SavedTypes = None,
    direction: options.OneDirection = "FU",
    false_per_1000_nm2: options.FalseFinds = 1.0,
    mirror_apart: options.MirrorApart = False,
    with_disordered: options.WithDisordered = False,
    gwy: options.Gwy = False,
    seed: options.Seed = None,
    pixel_size: options.PixelSize = 0.0,
    height_scale: options.HeightScale = 0.0,
    as_json: options.AsJson = False,
) -> int:
    """Find every object on scans, say what type it is, and count. Tables, pictures and a page are written."""
    from napari_stmml.batch.job_parameters import PARAMETERS
    from napari_stmml.batch.structure_files import Search
    from napari_stmml.io.pictures import give_scale

    give_scale(paths, pixel_size, height_scale)
    PARAMETERS["structures.false_per_1000_nm2"].check(false_per_1000_nm2)
    heard: list[Event] = []
    search = Search(false_per_1000_nm2, mirror_apart, with_disordered, seed or 0, model or "")
    others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    title = f"Structures in {Path(paths[0]).absolute().name}{others}"
    tables = _find(Path(out), title, _tasks(paths, direction, heard), search, gwy, heard)
    files = [str(file) for file in tables.files]
    if save:
        from napari_stmml.structures.structures import Structures

        files.append(str(Structures.load(Path(out) / "types.stmml").save(save)))
    if as_json:
        print(to_json({"densities": tables.counts, "files": files, "skipped": left_out(heard)}))
    else:
        print(f"{tables}\npage:   {tables.files[-1]}")
    return 0


def _find(
    out: Path, title: str, tasks: "list[StructureTask]", search: "Search", gwy: bool, heard: list[Event]
) -> "RunTables":
    """Find structures, with progress on standard error; Ctrl-C ends it."""
    from napari_stmml.batch.structure_files import StructureFiles
    from napari_stmml.batch.structure_run import StructureRun
    from napari_stmml.system.progress import Stopped
    from napari_stmml.system.temporary import TemporaryFolder

    if not tasks:
        why = [one["why"] for one in left_out(heard)]
        raise ValueError(f"there is no scan to find structures on{': ' if why else ''}{'; '.join(why[:3])}")
    unread = [(one.scan, one.why) for one in of_type(heard, Skipped)]
    records = TemporaryFolder()
    model = Path(search.like).name
    files = StructureFiles(str(out), str(out), str(records.path), search, model=model, gwy=gwy)
    try:
        with stop_on_interrupt() as should_stop, progress_shown() as show:

            def report(event: Event) -> None:
                heard.append(event)
                show(event)

            run = StructureRun(tasks, files, report, should_stop)
            run.find()
            return run.write_tables(title, unread)
    except Stopped as error:
        raise ValueError(str(error)) from error
    finally:
        records.cleanup()


def _tasks(paths: list[str], direction: str, heard: list[Event]) -> "list[StructureTask]":
    """List the files to search, each with a name of its own for what is made of it."""
    from napari_stmml.batch.structure_files import StructureTask
    from napari_stmml.io.formats import files_of
    from napari_stmml.system.files import free_name
    from napari_stmml.text import short_stem

    found, taken = [], set[str]()
    for file, why in files_of(paths):
        if why:
            heard.append(Skipped(str(file), why, source=str(file)))
            print(f"skipped: {why}", file=sys.stderr)
        else:
            stem = free_name(short_stem(file.stem), lambda one: one.lower() in taken)
            taken.add(stem.lower())
            found.append(StructureTask(str(file), direction, stem))
    return found
