"""Captions, colour maps, the typeface and files of figures."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from napari_stmml.figures.colour_maps import colour_table
from napari_stmml.figures.curves import convergence_figure
from napari_stmml.figures.drawing import caption, font_file, save_figure
from napari_stmml.scan import Scan


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "40 x 10 nm"),
        ({"bias": 2.0}, "40 x 10 nm, 2 V"),
        ({"setpoint": 0.0035}, "40 x 10 nm, 3.5 pA"),
        ({"bias": -0.123456, "setpoint": 1.0}, "40 x 10 nm, -0.1235 V, 1000 pA"),
        ({"pixel_size": None}, "80 x 20 px"),
    ],
)
def test_a_caption_says_what_is_known(known, text):
    assert caption(Scan(np.zeros((20, 80)), **{"pixel_size": (0.5, 0.5), **known})) == text


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG")])
def test_a_figure_is_written_as_its_name_ends(name, kind, tmp_path):
    with Image.open(save_figure(convergence_figure([1.0], [1]), tmp_path / name)) as image:
        assert image.format == kind


def test_a_figure_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"written as \.png, \.jpg, \.jpeg, \.svg, \.pdf, not as a\.eps"):
        save_figure(convergence_figure([1.0], [1]), tmp_path / "a.eps")
    assert not list(tmp_path.iterdir())


def test_a_colour_table_has_256_colours_from_first_to_last():
    assert colour_table("stm").shape == colour_table("viridis").shape == (256, 3)
    assert colour_table("stm")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert colour_table("gray")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert colour_table("gray").dtype == np.uint8


def test_matplotlibs_typeface_is_found_or_none(monkeypatch, tmp_path):
    assert font_file(bold=True).name == "DejaVuSans-Bold.ttf"
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    assert font_file() is None
