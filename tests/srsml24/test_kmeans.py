from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.recipe import Recipe
from napari_stmml.srsml24.kmeans import fit_clusters

RECIPE = Recipe(num_clusters=4, cluster_batch_size=200)


def blobs(rng, sizes=(300, 150, 100, 50), spread=0.1):
    """Points about four corners of a square, shuffled, and their mean places."""
    corners = np.array([(0, 0), (0, 5), (5, 0), (5, 5)], float)
    points = np.concatenate(
        [corner + rng.normal(0, spread, (n, 2)) for corner, n in zip(corners, sizes, strict=True)]
    )
    return rng.permutation(points).astype(np.float32), corners


def batches(points, size=200):
    return [points[start : start + size] for start in range(0, len(points), size)]


def test_blobs_are_found_the_largest_first(rng):
    points, corners = blobs(rng)
    steps = []
    found = fit_clusters(batches(points), RECIPE, seed=0, on_step=steps.append)
    np.testing.assert_allclose(found.centres, corners, atol=0.15)
    assert found.sizes == (300, 150, 100, 50)
    assert steps == [200, 400, 600]
    assert found.windows == (200, 200, 200)
    np.testing.assert_allclose(found.inertia, 2 * 0.1**2, rtol=0.3)  # two coordinates of 0.1 each


def test_the_same_seed_finds_the_same(rng):
    points, _ = blobs(rng, spread=3.0)
    first, again = (fit_clusters(batches(points), RECIPE, seed=1) for _ in range(2))
    assert np.array_equal(first.centres, again.centres)
    assert first.sizes == again.sizes


def test_more_starts_and_more_rounds_warm_up_at_least_as_well(rng):
    points = rng.normal(size=(600, 8)).astype(np.float32)
    one = Recipe(num_clusters=40, cluster_batch_size=600, reassignment_ratio=0)

    def reached(recipe):
        return np.mean([fit_clusters([points], recipe, seed=seed).inertia[0] for seed in range(4)])

    plain = reached(one)
    assert reached(replace(one, n_init=10)) < plain
    assert reached(replace(one, max_iter=1)) > plain


def test_a_share_of_small_clusters_is_moved_only_if_it_is_asked_for(rng):
    near = rng.normal(0, 0.05, (4000, 2))
    points = np.concatenate([near, [[60, 60]] * 3]).astype(np.float32)
    order = np.r_[4000, 4001, 4002, :4000]  # the far ones come in the first batch alone
    recipe = Recipe(num_clusters=4, cluster_batch_size=100)

    def keeps_the_far_one(ratio):
        found = fit_clusters(batches(points[order], 100), replace(recipe, reassignment_ratio=ratio), seed=0)
        return found.centres.max() > 50

    assert keeps_the_far_one(0.0)
    assert not keeps_the_far_one(1.0)


def test_nothing_to_cluster_is_refused():
    with pytest.raises(ValueError, match="there is nothing to cluster"):
        fit_clusters([], RECIPE, seed=0)
