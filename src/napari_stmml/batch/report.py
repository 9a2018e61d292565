"""The ingest report: what became of every scan of a folder, and why, as one line, a CSV and a page."""

import html
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from napari_stmml.io.tables import save_table
from napari_stmml.system.files import atomic


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
    width_nm, height_nm, px_per_nm, height_range_nm : float or None
        Frame, pixel density, and lowest to highest height.
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
    width_nm: float | None = None
    height_nm: float | None = None
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
        """Return the row as JSON knows it; ``from_dict`` is the inverse."""
        return {name: getattr(value, "tolist", lambda v=value: v)() for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> "Row":
        """Make a row of what ``as_dict`` returned; other keys are ignored."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in known.items() if name in names})


def summary(rows: Iterable[Row]) -> str:
    """Say in one line how many directions were kept and why the others were not.

    A file that gave no direction counts as one.

    >>> partial = Row("a", "FU", "train", "skipped", "below pixel_ratio 0.7")
    >>> summary([Row("b", "FU", "train", "kept"), partial, partial])
    '1 direction kept, 2 skipped: 2 below pixel_ratio 0.7'
    """
    rows = list(rows)
    count = Counter(row.status for row in rows)
    parts = [f"{count['kept']} direction{'' if count['kept'] == 1 else 's'} kept"]
    if count["forced"]:
        parts.append(f"{count['forced']} forced in")
    reasons = ", ".join(f"{n} {reason}" for reason, n in skip_reasons(rows))
    parts.append(f"{count['skipped']} skipped: {reasons}" if count["skipped"] else "none skipped")
    return ", ".join(parts)


def skip_reasons(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Count the skipped rows of each reason, the most frequent first, then by name."""
    count = Counter(row.reason or "for no stated reason" for row in rows if row.status == "skipped")
    return sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))


def save_csv(path: str | Path, rows: Iterable[Row]) -> Path:
    """Write the rows as CSV, one column for each of their parts."""
    names = [field.name for field in fields(Row)]
    return save_table(path, [row.as_dict() for row in rows], names)


def save(folder: Path, rows: Sequence[Row], *, title: str, about: Mapping[str, str]) -> dict[str, Any]:
    """Write the report to a folder as CSV and page; return the event that says so."""
    csv, html = (folder / f"ingest.{end}" for end in ("csv", "html"))
    save_csv(csv, rows)
    save_html(html, rows, title=title, about=about)
    return {"event": "report", "summary": summary(rows), "csv": str(csv), "html": str(html)}


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
    page = _PAGE.format(
        title=_text(title),
        style=_STYLE,
        script=_SCRIPT,
        summary=_text(summary(rows)),
        files=_text(_whole_files(rows)),
        reasons=_reasons(rows),
        about=_about(about),
        n=len(rows),
        rows="\n".join(map(_row, rows)),
    )
    with atomic(path) as beside:
        beside.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return Path(path)


def _whole_files(rows: Iterable[Row]) -> str:
    n = sum(row.status == "skipped" and not row.direction for row in rows)
    if not n:
        return ""
    return f"{n} of the skipped {'is a whole file' if n == 1 else 'are whole files'} that could not be read."


def _reasons(rows: Sequence[Row]) -> str:
    reasons = skip_reasons(rows)
    if not reasons:
        return ""
    lines = "".join(
        f'<tr><td><button type="button" data-reason="{_text(reason)}" aria-pressed="false">{_text(reason)}'
        f"</button></td><td>{n}</td></tr>"
        for reason, n in reasons
    )
    return _REASONS.format(rows=lines)


def _about(about: Mapping[str, str]) -> str:
    if not about:
        return ""
    lines = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in about.items())
    return f"<details><summary>Parameters of the job</summary><dl>{lines}</dl></details>"


def _row(row: Row) -> str:
    """Make one line of the table; numbers stand a second time, unrounded, for sorting."""
    name = Path(row.source).name or "?"
    size = f"{_number(row.width_nm)} × {_number(row.height_nm)}" if row.width_nm is not None else "?"
    pixels = f"{row.cols} × {row.rows} px" if row.rows is not None else ""
    setpoint = None if row.setpoint is None else row.setpoint * 1000
    cells = [
        _cell(_picture(row, name)),
        _cell(_link(row.source, name) + _small(row.taken)),
        _cell(_text(row.direction or "file")),
        _cell(size + _small(pixels), row.width_nm),
        _cell(_number(row.px_per_nm), row.px_per_nm),
        _cell(_number(row.height_range_nm), row.height_range_nm),
        _cell(_scanned(row.scanned), row.scanned),
        _cell(_number(row.bias) + _small("" if setpoint is None else f"{setpoint:.4g} pA"), row.bias),
        _cell(_text(row.set) + _small("" if row.windows is None else f"{row.windows:,} windows")),
        _cell(f'<span class="badge {row.status}">{row.status}</span>'),
        _cell(_text(row.why)),
    ]
    reason = _text(row.reason or "for no stated reason") if row.status == "skipped" else ""
    return f'<tr role="row" data-status="{row.status}" data-reason="{reason}">{"".join(cells)}</tr>'


def _cell(content: str, order: float | None = None) -> str:
    mark = "" if order is None or not math.isfinite(order) else f' data-v="{order}"'
    return f'<td role="cell"{mark}>{content}</td>'


def _picture(row: Row, name: str) -> str:
    if not row.thumbnail:
        return '<span class="none">no picture</span>'
    alt = _text(f"{name} {row.direction}".strip())
    return f'<img loading="lazy" src="{_url(row.thumbnail)}" alt="{alt}" width="72" height="72">'


def _link(source: str, name: str) -> str:
    if not source:
        return _text(name)
    return f'<a href="{_text(Path(source).absolute().as_uri())}">{_text(name)}</a>'


def _url(path: str) -> str:
    """Quote a relative path, colons too, so that no part of it can pass for a protocol."""
    return _text(quote(os.fsencode(Path(path).as_posix()), safe="/"))


def _scanned(fraction: float | None) -> str:
    if fraction is None:
        return "?"
    # Rounded down: what is not complete never reads 100 %.
    return "complete" if fraction >= 1 else f"partial<small>{int(fraction * 100)} % of lines</small>"


def _number(number: float | None) -> str:
    return "?" if number is None or not math.isfinite(number) else f"{number + 0.0:.4g}"  # + 0.0: no -0


def _small(text: str) -> str:
    return f"<small>{_text(text)}</small>" if text else ""


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


_REASONS = """<table class="reasons"><caption>Why scans were skipped; click one to see only these</caption>
<thead><tr><th scope="col">Reason</th><th scope="col">Scans</th></tr></thead><tbody>{rows}</tbody></table>"""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="generator" content="napari-stmml">
<title>{title}</title><style>{style}</style></head><body>
<header><h1>{title}</h1><p class="summary">{summary}</p><p>{files}</p></header>
{reasons}
<p class="hint">To force a skipped scan in, name it in the job file and run the job again:
<code>include = ["NAME"]</code>. NAME is the file's name as it stands below. A file that cannot be read
cannot be forced in.</p>
{about}
<form id="filters" role="search"><label>Filter <input type="search" id="words"
placeholder="file, direction, reason …"></label>
<label>Show <select id="status"><option value="">all</option><option>kept</option><option>skipped</option>
<option>forced</option></select></label><output id="shown">{n} of {n}</output></form>
<table class="scans" role="table"><caption>Every direction of every scan; click a column to sort</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Picture</th>
<th scope="col" role="columnheader"><button type="button">File</button></th>
<th scope="col" role="columnheader"><button type="button">Direction</button></th>
<th scope="col" role="columnheader"><button type="button">Size (nm)</button></th>
<th scope="col" role="columnheader"><button type="button">px/nm</button></th>
<th scope="col" role="columnheader"><button type="button">Range (nm)</button></th>
<th scope="col" role="columnheader"><button type="button">Scanned</button></th>
<th scope="col" role="columnheader"><button type="button">Bias (V)</button></th>
<th scope="col" role="columnheader"><button type="button">Set</button></th>
<th scope="col" role="columnheader"><button type="button">Status</button></th>
<th scope="col" role="columnheader"><button type="button">Why</button></th></tr></thead>
<tbody role="rowgroup">
{rows}
</tbody></table>
<script>{script}</script></body></html>
"""

_STYLE = """
:root{--paper:#fbfaf8;--ink:#1c1d21;--faint:#62656d;--line:#dedbd5;--card:#fff;--link:#0b57a4;
--kept:#14693a;--kept-bg:#dff3e6;--skipped:#9a2a1d;--skipped-bg:#fbe3df;--forced:#7a4b00;--forced-bg:#fcebc8}
@media(prefers-color-scheme:dark){:root{--paper:#16171a;--ink:#e8e6e3;--faint:#a0a3ab;--line:#34363c;
--card:#1e2024;--link:#8abaf0;--kept:#8fdcae;--kept-bg:#143322;--skipped:#f5a79b;--skipped-bg:#45201b;
--forced:#f2c879;--forced-bg:#40300f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:110rem;background:var(--paper);color:var(--ink);
font:15px/1.4 system-ui,sans-serif}
h1{margin:0;font-size:1.6rem}.summary{font-size:1.15rem;margin:.4rem 0}header p:empty{display:none}
a{color:var(--link)}small{display:block;color:var(--faint);font-size:.85em}
caption{text-align:left;color:var(--faint);padding:.4rem 0}
button{font:inherit;color:inherit;background:none;border:0;padding:.15rem .3rem;cursor:pointer;
text-align:left}
.reasons{border-collapse:collapse;margin:1rem 0}.reasons th{text-align:left;font-weight:600}
.reasons td,.reasons th{border-bottom:1px solid var(--line);padding:.2rem 1rem .2rem 0}
.reasons td:last-child{text-align:right;font-variant-numeric:tabular-nums}
.reasons caption{white-space:nowrap}.reasons th:last-child{text-align:right}
.reasons button{padding-left:0;color:var(--link);text-decoration:underline}
.reasons button[aria-pressed=true]{background:var(--skipped-bg);color:var(--skipped);border-radius:4px}
.hint{color:var(--faint);max-width:60rem}code{background:var(--line);padding:.1rem .3rem;border-radius:4px}
details{margin:1rem 0}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.5rem;margin:.5rem 0}
dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
form{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;margin-top:1.5rem}
input,select{font:inherit;padding:.3rem .5rem;border:1px solid var(--line);border-radius:6px;
background:var(--card);color:var(--ink)}input{width:20rem;max-width:70vw}output{color:var(--faint)}
.scans,.scans caption,.scans thead,.scans tbody{display:block}.scans{min-width:78rem}
.scans tr{display:grid;grid-template-columns:4.75rem minmax(15rem,3fr) 4.75rem 6.2rem 3.5rem 4rem 6.2rem 4rem
6.2rem 5rem minmax(12rem,3fr);gap:.6rem;align-items:center;padding:.4rem .5rem;
border-bottom:1px solid var(--line)}
.scans tbody tr{background:var(--card);content-visibility:auto;contain-intrinsic-size:auto 86px}
.scans tr[hidden]{display:none}.scans thead{position:sticky;top:0;background:var(--paper);z-index:1}
.scans th{text-align:left;font-weight:600}.scans a{font-size:.93em}
.scans td{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.scans th button{font-weight:600;padding:.15rem 0}
th[aria-sort=ascending] button::after{content:" ▲"}th[aria-sort=descending] button::after{content:" ▼"}
img{display:block;width:72px;height:72px;object-fit:contain}.none{color:var(--faint);font-size:.85em}
.badge{display:inline-block;padding:.1rem .55rem;border-radius:1rem;font-size:.9em;font-weight:600}
.kept{color:var(--kept);background:var(--kept-bg)}.skipped{color:var(--skipped);background:var(--skipped-bg)}
.forced{color:var(--forced);background:var(--forced-bg)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
@media print{form{display:none}.scans tbody tr{content-visibility:visible}}
"""

_SCRIPT = """
(() => {
"use strict";
const body = document.querySelector(".scans tbody"), rows = [...body.rows];
const words = document.getElementById("words"), status = document.getElementById("status");
const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
let reason = null;
function show() {
  const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let n = 0;
  for (const row of rows) {
    row.hidden = !((!status.value || row.dataset.status === status.value)
      && (reason === null || row.dataset.reason === reason)
      && wanted.every(word => texts.get(row).includes(word)));
    n += !row.hidden;
  }
  document.getElementById("shown").textContent = n + " of " + rows.length;
}
words.addEventListener("input", show);
status.addEventListener("change", show);
document.getElementById("filters").addEventListener("submit", event => event.preventDefault());
const reasons = [...document.querySelectorAll("button[data-reason]")];
for (const button of reasons) button.addEventListener("click", () => {
  reason = reason === button.dataset.reason ? null : button.dataset.reason;
  for (const one of reasons) one.setAttribute("aria-pressed", String(one.dataset.reason === reason));
  show();
});
const heads = [...document.querySelectorAll(".scans th")];
const order = new Intl.Collator(undefined, {numeric: true});
heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const one of heads) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keys = new Map(rows.map(row => {
    const cell = row.cells[column];
    return [row, "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent];
  }));
  rows.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;  // what is not known comes last
    return sign * (typeof x === "number" ? x - y : order.compare(x, y));
  });
  for (const row of rows) body.append(row);
}));
})();
"""
