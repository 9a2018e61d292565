import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from npe2 import PluginManager

from napari_stmml import SurfaceClassifier, read_mtrx, train_classifier
from napari_stmml.events import ScanLabelled
from napari_stmml.heights.two_biases import pair_scans
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import brief_name, scan_to_layer
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.model import predict as module
from napari_stmml.viewer.model.new_maps import NewMaps
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY

LONG = 120_000  # ms


@pytest.fixture
def layer(viewer, small_scan):
    data, meta, _ = scan_to_layer(small_scan)
    return viewer.add_image(data, **meta)


@pytest.fixture
def panel(viewer, dock, instant_model):
    panel = dock(viewer, "Predict")
    panel.model.value = instant_model
    return panel


@pytest.fixture
def window_panel(panel, tiny_model):
    """Let the panel use a model of windows."""
    panel.model.value = tiny_model
    panel.pitch.value = 8
    return panel


@pytest.fixture
def predict(panel, finish):
    """Return a function that labels layers and waits until it is done."""

    def predict_(*layers):
        panel.layers.value = list(layers)
        panel.start_button.click()
        finish(panel)

    return predict_


def labels_of(viewer):
    return [layer for layer in viewer.layers if type(layer).__name__ == "Labels"]


def confidence_of(viewer):
    return [layer for layer in viewer.layers if layer.metadata.get(TEMPORARY) == "confidence"]


def add(viewer, *scans):
    """Add scans as our reader does; return their layers."""
    return [viewer.add_image(data, **meta) for data, meta, _ in map(scan_to_layer, scans)]


@pytest.fixture(scope="session")
def both_ways(small_session):
    """Read forward and backward of one frame, made to be at two biases."""
    forward, back = read_mtrx(small_session[0])[:2]
    return replace(forward, bias=-1.7), replace(back, bias=1.7)


@pytest.fixture(scope="session")
def both_model(both_ways, tmp_path_factory):
    """Train a model of both biases; return its path."""
    model = train_classifier(both_ways, recipe="instant-both", n_clusters=4)
    return model.save(tmp_path_factory.mktemp("model") / "both.stmml")


def test_structures_are_offered_beside_clusters(panel):
    opened = []
    panel.viewer = SimpleNamespace(
        window=SimpleNamespace(add_plugin_dock_widget=lambda *names: opened.append(names))
    )
    panel.structures_button.click()
    assert opened == [("napari-stmml", "Structures")]


def test_labels_lie_exactly_on_their_scans_wherever_those_were_put(
    viewer, layer, predict, small_scan, instant_classifier
):
    data, meta, _ = scan_to_layer(small_scan)
    turned = viewer.add_image(data, **(meta | {"name": "turned", "translate": (5, -3), "rotate": 30}))
    place = {"name": "sheared", "shear": [0.3], "affine": np.diag([2, 1, 1])}
    sheared = viewer.add_image(data, **(meta | place))
    size = np.array(small_scan.pixel_size) / 1000
    far = viewer.add_image(data, name="in um", scale=size, translate=(0.1, 0.2), units="um")
    scans = [layer, turned, sheared, far]
    predict(*scans)
    for scan, labels in zip(scans, labels_of(viewer), strict=True):
        assert labels.name == f"labels {brief_name(scan)}"
        assert labels.data.shape == scan.data.shape
        for key, value in place_of(scan).items():
            assert np.array_equal(getattr(labels, key), value), key
        assert np.array_equal(labels.data, instant_classifier.predict(recorded_scan(scan)))


def test_labels_have_the_names_and_colours_of_the_models_classes(viewer, layer, predict, instant_classifier):
    predict(layer)
    (labels,) = labels_of(viewer)
    names = ["unlabelled", *instant_classifier.class_names]
    assert list(labels.features["class"])[: len(names)] == names
    assert all(name.startswith("new class ") for name in labels.features["class"][len(names) :])
    for label, colour in enumerate(instant_classifier.class_colours, start=1):
        rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert labels.get_color(label)[:3] == pytest.approx(rgb, abs=1e-6)


def test_a_prediction_says_what_to_do_next_and_is_remembered(layer, predict, panel, instant_model):
    predict(layer)
    assert panel.status.text().startswith("1 of 1 scan labelled. Correct merges and names classes")
    assert panel.shared.model == instant_model


def test_a_second_prediction_is_made_by_the_same_process(layer, predict, panel, viewer):
    predict(layer)
    first, (one,) = panel.worker.pid, labels_of(viewer)
    predict(layer)
    assert panel.worker.pid == first
    (other,) = labels_of(viewer)
    assert other is not one
    assert np.array_equal(one.data, other.data)


@pytest.mark.parametrize("saved", [True, False])
def test_what_is_painted_on_a_map_is_kept_and_in_the_next_map_with_a_saved_model_and_without(
    viewer, panel, predict, instant_model, small_session, home, tmp_path, saved
):
    for path in small_session[0].parent.iterdir():
        shutil.copy(path, tmp_path)
    (layer,) = add(viewer, read_mtrx(tmp_path / small_session[0].name)[0])
    panel.model.value = instant_model if saved else None
    panel.clusters.value = 4
    predict(layer)
    (painted,) = labels_of(viewer)
    painted.data[5:9, 5:9] = painted.data[5:9, 5:9] % 4 + 1
    panel.clusters.value = 3
    predict(layer)
    (again,) = labels_of(viewer)
    assert "16 pixels painted on “labels " in panel.status.text()
    names = [
        {int(i): name for i, name in zip(*map(one.features.get, ("index", "class")), strict=True)}
        for one in (painted, again)
    ]
    for before, now in zip(painted.data[5:9, 5:9].flat, again.data[5:9, 5:9].flat, strict=True):
        assert names[1][now] == (names[0][before] if saved else f"{names[0][before]} as painted")


def test_a_scan_that_is_too_small_is_named_and_the_others_are_labelled(
    viewer, layer, predict, panel, said, rng
):
    speck = viewer.add_image(rng.normal(size=(9, 9)), name="speck")
    empty = viewer.add_image(np.full((64, 64), np.nan), name="empty")
    predict(speck, empty, layer)
    assert [labels.name for labels in labels_of(viewer)] == [f"labels {brief_name(layer)}"]
    assert panel.status.text().startswith("1 of 3 scans labelled. Left out: speck: 9 x 9 px")
    assert [sentence.split(":")[1] for sentence in said()] == [" speck", " empty"]


def test_a_scan_removed_meanwhile_gets_no_labels(viewer, layer, panel, finish, small_scan):
    data, meta, _ = scan_to_layer(small_scan)
    other = viewer.add_image(data, **(meta | {"name": "other"}))
    panel.layers.value = [other, layer]
    panel.start_button.click()
    viewer.layers.remove(other)
    del other
    finish(panel)
    assert [labels.name for labels in labels_of(viewer)] == [f"labels {brief_name(layer)}"]


def test_a_layer_without_scale_is_labelled_and_the_panel_says_how(viewer, panel, finish, rng):
    plain = viewer.add_image(rng.normal(size=(40, 40)), name="plain")
    panel.layers.value = [plain]
    panel.start_button.click()
    assert panel.status.text() == (
        "plain: no scale in nm, so its pixels are taken to be at the model's 10.7 px/nm"
    )
    finish(panel)
    (labels,) = labels_of(viewer)
    assert labels.units == plain.units


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_no_model_is_a_sentence(layer, panel, tmp_path, said, content):
    (tmp_path / "no.stmml").write_bytes(content)
    panel.model.value = tmp_path / "no.stmml"
    panel.layers.value = [layer]
    panel.start_button.click()
    assert said() == ["no.stmml cannot be read: it is no zip file, or it is cut short"]
    assert not panel.running


def test_without_a_scan_the_panel_says_what_to_do(panel, said):
    panel.start_button.click()
    assert said() == [NO_SCAN]


def test_cancelling_keeps_the_maps_that_were_made(viewer, panel, qtbot, finish, session_files):
    for file in session_files:
        for scan in read_mtrx(file):
            data, meta, _ = scan_to_layer(scan)
            viewer.add_image(data, **meta)
    scans = list(viewer.layers)
    panel.layers.value = scans
    panel.start_button.click()
    qtbot.waitUntil(lambda: bool(labels_of(viewer)), timeout=LONG)
    panel.cancel_button.click()
    finish(panel)
    made = len(labels_of(viewer))
    assert 0 < made < len(scans)
    assert panel.status.text() == f"Cancelled; {made} of {len(scans)} scans labelled."


def test_a_panel_that_is_shown_is_ready_and_offers_the_model_trained_last(
    viewer, qtbot, monkeypatch, instant_model
):
    panel = module.PredictWidget(viewer)
    qtbot.addWidget(panel)
    warmed = []
    monkeypatch.setattr(panel.worker, "warm", lambda: warmed.append(True))
    assert panel.model.value is None
    panel.shared.model = instant_model
    panel.show()
    assert panel.model.value == instant_model
    assert warmed
    panel.model.value = None  # to cluster at once: that is not to be taken back
    panel.hide()
    panel.show()
    assert panel.model.value is None


def test_without_a_model_the_chosen_scans_are_clustered_and_labelled_at_once(
    viewer, layer, panel, finish, small_scan
):
    panel.model.value = None
    assert panel.model.list.currentText() == "none: cluster scans at once"
    panel.clusters.value = 4
    panel.layers.value = [layer]
    panel.on_start()
    finish(panel)
    (labels,) = labels_of(viewer)
    made = SurfaceClassifier.load(panel._clustered)
    assert (made.recipe.name, made.n_clusters) == ("objects", 4)
    assert made.recipe.pixel_density == round(64 / 6, 4)
    assert np.array_equal(labels.data, made.predict(small_scan))
    assert np.array_equal(labels.scale, layer.scale)
    assert panel.status.text().startswith("1 of 1 scan labelled. Correct merges and names classes")
    assert panel.list.count() == 4
    assert panel.shared.model is None


def test_the_next_day_the_model_that_labelled_a_scan_is_chosen_for_it_and_one_of_ones_own_stays(
    viewer, layer, panel, predict, new_viewer, dock, small_session, instant_model
):
    panel.model.value = None
    panel.clusters.value = 3
    predict(layer)
    kept = panel.shared.clustered
    assert kept.name == "1_1_FU_2026Nov23-120000_3-classes.stmml"
    assert panel.model.value is None  # the same scan can be clustered anew
    another_day = new_viewer()
    back, other = add(another_day, read_mtrx(small_session[0])[1], read_mtrx(small_session[1])[0])
    later = dock(another_day, "Predict")
    later.layers.value = [back]
    assert later.model.value == kept
    assert later.model.list.currentText().startswith(f"{kept.stem} · 20")
    later.layers.value = [other]  # on which no model was used
    assert later.model.value is None
    later.model.value = instant_model
    later.layers.value = [back]
    assert later.model.value == instant_model


def test_the_number_of_classes_comes_from_the_data_and_what_was_found_is_said(
    viewer, layer, panel, finish, small_scan
):
    panel.model.value = None
    assert (panel.clusters.label, panel.clusters.value) == ("Clusters (0: from data)", 0)
    panel.layers.value = [layer]
    panel.on_start()
    finish(panel)
    made = SurfaceClassifier.load(panel._clustered)
    assert made.class_names[0] == "surface"
    assert made.classes.entries[0].background
    assert made.training["proposed"]["sentence"][1:] in panel.status.text()
    (labels,) = labels_of(viewer)
    assert np.array_equal(labels.data, made.predict(small_scan))
    assert panel.list.count() == made.n_clusters


def test_a_scan_without_scale_is_clustered_on_its_own_pixels(viewer, panel, predict, said, rng):
    panel.model.value = None
    panel.clusters.value = 3
    plain = viewer.add_image(rng.normal(size=(60, 60)), name="plain")
    speck = viewer.add_image(rng.normal(size=(9, 9)), name="speck")
    predict(plain, speck)
    assert not SurfaceClassifier.load(panel._clustered).recipe.resample
    assert [labels.name for labels in labels_of(viewer)] == ["labels plain"]
    assert len(said()) == 1  # once, though it is neither clustered nor labelled
    assert "speck" in said()[0]
    assert panel.status.text().startswith("1 of 2 scans labelled. Left out: speck")


def test_what_was_clustered_at_once_can_be_kept_as_a_model_and_overwrites_nothing(
    layer, panel, predict, tmp_path, said, monkeypatch
):
    assert not panel.keep_button.isVisibleTo(panel)
    with pytest.raises(ValueError, match="no model to keep yet"):
        panel.keep(tmp_path / "kept")
    panel.model.value = None
    panel.clusters.value = 3
    predict(layer)
    assert panel.keep_button.isVisibleTo(panel)
    (tmp_path / "mine.stmml").write_bytes(b"the only model of a long night")
    for name in ("mine", "kept"):
        chosen = (str(tmp_path / name), "")
        monkeypatch.setattr(module.QFileDialog, "getSaveFileName", lambda *_, chosen=chosen, **__: chosen)
        panel.keep_button.click()
    assert said() == [f"{tmp_path / 'mine.stmml'} exists already; choose another name for the model"]
    assert (tmp_path / "mine.stmml").read_bytes() == b"the only model of a long night"
    kept = tmp_path / "kept.stmml"
    assert SurfaceClassifier.load(kept).n_clusters == 3
    assert panel.shared.model == panel.model.value == kept
    assert not panel.keep_button.isVisibleTo(panel)


def test_fields_are_those_of_a_model_or_of_none(window_panel, tiny_model, instant_model):
    panel = window_panel

    def offered():
        fields = (panel.clusters, panel.both, panel.pitch)
        return [field.native.isVisibleTo(panel) for field in fields]

    assert offered() == [False, False, True]
    assert panel.pitch.enabled
    panel.model.value = instant_model
    assert not panel.pitch.enabled
    assert "no step between windows" in panel.pitch.tooltip
    panel.model.value = tiny_model
    assert panel.pitch.enabled
    assert panel.pitch.tooltip.startswith("predict_window_pitch")
    panel.model.value = None
    assert offered() == [True, True, False]


def test_a_pitch_that_was_chosen_is_used_and_holds_for_the_next_prediction(
    viewer, layer, predict, window_panel, tiny_classifier, small_scan
):
    window_panel.pitch.value = 4
    predict(layer)
    assert window_panel.pitch.value == 4
    (labels,) = labels_of(viewer)
    assert np.array_equal(labels.data, tiny_classifier.predict(small_scan, pitch=4))


def test_both_biases_are_offered_where_both_ways_of_a_frame_are_chosen(
    viewer, panel, finish, both_ways, small_session
):
    panel.model.value = None
    forward, back = add(viewer, *both_ways)
    (down,) = add(viewer, read_mtrx(small_session[0])[2])
    for chosen, offered in (([], 0), ([forward], 0), ([forward, down], 0), ([forward, back], 1)):
        panel.layers.value = chosen
        assert panel.both.enabled == bool(offered)
    panel.both.value, panel.clusters.value = True, 3
    panel.start_button.click()
    finish(panel)
    made = SurfaceClassifier.load(panel._clustered)
    assert made.recipe.name == "instant-both"
    for labels, scan in zip(labels_of(viewer), pair_scans(both_ways), strict=True):
        assert np.array_equal(labels.data, made.predict(scan))


def test_a_model_of_both_biases_finds_the_way_back_among_the_open_scans_or_in_the_file_or_says_so(
    viewer, panel, predict, both_ways, both_model
):
    forward, back = add(viewer, *both_ways)
    panel.model.value = both_model
    predict(forward)
    (labels,) = labels_of(viewer)
    expected = SurfaceClassifier.load(both_model).predict(pair_scans(both_ways)[0])
    assert np.array_equal(labels.data, expected)
    viewer.layers.remove(back)
    predict(forward)
    (again,) = labels_of(viewer)
    assert again is not labels
    assert np.array_equal(again.data, expected)
    forward.metadata["stmml"] = {**forward.metadata["stmml"], "source": "gone--1_1.Z_mtrx"}
    predict(forward)
    assert "there is no scan of the way back of the same frame" in panel.status.text()
    assert labels_of(viewer) == [again]


def test_confidence_lies_on_its_scan_below_the_labels_and_is_no_scan(
    viewer, layer, predict, panel, small_scan, instant_classifier, instant_model
):
    layer.translate, layer.rotate = (5, -3), 30
    panel.model.value = instant_model
    panel.confidence.value = True
    predict(layer)
    (sure,) = confidence_of(viewer)
    assert [one.name for one in viewer.layers][1:] == [
        f"confidence {brief_name(layer)}",
        f"labels {brief_name(layer)}",
    ]
    _, expected = instant_classifier.predict(small_scan, return_confidence=True)
    assert np.array_equal(sure.data, expected, equal_nan=True)
    for key, value in place_of(layer).items():
        assert np.array_equal(getattr(sure, key), value), key
    assert sure not in panel.layers.choices
    assert "of the surface is unlike" in panel.status.text()
    layer.rotate = 0
    predict(layer)  # the same layer again, brought up to date
    assert confidence_of(viewer) == [sure]
    assert np.array_equal(sure.rotate, layer.rotate)
    assert len(labels_of(viewer)) == 1


def test_confidence_is_shown_without_a_model_too_and_the_choice_is_remembered(
    viewer, layer, panel, predict, qtbot
):
    assert not panel.confidence.value
    panel.model.value = None
    panel.clusters.value = 3
    panel.confidence.native.click()
    predict(layer)
    assert len(confidence_of(viewer)) == 1
    another = module.PredictWidget(viewer)
    qtbot.addWidget(another)
    assert another.confidence.value
    panel.confidence.value = False
    assert not panel.shared.confidence


def test_much_that_is_unlike_anything_seen_is_said_though_nobody_asked(
    layer, panel, predict, instant_classifier, tmp_path
):
    narrow = replace(instant_classifier, clusters=replace(instant_classifier.clusters, limit=1e-9))
    panel.model.value = narrow.save(tmp_path / "narrow.stmml")
    predict(layer)
    assert "100.0 % of the surface is unlike anything the model has seen." in panel.status.text()


def test_clustering_that_cannot_be_done_is_a_sentence(viewer, panel, predict, said, rng):
    panel.model.value = None
    predict(viewer.add_image(rng.normal(size=(9, 9)), name="speck"))
    assert panel.status.text().startswith("Clustering stopped: no scan can be used for training: speck")
    assert not panel.keep_button.isVisibleTo(panel)
    assert panel.status.text() in said()


def test_structures_are_offered_beside_clusters_of_pixels(panel, monkeypatch):
    opened = []
    window = SimpleNamespace(add_plugin_dock_widget=lambda *names: opened.append(names))
    monkeypatch.setattr(panel, "viewer", SimpleNamespace(window=window))
    panel.structures_button.click()
    ((plugin, name),) = opened
    known = {(one.plugin_name, one.display_name) for one in PluginManager.instance().iter_widgets()}
    assert (plugin, name) in known
    assert name == "Structures"


def test_the_map_of_a_scan_that_is_not_seen_is_not_seen(viewer, small_session, tmp_path):
    layers = viewer.open(str(small_session[0]), plugin="napari-stmml")
    scans = [recorded_scan(layer) for layer in layers]
    maps = NewMaps(viewer)
    for shown in ([3], []):
        for number, layer in enumerate(layers):
            layer.visible = number in shown
        maps.begin(layers, scans)
        for number, scan in enumerate(scans):
            path = LabelMap(np.ones((64, 64), np.uint8), scan.pixel_size).write(
                tmp_path / f"{number}.stmml.tif"
            )
            assert maps.add(ScanLabelled(scan.name, str(path), number), number, False)
        while maps.show_next():
            pass
        seen = [layer.visible for layer in labels_of(viewer)]
        assert seen == [number in (shown or [0]) for number in range(4)]
