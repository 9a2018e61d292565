import itertools

import numpy as np
import pytest

from napari_stmml import Scan, train_classifier
from napari_stmml.features.own_density import with_density_of
from napari_stmml.recipe import get_recipe


def scan_of(size, seed=0, px=96):
    return Scan(np.random.default_rng(seed).normal(size=(px, px)), size and (size, size))


def test_a_recipe_takes_the_usual_density_of_its_scans_and_gives_all_of_them_back():
    scans = [scan_of(size, seed, 9) for seed, size in enumerate((0.1, 0.2, 0.2, None))]
    recipe, again = with_density_of(get_recipe("instant"), iter(scans))
    assert recipe.pixel_density == 5
    assert list(again) == scans
    named, again = with_density_of(get_recipe("srsml24"), iter(scans))
    assert named == get_recipe("srsml24")
    assert list(again) == scans


def test_of_endless_scans_the_first_ones_count():
    endless = (scan_of(0.2, px=9) for _ in itertools.count())
    recipe, again = with_density_of(get_recipe("objects"), endless)
    assert recipe.pixel_density == 5
    assert next(again).pixel_size == (0.2, 0.2)


@pytest.mark.parametrize("name", ["objects", "instant"])
def test_a_model_of_coarse_scans_has_their_pixels_and_is_read_again(name, tmp_path):
    scan = scan_of(0.25)
    model = train_classifier([scan], recipe=name, n_clusters=3)
    assert (model.recipe.pixel_density, model.recipe.title) == (4, name)
    assert model.recipe.preprocessing.apply(scan).shape == scan.heights.shape
    assert np.array_equal(
        type(model).load(model.save(tmp_path / "m.stmml")).predict(scan), model.predict(scan)
    )


def test_of_scans_finer_than_15_px_a_nm_a_model_sees_15():
    model = train_classifier([scan_of(0.05)], recipe="instant", n_clusters=3)
    assert model.recipe.pixel_density == 15
