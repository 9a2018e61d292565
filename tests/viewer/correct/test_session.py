"""A session of corrections: nothing painted is lost, every step can be undone, predictions stay."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.classes import Classes
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.correct import class_actions
from napari_stmml.viewer.correct.open_scan import colormap_of, features_of
from napari_stmml.viewer.correct.session import session_of


@pytest.fixture
def settle(qtbot):
    """Return a function that waits until a session has taken all that happened."""

    def settle_(session):
        qtbot.wait(20)  # the look at what was painted comes after the event
        qtbot.waitUntil(lambda: not session.busy, timeout=20_000)
        qtbot.wait(20)

    return settle_


def stroke(one, place=(30, 30), label=2):
    one.truth.selected_label = label
    one.truth.brush_size = 7
    one.truth.paint(place, label)


def shown(session, one):
    return one.shown(session.classifier.classes)


def test_a_viewer_has_one_session(viewer, correcting):
    assert session_of(viewer) is correcting


def test_a_session_goes_with_its_viewer_though_its_layers_know_the_viewer(new_viewer):
    viewer = new_viewer()
    session_of(viewer).scans.append(SimpleNamespace(viewer=viewer))
    assert session_of(viewer).scans
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None


def test_the_models_answer_is_what_predict_gives(correcting):
    for one in correcting.scans:
        np.testing.assert_array_equal(one.predicted.data, correcting.classifier.predict(one.scan))


def test_a_stroke_is_on_disk_at_once_and_the_prediction_as_it_was(correcting, settle):
    one = correcting.scans[0]
    before = one.predicted.data.copy()
    stroke(one)
    settle(correcting)
    correcting.keeper.flush()
    found = TruthFile(one.scan).load()
    np.testing.assert_array_equal(found.labels, one.truth.data)
    assert found.labels.any()
    np.testing.assert_array_equal(one.predicted.data, before)
    assert not one.predicted.editable


def test_what_a_person_painted_is_what_is_shown(correcting, settle):
    one = correcting.scans[0]
    stroke(one, label=3)
    settle(correcting)
    own = one.truth.data > 0
    assert (shown(correcting, one)[own] == 3).all()
    np.testing.assert_array_equal(shown(correcting, one)[~own], one.predicted.data[~own])


def test_predicting_again_never_touches_what_was_painted(correcting, settle):
    one = correcting.scans[0]
    stroke(one)
    settle(correcting)
    painted = one.truth.data.copy()
    correcting.edit(replace(correcting.classifier), "the same again")
    settle(correcting)
    np.testing.assert_array_equal(one.truth.data, painted)


def test_undo_and_redo_go_across_strokes_on_two_scans_merges_and_what_was_learnt(correcting, settle):
    first, second = correcting.scans

    def state():
        return [one.truth.data.copy() for one in correcting.scans] + [
            one.predicted.data.copy() for one in correcting.scans
        ]

    states = [state()]
    for step in (
        lambda: stroke(first),
        lambda: stroke(second, (10, 40), 3),
        lambda: class_actions.merge(correcting, [1, 2]),
        lambda: class_actions.refine(correcting),
        lambda: stroke(first, (50, 12), 4),
    ):
        step()
        settle(correcting)
        states.append(state())
    for expected in reversed(states[:-1]):
        correcting.undo()
        settle(correcting)
        for found, known in zip(state(), expected, strict=True):
            np.testing.assert_array_equal(found, known)
    correcting.undo()  # nothing is left
    for expected in states[1:]:
        correcting.redo()
        settle(correcting)
        for found, known in zip(state(), expected, strict=True):
            np.testing.assert_array_equal(found, known)


def test_a_merge_shows_on_every_open_scan_and_is_in_the_model_file(correcting, settle):
    class_actions.merge(correcting, [1, 2])
    settle(correcting)
    for one in correcting.scans:
        assert 2 not in one.predicted.data
    correcting.flush()
    assert SurfaceClassifier.load(correcting.path).classes == correcting.classifier.classes
    assert len(list(correcting.path.parent.glob("corrected.*.bak"))) == 1


def test_what_was_painted_with_a_class_that_is_merged_later_shows_as_what_it_is_now(correcting, settle):
    one = correcting.scans[0]
    stroke(one, label=2)
    settle(correcting)
    class_actions.merge(correcting, [1, 2])
    settle(correcting)
    own = one.truth.data > 0
    assert set(one.truth.data[own].tolist()) == {2}
    assert set(shown(correcting, one)[own].tolist()) == {1}
    colours = one.truth.colormap.color_dict
    np.testing.assert_allclose(colours[2], colours[1])


def test_refining_changes_the_painted_place_in_the_model_and_learning_twice_is_once(correcting, settle):
    one = correcting.scans[0]
    stroke(one, label=4)
    settle(correcting)
    class_actions.refine(correcting)
    settle(correcting)
    own = one.painted_cells() > 0
    assert (one.labels[own] == 4).mean() > 0.9
    once = one.labels.copy()
    class_actions.refine(correcting)
    settle(correcting)
    np.testing.assert_array_equal(one.labels, once)
    assert len(correcting.classifier.lessons.sources) == 1


def test_a_scan_can_be_forgotten_and_its_strokes_stay(viewer, correcting, settle):
    one = correcting.scans[0]
    before = one.labels.copy()
    stroke(one, label=4)
    settle(correcting)
    class_actions.refine(correcting)
    settle(correcting)
    viewer.layers.selection.active = one.truth
    class_actions.forget(correcting)
    settle(correcting)
    assert correcting.classifier.lessons is None
    np.testing.assert_array_equal(one.labels, before)
    assert one.truth.data.any()
    with pytest.raises(ValueError, match="learnt nothing from this scan"):
        class_actions.forget(correcting)


def test_refining_without_a_stroke_says_so(correcting):
    with pytest.raises(ValueError, match="paint on a scan first"):
        class_actions.refine(correcting)


def test_painting_a_new_class_makes_it_a_class_that_the_model_learns(correcting, settle):
    class_actions.new(correcting)
    label = correcting.classifier.classes.order[-1]
    one = correcting.scans[0]
    stroke(one, label=label)
    settle(correcting)
    class_actions.refine(correcting)
    settle(correcting)
    assert label in one.labels


def test_a_scan_that_is_opened_again_has_what_was_painted(correcting, settle, qtbot):
    one = correcting.scans[0]
    stroke(one, label=3)
    settle(correcting)
    correcting.flush()
    painted = one.truth.data.copy()
    correcting.use(correcting.classifier, correcting.path)
    _, found = correcting.keeper.open_truth(one.scan, one.key, correcting.classifier)
    np.testing.assert_array_equal(found, painted)


def test_what_was_painted_with_another_model_goes_by_the_names_of_its_classes(correcting, settle):
    class_actions.rename(correcting, 2, "holes")
    class_actions.rename(correcting, 3, "only here")
    one = correcting.scans[0]
    stroke(one, (20, 20), 2)
    settle(correcting)
    stroke(one, (45, 45), 3)
    settle(correcting)
    correcting.flush()
    classes = correcting.classifier.classes.renamed(2, "something else").renamed(4, "holes")
    classes = classes.renamed(3, "not that")
    other = replace(correcting.classifier, classes=classes, training={"another": "model"})
    found, labels = correcting.keeper.open_truth(one.scan, one.key, other)
    assert (labels[one.truth.data == 2] == 4).all()
    born = found.classes.order[-1]
    assert found.classes.names[born - 1] == "only here"
    assert (labels[one.truth.data == 3] == born).all()


def test_strokes_of_another_window_appear_and_ours_stay(correcting, settle):
    one = correcting.scans[0]
    stroke(one, (20, 20), 2)
    settle(correcting)
    correcting.flush()
    other = TruthFile(one.scan)
    theirs = other.load().labels.copy()
    theirs[40:44, 40:44] = 3
    other.save(theirs, {3: "c"}, {3: "#123456"})
    stroke(one, (50, 10), 1)
    settle(correcting)
    correcting.flush()
    settle(correcting)
    assert (one.truth.data[40:44, 40:44] == 3).all()
    assert (one.truth.data[50, 10], one.truth.data[20, 20]) == (1, 2)
    np.testing.assert_array_equal(TruthFile(one.scan).load().labels, one.truth.data)


def test_a_model_file_that_another_window_changed_is_not_overwritten(correcting, settle):
    class_actions.rename(correcting, 1, "ours")
    correcting.flush()
    path = correcting.path
    theirs = replace(correcting.classifier, classes=correcting.classifier.classes.renamed(1, "theirs"))
    theirs.save(path)
    class_actions.rename(correcting, 1, "ours again")
    correcting.flush()
    assert SurfaceClassifier.load(path).class_names[0] == "theirs"
    assert correcting.path != path
    assert SurfaceClassifier.load(correcting.path).class_names[0] == "ours again"


def test_a_truth_whose_layer_is_removed_is_saved_and_no_longer_corrected(viewer, correcting, settle):
    one = correcting.scans[0]
    stroke(one)
    viewer.layers.remove(one.truth)
    assert one not in correcting.scans
    correcting.flush()
    assert TruthFile(one.scan).load().labels.any()


def test_all_of_a_region_gets_a_class_with_one_click(correcting, settle):
    one = correcting.scans[0]
    place = np.argwhere(one.predicted.data == 1)[0]
    one.truth.selected_label = 3
    class_actions.give_region(correcting, one, place)
    settle(correcting)
    own = one.truth.data > 0
    assert own[tuple(place)]
    assert (one.predicted.data[own] == 1).all()
    correcting.undo()
    settle(correcting)
    assert not one.truth.data.any()


def test_cells_and_places_are_each_others_inverse(correcting):
    one = correcting.scans[0]
    for cell in ((0, 0), (3, 17), tuple(np.array(one.labels.shape) - 1)):
        assert one.to_cell(*one.to_place(*cell)) == cell


def test_hidden_classes_are_transparent_and_background_is_faint(correcting):
    classes = correcting.classifier.classes.as_background(2)
    colours = colormap_of(classes, {1}, faint=0.25).color_dict
    assert colours[1][3] == 0
    assert colours[2][3] == pytest.approx(0.25, abs=0.01)
    assert colours[3][3] == 1


def test_names_of_classes_are_features_of_the_layers(correcting):
    class_actions.rename(correcting, 1, "rows")
    for one in correcting.scans:
        assert list(one.predicted.features["class"][:2]) == ["unlabelled", "rows"]
    assert features_of(correcting.classifier.classes)["index"][-1] == correcting.classifier.n_classes


def test_the_camera_goes_where_it_is_sent(viewer, correcting):
    one = correcting.scans[0]
    correcting.fly_to(one, 10, 20, 3.0)
    scale = one.scan.pixel_size[0]
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 * scale, 20 * scale))
    assert one.layer.visible
    assert not correcting.scans[1].layer.visible
    assert viewer.layers.selection.active is one.truth


@pytest.mark.parametrize(
    ("action", "labels", "why"),
    [
        (class_actions.merge, [1], "two classes or more"),
        (class_actions.delete, [], "select the classes to delete"),
        (class_actions.background, [], "select the classes that are background"),
    ],
)
def test_what_cannot_be_done_says_why(correcting, action, labels, why):
    with pytest.raises(ValueError, match=why):
        action(correcting, labels)


def test_one_class_is_split_in_feature_space_and_others_stay(correcting, settle):
    one = correcting.scans[0]
    before = one.labels.copy()
    class_actions.split(correcting, [1], 3)
    settle(correcting)
    assert set(np.unique(one.labels[before == 1]).tolist()) - {0, 1} != set()
    others = before > 1
    assert (one.labels[others] == before[others]).mean() > 0.9
    correcting.undo()
    settle(correcting)
    np.testing.assert_array_equal(one.labels, before)
    with pytest.raises(ValueError, match="select one class to split"):
        class_actions.split(correcting, [1, 2], 3)


def test_classes_are_moved_renamed_recoloured_and_deleted_each_in_one_step(correcting, settle):
    start = correcting.classifier.classes
    class_actions.move(correcting, [3], -1)
    class_actions.rename(correcting, 3, "bumps")
    class_actions.recolour(correcting, 3, "#123456")
    class_actions.background(correcting, [1])
    class_actions.delete(correcting, [2])
    settle(correcting)
    classes = correcting.classifier.classes
    assert classes.order == (1, 3, 4)
    assert (classes.names[2], classes.colours[2]) == ("bumps", "#123456")
    assert classes.entries[0].background
    assert 2 not in correcting.scans[0].predicted.data
    for _ in range(5):
        correcting.undo()
    assert correcting.classifier.classes == start


def test_a_map_that_is_saved_holds_a_persons_labels_over_the_models(correcting, settle, tmp_path):
    from napari_stmml.io.label_tiff import LabelMap

    one = correcting.scans[0]
    stroke(one, label=3)
    settle(correcting)
    class_actions.save_map(correcting, one, tmp_path / "map")
    class_actions.save_map(correcting, one, tmp_path / "map.gwy")
    assert (tmp_path / "map.gwy").read_bytes().startswith(b"GWYP")
    found = LabelMap.read(tmp_path / "map.stmml.tif")
    np.testing.assert_array_equal(found.labels, shown(correcting, one))
    assert found.scan["painted by a person"] == np.count_nonzero(one.truth.data)


def test_a_model_that_is_saved_elsewhere_is_kept_there_from_then_on(correcting, tmp_path):
    class_actions.save_as(correcting, tmp_path / "mine")
    class_actions.rename(correcting, 1, "rows")
    correcting.flush()
    assert SurfaceClassifier.load(tmp_path / "mine.stmml").class_names[0] == "rows"


def test_with_another_model_what_was_painted_is_saved_first_and_its_layers_go(viewer, correcting, settle):
    one = correcting.scans[0]
    stroke(one)  # and at once, before the session has looked
    correcting.use(correcting.classifier, correcting.path)
    assert TruthFile(one.scan).load().labels.any()
    assert one.truth not in viewer.layers
    assert one.predicted not in viewer.layers


def test_a_model_stays_until_what_was_painted_with_it_can_be_saved(correcting, monkeypatch):
    monkeypatch.setattr(correcting.keeper, "flush", lambda: False)
    stroke(correcting.scans[0])
    with pytest.raises(OSError, match="no other model can be opened"):
        correcting.use(correcting.classifier, correcting.path)
    assert len(correcting.scans) == 2


def test_a_label_that_no_class_has_becomes_a_class_with_its_stroke_and_goes_with_it(correcting, settle):
    one, told = correcting.scans[0], []
    correcting.said.connect(lambda sentence, wrong: told.append(sentence) if wrong else None)
    new = correcting.classifier.n_classes + 1
    stroke(one, label=new)
    settle(correcting)
    assert correcting.classifier.class_names[new - 1] == f"class {new}"
    assert shown(correcting, one)[30, 30] == new
    correcting.undo()
    assert not one.truth.data.any()
    assert correcting.classifier.n_classes == new - 1
    correcting.redo()
    settle(correcting)
    assert shown(correcting, one)[30, 30] == new
    assert not told


def test_a_label_that_is_painted_keeps_its_class_whatever_is_undone(viewer, correcting, settle):
    class_actions.new(correcting)
    label = correcting.classifier.classes.order[-1]
    class_actions.rename(correcting, label, "hole")
    one = correcting.scans[0]
    stroke(one, label=label)
    settle(correcting)
    viewer.layers.remove(one.truth)
    for _ in range(3):
        correcting.undo()
    class_actions.new(correcting)
    assert correcting.classifier.classes.order[-2:] == (label, label + 1)
    assert correcting.classifier.class_names[label - 1] == f"class {label}"  # its new name was undone


def test_nobody_paints_with_a_class_that_has_gone(correcting):
    one, two = correcting.scans
    one.truth.selected_label, two.truth.selected_label = 2, 3
    class_actions.merge(correcting, [1, 3])
    assert two.truth.selected_label == 1
    class_actions.delete(correcting, [2])
    assert one.truth.selected_label == 1


def test_undoing_a_stroke_on_a_scan_that_was_closed_says_so(viewer, correcting, settle):
    one, told = correcting.scans[0], []
    stroke(one)
    settle(correcting)
    viewer.layers.remove(one.truth)
    correcting.said.connect(lambda sentence, wrong: told.append(sentence))
    correcting.undo()
    assert told == ["That scan is not open any more: its strokes stay as they were saved."]


def test_a_model_of_more_classes_than_can_be_painted_is_not_opened(correcting):
    classes = replace(Classes.plain([f"c{i}" for i in range(256)]), of_cluster=(1, 2, 3, 256))
    with pytest.raises(ValueError, match="256 classes are too many to correct: 255 can be painted"):
        correcting.use(replace(correcting.classifier, classes=classes), correcting.path)
    assert len(correcting.scans) == 2


def test_a_class_that_another_window_made_comes_with_its_strokes(correcting, settle):
    one, told = correcting.scans[0], []
    stroke(one, (20, 20), 2)
    settle(correcting)
    correcting.flush()
    new = correcting.classifier.n_classes + 1
    other = TruthFile(one.scan)
    theirs = other.load().labels.copy()
    theirs[40:44, 40:44] = new
    other.save(theirs, {new: "hole"}, {new: "#123456"})
    correcting.said.connect(lambda sentence, wrong: told.append(sentence))
    stroke(one, (50, 10), 1)
    settle(correcting)
    correcting.flush()
    settle(correcting)
    assert correcting.classifier.class_names[new - 1] == "hole"
    assert (shown(correcting, one)[40:44, 40:44] == new).all()
    correcting.undo()
    assert correcting.classifier.class_names[new - 1] == "hole"
    assert not [sentence for sentence in told if "wrong" in sentence]


def test_a_stroke_that_was_undone_at_once_is_not_learnt_and_can_be_done_again(correcting, settle):
    one = correcting.scans[0]
    stroke(one)
    settle(correcting)
    before = correcting.classifier
    correcting.undo()
    class_actions.refine(correcting, joined=True)  # as Live does, a moment after a stroke
    assert correcting.classifier is before
    correcting.redo()
    assert one.truth.data.any()


def test_what_is_learnt_after_a_merge_is_not_undone_with_it(correcting, settle):
    stroke(correcting.scans[0])
    settle(correcting)
    class_actions.merge(correcting, [1, 3])
    merged = correcting.classifier
    class_actions.refine(correcting, joined=True)
    assert correcting.classifier.lessons is not None
    correcting.undo()
    assert correcting.classifier is merged


def test_strokes_are_known_by_the_name_that_their_class_has_now(correcting, settle):
    one = correcting.scans[0]
    stroke(one, label=3)
    settle(correcting)
    class_actions.rename(correcting, 3, "hole")
    correcting.flush()
    assert TruthFile(one.scan).load().names[3] == "hole"
    correcting.undo()
    correcting.flush()
    assert TruthFile(one.scan).load().names[3] != "hole"


def test_a_label_that_has_no_class_yet_is_shown_as_it_is(correcting):
    one = correcting.scans[0]
    one.truth.data[5:9, 5:9] = 200  # before the session has looked
    assert (shown(correcting, one)[5:9, 5:9] == 200).all()
    assert class_actions.label_at(correcting, one, (6, 6)) == 200


def test_what_was_measured_stays_beside_the_names_until_these_change(correcting):
    truth = correcting.scans[0].truth
    truth.features = {**truth.features, "area_nm2": [0.0] * len(truth.features)}
    correcting.show_only({2})
    assert "area_nm2" in truth.features
    class_actions.rename(correcting, 1, "rows")
    assert list(truth.features["class"])[1] == "rows"
