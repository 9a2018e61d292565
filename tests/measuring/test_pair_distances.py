"""Pair distances: no order is found in random places, and what order there is in others."""

import numpy as np
import pytest

from napari_stmml.measuring.pair_distances import MOST_PLACES, pair_histogram, random_places

SCANNED = np.ones((200, 200), bool)


def test_random_places_lie_within_what_random_placement_gives():
    inside = []
    for seed in range(12):
        places = np.random.default_rng(100 + seed).uniform(0, 20, (80, 2))
        found = pair_histogram(places, SCANNED, (0.1, 0.1), n_bins=15, n_simulations=60, seed=seed)
        inside.append((found.observed >= found.low) & (found.observed <= found.high))
    assert np.mean(inside) > 0.9


def test_a_lattice_shows_its_distance_and_none_shorter():
    places = np.stack(np.meshgrid(np.arange(1, 20, 2.0), np.arange(1, 20, 2.0)), -1).reshape(-1, 2)
    found = pair_histogram(places, SCANNED, (0.1, 0.1), n_bins=20, n_simulations=40)
    assert found.observed[:4].sum() == 0  # up to 2 nm
    assert found.observed[4] > 1.5 * found.high[4]
    assert found.observed[4] == 180


def test_clustered_places_have_too_many_short_distances():
    rng = np.random.default_rng(0)
    places = np.clip(rng.uniform(2, 18, (15, 1, 2)) + rng.normal(0, 0.4, (15, 6, 2)), 0, 20).reshape(-1, 2)
    found = pair_histogram(places, SCANNED, (0.1, 0.1), n_simulations=40)
    assert (found.ratio[:3] > 2).all()


def test_random_places_keep_their_distance_and_lie_where_it_was_scanned():
    scanned = SCANNED.copy()
    scanned[:, 50:] = False
    places = np.random.default_rng(0).uniform(0, 5, (20, 2))
    found = pair_histogram(
        places, scanned, (0.1, 0.1), exclusion=1.0, n_bins=20, n_simulations=20, farthest=10.0
    )
    assert found.random[:2].sum() == 0
    far = pair_histogram(places, scanned, (0.1, 0.1), n_bins=4, farthest=44.0, n_simulations=20)
    assert far.random[2:].sum() == 0  # nothing is farther apart than the part that was scanned


def test_all_pairs_are_counted_once():
    places = np.random.default_rng(0).uniform(0, 20, (30, 2))
    found = pair_histogram(places, SCANNED, (0.1, 0.1), farthest=30.0, n_simulations=3)
    assert found.observed.sum() == 30 * 29 / 2
    assert found.random.sum() == pytest.approx(30 * 29 / 2)


def test_one_place_has_no_distance():
    with pytest.raises(ValueError, match="two regions or more"):
        pair_histogram(np.ones((1, 2)), SCANNED, (0.1, 0.1))


def test_the_same_seed_gives_the_same_simulations():
    places = np.random.default_rng(0).uniform(0, 20, (20, 2))
    one, same = (pair_histogram(places, SCANNED, (0.1, 0.1), n_simulations=5, seed=3) for _ in range(2))
    assert one.equals(same)


def test_crowded_places_are_compared_with_crowded_ones_also_where_some_are_drawn():
    scanned, n, side = np.ones((600, 600), bool), 2 * MOST_PLACES, 600
    apart = 2 * (0.3 * side**2 / np.pi / n) ** 0.5
    there, ratios = np.argwhere(scanned), []
    for seed in range(6):
        places = random_places(n, there, np.ones(2), apart, np.random.default_rng(seed))
        found = pair_histogram(
            *(places, scanned, (1.0, 1.0)),
            exclusion=apart,
            farthest=2 * apart,
            n_bins=4,
            n_simulations=9,
            seed=seed,
        )
        ratios.append(found.ratio[2])  # of neighbours that nearly touch
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_of_two_classes_each_pair_of_one_and_the_other_is_counted_once():
    places, others = np.array([[1.0, 1.0], [10.0, 10.0]]), np.array([[1.0, 4.0], [10.0, 12.0], [19.0, 19.0]])
    found = pair_histogram(places, SCANNED, (0.1, 0.1), others=others, farthest=30.0, n_simulations=9)
    assert found.observed.sum() == 6
    assert found.random.sum() == pytest.approx(6)
    assert found.observed[[2, 3]].tolist() == [1, 1]  # 2 nm and 3 nm
    assert found.observed[:2].sum() == 0


def test_a_class_that_sits_beside_another_is_found_there():
    rng = np.random.default_rng(0)
    places = rng.uniform(3, 17, (40, 2))
    turn = rng.uniform(0, 2 * np.pi, 40)
    beside = places + 1.25 * np.stack([np.sin(turn), np.cos(turn)], 1)
    found = pair_histogram(places, SCANNED, (0.1, 0.1), others=beside, n_bins=20, n_simulations=40)
    assert found.observed[2] > 1.5 * found.high[2]  # 1.0 to 1.5 nm


def test_classes_that_do_not_know_of_each_other_lie_within_what_random_placement_gives():
    inside = []
    for seed in range(12):
        places, others = np.random.default_rng(seed).uniform(0, 20, (2, 40, 2))
        found = pair_histogram(
            places, SCANNED, (0.1, 0.1), others=others, n_bins=15, n_simulations=60, seed=seed
        )
        inside.append((found.observed >= found.low) & (found.observed <= found.high))
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize(
    ("others", "how", "why"),
    [
        (np.empty((0, 2)), {}, "a region of each class, got 2 and 0"),
        (None, {"n_bins": 0}, "must be 1 or more"),
        (None, {"n_simulations": 0}, "must be 1 or more"),
        (None, {"exclusion": -1.0}, "least distance must be 0 or more"),
        (None, {"farthest": 0.0}, "longest distance must be above 0"),
        (None, {"scanned": ~SCANNED}, "nothing was scanned"),
    ],
)
def test_what_cannot_be_compared_says_why(others, how, why):
    scanned = how.pop("scanned", SCANNED)
    with pytest.raises(ValueError, match=why):
        pair_histogram(np.ones((2, 2)), scanned, (0.1, 0.1), others=others, **how)
