"""A scan is prepared and encoded once; what is kept equals what would be made, within the room given."""

import os
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Recipe, Scan
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.filters import FilterFeatures
from napari_stmml.features.store import EncodedMap, FeatureStore, encode_scan
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.recipe import get_recipe
from napari_stmml.scan import NotUsable

RECIPE = get_recipe("instant", resample=False)
FEATURES = 4 * 32 * 40 * FilterFeatures().n_features  # bytes, of a scan of 64 x 80 px


def scan(seed=0, **known):
    heights = np.random.default_rng(seed).normal(size=(64, 80))
    heights[:3, 7] = np.nan
    return Scan(heights, (0.1, 0.1), source=f"{seed}.dat", **known)


@pytest.fixture
def counted(monkeypatch):
    """Count how often scans are prepared and tiles encoded."""
    calls = {"prepared": 0, "encoded": 0}

    def count(of, name, what):
        original = getattr(of, name)

        def counting(*given, **more):
            calls[what] += 1
            return original(*given, **more)

        monkeypatch.setattr(of, name, counting)

    count(Preprocessing, "flat", "prepared")
    count(FilterFeatures, "features", "encoded")
    return calls


def encoder(tile=2048):
    return CellEncoder(FilterFeatures(), tile=tile)


def features(encoded):
    made = np.full((*encoded.complete.shape, encoded.encoder.n_features), np.nan, np.float32)
    for place, some in encoded.encode(encoded.complete):
        made[place] = some
    made[~encoded.complete] = np.nan
    return made


@pytest.mark.parametrize("tile", [2048, 32])
def test_what_is_kept_is_what_was_made_piece_by_piece(counted, tile):
    store, made = FeatureStore(), encode_scan(scan(), RECIPE, encoder(tile))
    first = store.encoded_scan(scan(), RECIPE, encoder(tile))
    expected = features(made)
    assert np.array_equal(features(first), expected, equal_nan=True)
    counted.update(prepared=0, encoded=0)
    again = store.encoded_scan(scan(), RECIPE, encoder(tile))
    assert (again.shape, again.encoder.n_features) == ((64, 80), 21)
    assert np.array_equal(again.complete, made.complete)
    assert np.array_equal(features(again), expected, equal_nan=True)
    assert np.array_equal(np.load(again.path), expected, equal_nan=True)
    places = [[place for place, _ in one.encode(one.complete)] for one in (made, again)]
    assert places[0] == places[1]
    assert counted["prepared"] == 0


def test_a_map_is_prepared_once_for_all_who_ask_and_encoded_once(counted):
    store, own = FeatureStore(), encoder()
    stored = store.prepare(scan(), RECIPE, own.grid)
    assert store.prepare(scan(), RECIPE, own.grid) is stored
    assert np.array_equal(stored.load(), RECIPE.preprocessing.apply(scan()), equal_nan=True)
    counted.update(prepared=0, encoded=0)
    features(store.encoded(stored, own))
    features(store.encoded_scan(scan(), RECIPE, own))
    assert counted == {"prepared": 0, "encoded": 1}


def test_another_process_with_the_same_folder_finds_the_features(counted, tmp_path):
    expected = features(FeatureStore(tmp_path).encoded_scan(scan(), RECIPE, encoder()))
    counted.update(prepared=0, encoded=0)
    other = FeatureStore(tmp_path).encoded_scan(scan(), RECIPE, encoder())
    assert np.array_equal(features(other), expected, equal_nan=True)
    assert counted == {"prepared": 0, "encoded": 0}


@pytest.mark.parametrize(
    ("one", "recipe", "both"),
    [
        (scan(1), RECIPE, False),
        (replace(scan(), pixel_size=(0.2, 0.1)), RECIPE, False),
        (scan(), get_recipe(RECIPE, flatten_method="poly_xy"), False),
        (replace(scan(), other=scan(2).heights), get_recipe("instant-both", resample=False), True),
    ],
)
def test_features_of_other_heights_scales_preparations_and_encoders_are_made(counted, one, recipe, both):
    store = FeatureStore()
    features(store.encoded_scan(scan(), RECIPE, encoder()))
    counted.update(prepared=0, encoded=0)
    features(store.encoded_scan(one, recipe, CellEncoder(FilterFeatures(), both)))
    assert counted == {"prepared": 1 + both, "encoded": 1 + both}


def test_what_was_not_used_for_longest_is_given_up_when_there_is_no_more_room(counted):
    store = FeatureStore(total=2 * FEATURES + 1000)
    for seed in (0, 1):
        features(store.encoded_scan(scan(seed), RECIPE, encoder()))
    for number, seed in enumerate((1, 0)):  # 0 was used last
        os.utime(store.encoded_scan(scan(seed), RECIPE, encoder()).path, (number, number))
    features(store.encoded_scan(scan(2), RECIPE, encoder()))
    counted.update(prepared=0, encoded=0)
    features(store.encoded_scan(scan(0), RECIPE, encoder()))
    assert counted["encoded"] == 0
    features(store.encoded_scan(scan(1), RECIPE, encoder()))
    assert counted["encoded"] == 1


def test_what_is_larger_than_the_room_is_made_each_time_and_never_kept(counted, tmp_path):
    store = FeatureStore(tmp_path, total=FEATURES - 1)
    for _ in range(2):
        encoded = store.encoded_scan(scan(), RECIPE, encoder())
        features(encoded)
        assert encoded.path is None
    assert counted["encoded"] == 2
    assert not list(tmp_path.iterdir())
    stored = store.prepare(scan(), RECIPE, encoder().grid)
    assert not store.holds([stored], encoder())
    assert FeatureStore(total=FEATURES).holds([stored], encoder())


def test_prepared_maps_that_somebody_holds_stay_and_the_others_go(counted):
    store = FeatureStore(total=1)
    stored = [store.prepare(scan(seed), RECIPE, encoder().grid) for seed in range(3)]
    assert all(one.load().shape == (64, 80) for one in stored)
    paths = [one.path for one in stored]
    del stored
    assert [path.exists() for path in paths] == [False, False, True]


def test_features_that_were_not_made_to_the_end_are_not_kept(tmp_path):
    store = FeatureStore(tmp_path)
    pieces = store.encoded_scan(scan(), RECIPE, encoder(32)).encode(None)
    next(pieces)
    pieces.close()
    assert not list(tmp_path.iterdir())


def test_features_that_another_process_gave_up_are_made_again(tmp_path, counted):
    store = FeatureStore(tmp_path)
    features(store.encoded_scan(scan(), RECIPE, encoder()))
    for path in tmp_path.glob("*.npy"):
        path.unlink()
    features(store.encoded_scan(scan(), RECIPE, encoder()))
    assert counted["encoded"] == 2


def test_a_scan_without_a_place_for_a_window_is_refused_by_name_also_if_it_was_prepared():
    store, small = (
        FeatureStore(),
        Scan(np.random.default_rng(0).normal(size=(20, 40)), None, source="small.dat"),
    )
    store.prepare(small, RECIPE, encoder().grid)
    for _ in range(2):
        with pytest.raises(NotUsable, match=r"small.*: 20 x 40 px .* is smaller than one window of 32 px"):
            store.prepare(small, RECIPE, Recipe().training_grid)


def test_prepared_heights_can_be_encoded_without_a_store():
    heights = RECIPE.preprocessing.apply(scan())
    encoded = EncodedMap.of(heights, encoder())
    assert encoded.path is None
    assert np.array_equal(features(encoded), features(encode_scan(scan(), RECIPE, encoder())), equal_nan=True)
