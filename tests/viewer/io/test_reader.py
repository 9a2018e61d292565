import shutil

import numpy as np
import pytest
import tifffile
from napari.errors import MultipleReaderError
from npe2 import PluginManager

from napari_stmml import read_mtrx
from napari_stmml.heights.flatten import flatten
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io import ask_scale
from napari_stmml.viewer.io.reader import get_reader, prefer_our_maps

DIRECTIONS_ON_TOP_LAST = ["backward/down", "forward/down", "backward/up", "forward/up"]


def opened(viewer, *paths):
    return viewer.open([str(path) for path in paths], plugin="napari-stmml")


def parameter_file(files):
    return next(files[0].parent.glob("*_0001.mtrx"))


@pytest.fixture
def copy(small_session, tmp_path):
    """Copy the small session to a folder of its own, to damage."""
    shutil.copytree(small_session[0].parent, tmp_path / "copy")
    return [tmp_path / "copy" / file.name for file in small_session]


def test_a_scan_opens_as_four_layers_with_forward_up_on_top_and_alone_visible(
    make_napari_viewer, small_session
):
    viewer = make_napari_viewer()
    opened(viewer, small_session[0])
    directions = [layer.metadata["stmml"]["direction"] for layer in viewer.layers]
    assert directions == DIRECTIONS_ON_TOP_LAST
    assert [layer.visible for layer in viewer.layers] == [False, False, False, True]


def test_a_layer_has_the_heights_scale_and_settings_of_its_scan(viewer, small_session):
    scan = read_mtrx(small_session[0])[0]
    layer = opened(viewer, small_session[0])[-1]
    assert np.array_equal(layer.data, flatten(scan.heights, "poly_xy"))
    assert np.ptp(layer.data) < 2  # nm, not m
    assert layer.scale == pytest.approx(scan.pixel_size)
    assert [str(unit) for unit in layer.units] == ["nanometer", "nanometer"]
    assert layer.axis_labels == ("y", "x")
    assert layer.colormap.name == "stm"
    assert layer.metadata["stmml"] == scan.settings() | {"history": ["plane taken out"]}
    assert layer.name == "1_1 Z forward/up -2 V"


def test_a_dropped_parameter_file_opens_all_scans_of_its_session(viewer, small_session):
    opened(viewer, parameter_file(small_session))
    sources = [layer.metadata["stmml"]["source"] for layer in viewer.layers]
    assert sources == [str(file) for file in small_session for _ in range(4)]


@pytest.mark.parametrize(("others", "order"), [([1], [0, 1]), ([0, 1], [0, 1]), ([1, 0], [1, 0])])
@pytest.mark.parametrize("session_first", [True, False])
def test_a_session_dropped_with_its_scans_opens_each_once(
    viewer, small_session, others, order, session_first
):
    scans, session = [small_session[number] for number in others], [parameter_file(small_session)]
    opened(viewer, *(session + scans if session_first else scans + session))
    sources = list(dict.fromkeys(layer.metadata["stmml"]["source"] for layer in viewer.layers))
    if session_first or len(others) == 2:
        assert sources == [str(small_session[number]) for number in order]
    assert sorted(sources) == sorted(map(str, small_session))
    assert len(viewer.layers) == 4 * 2


def test_a_copy_that_a_browser_has_renamed_is_named_and_the_scans_of_its_session_open(viewer, copy, said):
    renamed = copy[0].with_name(copy[0].name.replace("1_1", "1_1 (1)"))
    shutil.copyfile(copy[0], renamed)
    opened(viewer, parameter_file(copy))
    assert {layer.metadata["stmml"]["source"] for layer in viewer.layers} == {str(file) for file in copy}
    assert len(said()) == 1
    assert renamed.name in said()[0]


def test_a_parameter_file_alone_says_that_there_are_no_scans(viewer, copy, said):
    for file in copy:
        file.unlink()
    opened(viewer, parameter_file(copy))
    assert not viewer.layers
    assert len(said()) == 1
    assert said()[0].startswith("No scans")


@pytest.mark.parametrize("drop", ["files", "parameter file"])
def test_a_truncated_file_between_good_ones_is_named_and_the_others_open(
    viewer, session_files, tmp_path, said, drop
):
    shutil.copytree(session_files[0].parent, tmp_path / "copy")
    files = [tmp_path / "copy" / file.name for file in session_files]
    files[1].write_bytes(files[1].read_bytes()[:-4000])
    opened(viewer, *(files if drop == "files" else [parameter_file(files)]))
    sources = {layer.metadata["stmml"]["source"] for layer in viewer.layers}
    assert sources == {str(files[0]), str(files[2])}
    assert len(said()) == 1
    assert files[1].name in said()[0]


@pytest.mark.parametrize("content", [b"", b"not a scan", b"ONTMATRX0101", b"ONTMATRX0101" + bytes(200)])
def test_garbage_is_one_sentence_and_no_layer(viewer, copy, said, content):
    copy[0].write_bytes(content)
    opened(viewer, copy[0])
    assert not viewer.layers
    assert len(said()) == 1
    assert copy[0].name in said()[0]


def test_a_file_that_has_gone_is_one_sentence(tmp_path, said):
    path = str(tmp_path / "x--1_1.Z_mtrx")
    assert get_reader(path)(path) == [(None,)]
    assert len(said()) == 1


def test_other_peoples_files_are_not_ours_to_read(tmp_path):
    plain = tmp_path / "x--1_1_FU_labels.tif"
    tifffile.imwrite(plain, np.zeros((4, 4), np.uint8))
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    broken = tmp_path / "broken.stmml.tif"
    broken.write_bytes(b"II*\0garbage")
    missing = tmp_path / "missing.stmml.tif"
    for path in (plain, text, broken, missing, tmp_path):
        assert get_reader(str(path)) is None
    assert get_reader([str(tmp_path / "a--1_1.Z_mtrx"), str(text)]) is None


@pytest.mark.parametrize(
    "name",
    [
        "default--1_1.Z_mtrx",
        "Default--1_1.Z_MTRX",
        "x--3_1.I_mtrx",
        "Session_0001.mtrx",
        "SESSION_0001.MTRX",
        "map.stmml.tif",
        "x--1_1_FU_labels.tif",
        "X--1_1_BD_LABELS.TIF",
    ],
)
def test_napari_offers_us_our_files_in_either_case(tmp_path, name):
    manager = PluginManager.instance()
    manager.discover()
    path = tmp_path / name
    path.touch()
    readers = {reader.command for reader in manager.iter_compatible_readers([str(path)])}
    assert "napari-stmml.read" in readers


@pytest.mark.parametrize("name", ["cells.jpg", "x.sxm.bak", "x.Z_mtrx.gz", "table.csv"])
def test_napari_does_not_offer_us_other_peoples_files(tmp_path, name):
    manager = PluginManager.instance()
    manager.discover()
    (tmp_path / name).touch()
    readers = {reader.command for reader in manager.iter_compatible_readers([str(tmp_path / name)])}
    assert "napari-stmml.read" not in readers


def test_a_label_map_opens_as_labels_on_its_scan(viewer, small_session, tmp_path):
    scan = read_mtrx(small_session[0])[0]
    labels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 3
    path = LabelMap(labels, scan.pixel_size, names={1: "a"}).write(tmp_path / "x--1_1_FU_labels.tif")
    (layer,) = opened(viewer, path)
    assert type(layer).__name__ == "Labels"
    assert np.array_equal(layer.data, labels)
    assert layer.scale == pytest.approx(scan.pixel_size)
    assert list(layer.features["class"])[:2] == ["unlabelled", "a"]


def test_our_maps_open_here_without_asking_unless_the_user_chose_otherwise(viewer):
    from napari.settings import get_settings

    plugins = get_settings().plugins
    plugins.extension2reader = {"*.stmml.tif": "napari"}
    prefer_our_maps()
    assert plugins.extension2reader["*.stmml.tif"] == "napari"
    assert plugins.extension2reader["*--*_??_labels.tif"] == "napari-stmml"


# Pictures, which have no scale of their own


@pytest.fixture
def picture(tmp_path, home):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(20, 30)))
    return tmp_path / "a.npy"


def test_a_picture_without_a_scale_is_asked_for_it_once(new_viewer, qapp, picture, monkeypatch, said):
    questions = []

    def answer(parent, title, text, *limits):
        questions.append(text)
        return 0.25, True

    monkeypatch.setattr(ask_scale.QApplication, "activeWindow", lambda *_: "a window")
    monkeypatch.setattr(ask_scale.QInputDialog, "getDouble", answer)
    for _ in range(2):
        (layer,) = opened(new_viewer(), picture)
        assert layer.scale == pytest.approx((0.25, 0.25))
        assert layer.metadata["stmml"]["source"] == str(picture)
    assert questions == ["a.npy does not say how large it is. Size of a pixel in nm:"]
    assert not said()


def test_a_question_that_is_not_answered_leaves_a_sentence_and_no_layer(viewer, picture, monkeypatch, said):
    monkeypatch.setattr(ask_scale.QApplication, "activeWindow", lambda *_: "a window")
    monkeypatch.setattr(ask_scale.QInputDialog, "getDouble", lambda *_: (0.1, False))
    opened(viewer, picture)
    assert not viewer.layers
    assert [one[:9] for one in said()] == ["No scale:"]


def test_napari_asks_which_reader_opens_a_picture(new_viewer, picture):
    with pytest.raises(MultipleReaderError, match="napari-stmml"):
        new_viewer().open(str(picture), plugin=None)
    (layer,) = new_viewer().open(str(picture))  # as scripts do: with napari's own reader
    assert "stmml" not in layer.metadata


@pytest.fixture
def window(make_napari_viewer, qtbot):
    """Return a viewer with a window, and a function that gives its Browse panel when that has listed all."""
    viewer = make_napari_viewer()

    def browse():
        _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Browse")
        qtbot.waitUntil(lambda: not panel.busy, timeout=20_000)
        return [panel.scans.item(row).file for row in range(panel.scans.rowCount())]

    return viewer, browse


@pytest.mark.parametrize("what", ["folder", "session"])
def test_a_dropped_folder_or_session_is_listed_in_browse_and_opens_nothing(window, home, copy, what):
    viewer, browse = window
    opened(viewer, copy[0].parent if what == "folder" else parameter_file(copy))
    assert browse() == copy
    assert len(viewer.layers) == 0


def test_many_files_dropped_together_are_listed_in_browse(window, home, session_files, copy):
    viewer, browse = window
    files = [*session_files, *copy]
    opened(viewer, *files)
    assert browse() == files
    assert len(viewer.layers) == 0


def test_a_session_of_one_scan_opens_it(window, home, copy):
    viewer, _ = window
    copy[1].unlink()
    opened(viewer, parameter_file(copy))
    assert [layer.visible for layer in viewer.layers] == [False, False, False, True]


def test_a_folder_is_ours_only_where_scans_lie_in_it(copy, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    assert get_reader(str(tmp_path / "other")) is None
    assert get_reader(str(copy[0].parent)) is not None
    assert get_reader(str(copy[0].parent.parent)) is not None
