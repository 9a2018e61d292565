import numpy as np
import pytest

from napari_stmml.heights.lattice import common_part, split_lattice, translations


def waves(shape, period=9.3, angle=0.4):
    rows, cols = np.indices(shape)
    return np.cos(2 * np.pi * (rows * np.sin(angle) + cols * np.cos(angle)) / period)


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (300, 19), (255, 257), (512, 301)])
def test_residual_and_lattice_add_up_to_the_map_of_any_size(rng, shape):
    heights = rng.normal(size=shape).astype(np.float32)
    residual, lattice = split_lattice(heights)
    assert residual.shape == lattice.shape == shape
    assert residual.dtype == lattice.dtype == np.float32
    assert np.allclose(residual + lattice, heights, atol=1e-5)


@pytest.mark.parametrize("shape", [(300, 300), (256, 512), (320, 700)])
def test_nine_tenths_of_a_lattice_go_up_to_the_border(rng, shape):
    heights = waves(shape) + waves(shape, angle=1.5) + 0.05 * rng.normal(size=shape)
    residual, _ = split_lattice(heights)
    assert residual.std() < 0.15 * heights.std()
    assert residual[:16].std() < 0.3 * heights.std()


@pytest.mark.parametrize("angle", [0.2, 0.5])
def test_a_lattice_is_as_sure_at_the_border_as_inside(rng, angle):
    heights = sum(waves((300, 300), 10, angle + turn) for turn in np.radians([0, 60, 120]))
    residual, _ = split_lattice(heights + 0.1 * rng.normal(size=(300, 300)))
    inside = residual[64:-64, 64:-64].std()
    for border in (residual[:8], residual[-8:], residual[:, :8], residual[:, -8:]):
        assert border.std() < 1.5 * inside


def test_what_sits_on_a_lattice_stays(rng):
    rows, cols = np.indices((300, 300))
    bump = 4 * np.exp(-((rows - 150) ** 2 + (cols - 120) ** 2) / (2 * 5.0**2))
    residual, _ = split_lattice(waves((300, 300)) + bump + 0.05 * rng.normal(size=(300, 300)))
    assert abs(residual[150, 120] - 4) < 0.4
    assert np.abs(residual - bump)[40:-40, 40:-40].std() < 0.1


def test_noise_has_hardly_a_lattice(rng):
    heights = rng.normal(size=(300, 300))
    assert split_lattice(heights)[1].std() < 0.3


def test_the_unit_does_not_matter(rng):
    heights = waves((200, 200)) + 0.1 * rng.normal(size=(200, 200))
    assert np.allclose(split_lattice(1000 * heights)[0], 1000 * split_lattice(heights)[0], atol=1)


def test_a_flat_map_has_no_lattice():
    assert not split_lattice(np.full((40, 40), 3.0))[1].any()


@pytest.mark.parametrize("block", [14, 33])
def test_a_block_that_is_odd_or_too_small_is_refused(block):
    with pytest.raises(ValueError, match=f"even number of px from 16 on, got {block}"):
        split_lattice(np.zeros((40, 40)), block)


def test_a_map_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=r"16 px a side or larger, got \(15, 40\)"):
        split_lattice(np.zeros((15, 40)))


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
    residual = holes(shape) + noise
    residual[140:150, 100:110] -= 1.0
    left = residual - common_part(residual, 0.5)
    assert left[40:-40, 40:-40][holes(shape)[40:-40, 40:-40] < -0.5].mean() > -0.4
    assert np.median(left[holes(shape) < -0.8]) > -0.1
    assert left[142:148, 102:108].mean() < -0.9


def test_nothing_is_taken_from_noise_nor_from_a_map_that_is_too_small():
    rng = np.random.default_rng(0)
    assert not common_part(rng.normal(size=(300, 300)).astype(np.float32), 3.0).any()
    assert not common_part(holes((40, 44)), 3.0).any()


def test_a_flat_map_repeats_nothing():
    assert not common_part(np.zeros((100, 100), np.float32), 0.0).any()
