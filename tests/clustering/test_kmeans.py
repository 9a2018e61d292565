"""k-means finds what scikit-learn's finds."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from napari_stmml.clustering.kmeans import group_by_means


def _blobs(rng, n, k, apart):
    middles = apart * rng.normal(size=(k, 5))
    return (middles[rng.integers(k, size=n)] + rng.normal(size=(n, 5))).astype(np.float32)


def _within(points, centres):
    return float(((points[:, None] - centres) ** 2).sum(2).min(1).sum())


@pytest.mark.parametrize(("k", "apart"), [(4, 20.0), (10, 2.0)])
def test_the_centres_are_as_near_to_the_points_as_those_of_scikit_learn(rng, k, apart):
    points = _blobs(rng, 2000, k, apart)
    theirs = KMeans(k, n_init=5, random_state=0).fit(points).inertia_
    assert _within(points, group_by_means(points, k, seed=0, tries=5)) < 1.02 * theirs


def test_the_same_seed_gives_the_same_centres_and_the_distance_from_0_changes_nothing(rng):
    points = _blobs(rng, 500, 4, 10.0)
    first = group_by_means(points, 4, seed=3)
    np.testing.assert_array_equal(first, group_by_means(points, 4, seed=3))
    far = group_by_means(points + np.float32(1000), 4, seed=3) - 1000
    np.testing.assert_allclose(first, far, atol=1e-2)


def test_centres_that_are_given_are_where_it_starts(rng):
    points = _blobs(rng, 500, 4, 20.0)
    found = group_by_means(points, 4, seed=0, tries=5)
    again = group_by_means(points, 4, seed=9, start=found)
    np.testing.assert_allclose(found, again, atol=0.1)


def test_every_centre_has_a_point_where_points_are_alike_in_pairs(rng):
    points = np.repeat(_blobs(rng, 6, 3, 20.0), 2, axis=0)
    centres = group_by_means(points, 6, seed=0)
    nearest = ((points[:, None] - centres) ** 2).sum(2).argmin(1)
    assert len(set(nearest.tolist())) == 6


def test_equal_points_have_their_centre():
    points = np.ones((7, 2), np.float32)
    np.testing.assert_allclose(group_by_means(points, 2, seed=0), 1)
