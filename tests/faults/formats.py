"""Every format that is read, by name."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import images, jobs, models
from tests.faults.kinds import Format

NAMES = (
    *("MATRIX scan", "MATRIX parameter file", "Nanonis grid", "Nanonis curve"),
    *("picture", "Nanonis scan", "file of Gwyddion"),
    *("map of objects", "label map", "TIFF of others", "truth"),
    *("model", "network", "types of structures", "corrections of structures"),
    *("prepared map", "cells", "kept features", "scans for the worker", "job.toml", "chain", "table"),
    *("step record", "label record", "file record", "structures record"),
    *("measure record", "request", "event"),
)


@cache
def formats() -> dict[str, Format]:
    """Return all formats by name."""
    found: dict[str, Format] = {}
    pictures = (images.scans, images.other_microscopes, images.tiffs)
    for some in (*pictures, models.models, models.arrays, jobs.jobs, jobs.lines):
        with TemporaryDirectory(prefix="stmml-") as folder:
            found |= some(Path(folder))
    return found
