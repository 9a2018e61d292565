import time

import numpy as np
import pytest

from napari_stmml.simulate.surfaces import CLASSES, simulate_hexagonal, simulate_si001, with_artefacts

SIMULATIONS = [simulate_si001, simulate_hexagonal]
BARE = {"vacancies": 0.0, "adatoms": 0.0, "clusters": 0.0}
surfaces = pytest.mark.parametrize("simulate", SIMULATIONS)


def strongest_wave(surface):
    """Return the wave vector (along rows, along cols) in 1/nm of the strongest wave of a surface."""
    rows, cols = surface.heights.shape
    window = np.outer(np.hanning(rows), np.hanning(cols))
    size = 2048
    power = np.abs(np.fft.rfft2((surface.heights - surface.heights.mean()) * window, (size, size)))
    row, col = np.unravel_index(power.argmax(), power.shape)
    down, right = surface.pixel_size
    return np.fft.fftfreq(size, down)[row], np.fft.rfftfreq(size, right)[col]


@surfaces
def test_the_same_seed_gives_the_same_surface_and_another_another(simulate):
    first, again, other = simulate(seed=7), simulate(seed=7), simulate(seed=8)
    assert np.array_equal(first.heights, again.heights)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)


@surfaces
def test_heights_and_labels_share_a_shape_that_need_not_be_square(simulate):
    surface = simulate((120, 200), size_nm=10.0, step_edge=True)
    assert surface.heights.shape == surface.labels.shape == (120, 200)
    assert surface.heights.dtype == np.float64
    assert surface.labels.dtype == np.uint8
    assert surface.pixel_size == pytest.approx((0.05, 0.05))
    assert surface.classes == CLASSES


@surfaces
def test_every_class_occurs_when_it_is_asked_for_and_no_other(simulate):
    assert set(np.unique(simulate(seed=1, step_edge=True).labels)) == {0, 1, 2, 3, 4}
    assert set(np.unique(simulate(seed=1, **BARE).labels)) == {0}
    for label, kind in ((1, "vacancies"), (2, "adatoms"), (3, "clusters")):
        only = simulate(seed=1, **{**BARE, kind: 0.05})
        assert set(np.unique(only.labels)) == {0, label}


@surfaces
@pytest.mark.parametrize("seed", range(3))
def test_a_vacancy_is_darker_than_its_terrace(simulate, seed):
    surface = simulate(seed=seed)
    terrace = surface.heights[surface.labels == 0]
    assert surface.heights[surface.labels == 1].mean() < terrace.mean() - 1.5 * terrace.std()


@surfaces
@pytest.mark.parametrize("seed", range(3))
def test_adatoms_rise_above_the_terrace_and_clusters_above_adatoms(simulate, seed):
    surface = simulate(seed=seed, clusters=0.03)
    terrace, adatom, cluster = (surface.heights[surface.labels == label].mean() for label in (0, 2, 3))
    assert terrace + 0.04 < adatom < cluster - 0.04


@surfaces
def test_removing_the_defects_leaves_the_terrace_between_them_untouched(simulate):
    bare, defects = simulate(seed=5, **BARE), simulate(seed=5)
    change = np.abs(defects.heights - bare.heights)
    assert change[defects.labels > 0].mean() > 10 * change[defects.labels == 0].mean()


def test_a_label_ends_where_its_feature_falls_below_a_third():
    bare, spotted = simulate_si001(seed=2, **BARE), simulate_si001(seed=2, **{**BARE, "adatoms": 0.05})
    change = spotted.heights - bare.heights
    assert change[spotted.labels == 2].min() == pytest.approx(0.1 / 3, rel=0.2)
    assert change[spotted.labels == 0].max() == pytest.approx(0.1 / 3, rel=0.2)


@pytest.mark.parametrize(("simulate", "height"), [(simulate_si001, 0.136), (simulate_hexagonal, 0.25)])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_parts_two_terraces_by_its_height(simulate, height, seed):
    surface = simulate(seed=seed, step_edge=True, **BARE)
    flat = surface.heights[surface.labels == 0]
    upper, lower = flat[flat > -height / 2], flat[flat < -height / 2]
    assert min(upper.size, lower.size) > 0.1 * flat.size
    assert np.median(upper) - np.median(lower) == pytest.approx(height, abs=0.01)
    assert 0 < (surface.labels == 4).mean() < 0.06


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, -50.0])
def test_dimer_rows_of_silicon_lie_0_768_nm_apart_at_their_angle(angle):
    down, right = strongest_wave(simulate_si001(angle=angle, **BARE))
    assert 1 / np.hypot(down, right) == pytest.approx(0.768, rel=0.01)
    rows_run = np.rad2deg(np.arctan2(-down, right)) + 90  # y is up, rows count down
    assert (rows_run - angle + 90) % 180 - 90 == pytest.approx(0, abs=1)


def test_dimers_lie_0_384_nm_apart_along_their_row():
    surface = simulate_si001((300, 300), 15.36, **BARE)  # a whole number of dimers
    ridge = surface.heights[surface.heights.mean(axis=1).argmax()]
    power = np.abs(np.fft.rfft(ridge - ridge.mean()))
    assert 15.36 / power.argmax() == pytest.approx(0.384)


def test_rows_of_the_lower_terrace_of_silicon_are_turned_by_90_degrees():
    surface = simulate_si001((400, 400), 26.0, seed=0, step_edge=True, corrugation_nm=0.02, **BARE)
    upper = surface.heights > -0.068
    ups = simulate_si001((400, 400), 26.0, seed=0, corrugation_nm=0.02, **BARE)
    down, right = strongest_wave(ups)
    assert abs(down) > 10 * abs(right)
    lower = np.where(upper | (surface.labels == 4), 0.0, surface.heights + 0.136)
    down, right = strongest_wave(type(ups)(lower, ups.labels, CLASSES, ups.pixel_size))
    assert abs(right) > 10 * abs(down)


@pytest.mark.parametrize("lattice", [0.6, 0.9])
@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_a_hexagonal_lattice_repeats_after_its_neighbour_distance(lattice, angle):
    surface = simulate_hexagonal(lattice_nm=lattice, angle=angle, **BARE)
    assert 1 / np.hypot(*strongest_wave(surface)) == pytest.approx(lattice * np.sqrt(3) / 2, rel=0.01)


def test_a_hexagonal_lattice_looks_the_same_after_a_turn_by_60_degrees():
    first, turned = (simulate_hexagonal(angle=angle, **BARE) for angle in (10.0, 70.0))
    waves = np.abs(np.fft.rfft2(first.heights)), np.abs(np.fft.rfft2(turned.heights))
    assert np.allclose(*waves, atol=0.05 * waves[0].max())


def test_an_oblong_pixel_keeps_lengths_in_nm():
    surface = simulate_si001((400, 200), pixel_size=(0.05, 0.1), **BARE)
    assert surface.pixel_size == (0.05, 0.1)
    assert 1 / np.hypot(*strongest_wave(surface)) == pytest.approx(0.768, rel=0.01)


def test_as_many_defects_come_as_their_density_says():
    from scipy.ndimage import label

    counts = [label(simulate_si001(seed=seed, **{**BARE, "adatoms": 0.03}).labels)[1] for seed in range(10)]
    assert np.mean(counts) == pytest.approx(0.03 * 400, rel=0.25)


def test_a_frame_is_made_in_less_than_half_a_second():
    start = time.perf_counter()
    simulate_si001(step_edge=True)
    assert time.perf_counter() - start < 0.5


def test_artefacts_change_heights_and_leave_labels():
    clean = simulate_si001()
    recorded = with_artefacts(clean, seed=3)
    assert np.array_equal(recorded.labels, clean.labels)
    assert recorded.pixel_size == clean.pixel_size
    assert not np.allclose(recorded.heights, clean.heights)
    assert np.array_equal(recorded.heights, with_artefacts(clean, seed=3).heights)
    assert not np.array_equal(recorded.heights, with_artefacts(clean, seed=4).heights)


def test_tilt_rises_along_both_axes_and_bow_lifts_the_corners():
    clean = simulate_si001((101, 151), **BARE)
    quiet = {"line_noise_nm": 0.0, "noise_nm": 0.0}
    tilt = with_artefacts(clean, tilt_nm=2.0, bow_nm=0.0, **quiet).heights - clean.heights
    assert tilt[-1, 0] - tilt[0, 0] == pytest.approx(2.0)
    assert tilt[0, -1] - tilt[0, 0] == pytest.approx(2.0)
    bow = with_artefacts(clean, tilt_nm=0.0, bow_nm=0.1, **quiet).heights - clean.heights
    assert [bow[row, col] for row in (0, -1) for col in (0, -1)] == pytest.approx([0.1] * 4)
    assert bow[50, 75] == pytest.approx(0)


def test_line_noise_is_one_offset_per_row_and_white_noise_is_not():
    clean = simulate_si001((400, 100), **BARE)
    still = {"tilt_nm": 0.0, "bow_nm": 0.0}
    lines = with_artefacts(clean, line_noise_nm=0.02, noise_nm=0.0, **still).heights - clean.heights
    assert np.ptp(lines, axis=1).max() < 1e-12
    assert lines[:, 0].std() == pytest.approx(0.02, rel=0.15)
    white = with_artefacts(clean, line_noise_nm=0.0, noise_nm=0.005, **still).heights - clean.heights
    assert white.std() == pytest.approx(0.005, rel=0.05)
    assert white.mean(axis=1).std() < 0.001


@surfaces
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shape": (1, 300)}, r"at least 2 by 2 pixels, got \(1, 300\)"),
        ({"shape": (300, 0)}, r"at least 2 by 2 pixels, got \(300, 0\)"),
        ({"size_nm": 0.0}, "size_nm must be above 0 nm, got 0.0"),
        ({"size_nm": np.inf}, "size_nm must be above 0 nm, got inf"),
        ({"pixel_size": (0.1, -0.1)}, r"pixel_size must be above 0 nm per pixel, got \(0.1, -0.1\)"),
        ({"vacancies": -0.1}, "density of vacancy must be 0 to 2.0 per nm.2, got -0.1"),
        ({"clusters": 3.0}, "density of cluster must be 0 to 2.0 per nm.2, got 3.0"),
    ],
)
def test_an_impossible_surface_is_refused_with_value_and_bound(simulate, wrong, message):
    with pytest.raises(ValueError, match=message):
        simulate(**wrong)


def test_a_lattice_without_length_is_refused():
    with pytest.raises(ValueError, match="lattice_nm must be above 0 nm, got 0"):
        simulate_hexagonal(lattice_nm=0)


@pytest.mark.parametrize("name", ["line_noise_nm", "noise_nm"])
def test_negative_noise_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be 0 nm or more, got -1"):
        with_artefacts(simulate_si001((4, 4)), **{name: -1})
