"""Older and damaged files stay beside those that take their place, under names that nothing opens."""

import re
from datetime import UTC, datetime
from pathlib import Path

from napari_stmml.system.atomic import replace
from napari_stmml.system.files import link_or_copy

KEPT = 10  # older copies of a file


def put_aside(path: str | Path) -> Path:
    """Move a file that cannot be used to a name that nothing opens, and where it stays; return it.

    Parameters
    ----------
    path : str or Path
        The file, which must exist.

    Returns
    -------
    Path
        Where it is now, in the same folder.
    """
    return replace(path, _aside(Path(path), "damaged.bak"))


def keep_aside(path: str | Path) -> Path:
    """Keep a copy of a file, which stays where it is, before another takes its place; return the copy.

    Of more than ten copies, the oldest go.

    Parameters
    ----------
    path : str or Path
        The file, which must exist.

    Returns
    -------
    Path
        The copy, beside the file; a second name of it where the disk allows that.
    """
    path = Path(path)
    aside = _aside(path)
    link_or_copy(path, aside)  # what replaces the file leaves this as it is
    for old in [one for *_, one in _asides(path, "bak") if one != aside][: 1 - KEPT]:
        old.unlink(missing_ok=True)
    return aside


def _aside(path: Path, ending: str = "bak") -> Path:
    """Return a free name beside a file: its own, the time, and an ending that nothing opens."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    # One more than the last, not the first that is free: so names stand in the order they were made.
    number = max([at for when, at, _ in _asides(path, ending) if when == stamp], default=-1) + 1
    return path.with_name(f"{_stem(path)}.{stamp}{f'-{number}' if number else ''}.{ending}")


def _asides(path: Path, ending: str) -> list[tuple[str, int, Path]]:
    """List what was put aside of a file, the oldest first: when, which one in that second, and where."""
    pattern = re.compile(rf"{re.escape(_stem(path))}\.(\d{{8}}-\d{{6}})(?:-(\d+))?\.{re.escape(ending)}")
    found = [(match, one) for one in path.parent.iterdir() if (match := pattern.fullmatch(one.name))]
    return sorted((match[1], int(match[2] or 0), one) for match, one in found)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".tif").removesuffix(".stmml")
