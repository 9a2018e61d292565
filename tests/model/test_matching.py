from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Scan, train_classifier
from napari_stmml.classes import Classes
from napari_stmml.events import Message, of_type
from napari_stmml.model.matching import match, new_order
from napari_stmml.model.training_examples import TrainingExamples
from napari_stmml.scan_key import ScanKey
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

KEY = ScanKey("ab", "Z", "", (192, 192))


@pytest.fixture(scope="module")
def scans():
    made = [with_artefacts(simulate_si001((192, 192), 12.8, seed), seed=seed) for seed in (1, 2)]
    return [Scan(one.heights, one.pixel_size, source=f"{i}.dat") for i, one in enumerate(made)]


@pytest.fixture(scope="module")
def named(scans):
    model = train_classifier(scans, recipe="instant", n_clusters=6, seed=0)
    names = ("terrace", "vacancy", "c", "d", "e", "f")
    return replace(model, classes=Classes.plain(names, [f"#0000{i}0" for i in range(6)]))


def test_a_refit_of_the_same_scans_keeps_every_name_colour_and_label(scans, named):
    again = train_classifier(scans, recipe="instant", n_clusters=6, seed=0, like=named)
    assert again.class_names == named.class_names
    assert again.class_colours == named.class_colours
    assert np.array_equal(again.predict(scans[0]), named.predict(scans[0]))


def test_names_follow_the_clusters_when_their_order_changes(scans, named):
    looks = named.class_names, named.class_colours
    shuffled = replace(
        named,
        clusters=named.clusters.reordered([3, 1, 5, 0, 2, 4]),
        classes=Classes.plain(*([of[i] for i in (3, 1, 5, 0, 2, 4)] for of in looks)),
    )
    again = train_classifier(scans, recipe="instant", n_clusters=6, seed=0, like=shuffled)
    assert again.class_names == shuffled.class_names
    assert np.array_equal(again.predict(scans[1]), shuffled.predict(scans[1]))


def test_a_refit_with_more_clusters_keeps_what_it_can_and_names_the_rest_anew(scans, named):
    more = train_classifier(scans, recipe="instant", n_clusters=9, seed=0, like=named)
    assert len(set(more.class_names)) == 9
    assert "terrace" in more.class_names
    assert len(set(more.class_colours)) == 9


def test_models_that_prepare_differently_are_not_matched_and_it_is_said(scans, named):
    events = []
    other = replace(named, recipe=replace(named.recipe, flatten_method="poly_xy"))
    new = train_classifier(scans, recipe="instant", n_clusters=6, like=other, on_event=events.append)
    assert new.class_names[0] == "cluster 1"
    assert any("prepares scans differently" in event.text for event in of_type(events, Message))


def test_only_clusters_that_share_half_of_their_pixels_match():
    assert match(np.array([[10, 0], [0, 10]])) == {0: 0, 1: 1}
    assert match(np.array([[4, 0], [6, 10]])) == {1: 1}
    assert match(np.zeros((2, 3))) == {}


def test_matched_clusters_come_in_their_old_places_and_the_others_fill_the_gaps():
    assert new_order({}, 3) == [0, 1, 2]
    assert new_order({0: 2, 2: 0}, 3) == [2, 1, 0]
    assert sorted(new_order({1: 7}, 4)) == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def edited(named):
    """Classes 2 merged into 1 and 3 deleted, class 9 born of a stroke; labels 1, 4, 5, 6 and 9 are there."""
    some = named.clusters.centres[:1].repeat(4, axis=0) @ np.linalg.pinv(named.clusters.matrix)
    examples = TrainingExamples.none(named.clusters.n_features).with_scan(
        {"key": KEY.as_dict(), "name": "a"}, some + named.clusters.mean, np.array([9, 9, 2, 2])
    )
    classes = named.classes.merged([2], into=1).deleted(3).with_labels(9).deleted(7).deleted(8)
    return replace(named, classes=classes.renamed(9, "step"), examples=examples)


def test_labels_that_were_merged_deleted_or_taught_mean_the_same_in_a_new_model(scans, edited):
    again = train_classifier(scans, recipe="instant", n_clusters=6, seed=0, like=edited)
    for label in (2, 3, 7, 8, 9):
        assert again.classes.entries[label - 1] == edited.classes.entries[label - 1]
    assert set(again.classes.of_cluster).isdisjoint({2, 3, 7, 8, 9})
    assert len(set(again.classes.of_cluster)) == 6
    assert len({again.class_names[label - 1] for label in again.classes.order}) == len(again.classes.order)
    assert again.examples is edited.examples


def test_a_refit_with_fewer_clusters_keeps_the_labels_of_those_that_match(scans, named):
    fewer = train_classifier(scans, recipe="instant", n_clusters=4, seed=0, like=named)
    for label in fewer.classes.of_cluster:
        entry = fewer.classes.entries[label - 1]
        assert entry in named.classes.entries or entry.name.startswith("cluster ")
    assert sorted(fewer.classes.order) == sorted(fewer.classes.of_cluster)
    assert fewer.examples is None
