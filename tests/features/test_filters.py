import numpy as np
import pytest

from napari_stmml.features.filters import FilterFeatures
from napari_stmml.heights.ground import ground_below

FILTERS = FilterFeatures()


@pytest.fixture(scope="module")
def channels():
    rng = np.random.default_rng(3)
    rows, cols = np.indices((720, 688))
    heights = np.cos(2 * np.pi * cols / 11) + (rows > 300) + 0.2 * rng.normal(size=rows.shape)
    heights[200:212, 100:112] += 20
    return FILTERS.channels(heights)


def test_there_is_one_vector_per_cell_and_one_name_per_feature(channels):
    features = FILTERS.features(channels)
    assert features.shape == (360, 344, FILTERS.n_features)
    assert features.dtype == channels.dtype == np.float32
    assert np.isfinite(features).all()
    assert len(set(FILTERS.names)) == FILTERS.n_features


@pytest.mark.parametrize("box", [(0, 320, 0, 240), (80, 560, 120, 600), (408, 720, 288, 688)])
def test_a_tile_has_the_features_of_the_whole_map_bit_by_bit(channels, box):
    top, bottom, left, right = box
    tile = FILTERS.features(np.ascontiguousarray(channels[:, top:bottom, left:right]))
    whole = FILTERS.features(channels)[top // 2 : bottom // 2, left // 2 : right // 2]
    rows, cols = (
        slice(FILTERS.reach // 2 if low else 0, -(FILTERS.reach // 2) if high < size else None)
        for low, high, size in ((top, bottom, 720), (left, right, 688))
    )
    assert tile[rows, cols].size
    assert np.array_equal(tile[rows, cols], whole[rows, cols])


def test_the_reach_is_a_multiple_of_align_and_align_of_a_cell():
    assert FILTERS.reach % FILTERS.align == FILTERS.align % FILTERS.cell == 0


@pytest.mark.parametrize("turn", [lambda a: np.rot90(a, axes=(1, 2)), lambda a: a[:, ::-1]])
def test_a_surface_that_is_turned_or_flipped_has_turned_features(channels, turn):
    square = channels[:, :320, :320]
    turned = FILTERS.features(np.ascontiguousarray(turn(square)))
    expected = np.moveaxis(turn(np.moveaxis(FILTERS.features(square), 2, 0)), 0, 2)
    assert np.allclose(turned, expected, atol=2e-3)


def test_neither_the_unit_nor_a_shift_matters():
    heights = np.random.default_rng(0).normal(size=(160, 160))
    one, other = (FILTERS.features(FILTERS.channels(h)) for h in (heights, 1e3 * heights + 50))
    assert np.allclose(one, other, atol=0.02)


def test_a_flat_map_has_flat_features():
    features = FILTERS.features(FILTERS.channels(np.full((64, 64), 7.0)))
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=(0, 1)).max() == 0


def test_how_high_steps_are_does_not_matter_to_what_sits_on_terraces():
    rng = np.random.default_rng(2)
    rows, cols = np.indices((256, 256))
    flat = np.cos(2 * np.pi * cols / 11) + 0.1 * rng.normal(size=rows.shape)
    flat += 3 * np.exp(-((rows - 64) ** 2 + (cols - 60) ** 2) / 50)
    one, other = (
        FILTERS.features(FILTERS.channels(flat + height * (rows > 128)))[
            32, 30, FILTERS.names.index("height 2")
        ]
        for height in (4, 12)
    )
    assert one == pytest.approx(other, rel=0.1)


def test_lines_that_were_recorded_too_high_lie_on_the_ground_like_the_others():
    rng = np.random.default_rng(2)
    rows, cols = np.indices((256, 256))
    heights = np.cos(2 * np.pi * (cols + 0.3 * rows) / 11) + np.cos(2 * np.pi * (rows - 0.3 * cols) / 11)
    heights += 0.5 * rng.normal(size=rows.shape)
    heights[120:128] += 0.5
    rest, _ = FILTERS.channels(heights)
    level = np.median(rest - ground_below(rest), axis=1)
    assert abs(level[120:128].mean() - level[:100].mean()) < 0.03


def test_a_bump_is_a_bump_and_a_step_is_a_line():
    rows, cols = np.indices((256, 256))
    rest = 3 * np.exp(-((rows - 64) ** 2 + (cols - 64) ** 2) / 50) + 3 / (1 + np.exp(192 - rows))
    features = FILTERS.features(np.stack([rest, 0 * rest]).astype(np.float32))
    maps = dict(zip(FILTERS.names, np.moveaxis(features, 2, 0), strict=True))
    assert np.unravel_index(maps["bump 4"].argmax(), (128, 128)) == pytest.approx((32, 32), abs=1)
    assert abs(int(maps["line 4"][:, 100].argmax()) - 96) <= 1
    assert maps["grain 4"][96, 100] < 0.1 * maps["line 4"][96, 100]
    assert maps["line 4"][32, 32] < 0.3 * maps["grain 4"][32, 32]


@pytest.mark.parametrize("shape", [(2, 12, 16), (2, 16, 12)])
def test_sides_that_are_not_aligned_are_refused(shape):
    with pytest.raises(ValueError, match="sides must be multiples of 8 px"):
        FILTERS.features(np.zeros(shape, np.float32))
