import csv

import numpy as np
import pytest

from napari_stmml import Scan, find_structures
from napari_stmml.measuring.pair_distances import random_places
from napari_stmml.measuring.structure_distances import count_pairs, distance_tables
from napari_stmml.measuring.structure_tables import write_structures

BUMPS, PITS = [(3, 4), (3, 15), (9, 9), (16, 3)], [(16, 16), (10, 17), (9.5, 2.5)]


def surface(bumps=BUMPS, pits=PITS, seed=0, side=20.0):
    rows, cols = np.indices((round(side * 8),) * 2) / 8
    heights = np.random.default_rng(seed).normal(0, 0.004, rows.shape)
    for sign, places in ((1, bumps), (-1, pits)):
        for y, x in places:
            heights += sign * 0.15 * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 0.18)
    return Scan(heights, (0.125, 0.125), "forward/up", source="a--1_1.Z_mtrx")


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Write the tables of two scans of the same places."""
    found = find_structures([surface(), surface(seed=1)])
    paths = write_structures(tmp_path_factory.mktemp("tables"), found)
    return {path.stem: read(path) for path in paths}


def test_nearest_neighbours_are_those_that_were_drawn(tables):
    drawn = {1: np.array(BUMPS), 2: np.array(PITS)}
    for row in tables["neighbours"]:
        here, there = drawn[int(row["type"])], drawn[int(row["to_type"])]
        apart = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
        apart[apart == 0] = np.inf
        nearest = apart.min(1)
        assert int(row["n"]) == 2 * len(here)  # on two scans
        assert float(row["nearest_nm"]) == pytest.approx(nearest.mean(), abs=0.05)
        assert float(row["nearest_std_nm"]) == pytest.approx(nearest.std(), abs=0.05)
        assert float(row["nearest_random_nm"]) == pytest.approx(0.5 * (400 / len(there)) ** 0.5)
    assert [(row["type"], row["to_type"]) for row in tables["neighbours"]] == [
        (one, other) for one in "12" for other in "12"
    ]
    of_bumps = [float(row["nearest_nm"]) for row in tables["objects"] if row["type"] == "1"]
    assert np.mean(of_bumps) == pytest.approx(float(tables["neighbours"][0]["nearest_nm"]))


def test_every_pair_is_counted_once_at_its_distance(tables):
    between = [row for row in tables["distances"] if (row["type"], row["to_type"]) == ("1", "2")]
    drawn = np.hypot(*(np.array(BUMPS)[:, None] - np.array(PITS)[None]).transpose(2, 0, 1)).ravel()
    assert sum(int(row["observed"]) for row in between) == 2 * (drawn < 10).sum()
    for row in between:
        near = (drawn > float(row["from_nm"]) - 0.05) & (drawn < float(row["to_nm"]) + 0.05)
        assert int(row["observed"]) <= 2 * near.sum()
    own = [row for row in tables["distances"] if (row["type"], row["to_type"]) == ("1", "1")]
    assert sum(int(row["observed"]) for row in own) <= 2 * 6
    assert not [row for row in tables["distances"] if row["type"] > row["to_type"]]


def ratio_of(places):
    found = find_structures(surface(places, [], side=36.0), types=1)
    assert len(found.table) == pytest.approx(len(places), abs=3)
    return distance_tables(count_pairs(found, 0), {1: "adatom"})[1]


def test_pairs_that_were_drawn_stand_out_and_scattered_objects_have_no_order():
    rng = np.random.default_rng(5)
    middles = np.argwhere(np.ones((5, 5))) * 7 + 4 + rng.uniform(-1, 1, (25, 2))
    turns = rng.uniform(0, 2 * np.pi, 25)
    apart = 1.25 * np.column_stack([np.sin(turns), np.cos(turns)])
    rows = ratio_of([*(middles + apart), *(middles - apart)])
    (near, farther) = ([row["ratio"] for row in rows if start <= row["from_nm"] < start + 0.5]
                       for start in (2.25, 6.0))  # fmt: skip
    assert sum(near) / 2 > 3 > 2 > sum(farther) / 2  # 25 pairs where 7.4 are by chance
    there = np.argwhere(np.ones((36, 36), bool))
    scattered = random_places(60, there, np.ones(2), 2.0, rng)
    rows = [row for row in ratio_of(scattered) if row["from_nm"] > 3]
    assert sum(row["observed"] for row in rows) == pytest.approx(sum(row["random"] for row in rows), rel=0.15)


def test_types_sum_up_the_scans_and_a_table_without_objects_has_its_columns(tables, tmp_path):
    assert [(row["type_name"], row["n"]) for row in tables["types"]] == [("type 1", "8"), ("type 2", "6")]
    assert float(tables["types"][0]["density_per_nm2"]) == pytest.approx(8 / 800)
    bare = find_structures(Scan(np.zeros((64, 64)), (0.1, 0.1)))
    for path in write_structures(tmp_path, bare):
        assert path.read_text("utf-8").startswith(("type,", "row,"))
