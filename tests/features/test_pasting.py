import numpy as np
import pytest

from napari_stmml.features.filters import FilterFeatures
from napari_stmml.features.pasting import PIECE, TYPES, UNKNOWN, _completed, _standing_out, pasted_pieces


@pytest.fixture(scope="module")
def surface():
    """Waves and noise, and a tall bump at row 100, column 200."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:264, :300]
    bump = 20 * np.exp(-((y - 100) ** 2 + (x - 200) ** 2) / 50)
    waves = np.sin(x / 1.5) + 0.2 * rng.standard_normal(x.shape) + bump
    return FilterFeatures().channels(waves.astype(np.float32))


@pytest.fixture(scope="module")
def pieces(surface):
    return pasted_pieces([surface], 5, np.random.default_rng(1))


def test_every_type_is_pasted_and_nothing_else_is_named(pieces):
    channels, types = pieces
    assert channels.shape == (5, 2, PIECE, PIECE)
    assert channels.dtype == np.float32
    assert np.isfinite(channels).all()
    assert types.shape == (5, PIECE // 2, PIECE // 2)
    assert set(np.unique(types).tolist()) == {*range(len(TYPES)), UNKNOWN}


def test_most_of_a_piece_stays_surface(pieces):
    assert (pieces[1] == 0).mean() > 0.4


def test_pits_are_low_and_clusters_high(pieces):
    channels, types = pieces
    rest = channels[:, 0, ::2, ::2]
    pit, cluster = (TYPES.index(name) for name in ("pit", "cluster"))
    usual = np.median(rest[types == 0])
    assert np.median(rest[types == pit]) < usual - 0.5
    assert np.median(rest[types == cluster]) > usual + 1


def test_what_stands_out_already_is_not_called_surface(surface):
    found = _standing_out(surface[0])
    assert found[50, 100]
    assert found.mean() < 0.4


def test_the_same_random_numbers_paste_the_same(surface, pieces):
    again = pasted_pieces([surface], 5, np.random.default_rng(1))
    assert all(np.array_equal(one, other) for one, other in zip(again, pieces, strict=True))
    other = pasted_pieces([surface], 1, np.random.default_rng(2))
    assert not np.array_equal(other[0][0], pieces[0][0])


def test_a_small_map_with_missing_heights_is_widened_by_what_is_unknown():
    rest = np.random.default_rng(3).standard_normal((2, 49, 80)).astype(np.float32)
    rest[:, :10] = np.nan
    channels, unknown = _completed(rest)
    assert channels.shape == (2, PIECE, PIECE)
    assert np.isfinite(channels).all()
    assert unknown[:5].all()
    assert unknown[25:].all()
    assert unknown[:, 40:].all()
    assert not unknown[5:24, :40].all()
