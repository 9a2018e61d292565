import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.viewer import remembered
from napari_stmml.viewer.layers import scan_to_layer
from napari_stmml.viewer.panel import brief_name, place_of, scan_of

LONG = 120_000  # ms


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def layer(viewer, small_scan):
    data, meta, _ = scan_to_layer(small_scan)
    return viewer.add_image(data, **meta)


@pytest.fixture
def panel(viewer, dock, tiny_model):
    panel = dock(viewer, "Predict")
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


def test_labels_lie_exactly_on_their_scans_wherever_those_were_put(
    viewer, layer, predict, small_scan, tiny_classifier
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
        assert np.array_equal(labels.data, tiny_classifier.predict(scan_of(scan), pitch=8))


def test_labels_have_the_names_and_colours_of_the_models_classes(viewer, layer, predict, tiny_classifier):
    predict(layer)
    (labels,) = labels_of(viewer)
    names = ["unlabelled", *tiny_classifier.class_names]
    assert list(labels.features["class"])[: len(names)] == names
    assert all(name.startswith("new class ") for name in labels.features["class"][len(names) :])
    for label, colour in enumerate(tiny_classifier.class_colours, start=1):
        rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert labels.get_color(label)[:3] == pytest.approx(rgb, abs=1e-6)


def test_a_prediction_says_what_to_do_next_and_is_remembered(layer, predict, panel, tiny_model):
    predict(layer)
    assert panel.status.text().startswith("1 of 1 scans labelled. Choose the new Labels layer to paint on it")
    assert remembered.model == tiny_model


def test_a_second_prediction_is_made_by_the_same_process(layer, predict, panel, viewer):
    predict(layer)
    first = panel.worker.pid
    predict(layer)
    assert panel.worker.pid == first
    one, other = labels_of(viewer)
    assert np.array_equal(one.data, other.data)


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
        "plain: no scale in nm, so its pixels are taken to be at the model's 8 px/nm"
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
    assert said() == ["no.stmml is not a napari-stmml model, or it is cut short: it is no zip file"]
    assert not panel.running


@pytest.mark.parametrize(
    ("missing", "sentence"), [("model", "choose a model file"), ("scan", "choose at least")]
)
def test_nothing_chosen_is_a_sentence(layer, panel, said, missing, sentence):
    if missing == "model":
        panel.model.value = None
        panel.layers.value = [layer]
    panel.start_button.click()
    assert said()[0].startswith(sentence)


def test_cancelling_keeps_the_maps_that_were_made(viewer, panel, qtbot, finish, session_files):
    for file in session_files:
        for scan in read_mtrx(file):
            data, meta, _ = scan_to_layer(scan)
            viewer.add_image(data, **meta)
    scans = list(viewer.layers)
    panel.pitch.value = 1
    panel.layers.value = scans
    panel.start_button.click()
    qtbot.waitUntil(lambda: bool(labels_of(viewer)), timeout=LONG)
    panel.cancel_button.click()
    finish(panel)
    made = len(labels_of(viewer))
    assert 0 < made < len(scans)
    assert panel.status.text() == f"Cancelled; {made} of {len(scans)} scans labelled."


def test_a_panel_that_is_shown_offers_the_model_trained_last(viewer, qtbot, monkeypatch, tiny_model):
    from napari_stmml.viewer.predict import PredictWidget

    panel = PredictWidget(viewer)
    qtbot.addWidget(panel)
    assert panel.model.value is None
    monkeypatch.setattr(remembered, "model", tiny_model)
    panel.show()
    assert panel.model.value == tiny_model
