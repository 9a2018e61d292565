"""Files of measurements: what they hold is what was measured, under names that any disk takes."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.io.label_tiff import read_values
from napari_stmml.measuring.class_details import class_details
from napari_stmml.measuring.measurements import measure
from napari_stmml.measuring.region_tables import file_name, write_measurements
from napari_stmml.scan import Scan
from napari_stmml.text import short_stem

NAMES = {1: "surface", 2: "holes A/B", 3: "bump"}
SIZE = (0.1, 0.1)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def surface():
    """Draw 9 holes of 0.1 nm, one of them cut by the frame, and one bump of 0.2 nm; labels and scan."""
    labels, heights = np.ones((160, 160), np.uint8), np.zeros((160, 160))
    rows, cols = np.indices(labels.shape)
    centres = [*[(r, c) for r in (30, 80, 130) for c in (30, 80, 130)][:8], (80, 1)]
    for row, col in centres:
        inside = np.hypot(rows - row, cols - col) <= 5
        labels[inside], heights[inside] = 2, -0.1
    inside = np.hypot(rows - 130, cols - 130) <= 8
    labels[inside], heights[inside] = 3, 0.2
    scan = Scan(heights, SIZE, "forward/up", bias=-1.7, setpoint=0.05, source="x/s--1_3.Z_mtrx")
    return labels, scan


@pytest.fixture
def found(surface):
    labels, scan = surface
    return measure(labels, scan.heights, SIZE, names=NAMES, background=[1])


@pytest.fixture
def written(surface, found, tmp_path):
    _, scan = surface
    paths = write_measurements(tmp_path / "new", "s", found, scan, model="m.stmml")
    return {path.name: path for path in paths}


def test_there_are_tables_of_all_and_files_of_each_class_that_is_no_background(written):
    assert set(written) == {
        *("s_regions.csv", "s_classes.csv"),
        *("s_profile_holes_A_B.csv", "s_average_holes_A_B.tif", "s_pairs_holes_A_B.csv"),
        *("s_profile_bump.csv", "s_average_bump.tif"),  # one region has no pairs
    }
    assert all(path.is_file() for path in written.values())


def test_the_table_of_regions_holds_every_number_exactly_and_leaves_blank_what_is_not_known(written, found):
    rows = read(written["s_regions.csv"])
    assert len(rows) == 10
    for row, one in zip(rows, found.regions.itertuples(), strict=True):
        assert float(row["area_nm2"]) == one.area
        assert float(row["height_nm"]) == one.height
        assert row["name"] == one.name
        assert row["touches_border"] == ("true" if one.touches_border else "false")
        assert row["confidence"] == ""
    assert [row["nearest_nm"] for row in rows if row["name"] == "bump"] == [""]


def test_every_table_says_what_was_measured_and_no_word_of_it_means_two_things(surface, found, tmp_path):
    _, scan = surface
    for folder in ("a", "b"):  # two days of files with equal names
        (tmp_path / folder).mkdir()
        source = tmp_path / folder / "s--1_3.Z_mtrx"
        source.touch()
        placed = replace(scan, source=str(source), offset=(200.0, -50.0), angle=90.0)
        for path in write_measurements(tmp_path / folder, "s", found, placed, model="m.stmml"):
            for row in read(path) if path.suffix == ".csv" else ():
                assert (row["scan"], row["source"]) == ("1_3 Z forward/up -1.7 V (s)", str(source))
                assert (row["direction"], row["background_classes"]) == ("FU", "surface")
                assert [row[name] for name in ("model", "bias_V", "setpoint_nA")] == [
                    "m.stmml",
                    "-1.7",
                    "0.05",
                ]
                numbers = ("frame_x_nm", "frame_y_nm", "angle_deg", "frame_width_nm", "frame_height_nm")
                assert [float(row[name]) for name in numbers] == [200, -50, 90, 16, 16]
        for row in read(tmp_path / folder / "s_regions.csv"):  # x of the frame is y of the scanner
            assert float(row["scanner_x_nm"]) == pytest.approx(200 - 8 + float(row["y_nm"]))
            assert float(row["scanner_y_nm"]) == pytest.approx(-50 - 8 + float(row["x_nm"]))


def test_a_class_that_a_map_does_not_show_has_a_row_with_the_error_of_counting_none(surface):
    labels, scan = surface
    names = {**NAMES, 4: "row", 7: "step"}
    there = measure(labels, scan.heights, SIZE, names=names, background=[1, 7]).classes.set_index("label")
    assert there.index.tolist() == [1, 2, 3, 4, 7]
    row, frame = there.loc[4], 159 * 159 * 0.01
    assert (row["name"], row["count"], row.density, row.area, row.coverage) == ("row", 0, 0, 0, 0)
    assert row.density_error == pytest.approx(1 / frame)
    assert there.loc[2].density_error == pytest.approx(there.loc[2].density / 3)  # of 9
    assert there.loc[[1, 7]].density_error.tolist() == [0, 0]  # background is not counted
    assert np.isnan(row.height_mean)


def test_the_table_of_classes_says_what_was_scanned_and_how(written):
    rows = {row["name"]: row for row in read(written["s_classes.csv"])}
    assert set(rows) == set(NAMES.values())
    holes = rows["holes A/B"]
    assert (holes["count"], holes["whole"], holes["background"]) == ("9", "8", "false")
    assert float(holes["height_mean_nm"]) == pytest.approx(-0.1)


def test_profile_average_and_pairs_are_of_the_class(written):
    profile = read(written["s_profile_holes_A_B.csv"])
    assert list(profile[0])[:4] == ["radius_nm", "profile_nm", "std_nm", "n"]
    assert float(profile[0]["profile_nm"]) == pytest.approx(-0.1)
    assert float(profile[-1]["profile_nm"]) == pytest.approx(0, abs=1e-9)
    assert {row["n"] for row in profile} == {"8"}  # without the one that is cut
    average = read_values(written["s_average_holes_A_B.tif"])
    middle = average.shape[0] // 2
    assert average[middle, middle] == pytest.approx(-0.1)
    assert average[0, 0] == pytest.approx(0, abs=1e-6)
    pairs = read(written["s_pairs_holes_A_B.csv"])
    assert {row["name"] for row in [*profile, *pairs]} == {"holes A/B"}
    assert list(pairs[0])[:7] == ["from_nm", "to_nm", "observed", "random", "low", "high", "ratio"]
    at_5_nm = next(row for row in pairs if float(row["from_nm"]) <= 5 < float(row["to_nm"]))
    assert int(at_5_nm["observed"]) >= 9
    assert float(at_5_nm["ratio"]) > 1


def test_without_a_scale_lengths_are_in_px(surface, tmp_path):
    labels, scan = surface
    plain = replace(scan, pixel_size=None)
    found = measure(labels, scan.heights, None, names=NAMES, background=[1])
    paths = {path.name: path for path in write_measurements(tmp_path, "s", found, plain)}
    assert list(read(paths["s_profile_bump.csv"])[0])[:4] == ["radius_px", "profile_nm", "std_nm", "n"]
    assert "from_px" in read(paths["s_pairs_holes_A_B.csv"])[0]
    assert read(paths["s_classes.csv"])[0]["frame_width_nm"] == ""
    assert read(paths["s_regions.csv"])[0]["scanner_x_nm"] == ""


def test_a_map_without_regions_has_its_two_tables(surface, tmp_path):
    labels, scan = surface
    found = measure(labels * 0, scan.heights, SIZE, names=NAMES)
    paths = write_measurements(tmp_path, "s", found, scan)
    assert [path.name for path in paths] == ["s_regions.csv", "s_classes.csv"]
    assert read(paths[0]) == []
    assert paths[0].read_text().startswith("label,name,number,")


def test_names_of_classes_are_fit_for_files_and_never_the_same():
    taken = set()
    names = ["a/b", "a:b", "A b", "", "../..", "reihe über", "x" * 300, "ß" * 300]
    made = [file_name(name, taken) for name in names]
    assert made[:6] == ["a_b", "a_b_2", "A_b_3", "class", "class_2", "reihe_über"]
    assert len({name.lower() for name in made}) == len(made)
    assert all(len(name.encode()) <= 60 for name in made)


# ---- a closer look at each class


def test_details_are_of_structures_the_most_frequent_first(found):
    holes, bump = class_details(found)
    assert (holes.name, holes.count, holes.averaged) == ("holes A/B", 9, 8)
    assert (bump.name, bump.count, bump.averaged, bump.pairs) == ("bump", 1, 1, None)
    assert np.nanmax(bump.average) == pytest.approx(0.2)


def test_averages_reach_as_far_as_asked_or_well_beyond_the_region(found):
    (holes, _), (far, _) = (class_details(found, radius=one) for one in (None, 3.0))
    assert 1.2 < holes.profile.radius.iloc[-1] < 2.0  # of a diameter of 1.1 nm
    assert far.profile.radius.iloc[-1] == pytest.approx(2.95, abs=0.001)
    assert far.average.shape == (61, 61)


@pytest.mark.parametrize("ratio", [1, 1.3, 300])
@pytest.mark.parametrize("shape", [(1, 1), (1, 64), (3, 2), (8, 64), (64, 64)])
def test_regions_of_any_size_are_measured_at_any_pixel_size(shape, ratio):
    rows, cols = np.indices(shape)
    away = np.hypot(rows - shape[0] / 2, cols - shape[1] / 2)
    for radius in (1, 2, 5.9, 11.5, 100):
        for pixel in (0.001, 1 / 7, 33.0):
            labels, size = (away <= radius).astype(np.uint8), (pixel, pixel * ratio)
            found = measure(labels, np.zeros(shape), size, names=NAMES)
            (one,) = class_details(found)
            assert min(one.average.shape) >= 3
            assert one.profile.n.max() <= 1
            assert found.regions.area.sum() == pytest.approx(labels.sum() * size[0] * size[1])


def test_random_places_have_room_also_where_regions_cover_nearly_all():
    labels = np.ones((120, 120), np.uint8)
    labels[2::5], labels[:, 2::5] = 0, 0  # a tile of 4 px every 5
    found = measure(labels, np.zeros(labels.shape), SIZE, names=NAMES)
    (tiles,) = class_details(found)
    assert tiles.count > 500
    assert (tiles.pairs.random[2:] > 0).all()


def test_names_of_any_length_leave_room_for_those_of_the_files(surface, tmp_path):
    labels, scan = surface
    names = {1: "surface", 2: f"{'c' * 300} A", 3: f"{'c' * 300} B"}
    found = measure(labels, scan.heights, SIZE, names=names, background=[1])
    stem = short_stem("s" * 300 + "--1_3_FU")
    paths = write_measurements(tmp_path, stem, found, scan)
    assert len({path.name for path in paths}) == len(paths) == 7
    assert all(path.is_file() and path.name.startswith(stem) for path in paths)
