from dataclasses import replace

import numpy as np
import pytest

from benchmarks.structures.metrics import macro_f1, match
from benchmarks.structures.surfaces import EASY, make
from napari_stmml import Scan, Structures, find_structures
from napari_stmml.structures.tables import COLUMNS

SMALL = replace(EASY, size_nm=30.0, pixel_nm=0.1)


def noisy(shape=(200, 200), seed=0, sigma=0.005):
    return np.random.default_rng(seed).normal(0, sigma, shape)


def bump(shape, row, col, width_px, height):
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    return height * np.exp(-0.5 * ((rows - row) ** 2 + (cols - col) ** 2) / width_px**2)


@pytest.fixture(scope="module")
def rows():
    """Two scans of rows of dimers with six types of object, found together."""
    surfaces = [make("rows", seed, settings=SMALL) for seed in (20, 21)]
    return surfaces, find_structures([one.scan for one in surfaces])


def test_objects_are_found_where_they_are_and_sorted_into_their_types(rows):
    surfaces, found = rows
    for number, surface in enumerate(surfaces):
        own = found.table[found.table.scan == number]
        matched = match(own[["row", "col"]].to_numpy(), surface.objects, 0.1)
        assert matched.f1 >= 0.97
        assert macro_f1(own.type.to_numpy(), surface.objects.type.to_numpy(), matched) >= 0.9
    assert abs(len(found.names) - 6) <= 1


def test_the_table_has_a_row_for_each_object_in_px_and_nm(rows):
    _, found = rows
    assert list(found.table) == list(COLUMNS)
    assert np.allclose(found.table.y_nm, (found.table.row + 0.5) * 0.1)
    assert np.allclose(found.table.x_nm, (found.table.col + 0.5) * 0.1)
    assert (found.table.area_nm2 > 0).all()
    assert set(np.sign(found.table.peak_nm)) == {-1, 1}


def test_the_same_scans_and_seed_give_the_same(rows):
    surfaces, found = rows
    again = find_structures([one.scan for one in surfaces])
    assert again.table.equals(found.table)
    assert again.names == found.names


def test_labels_outline_each_object_on_the_pixels_of_its_scan(rows):
    surfaces, found = rows
    labels = found.labels(1)
    own = found.table[found.table.scan == 1]
    assert labels.shape == surfaces[1].scan.heights.shape
    areas = np.bincount(labels.ravel(), minlength=len(own) + 1)[1:] * 0.1**2
    assert np.allclose(areas, own.area_nm2)
    assert np.array_equal(found.labels(1, "type") > 0, np.isin(labels, np.flatnonzero(own.type > 0) + 1))


def test_a_type_that_a_scan_does_not_show_counts_0_with_its_error(rows):
    _, found = rows
    bare = Scan(noisy(), (0.1, 0.1))
    both = find_structures([bare], like=found, false_per_1000_nm2=0.01)
    assert (both.densities.n == 0).all()
    assert list(both.densities.type_name) == ["unlike any other", *found.names]
    assert np.allclose(both.densities.error_per_nm2, 1 / 400)


def test_counts_add_up(rows):
    _, found = rows
    assert found.densities.n.sum() == len(found.table)
    assert [one.count for one in found.types] == [
        (found.table.type == n).sum() for n in range(1, len(found.names) + 1)
    ]


@pytest.mark.parametrize("pixel", [0.02, 0.06, 0.15, 0.3])
@pytest.mark.parametrize("sign", [1, -1])
def test_lone_objects_are_found_at_every_pixel_size_with_their_height(pixel, sign):
    shape = (round(20 / pixel), round(20 / pixel))
    heights = noisy(shape, sigma=0.004)
    places = [(6.0, 7.0), (17.0, 5.0), (12.0, 16.0)]
    for y, x in places:
        heights += bump(shape, y / pixel - 0.5, x / pixel - 0.5, 0.3 / pixel, sign * 0.15)
    table = find_structures(Scan(heights, (pixel, pixel)), types=1).table
    assert len(table) == 3
    for y, x in places:
        assert np.hypot(table.y_nm - y, table.x_nm - x).min() < 0.1
    assert np.allclose(table.peak_nm, sign * 0.15, rtol=0.25)


def test_a_surface_without_objects_gives_as_few_finds_as_were_asked_for():
    scans = [Scan(noisy((400, 400), seed), (0.1, 0.1)) for seed in range(2)]  # 3200 nm2
    few, many = (len(find_structures(scans, types=1, false_per_1000_nm2=rate).table) for rate in (1.0, 30.0))
    assert few <= 10  # 3 are expected
    assert 25 <= many <= 200  # 96 are expected


def test_tilt_offsets_of_lines_and_a_step_are_no_objects():
    rows, cols = np.indices((300, 300))
    heights = noisy((300, 300), sigma=0.004) + 0.01 * rows + 0.02 * cols + 0.3 * (cols + 0.4 * rows > 200)
    heights += np.random.default_rng(1).normal(0, 0.05, (300, 1))
    heights[150, 40:160] += 0.4
    found = find_structures(Scan(heights, (0.1, 0.1)), types=1)
    assert len(found.table) <= 1
    assert 0.01 < found.at_steps(0).mean() < 0.1
    assert found.densities.steps_nm2[0] == pytest.approx(found.at_steps(0).sum() * 0.01)


def test_a_disordered_half_is_one_area_and_its_grains_are_objects_only_if_asked_for():
    heights = noisy((300, 300), sigma=0.003)
    rng = np.random.default_rng(3)
    for row, col in np.argwhere(np.ones((30, 14))) * 10 + rng.uniform(-3, 3, (420, 2)):
        heights += bump((300, 300), row + 5, col + 5, 3, rng.uniform(0.08, 0.2))
    heights += bump((300, 300), 150, 220, 3, 0.15)
    scan = Scan(heights, (0.1, 0.1))
    found = find_structures(scan, types=1)
    assert np.hypot(found.table.row - 150, found.table.col - 220).min() < 1
    assert len(found.table) <= 4  # of 420 grains three at most, in a corner
    assert found.disordered(0)[:, 20:120].mean() > 0.9
    assert found.disordered(0)[:, 190:].mean() == 0
    assert found.densities.disordered_nm2[0] == pytest.approx(found.disordered(0).sum() * 0.01)
    assert len(find_structures(scan, types=1, with_disordered=True).table) > 20


def test_turned_objects_are_one_type_and_mirror_images_two_only_if_asked_for():
    surface = make("metal", 30, settings=replace(SMALL, size_nm=36.0))
    of_propellers = np.isin(surface.objects.type, (2, 3))
    for apart, kinds in ((False, 1), (True, 2)):
        found = find_structures(surface.scan, mirror_apart=apart)
        matched = match(found.table[["row", "col"]].to_numpy(), surface.objects, 0.1)
        types = found.table.type.to_numpy()[matched.found[of_propellers[matched.true]]]
        assert len({kind for kind in types if (types == kind).sum() > 2}) == kinds


def test_the_mean_of_a_type_has_less_noise_than_its_objects(rows):
    _, found = rows
    for one in found.types:
        edge = one.mean.spread[3:-3, 3:-3]
        assert one.mean.heights.shape == one.mean.spread.shape
        assert np.isfinite(one.mean.heights).all()
        assert np.nanmedian(edge) < 0.05
    assert found.types[0].mean.pixel_nm == pytest.approx(0.05)


def test_types_are_known_again_from_a_file_beside_a_model_of_pixels(rows, tmp_path, tiny_classifier):
    from napari_stmml import SurfaceClassifier

    surfaces, found = rows
    path = tiny_classifier.save(tmp_path / "m.stmml")
    found.renamed(1, "dangling bond").save(path)
    known = Structures.load(path)
    assert known.names[0] == "dangling bond"
    again = find_structures([one.scan for one in surfaces], like=path)
    same = again.table.type.to_numpy() == found.table.type.to_numpy()
    assert same.mean() > 0.97
    assert SurfaceClassifier.load(path).class_names == tiny_classifier.class_names
    tiny_classifier.save(path)
    assert Structures.load(path).names == known.names


@pytest.mark.parametrize(
    ("scan", "sentence"),
    [
        (Scan(noisy(), None), "no pixel size is known"),
        (Scan(noisy((10, 200)), (0.1, 0.1)), "too few to find structures"),
    ],
)
def test_a_scan_that_cannot_be_used_is_refused_in_a_sentence(scan, sentence):
    with pytest.raises(ValueError, match=sentence):
        find_structures(scan)


@pytest.mark.parametrize("heights", [np.zeros((64, 64)), np.full((64, 64), np.nan)])
def test_a_scan_without_heights_has_no_objects(heights):
    assert find_structures(Scan(heights, (0.1, 0.1))).table.empty


def test_a_damaged_file_of_types_is_one_sentence(rows, tmp_path):
    path = rows[1].save(tmp_path / "t.stmml")
    whole = path.read_bytes()
    for damaged in (b"", whole[:-50], whole[:200] + b"x" * 50 + whole[250:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"t\.stmml"):
            Structures.load(path)
