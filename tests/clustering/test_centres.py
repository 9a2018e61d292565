from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.clustering.centres import Prototypes

RNG = np.random.default_rng(0)
OWNERS = np.array([0, 2, 1, 0, 1, 2, 0])
FEATURES = RNG.normal(size=(500, 5)).astype(np.float32)


@pytest.fixture(params=["plain", "projected"])
def prototypes(request):
    owners = np.array([0, 2, 1, 0, 1, 2, 3])
    if request.param == "plain":
        return Prototypes(RNG.normal(size=(7, 5)).astype(np.float32), owners)
    matrix = RNG.normal(size=(5, 3)).astype(np.float32)
    return Prototypes(RNG.normal(size=(7, 3)).astype(np.float32), owners, FEATURES.mean(0), matrix)


def slowly(features, known):
    points = known.project(features).astype(float)
    distances = ((points[:, None] - known.centres) ** 2).sum(2)
    clusters = np.stack([distances[:, known.owners == one].min(1) for one in range(known.n_clusters)])
    ordered = np.sort(clusters, axis=0)
    return clusters.argmin(0), 1 - ordered[0] / ordered[1], distances.min(1)


def test_clusters_and_confidence_are_those_of_plain_distances(prototypes):
    cluster, sure = prototypes.assign(FEATURES)
    expected, margin, nearest = slowly(FEATURES, prototypes)
    clear = margin > 1e-4
    assert np.array_equal(cluster[clear], expected[clear])
    np.testing.assert_allclose(sure, margin, atol=2e-4)
    np.testing.assert_allclose(prototypes.nearest(FEATURES), nearest, atol=1e-4)
    assert sure.dtype == np.float32


def test_a_centre_is_sure_and_half_way_to_another_cluster_is_not():
    known = Prototypes(np.array([[0, 0], [4, 0], [0.5, 0]], np.float32), np.array([0, 1, 0]))
    cluster, sure = known.assign(np.array([[0, 0], [2.25, 0], [4, 0]], np.float32))
    assert cluster.tolist()[::2] == [0, 1]
    np.testing.assert_allclose(sure, [1, 0, 1], atol=1e-6)


def test_what_is_beyond_the_limit_is_below_zero_the_farther_the_lower():
    known = Prototypes.plain(np.array([[0.0], [1.0]], np.float32), limit=4.0)
    _, sure = known.assign(np.array([[0.0], [-1.9], [-4.0], [-40.0]], np.float32))
    assert sure[0] == 1
    assert sure[1] >= 0
    np.testing.assert_allclose(sure[2:], [4 / 16 - 1, 4 / 1600 - 1], rtol=1e-5)


def test_arrays_and_back_is_the_identity(prototypes):
    for known in (prototypes, replace(prototypes, limit=3.5)):
        back = Prototypes.of_arrays(known.arrays())
        for one, other in zip(known.assign(FEATURES), back.assign(FEATURES), strict=True):
            assert np.array_equal(one, other)
        assert back.limit == known.limit


def test_examples_come_back_from_arrays_and_stay_when_clusters_get_another_order(prototypes):
    examples, counts = FEATURES[:9].astype(np.float16), np.arange(9, dtype=np.float32)
    known = replace(prototypes, examples=examples, counts=counts)
    for same in (Prototypes.of_arrays(known.arrays()), known.reordered([2, 0, 3, 1])):
        assert np.array_equal(same.examples, examples)
        assert np.array_equal(same.counts, counts)
    assert Prototypes.of_arrays(prototypes.arrays()).examples is None


def test_models_of_the_first_format_have_centres_alone():
    centres = RNG.normal(size=(3, 4)).astype(np.float32)
    known = Prototypes.of_arrays({"centres": centres})
    assert (known.n_clusters, known.n_features) == (3, 4)
    assert known.assign(centres)[0].tolist() == [0, 1, 2]


def test_clusters_in_another_order_are_the_same_clusters(prototypes):
    order = [2, 0, 3, 1]
    there = prototypes.reordered(order)
    assert np.array_equal(np.array(order)[there.assign(FEATURES)[0]], prototypes.assign(FEATURES)[0])
    assert np.array_equal(there.assign(FEATURES)[1], prototypes.assign(FEATURES)[1])


def test_the_next_cluster_is_told_too(prototypes):
    cluster, sure, second = prototypes.ranked(FEATURES)
    distances = prototypes.squared_to(np.arange(4))(prototypes.project(FEATURES))
    assert np.array_equal(np.argsort(distances, axis=1)[:, :2], np.stack([cluster, second], 1))
    assert np.array_equal(sure, prototypes.assign(FEATURES)[1])


def test_clusters_of_one_group_count_as_one(prototypes):
    groups = np.array([1, 0, 1, 0])
    group, sure, second = prototypes.ranked(FEATURES, groups)
    as_owners = replace(prototypes, owners=groups[prototypes.owners])
    for one, other in zip((group, sure, second), as_owners.ranked(FEATURES), strict=True):
        assert np.array_equal(one, other)
    assert (group != second).all()


def test_parts_of_a_cluster_share_what_it_had_and_no_more(prototypes):
    parts = prototypes.project(FEATURES)[:3]
    made = prototypes.with_clusters(parts, np.array([0, 1, 1]), parted=(1, 3))
    before, after = prototypes.assign(FEATURES)[0], made.assign(FEATURES)[0]
    assert (made.n_clusters, np.unique(made.owners).tolist()) == (4, [0, 1, 2, 3])
    assert np.array_equal(np.isin(after, (2, 3)), np.isin(before, (1, 3)))
    assert np.array_equal(after == 0, before == 0)
    assert np.array_equal(after == 1, before == 2)
    own = after >= 2
    alone = Prototypes(parts, np.array([0, 1, 1]), prototypes.mean, prototypes.matrix)
    assert np.array_equal(after[own] - 2, alone.assign(FEATURES[own])[0])
    _, sure, _ = made.ranked(FEATURES, np.array([0, 1, 2, 2]))
    np.testing.assert_allclose(sure, prototypes.ranked(FEATURES, np.array([0, 2, 1, 2]))[1], atol=2e-4)


def test_new_clusters_come_behind_and_compete_with_all(prototypes):
    new = prototypes.project(FEATURES)[:4]
    plain = prototypes.with_clusters(new, np.array([0, 0, 1, 1]))
    assert plain.before is None
    assert plain.assign(FEATURES[:4])[0].tolist() == [4, 4, 5, 5]
    parted = prototypes.with_clusters(new[:2], np.array([0, 1]), parted=(0,))
    more = parted.with_clusters(new[2:], np.array([0, 0]))
    nearest, after = parted.assign(FEATURES)[0], more.assign(FEATURES)[0]
    assert more.n_clusters == 6
    assert (after[2:4] == 5).all()
    assert ((after == nearest) | (after == 5)).all()


def test_parted_clusters_are_stored_and_stay_in_their_order(prototypes):
    made = prototypes.with_clusters(prototypes.centres[:2], np.array([0, 1]), parted=(2,))
    made = made.with_clusters(prototypes.centres[2:4] + 0.1, np.array([0, 1]), parted=(0, 3))
    again = Prototypes.of_arrays(made.arrays())
    for one, other in zip(made.ranked(FEATURES), again.ranked(FEATURES), strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="clusters that were parted stay in their order"):
        made.reordered([1, 0, 2, 3, 4])
    with pytest.raises(ValueError, match=r"clusters \(2,\) of 4 make no 3"):
        replace(prototypes.reordered([0, 1, 2, 3]), before=prototypes, parted=(2,), owners=OWNERS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"owners": np.array([0, 1])}, "centres do not fit"),
        ({"owners": np.array([0, 2, 2, 0, 2, 2, 3])}, "clusters must be 0 to 2, each with a centre"),
        (
            {"mean": np.zeros(4, np.float32), "matrix": np.zeros((4, 9), np.float32)},
            "the projection does not fit",
        ),
        ({"examples": np.zeros((3, 5))}, "examples must be of 5 features, each with a count"),
    ],
)
def test_parts_that_do_not_fit_are_refused(prototypes, wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(prototypes, **wrong)
