"""What napari calls to save layers: label maps as TIFFs, scans and maps for Gwyddion, regions as CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.io.gwyddion import Labelled, write_scans_gwy
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import LayerData, labels_from_layer
from napari_stmml.viewer.io.levelling import recorded_from_layer
from napari_stmml.viewer.io.reader import prefer_our_maps
from napari_stmml.viewer.shared.plain_text import notify

_OF_SCAN = ("source", "channel", "direction")


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one Labels layer; return the path that was written, none if it could not be."""
    try:
        written = labels_from_layer(data, meta).write(path)
    except (ValueError, OSError) as error:
        notify(f"{Path(path).name} was not saved: {error}")
        return []
    prefer_our_maps()
    return [str(written)]


def write_gwyddion(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write Image layers as channels and Labels layers as their masks; return the path that was written."""
    try:
        scans = [recorded_from_layer(data, meta) for data, meta, kind in layers if kind == "image"]
        maps = [labels_from_layer(data, meta) for data, meta, kind in layers if kind == "labels"]
        under = [_under(one, scans) for one in maps]
        return [str(write_scans_gwy(path, [_labelled(scan, maps, under) for scan in scans]))]
    except (ValueError, OSError) as error:
        notify(f"{Path(path).name} was not saved: {error}")
        return []


def write_regions(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write the regions of a Labels layer on an Image layer as CSV; return the path that was written."""
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.measuring.region_tables import about_scan, regions_of, write_table

    try:
        (scan,) = (recorded_from_layer(data, meta) for data, meta, kind in layers if kind == "image")
        (labels,) = (labels_from_layer(data, meta) for data, meta, kind in layers if kind == "labels")
        found = measure_scan(labels.labels, scan, names=_names(labels), objects=labels.objects)
        about = about_scan(scan, found, str(labels.scan.get("model") or ""))
        return [str(write_table(Path(path), regions_of(found, scan), found.unit, about))]
    except (ValueError, OSError) as error:
        notify(f"{Path(path).name} was not saved: {error}")
        return []


def _names(labels: LabelMap) -> dict[int, str]:
    """Return a name for each label that occurs, ``class 3`` for one that nobody has named."""
    there = np.unique(labels.labels[labels.labels > 0]).tolist()
    return {label: f"class {label}" for label in there} | dict(labels.names)


def _under(labels: LabelMap, scans: Sequence[Scan]) -> Scan:
    """Return the scan that labels were made of, else the first of their size."""
    fitting = [one for one in scans if one.heights.shape == labels.labels.shape]
    if not fitting:
        raise ValueError(f"{labels.name} has another size than every image")
    own = [one for one in fitting if all(labels.scan.get(key) == getattr(one, key) for key in _OF_SCAN)]
    return (own or fitting)[0]


def _labelled(scan: Scan, maps: Sequence[LabelMap], under: Sequence[Scan]) -> Labelled:
    """Lay the maps of a scan over it; the classes of a second map have labels above those of the first."""
    labels = np.zeros(scan.heights.shape, np.int64)
    names: dict[int, str] = {}
    for one in (one for one, below in zip(maps, under, strict=True) if below is scan):
        last = max(names, default=0)
        there = one.labels > 0
        labels[there] = one.labels[there].astype(np.int64) + last
        names |= {last + label: name for label, name in _names(one).items()}
    return Labelled(scan, labels, names)
