"""A label map with its classes as a TIFF that other programs read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.colours import class_colours
from napari_stmml.io.tiff_page import IMAGEJ, opened_page, read_page, write_page
from napari_stmml.text import quoted, shortened

FORMAT = 2  # 1 where no single objects are known
MOST_CLASSES = 2**16  # that have a name; different numbers of a map of another program
BACKGROUND = "background"  # of a scan's settings: labels that are no structure
_TEXTS = ("source", "channel", "unit", "direction", "taken", "model", "predicted")  # of a scan
_PLACES = {"scale": (2,), "translate": (2,), "rotate": (2, 2), "shear": (1,), "affine": (3, 3)}  # of a layer
_FARTHEST = 1e15  # nm


class NewerFormat(ValueError):
    """A map that a newer napari-stmml wrote, in a format that this one cannot read."""


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on a scan's own pixels, with what each label is called and how it looks.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (rows, cols)
        Row 0 at the top, 0 = unlabelled. Kept in the smallest type that holds them.
    pixel_size : (float, float) or None
        nm per pixel along rows and along columns.
    names, colours : mapping of int to str
        Class name and ``#rrggbb`` (or ``#rrggbbaa``) of a label.
    name : str
        Name of the map.
    scan : dict
        Settings of the scan it lies on (``Scan.settings``), and which model made it.
    placement : dict
        ``translate``, ``rotate``, ``shear``, ``affine`` of the layer, where it has any.
    objects : ndarray of unsigned int, shape (rows, cols), optional
        Where single objects are known, as in a map of structures: the number of the object of each pixel, 0 =
        none. Objects of one class may touch.

    Raises
    ------
    ValueError
        If the labels are not a map of whole numbers from 0 to 4294967295, or objects have another shape.
    """

    labels: np.ndarray
    pixel_size: tuple[float, float] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)
    name: str = "labels"
    scan: dict[str, Any] = field(default_factory=dict)
    placement: dict[str, Any] = field(default_factory=dict)
    objects: np.ndarray | None = None

    def __post_init__(self) -> None:
        labels = _whole(self.labels)
        object.__setattr__(self, "labels", _smallest(labels, max([int(labels.max()), *self.names])))
        if self.objects is not None:
            objects = _whole(self.objects)
            if objects.shape != labels.shape:
                raise ValueError(f"objects of {objects.shape} px do not fit labels of {labels.shape} px")
            object.__setattr__(self, "objects", _smallest(objects, int(objects.max())))

    def write(self, path: str | Path) -> Path:
        """Write the map as a TIFF: labels as they are, the scale as ImageJ has it, all else as JSON.

        The JSON stands in the tag ImageDescription, after three lines for ImageJ. Objects, if they are known,
        are a second page of another type of number, so that other programs take the labels alone for the
        picture. The file is written under another name, then renamed.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
        """
        about = {
            "napari-stmml": {
                "format": 1 if self.objects is None else FORMAT,
                "name": self.name,
                "pixel_size_nm": None if self.pixel_size is None else list(self.pixel_size),
                "names": {str(label): name for label, name in self.names.items()},
                "colours": {str(label): colour for label, colour in self.colours.items()},
                "scan": self.scan,
                "placement": self.placement,
            }
        }
        if self.objects is None:
            return write_page(path, self.labels, self.pixel_size, json.dumps(about))
        wider = np.uint32 if self.labels.dtype == np.uint16 else np.uint16
        second = self.objects.astype(np.promote_types(self.objects.dtype, wider))
        return write_page(path, self.labels, self.pixel_size, json.dumps(about), second)

    @classmethod
    def read(cls, path: str | Path) -> "LabelMap":
        """Read a map that ``write`` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        LabelMap

        Raises
        ------
        ValueError
            In one sentence that names the file: it is no labelled map of ours, or damaged.
        NewerFormat
            If a newer napari-stmml wrote it.
        """
        path = Path(path)
        with opened_page(path) as page:
            about = _about(page.description)
            maps = None if about is None else page.maps(2 if about.get("format") == FORMAT else 1)
        if about is None or maps is None:
            raise ValueError(f"{path.name} holds no classes of napari-stmml; open it as a plain image")
        if not isinstance(about.get("format"), int) or about["format"] > FORMAT:
            has = shortened(str(about.get("format")))
            raise NewerFormat(
                f"{path.name} has format {has}, this program reads up to {FORMAT}: update napari-stmml"
            )
        try:
            if max(len(about.get("names", ())), len(about.get("colours", ()))) > MOST_CLASSES:
                raise ValueError(f"it has names or colours of more than {MOST_CLASSES} classes")
            return cls(
                labels=maps[0],
                pixel_size=_pixel_size(about.get("pixel_size_nm")),
                names={_label(label): str(name) for label, name in about.get("names", {}).items()},
                colours={_label(label): _colour(one) for label, one in about.get("colours", {}).items()},
                name=str(about.get("name", path.stem)),
                scan=_scan(about.get("scan", {})),
                placement=_placement(about.get("placement", {})),
                objects=maps[1] if len(maps) > 1 else None,
            )
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            raise ValueError(f"{path.name} is damaged: {shortened(str(error), 160)}") from error


def _whole(labels: Any) -> np.ndarray:
    """Return a map of whole numbers, or refuse what is none."""
    labels = np.asarray(labels)
    if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "iub":
        raise ValueError(f"labels must be a map of whole numbers, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= 2**32:
        raise ValueError(f"labels must be 0 to {2**32 - 1}, got {labels.min()} to {labels.max()}")
    return labels


def _smallest(labels: np.ndarray, most: int) -> np.ndarray:
    """Return labels in the smallest type that holds ``most``."""
    return labels.astype(np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32)


def read_labels(path: str | Path) -> LabelMap:
    """Read a label map of any program: ours with all that it says, another's with the numbers as classes.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    LabelMap
        Of another program: classes ``class 1``, ``class 2``, ..., and nothing about a scan.

    Raises
    ------
    ValueError
        In one sentence that names the file: it is no map of whole numbers from 0 on, or damaged.
    """
    path = Path(path)
    with opened_page(path) as page:
        ours = "napari-stmml" in page.description
    if ours:
        return LabelMap.read(path)
    labels = read_page(path)
    try:
        plain = LabelMap(labels, name=path.stem)
        there = np.unique(plain.labels[plain.labels > 0])
        if len(there) > MOST_CLASSES:
            raise ValueError(f"it has {len(there)} different numbers, at most {MOST_CLASSES} are classes")
        names = {label: f"class {label}" for label in there.tolist()}
        return replace(plain, names=names, colours=dict(zip(names, class_colours(len(names)), strict=True)))
    except ValueError as error:
        raise ValueError(f"{path.name} is no label map: {error}") from error


def write_values(path: str | Path, values: np.ndarray, pixel_size: tuple[float, float] | None) -> Path:
    """Write a map of numbers as a TIFF of float32 with pixels per cm.

    Parameters
    ----------
    path : str or Path
    values : ndarray, shape (rows, cols)
    pixel_size : (float, float) or None
        nm per pixel along rows and along columns.

    Returns
    -------
    Path
    """
    return write_page(path, values.astype(np.float32), pixel_size)


def read_values(path: str | Path) -> np.ndarray:
    """Read what ``write_values`` wrote, (rows, cols) float32.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray of float32, shape (rows, cols)
    """
    return read_page(path)


def is_label_map(path: str | Path) -> bool:
    """Say whether a TIFF carries our classes, without reading its pixels.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
        False, too, where the file cannot be read.
    """
    try:
        with opened_page(path) as page:
            return _about(page.description) is not None
    except (ValueError, OSError):  # whatever it is, it is not a map of ours
        return False


def _about(description: str) -> dict[str, Any] | None:
    """Return our JSON out of a page's ImageDescription, or None."""
    try:
        about = json.loads(description.removeprefix(IMAGEJ))["napari-stmml"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return about if isinstance(about, dict) else None


def _pixel_size(size: Any) -> tuple[float, float] | None:
    if size is None:
        return None
    along_rows, along_cols = float(size[0]), float(size[1])
    if not (0 < along_rows < np.inf and 0 < along_cols < np.inf):
        raise ValueError(f"pixels must have a size above 0 nm, got {shortened(str(size))}")
    return along_rows, along_cols


def _label(text: str) -> int:
    label = int(text)
    if not 0 <= label < 2**32:
        raise ValueError(f"labels must be 0 to {2**32 - 1}, got {shortened(text)}")
    return label


def _colour(text: Any) -> str:
    if not re.fullmatch("#([0-9a-fA-F]{2}){3,4}", str(text)):
        raise ValueError(f"a colour must be #rrggbb or #rrggbbaa, got {quoted(text)}")
    return str(text)


def _scan(about: Any) -> dict[str, Any]:
    """Return the settings of a scan; those that others rely on must be text."""
    known = dict(about)
    for name in _TEXTS:
        if not isinstance(known.get(name, ""), str | None):
            raise ValueError(f"{name} of its scan must be text, got {quoted(known[name])}")
    background = known.get(BACKGROUND, [])
    if not isinstance(background, list) or not all(isinstance(label, int) for label in background):
        raise ValueError(f"{BACKGROUND} of its scan must be a list of labels, got {quoted(background)}")
    return known


def _placement(about: Any) -> dict[str, Any]:
    """Return the place of a layer, as the shapes of its arrays say that it is one."""
    known = dict(about)
    for name, values in known.items():
        if name not in _PLACES or np.shape(values) != _PLACES[name]:
            raise ValueError(f"{name} is no place of a layer, got {quoted(values)}")
        if not (np.abs(np.array(values, float)) <= _FARTHEST).all():
            got = quoted(values)
            raise ValueError(f"{name} of a layer must be numbers up to {_FARTHEST:g}, got {got}")
    return known
