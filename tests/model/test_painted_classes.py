from dataclasses import replace

import numpy as np
import pytest

from benchmarks.foreign.surfaces import foreign_surface
from benchmarks.quality.metrics import contingency, scores
from benchmarks.quality.strokes import paint
from benchmarks.structures.surfaces import EASY
from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.clustering.balanced import fit_prototypes
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.model.painted_classes import PaintedClasses
from napari_stmml.model.surroundings import MapAnswers
from napari_stmml.recipe import get_recipe
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

BORDER = 8


def score(found, truth, names):
    """Macro-F1, where what is labelled 0 is of no class."""
    found, truth = (one[BORDER:-BORDER, BORDER:-BORDER].astype(int) for one in (found, truth))
    n = len(names)
    table = contingency(np.where((found < 1) | (found > n), n, found - 1), truth, n + 1, n + 1)
    return scores(table, np.arange(n + 1)).macro_f1


@pytest.fixture(scope="module")
def surfaces():
    settings = replace(EASY, size_nm=26.0, pixel_nm=0.08)
    return [foreign_surface("metal", seed, settings=settings) for seed in (40, 41)]


@pytest.fixture(scope="module")
def model(surfaces):
    recipe = get_recipe("objects", pixel_density=12.5, num_clusters=12)
    return train_classifier([one.scan for one in surfaces], recipe=recipe)


@pytest.fixture(scope="module")
def painted(surfaces):
    return paint(surfaces[0].labels, 5, seed=1, border=BORDER)


@pytest.fixture(scope="module")
def taught(model, surfaces, painted):
    """Painted with classes that are all new: labels behind those of the clusters."""
    return model.learn(surfaces[0].scan, np.where(painted > 0, painted + model.n_classes, 0).astype(np.uint8))


def as_painted(model, taught, surface):
    found = taught.predict(surface.scan).astype(int)
    return np.where(found > model.n_classes, found - model.n_classes, 0)


def test_classes_that_are_all_new_become_the_map(model, taught, surfaces):
    assert taught.shows_only_painted
    for surface in surfaces:
        found = taught.predict(surface.scan)
        assert not np.isin(found, range(1, model.n_classes + 1)).any()
        assert score(as_painted(model, taught, surface), surface.labels, surface.classes) > 0.8


def test_a_person_can_have_the_clusters_back(model, taught, surfaces):
    both = replace(taught, only_painted=False)
    assert not both.shows_only_painted
    assert np.isin(both.predict(surfaces[1].scan), range(1, model.n_classes + 1)).any()


def test_it_is_kept_in_the_model_file(taught, surfaces, tmp_path):
    for choice in (None, True, False):
        again = SurfaceClassifier.load(replace(taught, only_painted=choice).save(tmp_path / "m.stmml"))
        assert again.only_painted is choice
    again = SurfaceClassifier.load(taught.save(tmp_path / "m.stmml"))
    assert np.array_equal(again.predict(surfaces[1].scan), taught.predict(surfaces[1].scan))


def test_one_new_class_beside_clusters_changes_nothing_else(model, surfaces, painted):
    one = np.where(painted == 2, model.n_classes + 1, 0).astype(np.uint8)
    assert not model.learn(surfaces[0].scan, one).shows_only_painted


def test_strokes_of_classes_that_clusters_have_are_corrections_as_before(model, surfaces, painted):
    assert not model.learn(surfaces[0].scan, painted).shows_only_painted


def test_with_the_switch_named_clusters_are_classes_too(model, surfaces, painted):
    at = surfaces[0].scan
    surface = int(np.bincount(model.predict(at).ravel()).argmax())
    named = replace(model, classes=model.classes.renamed(surface, "surface"), only_painted=True)
    new = np.where(painted > 1, painted + model.n_classes, 0).astype(np.uint8)
    found = named.learn(at, new).predict(at)
    allowed = {0, surface, *(np.unique(new).tolist())}
    assert set(np.unique(found).tolist()) <= allowed
    assert (found == surface).mean() > 0.5


def test_with_the_switch_clusters_that_were_named_are_enough(model, surfaces):
    at = surfaces[0].scan
    before = model.predict(at)
    common = (np.bincount(before.ravel())[1:].argsort()[::-1] + 1)[:2].tolist()
    classes = model.classes.renamed(common[0], "surface").renamed(common[1], "atoms")
    assert not replace(model, classes=classes).shows_only_painted
    found = replace(model, classes=classes, only_painted=True).predict(at)
    assert set(np.unique(found).tolist()) <= {0, *common}
    own = np.isin(before, common)
    assert (found == before)[own].mean() > 0.9


def test_every_pixel_of_an_object_has_one_class(model, taught, surfaces):
    from napari_stmml.features.borders import paint_cells
    from napari_stmml.features.objects import objects_on_cells
    from napari_stmml.heights.windows import WindowGrid

    flat = model.recipe.preprocessing.flat(surfaces[1].scan)
    objects, found = objects_on_cells(np.asarray(flat), 0.08, 2), taught.predict(surfaces[1].scan)
    numbers = paint_cells(objects.numbers, WindowGrid(2, 2), found.shape, objects.borders)
    mixed = [len(np.unique(found[numbers == one])) > 1 for one in range(1, numbers.max() + 1)]
    assert np.mean(mixed) < 0.05


# ---- the learner alone


def test_features_without_objects_are_told_apart_by_a_line():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (600, 4)).astype(np.float32)
    labels = np.where(features[:, 1] + features[:, 2] > 0, 7, 3)
    clusters = fit_prototypes(features, 6, seed=0)
    learnt = PaintedClasses.fit(features[:200], labels[:200], None, clusters)
    found, sure, second = learnt.assign(features[200:])
    assert (found == labels[200:]).mean() > 0.9
    assert (sure >= 0).all()
    assert (second != found).all()


def test_an_object_unlike_all_painted_ones_is_of_no_class():
    rng = np.random.default_rng(0)
    objects = np.repeat([[0.0, 0.0], [1.0, 0.0]], 10, 0) + rng.normal(0, 0.02, (20, 2))
    features = np.column_stack([np.zeros((20, 3)), objects, np.ones(20)]).astype(np.float32)
    learnt = PaintedClasses.fit(features, np.repeat([1, 2], 10), 3, Prototypes.plain(features[[0, 10]]))
    ask = np.array([[0, 0, 0, 0.01, 0, 1], [0, 0, 0, 0.99, 0, 1], [0, 0, 0, 9, 9, 1]], np.float32)
    found, sure, _ = learnt.assign(ask)
    assert found.tolist() == [1, 2, 0]
    assert (sure >= 0).tolist() == [True, True, False]


@pytest.mark.parametrize(("off", "kept"), [(0.0, False), (8.0, True)])
def test_edges_of_strokes_on_objects_do_not_claim_the_surface(off, kept):
    rng = np.random.default_rng(2)
    cells = np.zeros((80, 6), np.float32)  # two filters, step, two features of objects, whether there is one
    cells[:40, 0] = rng.normal(-0.2, 0.6, 40)
    cells[40:60, 0] = rng.normal(0.2 + off, 0.6, 20)
    cells[60:, 3:] = 0.5, 0.5, 1  # half of the second class lies on objects, and half beside them
    ask = np.zeros((400, 6), np.float32)
    ask[:, 0] = rng.normal(0.6, 1, 400)
    clusters = fit_prototypes(np.concatenate([ask, cells[:60]]), 4, seed=0)
    learnt = PaintedClasses.fit(cells, np.repeat([1, 2], 40), 3, clusters)
    assert (learnt.assign(ask)[0] == 1).mean() > 0.9
    ask[:, 0] += off
    assert (learnt.assign(ask)[0] == (2 if kept else 1)).mean() > 0.9


def test_the_order_of_painted_cells_does_not_matter():
    rng = np.random.default_rng(1)
    features = rng.normal(0, 1, (300, 6)).astype(np.float32)
    features[:, -1] = rng.random(300) > 0.5
    labels = rng.integers(1, 4, 300)
    order = rng.permutation(300)
    clusters = Prototypes.plain(features[:5])
    one, other = (
        PaintedClasses.fit(features[which], labels[which], 3, clusters).assign(features)
        for which in (np.arange(300), order)
    )
    assert (one[0] == other[0]).mean() > 0.99


def blobs(rng, n):
    """Return features around four middles, (4 n, 2), and which they are of."""
    middles = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]])
    return (np.repeat(middles, n, 0) + rng.normal(0, 0.7, (4 * n, 2))).astype(np.float32), np.repeat(
        np.arange(4), n
    )


def test_a_stroke_claims_the_whole_cluster_that_it_lies_in():
    features, of = blobs(np.random.default_rng(0), 400)
    clusters = fit_prototypes(features, 4, seed=0)
    some = np.concatenate([np.flatnonzero(of == one)[:3] for one in range(4)])
    learnt = PaintedClasses.fit(features[some], np.array([5, 7, 7, 9])[of[some]], None, clusters)
    assert (learnt.assign(features)[0] == np.array([5, 7, 7, 9])[of]).mean() > 0.99


def test_a_common_class_is_likelier_halfway_between_two():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (4000, 1)) + np.where(np.arange(4000) < 200, 3.0, 0.0)[:, None]
    features = np.column_stack([features, rng.normal(0, 1, 4000)]).astype(np.float32)
    clusters = fit_prototypes(features, 2, seed=0)
    painted = np.array([[0, 0], [3, 0]] * 20, np.float32)
    learnt = PaintedClasses.fit(painted, np.array([1, 2] * 20), None, clusters)
    assert learnt.assign(np.array([[1.5, 0.0]], np.float32))[0].tolist() == [1]


def settled(learnt, area):
    """Return the labels of a map of cells, (rows, cols, n_features)."""
    answers, there = MapAnswers.of(learnt, area.shape[:2]), np.ones(area.shape[:2], bool)
    found, sure, second = answers.take(np.s_[:, :], area)
    answers.settle(found, sure, second, there)
    return found


def test_terraces_do_not_outvote_a_narrow_step():
    rng = np.random.default_rng(0)
    step = np.zeros((20, 20), bool)
    step[:, 10] = True
    area = np.stack([rng.normal(0, 0.3, step.shape) + 2 * step, 2.0 * step, 0 * step, 0 * step], -1)
    area = area.astype(np.float32)
    strokes = np.zeros(step.shape, bool)
    strokes[3:6] = True
    centres = Prototypes.plain(np.array([[0, 0, 0, 0], [2, 2, 0, 0]], np.float32))
    learnt = PaintedClasses.fit(area[strokes], 1 + step[strokes], 2, centres)
    assert ((settled(learnt, area) == 2) == step).all()


def test_the_surroundings_of_a_cell_outvote_it_and_objects_stay():
    features, of = blobs(np.random.default_rng(0), 400)
    whole = np.column_stack([features, np.zeros((1600, 2))]).astype(np.float32)
    objects = np.array([[0, 0, 1.0, 1], [0, 0, 3.0, 1]], np.float32)
    painted = np.concatenate([whole[::100], objects])
    labels = np.concatenate([1 + of[::100] // 2, [3, 4]])
    learnt = PaintedClasses.fit(painted, labels, 2, Prototypes.plain(whole[::400]))
    area = whole[of == 0][:400].reshape(20, 20, 4).copy()
    area[5, 5] = whole[of == 3][0]
    area[10, 10] = objects[1]
    assert learnt.assign(area[5, 5][None])[0].tolist() == [2]
    found = settled(learnt, area)
    assert found[10, 10] == 4
    found[10, 10] = 1
    assert (found == 1).all()


def test_a_small_object_is_not_outvoted_where_features_know_no_objects():
    features, of = blobs(np.random.default_rng(0), 400)
    ground, bump = features[of == 0], features[of == 3]
    painted = np.concatenate([ground[:9], bump[:9]])
    learnt = PaintedClasses.fit(painted, np.repeat([1, 2], 9), None, Prototypes.plain(features[::400]))
    area = ground.reshape(20, 20, 2).copy()
    small = np.zeros((20, 20), bool)
    small[8:11, 8:11] = True
    area[small] = bump[:9]
    area[2, 15] = bump[9]
    assert learnt.assign(area[2, 15][None])[0].tolist() == [2]
    assert ((settled(learnt, area) == 2) == small).all()


def test_painted_adatoms_stay_adatoms_with_filters_alone():
    surface = simulate_si001((256, 256), 18.0, seed=3, clusters=0.0)
    scan, known = Scan(with_artefacts(surface).heights, surface.pixel_size), surface.labels + 1
    model = train_classifier([scan], recipe="instant", n_clusters=8)
    strokes = paint(surface.labels, 6, seed=0)
    painted = strokes > 0
    new = np.where(painted, strokes + model.n_classes, 0).astype(np.uint8)
    found = replace(model.learn(scan, new), only_painted=True).predict(scan)
    right = found == known + model.n_classes
    assert right[painted & (known == 3)].mean() > 0.9
    assert right[known == 3].mean() > 0.8


# ---- what is not sure


def test_cells_that_are_not_sure_are_of_no_class(taught, surfaces):
    at = surfaces[1].scan
    shares, before = [], None
    for least in (0.0, 0.99, 1.0):
        found = replace(taught, least_sure=least).predict(at)
        shares.append((found == 0).mean())
        assert before is None or (found == before)[found > 0].all()
        before = found
    assert shares[0] < shares[1] < shares[2]


def test_the_least_confidence_is_kept_in_the_model_file_and_checked(taught, tmp_path):
    kept = SurfaceClassifier.load(replace(taught, least_sure=0.4).save(tmp_path / "m.stmml"))
    assert kept.least_sure == 0.4
    with pytest.raises(ValueError, match="least_sure must be 0 to 1, got 2"):
        replace(taught, least_sure=2)


def test_with_clusters_shown_nothing_is_taken_away(model, surfaces):
    at = surfaces[1].scan
    assert np.array_equal(replace(model, least_sure=1.0).predict(at), model.predict(at))
