from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.metrics import adjusted_rand_score

from benchmarks.foreign.surfaces import foreign_surface
from benchmarks.quality.metrics import best_classes, pooled, scores
from benchmarks.quality.models import scan_of
from benchmarks.quality.surfaces import CLASSES, benchmark_surface
from benchmarks.structures.surfaces import EASY
from napari_stmml import Scan, train_classifier
from napari_stmml.clustering.sampling import Sample
from napari_stmml.clustering.types_and_areas import STEP, SURFACE
from napari_stmml.model.suitability import nothing_seen
from napari_stmml.recipe import get_recipe

RECIPE = get_recipe("objects", pixel_density=12.5)
SMALL = replace(EASY, size_nm=26.0)


def surfaces(kind, *seeds):
    return [foreign_surface(kind, seed, settings=SMALL) for seed in seeds]


def trained(scans, **more):
    return train_classifier(scans, recipe=RECIPE, **more)


@pytest.fixture(scope="module")
def metal():
    return surfaces("metal", 5, 6)


@pytest.fixture(scope="module")
def model(metal):
    return trained([one.scan for one in metal])


def test_there_are_as_many_classes_as_types_of_objects_and_the_surface_is_called_so(model, metal):
    objects = {name for one in metal for name in one.classes} - {"surface"}
    assert model.class_names == (SURFACE, *(f"type {number}" for number in range(1, len(objects) + 1)))
    assert [one.background for one in model.classes.entries] == [True] + [False] * len(objects)
    assert model.recipe == RECIPE  # which finds as many again


def test_the_classes_are_those_of_the_surface(model, metal):
    found = [model.predict(one.scan).astype(int) - 1 for one in metal]
    names = tuple(dict.fromkeys(name for one in metal for name in one.classes))
    truth = [np.array([names.index(name) for name in one.classes])[one.labels] for one in metal]
    table = pooled(found, truth, len(names))
    classes = best_classes(table)
    assert sorted(classes) == list(range(len(names)))  # each is found once
    assert scores(table, classes).macro_f1 > 0.85


def test_another_seed_finds_the_same_map(model, metal):
    scans = [one.scan for one in metal]
    other = trained(scans, seed=1)
    assert adjusted_rand_score(model.predict(scans[0]).ravel(), other.predict(scans[0]).ravel()) > 0.95


def test_a_model_of_types_is_kept_in_a_file(model, metal, tmp_path):
    loaded = type(model).load(model.save(tmp_path / "m.stmml"))
    assert loaded.class_names == model.class_names
    assert np.array_equal(loaded.predict(metal[0].scan), model.predict(metal[0].scan))


def test_steps_are_a_class_of_their_own(tmp_path):
    (stepped,) = surfaces("stepped", 5)
    model = trained([stepped.scan])
    found = model.predict(stepped.scan) == model.class_names.index(STEP) + 1
    truth = stepped.labels == stepped.classes.index("step edge")
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.75


def test_a_surface_without_objects_is_one_class_and_that_is_said():
    rng = np.random.default_rng(0)
    noise = 0.01 * gaussian_filter(rng.normal(size=(200, 200)), 1)
    said = []
    scan = Scan(noise, (0.1, 0.1), source="flat")
    model = train_classifier([scan], recipe=replace(RECIPE, resample=False), on_event=said.append)
    assert model.class_names == (SURFACE,)
    sentence = "nothing stands out from the surface; no lattice found"
    assert sentence in [getattr(event, "sentence", "") for event in said]
    labels = model.predict(scan)
    assert (labels == 1).all()
    assert nothing_seen(model, labels) == "nothing stands out from the surface"


def test_a_map_with_an_object_is_not_empty(model, metal):
    assert nothing_seen(model, model.predict(metal[0].scan)) == ""


def test_no_lattice_is_said_of_the_scans_without_one():
    said = []
    scans = [one.scan for kind in ("metal", "bare") for one in surfaces(kind, 5)]
    train_classifier(scans, recipe=RECIPE, on_event=said.append)
    (sentence,) = [event.sentence for event in said if hasattr(event, "sentence")]
    assert sentence.endswith("; no lattice found on 1 of 2 scans")


def test_neighbours_are_to_the_right_and_below_on_the_same_map():
    cells = np.array([[0, 0], [0, 1], [1, 0], [0, 1], [1, 1], [5, 5]])
    maps = np.array([0, 0, 0, 1, 1, 1])
    sample = Sample(np.zeros((6, 1)), maps, cells, (), 6)
    right, below = ({*zip(one.tolist(), other.tolist(), strict=True)} for one, other in sample.neighbours())
    assert right == {(0, 1)}
    assert below == {(0, 2), (3, 4)}


def test_names_that_the_program_gave_are_no_names_of_a_person(model, metal):
    truth = np.zeros(metal[0].labels.shape, np.uint8)
    for label in range(3):  # surface and two kinds of objects, each as a new class
        truth[metal[0].labels == label] = model.n_classes + 1 + label
    taught = model.learn(metal[0].scan, truth)
    assert taught.shows_only_painted
    assert set(np.unique(taught.predict(metal[0].scan))) <= {0, *np.unique(truth)}
    named = replace(model, classes=model.classes.renamed(2, "vacancy"), only_painted=True)
    assert named.own_labels == {2}


def test_what_differs_from_the_surface_is_an_area():
    scans = [scan_of(benchmark_surface("si001", seed), False) for seed in (0, 1)]
    seen = benchmark_surface("si001", 1000)
    model = train_classifier(scans, recipe=replace(RECIPE, pixel_density=15.0))
    found = model.predict(scan_of(seen, False)) == model.class_names.index("area 1") + 1
    truth = seen.labels == CLASSES["si001"].index("disordered")
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.6


def test_the_halo_of_an_object_is_surface():
    rng = np.random.default_rng(2)
    rows, cols = np.mgrid[:200, :200]
    heights = 0.002 * gaussian_filter(rng.normal(size=rows.shape), 1) / 0.28
    for row, col in ((50, 50), (150, 60), (100, 140)):  # wide ones
        apart = (rows - row) ** 2 + (cols - col) ** 2
        heights += 0.1 * np.exp(-apart / (2 * 5**2)) + 0.01 * np.exp(-apart / (2 * 12**2))
    scan = Scan(heights, (0.1, 0.1), source="bumps")
    model = train_classifier([scan], recipe=replace(RECIPE, resample=False))
    assert not [name for name in model.class_names if name.startswith("area")]
    assert set(model.predict(scan)[60:90, 45:55].ravel()) == {1}  # between bumps
