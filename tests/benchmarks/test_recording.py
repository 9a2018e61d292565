import numpy as np
import pytest
from scipy.ndimage import label

from benchmarks.quality import surfaces as quality
from benchmarks.surfaces import simulate_hexagonal, simulate_si001, with_artefacts
from napari_stmml.simulate import surfaces as package

STILL = {"tilt_nm": 0.0, "bow_nm": 0.0, "line_noise_nm": 0.0, "noise_nm": 0.0}
BARE = {"vacancies": 0.0, "adatoms": 0.0, "clusters": 0.0}


def test_without_more_it_is_the_recording_of_the_package():
    clean, plain = simulate_si001(seed=2), package.simulate_si001(seed=2)
    recorded = with_artefacts(clean, seed=5)
    assert np.array_equal(recorded.heights, package.with_artefacts(plain, seed=5).heights)


def test_without_artefacts_a_surface_is_recorded_as_it_is():
    clean = simulate_si001(both_biases=True)
    recorded = with_artefacts(clean, **STILL)
    assert np.array_equal(recorded.heights, clean.heights)
    assert np.array_equal(recorded.other, clean.other)
    assert np.array_equal(recorded.labels, clean.labels)


def test_the_same_seed_gives_the_same_record_with_all_artefacts():
    clean = simulate_si001((150, 150), 10.0, both_biases=True)
    everything = {
        "tip_radius_nm": 0.3,
        "creep_nm": 0.4,
        "lag_nm": 0.2,
        "slow_noise_nm": 0.01,
        "spikes": 5,
        "tip_changes": 2,
    }
    first, again, other = (with_artefacts(clean, seed=seed, **everything) for seed in (3, 3, 4))
    assert np.array_equal(first.heights, again.heights)
    assert np.array_equal(first.other, again.other)
    assert not np.array_equal(first.heights, other.heights)
    assert not np.array_equal(first.other, other.other)
    assert np.array_equal(first.labels, other.labels)


def test_both_biases_have_noise_of_their_own():
    clean = simulate_si001(both_biases=True)
    recorded = with_artefacts(clean, tilt_nm=0.0, bow_nm=0.0)
    noise, other = recorded.heights - clean.heights, recorded.other - clean.other
    assert other.std() == pytest.approx(noise.std(), rel=0.2)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_creep_moves_a_label_with_its_feature(seed):
    clean = simulate_hexagonal(seed=seed, corrugation_nm=0.0, adatoms=0.1, vacancies=0.0, clusters=0.0)
    crept = with_artefacts(clean, **STILL, creep_nm=1.0)
    assert (crept.labels != clean.labels)[:60].mean() > 3 * (crept.labels != clean.labels)[200:].mean()
    assert crept.heights[crept.labels == 2].min() == pytest.approx(0.1 / 3, rel=0.3)
    assert crept.heights[crept.labels == 0].max() == pytest.approx(0.1 / 3, rel=0.3)


def test_creep_shifts_the_first_row_by_its_length_and_dies_out():
    clean = simulate_si001((300, 300), 20.0, angle=0.0, **BARE)
    crept = with_artefacts(clean, **STILL, creep_nm=15 * 20 / 300)
    assert np.allclose(crept.heights[0], clean.heights[15])
    assert np.allclose(crept.heights[-1], clean.heights[-1], atol=1e-3)


def test_hysteresis_shifts_the_way_back_along_the_row_and_not_the_way_forth():
    clean = simulate_si001((300, 300), 20.0, angle=90.0, both_biases=True, **BARE)
    lagged = with_artefacts(clean, **STILL, lag_nm=4 * 20 / 300)
    assert np.array_equal(lagged.heights, clean.heights)
    assert np.allclose(lagged.other[:, 0], clean.other[:, 2], atol=1e-6)
    assert np.allclose(lagged.other[:, 149], clean.other[:, 153], atol=1e-3)


def test_a_blunt_tip_touches_from_above_fills_holes_and_keeps_flat_ground():
    holes = simulate_si001(seed=1, corrugation_nm=0.0, vacancies=0.1, adatoms=0.0, clusters=0.0)
    sharp, blunt = (with_artefacts(holes, **STILL, tip_radius_nm=nm) for nm in (0.1, 1.0))
    inside = holes.labels == 1
    assert holes.heights[inside].mean() < sharp.heights[inside].mean() < blunt.heights[inside].mean()
    flat = simulate_si001(corrugation_nm=0.0, **BARE)
    assert np.allclose(with_artefacts(flat, **STILL, tip_radius_nm=1.0).heights, flat.heights)


def test_slow_noise_is_one_offset_per_row_and_drifts():
    clean = simulate_si001((400, 50), **BARE)
    lines = with_artefacts(clean, **STILL, slow_noise_nm=0.02).heights - clean.heights
    assert np.ptp(lines, axis=1).max() < 1e-12
    offsets = lines[:, 0]
    assert offsets.std() == pytest.approx(0.02)
    assert offsets.mean() == pytest.approx(0)
    power = np.abs(np.fft.rfft(offsets)) ** 2
    assert power[1:20].mean() > 5 * power[100:].mean()


def test_as_many_spikes_come_as_asked_on_single_rows():
    clean = simulate_si001(**BARE)
    struck = with_artefacts(clean, **STILL, spikes=12, seed=5).heights - clean.heights
    along = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    streaks, count = label(struck != 0, structure=along)
    assert count == 12
    assert np.count_nonzero(struck.any(axis=1)) >= 10
    assert max(np.count_nonzero(streaks == one) for one in range(1, 13)) <= 10
    assert np.abs(struck[struck != 0]).min() >= 0.05


def test_a_tip_change_offsets_all_rows_from_one_on_and_blurs_them():
    clean = simulate_si001(**BARE)
    changed = with_artefacts(clean, **STILL, tip_changes=1, seed=2)
    rows = (changed.heights - clean.heights).mean(axis=1)
    (first,) = np.flatnonzero(np.abs(np.diff(np.abs(rows) > 0.02)))
    assert 0.1 * 300 < first < 0.9 * 300
    assert np.array_equal(changed.heights[: first + 1], clean.heights[: first + 1])
    below = slice(first + 1, None)
    assert changed.heights[below].std(axis=1).mean() < clean.heights[below].std(axis=1).mean()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tip_radius_nm": -1}, "tip_radius_nm must be 0 nm or more, got -1"),
        ({"slow_noise_nm": np.inf}, "slow_noise_nm must be 0 nm or more, got inf"),
        ({"spikes": -2}, "spikes must be 0 or more, got -2"),
        ({"tip_changes": -1}, "tip_changes must be 0 or more, got -1"),
        ({"creep_nm": -1.0}, "creep_nm must be 0 to 0.15 of the height of the frame, got -0.05 of it"),
        ({"creep_nm": 4.0}, "creep_nm must be 0 to 0.15 of the height of the frame, got 0.2 of it"),
    ],
)
def test_an_impossible_artefact_is_refused_with_value_and_bound(wrong, message):
    with pytest.raises(ValueError, match=message):
        with_artefacts(simulate_si001((100, 100), 20.0), **wrong)


@pytest.mark.parametrize("kind", ["si001", "hexagonal", "stepped", "molecules"])
def test_a_surface_of_the_benchmark_is_the_same_every_time_and_has_every_class(kind):
    first, again, other = (quality.benchmark_surface(kind, seed) for seed in (1000, 1000, 0))
    assert np.array_equal(first.heights, again.heights)
    assert np.array_equal(first.labels, again.labels)
    assert first.classes == other.classes == quality.CLASSES[kind]
    for surface in (first, other):
        assert np.bincount(surface.labels.ravel(), minlength=len(surface.classes)).min() >= 150
    assert not np.array_equal(first.labels, other.labels)


def test_a_surface_of_the_benchmark_at_both_biases_has_one_more_class():
    surface = quality.benchmark_surface("molecules", 3, both_biases=True)
    assert surface.classes == (*quality.CLASSES["molecules"], "impurity")
    assert surface.other.shape == surface.labels.shape


def test_a_benchmark_refuses_what_it_does_not_know_or_has_no_room_for():
    with pytest.raises(ValueError, match=r"kind must be one of si001, .*, got 'ice'"):
        quality.benchmark_surface("ice", 0)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        quality.benchmark_surface("si001", -1)
    with pytest.raises(ValueError, match=r"no room for 150 px of every class in \(20, 20\) px"):
        quality.benchmark_surface("si001", 0, (20, 20))
