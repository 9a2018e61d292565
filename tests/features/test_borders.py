"""Outlines are finer than cells, and the same wherever a map is made."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.foreign.surfaces import foreign_surface
from benchmarks.structures.surfaces import EASY
from napari_stmml import train_classifier
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.features.borders import borders_of, paint_cells
from napari_stmml.features.objects import objects_on_cells
from napari_stmml.features.store import FeatureStore, encode_scan
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.model.cell_file import CellFile, write_cells
from napari_stmml.recipe import get_recipe
from napari_stmml.scan_key import ScanKey

PIXEL = 0.08
GRID = WindowGrid(2, 2)


@pytest.fixture(scope="module")
def surface():
    return foreign_surface("metal", 5, settings=replace(EASY, size_nm=26.0, pixel_nm=PIXEL))


@pytest.fixture(scope="module")
def model(surface):
    return train_classifier(
        [surface.scan], recipe=get_recipe("objects", num_clusters=0, pixel_density=1 / PIXEL)
    )


def cells_of(of_pixel):
    """Give each cell what most of its pixels belong to."""
    share = of_pixel.reshape(of_pixel.shape[0] // 2, 2, -1, 2).mean((1, 3)) / of_pixel.max()
    return np.where(share >= 0.5, of_pixel.max(), 0)


def test_painted_cells_have_the_outline_of_the_pixels_but_where_no_cell_is_near():
    down, right = np.mgrid[:40, :60]
    disc = 7 * ((down - 17.3) ** 2 + (right - 30.8) ** 2 < 11**2)
    cells = cells_of(disc)
    assert (GRID.paint(cells, disc.shape) != disc).sum() > 20
    borders = borders_of(disc, cells, 2)
    assert np.array_equal(paint_cells(cells, GRID, disc.shape, borders), disc)
    single = np.zeros_like(disc)
    single[5, 5] = 7  # too small for a cell
    assert not borders_of(single, np.zeros_like(cells), 2).any()


def test_cells_of_another_object_lend_no_label():
    of_pixel = np.zeros((2, 8), int)
    of_pixel[:, :3], of_pixel[:, 3:] = 5, 6
    borders = borders_of(of_pixel, np.array([[5, 6, 6, 6]]), 2)
    assert paint_cells(np.array([[1, 2, 3, 4]]), GRID, (2, 8), borders)[0].tolist() == [
        1,
        1,
        1,
        2,
        3,
        3,
        4,
        4,
    ]


@pytest.mark.parametrize("shape", [(41, 60), (40, 61), (41, 61)])
def test_maps_of_an_odd_number_of_pixels_have_borders_to_the_edge(shape):
    of_pixel = np.zeros(shape, int)
    of_pixel[5:, 7:] = 3
    cells = of_pixel[::2, ::2]
    painted = paint_cells(cells, GRID, shape, borders_of(of_pixel, cells, 2))
    assert np.array_equal(painted[:-1, :-1], of_pixel[:-1, :-1])


def test_a_map_follows_the_surface_more_closely_than_its_cells(surface, model):
    encoded = encode_scan(surface.scan, model.recipe, model.encoder)
    labels, _, _ = model.label(encoded)
    truth = surface.labels > 0
    cells, found = (
        paint_cells(labels, GRID, encoded.shape, borders) != 1 for borders in (None, encoded.borders)
    )
    assert (found & truth).sum() / (found | truth).sum() > (cells & truth).sum() / (
        cells | truth
    ).sum() + 0.05
    assert np.array_equal(model.predict(surface.scan) != 1, found)


def test_borders_are_kept_with_features(surface, model, tmp_path):
    store = FeatureStore(tmp_path)
    first = model.predict(surface.scan, store=store)
    made = encode_scan(surface.scan, model.recipe, model.encoder, store)
    assert np.array_equal(model.predict(surface.scan, store=store), first)
    assert np.array_equal(model.predict(surface.scan), first)
    assert made.borders is not None
    assert made.borders.any()
    for kept in (store, None):
        file = write_cells(model, surface.scan, tmp_path / f"{kept is None}.npy", store=kept)
        assert np.array_equal(file.borders(), made.borders)


def test_correct_shows_the_same_map(surface, model, tmp_path):
    file = write_cells(model, surface.scan, tmp_path / "c.npy")
    blank = np.zeros(surface.scan.heights.shape, np.uint8)
    one = CorrectedScan(
        surface.scan, ScanKey.of_scan(surface.scan), "a scan", blank, model.encoder.grid, file
    )
    assert np.array_equal(one.labels_of(model)[3], model.predict(surface.scan))


def test_without_borders_in_the_store_features_are_made_again(surface, model, tmp_path):
    store = FeatureStore(tmp_path)
    first = model.predict(surface.scan, store=store)
    (about,) = tmp_path.glob("*.npz")
    with np.load(about) as known:
        np.savez(about, **{name: known[name] for name in known if "border" not in name})
    assert np.array_equal(model.predict(surface.scan, store=store), first)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"border_pixels": np.array([one])} for one in (-1, 10**9, 2.5, "a")),
        *({"border_cells": np.array([one])} for one in (0, 9, -1, 1.5)),
        {"border_pixels": np.zeros((1, 1), int)},
        {"border_pixels": np.array([1, 2])},
    ],
)
def test_damaged_borders_are_none(tmp_path, wrong):
    file = CellFile(str(tmp_path / "c.npy"), "features", (4, 4))
    good = {"border_pixels": np.array([3]), "border_cells": np.array([1])}
    np.savez(tmp_path / "c.npz", **good)
    assert file.borders().ravel().tolist() == [0, 0, 0, 1, *[0] * 12]
    np.savez(tmp_path / "c.npz", **(good | wrong))
    assert file.borders() is None
    (tmp_path / "c.npz").write_bytes(b"no zip")
    assert file.borders() is None


def test_recipes_without_objects_have_no_borders(surface):
    instant = train_classifier([surface.scan], recipe=get_recipe("instant", num_clusters=4))
    assert encode_scan(surface.scan, instant.recipe, instant.encoder).borders is None


def test_pieces_of_a_large_map_have_the_borders_of_the_whole(surface):
    whole, parts = (objects_on_cells(surface.scan.heights, PIXEL, 2, piece) for piece in (2048, 128))
    assert (whole.borders != parts.borders).mean() < 0.01
