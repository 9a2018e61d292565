import json

import numpy as np
import pytest

from napari_stmml.clustering.balanced import fit_prototypes, propose


@pytest.fixture(scope="module")
def blobs():
    """Six blobs, long in one direction, the smallest 1 % of the largest; samples and the blob of each."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(6), [5000, 2000, 1000, 500, 200, 50])
    centres = rng.normal(size=(6, 8)) * 12
    samples = centres[truth] + rng.normal(size=(len(truth), 8)) * np.array([3, 1, 1, 1, 1, 1, 1, 1])
    return samples.astype(np.float32), truth


@pytest.fixture(scope="module")
def fitted(blobs):
    return fit_prototypes(blobs[0], 6, seed=0)


def test_every_blob_is_a_cluster_however_small(blobs, fitted):
    samples, truth = blobs
    labels, _ = fitted.assign(samples)
    assert (labels == truth).mean() > 0.99  # blobs are ordered by size as clusters are


def test_the_largest_cluster_comes_first(blobs, fitted):
    sizes = np.bincount(fitted.assign(blobs[0])[0])
    assert sizes.tolist() == sorted(sizes, reverse=True)


def test_some_examples_of_every_cluster_are_kept_and_stand_for_all_samples(blobs, fitted):
    labels, _ = fitted.assign(blobs[0])
    of_examples, _ = fitted.assign(fitted.examples.astype(np.float32))
    assert np.bincount(of_examples).min() >= 45
    assert len(fitted.examples) <= 6 * 100
    stood_for = np.bincount(of_examples, fitted.counts)
    np.testing.assert_allclose(stood_for, np.bincount(labels), rtol=0.05)


def test_the_same_seed_gives_the_same_clusters(blobs, fitted):
    again = fit_prototypes(blobs[0], 6, seed=0)
    for name, array in fitted.arrays().items():
        assert np.array_equal(array, again.arrays()[name])


def test_the_unit_of_a_feature_does_not_matter(blobs, fitted):
    scale = np.array([1, 1, 100, 1, 0.01, 1, 1, 1], np.float32)
    scaled = fit_prototypes(blobs[0] * scale, 6, seed=0)
    same = scaled.assign(blobs[0] * scale)[0] == fitted.assign(blobs[0])[0]
    assert same.mean() > 0.99


def test_a_feature_that_never_changes_does_no_harm(blobs):
    samples = np.concatenate([blobs[0], np.full((len(blobs[0]), 1), 4, np.float32)], axis=1)
    labels, sure = fit_prototypes(samples, 6, seed=0).assign(samples)
    assert np.isfinite(sure).all()
    assert (labels == blobs[1]).mean() > 0.99


def test_one_in_a_thousand_of_the_samples_is_beyond_the_limit_and_what_is_far_off(blobs, fitted):
    _, sure = fitted.assign(blobs[0])
    assert (sure < 0).mean() == pytest.approx(0.001, abs=0.0005)
    _, strange = fitted.assign(blobs[0][:10] + 500)
    assert (strange < -0.5).all()


def test_the_number_of_blobs_is_proposed(blobs):
    proposed = propose(blobs[0], seed=0)
    assert proposed.n_clusters in (5, 6, 8)
    assert str(proposed.n_clusters) in proposed.sentence
    scores = dict(proposed.curve)
    assert scores[proposed.n_clusters] >= 0.95 * max(scores.values())
    json.dumps(proposed.as_dict())


@pytest.mark.parametrize(
    ("n", "clusters", "message"),
    [
        (50, 1, "n_clusters must be 2 or more, got 1"),
        (5, 6, "6 clusters need as many samples, got 5"),
    ],
)
def test_what_cannot_be_fitted_is_refused(n, clusters, message):
    with pytest.raises(ValueError, match=message):
        fit_prototypes(np.zeros((n, 3), np.float32), clusters, seed=0)
