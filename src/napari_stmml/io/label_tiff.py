"""A label map with its classes as a TIFF that other programs read; the only door to tifffile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.system.files import atomic

FORMAT = 1
_NM_PER_CM = 1e7
_MOST = 2**32 - 1  # px per cm that a TIFF can state: 0.0023 nm/px


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

    Raises
    ------
    ValueError
        If the labels are not a map of whole numbers from 0 to 4294967295.
    """

    labels: np.ndarray
    pixel_size: tuple[float, float] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)
    name: str = "labels"
    scan: dict[str, Any] = field(default_factory=dict)
    placement: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "iub":
            raise ValueError(
                f"labels must be a map of whole numbers, got {labels.dtype} of shape {labels.shape}"
            )
        if labels.min() < 0 or labels.max() >= 2**32:
            raise ValueError(f"labels must be 0 to {2**32 - 1}, got {labels.min()} to {labels.max()}")
        most = max([int(labels.max()), *self.names])
        smallest = np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32
        object.__setattr__(self, "labels", labels.astype(smallest))

    def write(self, path: str | Path) -> Path:
        """Write the map as a TIFF: labels as they are, pixels per cm as resolution, all else as JSON.

        The JSON stands in the tag ImageDescription. The file is written under another name, then renamed.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
        """
        import tifffile

        about = {
            "napari-stmml": {
                "format": FORMAT,
                "name": self.name,
                "pixel_size_nm": None if self.pixel_size is None else list(self.pixel_size),
                "names": {str(label): name for label, name in self.names.items()},
                "colours": {str(label): colour for label, colour in self.colours.items()},
                "scan": self.scan,
                "placement": self.placement,
            }
        }
        tags = _tags(self.pixel_size)
        with atomic(path) as beside:
            tifffile.imwrite(
                beside, self.labels, description=json.dumps(about), software="napari-stmml", **tags
            )
        return Path(path)

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
        import tifffile

        path = Path(path)
        try:
            with tifffile.TiffFile(path) as file:
                about = _about(file.pages[0].tags)
                labels = None if about is None else file.pages[0].asarray()
        except Exception as error:
            raise ValueError(f"{path.name} cannot be read as a TIFF: {error}") from error
        if about is None or labels is None:
            raise ValueError(f"{path.name} holds no classes of napari-stmml; open it as a plain image")
        if not isinstance(about.get("format"), int) or about["format"] > FORMAT:
            raise NewerFormat(
                f"{path.name} has format {about.get('format')}, this program reads up to {FORMAT}:"
                " update napari-stmml"
            )
        size = about.get("pixel_size_nm")
        try:
            return cls(
                labels=labels,
                pixel_size=None if size is None else (float(size[0]), float(size[1])),
                names={int(label): str(name) for label, name in about.get("names", {}).items()},
                colours={int(label): str(colour) for label, colour in about.get("colours", {}).items()},
                name=str(about.get("name", path.stem)),
                scan=dict(about.get("scan", {})),
                placement=dict(about.get("placement", {})),
            )
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ValueError(f"{path.name} is damaged: {error}") from error


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
    import tifffile

    with atomic(path) as beside:
        tifffile.imwrite(beside, values.astype(np.float32), software="napari-stmml", **_tags(pixel_size))
    return Path(path)


def read_values(path: str | Path) -> np.ndarray:
    """Read what ``write_values`` wrote, (rows, cols) float32.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray of float32, shape (rows, cols)
    """
    import tifffile

    return tifffile.imread(path)


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
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            return _about(file.pages[0].tags) is not None
    except Exception:  # noqa: BLE001 - whatever it is, it is not a map of ours
        return False


def _tags(pixel_size: tuple[float, float] | None) -> dict[str, Any]:
    """Say how to write a map: compressed, with pixels per cm where they are known."""
    tags: dict[str, Any] = {"compression": "zlib", "photometric": "minisblack", "metadata": None}
    if pixel_size is not None:
        along_rows, along_cols = (min(_NM_PER_CM / size, _MOST) for size in pixel_size)
        tags |= {"resolution": (along_cols, along_rows), "resolutionunit": "CENTIMETER"}
    return tags


def _about(tags: Any) -> dict[str, Any] | None:
    """Return our JSON out of a page's ImageDescription, or None."""
    tag = tags.get("ImageDescription")
    try:
        about = json.loads(tag.value)["napari-stmml"] if tag is not None else None
    except (ValueError, KeyError, TypeError):
        return None
    return about if isinstance(about, dict) else None
