"""What a person prefers in the viewer, kept in a small file in the folder of the program."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from napari_stmml.scan import Scan
from napari_stmml.system.files import write_text
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.system.user_folder import user_folder
from napari_stmml.viewer.io.layers import LayerData
from napari_stmml.viewer.io.levelling import LEVELLINGS, levelled_to_layer

_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Preferences:
    """What a person prefers.

    Parameters
    ----------
    heights : str
        How scans are levelled when they are opened: one of `LEVELLINGS`.
    folder : str
        The folder that was browsed last.
    figure : str
        Options of the figure that was saved last, as JSON.
    figure_folder : str
        The folder it was saved in.

    Raises
    ------
    ValueError
        If a value is none of these.
    """

    heights: str = "plane taken out"
    folder: str = ""
    figure: str = ""
    figure_folder: str = ""

    def __post_init__(self) -> None:
        if self.heights not in LEVELLINGS:
            raise ValueError(f"heights must be one of {', '.join(LEVELLINGS)}, got {self.heights!r}")

    def save(self) -> Path:
        """Keep them for the next time.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        return write_text(_path(), json.dumps(asdict(self), indent=1))


def preferences() -> Preferences:
    """Return what was saved last; what is missing or damaged is as it is for everybody."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        known = json.loads(read_bytes(_path(), _MOST_BYTES))
        names = {one.name for one in fields(Preferences)}
        return Preferences(**{name: str(value) for name, value in known.items() if name in names})
    return Preferences()


def opened(scans: Sequence[Scan]) -> list[LayerData]:
    """Make layer data of all directions of a file, levelled as a person prefers it.

    Parameters
    ----------
    scans : sequence of Scan

    Returns
    -------
    list of (ndarray, dict, str)
        The first scan, forward/up, lies on top and alone is shown.
    """
    how = preferences().heights
    return [levelled_to_layer(scan, how, visible=scan is scans[0]) for scan in reversed(scans)]


def _path() -> Path:
    return user_folder() / "viewer.json"
