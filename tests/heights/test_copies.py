import numpy as np
import pytest

from napari_stmml.heights.copies import repeated, translations


def holes(shape=(300, 300), period=36, sigma=3.0):
    """Make holes on a square lattice, what a spectrum may leave of large cells."""
    down, right = (period * (np.arange(size) / period - np.round(np.arange(size) / period)) for size in shape)
    return -np.exp(-(down[:, None] ** 2 + right**2) / (2 * sigma**2)).astype(np.float32)


def test_a_lattice_is_moved_onto_itself_by_whole_cells():
    there = translations(holes())
    assert len(there) == 6
    assert all(down % 36 == right % 36 == 0 for down, right in there)


@pytest.mark.parametrize("shape", [(300, 300), (280, 530)])
def test_what_all_cells_have_is_found_and_what_one_lacks_is_not(shape):
    noise = 0.05 * np.random.default_rng(0).normal(size=shape).astype(np.float32)
    rest = holes(shape) + noise
    rest[140:150, 100:110] -= 1.0
    left = rest - repeated(rest, 0.5)
    assert left[40:-40, 40:-40][holes(shape)[40:-40, 40:-40] < -0.5].mean() > -0.4
    assert np.median(left[holes(shape) < -0.8]) > -0.1
    assert left[142:148, 102:108].mean() < -0.9


def test_nothing_is_taken_from_noise_nor_from_a_map_that_is_too_small():
    rng = np.random.default_rng(0)
    assert not repeated(rng.normal(size=(300, 300)).astype(np.float32), 3.0).any()
    assert not repeated(holes((40, 44)), 3.0).any()


def test_a_flat_map_repeats_nothing():
    assert not repeated(np.zeros((100, 100), np.float32), 0.0).any()
