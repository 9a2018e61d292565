import numpy as np
import pytest

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24.window_stream import WindowMap, WindowStream, places_of, store_map

GRID = WindowGrid(16, 4)


def stored(tmp_path, shapes, grid=GRID):
    """Store maps of numbers that tell every pixel of every map apart."""
    maps = []
    for number, shape in enumerate(shapes):
        heights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1e5 * number
        maps.append(store_map(tmp_path / f"{number}.npy", heights, grid))
    return maps


@pytest.fixture
def maps(tmp_path):
    return stored(tmp_path, [(40, 64), (16, 16), (64, 40), (8, 90), (33, 35)])


def corners(batches):
    """Return the first pixel of every window: which map and place it is."""
    return [float(window[0, 0]) for batch in batches for window in batch]


@pytest.mark.parametrize("missing", [slice(0, 0), slice(0, 40), slice(90, 128)])
@pytest.mark.parametrize("pitch", [4, 8, 16])
def test_no_window_of_validation_overlaps_one_of_training(missing, pitch):
    heights = np.zeros((128, 128))
    heights[missing] = np.nan
    grid = WindowGrid(16, pitch)
    train, held, every = (places_of(heights, grid, part) for part in ("train", "held", "all"))
    starts = grid.starts(128)
    assert len(held) > 0
    assert starts[train[:, 0]].max() + 16 <= starts[held[:, 0]].min()
    assert len(train) + len(held) <= len(every)
    assert len(held) <= 0.25 * len(every)


def test_a_map_comes_back_as_it_was_stored(tmp_path, rng):
    heights = rng.random((20, 30)).astype(np.float32)
    heights[3] = np.nan
    one = store_map(tmp_path / "deep" / "one.npy", heights, GRID)
    assert np.array_equal(one.load(), heights, equal_nan=True)
    assert one.all == len(places_of(heights, GRID)) == 1 * 5


@pytest.mark.parametrize("size", [1, 7, 32, 10_000])
@pytest.mark.parametrize("seed", [None, 3, (3, 1)])
def test_every_window_comes_once_in_batches_of_one_size(maps, size, seed):
    stream = WindowStream(maps, GRID, together=20)
    batches = list(stream.batches(size, seed))
    assert sum(map(len, batches)) == len(stream) == 91 + 1 + 91 + 0 + 36
    assert {len(batch) for batch in batches[:-1]} <= {size}
    places = corners(batches)
    assert len(set(places)) == len(places)


def test_a_window_is_the_slice_of_its_map(maps):
    (batch,) = WindowStream(maps[:1], GRID).batches(1000)
    assert np.array_equal(batch[14], maps[0].load()[4:20, 4:20])


def test_without_a_seed_windows_come_in_order_and_with_one_in_its_own(maps):
    stream = WindowStream(maps, GRID)
    in_order, again, other, same = (corners(stream.batches(16, seed)) for seed in (None, 1, 2, 1))
    assert in_order == sorted(in_order)
    assert again == same
    assert again != other
    assert sorted(again) == sorted(other) == in_order


def test_windows_of_several_maps_are_mixed(tmp_path):
    maps = stored(tmp_path, [(64, 64)] * 4)
    first = next(iter(WindowStream(maps, GRID, together=1).batches(32, 0)))
    assert len(np.unique(first[:, 0, 0] // 1e5)) == 4


@pytest.mark.parametrize("limit", [1, 3, 40, 218, 219, 1000])
def test_a_limit_takes_evenly_of_all_maps(maps, limit):
    stream = WindowStream(maps, GRID, limit=limit)
    places = corners(stream.batches(16, 0))
    assert len(places) == len(stream) == min(limit, 219)
    if limit == 40:
        assert [round(sum(1e5 * n <= place < 1e5 * (n + 1) for place in places)) for n in (0, 2)] == [16, 17]


@pytest.mark.parametrize("only", [range(2), range(3, 4), range(5, 9)])
def test_some_batches_are_those_of_all_and_maps_without_them_are_not_read(tmp_path, monkeypatch, only):
    maps = stored(tmp_path, [(20, 24)] * 16)
    stream = WindowStream(maps, GRID, together=4)
    every = list(stream.batches(11, 5))
    read = []
    load = WindowMap.load
    monkeypatch.setattr(WindowMap, "load", lambda one: read.append(one) or load(one))
    some = list(stream.batches(11, 5, only))
    assert len(some) == len(every[only.start : only.stop])
    assert all(map(np.array_equal, some, every[only.start : only.stop]))
    assert len(read) < len(maps)


def test_only_a_few_maps_are_in_memory_at_a_time(tmp_path, monkeypatch):
    maps = stored(tmp_path, [(40, 40)] * 30)
    stream = WindowStream(maps, GRID, together=100)  # 49 windows a map
    held = []
    for heights, places in stream._groups(np.random.default_rng(0)):
        held.append(len(heights))
        assert len(places) == 49 * len(heights)
    assert sum(held) == 30
    assert max(held) <= 4


def test_a_map_that_was_changed_since_is_refused(maps):
    np.save(maps[0].path, np.zeros((20, 20), np.float32))
    with pytest.raises(ValueError, match=r"0\.npy is not the map that was prepared"):
        list(WindowStream(maps, GRID).batches(8))
