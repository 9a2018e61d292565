"""One page of the structures of all scans: types and their means, densities of every scan, what failed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_stmml.batch.records import StructuresRecord
from napari_stmml.batch.report import page_template
from napari_stmml.colours import type_colour
from napari_stmml.structures.averages import MeanImage
from napari_stmml.structures.names import UNLIKE
from napari_stmml.system.atomic import atomic

PAGE = "structures.html"


def write_page(
    path: Path,
    title: str,
    types: Sequence[dict[str, Any]],
    scans: Sequence[StructuresRecord],
    left_out: Sequence[tuple[str, str]],
    means: Mapping[int, MeanImage],
    base: Path,
) -> Path:
    """Write the page; it needs nothing else but the pictures of the scans.

    Parameters
    ----------
    path : Path
    title : str
    types : sequence of dict
        As `structure_tables.type_rows` gives them.
    scans : sequence of StructuresRecord
        Those with structures; their objects are not needed.
    left_out : sequence of (str, str)
        Files without, and why.
    means : mapping of int to MeanImage
        Of types.
    base : Path
        The folder that paths of records are relative to.

    Returns
    -------
    Path
    """
    from napari_stmml.figures.pictures import as_data

    unlike = {"type": 0, "type_name": UNLIKE}
    shown = [
        {
            **row,
            "colour": type_colour(row["type"]),
            "scans": sum(_count(one, row["type"]).get("n", 0) > 0 for one in scans),
            "mean": as_data(means[row["type"]].heights) if row["type"] in means else "",
            "averaged": means[row["type"]].count if row["type"] in means else 0,
        }
        for row in types
    ]
    page = page_template("structures.html.jinja").render(
        title=title,
        types=shown,
        columns=[*shown, {**unlike, "colour": type_colour(0)}],
        scans=[_scan(one, path.parent, base) for one in scans],
        left_out=left_out,
        objects=sum(row["n"] for one in scans for row in one.counts),
        unlike=sum(_count(one, 0).get("n", 0) for one in scans),
        area=_total(scans, "area_nm2"),
        steps=_total(scans, "steps_nm2"),
        disordered=_total(scans, "disordered_nm2"),
    )
    with atomic(path) as beside:
        beside.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return path


def _scan(one: StructuresRecord, folder: Path, base: Path) -> dict[str, Any]:
    """Return what the page says of a scan; paths are relative to the page."""
    first = one.counts[0] if one.counts else {}
    return {
        "name": one.name,
        "source": one.source,
        "about": one.about,
        "figure": os.path.relpath(base / one.figure, folder),
        "thumbnail": os.path.relpath(base / one.thumbnail, folder),
        "counts": {row["type"]: row for row in one.counts},
        **{name: first.get(name, 0.0) for name in ("area_nm2", "steps_nm2", "disordered_nm2")},
    }


def _count(one: StructuresRecord, kind: int) -> dict[str, Any]:
    return next((row for row in one.counts if row["type"] == kind), {})


def _total(scans: Sequence[StructuresRecord], name: str) -> float:
    return sum(one.counts[0][name] for one in scans if one.counts)
