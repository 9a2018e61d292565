import csv
import json

import numpy as np
import pytest

from napari_stmml import Structures
from napari_stmml.cli import main
from napari_stmml.io.matrix.writer import Frame, write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Two scans of 20 nm with four bumps and three pits each, and a truncated one."""
    folder = tmp_path_factory.mktemp("session")
    rows, cols = np.indices((160, 160)) / 8
    frames = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        heights = rng.normal(0, 0.004, rows.shape)
        for number, (y, x) in enumerate([(3, 4), (3, 15), (9, 9), (16, 3), (16, 16), (10, 17), (9.5, 2.5)]):
            sign = 1 if number < 4 else -1
            heights += sign * 0.15 * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 0.18)
        frames.append(Frame({"forward/up": heights, "backward/up": heights}, width_nm=20.0, height_nm=20.0))
    files = write_session(folder, frames, session="s")
    files[2].write_bytes(files[2].read_bytes()[:40])
    return folder


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_objects_types_and_densities_of_all_scans_are_written(session, tmp_path, capsys):
    assert (
        main(["structures", str(session), "--out", str(tmp_path), "--save", str(tmp_path / "t.stmml")]) == 0
    )
    said = capsys.readouterr()
    assert "14 objects of 2 types on 2 scans" in said.out
    assert said.err.startswith("skipped: Cut short: the header of s--1_3.Z_mtrx")
    objects, types, densities = (
        table(tmp_path / f"{name}.csv") for name in ("objects", "types", "densities")
    )
    assert len(objects) == 14
    assert {row["direction"] for row in objects} == {"FU"}
    assert {row["source"] for row in objects} == {str(session / f"s--1_{n}.Z_mtrx") for n in (1, 2)}
    assert sorted(int(row["n"]) for row in types) == [6, 8]
    assert [(row["type"], row["n"]) for row in densities] == [("0", "0"), ("1", "4"), ("2", "3")] * 2
    assert all(float(row["density_per_nm2"]) == int(row["n"]) / 400 for row in densities)
    assert {float(row["scanner_x_nm"]) for row in objects} != {float(row["x_nm"]) for row in objects}
    for number in (1, 2):
        assert (tmp_path / f"s--1_{number}_FU_structures.png").stat().st_size > 10_000


def test_known_types_are_found_again_on_other_scans(session, tmp_path, capsys):
    first, second = (str(session / f"s--1_{n}.Z_mtrx") for n in (1, 2))
    model = tmp_path / "t.stmml"
    assert main(["structures", first, "--out", str(tmp_path / "a"), "--save", str(model)]) == 0
    Structures.load(model).renamed(1, "adatom").save(model)
    capsys.readouterr()
    assert main(["structures", second, "--out", str(tmp_path / "b"), "--model", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["type_name"]: row["n"] for row in found["densities"]}["adatom"] == 4


def test_without_a_scan_one_sentence_says_why(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("no scan")
    assert main(["structures", str(tmp_path / "a.txt"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
