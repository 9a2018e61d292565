"""The few lines that most scripts are made of."""

import numpy as np

from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.simulate.surfaces import simulate_si001


def test_scans_are_read_a_model_is_trained_kept_loaded_and_labels_a_scan(tmp_path, monkeypatch):
    surface = simulate_si001((128, 128), 10.0, seed=1)
    frame = Frame({"forward/up": surface.heights}, width_nm=10.0, height_nm=10.0)
    monkeypatch.chdir(tmp_path)
    write_session("scans", [frame])

    from napari_stmml import SurfaceClassifier, read_scans, train_classifier

    scans = read_scans("scans/")
    classifier = train_classifier(scans, recipe="instant", n_clusters=20, seed=0)
    classifier.save("si001-h.stmml")
    labels = SurfaceClassifier.load("si001-h.stmml").predict(scans[0])

    assert labels.shape == scans[0].heights.shape
    assert labels.dtype == np.uint8
    assert 0 < labels.max() <= 20


def test_heights_are_flattened_by_a_chain_or_a_list_of_methods(rng):
    from napari_stmml import flatten

    heights = rng.normal(size=(30, 40)) + np.arange(40)
    heights[3:5, :7] = np.nan
    by_name, by_list = flatten(heights, "row_median + poly_xy"), flatten(heights, ["row_median", "poly_xy"])
    assert np.array_equal(by_name, by_list, equal_nan=True)
    assert np.array_equal(np.isnan(by_name), np.isnan(heights))
    assert abs(np.nanmean(by_name)) < 0.1
