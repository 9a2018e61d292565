"""The scale that a person gave for a picture without one, kept in the user's folder by the picture's hash."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_stmml.system.files import sha256, write_text
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.system.user_folder import user_folder

_MOST_BYTES = 1 << 12
_MOST_NM = 1e6


@dataclass(frozen=True)
class GivenScale:
    """How large a pixel is, and what a value means.

    Parameters
    ----------
    pixel_size : float
        nm per pixel.
    height_scale : float
        nm per unit of the values; 0 where that is not known.

    Raises
    ------
    ValueError
        If a number is impossible.
    """

    pixel_size: float
    height_scale: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.pixel_size, int | float) and 0 < self.pixel_size <= _MOST_NM):
            raise ValueError(f"a pixel size must be above 0 to {_MOST_NM:g} nm, got {self.pixel_size}")
        if not (isinstance(self.height_scale, int | float) and 0 <= self.height_scale <= _MOST_NM):
            raise ValueError(f"a height scale must be 0 to {_MOST_NM:g} nm, got {self.height_scale}")

    def keep_for(self, path: Path) -> None:
        """Keep the scale for a picture, also where that is copied or renamed.

        Parameters
        ----------
        path : Path

        Raises
        ------
        OSError
            If it cannot be kept.
        """
        if (place := _place(path)) is not None:
            write_text(place, json.dumps(asdict(self)))


def given_scale(path: Path) -> GivenScale | None:
    """Return the scale that was given for a picture.

    Parameters
    ----------
    path : Path

    Returns
    -------
    GivenScale or None
        None where none was given, or what was kept cannot be read.
    """
    try:
        place = _place(path)
        return None if place is None else GivenScale(**json.loads(read_bytes(place, _MOST_BYTES)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _place(path: Path) -> Path | None:
    """Return the file that keeps the scale of a picture; None where that cannot be read."""
    digest = sha256(path)
    return None if digest is None else user_folder() / "scales" / f"{digest}.json"
