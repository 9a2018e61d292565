"""All files below a folder, through links to other folders too, and the folders that cannot be listed."""

import os
from pathlib import Path


def files_below(folder: str | Path) -> tuple[list[Path], dict[Path, str]]:
    """List what lies below a folder. Links to folders are followed, and each folder is listed once.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    files : list of Path
        All but folders. What a link leads to comes last: a file under both names has its own.
    unreadable : dict of Path to str
        Folders that cannot be listed, and why.
    """
    files: list[Path] = []
    unreadable: dict[Path, str] = {}

    def note(error: OSError) -> None:
        unreadable[Path(error.filename)] = error.strerror or str(error)

    waiting, seen = [os.fspath(folder)], set()
    for top in waiting:
        for here, folders, names in os.walk(top, onerror=note):
            real = os.path.realpath(here)
            if real in seen:  # a link leads back, or two lead to one folder
                folders.clear()
                continue
            seen.add(real)
            waiting += [below for name in folders if os.path.islink(below := os.path.join(here, name))]
            files += [Path(here, name) for name in names]
    return files, unreadable
