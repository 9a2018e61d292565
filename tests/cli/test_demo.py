import subprocess
from pathlib import Path

import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.cli import demo, main
from napari_stmml.io.label_tiff import LabelMap


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Make the demo's scans small; one epoch and two clusters are enough of a model."""
    whole = demo.get_recipe

    def quick(name, **changes):
        return whole(name, **(changes | {"epochs": 1, "num_clusters": 2, "sampled_windows": 40}))

    monkeypatch.setattr(demo, "PIXELS", 64)
    monkeypatch.setattr(demo, "SIZE_NM", 6.0)
    monkeypatch.setattr(demo, "get_recipe", quick)


def test_the_demo_without_a_window_leaves_scans_model_maps_and_pictures(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--headless", str(out)]) == 0
    scans = sorted(out.glob("*.Z_mtrx"))
    assert len(scans) == 3
    maps = [out / f"{scans[0].stem}_{short}_labels.tif" for short in ("FU", "BU", "FD", "BD")]
    pictures = [one.with_suffix(".png") for one in maps] + [out / "loss.png"]
    parameters = next(out.glob("*_0001.mtrx"))
    reports = {out / "report", out / "demo_report"}
    assert set(out.iterdir()) == {*scans, parameters, *maps, *pictures, out / "demo.stmml", *reports}
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    first = read_mtrx(scans[0])[0]
    assert LabelMap.read(maps[0]).labels.shape == first.heights.shape
    assert SurfaceClassifier.load(out / "demo.stmml").training["files"][0]["name"] == scans[0].name
    told = capsys.readouterr()
    assert told.out == ""
    assert "done: 4 label maps beside the scans" in told.err


def test_the_demo_opens_napari_with_scan_and_map_and_removes_its_files(monkeypatch):
    opened = []

    def napari(command):
        opened.extend(Path(one) for one in command[-2:])
        assert all(path.is_file() for path in opened)
        assert command[1:5] == ["-m", "napari", "--plugin", "napari-stmml"]
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(demo.subprocess, "run", napari)
    assert demo.run_demo(None, lambda event: None) == 7
    assert [path.suffix for path in opened] == [".Z_mtrx", ".tif"]
    assert not opened[0].parent.exists()


def test_the_demos_session_has_a_scan_that_was_broken_off(tmp_path):
    first, _, last = demo.simulate_session(tmp_path)
    whole, cut = read_mtrx(first), read_mtrx(last)
    assert [scan.direction for scan in cut] == [scan.direction for scan in whole]
    assert not any(scan.heights.dtype.kind == "f" and (scan.heights != scan.heights).any() for scan in whole)
    assert (cut[2].heights != cut[2].heights).any()
