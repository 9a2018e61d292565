"""Thumbnails are made in threads, the newest wish first, and kept by the content of the file."""

import os
import shutil
import threading

import numpy as np
import pytest

from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.system.user_folder import cache_folder
from napari_stmml.viewer.browse import thumbnails
from napari_stmml.viewer.browse.thumbnails import Thumbnail, Thumbnails, Wish, draw, make_thumbnail, prune

FU = "forward/up"


def kept():
    return sorted((cache_folder() / "thumbnails").glob("*"))


def test_a_thumbnail_has_the_proportions_of_the_frame(qapp):
    heights = np.random.default_rng(0).normal(size=(300, 500))
    image = draw(Scan(heights, (0.2, 0.1)), 100)
    assert (image.width(), image.height()) == (83, 100)
    assert draw(Scan(heights, None), 100).height() == 60


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_scan_in_which_there_is_nothing_to_see_is_drawn_all_the_same(qapp, value):
    assert draw(Scan(np.full((40, 30), value), (1.0, 1.0))).height() == thumbnails.SIDE


def test_a_tilt_does_not_show(qapp):
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    flat = np.sin(x / 3) * np.cos(y / 3)
    drawn, of_tilted = (draw(Scan(one, (1.0, 1.0))) for one in (flat, flat + 5.0 * y + 3.0 * x))
    apart = [
        abs(drawn.pixelColor(p, q).green() - of_tilted.pixelColor(p, q).green())
        for p in range(100)
        for q in range(100)
    ]
    assert np.mean(apart) < 20


def test_the_same_content_is_drawn_once_wherever_it_lies(qapp, files, tmp_path, monkeypatch):
    first = make_thumbnail(Wish(files[0], FU))
    (path,) = kept()
    elsewhere = tmp_path / files[0].name
    shutil.copyfile(files[0], elsewhere)
    monkeypatch.setattr(thumbnails, "read_scan_file", None)
    assert make_thumbnail(Wish(elsewhere, FU)).image.size() == first.image.size()
    path.write_bytes(b"damaged")
    with pytest.raises(TypeError):
        make_thumbnail(Wish(files[0], FU))


def test_other_content_and_another_direction_are_drawn_anew(qapp, files):
    for wish in (Wish(files[0], FU), Wish(files[1], FU), Wish(files[0], "backward/up")):
        make_thumbnail(wish)
    assert len(kept()) == 3


def test_a_file_that_is_no_scan_has_a_reason_and_no_picture(qapp, files):
    files[0].write_bytes(b"nothing")
    made = make_thumbnail(Wish(files[0], FU))
    assert made.image is None
    assert files[0].name in made.problem


def test_the_classes_of_a_map_are_told_by_their_colours_the_largest_first(qapp, files, tmp_path):
    labels = np.array([[1, 2, 2], [0, 0, 0]])
    colours = {1: "#ff0000", 2: "#00ff00", 3: "#0000ff"}
    path = LabelMap(labels, None, names={3: "none"}, colours=colours).write(tmp_path / "a_FU_labels.tif")
    assert make_thumbnail(Wish(files[0], FU, str(path))).colours == ("#00ff00", "#ff0000")


def test_the_newest_wish_comes_first_and_the_oldest_are_dropped(monkeypatch):
    hold, begun, ended = threading.Event(), threading.Event(), threading.Event()
    made = []

    def make(wish):
        begun.set()
        hold.wait(10)
        return Thumbnail(None)

    def done(wish, thumbnail):
        made.append(wish.file)
        if len(made) == 4:
            ended.set()

    monkeypatch.setattr(thumbnails, "make_thumbnail", make)
    monkeypatch.setattr(thumbnails, "THREADS", 1)
    monkeypatch.setattr(thumbnails, "MOST_WISHES", 3)
    some = Thumbnails(done)
    some.want(Wish("first", FU))
    assert begun.wait(10)
    for name in "abcdb":
        some.want(Wish(name, FU))
    hold.set()
    assert ended.wait(10)
    assert made == ["first", "b", "d", "c"]


def test_a_cache_is_bounded_and_the_oldest_go(tmp_path):
    for number in range(5):
        path = tmp_path / f"{number}.png"
        path.touch()
        os.utime(path, (number, number))
    prune(tmp_path, most=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.png", "4.png"]
    prune(tmp_path / "none")
