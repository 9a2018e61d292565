from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.model.editing import carve, split
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts
from tests.conftest import features_of


@pytest.fixture(scope="module")
def scan():
    made = with_artefacts(simulate_si001((160, 160), 12.8, 1), seed=1)
    return Scan(made.heights, made.pixel_size, source="1.dat")


@pytest.fixture(scope="module")
def model(scan):
    return train_classifier([scan], recipe="instant", n_clusters=6, seed=0)


@pytest.fixture(scope="module")
def features(scan, model):
    made = features_of(model.encoder, model.recipe.preprocessing.apply(scan))
    return made.reshape(-1, made.shape[2])


def consistent(model):
    """Say whether what is known of clusters is known of each of them."""
    n = model.n_clusters
    return len(model.training["cluster_sizes"]) == len(model.exemplars) == len(model.classes.of_cluster) == n


@pytest.mark.parametrize(("label", "n"), [(1, 2), (1, 5), (3, 3), (6, 2)])
def test_a_split_gives_the_class_parts_and_leaves_all_others_as_they_were(model, features, label, n):
    before = model.classify(features)[0]
    made = split(model, label, n, features)
    after, confidence, runner_up = made.classify(features)
    own = before == label
    assert np.array_equal(after[~own], before[~own])
    parts = [label, *range(7, 6 + n)]
    sizes = np.bincount(after, minlength=6 + n)[parts]
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert sizes.sum() == own.sum()
    assert sizes.min() > 0
    assert ((confidence >= 0) == (model.classify(features)[1] >= 0)).all()
    assert (after != runner_up).all()
    assert made.classes.order == (1, 2, 3, 4, 5, 6, *parts[1:])
    name = f"cluster {label}"
    assert [made.class_names[one - 1] for one in parts] == [name, *(f"{name} {i}" for i in range(2, n + 1))]
    assert len(set(made.class_colours)) == 5 + n
    assert consistent(made)
    assert sum(made.training["cluster_sizes"]) == sum(model.training["cluster_sizes"])


def test_a_split_that_is_merged_again_changes_nothing(scan, model, features):
    made = split(model, 2, 3, features)
    back = replace(made, classes=made.classes.merged([7, 8], into=2))
    before, after = (one.predict(scan, return_confidence=True) for one in (model, back))
    assert np.array_equal(before[0], after[0])
    np.testing.assert_allclose(after[1], before[1], atol=1e-4)


def test_parts_and_merged_classes_can_be_split_again(model, features):
    merged = replace(model, classes=model.classes.merged([4], into=2))
    made = split(split(merged, 2, 2, features), 7, 3, features)
    before, after = merged.classify(features)[0], made.classify(features)[0]
    own = np.isin(after, (2, 7, 8, 9))
    assert np.array_equal(own, before == 2)
    assert np.array_equal(after[~own], before[~own])
    assert consistent(made)
    back = replace(made, classes=made.classes.merged([7, 8, 9], into=2))
    assert np.array_equal(back.classify(features)[0], before)


def test_the_same_seed_gives_the_same_split(model, features):
    one, other = (split(model, 1, 4, features, seed=3).classify(features) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_model_that_was_edited_is_saved_and_labels_as_before(tmp_path, scan, model, features):
    made, label = carve(split(model, 1, 3, features), features[500:600], "island")
    made = replace(made, classes=made.classes.deleted(3).merged([2], into=5).recoloured(label, "#ff0000"))
    again = SurfaceClassifier.load(made.save(tmp_path / "m.stmml"))
    assert again.classes == made.classes
    before, after = (one.predict(scan, return_confidence=True) for one in (made, again))
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1], equal_nan=True)


def test_a_class_is_carved_out_of_a_selection(model, features):
    before = model.classify(features)[0]
    far = np.argsort(model.classify(features)[1])[:200]  # what the model is least sure of
    made, label = carve(model, features[far], "odd")
    after = made.classify(features)[0]
    assert label == 7
    assert made.class_names[6] == "odd"
    assert (after[far] == 7).mean() > 0.5
    assert ((after == before) | (after == 7)).all()
    assert np.bincount(made.clusters.owners).tolist() == [1] * 6 + [4]
    assert consistent(made)
    assert carve(made, features[:1])[0].class_names[7] == "class 8"


def test_the_most_alike_cells_make_one_centre(model, features):
    made, label = carve(model, np.repeat(features[:1], 100, axis=0))
    assert (made.clusters.owners == 6).sum() == 1
    assert (made.classify(features[:1])[0] == label).all()


def test_merging_changes_no_cell_of_other_classes_and_makes_the_border_between_them_sure(model, features):
    labels, confidence, runner_up = model.classify(features)
    unsure = np.argmin(np.where(confidence < 0, 1, confidence))
    one, other = int(labels[unsure]), int(runner_up[unsure])
    merged = replace(model, classes=model.classes.merged([other], into=one))
    after, sure, _ = merged.classify(features)
    assert np.array_equal(after, np.where(labels == other, one, labels))
    assert (sure >= confidence - 1e-6).all()
    border = (confidence >= 0) & (confidence < 0.1) & np.isin(labels, (one, other))
    border &= np.isin(runner_up, (one, other))
    assert border.any()
    assert sure[border].mean() > confidence[border].mean() + 0.1


def test_a_deleted_class_has_no_label_and_goes_to_no_other(scan, model, features):
    labels = model.classify(features)[0]
    gone = replace(model, classes=model.classes.deleted(2))
    assert np.array_equal(gone.classify(features)[0], np.where(labels == 2, 0, labels))
    painted, sure = gone.predict(scan, return_confidence=True)
    assert np.array_equal(np.isfinite(sure), painted > 0)


def test_a_model_of_one_class_is_sure(model, features):
    one = replace(model, classes=model.classes.merged(range(2, 7), into=1))
    labels, confidence, runner_up = one.classify(features)
    assert (labels == 1).all()
    assert set(np.unique(confidence[confidence >= 0])) == {1.0}
    assert (runner_up == 0).all()


def test_names_numbers_and_maps_stay_when_a_class_is_renamed(scan, model):
    named = replace(model, classes=model.classes.renamed(4, "dimer").reordered([4, 1, 2, 3, 5, 6]))
    assert np.array_equal(named.predict(scan), model.predict(scan))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda model, some: split(model, 9, 2, some), "there is no class 9 to split"),
        (lambda model, some: split(model, 1, 1, some), "a class is split into 2 or more, got 1"),
        (lambda model, some: split(model, 1, 2, some[:0]), "cluster 1 has 0 cells here, too few to split it"),
        (lambda model, some: carve(model, some[:0]), "select some cells to make a class of"),
        (lambda model, some: carve(model, some, "cluster 1"), "'cluster 1' is taken"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(model, features, edit, message):
    with pytest.raises(ValueError, match=message):
        edit(model, features)
