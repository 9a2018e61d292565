import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.surfaces import simulate_si001, with_artefacts
from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.clustering.sampling import EXEMPLAR_PX, EXEMPLARS, sample_cells, typical
from napari_stmml.events import Clustering, ClustersProposed, Message, of_type
from napari_stmml.features.store import FeatureStore
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.model import model_file


def recorded(seed, **known):
    return with_artefacts(simulate_si001((192, 192), 12.8, seed, both_biases=True, **known), seed=seed)


def scan_of(surface, **known):
    return Scan(surface.heights, surface.pixel_size, **{"source": "a.Z_mtrx", **known})


@pytest.fixture(scope="module")
def scans():
    return [scan_of(recorded(seed), source=f"{seed}.dat") for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def model(scans):
    return train_classifier(scans[:2], recipe="instant", n_clusters=8, seed=0)


def test_defects_are_told_from_the_surface_without_any_training(model):
    surface = recorded(3)
    labels = model.predict(scan_of(surface))
    assert labels.shape == surface.labels.shape
    assert labels.dtype == np.uint8
    terrace = np.bincount(labels[surface.labels == 0]).argmax()
    for kind in set(np.unique(surface.labels)) - {0}:  # vacancy, adatom, cluster
        inside = labels[surface.labels == kind]
        assert (inside != terrace).mean() > 0.8


def test_the_same_scans_and_seed_give_the_same_labels_and_model(scans, model):
    again = train_classifier(scans[:2], recipe="instant", n_clusters=8, seed=0)
    assert np.array_equal(again.predict(scans[2]), model.predict(scans[2]))
    assert again.training["cluster_sizes"] == model.training["cluster_sizes"]


def test_clusters_come_largest_first(model):
    sizes = model.training["cluster_sizes"]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == model.n_clusters == 8


def test_save_load_predict_is_identical(tmp_path, scans, model):
    back = SurfaceClassifier.load(model.save(tmp_path / "m.stmml"))
    labels, sure = back.predict(scans[2], return_confidence=True)
    wanted, wanted_sure = model.predict(scans[2], return_confidence=True)
    assert np.array_equal(labels, wanted)
    assert np.array_equal(sure, wanted_sure, equal_nan=True)
    assert back.recipe == model.recipe
    assert np.array_equal(back.exemplars, model.exemplars, equal_nan=True)
    json.dumps(back.training)


def test_what_was_not_scanned_gets_no_label_and_no_confidence(scans, model):
    heights = np.array(scans[2].heights)
    heights[:40] = np.nan
    labels, sure = model.predict(replace(scans[2], heights=heights), return_confidence=True)
    assert (labels[:38] == 0).all()
    assert np.isnan(sure[:38]).all()
    assert (labels[42:] > 0).all()
    assert np.isfinite(sure[labels > 0]).all()


def test_confidence_is_low_between_clusters_and_below_zero_only_on_what_is_unlike_anything(scans, model):
    _, sure = model.predict(scans[2], return_confidence=True)
    assert sure.dtype == np.float32
    assert -1 <= sure.min() <= sure.max() <= 1
    assert (sure < 0).mean() < 0.02
    heights = np.array(scans[2].heights)
    y, x = np.mgrid[:60, :60]
    heights[60:120, 60:120] += 40 * np.sin(y / 3) * np.sin(x / 2)  # nothing like it was ever seen
    _, strange = model.predict(replace(scans[2], heights=heights), return_confidence=True)
    assert (strange[70:110, 70:110] < 0).mean() > 0.5


def test_exemplars_are_windows_of_the_scans_the_most_typical_first(scans, model):
    assert model.exemplars.shape == (8, EXEMPLARS, EXEMPLAR_PX, EXEMPLAR_PX)
    assert model.exemplars.dtype == np.float16
    there = np.isfinite(model.exemplars).any((2, 3))
    assert there[:, 0].all()
    assert (np.diff(there.astype(int), axis=1) <= 0).all()
    half = EXEMPLAR_PX // 2
    middle = model.exemplars[0, 0, half - 4 : half + 4, half - 4 : half + 4]
    windows = [
        np.lib.stride_tricks.sliding_window_view(
            model.recipe.preprocessing.apply(scan).astype(np.float16), (8, 8)
        )
        for scan in scans[:2]
    ]
    assert any((some == middle).all((2, 3)).any() for some in windows)


def test_a_number_of_clusters_is_proposed_with_a_curve_and_a_sentence(scans):
    events = []
    model = train_classifier(scans[:2], recipe="instant", n_clusters="auto", seed=0, on_event=events.append)
    (proposed,) = of_type(events, ClustersProposed)
    assert model.n_clusters == proposed.clusters == model.recipe.num_clusters
    assert 3 <= proposed.clusters <= 30
    assert len(proposed.curve) >= 5
    assert str(proposed.clusters) in proposed.sentence
    assert model.training["proposed"]["clusters"] == proposed.clusters


def test_two_biases_are_two_views_of_one_place(tmp_path):
    surface = recorded(1)
    forward = scan_of(surface, direction="forward/up", bias=-1.5)
    backward = Scan(surface.other, surface.pixel_size, direction="backward/up", bias=1.5, source="a.Z_mtrx")
    model = train_classifier([forward, backward], recipe="instant-both", n_clusters=6, seed=0)
    assert (
        model.clusters.n_features
        == 2 * train_classifier([forward], recipe="instant", n_clusters=2).clusters.n_features
    )
    from napari_stmml.heights.two_biases import pair_scans

    there, back = pair_scans([forward, backward])
    back_again = SurfaceClassifier.load(model.save(tmp_path / "both.stmml"))
    labels = [back_again.predict(one) for one in (there, back)]
    agree = (labels[0] == labels[1])[:, 8:-8].mean()
    assert agree > 0.9  # filled states first, whichever way they were recorded
    with pytest.raises(ValueError, match="takes two biases, and there is no scan of the way back"):
        model.predict(forward)


def test_nothing_is_trained_and_it_is_said(scans):
    events = []
    train_classifier(scans[:1], recipe="instant", n_clusters=3, on_event=events.append)
    assert {type(event) for event in events} == {Message, Clustering}
    assert any("nothing to train" in event.text for event in of_type(events, Message))


def test_a_number_of_clusters_that_is_no_number_is_refused(scans):
    with pytest.raises(ValueError, match="n_clusters must be a whole number or 'auto', got 'many'"):
        train_classifier(scans, n_clusters="many")
    with pytest.raises(ValueError, match="recipe srsml24 cannot propose a number of clusters"):
        train_classifier(scans, recipe="srsml24", n_clusters="auto")


# The sample


def stored(tmp_path, shapes):
    rng = np.random.default_rng(0)
    maps = [StoredMap(tmp_path / f"{i}.npy") for i in range(len(shapes))]
    for one, shape in zip(maps, shapes, strict=True):
        np.save(one.path, rng.normal(size=shape).astype(np.float32))
    return maps


def test_cells_are_drawn_evenly_from_all_maps_and_the_same_for_a_seed(tmp_path, model):
    maps = stored(tmp_path, [(64, 64), (96, 64), (64, 128)])
    sample = sample_cells(model.encoder, maps, FeatureStore(), seed=0, most=1200)
    assert np.bincount(sample.maps).tolist() == [400, 400, 400]
    again = sample_cells(model.encoder, maps, FeatureStore(), seed=0, most=1200)
    assert np.array_equal(sample.features, again.features)
    assert not np.array_equal(
        sample.cells, sample_cells(model.encoder, maps, FeatureStore(), seed=1, most=1200).cells
    )


def test_of_very_many_maps_some_are_drawn(tmp_path, model):
    maps = stored(tmp_path, [(32, 32)] * 9)
    sample = sample_cells(model.encoder, maps, FeatureStore(), seed=0, most=600)
    assert len(sample.stored) == 3
    assert len(sample) == 600


def test_typical_cells_are_the_surest_of_their_cluster_and_apart(tmp_path, model):
    maps = stored(tmp_path, [(128, 128)] * 2)
    sample = sample_cells(model.encoder, maps, FeatureStore(), seed=0, most=2000)
    labels, sure = model.clusters.assign(sample.features)
    for cluster, chosen in enumerate(typical(sample, labels, sure, model.n_clusters, 2)):
        assert (labels[chosen] == cluster).all()
        if len(chosen):
            assert sure[chosen[0]] == sure[labels == cluster].max()
        for i, one in enumerate(chosen):
            for other in chosen[:i]:
                same = sample.maps[one] == sample.maps[other]
                away = np.abs(sample.cells[one] - sample.cells[other]).max() * 2
                assert not same or away >= EXEMPLAR_PX / 2


@pytest.mark.parametrize("edition", [None, 1])
def test_a_model_of_features_of_another_version_is_refused_by_a_sentence(model, tmp_path, edition):
    about, arrays = model_file.read(model.save(tmp_path / "new.stmml"))
    del about["features"]
    old = model_file.write(
        tmp_path / "old.stmml", about | ({} if edition is None else {"features": edition}), arrays
    )
    with pytest.raises(ValueError, match=r"old.stmml cannot be used .* those of another version"):
        SurfaceClassifier.load(old)
