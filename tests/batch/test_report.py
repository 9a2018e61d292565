import csv
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from napari_stmml.batch.report import Row, save_csv, save_html, skip_reasons, summary

VOID = {"meta", "img", "input", "link", "br"}


def skipped(reason, n=1, direction="FU"):
    return [Row(f"{reason} {i}", direction, "train", "skipped", reason, f"{reason}.") for i in range(n)]


def kept(n, status="kept"):
    return [Row(f"{status} {i}", "FU", "train", status) for i in range(n)]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], "0 directions kept, none skipped"),
        (kept(412), "412 directions kept, none skipped"),
        (kept(1), "1 direction kept, none skipped"),
        (
            [*kept(412), *skipped("no parameter file", 9, ""), *skipped("below pixel_ratio 0.7", 21)],
            "412 directions kept, 30 skipped: 21 below pixel_ratio 0.7, 9 no parameter file",
        ),
        ([*skipped("b"), *skipped("a"), *skipped("c", 2)], "0 directions kept, 4 skipped: 2 c, 1 a, 1 b"),
        ([*kept(3), *kept(2, "forced")], "3 directions kept, 2 kept anyway, none skipped"),
        ([*kept(3), *kept(1, "forced"), *skipped("a")], "3 directions kept, 1 kept anyway, 1 skipped: 1 a"),
        (skipped(""), "0 directions kept, 1 skipped: 1 for no stated reason"),
    ],
)
def test_a_summary_counts_what_was_kept_and_why_the_rest_was_not(rows, line):
    assert summary(iter(rows)) == line


def test_every_row_is_counted_once():
    rows = [*kept(5), *kept(2, "forced"), *skipped("a", 3), *skipped("b", 4)]
    assert sum(n for _, n in skip_reasons(rows)) == 7
    assert sum(int(word) for word in summary(rows).split(":")[0].split() if word.isdigit()) == len(rows)


def test_a_row_comes_back_from_json_as_it_was():
    row = Row("a/b.Z_mtrx", "FU", "train", "skipped", "r", "why", 5, 6, 1.5, 2.5, 10.0, None, 0.5, -1.7, 0.05)
    known = json.loads(json.dumps(row.as_dict()))
    assert Row.from_dict(known) == row
    assert Row.from_dict({**known, "of a later version": 1}) == row


def test_numbers_of_numpy_become_json(rng):
    row = Row("a", frame_width_nm=rng.random(3, dtype="f4")[0], rows=rng.integers(5, 6, 1)[0])
    assert json.loads(json.dumps(row.as_dict()))["rows"] == 5


def test_a_status_that_is_none_of_the_three_is_refused():
    with pytest.raises(ValueError, match="status must be kept, skipped or forced, got 'lost'"):
        Row("a", status="lost")


def test_a_csv_holds_all_of_every_row(tmp_path):
    rows = [*kept(2), Row("a, b\n.Z_mtrx", "FU", status="skipped", why='say "why"', bias=0.1 + 0.2)]
    path = save_csv(tmp_path / "new" / "a.csv", rows)
    with path.open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert [one["source"] for one in back] == [row.source for row in rows]
    assert list(back[0]) == list(rows[0].as_dict())
    assert back[2]["why"] == 'say "why"'
    assert float(back[2]["bias"]) == 0.1 + 0.2
    assert back[2]["setpoint"] == ""
    assert save_csv(tmp_path / "b.csv", []).read_text().startswith("source,direction,set,status")


class Page(HTMLParser):
    """Reads a page: elements with their attributes and texts; refuses what does not close."""

    def __init__(self, path):
        super().__init__()
        self.open, self.elements, self.text = [], [], {}
        self.feed(path.read_text("utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, number in self.open:
            self.text[number] = self.text.get(number, "") + data

    def all(self, tag, **attributes):
        return [
            (known, self.text.get(number, ""))
            for number, (name, known) in enumerate(self.elements)
            if name == tag and all(known.get(key) == value for key, value in attributes.items())
        ]

    def rows(self):
        """Return the texts of the cells of each scan."""
        texts = [text for _, text in self.all("td", role="cell")]
        return [texts[i : i + 11] for i in range(0, len(texts), 11)]


def full_row(**others):
    known = {
        "source": "/data/2011/a--1_3.Z_mtrx",
        "direction": "FU",
        "set": "train",
        "rows": 300,
        "cols": 400,
        "frame_width_nm": 40.00000001,
        "frame_height_nm": 30.0,
        "px_per_nm": 10.0,
        "height_range_nm": 0.123456,
        "scanned": 1.0,
        "bias": -1.4999999999999996,
        "setpoint": 0.05,
        "taken": "2011-03-10 17:31 UTC",
        "windows": 12345,
        "thumbnail": "thumbs/a--1_3_FU.jpg",
    }
    return Row(**{**known, **others})


def test_a_page_shows_each_scan_with_its_numbers_for_people(tmp_path):
    page = Page(save_html(tmp_path / "a.html", [full_row()], title="Job 7", about={}))
    (cells,) = page.rows()
    assert cells == [
        "",
        "a--1_3.Z_mtrx2011-03-10 17:31 UTC",
        "FU",
        "40 × 30400 × 300 px",
        "10",
        "0.1235",
        "complete",
        "-1.550 pA",
        "train12,345 windows",
        "kept",
        "",
    ]
    ((image, _),) = page.all("img")
    assert (image["src"], image["alt"]) == ("thumbs/a--1_3_FU.jpg", "a--1_3.Z_mtrx FU")
    assert image["loading"] == "lazy"
    assert page.all("h1")[0][1] == "Job 7"
    assert page.all("p", **{"class": "summary"})[0][1] == "1 direction kept, none skipped"


def test_what_is_not_known_is_a_question_mark_or_a_word(tmp_path):
    rows = [Row("x.Z_mtrx", "", "train", "skipped", "unreadable", "Empty."), Row("", px_per_nm=float("nan"))]
    page = Page(save_html(tmp_path / "a.html", rows, title="t", about={}))
    assert page.rows()[0] == [
        "no picture",
        "x.Z_mtrx",
        "file",
        "?",
        "?",
        "?",
        "?",
        "?",
        "train",
        "skipped",
        "Empty.",
    ]
    assert page.rows()[1][1] == page.rows()[1][4] == "?"
    assert "1 of the skipped is a whole file" in page.all("header")[0][1]


@pytest.mark.parametrize(("scanned", "text"), [(0.99999, "99 %"), (0.5, "50 %"), (0.0, "0 %")])
def test_a_partial_scan_never_reads_complete(tmp_path, scanned, text):
    page = Page(save_html(tmp_path / "a.html", [full_row(scanned=scanned)], title="t", about={}))
    assert page.rows()[0][6] == f"partial{text} of lines"


def test_names_that_are_markup_are_harmless(tmp_path):
    evil = """<script>alert('1')</script>"><img src=x onerror=alert(1)>&amp;.Z_mtrx"""
    row = full_row(
        source=f"/data/{evil.replace('/', '')}",
        status="skipped",
        reason=evil,
        why=evil,
        set=evil,
        direction=evil,
        taken=evil,
        thumbnail=f"javascript:{evil}?#",
    )
    path = save_html(tmp_path / "a.html", [row, full_row()], title=evil, about={evil: evil})
    page = Page(path)
    assert len(page.all("script")) == 1
    assert len(page.all("img")) == 2
    assert not [known for _, known in page.elements if any(name.startswith("on") for name in known)]
    assert page.all("h1")[0][1] == evil
    assert page.rows()[0][-1] == evil
    source = page.all("img")[0][0]["src"]
    assert not set(source) & set(":<>\"'?#& ")
    assert unquote(source) == f"javascript:{evil}?#"
    assert [known["data-reason"] for known, _ in page.all("button") if "data-reason" in known] == [evil]
    assert [known["data-reason"] for known, _ in page.all("tr") if "data-reason" in known] == [evil, ""]
    for known, _ in page.all("a"):
        assert known["href"].startswith("file:///")


def test_a_page_asks_nothing_of_the_network(tmp_path):
    text = save_html(tmp_path / "a.html", [full_row()], title="t", about={}).read_text()
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_a_file_is_linked_where_it_lies_and_a_name_without_utf8_does_not_stop_the_page(tmp_path):
    odd = os.fsdecode(b"\xff ?#.Z_mtrx")
    rows = [full_row(source=str(tmp_path / odd), thumbnail=f"t/{odd}.jpg"), full_row(source="here.Z_mtrx")]
    page = Page(save_html(tmp_path / "a.html", rows, title="t", about={}))
    first, second = (known["href"] for known, _ in page.all("a"))
    assert first == (tmp_path / odd).as_uri()
    assert first.endswith("/%FF%20%3F%23.Z_mtrx")
    assert second == Path("here.Z_mtrx").absolute().as_uri()
    assert page.all("img")[0][0]["src"] == "t/%FF%20%3F%23.Z_mtrx.jpg"


def test_reasons_are_buttons_with_counts_that_name_the_rows_they_filter(tmp_path):
    rows = [*kept(2), *skipped("too small"), *skipped("no file", 3, "")]
    page = Page(save_html(tmp_path / "a.html", rows, title="t", about={}))
    buttons = [known["data-reason"] for known, _ in page.all("button") if "data-reason" in known]
    assert buttons == ["no file", "too small"]
    marked = [known["data-reason"] for known, _ in page.all("tr", role="row") if "data-reason" in known]
    assert [marked.count(reason) for reason in ("", *buttons)] == [2, 3, 1]
    assert "3 of the skipped are whole files" in page.all("header")[0][1]


def test_a_page_of_nothing_skipped_has_no_table_of_reasons(tmp_path):
    page = Page(save_html(tmp_path / "a.html", kept(2), title="t", about={}))
    assert not page.all("table", **{"class": "reasons"})


def test_the_parameters_are_folded_in_and_it_says_how_to_force_a_scan_in(tmp_path):
    page = Page(save_html(tmp_path / "a.html", kept(1), title="t", about={"pixel_density": "15 px/nm"}))
    ((known, text),) = page.all("details")
    assert "open" not in known
    assert "pixel_density15 px/nm" in text
    assert 'include = ["NAME"]' in page.all("code")[0][1]


def test_a_page_can_be_used_without_eyes(tmp_path):
    page = Page(save_html(tmp_path / "a.html", [*kept(2), *skipped("a")], title="t", about={}))
    assert page.all("html")[0][0]["lang"] == "en"
    assert {known.get("scope") for known, _ in page.all("th")} == {"col"}
    assert len(page.all("caption")) == len(page.all("table")) == 2
    assert len(page.all("th", role="columnheader")) == len(page.rows()[0])
    assert len(page.all("label")) == len(page.all("input")) + len(page.all("select"))


def test_ten_thousand_rows_are_written_in_seconds_and_megabytes(tmp_path, measured):
    from time import perf_counter

    rows = [full_row(source=f"/data/a--{i}_1.Z_mtrx") for i in range(10_000)]
    start = perf_counter()
    size = save_html(tmp_path / "a.html", rows, title="t", about={}).stat().st_size
    seconds = perf_counter() - start
    measured(f"report of 10,000 rows: {seconds:.2f} s, {size / 1e6:.1f} MB")
    assert size < 15e6
    assert seconds < 20
