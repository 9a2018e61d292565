"""One table for a series: 0 where a class is absent, one background, honest counts, one meaning of height."""

from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.io.label_tiff import LabelMap, read_labels
from napari_stmml.io.tables import read_table
from napari_stmml.measuring.backgrounds import areas_of, background_labels, series_backgrounds
from napari_stmml.measuring.cautions import cautions, class_sentence
from napari_stmml.measuring.map_search import maps_at
from napari_stmml.measuring.measurements import measure_scan
from napari_stmml.measuring.region_tables import write_measurements
from napari_stmml.measuring.regions import number_regions
from napari_stmml.measuring.series import scan_summary, series_sentences, summary_rows, write_summary
from napari_stmml.measuring.structure_tables import write_structures
from napari_stmml.scan import Scan
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.structures.structures import find_structures

NAMES = {1: "surface", 2: "hole", 3: "atom"}
PIXEL = (0.1, 0.2)  # nm


def discs(*places, size=80, radius=3):
    labels = np.ones((size, size), np.uint8)
    rows, cols = np.indices(labels.shape)
    for row, col, label in places:
        labels[np.hypot(rows - row, cols - col) <= radius] = label
    return labels


def measured(labels, name="a", **more):
    heights = np.array([0, 0, -0.1, 0.15])[labels]
    scan = Scan(heights, PIXEL, "forward/up", bias=-1.5, setpoint=0.05, source=f"{name}--1_1.Z_mtrx")
    found = measure_scan(labels, scan, **{"names": NAMES, "background": [1], **more})
    return found, scan


def summary(labels, name="a", model="m.stmml", **more):
    found, scan = measured(labels, name, **more)
    return scan_summary(found, scan, model)


ROW = [(20 * i + 12, 20 * j + 12, 2) for i in range(3) for j in range(3)]  # nine holes


def test_every_class_has_a_row_on_every_scan_and_0_where_it_is_absent():
    with_atom, without = discs(*ROW, (70, 70, 3)), discs(*ROW)
    rows = summary_rows([summary(with_atom), summary(without, "b", names={1: "surface", 2: "hole"})])
    assert [(row["scan"][:1], row["name"], row["n"]) for row in rows if not row["background"]] == [
        ("1", "hole", 9),
        ("1", "atom", 1),
        ("1", "hole", 9),
        ("1", "atom", 0),
    ]
    none = rows[-1]
    assert none["density_per_nm2"] == none["coverage"] == none["count"] == none["touching"] == 0
    assert none["density_error_per_nm2"] == pytest.approx(1 / none["n_area_nm2"])
    assert none["height_mean_nm"] is None
    assert none["bias_V"] == -1.5


def test_a_class_that_is_background_elsewhere_is_background_where_a_map_does_not_know_it():
    both = summary(discs(*ROW, (70, 70, 3)), background=[1, 3])
    rows = summary_rows([both, summary(discs(*ROW), "b", names={1: "surface", 2: "hole"})])
    absent = rows[-1]
    assert (absent["name"], absent["background"], absent["density_error_per_nm2"]) == ("atom", True, 0)


def test_density_and_its_error_are_n_and_its_root_over_the_area_that_n_is_counted_on():
    for row in summary_rows([summary(discs(*ROW))]):
        assert row["n_area_nm2"] == pytest.approx(79 * 79 * PIXEL[0] * PIXEL[1])
        assert row["density_per_nm2"] == pytest.approx(row["n"] / row["n_area_nm2"])
        if not row["background"]:
            assert row["density_error_per_nm2"] == pytest.approx(max(row["n"], 1) ** 0.5 / row["n_area_nm2"])


def test_regions_at_the_bottom_and_right_edge_are_not_in_n_and_those_at_the_top_and_left_are():
    found, _ = measured(discs((0, 40, 2), (79, 40, 2), (40, 0, 2), (40, 79, 2)))
    hole = found.classes[found.classes.name == "hole"].iloc[0]
    assert (hole["count"], hole.n, hole.whole) == (4, 2, 0)
    assert "regions that the bottom or right edge cuts are not counted" in cautions(found)[0]


def test_what_is_not_known_of_a_class_is_not_said():
    *_, atom = measured(discs((40, 40, 3)))[0].classes.itertuples()
    assert class_sentence(atom, "nm").endswith("height 0.15 nm")  # of one region there is no spread
    assert class_sentence(atom._replace(height_mean=float("nan")), "nm").endswith("% of the area")


def test_two_objects_that_touch_are_said_not_to_be_split():
    pair = discs(*ROW, (72, 30, 2), (72, 36, 2), (72, 33, 2))  # three discs in a row are one region
    found, _ = measured(pair)
    hole = found.classes[found.classes.name == "hole"].iloc[0]
    assert (hole["count"], hole.touching) == (10, 1)
    assert found.regions.area_ratio.max() > 2
    assert any("1 region of hole, larger than 1.6 medians, may be several" in one for one in cautions(found))


def test_whether_objects_touch_is_judged_by_the_median_over_the_whole_series():
    few, many = discs((20, 30, 2), (20, 36, 2), (20, 33, 2)), discs(*ROW)
    alone = measured(few)[0].classes
    assert alone.touching[alone.name == "hole"].item() is None  # of one region, nobody knows
    rows = [row for row in summary_rows([summary(few), summary(many, "b")]) if row["name"] == "hole"]
    assert [row["touching"] for row in rows] == [1, 0]


def test_objects_that_a_map_tells_apart_are_not_said_to_touch(tmp_path):
    labels = discs(*ROW)
    labels[70:76, 10:60] = 2  # long, and one object all the same
    objects = number_regions(np.where(labels == 2, 2, 0))[0]
    found, scan = measured(labels, objects=objects, background=[])
    assert not any("may be several" in one for one in cautions(found))
    rows = summary_rows([scan_summary(found, scan, "m"), summary(discs(*ROW), model="m")])
    assert [row["touching"] for row in rows if row["name"] == "hole"] == [0, 0]


def test_objects_in_two_parts_are_said_and_single_ones_near_by_chance_are_not():
    lobes = [(row + side, col, 2) for row, col, _ in ROW for side in (-3, 3)]
    found, _ = measured(discs(*lobes, radius=2))
    hole = found.classes[found.classes.name == "hole"].iloc[0]
    assert (hole["count"], hole.paired) == (18, 18)
    said = "18 of 18 regions of hole are nearer to another than two diameters: perhaps parts of one object"
    assert said in cautions(found)
    assert said in series_sentences(summary_rows([summary(discs(*lobes, radius=2))]))
    rng = np.random.default_rng(0)
    by_chance = measured(discs(*((*at, 2) for at in rng.integers(0, 300, (150, 2))), size=300, radius=2))[0]
    assert not any("perhaps parts" in one for one in cautions(by_chance))


@pytest.mark.parametrize("surface", [1, 0])
def test_a_class_inside_another_is_named_in_every_table(tmp_path, surface):
    labels = discs(*ROW, radius=5)
    for row, col, _ in ROW:
        labels[row - 1 : row + 2, col - 1 : col + 2] = 3
    labels[labels == 1] = surface
    background = [surface] if surface else []
    found, scan = measured(
        labels, background=background, names={2: "rim", 3: "core"} | dict.fromkeys(background, "s")
    )
    files = write_measurements(tmp_path, "a", found, scan, details=())
    path = write_summary(tmp_path / "summary.csv", [scan_summary(found, scan, "")])
    for table in (files[1], path):
        assert {row["name"]: row["inside"] for row in read_table(table)}["core"] == "rim"
    sentence = "most pieces of core lie inside pieces of rim: if both are one kind of object"
    assert any(sentence in one for one in cautions(found))
    assert any(sentence in one for one in series_sentences(summary_rows([scan_summary(found, scan, "")])))


def test_the_sums_over_a_series_are_of_each_direction():
    one = summary(discs(*ROW))
    back = replace(one, about={**one.about, "direction": "BU"})
    said = series_sentences(summary_rows([one, back, replace(one, classes=one.classes)]))
    area = 2 * 79 * 79 * PIXEL[0] * PIXEL[1]
    assert said[0].startswith(f"hole: n = 18, {18 / area:.3f} ± {18**0.5 / area:.3f} per nm² on 2 scans FU")
    assert "atom: n = 0" in said[1]
    assert said[1].endswith("on 2 scans FU, none on 2")
    assert said[2].endswith("on 1 scan BU")


def test_classes_of_two_models_are_told_apart_and_a_ring_on_one_scan_of_many_is_not_said():
    one = summary(discs(*ROW))
    said = series_sentences(summary_rows([one, summary(discs(*ROW, (70, 70, 3)), model="n.stmml")]))
    assert [line.split(":")[0] for line in said[:4]] == [
        *("hole of m.stmml", "atom of m.stmml", "hole of n.stmml", "atom of n.stmml")
    ]
    rows = tuple({**row, "inside": "atom" if row["name"] == "hole" else ""} for row in one.classes)
    within = replace(one, classes=rows)
    for some, is_said in (([within], True), ([within, one, one], False)):
        assert any("lie inside" in line for line in series_sentences(summary_rows(some))) is is_said


def test_the_background_of_a_series_is_what_is_marked_or_the_largest_on_all_maps():
    mostly_holes = np.where(discs() == 1, 2, 0).astype(np.uint8)
    maps = [LabelMap(discs(*ROW), names=NAMES, scan={"model": "m"}) for _ in range(2)]
    maps.append(LabelMap(mostly_holes, names=NAMES, scan={"model": "m"}))
    chosen = series_backgrounds(map(areas_of, maps))
    assert chosen == {"m": ("surface",)}
    assert background_labels(maps[-1], chosen, NAMES) == [1]
    marked = LabelMap(discs(*ROW), names=NAMES, scan={"model": "m", "background": [3]})
    assert series_backgrounds(map(areas_of, [*maps, marked])) == {"m": ("atom",)}


def test_a_map_of_another_program_without_any_object_is_a_map_with_none(tmp_path):
    import tifffile

    for name, labels in (("some", discs(*ROW)), ("none", discs())):
        tifffile.imwrite(tmp_path / f"{name}.tif", labels - 1)
    maps = [read_labels(tmp_path / f"{name}.tif") for name in ("some", "none")]
    chosen = series_backgrounds(map(areas_of, maps))
    assert chosen == {"": ()}
    assert [background_labels(one, chosen, {1: "class 1"}) for one in maps] == [[], []]


def test_a_folder_is_searched_for_maps_and_that_of_a_job_for_its_predictions(tmp_path):
    import tifffile

    own = LabelMap(discs(), names=NAMES)
    own.write(tmp_path / "job/predictions/a_FU_labels.tif")
    own.write(tmp_path / "job/predictions/a_FU_labels_edited.tif")
    own.write(tmp_path / "job/older/1/predictions/a_FU_labels.tif")
    own.write(tmp_path / "job/structures/a_structures.stmml.tif")
    tifffile.imwrite(tmp_path / "job/predictions/mask.tif", discs())
    tifffile.imwrite(tmp_path / "job/predictions/a_confidence.tif", discs().astype(np.float32))
    below = tmp_path / "job/predictions"
    assert [one.name for one in maps_at(below, False)] == ["a_FU_labels.tif"]
    assert [one.name for one in maps_at(below, True)] == ["a_FU_labels.tif", "mask.tif"]
    assert len(maps_at(tmp_path / "job", False)) == 2
    (tmp_path / "job/job_as_run.toml").write_text("")
    assert maps_at(tmp_path / "job", False) == [below / "a_FU_labels.tif"]
    (below / "a_FU_labels.tif").unlink()
    assert [one.name for one in maps_at(tmp_path / "job", False)] == ["a_structures.stmml.tif"]
    with pytest.raises(ValueError, match=r"holds no label map; 2 TIFFs are none of ours: --scan names"):
        maps_at(below, False)


def test_height_nm_is_the_apparent_height_of_a_region_in_every_table_that_has_it(tmp_path):
    found, scan = measured(discs(*ROW))
    write_measurements(tmp_path, "a", found, scan)
    write_summary(tmp_path / "summary.csv", [scan_summary(found, scan, "m")])
    surface = simulate_si001((120, 120), 12.0, seed=1)
    write_structures(
        tmp_path / "structures", find_structures(Scan(surface.heights, surface.pixel_size), seed=0)
    )
    heights = {}
    for path in tmp_path.rglob("*.csv"):
        with path.open(encoding="utf-8") as file:
            named = [
                name
                for name in file.readline().strip().split(",")
                if "height" in name and "frame" not in name
            ]
        heights[path.name] = named
    own = {name: columns for name, columns in heights.items() if columns}
    of_means = ["height_mean_nm", "height_std_nm"]
    assert own == {"a_regions.csv": ["height_nm"], "a_classes.csv": of_means, "summary.csv": of_means}
    assert {"a_profile_hole.csv", "objects.csv"} <= set(heights)
