"""The door to files that somebody else may have made: pipes, devices, folders and too many bytes stay out."""

import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NoRegularFile(ValueError):
    """A path that is not read: a pipe, a device or a folder, or a file of too many bytes."""


def check_file(path: str | Path, most: int | None = None) -> int:
    """Refuse what must not be opened: reading from a pipe or a device would never end.

    Nothing is read.

    Parameters
    ----------
    path : str or Path
    most : int, optional
        Bytes that such a file may have.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or its folder cannot be read.
    NoRegularFile
        In one sentence that names the file: it is a pipe, a device or a folder, or too large.

    Examples
    --------
    >>> check_file("/")
    Traceback (most recent call last):
    napari_stmml.system.regular_file.NoRegularFile: / is a folder, not a file
    """
    path = Path(path)
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no plain file")
        raise NoRegularFile(f"{path.name or path} is {kind}, not a file")
    if most is not None and found.st_size > most:
        raise NoRegularFile(
            f"{path.name} is too large: {_size(found.st_size)}, at most {_size(most)} are read"
        )
    return found.st_size


def read_bytes(path: str | Path, most: int) -> bytes:
    """Read a small file whole.

    Parameters
    ----------
    path : str or Path
    most : int
        Bytes that it may have.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If it cannot be read.
    NoRegularFile
        As `check_file`.
    """
    check_file(path, most)
    with Path(path).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:  # it has grown meanwhile, or its file system does not know sizes
        raise NoRegularFile(f"{Path(path).name} is too large: at most {_size(most)} are read")
    return content


def _size(n: int) -> str:
    """Write a number of bytes with the unit that suits it.

    >>> _size(65536), _size(3 * 2**30), _size(100)
    ('64 KiB', '3 GiB', '100 bytes')
    """
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if n >= 1 << power:
            return f"{round(n / (1 << power), 1):g} {unit}"
    return f"{n} bytes"
