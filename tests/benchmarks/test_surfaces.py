import numpy as np
import pytest

from benchmarks.surfaces import (
    ALL_CLASSES,
    MOLECULE_CLASSES,
    simulate_7x7,
    simulate_hexagonal,
    simulate_molecules,
    simulate_si001,
    simulate_stepped,
)
from napari_stmml.simulate import surfaces as package

OLD = [simulate_si001, simulate_hexagonal]
NEW = [simulate_7x7, simulate_stepped, simulate_molecules]
every_kind = pytest.mark.parametrize("simulate", OLD + NEW)
new_kinds = pytest.mark.parametrize("simulate", NEW)


def bare(simulate, **settings):
    none = {"vacancies": 0.0, "clusters": 0.0, "bright" if simulate is simulate_molecules else "adatoms": 0.0}
    if simulate is simulate_molecules:
        none["islands"] = 0
    return simulate(**{**none, **settings})


def occurring(surface):
    return {surface.classes[label] for label in np.unique(surface.labels)}


@pytest.mark.parametrize(
    ("simulate", "packaged"),
    [(simulate_si001, package.simulate_si001), (simulate_hexagonal, package.simulate_hexagonal)],
)
def test_without_more_it_is_the_surface_that_the_package_simulates(simulate, packaged):
    settings = {"size_nm": 9.0, "seed": 3, "angle": 12.0, "step_edge": True}
    ours, theirs = simulate((90, 120), **settings), packaged((90, 120), **settings)
    assert np.array_equal(ours.heights, theirs.heights)
    assert np.array_equal(ours.labels, theirs.labels)
    assert ours.classes == theirs.classes


@new_kinds
def test_the_same_seed_gives_the_same_surface_and_another_another(simulate):
    first, again, other = (simulate(seed=seed, both_biases=True, disordered=1) for seed in (7, 7, 8))
    assert np.array_equal(first.heights, again.heights)
    assert np.array_equal(first.other, again.other)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)


@new_kinds
def test_heights_and_labels_share_a_shape_that_need_not_be_square(simulate):
    surface = simulate((120, 200), size_nm=10.0)
    assert surface.heights.shape == surface.labels.shape == (120, 200)
    assert surface.heights.dtype == np.float64
    assert surface.labels.dtype == np.uint8
    assert surface.pixel_size == pytest.approx((0.05, 0.05))
    assert surface.other is None


def test_every_class_of_a_kind_occurs_when_it_is_asked_for():
    more = {"seed": 1, "disordered": 1, "impurities": 0.04}
    assert occurring(simulate_7x7(**more)) == set(ALL_CLASSES) - {"step edge"}
    assert occurring(simulate_stepped(**more)) == set(ALL_CLASSES)
    assert occurring(simulate_molecules(**more)) == set(MOLECULE_CLASSES)
    assert occurring(simulate_si001(step_edge=True, **more)) == set(ALL_CLASSES)


@every_kind
def test_a_surface_without_defects_has_none(simulate):
    assert occurring(bare(simulate)) <= {"surface", "step edge"}


@pytest.mark.parametrize("simulate", [simulate_7x7, simulate_molecules])
@pytest.mark.parametrize("seed", range(3))
def test_a_vacancy_is_darker_and_an_adatom_brighter_than_the_terrace(simulate, seed):
    surface = simulate(seed=seed)
    terrace = surface.heights[surface.labels == 0]
    assert surface.heights[surface.labels == 1].mean() < terrace.mean() - 0.8 * terrace.std()
    assert surface.heights[surface.labels == 2].mean() > terrace.mean() + terrace.std()
    assert surface.heights[surface.labels == 3].mean() > surface.heights[surface.labels == 2].mean()


@every_kind
def test_the_opposite_bias_shows_the_same_labels_with_another_contrast(simulate):
    one, both = (simulate(seed=4, both_biases=biases) for biases in (False, True))
    assert np.array_equal(one.heights, both.heights)
    assert np.array_equal(one.labels, both.labels)
    assert both.other.shape == one.heights.shape
    assert not np.allclose(both.other, both.heights, atol=0.01)


@pytest.mark.parametrize("simulate", OLD)
def test_what_shines_at_one_bias_is_dark_at_the_other(simulate):
    surface = bare(simulate, both_biases=True)
    assert np.corrcoef(surface.heights.ravel(), surface.other.ravel())[0, 1] < -0.5


@every_kind
def test_only_both_biases_tell_impurities_from_adatoms(simulate):
    surface = simulate(seed=3, impurities=0.08, both_biases=True)
    plain = simulate(seed=3, both_biases=True)
    adatom, impurity = surface.labels == 2, surface.labels == 6
    clean = bare(simulate, seed=3, both_biases=True)
    here, there = surface.heights - clean.heights, surface.other - clean.other
    assert here[impurity].mean() == pytest.approx(here[adatom].mean(), rel=0.25)
    assert there[adatom].mean() > 0 > there[impurity].mean()
    assert "impurity" not in occurring(plain)


@every_kind
@pytest.mark.parametrize("seed", range(2))
def test_a_disordered_patch_replaces_the_lattice_and_leaves_the_rest(simulate, seed):
    plain, patched = (bare(simulate, seed=seed, disordered=count) for count in (0, 1))
    inside = patched.labels == 5
    change = np.abs(patched.heights - plain.heights)
    assert change[~inside].mean() < 0.1 * change[inside].mean()
    assert 0.01 < inside.mean() < 0.1  # of 20 nm: 2.3 to 7 nm across
    assert np.array_equal(patched.labels[~inside], plain.labels[~inside])


@pytest.mark.parametrize("simulate", [simulate_si001, simulate_hexagonal, simulate_7x7, simulate_molecules])
def test_a_disordered_patch_is_a_little_rougher_than_the_lattice(simulate):
    surfaces = [bare(simulate, seed=seed, disordered=2) for seed in range(2)]
    within, without = (
        np.mean([one.heights[(one.labels == 5) == inside].std() for one in surfaces])
        for inside in (True, False)
    )
    assert without < within < 2 * without


def test_a_disordered_patch_lies_on_its_own_terrace():
    surface = bare(simulate_stepped, seed=2, disordered=2, lattice="hexagonal", steps=1)
    terraces = [-0.314, 0.0]
    from scipy.ndimage import label

    islands, count = label(surface.labels == 5)
    for island in range(1, count + 1):
        middle = np.median(surface.heights[islands == island])
        assert min(abs(middle - terrace) for terrace in terraces) < 0.08


def test_a_7x7_cell_repeats_after_2_69_nm_and_no_earlier():
    surface = bare(simulate_7x7, shape=(200, 200), size_nm=2 * 2.69)
    assert np.allclose(surface.heights[:, :100], surface.heights[:, 100:], atol=1e-3)
    half = np.roll(surface.heights, 50, axis=1)
    assert np.abs(half - surface.heights).mean() > 0.01


def test_a_7x7_cell_has_twelve_adatoms_and_its_faulted_half_is_higher_at_one_bias():
    surface = bare(simulate_7x7, shape=(400, 400), size_nm=4 * 2.69, both_biases=True)
    from scipy.ndimage import maximum_filter

    for heights, alike in ((surface.heights, False), (surface.other, True)):
        peaks = heights[(heights == maximum_filter(heights, 15)) & (heights > 0.01)]
        assert peaks.size == pytest.approx(12 * 16 / np.sqrt(0.75), rel=0.1)
        assert (np.ptp(np.percentile(peaks, [10, 90])) < 0.012) == alike


@pytest.mark.parametrize(("lattice", "height"), [("si001", 0.136), ("hexagonal", 0.314)])
@pytest.mark.parametrize("steps", [1, 4])
def test_each_step_goes_down_by_its_height(lattice, height, steps):
    surface = bare(simulate_stepped, seed=steps, lattice=lattice, steps=steps)
    from scipy.ndimage import label

    terraces, count = label(surface.labels != 4)
    middles = sorted(
        surface.heights[terraces == one].mean()
        for one in range(1, count + 1)
        if (terraces == one).sum() > 1000
    )
    assert len(middles) == steps + 1
    assert np.diff(middles) == pytest.approx(height, abs=0.02)
    assert middles[-1] == pytest.approx(0, abs=0.01)


def test_bare_substrate_is_lower_and_smoother_than_the_molecules():
    surface = simulate_molecules(seed=2, islands=2)
    bare_substrate = surface.heights[surface.labels == 4]
    layer = surface.heights[surface.labels == 0]
    assert bare_substrate.mean() < layer.mean() - 0.08
    assert bare_substrate.std() < layer.std()


def test_rings_are_hollow_and_pairs_of_lobes_are_not_rings():
    lobes, rings = (bare(simulate_molecules, rings=rings) for rings in (False, True))
    assert not np.allclose(lobes.heights, rings.heights, atol=0.05)


@pytest.mark.parametrize(
    ("simulate", "wrong", "message"),
    [
        (simulate_7x7, {"size_nm": 0.0}, "size_nm must be above 0 nm, got 0.0"),
        (simulate_7x7, {"disordered": 5}, "number of disordered patches must be 0 to 4, got 5"),
        (simulate_si001, {"disordered": -1}, "number of disordered patches must be 0 to 4, got -1"),
        (simulate_si001, {"impurities": -1}, "density of impurity must be 0 to 2.0 per nm.2, got -1"),
        (simulate_stepped, {"lattice": "square"}, "lattice must be one of si001, hexagonal, got 'square'"),
        (simulate_stepped, {"steps": 5}, "steps must be 1 to 4, got 5"),
        (simulate_stepped, {"steps": 0}, "steps must be 1 to 4, got 0"),
        (simulate_molecules, {"sides_nm": (0.1, 1.0)}, r"sides_nm must be 0.5 to 5 nm, got \(0.1, 1.0\)"),
        (simulate_molecules, {"oblique": 20}, "oblique must be 50 to 130 degrees, got 20"),
    ],
)
def test_an_impossible_kind_is_refused_with_value_and_bound(simulate, wrong, message):
    with pytest.raises(ValueError, match=message):
        simulate(**wrong)
