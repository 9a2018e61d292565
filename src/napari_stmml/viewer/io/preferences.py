"""What a person prefers in the viewer: in napari's preferences, and a small file of what is remembered."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from napari_stmml.recipe import DEFAULT, RECIPES
from napari_stmml.scan import DIRECTIONS, Scan
from napari_stmml.system.files import write_text
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.system.threads import MOST_THREADS
from napari_stmml.system.user_folder import set_work_folder, user_folder
from napari_stmml.viewer.io.layers import STM_COLORMAP, LayerData
from napari_stmml.viewer.io.levelling import LEVELLINGS, levelled_to_layer

_MOST_BYTES = 1 << 16
_OUTSIDE = os.environ.get(MOST_THREADS, "")  # what holds where nothing is preferred here
STM = "stm"
COLOUR_MAPS = (STM, "gray", "viridis", "inferno", "magma", "plasma", "cividis")
SHOWN = {  # which directions are opened
    "all, forward/up on top": DIRECTIONS,
    "forward": tuple(one for one in DIRECTIONS if one.startswith("forward")),
    "forward/up alone": DIRECTIONS[:1],
}
CHOICES = {"heights": LEVELLINGS, "colours": COLOUR_MAPS, "directions": SHOWN, "recipe": RECIPES}
IN_NAPARI = {  # in the preferences of napari (napari.yaml): value -> part of these
    **dict.fromkeys(("heights", "colours", "directions"), "opening"),
    **dict.fromkeys(("recipe", "work_folder", "threads"), "work"),
}


@dataclass(frozen=True)
class Preferences:
    """What a person prefers; those of `IN_NAPARI` are seen in napari's *Preferences*.

    Parameters
    ----------
    heights : str
        How scans are levelled when they are opened: one of `LEVELLINGS`.
    colours : str
        Colour map of scans: one of `COLOUR_MAPS`.
    directions : str
        Which directions of a scan are opened: one of `SHOWN`.
    recipe : str
        That *Train* and *Batch* begin with.
    work_folder : str
        Where models and truths are kept; empty for the usual place.
    threads : int
        Processes and threads that work at a time; 0 for one a core.
    folder : str
        The folder that was browsed last.
    figure : str
        Options of the figure that was saved last, as JSON.
    figure_folder : str
        The folder it was saved in.
    steps : str
        Empty while the panel STM may come by itself.

    Raises
    ------
    ValueError
        If a value is none of these.
    """

    heights: str = "plane taken out"
    colours: str = STM
    directions: str = next(iter(SHOWN))
    recipe: str = DEFAULT
    work_folder: str = ""
    threads: int = 0
    folder: str = ""
    figure: str = ""
    figure_folder: str = ""
    steps: str = ""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")

    def save(self) -> Path:
        """Keep them for the next time.

        Returns
        -------
        Path
            The file of what is remembered.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        settings = _settings()
        for name, part in IN_NAPARI.items():
            if settings is not None and getattr(getattr(settings, part), name) != getattr(self, name):
                setattr(getattr(settings, part), name, getattr(self, name))
        remembered = {name: value for name, value in asdict(self).items() if name not in IN_NAPARI}
        return write_text(_path(), json.dumps(remembered, indent=1))


def preferences() -> Preferences:
    """Return what was saved last; what is missing or damaged is as it is for everybody."""
    known = _remembered()
    settings = _settings()
    if settings is not None:
        known |= {name: getattr(getattr(settings, part), name) for name, part in IN_NAPARI.items()}
    return _of(known)


def decline_steps() -> None:
    """Let the panel STM not come by itself any more."""
    with suppress(OSError):
        replace(preferences(), steps="closed").save()


def apply_to_process() -> None:
    """Let this process and those that it starts work in the folder, and with the threads, that are preferred.

    Raises
    ------
    ValueError
        If the folder is none.
    """
    now = preferences()
    if now.threads:
        os.environ[MOST_THREADS] = str(now.threads)
    elif _OUTSIDE:
        os.environ[MOST_THREADS] = _OUTSIDE
    else:
        os.environ.pop(MOST_THREADS, None)
    set_work_folder(now.work_folder)


def opened(scans: Sequence[Scan]) -> list[LayerData]:
    """Make layer data of the directions of a file that a person prefers to see, levelled and coloured so.

    Parameters
    ----------
    scans : sequence of Scan

    Returns
    -------
    list of (ndarray, dict, str)
        The first scan, forward/up, lies on top and alone is shown. Where none has a direction that is
        preferred, all are there.
    """
    now = preferences()
    some = [scan for scan in scans if scan.direction in SHOWN[now.directions]] or list(scans)
    return [as_preferred(scan, now, visible=scan is some[0]) for scan in reversed(some)]


def as_preferred(scan: Scan, now: Preferences, visible: bool = True) -> LayerData:
    """Make layer data of a scan, levelled and coloured as a person prefers it.

    Parameters
    ----------
    scan : Scan
    now : Preferences
    visible : bool

    Returns
    -------
    (ndarray, dict, str)
    """
    data, meta, kind = levelled_to_layer(scan, now.heights, visible)
    return data, meta | {"colormap": STM_COLORMAP if now.colours == STM else now.colours}, kind


def _settings() -> Any:
    """Return our part of napari's preferences; None where napari does not know this plugin."""
    from napari.settings import get_plugin_settings

    with suppress(KeyError):
        return get_plugin_settings("napari-stmml")
    return None


def _remembered() -> dict[str, Any]:
    """Return what the small file holds; what earlier versions kept there of napari's goes to napari."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        known = json.loads(read_bytes(_path(), _MOST_BYTES))
        names = {one.name for one in fields(Preferences)}
        mine: dict[str, Any] = {name: str(value) for name, value in known.items() if name in names}
        moved = _of({name: value for name, value in mine.items() if name in IN_NAPARI and name in CHOICES})
        mine = {name: value for name, value in mine.items() if name not in IN_NAPARI}
        if "heights" in known:
            replace(moved, **mine).save()
        return mine
    return {}


def _of(known: dict[str, Any]) -> Preferences:
    with suppress(ValueError, TypeError):
        return Preferences(**known)
    return Preferences()


def _path() -> Path:
    return user_folder() / "viewer.json"
