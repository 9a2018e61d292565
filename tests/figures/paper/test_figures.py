"""Figures for a paper: exact in width, readable, true to the scan; text stays text."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from napari_stmml.figures.drawing import pixels_of
from napari_stmml.figures.paper.options import COLUMNS_MM, FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure, figure_path, with_background
from napari_stmml.figures.paper.scan_figure import scans_figure
from napari_stmml.figures.paper.shown_scan import SAFE

KINDS = ("scans", "measured", "profile")
LINE = np.array([[30.0, 10.0], [30.0, 110.0]])


def asked(kind, shown):
    return PaperFigure(kind, (shown,), (LINE,) if kind == "profile" else ())


def texts(figure):
    return [one for one in figure.findobj(Text) if one.get_text().strip()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", COLUMNS_MM)
def test_a_figure_is_exactly_as_wide_as_a_column_and_no_text_is_small_or_cut(kind, width, shown):
    figure = asked(kind, shown).draw(FigureOptions(width=width, axes=True, names=True, counts=True))
    assert figure.get_figwidth() * 25.4 == pytest.approx(COLUMNS_MM[width])
    pixels = pixels_of(figure, 200)
    assert pixels.shape[1] == int(COLUMNS_MM[width] / 25.4 * 200)
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()  # what is cut would leave ink there
    assert len(texts(figure)) > 5
    assert min(one.get_fontsize() for one in texts(figure)) >= 6


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_written_at_its_size_with_text_as_text(kind, shown, tmp_path):
    options = FigureOptions(dpi=200)
    for ending in ("png", "svg", "pdf"):
        path, *_ = asked(kind, shown).save(tmp_path / f"a.{ending}", options)
        assert path.name == f"a.{ending}"
    with Image.open(tmp_path / "a.png") as picture:
        assert abs(picture.width - 86 / 25.4 * 200) <= 1
        assert picture.info["dpi"][0] == pytest.approx(200, abs=0.1)
    drawn = (tmp_path / "a.svg").read_text("utf-8")
    wide = float(re.search(r'width="([\d.]+)pt"', drawn)[1])
    assert wide / 72 * 25.4 == pytest.approx(86, abs=0.01)
    assert "height (nm)</text>" in drawn
    assert b"/FontFile2" in (tmp_path / "a.pdf").read_bytes()


def test_maps_are_to_scale_and_the_scale_bar_is_as_long_as_it_says(shown):
    figure = scans_figure([shown], FigureOptions(classes="overlay"))
    axes = figure.axes[0]
    box = axes.get_position()
    wide, tall = figure.get_size_inches()
    assert box.width * wide == pytest.approx(box.height * tall)  # 12.8 x 12.8 nm
    assert axes.get_xlim() == (0, 12.8)
    assert axes.get_ylim() == (12.8, 0)  # row 0 at the top
    (text,) = [one.get_text() for one in axes.texts]
    bar = max(axes.patches, key=lambda one: one.get_zorder())
    assert text == f"{bar.get_width():g} nm" == "2 nm"


def test_the_scale_bar_is_where_it_hides_neither_structures_nor_lines(shown):
    def corner(figure):
        box = min(figure.axes[0].patches, key=lambda one: (one.get_zorder(), -one.get_width()))
        return box.get_x() < 6.4, box.get_y() > 6.4  # left, below

    assert corner(scans_figure([shown], FigureOptions())) == (True, True)
    labels = np.ones((128, 128), np.uint8)
    labels[64:, :64] = 2
    below = replace(shown, labels=replace(shown.labels, labels=labels))
    assert corner(scans_figure([below], FigureOptions())) == (False, True)
    line = np.array([[120.0, 5.0], [120.0, 60.0]])
    assert corner(PaperFigure("profile", (shown,), (line,)).draw(FigureOptions())) == (False, True)


def test_heights_are_flattened_and_count_from_the_darkest_colour(shown):
    heights, (low, high) = shown.heights(FigureOptions())
    assert low == 0
    assert high < 0.3  # the tilt of 0.38 nm is gone
    as_is = replace(shown, scan=replace(shown.scan, history=("flattened",)), limits=(0.1, 0.5))
    heights, limits = as_is.heights(FigureOptions())
    assert limits == (0, pytest.approx(0.4))
    assert np.allclose(heights, shown.scan.heights - 0.1)


def test_the_legend_names_what_is_there_in_the_colours_that_are_seen(shown):
    figure = scans_figure([shown], FigureOptions(classes="outlines", counts=True))
    said = [one.get_text() for one in figure.texts]
    assert any(text.startswith("holes (") for text in said)
    assert not any("surface" in text for text in said)  # background has no outline
    safe = scans_figure([shown], FigureOptions(classes="outlines", colours="colour-blind"))
    lines = [tuple(one.get_edgecolor()[0][:3]) for one in safe.axes[0].collections]
    wanted = [tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)) for colour in SAFE[:2]]
    assert np.allclose(lines, wanted)


def test_what_was_measured_stands_in_numbers_below_the_scan(shown):
    said = [one.get_text() for one in asked("measured", shown).draw(FigureOptions(width="double")).texts]
    rows = [said[at : at + 5] for at in map(said.index, ("holes", "surface"))]
    assert rows[0][:4] == ["holes", "3", "0.019 ± 0.011", "1.5 %"]
    assert rows[0][4].startswith("−0.0999")  # holes of 0.1 nm
    assert rows[1] == ["surface", "", "background", "97.5 %", ""]


def test_names_that_are_long_have_a_line_of_their_own_in_the_numbers(shown):
    names = {1: "reconstructed 2x1 surface", 2: "split-off dimer defect, as of 1994", 3: "adsorbed hydrogen"}
    long = replace(shown, labels=replace(shown.labels, names=names))
    for width in COLUMNS_MM:
        figure = asked("measured", long).draw(FigureOptions(width=width))
        said = [one.get_text() for one in figure.texts]
        assert set(names.values()) <= set(said)
        assert (pixels_of(figure, 200)[:, 0] == 255).all()


def test_objects_of_one_class_that_touch_have_an_outline_each(shown):
    labels, objects = np.zeros((128, 128), np.uint8), np.zeros((128, 128), np.uint8)
    labels[40:80, 20:100] = 2
    objects[40:80, 20:60], objects[40:80, 60:100] = 1, 2
    touching = replace(shown, labels=replace(shown.labels, labels=labels, objects=objects))
    figure = scans_figure([touching], FigureOptions(classes="outlines"))
    (lines,) = figure.axes[0].collections
    assert sum(path.codes.tolist().count(1) for path in lines.get_paths()) == 2


def test_a_figure_that_cannot_be_is_refused_in_a_sentence(shown):
    with pytest.raises(ValueError, match=r"1 to 24 scans, got 0"):
        scans_figure([])
    with pytest.raises(ValueError, match=r"scale_bar_nm must be less than the width of the scan, 12\.8 nm"):
        scans_figure([shown], FigureOptions(scale_bar_nm=20))
    with pytest.raises(ValueError, match=r"width_mm must be 0, or 40 or more, got 10"):
        FigureOptions(width_mm=10)
    with pytest.raises(ValueError, match=r"labels have 64 x 64 px, .* 128 x 128: choose the scan"):
        replace(shown, labels=replace(shown.labels, labels=np.ones((64, 64), np.uint8)))
    with pytest.raises(ValueError, match=r"written as png, svg, pdf, not as a\.jpg"):
        figure_path("a.jpg", "png")
    with pytest.raises(ValueError, match="draw one on the scan first"):
        PaperFigure("profile", (shown,))
    with pytest.raises(ValueError, match=r"no labels on .* to measure"):
        PaperFigure("measured", (replace(shown, labels=None),))


def test_a_name_without_a_format_gets_that_of_the_options():
    assert figure_path("x/map.v2", "svg").as_posix() == "x/map.v2.svg"


def test_the_largest_class_of_a_map_is_background_where_it_does_not_say(shown):
    plain = replace(shown.labels, scan={"source": "x"})
    assert with_background(plain).scan["background"] == [1]
    assert with_background(shown.labels) is shown.labels


def test_a_scan_without_scale_and_one_that_was_not_scanned_whole_are_drawn(shown):
    heights = np.array(shown.scan.heights)
    heights[:40] = np.nan
    partial = replace(shown, scan=replace(shown.scan, heights=heights, pixel_size=None))
    figure = scans_figure([partial, replace(partial, labels=None)], FigureOptions(width="double"))
    pixels_of(figure, 100)
    assert "20 px" in [one.get_text() for axes in figure.axes for one in axes.texts]
