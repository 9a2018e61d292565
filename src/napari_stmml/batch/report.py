"""The ingest report: what became of every scan of a folder, and why, as one line, a CSV and a page."""

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from napari_stmml.events import ReportWritten
from napari_stmml.io.tables import save_table
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic
from napari_stmml.text import number, with_error

NOT_YET = "not processed yet"  # reason of a row whose turn has not come
_UNSTATED = "for no stated reason"


@dataclass(frozen=True)
class Row:
    """What became of one direction of a file, or of a file that gave none.

    Parameters
    ----------
    source : str
        Path of the file.
    direction : str
        FU, BU, FD or BD; empty for a whole file.
    set : str
        ``train``, ``test`` or ``predict``.
    status : str
        ``kept``, ``skipped``, or ``forced``: kept by its name although it would have been skipped.
    reason, why : str
        Why it was skipped, in a few words that many rows share, and in one sentence.
    rows, cols : int or None
        px, as recorded.
    frame_x_nm, frame_y_nm, frame_width_nm, frame_height_nm : float or None
        Centre of the frame in coordinates of the scanner, and its size.
    px_per_nm, height_range_nm : float or None
        Pixel density, and lowest to highest height.
    scanned : float or None
        Fraction of the lines that were scanned; 1 is complete.
    bias, setpoint : float or None
        V and nA.
    taken : str
        When, UTC.
    windows : int or None
        Windows that were cut out of it.
    thumbnail : str
        Path of its picture, relative to the report, or empty.

    Raises
    ------
    ValueError
        If the status is none of the three.
    """

    source: str
    direction: str = ""
    set: str = ""
    status: str = "kept"
    reason: str = ""
    why: str = ""
    rows: int | None = None
    cols: int | None = None
    frame_x_nm: float | None = None
    frame_y_nm: float | None = None
    frame_width_nm: float | None = None
    frame_height_nm: float | None = None
    px_per_nm: float | None = None
    height_range_nm: float | None = None
    scanned: float | None = None
    bias: float | None = None
    setpoint: float | None = None
    taken: str = ""
    windows: int | None = None
    thumbnail: str = ""

    def __post_init__(self) -> None:
        if self.status not in ("kept", "skipped", "forced"):
            raise ValueError(f"status must be kept, skipped or forced, got {self.status!r}")

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON knows it; ``from_dict`` is the inverse.

        Returns
        -------
        dict
            Value of every field by its name; those of NumPy as Python's own.
        """
        return {name: getattr(value, "tolist", lambda v=value: v)() for name, value in asdict(self).items()}

    @property
    def file_name(self) -> str:
        """Name of the file without its folder."""
        return Path(self.source).name or "?"

    @property
    def counted_reason(self) -> str:
        """The reason that a skipped row is counted under; empty for the others."""
        return (self.reason or _UNSTATED) if self.status == "skipped" else ""

    @classmethod
    def of_scan(cls, scan: Scan, which: str) -> "Row":
        """Make the row of one direction, kept until it is known otherwise."""
        finite = np.isfinite(scan.heights)
        found = scan.heights[finite]
        rows, cols = scan.heights.shape
        (height, width), (x, y) = scan.size_nm or (None, None), scan.offset or (None, None)
        return cls(
            scan.source or scan.name,
            scan.short_direction,
            which,
            rows=rows,
            cols=cols,
            frame_x_nm=x,
            frame_y_nm=y,
            frame_width_nm=width,
            frame_height_nm=height,
            px_per_nm=None if scan.pixel_size is None else 1 / scan.pixel_size[1],
            height_range_nm=float(found.max() - found.min()) if found.size else None,
            scanned=float(finite.any(axis=1).mean()),
            bias=scan.bias,
            setpoint=scan.setpoint,
            taken="" if scan.taken is None else f"{scan.taken:%Y-%m-%d %H:%M:%S}",
        )

    @classmethod
    def of_file(cls, source: str | Path, which: str, why: str) -> "Row":
        """Make the row of a file that gives no scan; the reason is what its sentence begins with."""
        reason = why.partition(":")[0].strip().lower() if ":" in why[:40] else "cannot be read"
        return cls(str(source), set=which, status="skipped", reason=reason, why=why)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Row":
        """Make a row of what ``as_dict`` returned; other keys are ignored.

        Parameters
        ----------
        known : mapping of str to Any
            Value of each field by its name.

        Returns
        -------
        Row
        """
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in known.items() if name in names})


def summary(rows: Iterable[Row]) -> str:
    """Say in one line how many directions were kept and why the others were not.

    A file that gave no direction counts as one.

    Parameters
    ----------
    rows : iterable of Row

    Returns
    -------
    str

    Examples
    --------
    >>> partial = Row("a", "FU", "train", "skipped", "below pixel_ratio 0.7")
    >>> summary([Row("b", "FU", "train", "kept"), partial, partial])
    '1 direction kept, 2 skipped: 2 below pixel_ratio 0.7'
    """
    rows = list(rows)
    count = Counter(row.status for row in rows)
    parts = [f"{count['kept']} direction{'' if count['kept'] == 1 else 's'} kept"]
    if count["forced"]:
        parts.append(f"{count['forced']} kept anyway")
    reasons = ", ".join(f"{n} {reason}" for reason, n in skip_reasons(rows))
    parts.append(f"{count['skipped']} skipped: {reasons}" if count["skipped"] else "none skipped")
    return ", ".join(parts)


def skip_reasons(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Count the skipped rows of each reason, the most frequent first, then by name."""
    count = Counter(row.counted_reason for row in rows if row.status == "skipped")
    return sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))


def save_csv(path: str | Path, rows: Iterable[Row]) -> Path:
    """Write the rows as CSV, one column for each of their parts."""
    names = [field.name for field in fields(Row)]
    return save_table(path, [row.as_dict() for row in rows], names)


def save_thumbnail(folder: Path, name: str, heights: np.ndarray, cmap: str = "stm") -> str:
    """Write the small picture of a row.

    Parameters
    ----------
    folder : Path
        Of the report.
    name : str
        Of the scan; a path, where it lies in a tree.
    heights : ndarray, shape (rows, cols)
    cmap : str

    Returns
    -------
    str
        Its path, relative to the report; empty, and nothing is written, where there is no height.
    """
    from napari_stmml.figures.pictures import save_thumbnail as save_picture

    if not np.isfinite(heights).any():
        return ""
    path = f"thumbnails/{name}.jpg"
    save_picture(folder / path, heights, cmap=cmap)
    return path


def save(folder: Path, rows: Sequence[Row], *, title: str, about: Mapping[str, str]) -> ReportWritten:
    """Write the report to a folder as CSV and page; return the event that says so."""
    csv, html = (folder / f"ingest.{end}" for end in ("csv", "html"))
    save_csv(csv, rows)
    save_html(html, rows, title=title, about=about)
    return ReportWritten(summary(rows), str(csv), str(html))


def save_html(path: str | Path, rows: Sequence[Row], *, title: str, about: Mapping[str, str]) -> Path:
    """Write the report as one page that needs nothing else but the thumbnails beside it.

    Parameters
    ----------
    path : str or Path
    rows : sequence of Row
    title : str
    about : dict
        Parameters of the job, folded away.
    """
    page = page_template("ingest.html.jinja").render(
        title=title,
        summary=summary(rows),
        whole_files=sum(row.status == "skipped" and not row.direction for row in rows),
        reasons=skip_reasons(rows),
        about=about,
        rows=rows,
    )
    with atomic(path) as beside:
        beside.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return Path(path)


def page_template(name: str) -> Any:
    """Load a page; jinja2 escapes every value that is put into it.

    Parameters
    ----------
    name : str
        Of its file.

    Returns
    -------
    jinja2.Template
    """
    import jinja2

    loader = jinja2.PackageLoader("napari_stmml.batch")
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page.tests["finite"] = _is_finite
    page.globals["with_error"] = with_error
    page.filters |= {
        "number": lambda value: number(float(value)) if _is_finite(value) else "?",
        "link": lambda source: Path(source).absolute().as_uri(),
        # Colons are quoted too, so that no part of a path can pass for a protocol.
        "quoted": lambda path: quote(os.fsencode(Path(path).as_posix()), safe="/"),
    }
    return page.get_template(name)


def _is_finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
