"""Models that were used last, and the one that was used last on a scan: kept in the person's own folder."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from napari_stmml.classes import Classes
from napari_stmml.model import model_file
from napari_stmml.scan import Scan
from napari_stmml.system.files import copy, free_path, identity, is_writable, sha256, write_text
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.system.user_folder import earlier_folders, models_folder, user_folder
from napari_stmml.text import counted, short_stem

ENDING = ".stmml"
_FILE = "recent_models.json"
_MOST_MODELS, _MOST_SCANS, _MOST_BYTES = 100, 5000, 1 << 22
_HASH = 16  # digits of the hash of a scan's file


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself.

    Parameters
    ----------
    path : Path
    made : datetime
        When it was trained, UTC.
    scans : int
        How many it was trained on.
    classes : tuple of str
        Their names, in the order of the class table.
    """

    path: Path
    made: datetime
    scans: int
    classes: tuple[str, ...]

    def line(self) -> str:
        """Return name, date (of this place), scans and classes in a line."""
        when = self.made.astimezone()
        size = f"{counted(self.scans, 'scan')} · {counted(len(self.classes), 'class')}"
        return f"{self.path.stem} · {when:%Y-%m-%d %H:%M} · {size}"

    def about(self) -> str:
        """Return in several lines where it is, and what its classes are called."""
        return f"{self.path}\n{self.line()}\n{', '.join(self.classes)}"


@dataclass(frozen=True)
class _Known:
    """What the file says: when a model was used last, and which one on a scan."""

    models: Mapping[str, str] = field(default_factory=dict)  # path: date and time, UTC
    scans: Mapping[str, str] = field(default_factory=dict)  # start of the hash of a scan's file: path


def model_info(path: str | Path) -> ModelInfo:
    """Read what a model file says of itself; its arrays are not read.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ModelInfo

    Raises
    ------
    ValueError
        If it is no model, or a damaged one.
    """
    path = Path(path)
    return _info(path, identity(path))


@lru_cache(maxsize=256)
def _info(path: Path, _: tuple[int, ...]) -> ModelInfo:
    about = model_file.read_about(path)
    try:
        training, classes = about.get("training", {}), Classes.of_dicts(about)
        made = datetime.fromisoformat(training.get("created") or _changed(path))
        names = tuple(classes.entries[label - 1].name for label in classes.order)
        return ModelInfo(path, made.astimezone(UTC), len(training.get("files", ())), names)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be used as a model: {error}") from error


def recent_models(most: int = 12) -> list[ModelInfo]:
    """List models that were used, and those that lie in the folder of models, the latest first.

    Parameters
    ----------
    most : int

    Returns
    -------
    list of ModelInfo
        Files that are not there any more, or are no models, are left out.
    """
    used = {Path(path): when for path, when in _read().models.items()}
    for folder in (models_folder(), *(one / "models" for one in earlier_folders())):
        with suppress(OSError):
            for path in folder.glob(f"*{ENDING}"):
                used.setdefault(path, _changed(path))
    found: list[ModelInfo] = []
    for path in sorted(used, key=lambda path: used[path], reverse=True):
        with suppress(OSError, ValueError):
            found.append(model_info(path))
        if len(found) == most:
            break
    return found


def note_use(model: str | Path, scans: Iterable[Scan] = ()) -> None:
    """Note that a model was used now, and on which scans; where that cannot be noted, nothing happens.

    Parameters
    ----------
    model : str or Path
    scans : iterable of Scan
    """
    path, known = str(Path(model).absolute()), _read()
    models = {**known.models, path: datetime.now(UTC).isoformat()}
    of_scans = dict(known.scans)
    for key in dict.fromkeys(found for scan in scans if (found := _hash(scan))):
        of_scans.pop(key, None)  # so that the latest stand last
        of_scans[key] = path
    latest = dict(sorted(models.items(), key=lambda one: one[1])[-_MOST_MODELS:])
    content = {"models": latest, "scans": dict(list(of_scans.items())[-_MOST_SCANS:])}
    with suppress(OSError):
        write_text(user_folder() / _FILE, json.dumps(content, indent=1))


def model_of(scan: Scan) -> Path | None:
    """Return the model that was used last on a scan, in any of its directions.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    Path or None
        None where none was used, or where its file is not there any more.
    """
    path = _read().scans.get(_hash(scan) or "no file")
    return Path(path) if path is not None and Path(path).is_file() else None


def keep_model(model: str | Path, scan: Scan, spare: Path) -> Path:
    """Keep a model that was made of scans at once, under the name of the first of them.

    Parameters
    ----------
    model : str or Path
        Its file, which stays.
    scan : Scan
    spare : Path
        A folder to keep it in where the folders of the person cannot be written to.

    Returns
    -------
    Path
        In the folder of models; it overwrites nothing. Its name begins with the number of the scan, as in
        ``1_3_FU_2011Mar10-162902_8-classes.stmml``.
    """
    name = f"{short_stem('_'.join(_words(scan)))}_{len(model_info(model).classes)}-classes{ENDING}"
    for folder in (models_folder(), user_folder() / "models"):
        if is_writable(folder):
            with suppress(OSError):
                return copy(model, free_path(folder / name, "-"))
    return copy(model, free_path(spare / name, "-"))


def _words(scan: Scan) -> list[str]:
    """Return what tells a scan apart in a list that is narrow: its number first, then its session.

    >>> import numpy as np
    >>> _words(Scan(np.zeros((2, 2)), None, "forward/up", source="default_2011Mar10-162902_STM--1_3.Z_mtrx"))
    ['1_3', 'FU', '2011Mar10-162902']
    """
    session = re.findall(r"\(([^()]+)\)$", scan.name)
    return [word for word in (scan.stem.rpartition("--")[2], scan.short_direction, *session) if word]


def _changed(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def _read() -> _Known:
    """Read the file; what is missing or damaged is not known."""
    with suppress(OSError, ValueError, AttributeError):
        content = json.loads(read_bytes(user_folder() / _FILE, _MOST_BYTES))
        tables = (content.get(name) or {} for name in ("models", "scans"))
        return _Known(*({str(key): str(value) for key, value in table.items()} for table in tables))
    return _Known()


def _hash(scan: Scan) -> str:
    """Return the start of the hash of a scan's file; empty where there is none."""
    found = identity(scan.source) if scan.source else ()
    return _of_file(scan.source, found) if found else ""


@lru_cache(maxsize=1024)
def _of_file(source: str, _: tuple[int, ...]) -> str:
    return (sha256(source) or "")[:_HASH]
