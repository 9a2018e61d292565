from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.structures.surfaces import EASY, make
from napari_stmml import Scan, Structures, find_structures

PIXEL = 0.1


@pytest.fixture(scope="module")
def surfaces():
    return [make("rows", seed, settings=replace(EASY, size_nm=26.0, pixel_nm=PIXEL)) for seed in (20, 21)]


@pytest.fixture(scope="module")
def found(surfaces):
    return find_structures([one.scan for one in surfaces])


def places(found, scan=None):
    table = found.table if scan is None else found.table[found.table.scan == scan]
    return {(one.scan, round(one.row, 2), round(one.col, 2)) for one in table.itertuples()}


def type_at(found, like, row):
    """Type of the object that is in row ``row`` of the table of ``like``."""
    place = like.table.loc[row, ["scan", "row", "col"]]
    (kind,) = found.table[(found.table[["scan", "row", "col"]] == place).all(axis=1)].type
    return kind


def bump(shape, row, col, height, width=3.0):
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    return height * np.exp(-0.5 * ((rows - row) ** 2 + (cols - col) ** 2) / width**2)


# ---- sensitivity


def test_another_sensitivity_gives_what_a_new_search_with_it_gives(surfaces, found):
    for sensitivity in (0.5, 1.4):
        again = find_structures([one.scan for one in surfaces], sensitivity=sensitivity)
        assert places(found.at(sensitivity)) == places(again)
    assert found.at(0.5).at(1.0).table.equals(found.table)


def test_a_higher_sensitivity_adds_objects_and_takes_none_away(found):
    counted = [places(found.at(sensitivity)) for sensitivity in (0.15, 0.3, 1.0, 1.6, 2.5)]
    assert all(less <= more for less, more in pairwise(counted))
    assert len(counted[0]) < len(counted[1]) < len(counted[2])
    assert set(np.unique(found.at(2.5).labels(0))) == set(range((found.at(2.5).table.scan == 0).sum() + 1))


@pytest.mark.parametrize("wrong", [0, -1, np.inf, np.nan])
def test_a_sensitivity_that_is_none_is_refused(found, wrong):
    with pytest.raises(ValueError, match="above 0"):
        found.at(wrong)


def test_what_a_person_said_counts_at_every_sensitivity(found):
    gone = int(found.table.score.idxmax())
    faint = int(found.table.score.idxmin())
    kind = max(int(found.table.type[faint]), 1)
    said = found.learn({gone: -1, faint: kind})
    for sensitivity in (0.01, 1.0, 1.6):
        at = places(said.at(sensitivity))
        assert places(found) - at >= {tuple(place(found, gone))}
        assert tuple(place(found, faint)) in at
    assert len(said.at(0.01).table) == 1


def place(found, row):
    one = found.table.loc[row]
    return int(one.scan), round(one.row, 2), round(one.col, 2)


# ---- types


def test_corrections_stay_and_teach(found):
    first, second = (found.table.index[found.table.type == kind][:3] for kind in (1, 2))
    new = len(found.names) + 1
    better = found.learn({int(first[0]): new, int(second[0]): -1})
    assert len(better.table) == len(found.table) - 1
    assert better.names[-1] == f"type {new}"
    assert type_at(better, found, first[0]) == new
    assert better.by_person.sum() == 1


def test_corrections_stay_when_others_follow(found):
    first, second = (int(found.table.index[found.table.type == kind][0]) for kind in (1, 2))
    better = found.learn({first: 2})
    row = int(np.flatnonzero([place(better, one) == place(found, second) for one in better.table.index])[0])
    assert type_at(better.learn({row: 1}), found, first) == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({99999: 1}, "there is no object 99999"),
        ({0: -2}, "a type is -1"),
        ({0: 99}, "new types are numbered from"),
    ],
)
def test_corrections_that_are_none_are_refused(found, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        found.learn(given)


def test_merged_types_are_one_and_no_other_number_changes(found):
    merged = found.merged(2, into=1)
    assert (merged.table.type == np.where(found.table.type == 2, 1, found.table.type)).all()
    assert [one.number for one in merged.types] == [
        number for number in range(1, len(found.names) + 1) if number != 2
    ]
    assert 2 not in merged.densities.type.to_numpy()
    with pytest.raises(ValueError, match="no type 2"):
        merged.merged(2, into=1)
    with pytest.raises(ValueError, match="two types"):
        found.merged(1, into=1)


def test_a_type_that_was_merged_is_split_where_its_parts_differ(found):
    counts = np.bincount(found.table.type)
    parts = found.merged(2, into=1).split(1)
    new = len(found.names) + 1
    assert sorted(np.bincount(parts.table.type)[[1, new]]) == sorted(counts[[1, 2]])
    assert all(parts.table.type[found.table.type == kind].nunique() == 1 for kind in (1, 2))


def test_new_scans_are_sorted_as_merged_split_and_learnt(surfaces, found):
    row = int(found.table.index[found.table.type == 3][0])
    for changed in (found.merged(2, into=1), found.merged(2, into=1).split(1), found.learn({row: 4})):
        again = find_structures([one.scan for one in surfaces], like=changed)
        assert (again.table.type.to_numpy() == changed.table.type.to_numpy()).mean() > 0.97


def test_types_of_a_model_stay_known_when_one_learns_on_a_scan_that_does_not_show_them(found, tmp_path):
    found.save(tmp_path / "t.stmml")
    shape = (200, 200)
    heights = np.random.default_rng(0).normal(0, 0.004, shape) + bump(shape, 60, 80, 0.2)
    scan = Scan(heights, (PIXEL, PIXEL))
    new = find_structures(scan, like=tmp_path / "t.stmml", false_per_1000_nm2=0.01)
    assert len(new.table) == 1
    taught = new.learn({0: len(found.names) + 1})
    taught.save(tmp_path / "t.stmml")
    known = Structures.load(tmp_path / "t.stmml")
    again = find_structures(found.scans, like=known)
    assert (again.table.type.to_numpy() == found.table.type.to_numpy()).mean() > 0.95
    assert find_structures(scan, like=known, false_per_1000_nm2=0.01).table.type[0] == len(found.names) + 1


def test_types_found_anew_are_those_of_a_new_search(found):
    assert found.merged(2, into=1).retyped().table.equals(found.table)


def test_objects_like_one_are_mostly_of_its_type_and_it_is_the_first(found):
    row = int(found.from_mean(1).index[0])
    far = found.distances(row)
    assert far[row] == 0
    nearest = np.argsort(far, kind="stable")[:10]
    assert (found.table.type[nearest] == 1).all()
    assert found.from_mean(1).is_monotonic_increasing
    assert set(found.from_mean(1).index) == set(found.table.index[found.table.type == 1])


# ---- objects


def test_an_object_is_added_where_there_is_none_and_found_with_its_outline():
    shape = (200, 200)
    heights = np.random.default_rng(1).normal(0, 0.004, shape) + bump(shape, 150, 60, 0.2)
    found = find_structures(Scan(heights, (PIXEL, PIXEL)), types=1)
    added = found.with_object(0, 40.0, 120.0)
    assert len(added.table) == len(found.table) + 1
    new = added.table.loc[np.hypot(added.table.row - 40, added.table.col - 120).idxmin()]
    assert np.hypot(new.row - 40, new.col - 120) < 4
    assert 0 < new.area_nm2 < 1
    numbers = np.unique(added.labels(0))
    assert numbers.tolist() == list(range(len(added.table) + 1))
    typed = found.with_object(0, 40.0, 120.0, number=1)
    assert (typed.table.type == 1).all()


def test_an_object_beneath_the_threshold_is_added_as_it_was_found(found):
    quiet = found.at(0.3)
    missing = found.table[~found.table.score.isin(quiet.table.score)]
    one = missing.iloc[len(missing) // 2]
    added = quiet.with_object(int(one.scan), one.row + 1, one.col - 1)
    assert len(added.table) == len(quiet.table) + 1
    assert place(found, one.name) in places(added)


def test_two_objects_that_were_found_as_one_become_two():
    shape = (160, 160)
    heights = np.random.default_rng(2).normal(0, 0.003, shape)
    heights += bump(shape, 80, 76, 0.2, 2.5) + bump(shape, 80, 82, 0.2, 2.5)
    found = find_structures(Scan(heights, (PIXEL, PIXEL)), types=1)
    assert len(found.table) == 1
    both = found.with_object(0, 80, 84.5)
    assert len(both.table) == 2
    assert abs(both.table.area_nm2.sum() - found.table.area_nm2.sum()) < 0.3 * found.table.area_nm2.sum()
    assert sorted(both.table.col)[0] < found.table.col[0] < sorted(both.table.col)[1]


def test_an_object_is_added_neither_twice_nor_beside_the_scan(found):
    scan, row, col = place(found, 0)
    with pytest.raises(ValueError, match="already"):
        found.with_object(scan, row, col)
    with pytest.raises(ValueError, match="not on the scan"):
        found.with_object(scan, -50, col)
    with pytest.raises(ValueError, match="no type 99"):
        found.with_object(scan, row, col, number=99)


def test_corrections_of_a_scan_go_with_it(surfaces, found):
    """Scans are opened one after the other, with the same types; one is closed."""
    first = find_structures(surfaces[0].scan, like=found)
    second = find_structures(surfaces[1].scan, like=found)
    row = int(second.table.index[-1])
    second = second.learn({row: -1, 0: 2})
    both = second.after(first)
    assert places(both, 1) == {(1, *rest) for _, *rest in places(second)}
    alone = both.without_scan(0)
    assert places(alone) == places(second)
    assert alone.given == second.given
    assert alone.table.type.tolist() == second.table.type.tolist()


def test_a_picture_of_an_object_has_it_in_its_middle(found):
    row = int(found.table.index[(found.table.peak_nm > 0) & ~found.table.border][0])
    (picture,) = found.cutouts([row], side=26, side_nm=2.6)
    one = found.table.loc[row]
    assert picture.shape == (26, 26)
    own = found.flattened(int(one.scan))[round(one.row), round(one.col)]
    assert abs(picture[12:14, 12:14].mean() - own) < 0.1
    assert found.cutouts([]).shape == (0, 48, 48)
