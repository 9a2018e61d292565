import numpy as np
import pytest

from napari_stmml.heights.flatten import flatten
from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001, with_artefacts

REPAIRS = ["scars", "line_jumps", "clip_spikes"]
SURFACES = {
    "rows along the fast direction": simulate_si001((256, 256), 20.0, 1),
    "rows across it": simulate_si001((256, 256), 20.0, 1, angle=90),
    "slanting rows and a step": simulate_si001((256, 256), 20.0, 2, angle=33, step_edge=True),
    "hexagonal": simulate_hexagonal((256, 256), 20.0, 3),
    "coarse": simulate_si001((128, 128), 20.0, 4),  # five pixels a dimer row
}
every_surface = pytest.mark.parametrize("name", SURFACES)


def recorded(name, noise_nm=0.003):
    return with_artefacts(SURFACES[name], tilt_nm=0.3, bow_nm=0, line_noise_nm=0, noise_nm=noise_nm).heights


@every_surface
@pytest.mark.parametrize("method", REPAIRS)
@pytest.mark.parametrize("noise_nm", [0.0, 0.003, 0.01])
def test_an_atomic_lattice_survives(method, noise_nm, name):
    heights = recorded(name, noise_nm)
    change = np.abs(flatten(heights, method) - heights)
    assert (change > 0.002).mean() < 1e-3  # at most one pixel of a thousand by more than 2 pm


@every_surface
@pytest.mark.parametrize("method", REPAIRS)
def test_repaired_heights_need_no_second_repair(method, name):
    once = flatten(recorded(name), method)
    assert (np.abs(flatten(once, method) - once) > 0.002).mean() < 1e-3


@every_surface
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_scars_are_bridged_and_nothing_else(name, sign, width):
    truth = recorded(name)
    scarred, places = truth.copy(), np.zeros(truth.shape, bool)
    for row, col, length in ((20, 15, 40), (60, 70, 25), (100, 30, 60)):
        places[row : row + width, col : col + length] = True
    scarred[places] += sign * 0.3
    repaired = flatten(scarred, "scars")
    assert np.abs(repaired - truth)[places].mean() < 0.03  # a tenth of it
    assert (np.abs(repaired - truth)[~places] > 0.002).mean() < 1e-3


@every_surface
@pytest.mark.parametrize("jump", [0.15, -0.15])
def test_lines_that_jump_are_shifted_back_and_keep_what_is_on_them(name, jump):
    truth = recorded(name)
    jumped, places = truth.copy(), np.zeros(truth.shape, bool)
    places[30] = places[80, 40:] = places[110, 20:90] = True
    jumped[places] += jump
    repaired = flatten(jumped, "line_jumps")
    inner = places & np.roll(places, 4, axis=1) & np.roll(places, -4, axis=1)
    assert np.abs(repaired - truth)[inner].max() < 0.01
    assert (np.abs(repaired - truth)[~places] > 0.002).mean() < 2e-3


@every_surface
@pytest.mark.parametrize("sign", [1, -1])
def test_spikes_are_clipped_and_nothing_else(rng, name, sign):
    truth = recorded(name)
    spiked, places = truth.copy(), rng.random(truth.shape) < 5e-4
    places[0, 0] = places[-1, 50] = True
    spiked[places] += sign * 0.5
    clipped = flatten(spiked, "clip_spikes")
    assert np.abs(clipped - truth)[places].max() < 0.06
    assert (np.abs(clipped - truth)[~places] > 0.002).mean() < 1e-3


@pytest.mark.parametrize("method", REPAIRS)
def test_a_terrace_edge_is_neither_scar_nor_jump_nor_spike(method):
    y, x = np.mgrid[:90, :120]
    for edge in (y > 40, x > 50, x > y + 10, x < 2 * y):
        step = 0.2 * edge + np.random.default_rng(0).normal(0, 0.003, edge.shape)
        assert (np.abs(flatten(step, method) - step) > 0.02).sum() <= 2


@pytest.mark.parametrize("method", REPAIRS)
def test_repairs_do_not_reach_across_missing_rows(method):
    heights = recorded("hexagonal")
    heights[50] += 1.0
    heights[[49, 51]] = np.nan
    repaired = flatten(heights, method)
    assert np.array_equal(np.isnan(repaired), np.isnan(heights))
    assert np.abs(repaired[50] - heights[50]).max() < 0.1


@pytest.mark.parametrize("method", REPAIRS)
def test_faults_are_repaired_also_where_they_are_left_out_of_fits(method):
    heights = recorded("hexagonal")
    broken = heights.copy()
    if method == "clip_spikes":
        broken[40, 40] += 0.5
    else:
        broken[40, 20:80] += 0.3
    out = np.zeros(heights.shape, bool)
    out[39:42, 10:90] = True
    repaired = flatten(broken, method, leave_out=out)
    assert np.abs(repaired - heights)[40].max() < 0.15


def test_what_is_left_out_does_not_say_what_is_usual():
    heights = np.random.default_rng(0).normal(0, 0.003, (80, 80))
    heights[30, 20:60] += 0.03
    wild = np.zeros(heights.shape, bool)
    wild[50:] = True
    heights[wild] += np.random.default_rng(1).normal(0, 5, (30, 80)).ravel()
    assert abs(flatten(heights, "scars")[30, 20:60].mean()) > 0.02
    assert abs(flatten(heights, "scars", leave_out=wild)[30, 20:60].mean()) < 0.005
