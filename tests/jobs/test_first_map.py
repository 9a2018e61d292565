"""A first map without a model prepares and encodes every scan once; correcting it then encodes nothing."""

from pathlib import Path

import numpy as np
import pytest

from napari_stmml.events import CellsReady, ScanLabelled, of_type
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.store import FeatureStore
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.io.scan_archive import save_scans
from napari_stmml.jobs.requests import ClusterAtOnce, ComputeCells
from napari_stmml.jobs.run_request import run
from napari_stmml.recipe import get_recipe
from napari_stmml.scan import Scan


@pytest.fixture
def calls(monkeypatch):
    """Note the heights that are prepared, and those that are encoded."""
    noted = {"prepared": [], "encoded": []}
    prepare, encode = Preprocessing.normalised, CellEncoder.encode

    def preparing(self, flat, scan, **more):
        noted["prepared"].append(scan.source)
        return prepare(self, flat, scan, **more)

    def encoding(self, heights, wanted=None, borders=None):
        noted["encoded"].append(float(np.nansum(heights)))
        return encode(self, heights, wanted, borders)

    monkeypatch.setattr(Preprocessing, "normalised", preparing)
    monkeypatch.setattr(CellEncoder, "encode", encoding)
    return noted


@pytest.mark.parametrize("shared", [True, False])
def test_a_first_map_and_its_correction_prepare_and_encode_each_scan_once(tmp_path, calls, shared):
    rng = np.random.default_rng(0)
    scans = [Scan(rng.normal(size=(96, 120)), (0.1, 0.1), source=f"{i}.dat") for i in range(3)]
    scans[1].heights.base[:5] = np.nan
    save_scans(tmp_path / "scans.npz", scans)
    recipe = get_recipe("instant", resample=False, num_clusters=4)
    store, events = FeatureStore(tmp_path / "features"), []
    given = {"scans": str(tmp_path / "scans.npz")}
    run(ClusterAtOnce(str(tmp_path / "out"), recipe.as_dict(), **given), events.append, lambda: False, store)
    assert len(of_type(events, ScanLabelled)) == 3
    assert calls["prepared"] == ["0.dat", "1.dat", "2.dat"]
    assert len(calls["encoded"]) == len(set(calls["encoded"])) == 3
    if shared:
        store = FeatureStore(tmp_path / "features")  # of the process of another panel
    model = str(tmp_path / "out" / "instant.stmml")
    run(ComputeCells(model, str(tmp_path), **given), events.append, lambda: False, store)
    cells = of_type(events, CellsReady)
    assert len(cells) == 3
    assert len(calls["encoded"]) == len(calls["prepared"]) == 3
    made = np.load(cells[1].path)
    assert made.shape == (48, 60, 21)
    assert np.isnan(made[:3]).all()
    assert np.isfinite(made[3:]).all()
    for path in (tmp_path / "features").iterdir():
        path.unlink()  # what the store gives up, the viewer still has
    assert all(Path(one.path).is_file() for one in cells)
