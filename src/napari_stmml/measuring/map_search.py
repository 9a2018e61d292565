"""The label maps that a folder holds, or the folder of a job."""

from pathlib import Path

from napari_stmml.io.folder_search import files_below
from napari_stmml.io.label_tiff import is_label_map
from napari_stmml.io.tiff_page import opened_page

_OF_JOB = "job_as_run.toml"
_RESULTS = ("predictions", "structures")  # of a job: maps of pixel classes, before those of structures
_ENDINGS = (".tif", ".tiff")
_EDITED = "_edited"  # maps that a newer prediction took the place of


def maps_at(path: str | Path, any_program: bool) -> list[Path]:
    """List the label maps that a path stands for.

    Parameters
    ----------
    path : str or Path
        A map stands for itself, a folder for all maps below it, the folder of a job for its predictions or,
        without any, for its structures.
    any_program : bool
        Whether TIFFs of whole numbers that are not of this program are label maps, too.

    Returns
    -------
    list of Path
        Sorted.

    Raises
    ------
    ValueError
        If a folder holds none, or the path does not exist.
    """
    path = Path(path)
    if not path.is_dir():
        return [path]
    folders = [path / name for name in _RESULTS] if (path / _OF_JOB).is_file() else [path]
    others = 0
    for folder in folders:
        tiffs = [one for one in sorted(files_below(folder)[0]) if _is_named_so(one.relative_to(folder))]
        found = [one for one in tiffs if is_label_map(one) or (any_program and _is_whole(one))]
        others += len(tiffs) - len(found)
        if found:
            return found
    hint = (
        f"; {others} TIFFs are none of ours: --scan names their scans" if others and not any_program else ""
    )
    raise ValueError(f"{path} holds no label map{hint}")


def _is_named_so(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "older" for part in path.parts)
    return path.suffix.lower() in _ENDINGS and not hidden and not path.stem.endswith(_EDITED)


def _is_whole(path: Path) -> bool:
    try:
        with opened_page(path) as page:
            return page.is_whole
    except ValueError:
        return False
