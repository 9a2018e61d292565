"""Which files the paths of a job stand for, which set each belongs to, and why some give no scan."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from napari_stmml.batch.job_file import SETS, JobFile
from napari_stmml.io.formats import find_scans, left_out
from napari_stmml.scan import ScanFileError
from napari_stmml.system.files import free_name
from napari_stmml.text import short_stem


@dataclass(frozen=True)
class Found:
    """A file that a path stands for.

    Parameters
    ----------
    path : Path
    set : str
        ``train``, ``test`` or ``predict``.
    place : str
        Its place in the tree of results; empty if it gives no scan.
    problem : str
        Why it gives no scan, in a sentence.
    """

    path: Path
    set: str
    place: str = ""
    problem: str = ""


def files_of(job: JobFile) -> list[Found]:
    """List every file of a job, those too that give no scan or are beyond the limit of their set.

    A file belongs to one set: the one to validate on, if that names it, before the one to train on.
    Files beyond a limit can still be labelled.
    """
    to_label = files_to_label(job)
    count = dict.fromkeys(SETS, 0)
    found = []
    for file in survey((which, path) for which in ("test", "train", "predict") for path in job.paths(which)):
        limit = f"mtrx_{file.set}_data_limit"
        most = job.values.get(limit, 0)
        count[file.set] += bool(file.place)
        if file.place and 0 < most < count[file.set]:
            if file.path.resolve() in to_label:
                file = replace(file, set="predict")
            else:
                why = f"Beyond {limit} {most}: {file.path.name} is left out"
                file = replace(file, place="", problem=why)
        found.append(file)
    return sorted(found, key=lambda file: SETS.index(file.set))


def files_to_label(job: JobFile) -> frozenset[Path]:
    """Return the files that ``predict_path`` names, which may be files to train on as well."""
    named = survey(("predict", path) for path in job.paths("predict"))
    return frozenset(file.path.resolve() for file in named if file.place)


def survey(paths: Iterable[tuple[str, Path]]) -> Iterator[Found]:
    """List every MATRIX file that (set, path) stand for, each once, also those that give no scan.

    The ``place`` is the folder's name and the way below it, without the ending of the file; it is unique.
    """
    seen: set[Path] = set()
    roots: dict[Path, str] = {}
    taken_roots: set[str] = set()
    taken: set[str] = set()
    for which, path in paths:
        base = path if path.is_dir() else path.parent
        own = base.resolve()
        if own not in roots:
            roots[own] = _unlike(short_stem(own.name) or "scans", taken_roots)
        for file, problem in _files_at(path):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            place = ""
            if not problem:
                below = map(short_stem, file.relative_to(base).with_suffix("").parts)
                place = _unlike("/".join([roots[own], *below]), taken)
            yield Found(file, which, place, problem)


def _files_at(path: Path) -> Iterator[tuple[Path, str]]:
    """List the files that a path stands for, each with the reason why it gives no scan, if there is one."""
    try:
        yield from ((file, "") for file in find_scans(path))
    except (ScanFileError, OSError) as error:
        yield path, str(error)
    if path.is_dir():
        yield from left_out(path)


def _unlike(name: str, taken: set[str]) -> str:
    """Return a name, with a number if one is taken that some disk, or a flat folder, would take for it.

    >>> taken = set()
    >>> [_unlike(name, taken) for name in ("a_b/c", "a/b_c", "A/b/c")]
    ['a_b/c', 'a/b_c-2', 'A/b/c-3']
    """

    def folded(name: str) -> str:
        return name.replace("/", "_").replace("~", "_").casefold()

    free = free_name(name, lambda one: folded(one) in taken, "-")
    taken.add(folded(free))
    return free
