from itertools import pairwise

import numpy as np
import pytest

from napari_stmml.features.learned import (
    CELL,
    CROP,
    LAYERS,
    LIKELY,
    SEEN,
    LearnedFeatures,
    _examples,
    _weights,
    build_network,
    train_learned,
)
from napari_stmml.features.pasting import TYPES

HOW = {"epochs": 2, "batch_size": 1, "learning_rate": 1e-3, "sampled": 2}


@pytest.fixture(scope="module")
def maps():
    """Two maps of rest and lattice, one with heights missing."""
    made = np.random.default_rng(0).standard_normal((2, 2, 64, 96)).astype(np.float32)
    made[1, :, :8] = np.nan
    return list(made)


@pytest.fixture(scope="module")
def training(maps):
    """One training run, and everything that it told."""
    told = {"batches": [], "epochs": [], "kept": []}
    told["weights"] = train_learned(
        maps,
        seed=3,
        on_batch=lambda *batch: told["batches"].append(batch),
        on_epoch=lambda *epoch: told["epochs"].append(epoch),
        keep=told["kept"].append,
        **HOW,
    )
    return told


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_training_tells_every_batch_and_epoch(training):
    assert [batch[:3] for batch in training["batches"]] == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]
    assert [epoch for epoch, _ in training["epochs"]] == [1, 2]
    assert training["epochs"][0][1].keys() == {"loss"}
    assert np.isfinite([batch[3] for batch in training["batches"]]).all()


def test_the_weights_so_far_are_kept_after_the_first_batch_and_every_epoch(training):
    assert len(training["kept"]) == 3
    assert equal(training["kept"][-1], training["weights"])
    assert not equal(training["kept"][0], training["weights"])


def test_training_stops_when_asked_and_the_same_seed_has_come_to_the_same_weights(maps, training):
    told = []
    how = HOW | {"on_batch": lambda *batch: told.append(batch), "should_stop": lambda: len(told) == 2}
    weights = train_learned(maps, seed=3, **how)
    assert told == training["batches"][:2]
    assert LearnedFeatures(weights).weights
    assert equal(weights, training["kept"][1])  # after the first epoch, of two batches


def test_another_seed_begins_with_other_weights():
    one, again, other = (_weights(build_network(seed)) for seed in (3, 3, 4))
    assert equal(one, again)
    assert not equal(one, other)


def test_there_is_nothing_to_learn_from_no_map():
    with pytest.raises(ValueError, match="no map to train on"):
        train_learned([], seed=0, **HOW)


def test_a_tile_has_the_features_of_the_whole_map(training):
    learned = LearnedFeatures(training["weights"])
    channels = np.random.default_rng(1).standard_normal((2, 400, 384)).astype(np.float32)
    margin, cells = learned.reach, learned.reach // learned.cell
    assert margin % learned.align == 0
    whole = learned.features(channels)
    tile = learned.features(np.ascontiguousarray(channels[:, 8:376, 16:]))
    inner = tile[cells:-cells, cells:]
    there = whole[4 + cells : 188 - cells, 8 + cells :]
    assert np.abs(inner - there).max() <= 1e-5


def test_features_are_roots_of_probabilities_then_heights(training):
    learned = LearnedFeatures(training["weights"])
    channels = learned.channels(np.random.default_rng(2).standard_normal((64, 96)).astype(np.float32))
    assert channels.shape == (2, 64, 96)
    features = learned.features(channels)
    assert features.shape == (32, 48, learned.n_features)
    assert features.dtype == np.float32
    likely = (features[..., : len(TYPES)] / LIKELY) ** 2
    assert np.allclose(likely.sum(-1), 1, atol=1e-4)


def test_sides_that_do_not_align_are_refused(training):
    with pytest.raises(ValueError, match="multiples of 8 px"):
        LearnedFeatures(training["weights"]).features(np.zeros((2, 64, 60), np.float32))


def test_normalisations_are_folded_into_the_layers():
    network = build_network(training=True)
    rng = np.random.default_rng(5)
    for layer in network.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights([rng.uniform(0.5, 2, one.shape) for one in layer.get_weights()])
    seen = rng.standard_normal((1, 32, 32, SEEN)).astype(np.float32)
    wanted = network.predict_on_batch(seen)
    got = LearnedFeatures(_weights(network))._network.predict_on_batch(seen)
    assert np.allclose(got, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_examples_turn_with_the_types_of_their_cells():
    types = np.random.default_rng(6).integers(0, 7, (2, 128, 128)).astype(np.uint8)
    seen = types.repeat(CELL, 1).repeat(CELL, 2)[..., None].repeat(SEEN, -1).astype(np.float16)
    shown, asked = _examples(seen, types, 16, np.random.default_rng(7))
    assert shown.shape == (16, CROP, CROP, SEEN)
    assert np.array_equal(shown[:, ::CELL, ::CELL, :1], asked)


def test_weights_that_do_not_fit_are_refused_by_name(training):
    missing = {name: one for name, one in training["weights"].items() if name != "half2.bias"}
    with pytest.raises(ValueError, match="layer half2 needs weights"):
        LearnedFeatures(missing)
    with pytest.raises(ValueError, match="layer types needs weights"):
        LearnedFeatures(training["weights"] | {"types.bias": np.zeros(3)})


def test_without_weights_maps_are_prepared_and_features_refused():
    learned = LearnedFeatures({})
    channels = learned.channels(np.eye(32, dtype=np.float32))
    with pytest.raises(ValueError, match="no weights"):
        learned.features(channels)


def test_every_layer_takes_what_the_one_before_gives():
    channels = [(inside, outside) for *_, inside, outside in LAYERS.values()]
    assert all(one[1] == other[0] for one, other in pairwise(channels))
    assert channels[-1][1] == len(TYPES)
