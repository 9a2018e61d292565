from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.cli.demo import open_in_napari, train_and_label
from napari_stmml.events import Message, of_type
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.recipe import DEFAULT, get_recipe
from napari_stmml.simulate.session import simulate_session

NAPARI = """
import sys
from pathlib import Path
Path(sys.argv[-1] + ".opened").write_text(" ".join(sys.argv[1:]))
sys.exit(7)
"""


def test_the_demo_leaves_model_maps_and_pictures_beside_its_scans(tmp_path):
    scans, heard = simulate_session(tmp_path, size_nm=6.0, pixels=64), []
    recipe = get_recipe(DEFAULT, num_clusters=2)
    first = train_and_label(tmp_path, scans, recipe, heard.append)
    maps = [tmp_path / f"{scans[0].stem}_{short}_labels.tif" for short in ("FU", "BU", "FD", "BD")]
    pictures = [one.with_suffix(".png") for one in maps]
    parameters = next(tmp_path.glob("*_0001.mtrx"))
    reports = {tmp_path / "report", tmp_path / "demo_report"}
    made = {*scans, parameters, *maps, *pictures, tmp_path / "demo.stmml", *reports}
    assert set(tmp_path.iterdir()) == made
    assert first == str(maps[0])
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert LabelMap.read(maps[0]).labels.shape == read_mtrx(scans[0])[0].heights.shape
    assert SurfaceClassifier.load(tmp_path / "demo.stmml").training["files"][0]["name"] == scans[0].name
    assert "done: 4 label maps beside the scans" in of_type(heard, Message)[-1].text


def test_napari_is_opened_with_scan_and_map_and_its_status_returned(tmp_path, monkeypatch):
    package = tmp_path / "napari"  # found before the real one
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(NAPARI)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert open_in_napari("a.Z_mtrx", tmp_path / "a_labels.tif") == 7
    opened = (tmp_path / "a_labels.tif.opened").read_text()
    assert opened == f"--plugin napari-stmml a.Z_mtrx {tmp_path / 'a_labels.tif'}"
