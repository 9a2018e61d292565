"""What was chosen for the last figure: its options and folder, among the preferences."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.viewer.io.preferences import preferences


def remembered_options() -> FigureOptions:
    """Return the options of the figure before; what is missing or damaged is as it is for everybody."""
    with suppress(ValueError, TypeError, AttributeError):
        return FigureOptions(**json.loads(preferences().figure))
    return FigureOptions()


def remembered_folder() -> Path:
    """Return the folder that the figure before was saved in, if it is still there; else the home."""
    folder = Path(preferences().figure_folder or Path.home())
    return folder if folder.is_dir() else Path.home()


def remember(options: FigureOptions, folder: Path | None = None) -> None:
    """Keep options, and a folder, for the next figure; where that cannot be done, they are forgotten."""
    known = preferences()
    place = known.figure_folder if folder is None else str(folder)
    with suppress(OSError):
        replace(known, figure=json.dumps(asdict(options)), figure_folder=place).save()
