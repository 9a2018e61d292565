from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.model.learner import Learner

SIZES = (4000, 800, 400, 200)
MIDDLES = 10.0 * np.eye(4, 6)


def blobs(seed):
    """Four blobs in 6 dimensions, and the blob, from 0, of each vector."""
    truth = np.repeat(np.arange(4), SIZES)
    return (MIDDLES[truth] + np.random.default_rng(seed).normal(size=(len(truth), 6))).astype(
        np.float32
    ), truth


SAMPLES, TRUTH = blobs(0)
UNSEEN, OF_UNSEEN = blobs(1)
NOTHING = np.zeros((0, 6), np.float32)


PLAIN = Prototypes.plain(MIDDLES.astype(np.float32), limit=60.0)
KNOWN = replace(PLAIN, examples=SAMPLES[::10].astype(np.float16), counts=np.full(540, 10, np.float32))
TURNED = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0].astype(np.float32)


@pytest.fixture(params=["examples", "projected", "plain"])
def clusters(request):
    """Clusters of the blobs: with examples, in another space without, and centres alone."""
    if request.param == "projected":
        return Prototypes(PLAIN.centres @ TURNED, PLAIN.owners, np.zeros(6, np.float32), TURNED, limit=60.0)
    return KNOWN if request.param == "examples" else PLAIN


def taught(clusters, of_cluster, features, labels, scans=None):
    features, labels = np.asarray(features, np.float32), np.asarray(labels)
    scans = np.zeros(len(labels), int) if scans is None else scans
    return Learner.fit(clusters, np.asarray(of_cluster), features, labels, scans=scans)


def test_nothing_painted_is_the_clusters_as_they_are_named(clusters):
    names = np.array([3, 1, 3, 7])
    label, confidence, runner_up = taught(clusters, names, NOTHING, []).assign(UNSEEN)
    assert np.array_equal(label, names[OF_UNSEEN])
    assert (runner_up != label).all()
    assert ((confidence > 0) | (clusters.nearest(UNSEEN) > clusters.limit)).all()
    untouched = taught(clusters, names, SAMPLES[:3], [0, 0, 0]).assign(UNSEEN)
    assert np.array_equal(untouched[1], confidence)


def test_strokes_that_agree_with_the_clusters_change_nothing(clusters):
    some = [0, 4000, 4800, 5200]
    label, confidence, _ = taught(clusters, [1, 2, 3, 4], SAMPLES[some], [1, 2, 3, 4]).assign(UNSEEN)
    assert np.array_equal(label, OF_UNSEEN + 1)
    assert np.median(confidence) > 0.5
    assert confidence.max() <= 1


def test_painted_cells_get_their_label_whatever_lies_around_them(clusters):
    painted = SAMPLES[[5, 600, 4100, 4900, 5300]]
    labels = [4, 3, 1, 2, 9]
    found, confidence, _ = taught(clusters, [1, 2, 3, 4], painted, labels).assign(painted)
    assert found.tolist() == labels
    assert (confidence > 0).all()


def test_one_stroke_leaves_clusters_that_lie_apart_alone(clusters):
    known = taught(clusters, [1, 2, 3, 1], SAMPLES[5200:5212], np.full(12, 4))  # the last was named wrongly
    label, _, _ = known.assign(UNSEEN)
    apart = OF_UNSEEN != 3
    assert np.array_equal(label[apart], OF_UNSEEN[apart] + 1)


def test_one_stroke_gives_birth_to_a_class_and_it_is_found_where_nobody_painted():
    learner = taught(KNOWN, [1, 2, 3, 1], SAMPLES[5200:5212], np.full(12, 4))
    assert learner.labels.tolist() == [1, 2, 3, 4]
    assert np.mean(learner.assign(UNSEEN)[0][OF_UNSEEN == 3] == 4) > 0.5
    more = taught(KNOWN, [1, 2, 3, 1], SAMPLES[5200:5260], np.full(60, 4))
    assert np.mean(more.assign(UNSEEN)[0] == OF_UNSEEN + 1) > 0.99


def test_the_order_of_strokes_and_the_numbers_of_scans_do_not_matter(clusters):
    rng = np.random.default_rng(2)
    some = rng.choice(len(SAMPLES), 60)
    labels, scans = rng.integers(1, 6, 60), rng.integers(0, 3, 60)
    order = rng.permutation(60)
    one = taught(clusters, [1, 2, 3, 4], SAMPLES[some], labels, scans)
    same = taught(clusters, [1, 2, 3, 4], SAMPLES[some], labels, scans)
    other = taught(clusters, [1, 2, 3, 4], SAMPLES[some][order], labels[order], 2 - scans[order])
    for first, again, third in zip(*(known.assign(UNSEEN) for known in (one, same, other)), strict=True):
        assert np.array_equal(first, again)
        assert np.array_equal(first, third)


def test_scans_that_show_a_class_count_the_same_however_much_was_painted():
    features = np.concatenate([SAMPLES[4000:4400], SAMPLES[4800:4810]])
    scans = np.repeat([0, 1], [400, 10])
    learner = taught(KNOWN, [1, 1, 1, 4], features, np.full(410, 2), scans)
    assert np.mean(learner.assign(UNSEEN[OF_UNSEEN == 2])[0] == 2) > 0.5


def test_what_is_unlike_anything_stays_so_unless_it_was_painted():
    strange = np.full((2, 6), 40, np.float32) * np.array([[1], [-1]], np.float32)
    _, confidence, _ = taught(KNOWN, [1, 2, 3, 4], strange[:1], [5]).assign(strange)
    assert confidence[0] >= 0
    assert -1 <= confidence[1] < 0


def test_cells_of_a_deleted_class_are_unlabelled_until_somebody_paints_there():
    label, _, _ = taught(KNOWN, [1, 2, 3, 0], SAMPLES[4000:4010], np.full(10, 2)).assign(UNSEEN)
    assert (label[OF_UNSEEN == 3] == 0).mean() > 0.99


def test_where_there_is_one_class_in_all_everything_is_of_it(clusters):
    label, _, runner_up = taught(clusters, [1, 1, 1, 1], SAMPLES[:3], [1, 1, 1]).assign(UNSEEN[:9])
    assert (label == 1).all()
    assert (runner_up == 1).all()


def test_whole_areas_painted_on_many_scans_are_learnt_from_in_no_time(clusters):
    scans = np.arange(len(SAMPLES)) % 7
    label, _, _ = taught(clusters, [1, 1, 1, 1], SAMPLES, TRUTH + 1, scans).assign(UNSEEN)
    assert np.mean(label == OF_UNSEEN + 1) > 0.95
